"""The head by which a trunk guesses tokens: the base's own where its files have one, else one on its token table.

Source: Press & Wolf 2017, "Using the output embedding to improve language models"; solved before it is trained, so that the
first steps do not distort the trunk to fit random weights: Kumar et al. 2022.

Shapes: k states (k, h) -> logits (k, v); token table (v, e); map (e, h), bias (v,).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

from hasei.engine.batching import by_length
from hasei.engine.language import LanguageSource
from hasei.engine.opening import load_as
from hasei.engine.pooled import last_states
from hasei.engine.trunk import TOLERANCE, Trunk
from hasei.ground.errors import BaseError
from hasei.ground.events import Watch
from hasei.tasks import Array

_MOST = 20_000
"""Tokens from which the map to the table is solved."""
_RIDGE = 1e-2


class TableHead(nn.Module):
    """A map of states to the width of the token *table*, which stays as the base has it, and a bias for each token."""

    table: torch.Tensor

    def __init__(self, table: torch.Tensor, weight: torch.Tensor, offset: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("table", table.detach().clone(), persistent=False)
        self.map, self.offset, self.bias = nn.Parameter(weight), nn.Parameter(offset), nn.Parameter(bias)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Logits (k, v) of *states* (k, h)."""
        return nn.functional.linear(nn.functional.linear(states, self.map, self.offset), self.table, self.bias)


class _Given(nn.Module):
    """Stands in a language model where its trunk was, and gives the states that were set."""

    def __init__(self) -> None:
        super().__init__()
        self.states: torch.Tensor | None = None

    def forward(self, *args: Any, **kwargs: Any) -> BaseModelOutputWithPastAndCrossAttentions:
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=self.states)


class OwnHead(nn.Module):
    """What a language model of transformers, *whole*, makes of its trunk's last states; its trunk is taken out."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        prefix = str(whole.base_model_prefix)
        output: Any = whole.get_output_embeddings  # of some architectures it can't be found any more without the trunk
        self.whole, self.last = whole, output()
        setattr(self.whole, prefix, _Given())
        self._prefix = prefix

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Logits (k, v) of *states* (k, h)."""
        getattr(self.whole, self._prefix).states = states[None]
        ids = torch.zeros(1, len(states), dtype=torch.long)
        logits: torch.Tensor = self.whole(input_ids=ids).logits[0]
        return logits


class _Output(nn.Module):
    """The head that a trunk with one brings along: the layer after its last states."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layer(states)
        return logits


def own_head(trunk: Trunk, model: nn.Module, *, causal: bool) -> nn.Module | None:
    """Return the head in the files of the base for *model*, a copy of its trunk: tied to its token table where it is there.

    None where the files lack one (sentence encoders), or it is no function of the last states alone.
    """
    held = getattr(model, "get_output_embeddings", lambda: None)()
    if held is not None:
        return _Output(held) if getattr(trunk, "plain", False) else None
    import transformers

    kind = transformers.AutoModelForCausalLM if causal else transformers.AutoModelForMaskedLM
    lacking: list[str] = []

    def note(_: nn.Module, name: str) -> bool:
        lacking.append(name)
        return True

    try:
        whole: Any = load_as(kind, trunk.base, may_lack=note)
    except BaseError:  # there is no such class for its architecture
        return None
    if [name for name in lacking if "pooler" not in name] or not hasattr(whole, whole.base_model_prefix):
        return None
    batch = trunk.probing_batch()
    try:
        with torch.no_grad():
            expected = whole(**batch).logits
            head = OwnHead(whole)
            found = head(last_states(trunk.model, batch).flatten(0, 1)).reshape(expected.shape)
    except (AttributeError, TypeError, RuntimeError, ValueError, IndexError):
        return None
    seen = batch["attention_mask"].bool()
    if float((found - expected)[seen].abs().max()) > TOLERANCE * float(expected[seen].abs().max().clamp(min=1)):
        return None
    if getattr(trunk.model.config, "tie_word_embeddings", False):
        head.last.weight = model.get_input_embeddings().weight  # type: ignore[operator]
    return head


def table_head(trunk: Trunk, source: LanguageSource, watch: Watch) -> TableHead:
    """Solve a head on the base's token table from what is to be guessed in some windows of *source*.

    The map is a ridge regression of the tokens' embeddings on the states (Hoerl & Kennard 1970), scaled by the factor under
    which guesses cost least; the bias is how often each token occurs.
    """
    table: torch.Tensor = trunk.model.get_input_embeddings().weight.detach().float()  # type: ignore[operator]
    states, true = _states(trunk, source, watch)
    counts = np.bincount(true, minlength=len(table)) + np.float64(0.1)
    bias = torch.from_numpy(np.log(counts / counts.sum())).float()
    wanted = table[torch.from_numpy(true)].double()
    middle, mean = states.mean(0), wanted.mean(0)
    x, y = states - middle, wanted - mean
    gram = x.T @ x
    gram += _RIDGE * gram.diagonal().mean().clamp(min=1e-12) * torch.eye(len(gram), dtype=torch.float64)
    weight = torch.linalg.solve(gram, x.T @ y).T
    fitted = x @ weight.T
    truth = torch.from_numpy(true)
    some = slice(0, 2000)
    scores = (fitted[some] @ table.double().T).float()

    def cost(factor: float) -> float:
        return float(nn.functional.cross_entropy(factor * scores + bias, truth[some]))

    factor = min((0.0, *(2.0**k for k in range(-4, 9))), key=cost)
    weight = (factor * weight).float()
    return TableHead(table, weight, -(weight @ middle.float()), bias)


def _states(trunk: Trunk, source: LanguageSource, watch: Watch) -> tuple[torch.Tensor, Array]:
    """Return the last states (k, h), float64, at which tokens are to be guessed, and the tokens (k,)."""
    found, true, count = [], [], 0
    rng = np.random.default_rng(0)
    order = rng.permutation(len(source.lengths))[:_MOST]
    for batch in by_length(source.lengths[order]):
        rows = order[batch]
        if count >= _MOST:
            break
        watch.check()

        def keep(padded: dict[str, torch.Tensor], at: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
            found.append(last_states(trunk.model, padded)[at].double())
            true.append(tokens.numpy())
            return torch.zeros(len(tokens))

        with torch.no_grad():
            source.costs(keep, rows)  # type: ignore[arg-type]
        count += len(true[-1])
    return torch.cat(found), np.concatenate(true)
