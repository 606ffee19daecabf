"""A language model with its own head: rows of prompt and answer, their likelihood, and several of them packed in one.

Source: next-token prediction: Radford et al. 2018; packing without leaks between rows: Krell et al. 2021, "Efficient
sequence packing without cross-contamination".

Shapes: b rows, t tokens, h hidden, v vocabulary; k learnt tokens in a batch. Outputs (b, 2): the sum of a row's negative log
likelihoods, and of those of a uniform guess (what label smoothing mixes in). Logits (k, v) exist for learnt tokens only.

Relations: :mod:`hasei.engine.pooled` has a head on pooled states; here the head is the base's own, tied to its table or not.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hasei.engine.activations.probe import Probe
from hasei.engine.activations.store import Store
from hasei.engine.batching import Ints, Tokens
from hasei.engine.chat import Chat
from hasei.engine.decoding import Decoding
from hasei.engine.opening import load_model
from hasei.engine.pooled import inner, last_states
from hasei.engine.source import TextSource
from hasei.engine.trunk import TOLERANCE, Trunk
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks._messages import messages_of

LONGEST = 2048
"""Tokens of a row, where the base could read more."""
_MEMORY_SHARE = 0.4
_PADDING = 1.25


@dataclass(frozen=True)
class Turns(Tokens):
    """Tokenised conversations; *learnt* (t,) tells which tokens a model learns to write."""

    learnt: npt.NDArray[np.bool_] | None = None

    def counts(self, rows: Ints) -> npt.NDArray[np.float32]:
        """Learnt tokens of each of *rows* (n,)."""
        if self.learnt is None:
            return np.zeros(len(rows), np.float32)
        sums = np.concatenate([[0], np.cumsum(self.learnt)])
        found: npt.NDArray[np.float32] = (sums[self.offsets[rows + 1]] - sums[self.offsets[rows]]).astype(np.float32)
        return found


class CausalTrunk(Trunk):
    """A language model opened for work. A row is a prompt, or a tuple of a prompt and its answer."""

    def __init__(self, base: Base, store: Store | None = None) -> None:
        super().__init__(base, store, ("last",))
        self.chat = Chat(self.tokenizer, base.name, stops_of(self.model))
        self._twin: CausalTrunk | None = None

    def twin(self) -> CausalTrunk:
        """Return this base once more, for rows with their answers: those without stay the ones kept here."""
        if self._twin is None:
            self._twin = cast(CausalTrunk, self.copy())
        return self._twin

    def load(self) -> nn.Module:
        """Load the model with its head; in the type that its file has, where float32 would not fit into memory."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        stored = str(self.base.config.get("dtype") or self.base.config.get("torch_dtype"))
        wide = self.base.size_bytes() * (2 if "16" in stored else 1)
        wide = wide * self.base.quantisation.bits // 32 if self.base.quantisation else wide
        narrow = wide > _MEMORY_SHARE * memory and "bfloat16" in stored
        return load_model(self.base, writes=True, dtype=torch.bfloat16 if narrow else torch.float32)

    @property
    def max_tokens(self) -> int:
        """The longest row: what the base has positions for, at most :data:`LONGEST`."""
        return context_length(self.base, self.tokenizer)

    @cached_property
    def probe(self) -> Probe:
        """As any base's; a head that is not tied to the token table is used after all layers."""
        found, head = super().probe, self.model.get_output_embeddings()  # type: ignore[operator]
        own = {id(p) for p in head.parameters()} - {id(p) for p in self.model.get_input_embeddings().parameters()}  # type: ignore[operator]
        found.position |= {name: self.layers for name, p in self.model.named_parameters() if id(p) in own}
        return found

    @cached_property
    def plain(self) -> bool:
        """Whether logits are the head on the last states, so that they can be had for some tokens alone."""
        batch = self.probing_batch()
        with torch.no_grad():
            whole = self.model(**batch, use_cache=False).logits
            parts = self.model.get_output_embeddings()(last_states(self.model, batch))  # type: ignore[operator]
        return bool((whole - parts).abs().max() <= TOLERANCE * whole.abs().max().clamp(min=1))

    @cached_property
    def packs(self) -> bool:
        """Whether rows packed behind each other give the states that each gives alone."""
        batch = self.probing_batch()
        mask = batch["attention_mask"].bool()
        try:
            with torch.no_grad():
                alone = last_states(self.model, batch)[mask]
                packed = last_states(self.model, packed_batch(batch, self.model))[0]
        except (TypeError, ValueError, RuntimeError, IndexError):
            return False
        return bool((alone - packed).abs().max() <= TOLERANCE * alone.abs().max())

    def tokenize(self, inputs: Sequence[Input]) -> Tokens:
        """Tokenise prompts, or pairs of prompt and answer; what is too long loses the beginning of its prompt."""
        pairs = [i if isinstance(i, tuple) else (i,) for i in inputs]
        if pairs and len(pairs[0]) == 2:
            rows = self.chat.rows([(p[0], p[1]) for p in pairs])
        else:
            rows = [(ids, [False] * len(ids)) for ids in self.chat.prompts([messages_of(p[0]) for p in pairs])]
        most = self.max_tokens
        cut = [i for i, (ids, _) in enumerate(rows) if len(ids) > most]
        rows = [_shortened(ids, learnt, most) for ids, learnt in rows]
        offsets = np.cumsum([0, *(len(ids) for ids, _ in rows)], dtype=np.int64)
        flat = [np.array(ids, np.int32) for ids, _ in rows] or [np.empty(0, np.int32)]
        said = [np.array(learnt, np.bool_) for _, learnt in rows] or [np.empty(0, np.bool_)]
        return Turns(np.concatenate(flat), offsets, None, np.array(cut, np.int64), np.concatenate(said))

    def probing_batch(self) -> dict[str, torch.Tensor]:
        """Two short rows, to see what the architecture does."""
        ids = [self.chat._ids(text) for text in ("a first short text", "and a second one that is somewhat longer")]
        tokens = Tokens(np.array(ids[0] + ids[1], np.int32), np.array([0, len(ids[0]), len(ids[0]) + len(ids[1])]))
        return tokens.pad(np.arange(2), self.pad_id)


