"""What a linear head needs to know of rows: sums that rows are added to, in any order, stage by stage or month by month.

The sums are sufficient: a head solved from them is the one solved from all rows at once, so that nothing learnt before is
forgotten, and no row is kept. Classes are told apart by their means under one covariance (linear discriminant analysis),
other targets by least squares with a penalty (ridge).

Source: Fisher 1936; ridge: Hoerl & Kennard 1970; over a stream: Hayes & Kanan 2020, "Lifelong machine learning with deep
streaming linear discriminant analysis".
Shapes: features (n, f), targets (n, w) float64, ones and zeros where they are classes; gram (f + 1, f + 1) of features with
a last one, moment (f + 1, w); head weight (w, f), bias (w,). In sums all is float64.
Relations: :mod:`hasei.engine.online` keeps a head up to date row by row without solving anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from hasei.ground.errors import DataError
from hasei.tasks import Array

Kind = Literal["discriminant", "ridge"]
Doubles = npt.NDArray[np.float64]
_CHUNK = 4096
_LEAST = 1e-9
"""A class of which less than so many rows are left (forgotten, or taken out) counts as one without rows."""
_UNSEEN = 20.0


@dataclass
class Moments:
    """The sums. *absent* is the target of a row that an output does not hold for: 0, or -1 where labels are 1 and -1."""

    gram: Doubles
    moment: Doubles
    absent: float = 0.0

    @classmethod
    def empty(cls, features: int, width: int, absent: float = 0.0) -> Moments:
        """No row yet."""
        return cls(np.zeros((features + 1, features + 1)), np.zeros((features + 1, width)), absent)

    @property
    def rows(self) -> float:
        """How many rows, forgotten ones by what is left of them."""
        return float(self.gram[-1, -1])

    @property
    def features(self) -> int:
        """Number of features f."""
        return len(self.gram) - 1

    @property
    def width(self) -> int:
        """Number of outputs w."""
        return int(self.moment.shape[1])

    def copy(self) -> Moments:
        """The same sums apart."""
        return Moments(self.gram.copy(), self.moment.copy(), self.absent)

    def learn(self, features: Array, targets: Array, forget: float = 1.0) -> None:
        """Add rows; each earlier row, also among these, then counts *forget* times as much for every row after it."""
        self._add(features, targets, 1.0, forget)

    def unlearn(self, features: Array, targets: Array) -> None:
        """Take rows out that were added before; raises DataError where there are not so many."""
        if len(features) > self.rows + 0.5:
            raise DataError("more rows are to be taken out than were learnt", received=str(len(features)))
        self._add(features, targets, -1.0, 1.0)

    def grown(self, places: Sequence[int], width: int) -> Moments:
        """Return the sums with *width* outputs, the present ones at *places*; new ones as if they had always been there."""
        moment = np.repeat(self.absent * self.gram[:, -1:], width, axis=1)
        moment[:, list(places)] = self.moment
        return Moments(self.gram.copy(), moment, self.absent)

    def scatter(self, kind: Kind) -> tuple[Doubles, Doubles]:
        """Return what a head is solved from: the scatter (f, f), and what it is solved for (f, w).

        About the mean of each class, and those means; or about the mean of all rows, and the products with the targets.
        """
        sums, total = self.moment[:-1], self.gram[:-1, -1]
        if kind == "ridge":
            shared = max(self.rows, _LEAST)
            cross = sums - np.outer(total, self.moment[-1]) / shared
            return self.gram[:-1, :-1] - np.outer(total, total) / shared, cross
        means = self.means()
        return self.gram[:-1, :-1] - (means * self.moment[-1]) @ means.T, means

    def means(self) -> Doubles:
        """Means of the classes (f, w), zero for those without rows."""
        counts = self.moment[-1]
        seen = counts > _LEAST
        return np.where(seen, self.moment[:-1], 0.0) / np.where(seen, counts, 1.0)

    def solve(self, kind: Kind, penalty: float) -> tuple[Doubles, Doubles]:
        """Return the head, weight (w, f) and bias (w,); *penalty* is added to the scatter of every feature."""
        scatter, right = self.scatter(kind)
        solved = cho_solve(factor(scatter, penalty), right)
        return self.head(kind, solved, right)

    def head(self, kind: Kind, solved: Doubles, right: Doubles) -> tuple[Doubles, Doubles]:
        """Return weight (w, f) and bias (w,) from what the scatter's inverse makes of *right*, both (f, w)."""
        rows = max(self.rows, _LEAST)
        if kind == "ridge":
            bias = (self.moment[-1] - solved.T @ self.gram[:-1, -1]) / rows
            return np.ascontiguousarray(solved.T), bias
        counts = self.moment[-1]
        seen = counts > _LEAST
        bias = -0.5 * rows * np.einsum("fw,fw->w", solved, right) + np.log(np.where(seen, counts, 1.0) / rows)
        bias[~seen] = (float(bias[seen].min()) if seen.any() else 0.0) - _UNSEEN
        return rows * solved.T, bias

    def _add(self, features: Array, targets: Array, sign: float, forget: float) -> None:
        if (
            len(features) != len(targets)
            or features.shape[1:] != (self.features,)
            or targets.shape[1:] != (self.width,)
        ):
            raise DataError(
                "rows do not fit what was learnt", expected=f"{self.features} features and {self.width} targets",
                received=f"{features.shape} and {targets.shape}",
            )  # fmt: skip
        if not np.isfinite(features).all() or not np.isfinite(targets).all():
            raise DataError("a row has a feature or a target that is no finite number")
        for start in range(0, len(features), _CHUNK):
            rows = np.asarray(features[start : start + _CHUNK], np.float64)
            rows = np.hstack([rows, np.ones((len(rows), 1))])
            weighted = rows
            if forget < 1:
                weighted = rows * forget ** np.arange(len(rows) - 1, -1, -1.0)[:, None]
                self.gram *= forget ** len(rows)
                self.moment *= forget ** len(rows)
            self.gram += sign * (weighted.T @ rows)
            self.moment += sign * (weighted.T @ np.asarray(targets[start : start + _CHUNK], np.float64))


def factor(scatter: Doubles, penalty: float) -> tuple[Doubles, bool]:
    """Return the Cholesky factor of *scatter* with *penalty* added to its diagonal; raises DataError where it has none."""
    whole = (scatter + scatter.T) / 2
    whole[np.diag_indices_from(whole)] += penalty
    try:
        found: tuple[Doubles, bool] = cho_factor(whole, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError as error:
        raise DataError(
            "the sums over the rows are no longer those of rows", expected="only rows taken out that were learnt",
            do="take out no other rows, or raise l2",
        ) from error  # fmt: skip
    return found


def one_hot(classes: Array, width: int) -> Doubles:
    """Return *classes* (n,) as ones and zeros (n, width)."""
    found = np.zeros((len(classes), width))
    found[np.arange(len(classes)), classes] = 1.0
    return found


__all__ = ["Kind", "Moments", "factor", "one_hot"]
