"""A base that reads questions and entries apart, and what answers a question: the entries nearest to it.

Source: Karpukhin et al. 2020, "Dense passage retrieval for open-domain question answering"; Reimers & Gurevych 2019 for one
trunk on both sides.
Shapes: features (b, h) of length one; an entry that is searched by two texts has the mean of their features, of length one.
Outputs are ragged (n,): ``[[id, score], ...]``, the best first (:mod:`hasei.engine.rankings`).
Relations: :mod:`hasei.engine.apart` compares two given texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length, tokenize
from hasei.engine.pooled import last_states, pool
from hasei.engine.ragged import ragged
from hasei.engine.rankings import TOP, ranked
from hasei.engine.search import Index
from hasei.ground.events import Watch
from hasei.inputs.data.corpus import Corpus, Part
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

CHUNK = 4096
"""Texts whose tokens are held at a time."""


class RetrieverModel(nn.Module):
    """Trunk, pooling and, where there is one, a linear map (*head*, (h, h)); features of length one.

    The trunk itself always runs in eval mode, as in :class:`~hasei.engine.pooled.PooledModel`.
    """

    def __init__(self, trunk: nn.Module, pooling: str, head: nn.Linear | None = None) -> None:
        super().__init__()
        self.trunk, self.pooling, self.head = trunk, pooling, head

    def train(self, mode: bool = True) -> RetrieverModel:
        """Switch between training and predicting; the trunk's own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Features (b, h) of a padded batch."""
        pooled = pool(last_states(self.trunk, batch), batch["attention_mask"], self.pooling)
        with torch.autocast("cpu", enabled=False):
            if self.head is not None:
                pooled = self.head(pooled.to(self.head.weight.dtype))
            elif pooled.dtype == torch.bfloat16:
                pooled = pooled.float()
            return nn.functional.normalize(pooled, dim=1)


class RetrieverPredictor:
    """Answers questions with the entries of *corpus*, read in float32; *vectors* (n, h) are kept where they are known."""

    width = 1

    def __init__(
        self, model: RetrieverModel, tokenizer: Any, max_tokens: int, corpus: Corpus, part: Part,
        vectors: Floats | None = None,
    ) -> None:  # fmt: skip
        self.model, self.tokenizer, self.max_tokens = model.eval(), tokenizer, max_tokens
        self.corpus, self.part, self._given = corpus, part, vectors

    def of(self, model: RetrieverModel) -> RetrieverPredictor:
        """Return what answers from the same entries with *model*."""
        return RetrieverPredictor(model, self.tokenizer, self.max_tokens, self.corpus, self.part)

    def features(self, texts: Sequence[str], watch: Watch | None = None) -> Floats:
        """Return the features (n, h) of *texts*, of length one."""
        watch, found = watch or Watch(), np.empty((len(texts), self._hidden), np.float32)
        pad = int(self.tokenizer.pad_token_id or 0)
        for start in range(0, len(texts), CHUNK):
            tokens = tokenize(self.tokenizer, texts[start : start + CHUNK], self.max_tokens)
            for rows in by_length(tokens.lengths):
                watch.check()
                with torch.inference_mode():
                    found[start + rows] = self.model(tokens.pad(rows, pad)).numpy()
            watch.report("predicting", "", min(1.0, (start + CHUNK) / len(texts)), often=True)
        return found

    @property
    def _hidden(self) -> int:
        if self.model.head is not None:
            return int(self.model.head.out_features)
        return int(self.model.trunk.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @cached_property
    def vectors(self) -> Floats:
        """The features of the entries (n, h)."""
        if self._given is not None:
            return self._given
        texts, owners = searched(self.corpus, self.part)
        return joined(self.features(texts), owners, len(self.corpus))

    @cached_property
    def index(self) -> Index:
        """The entries, ready for search."""
        return Index(self.vectors)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the best entries of each question, ragged (n,), in the order of *inputs*."""
        found: list[Any] = []
        for start in range(0, len(inputs), CHUNK):
            questions = [str(text) for text in inputs[start : start + CHUNK]]
            found += ranked(self.corpus.ids, *self.index.search(self.features(questions, watch), TOP))
        return ragged(found)


def searched(corpus: Corpus, part: Part) -> tuple[list[str], Ints]:
    """Return the texts (t,) by which the entries of *corpus* are searched, and the entry (t,) that each belongs to."""
    texts = [corpus.searched(i, part) for i in range(len(corpus))]
    owners = np.repeat(np.arange(len(corpus)), [len(t) for t in texts])
    return [text for several in texts for text in several], owners.astype(np.int64)


def joined(features: Floats, owners: Ints, count: int) -> Floats:
    """Return the mean of the *features* (t, h) of each of *count* owners, of length one."""
    if len(features) == count:
        return features
    sums = np.zeros((count, features.shape[1]), np.float64)
    np.add.at(sums, owners, features)
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return np.asarray(sums, np.float32)
