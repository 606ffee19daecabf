"""A trunk that guesses tokens: hidden ones (an encoder) or the next ones (a decoder), by its own head or by its token table.

Source: Devlin et al. 2019, "BERT" (masked tokens); Radford et al. 2018 (next tokens); the table as the last layer: Press &
Wolf 2017, "Using the output embedding to improve language models".

Shapes: b windows, t tokens, h hidden, e width of the token table, v vocabulary, k tokens to guess. Outputs (b, 1): what the
guesses of a window cost (negative log likelihoods), divided so that a step's rows together give the mean over *its* tokens.

Relations: :mod:`hasei.engine.causal` has a language model that keeps its head; here the head is dropped when the trunk has
learnt. Kept states can be replayed below the trained layers only if the same tokens are hidden each time (``still``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.activations.replay import Replay
from hasei.engine.activations.states import States
from hasei.engine.batching import Ints, Tokens, by_length
from hasei.engine.masking import Masking, Texts
from hasei.engine.pooled import last_states
from hasei.ground.events import Watch


class LanguageModel(nn.Module):
    """A *trunk* and the *head* that guesses tokens from its last states; the trunk always runs in eval mode."""

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def train(self, mode: bool = True) -> LanguageModel:
        """Switch between training and predicting; the parts' own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        self.head.eval()
        return self

    def forward(self, batch: dict[str, torch.Tensor], at: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        """What guessing the tokens *true* (k,) from the states *at* (b, t; k of them True) costs (k,), in nats, float32."""
        logits = self.head(last_states(self.trunk, batch)[at])
        with torch.autocast("cpu", enabled=False):
            return nn.functional.cross_entropy(logits.float(), true, reduction="none")


class LanguageSource:
    """Windows of which a model guesses tokens: all next ones, or with a *masking* those hidden, drawn anew every step.

    *still*: the same are hidden every time. *states* and *replay* as in :class:`hasei.engine.source.TextSource`.
    """

    def __init__(
        self, texts: Texts, pad_id: int, masking: Masking | None = None, seed: int = 0, *, still: bool = False
    ) -> None:
        self.texts, self.pad_id, self.masking, self.seed, self.still = texts, pad_id, masking, seed, still
        self.states: States | None = None
        self.replay: Replay | None = None
        ids = texts.tokens.ids
        self.shown = Tokens(ids.copy(), texts.tokens.offsets, texts.tokens.types)
        self.at = np.zeros(len(ids), np.bool_)
        self.true = ids.astype(np.int64)
        self._per_row = 0.0
        if masking is None:
            self.at[:-1] = True
            self.at[texts.tokens.offsets[1:] - 1] = False  # nothing follows the last token
            self.true = np.concatenate([self.true[1:], self.true[:1]])
        else:
            self._draw(np.arange(len(texts.tokens)), np.random.default_rng([seed, 0]))

    @property
    def lengths(self) -> Ints:
        """Tokens of each window (m,)."""
        return self.texts.tokens.lengths

    @property
    def ids(self) -> Ints:
        """The token ids that a model may be shown, each once."""
        more = [] if self.masking is None else [self.masking.mask_id]
        return np.union1d(self.texts.tokens.ids, more).astype(np.int64)

    def begin(self, rows: Ints, step: int) -> None:
        """Draw what is hidden in optimiser step *step*, of the windows *rows*; told by the training loop."""
        if self.masking is not None and not self.still:
            self._draw(rows, np.random.default_rng([self.seed, 1, step]))
        self._per_row = len(rows) / max(1, sum(int(self._slice(self.at, row).sum()) for row in rows))

    def _draw(self, rows: Ints, rng: np.random.Generator) -> None:
        if self.masking is None:
            return
        for row in rows:
            self._slice(self.at, row)[:] = False
            self._slice(self.shown.ids, row)[:] = self._slice(self.texts.tokens.ids, row)
            places, ids = self.masking.hide(self.texts, int(row), rng)
            self.at[places], self.shown.ids[places] = True, ids

    def _slice(self, of_tokens: Any, row: int) -> Any:
        low, high = self.texts.tokens.offsets[row : row + 2]
        return of_tokens[low:high]

    def costs(self, model: nn.Module, rows: Ints) -> tuple[torch.Tensor, torch.Tensor]:
        """What the guesses of *rows* (b,) cost, summed for each (b,), and how many they are (b,)."""
        width = int(self.lengths[rows].max(initial=1))
        at = np.zeros((len(rows), width), np.bool_)
        for i, row in enumerate(rows):
            found = self._slice(self.at, row)
            at[i, : len(found)] = found
        true = np.concatenate([self._slice(self.true, row)[self._slice(self.at, row)] for row in rows])
        if self.replay is not None and self.states is not None:
            self.replay.states = self.states.pad(rows)
        chosen = torch.from_numpy(at)
        costs = model(self.shown.pad(rows, self.pad_id), chosen, torch.from_numpy(true))
        owner = torch.arange(len(rows)).unsqueeze(1).expand_as(chosen)[chosen]
        return torch.zeros(len(rows), dtype=costs.dtype).index_add(0, owner, costs), chosen.sum(1)

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows* (b,) of the step begun; outputs (b, 1). Outside of training: the mean of each row."""
        costs, counts = self.costs(model, rows)
        return (costs * self._per_row if model.training else costs / counts.clamp(min=1)).unsqueeze(1)


def as_it_costs(outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
    """Per-row loss (b,): what guessing cost; there is nothing to compare it with."""
    return outputs[:, 0]


def mean_cost(model: nn.Module, source: LanguageSource, watch: Watch) -> float:
    """Return what *model* pays for a token of *source* on the average, in nats: the logarithm of its perplexity."""
    model.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for rows in by_length(source.lengths):
            watch.check()
            costs, counts = source.costs(model, rows)
            total, count = total + float(costs.double().sum()), count + int(counts.sum())
    return total / max(1, count)


def is_causal(model: nn.Module, batch: dict[str, torch.Tensor]) -> bool:
    """Whether no state of *model* depends on later tokens: seen by changing the last token of a row."""
    one = {name: value[1:2] for name, value in batch.items()}  # the longer one, without padding
    ids = one["input_ids"].clone()
    ids[0, -1] = ids[0, 1]
    with torch.no_grad():
        states, again = last_states(model, one)[0, :-1], last_states(model, one | {"input_ids": ids})[0, :-1]
    return bool((states - again).abs().max() <= 1e-5 * states.abs().max())
