"""Whether texts mean labels, by a classifier that was trained to say whether one text follows from another.

Source: Yin et al. 2019, "Benchmarking zero-shot text classification: datasets, evaluation and entailment approach".

Shapes: n texts, m templates of k hypotheses; log odds of entailment (n, k), the mean over templates; outputs
``sharpness * (log odds - prior - threshold)``. Each text is read once with every hypothesis.

Relations: :mod:`hasei.formats.entailment` writes and reads it; :mod:`hasei.engine.labelling` asks a language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.prediction import in_batches
from hasei.engine.prompts import text_of
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

_CHUNK = 64
"""Texts whose pairs are held at a time."""


class EntailmentModel(nn.Module):
    """A classifier of pairs (its ``trunk``); *entailment* is the output that says that the second text follows."""

    def __init__(self, trunk: nn.Module, entailment: int) -> None:
        super().__init__()
        self.trunk, self.entailment = trunk.eval(), entailment

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Log odds (b, 1) of entailment against all other answers, float32."""
        scores = self.trunk(**batch).logits.float()
        others = [i for i in range(scores.shape[1]) if i != self.entailment]
        odds: torch.Tensor = scores[:, [self.entailment]] - scores[:, others].logsumexp(1, keepdim=True)
        return odds


@dataclass
class EntailmentPredictor:
    """Answers texts by whether *hypotheses* (m lists of k) follow from them. *prior* (k,) float64: what is taken off first."""

    model: EntailmentModel
    tokenizer: Any
    max_tokens: int
    hypotheses: tuple[tuple[str, ...], ...]
    prior: tuple[float, ...]
    sharpness: float = 1.0
    threshold: float = 0.0
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = len(self.hypotheses[0])

    def scores(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the log odds (n, k) above the prior, float64; equal texts are read once."""
        watch = watch or Watch()
        texts = [text_of(row) for row in inputs]
        place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        different, flat = list(place), [one for group in self.hypotheses for one in group]
        found = np.empty((len(different), self.width), np.float64)
        for start in range(0, len(different), _CHUNK):
            part = different[start : start + _CHUNK]
            pairs: list[Input] = [(text, one) for text in part for one in flat]
            odds = in_batches(self.model, self.tokenizer, pairs, self.max_tokens, 1, watch)
            found[start : start + len(part)] = odds.reshape(len(part), len(self.hypotheses), -1).mean(1, np.float64)
            watch.report("predicting", "", (start + len(part)) / len(different), often=True)
        return found[[place[text] for text in texts]] - np.array(self.prior) if texts else found

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, k), float32, in the order of *inputs*."""
        return (self.sharpness * (self.scores(inputs, watch) - self.threshold)).astype(np.float32)
