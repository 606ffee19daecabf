"""Documents as windows of tokens, none of which holds parts of two documents, and what each document costs a language model.

Source: Radford et al. 2018 (next-token prediction).

Shapes: n documents, m >= n windows; outputs in training (n, 2) as in :mod:`hasei.engine.causal`; a predictor's (n, 2): mean
negative log likelihood of the tokens, and their number, the end token of the document among them.

Relations: a window begins with the base's first token (its end token where it has none), so that every token is predicted; a
document's windows do not see each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, Tokens, by_length
from hasei.engine.causal import CausalModel, CausalSource, CausalTrunk, Turns
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

CHUNK = 1024


def windows(tokenizer: Any, texts: Sequence[str], most: int) -> list[list[list[int]]]:
    """Return the windows of each of *texts*, at most *most* tokens long, the first of which is only read."""
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if not texts:
        return []
    found = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    rows = [[*ids, tokenizer.eos_token_id] for ids in found]
    return [[[first, *row[i : i + most - 1]] for i in range(0, len(row), most - 1)] for row in rows]


def as_turns(rows: Sequence[list[int]]) -> Turns:
    """Return *rows* of tokens of which all but the first are learnt."""
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    ids = np.concatenate([np.array(row, np.int32) for row in rows] or [np.empty(0, np.int32)])
    learnt = np.ones(len(ids), np.bool_)
    learnt[offsets[:-1]] = False
    return Turns(ids, offsets, learnt=learnt)


class RunningTrunk(CausalTrunk):
    """A language model opened for documents. A row is a document, or a tuple of a document and the number of a window."""

    def tokenize(self, inputs: Sequence[Input]) -> Tokens:
        """Tokenise windows; a document by itself stands for its first."""
        texts = list(dict.fromkeys(i if isinstance(i, str) else i[0] for i in inputs))
        found = dict(zip(texts, windows(self.tokenizer, texts, self.max_tokens)))
        return as_turns([found[i][0] if isinstance(i, str) else found[i[0]][int(i[1])] for i in inputs])

    def parted(self, texts: Sequence[str]) -> tuple[list[Input], Ints]:
        """Return the windows of *texts* as rows, and where those of each begin (n + 1,)."""
        counts = [len(found) for found in windows(self.tokenizer, texts, self.max_tokens)]
        rows: list[Input] = [(text, str(k)) for text, count in zip(texts, counts) for k in range(count)]
        return rows, np.cumsum([0, *counts], dtype=np.int64)


@dataclass
class RunningSource:
    """Documents whose windows are rows ``starts[i]`` to ``starts[i + 1]`` of *parts*."""

    parts: CausalSource
    starts: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens of each document (n,)."""
        sums = np.concatenate([[0], np.cumsum(self.parts.lengths)])
        found: Ints = sums[self.starts[1:]] - sums[self.starts[:-1]]
        return found

    @property
    def ids(self) -> Ints:
        """The token ids that occur, each once."""
        return self.parts.ids

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on the windows of the documents *rows* (b,); outputs (b, 2)."""
        places = [np.arange(self.starts[row], self.starts[row + 1]) for row in rows]
        owner = torch.from_numpy(np.repeat(np.arange(len(rows)), [len(p) for p in places]))
        found = [self.parts.outputs(model, part) for part in _parts(np.concatenate(places), self.parts.lengths)]
        sums = torch.cat(found)
        return torch.zeros(len(rows), 2, dtype=sums.dtype).index_add(0, owner, sums)


def _parts(rows: Ints, lengths: Ints, most: int = 4096) -> list[Ints]:
    """Cut *rows* into runs of about *most* tokens: a document may be longer than a forward pass should be."""
    group = np.cumsum(lengths[rows]) // most
    return [rows[group == g] for g in np.unique(group)]


class LikelihoodPredictor:
    """Says what documents cost a :class:`CausalModel`; order kept."""

    width = 2

    def __init__(self, model: CausalModel, tokenizer: Any, max_tokens: int) -> None:
        self.model, self.tokenizer, self.max_tokens = model.eval(), tokenizer, max_tokens

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return (n, 2), float32: mean negative log likelihood of a document's tokens, and their number."""
        watch, out = watch or Watch(), np.zeros((len(inputs), 2), np.float32)
        for start in range(0, len(inputs), CHUNK):
            texts = [i if isinstance(i, str) else i[0] for i in inputs[start : start + CHUNK]]
            found = windows(self.tokenizer, texts, self.max_tokens)
            turns = as_turns([row for rows in found for row in rows])
            source = CausalSource(turns, np.arange(len(turns)), 0, packs=False)
            nats = np.zeros(len(turns), np.float64)
            done = 0
            for rows in by_length(turns.lengths):
                watch.check()
                with torch.inference_mode():
                    nats[rows] = source.outputs(self.model, rows)[:, 0].double().numpy()
                done += len(rows)
                watch.report("predicting", "", (start + len(texts) * done / len(turns)) / len(inputs), often=True)
            owner = np.repeat(np.arange(len(texts)), [len(rows) for rows in found])
            count = np.bincount(owner, turns.lengths - 1, len(texts))
            out[start : start + len(texts), 0] = np.bincount(owner, nats, len(texts)) / np.maximum(count, 1)
            out[start : start + len(texts), 1] = count
        return out