def context_length(base: Base, tokenizer: Any) -> int:
    """Tokens of the longest row that *base* reads here."""
    config = base.config
    positions = config.get("max_position_embeddings") or config.get("n_positions") or LONGEST
    return int(min(positions, tokenizer.model_max_length or LONGEST, LONGEST))


def stops_of(model: Any) -> list[int]:
    """The end tokens that the model's own settings for generation name."""
    found = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return [] if found is None else [int(i) for i in (found if isinstance(found, list) else [found])]


def _shortened(ids: list[int], learnt: list[bool], most: int) -> tuple[list[int], list[bool]]:
    """Drop the beginning of the prompt, of which a quarter of *most* stays; then the end of an answer that is too long."""
    if len(ids) <= most:
        return ids, learnt
    answer = next((i for i, said in enumerate(reversed(learnt)) if not said), len(learnt)) if any(learnt) else 0
    start = min(len(ids) - most, max(0, len(ids) - answer - most // 4))
    return ids[start : start + most], learnt[start : start + most]


def packed_batch(batch: dict[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the rows of a right-padded *batch* behind each other in one, each with its own positions and attention."""
    mask = batch["attention_mask"].bool()
    row = torch.arange(len(mask)).unsqueeze(1).expand_as(mask)[mask]
    position = (mask.cumsum(1) - 1)[mask]
    seen = (row[:, None] == row[None, :]) & torch.ones(len(row), len(row), dtype=torch.bool).tril()
    if getattr(inner(model).config, "_attn_implementation", "") != "sdpa":
        dtype = next(model.parameters()).dtype
        seen = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    return {
        "input_ids": batch["input_ids"][mask][None], "attention_mask": seen[None, None], "position_ids": position[None],
    }  # fmt: skip


class CausalModel(nn.Module):
    """A language model and how it is decoded. *plain*: its logits are its head on its last states.

    The model itself always runs in eval mode: see :func:`~hasei.engine.pooled.layer_dropout` for dropout.
    """

    def __init__(self, trunk: nn.Module, *, plain: bool, decoding: Decoding | None = None) -> None:
        super().__init__()
        self.trunk, self.plain, self.decoding = trunk, plain, decoding or Decoding(max_new_tokens=1)

    def train(self, mode: bool = True) -> CausalModel:
        """Switch between training and predicting; the trunk's own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(
        self, batch: dict[str, torch.Tensor], learnt: torch.Tensor, row: torch.Tensor, count: int
    ) -> torch.Tensor:
        """Outputs (count, 2) of a batch: *learnt* (b, t) tokens are scored, each for its *row* (b, t)."""
        scored = learnt[:, 1:]
        if self.plain:
            states = last_states(self.trunk, batch)[:, :-1][scored]
            logits = self.trunk.get_output_embeddings()(states)  # type: ignore[operator]
        else:
            logits = self.trunk(**batch, use_cache=False).logits[:, :-1][scored]
        with torch.autocast("cpu", enabled=False):
            logits = logits if logits.dtype == torch.float64 else logits.float()
            whole = logits.logsumexp(1)
            true = logits.gather(1, batch["input_ids"][:, 1:][scored][:, None])[:, 0]
            parts = torch.stack([whole - true, whole - logits.mean(1)], 1)
            return torch.zeros(count, 2, dtype=parts.dtype).index_add(0, row[:, 1:][scored], parts)


@dataclass
class CausalSource(TextSource):
    """Rows whose *tokens* say what is learnt; *packs*: several go behind each other where padding would cost more."""

    tokens: Turns
    packs: bool = False

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows* (b,), packed where padding would cost more; outputs (b, 2)."""
        lengths = self.lengths[rows]
        batch = self.tokens.pad(self.rows[rows], self.pad_id)
        learnt = self._learnt(rows, int(lengths.max(initial=1)))
        row = torch.arange(len(rows)).unsqueeze(1).expand_as(learnt)
        states = None if self.states is None else self.states.pad(rows)
        if self.packs and len(rows) * lengths.max(initial=1) > _PADDING * lengths.sum():
            mask = batch["attention_mask"].bool()
            batch = packed_batch(batch, model.trunk)  # type: ignore[arg-type]
            learnt, row = learnt[mask][None], row[mask][None]
            states = None if states is None else states[mask][None]
        if self.replay is not None:
            self.replay.states = states
        outputs: torch.Tensor = model(batch, learnt, row, len(rows))
        return outputs

    def _learnt(self, rows: Ints, width: int) -> torch.Tensor:
        found = np.zeros((len(rows), width), np.bool_)
        for i, row in enumerate(self.rows[rows]):
            low, high = self.tokens.offsets[row], self.tokens.offsets[row + 1]
            if self.tokens.learnt is not None:
                found[i, : high - low] = self.tokens.learnt[low:high]
        found[:, 0] = False  # nothing stands before a first token that it could follow from
        return torch.from_numpy(found)


def takes_positions(model: nn.Module) -> bool:
    """Whether the model can be told the place of each token."""
    return "position_ids" in inspect.signature(inner(model).forward).parameters
