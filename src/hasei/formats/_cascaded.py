"""Two predictors of which the small one answers where it is sure, the large one the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from hasei.engine.cascading import confidence, log_shares
from hasei.engine.derivation import Predictor
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats


@dataclass
class CascadePredictor:
    """Answers rows by *student*; those of which it is no surer than *threshold* by *teacher*. Each comes with its format.

    *temperatures* are the student's and the teacher's: outputs of both are log probabilities at them, on one scale. *share* of
    the rows went to the teacher where the threshold was chosen. *rows* and *asked* count what was answered since the predictor
    was made, and how much of it by the teacher.
    """

    student: tuple[str, Predictor]
    teacher: tuple[str, Predictor]
    threshold: float
    temperatures: tuple[float, float]
    share: float
    width: int = field(init=False)
    rows: int = field(default=0, init=False)
    asked: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.width = self.teacher[1].width

    @property
    def model(self) -> nn.ModuleDict:
        """The modules of both, as ``student`` and ``teacher``."""
        parts = {"student": _module(self.student[1]), "teacher": _module(self.teacher[1])}
        return nn.ModuleDict({name: model for name, model in parts.items() if model is not None})

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return log probabilities (n, width), float32, in the order of *inputs*; the teacher reads the unsure rows alone."""
        return self.joined(
            inputs, lambda rows: self.student[1].outputs(rows, watch), lambda rows: self.teacher[1].outputs(rows, watch)
        )

    def joined(
        self, inputs: Sequence[Input], student: Callable[[Sequence[Input]], Floats], teacher: Callable[[Sequence[Input]], Floats]
    ) -> Floats:  # fmt: skip
        """Return the log probabilities of *inputs*, where *student* and *teacher* give the outputs of rows."""
        found = log_shares(student(inputs), self.temperatures[0])
        unsure = np.flatnonzero(confidence(found) <= self.threshold).tolist()
        self.rows, self.asked = self.rows + len(inputs), self.asked + len(unsure)
        if len(unsure):
            found[unsure] = log_shares(teacher([inputs[i] for i in unsure]), self.temperatures[1])
        return found


def _module(predictor: Any) -> nn.Module | None:
    """The module of *predictor*; of a linear model over features its weight and bias."""
    found: nn.Module | None = getattr(predictor, "model", None)
    if found is None and hasattr(predictor, "weight") and hasattr(predictor, "bias"):
        from hasei.engine.pooled import linear

        return linear(predictor.weight.T, predictor.bias)
    return found
