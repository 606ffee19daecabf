"""How alike two texts are, in figures: their cosine at every layer of a base, and what words and characters they share.

Source: cosines of layers after Reimers & Gurevych 2019 (SBERT) and Tenney et al. 2019; overlaps as in the feature-based
systems of the STS shared tasks (Šarić et al. 2012, "TakeLab").

Shapes: n pairs; L layers, p poolings: (L + 1) * p cosines, then :data:`OVERLAPS` lexical figures -> features (n, f).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length, tokenize
from hasei.engine.pairs import sides
from hasei.engine.pooled import pool
from hasei.formats._ngrams import Vectoriser, normalise
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

OVERLAPS = 9
POOLINGS = ("mean", "max")
_CHUNK = 1024
_NUMBERS = re.compile(r"\d+")


def overlaps(vectoriser: Vectoriser, pairs: Sequence[Input], watch: Watch | None = None) -> Floats:
    """Return the lexical figures (n, 9) of *pairs*.

    Of words and of character n-grams each: TF-IDF cosine, shared among all terms, shared among those of the poorer text;
    then shared among all numbers, the logarithm of the ratio of lengths and of their product.
    """
    found = np.zeros((len(pairs), OVERLAPS), np.float32)
    for start in range(0, len(pairs), _CHUNK):
        if watch is not None:
            watch.check()
        part = pairs[start : start + _CHUNK]
        texts = [[normalise(pair[side]) for pair in part] for side in (0, 1)]
        found[start : start + len(part)] = _overlaps(vectoriser, *texts)
    return found


def _overlaps(vectoriser: Vectoriser, first: list[str], second: list[str]) -> Floats:
    words = len(vectoriser.words)
    one, other = vectoriser.transform(first), vectoriser.transform(second)
    columns = []
    for block in (slice(0, words), slice(words, None)):
        a, b = one[:, block], other[:, block]
        columns.append(np.asarray(a.multiply(b).sum(1)).ravel())
        columns += _shared(a, b)
    columns.append(np.array([_numbers(x, y) for x, y in zip(first, second)]))
    lengths = np.array([[len(x) + 1, len(y) + 1] for x, y in zip(first, second)], np.float64)
    columns += [np.abs(np.log(lengths[:, 0] / lengths[:, 1])), np.log(lengths).sum(1)]
    return np.stack(columns, 1).astype(np.float32)


def _shared(a: Any, b: Any) -> list[Floats]:
    a, b = (a > 0).astype(np.float32), (b > 0).astype(np.float32)
    both, sizes = np.asarray(a.multiply(b).sum(1)).ravel(), [np.asarray(x.sum(1)).ravel() for x in (a, b)]
    every = sizes[0] + sizes[1] - both
    return [both / np.maximum(every, 1), both / np.maximum(np.minimum(*sizes), 1)]


def _numbers(first: str, second: str) -> float:
    a, b = set(_NUMBERS.findall(first)), set(_NUMBERS.findall(second))
    return len(a & b) / len(a | b) if a | b else 1.0


@dataclass(frozen=True)
class Machine:
    """Kernel ridge regression on standardised figures: centre and scale (f,), support (s, f), weight (s,), bias, gamma.

    An output is bias + sum_i weight_i * exp(-gamma * |x - support_i|^2), x being the standardised figures of a pair.
    """

    centre: Floats
    scale: Floats
    support: Floats
    weight: Floats
    bias: float
    gamma: float

    def answer(self, features: Floats) -> Floats:
        """Return the outputs (n, 1), float32."""
        out = np.empty((len(features), 1), np.float32)
        for start in range(0, len(features), _CHUNK):
            x = (features[start : start + _CHUNK].astype(np.float64) - self.centre) / self.scale
            out[start : start + len(x), 0] = kernel(x, self.support, self.gamma) @ self.weight + self.bias
        return out


def kernel(one: Floats, other: Floats, gamma: float) -> Floats:
    """Return exp(-gamma * squared distance) of all pairs of rows, (n, s), float64."""
    squared = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    return np.asarray(np.exp(-gamma * np.maximum(squared, 0.0)))


class LikenessModel(nn.Module):
    """The base (``trunk``) and the machine's own numbers (``machine.weight`` (s,), ``machine.bias`` (1,))."""

    def __init__(self, trunk: nn.Module, machine: Machine) -> None:
        super().__init__()
        self.trunk, self.machine = trunk, nn.Module()
        for name, value in (("weight", machine.weight), ("bias", np.array([machine.bias]))):
            self.machine.register_parameter(name, nn.Parameter(torch.from_numpy(value).float(), requires_grad=False))


class LikenessPredictor:
    """Answers pairs by a :class:`Machine` on the figures of their texts; each text of a chunk is read once."""

    width = 1

    def __init__(
        self, trunk: nn.Module, tokenizer: Any, max_tokens: int, vectoriser: Vectoriser, machine: Machine
    ) -> None:
        self.model, self.tokenizer, self.max_tokens = LikenessModel(trunk, machine).eval(), tokenizer, max_tokens
        self.vectoriser, self.machine = vectoriser, machine

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, 1), float32, in the order of *inputs*."""
        watch, out = watch or Watch(), np.empty((len(inputs), 1), np.float32)
        for start in range(0, len(inputs), _CHUNK):
            pairs = inputs[start : start + _CHUNK]
            texts, first, second = sides(pairs)
            figures = cosines(self._pooled(texts, watch), first, second)
            out[start : start + len(pairs)] = self.machine.answer(
                np.hstack([figures, overlaps(self.vectoriser, pairs, watch)])
            )
            watch.report("predicting", "", (start + len(pairs)) / len(inputs), often=True)
        return out

    def _pooled(self, texts: Sequence[Input], watch: Watch) -> Floats:
        """Pooled states (t, (L + 1) * p, h) of *texts*."""
        tokens = tokenize(self.tokenizer, texts, self.max_tokens)
        found: Floats | None = None
        for rows in by_length(tokens.lengths):
            watch.check()
            batch = tokens.pad(rows, int(self.tokenizer.pad_token_id or 0))
            with torch.inference_mode():
                states = self.model.trunk(**batch, output_hidden_states=True).hidden_states
                pooled = torch.stack([pool(s, batch["attention_mask"], how) for s in states for how in POOLINGS], 1)
            if found is None:
                found = np.empty((len(texts), *pooled.shape[1:]), np.float32)
            found[rows] = pooled.numpy()
        return np.empty((0, 0, 0), np.float32) if found is None else found


def cosines(pooled: Floats, first: Ints, second: Ints) -> Floats:
    """Return the cosines (n, l) of texts *first* and *second* (n,) of *pooled* (t, l, h)."""
    unit = pooled / np.maximum(np.linalg.norm(pooled, axis=2, keepdims=True), 1e-12)
    return np.asarray((unit[first] * unit[second]).sum(2), np.float32)
