"""Targets that are numbers: read as people type them, put on one scale for training, and read back.

Shapes: encoded targets (n,) float32 with mean 0 and variance 1 over the train rows; outputs (n, 1) on that scale.
Source: the linear head is ridge regression (Hoerl & Kennard 1970), solved in closed form.

Relations: used by every task whose target is a number; :mod:`hasei.tasks._number_metrics` measures them.

>>> read_number("１，２３４.5"), read_number("81 %")
(1234.5, 0.81)
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.tasks import Answers, Array, Space
from hasei.tasks._number_metrics import METRICS

if TYPE_CHECKING:
    import torch

LARGEST = 1e15
"""Beyond it, squared errors are no longer exact to a unit in float32 sums, and a slip is likelier than a measurement."""
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_MINUS = str.maketrans({"−": "-", "–": "-", "ー": "-"})


def read_number(text: str) -> float | None:
    """Return the number that *text* spells, None where it is none or not finite.

    Read are any width, thousands in commas (``1,234``), a sign, an exponent, and a percent sign (a hundredth).
    """
    bare = unicodedata.normalize("NFKC", text).translate(_MINUS).strip().strip("\"'").strip()
    share = bare.endswith("%")
    bare = bare.removesuffix("%").strip()
    if _THOUSANDS.fullmatch(bare):
        bare = bare.replace(",", "")
    if "_" in bare:
        return None
    try:
        value = float(bare)
    except ValueError:
        return None
    return None if not math.isfinite(value) else value / 100 if share else value


class NumberTask:
    """What tasks with one number as target have in common; a subclass gives names, columns and toy rows."""

    target_kind = "number"
    metrics = METRICS
    default_metric = "pearson"
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """The range in which every target must lie."""

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Give each number one spelling; raises :class:`DataError` at the first that is none, infinite or out of range."""
        numbers = {text: self._number(text) for text in dict.fromkeys(targets)}
        respelt = sum(text.strip() != repr(numbers[text]) and float_of(text) != numbers[text] for text in targets)
        findings = []
        if respelt:
            message = _(
                "{n} numbers were written with commas, percent signs or in another width, and are read so", n=respelt
            )
            findings.append(Finding("number_spelling", "note", message))
        return [repr(numbers[text]) for text in targets], findings

    def _number(self, text: str) -> float:
        value = read_number(text)
        low, high = self.bounds
        if value is None:
            raise DataError(
                f"a target is no number: '{text[:60]}'", expected="a finite number in every row",
                do="correct it or leave the row out with --where, or choose another --label",
            )  # fmt: skip
        if abs(value) > LARGEST:
            raise DataError(
                f"a target is too large to be computed with: {value:g}", expected=f"a number up to {LARGEST:g}",
                do="correct it, leave the row out with --where, or give the targets in a larger unit",
            )  # fmt: skip
        if not low <= value <= high:
            raise DataError(
                f"a target is out of its range: {value:g}", expected=f"a number from {low:g} to {high:g}",
                do="correct it, or leave the row out with --where",
            )  # fmt: skip
        return value

    def space(self, targets: Sequence[str]) -> Space:
        """Learn mean and deviation of the train rows; raises :class:`DataError` where all are the same."""
        values = np.array([float(t) for t in targets])
        deviation = float(values.std()) if len(values) else 0.0
        if not deviation > 0:
            raise DataError(
                "there is nothing to learn", expected="at least two different numbers among the training rows",
                received=f"only {values[0]:g}" if len(values) else "no rows", do="check which column holds the target (--label)",
            )  # fmt: skip
        return Space(1, (), (("mean", float(values.mean())), ("deviation", deviation)))

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Every number lies in the space."""
        return np.ones(len(targets), np.bool_)

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Turn numbers into (n,) float32 of mean 0 and variance 1."""
        extra = dict(space.extra)
        values = np.array([float(t) for t in targets], np.float64)
        return ((values - extra["mean"]) / extra["deviation"]).astype(np.float32)

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Numbers are compared as numbers."""
        return [float(t) for t in targets]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Squared error per row (n,), float32; *smoothing* has no meaning for numbers."""
        return (outputs.float().reshape(len(outputs)) - targets.float().reshape(len(targets))).square()

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Ridge regression: features (n, f), targets (n,) -> weight (1, f), bias (1,); *l2* on the mean squared error."""
        return ridge(features, targets, l2)

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Read outputs (n, 1) back as numbers within the task's range; how sure they are is not known (NaN)."""
        extra = dict(space.extra)
        values = np.asarray(outputs, np.float64).reshape(len(outputs)) * extra["deviation"] + extra["mean"]
        return Answers(np.clip(values, *self.bounds).tolist(), np.full(len(values), np.nan))

    def describe(self, space: Space) -> list[str]:
        """A number has no name."""
        return []


def float_of(text: str) -> float | None:
    """Return the number that *text* plainly is, None where it is written in another way."""
    try:
        return float(text) if text.isascii() else None
    except ValueError:
        return None


def ridge(features: Array, targets: Array, l2: float) -> tuple[Array, Array]:
    """Minimise mean squared error + l2 |w|^2: features (n, f), targets (n,) -> weight (1, f), bias (1,), float32."""
    x, y = np.asarray(features, np.float64), np.asarray(targets, np.float64)
    centre, middle = x.mean(0), float(y.mean())
    x = x - centre
    if len(x) >= x.shape[1]:
        gram = x.T @ x / len(x) + l2 * np.eye(x.shape[1])
        weight = np.linalg.solve(gram, x.T @ (y - middle) / len(x))
    else:  # fewer rows than features: the same solution by the smaller system
        gram = x @ x.T / len(x) + l2 * np.eye(len(x))
        weight = x.T @ np.linalg.solve(gram, (y - middle) / len(x))
    bias = middle - float(centre @ weight)
    return weight[None].astype(np.float32), np.array([bias], np.float32)
