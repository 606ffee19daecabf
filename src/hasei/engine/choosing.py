"""Rows with choices: each is read as the pairs (question, choice), whose scores compete.

Shapes: n rows, m pairs in all (each row's one after the other); scores of pairs (m, 1); outputs (n,) of [choice, score] lists.
Relations: :mod:`hasei.engine.readings.choices` trains what is answered here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Predictor
from hasei.engine.ragged import ragged
from hasei.engine.trunk import Trunk
from hasei.ground.errors import DataError
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats
from hasei.tasks._choices import read
from hasei.tasks._conditional import conditional, marks


def pairs_of(row: Input) -> list[Input]:
    """Return what is read for a row (question, choices): the question with each choice."""
    return [(row[0], choice) for choice in read(row[1])]


def expanded(rows: Sequence[Input]) -> tuple[list[Input], Ints]:
    """Return the pairs of all *rows*, one row's after the other's (m), and how many each has (n,)."""
    parts = [pairs_of(row) for row in rows]
    return [pair for part in parts for pair in part], np.array([len(part) for part in parts], np.int64)


def told(rows: Sequence[Input], scores: Array) -> Array:
    """Return outputs (n,): the choices of each of *rows* with their *scores* (m,)."""
    found, start = [], 0
    for row in rows:
        choices = read(row[1])
        values = scores[start : start + len(choices)].tolist()
        found.append([[choice, value] for choice, value in zip(choices, values)])
        start += len(choices)
    return ragged(found)


def right_marks(rows: Sequence[Input], right: Sequence[Any]) -> Array:
    """Return the marks (k, 2) of each row's choices (n,); raises DataError where a *right* one is none of its row's."""
    found = []
    for row, said in zip(rows, right, strict=True):
        choices = read(row[1])
        if said not in choices:
            raise DataError(
                f"the right choice of the question '{str(row[0])[:40]}' is none of its choices",
                expected=", ".join(choices)[:80], received=f"'{str(said)[:40]}'",
                do="correct it; a column of letters or numbers is read when it is called label or answer",
            )  # fmt: skip
        found.append(marks(len(choices), [choices.index(said)]))
    return ragged(found)


def sharpness(cosines: Floats, context: Context) -> tuple[Floats, Floats]:
    """Return how much a cosine (m,) of question and choice counts, at least a little: weight (1, 1), and bias (1,) of 0."""
    flat = np.concatenate(list(right_marks(context.inputs, context.truth)))
    weight, bias = conditional(cosines[:, None], flat, 1e-4)
    return np.maximum(weight, 1e-3).astype(np.float32), bias


def of_pairs(trunk: Trunk, rows: list[Input]) -> Trunk:
    """Make the pairs of *rows* those whose activations *trunk* keeps."""
    trunk.prepare(expanded(rows)[0])
    return trunk


class ChoicePredictor:
    """Answers rows by what *pairs* says of their pairs, one number a pair."""

    width = 1

    def __init__(self, pairs: Predictor) -> None:
        self.pairs = pairs

    @property
    def model(self) -> Any:
        """The model that reads a pair, where there is one."""
        return getattr(self.pairs, "model", None)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the choices of each row with their scores (n,), in the order of *inputs*."""
        return told(inputs, self.pairs.outputs(expanded(inputs)[0], watch)[:, 0])


class PositionPredictor:
    """Answers every row alike: its choices by their places alone. *value* (k,) float32; a place beyond gets the least of it."""

    width = 1

    def __init__(self, value: Floats) -> None:
        self.value = value

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the choices of each row with the values of their places (n,)."""
        counts = expanded(inputs)[1]
        every = np.pad(
            self.value, (0, max(0, int(counts.max(initial=0)) - len(self.value))), constant_values=self.value.min()
        )
        return told(inputs, np.concatenate([every[:count] for count in counts]) if len(counts) else every[:0])


class _PairSource(Protocol):
    @property
    def lengths(self) -> Ints: ...

    @property
    def ids(self) -> Ints: ...

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor: ...


@dataclass
class ChoiceSource:
    """Rows of *counts* (n,) pairs each, for a training: the pairs are those of *pairs*, in order."""

    pairs: _PairSource
    counts: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens of all pairs of each row (n,)."""
        return np.add.reduceat(self.pairs.lengths, self._starts)

    @property
    def _starts(self) -> Ints:
        return np.cumsum(self.counts) - self.counts

    @property
    def ids(self) -> Ints:
        """The token ids that occur, each once."""
        return self.pairs.ids

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on the pairs of *rows* (b,); outputs (b, most, w), padded with zeros."""
        starts, counts = self._starts[rows], self.counts[rows]
        pairs = np.concatenate([np.arange(start, start + count) for start, count in zip(starts, counts)])
        return stacked(self.pairs.outputs(model, pairs), counts)


def stacked(outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
    """Return outputs of places (m, w) as one entry a row (n, most, w), filled up with zeros that no loss counts."""
    return nn.utils.rnn.pad_sequence(list(torch.split(outputs, counts.tolist())), batch_first=True)
