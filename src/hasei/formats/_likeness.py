"""How alike two texts are, in figures: at every layer of a base, as wholes and token by token, and in words and characters.

Source: cosines of layers after Reimers & Gurevych 2019 (SBERT) and Tenney et al. 2019; each token beside its nearest of the
other text: Zhang et al. 2020, "BERTScore"; overlaps as in the feature-based systems of the STS shared tasks (Šarić et al. 2012,
"TakeLab").

Shapes: n pairs; L layers: (L + 1) * 6 figures of the base's states, then :data:`OVERLAPS` lexical ones -> features (n, f).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import by_length, tokenize
from hasei.engine.pairs import sides
from hasei.engine.pooled import pool
from hasei.formats._ngrams import Vectoriser, normalise
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

OVERLAPS = 9
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
            figures = alike(self.model.trunk, self.tokenizer, self.max_tokens, pairs, watch)
            out[start : start + len(pairs)] = self.machine.answer(
                np.hstack([figures, overlaps(self.vectoriser, pairs, watch)])
            )
            watch.report("predicting", "", (start + len(pairs)) / len(inputs), often=True)
        return out


def alike(trunk: nn.Module, tokenizer: Any, max_tokens: int, pairs: Sequence[Input], watch: Watch) -> Floats:
    """Return how alike the texts of *pairs* are at every layer of *trunk* (n, (L + 1) * 6), float32."""
    texts, first, second = sides(pairs)
    tokens = tokenize(tokenizer, texts, max_tokens)
    marks = torch.tensor([i for i in tokenizer.all_special_ids if i != tokenizer.unk_token_id], dtype=torch.long)
    out: Floats | None = None
    for rows in by_length(tokens.lengths[first] + tokens.lengths[second]):
        watch.check()
        batch = tokens.pad(np.concatenate([first[rows], second[rows]]), int(tokenizer.pad_token_id or 0))
        mask = batch["attention_mask"].bool()
        words = mask & ~torch.isin(batch["input_ids"], marks)
        words = torch.where(words.any(1, keepdim=True), words, mask)
        with torch.inference_mode():
            states = trunk(**batch, output_hidden_states=True).hidden_states
            found = torch.cat([_of_layer(s.float(), batch["attention_mask"], words) for s in states], 1).numpy()
        out = np.empty((len(pairs), found.shape[1]), np.float32) if out is None else out
        out[rows] = found
    return np.empty((0, 0), np.float32) if out is None else out


def _of_layer(states: torch.Tensor, mask: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Return six figures (b, 6) of pairs whose texts' *states* (2b, t, h) are those of one layer.

    The cosine of their means and of their elementwise maxima. Then, of the cosines of each token of one text with its nearest of
    the other: the smaller and the larger of the two texts' means, the least of all, the mean of the two lower quartiles.
    """
    figures = []
    for how in ("mean", "max"):
        one, other = pool(states, mask, how).chunk(2)
        figures.append(torch.cosine_similarity(one, other, dim=1))
    (one, other), (here, there) = nn.functional.normalize(states, dim=2).chunk(2), words.chunk(2)
    near = torch.einsum("bth,bsh->bts", one, other)
    forth = near.masked_fill(~there[:, None], -torch.inf).amax(2).masked_fill(~here, torch.nan)
    back = near.masked_fill(~here[:, :, None], -torch.inf).amax(1).masked_fill(~there, torch.nan)
    means = torch.stack([forth.nanmean(1), back.nanmean(1)])
    least = torch.minimum(*(x.nan_to_num(torch.inf).amin(1) for x in (forth, back)))
    quartiles = (forth.nanquantile(0.25, 1) + back.nanquantile(0.25, 1)) / 2
    return torch.stack([*figures, means.amin(0), means.amax(0), least, quartiles], 1)
