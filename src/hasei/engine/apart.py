"""Pairs of texts read apart: a bi-encoder, whose answer is the cosine of two texts' features, on a line.

Source: Reimers & Gurevych 2019, "Sentence-BERT: Sentence embeddings using Siamese BERT-networks".
Shapes: a batch holds 2b texts, the b first ones of its pairs and then the b second ones; features (2b, h), outputs (b, 1).
Relations: :mod:`hasei.engine.pooled` reads both texts at once (a cross-encoder); here each text's features can be kept
and searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length, tokenize
from hasei.engine.pooled import last_states, pool
from hasei.engine.source import TextSource
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

CHUNK = 4096
"""Texts whose features are held at a time while pairs are answered."""


class ApartModel(nn.Module):
    """Trunk, pooling, and the line (weight (1, 1), bias (1,)) that makes outputs of cosines.

    The trunk itself always runs in eval mode, as in :class:`~hasei.engine.pooled.PooledModel`.
    """

    def __init__(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> None:
        super().__init__()
        self.trunk, self.pooling, self.head = trunk, pooling, head

    def train(self, mode: bool = True) -> ApartModel:
        """Switch between training and predicting; the trunk's own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        return self

    def features(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Features (2b, h) of single texts, of length one."""
        pooled = pool(last_states(self.trunk, batch), batch["attention_mask"], self.pooling)
        return nn.functional.normalize(pooled.float(), dim=1)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs (b, 1) of 2b padded texts, float32."""
        first, second = self.features(batch).chunk(2)
        with torch.autocast("cpu", enabled=False):
            outputs: torch.Tensor = self.head((first * second).sum(1, keepdim=True))
        return outputs


@dataclass
class ApartSource:
    """Pairs of the texts of *texts*: pair i is texts ``first[i]`` and ``second[i]``."""

    texts: TextSource
    first: Ints
    second: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens of both texts of each pair (n,)."""
        return self.texts.lengths[self.first] + self.texts.lengths[self.second]

    @property
    def ids(self) -> Ints:
        """The token ids that occur, each once."""
        return self.texts.ids

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on the pairs *rows* (b,); outputs (b, 1)."""
        return self.texts.outputs(model, np.concatenate([self.first[rows], self.second[rows]]))


class ApartPredictor:
    """Answers pairs with an :class:`ApartModel` in float32; each text of a chunk is read once."""

    width = 1

    def __init__(self, model: ApartModel, tokenizer: Any, max_tokens: int) -> None:
        self.model, self.tokenizer, self.max_tokens = model.eval(), tokenizer, max_tokens

    def features(self, texts: Sequence[str], watch: Watch | None = None) -> Floats:
        """Return the features (n, h) of *texts*, of length one."""
        tokens = tokenize(self.tokenizer, texts, self.max_tokens)
        found = np.empty((len(texts), int(self.model.trunk.config.hidden_size)), np.float32)  # type: ignore[union-attr, arg-type]
        for rows in by_length(tokens.lengths):
            (watch or Watch()).check()
            with torch.inference_mode():
                found[rows] = self.model.features(tokens.pad(rows, int(self.tokenizer.pad_token_id or 0))).numpy()
        return found

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, 1), float32, in the order of *inputs*."""
        watch, out = watch or Watch(), np.empty((len(inputs), 1), np.float32)
        for start in range(0, len(inputs), CHUNK // 2):
            pairs = inputs[start : start + CHUNK // 2]
            texts = list(dict.fromkeys(text for pair in pairs for text in pair))
            place, features = {text: i for i, text in enumerate(texts)}, self.features(texts, watch)
            first, second = (features[[place[pair[side]] for pair in pairs]] for side in (0, 1))
            cosines = torch.from_numpy((first * second).sum(1, keepdims=True))
            with torch.inference_mode():
                out[start : start + len(pairs)] = self.model.head(cosines).numpy()
            watch.report("predicting", "", (start + len(pairs)) / len(inputs), often=True)
        return out
