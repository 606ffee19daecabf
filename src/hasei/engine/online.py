"""A linear head that is kept up to date row by row: equal, at every row, to one solved anew from all rows so far.

A row changes the scatter by a matrix of rank one, so its inverse and the head follow in O(f^2 + f w) (recursive least
squares; Sherman & Morrison 1950, Woodbury 1950). The exact sums are kept beside it, and the inverse is made anew from them
every ``every`` rows, so that rounding does not pile up over a stream of any length.

Source: recursive least squares: Plackett 1950; Haykin, *Adaptive filter theory*, ch. 10; taking rows out: Cauwenberghs & Poggio
2000, "Incremental and decremental support vector machine learning"; the discriminant: Hayes & Kanan 2020 (deep SLDA).
Shapes: a row's features (f,) and targets (w,); scatter's inverse (f, f); head weight (w, f), bias (w,).
Relations: the sums are :class:`hasei.engine.moments.Moments`. With ``forget`` below one the penalty stays as it is while the
rows fade, which is no change of rank one: the head is then solved from the sums when it is asked for.

>>> head = OnlineHead(Moments.empty(2, 2), "discriminant", penalty=1.0)
>>> for row, target in [((0.0, 1.0), (1, 0)), ((3.0, 1.0), (0, 1)), ((0.5, 0.0), (1, 0))]:
...     head.learn(np.array(row), np.array(target))
>>> head.outputs(np.array([[2.5, 0.5]])).argmax(1).tolist()
[1]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import blas, cho_solve

from hasei.engine.moments import Doubles, Kind, Moments, factor
from hasei.ground.errors import DataError, NotSupported
from hasei.tasks import Array

EVERY = 1024
_SLACK = 1e-9
_LOSSY = 1e-3


class OnlineHead:
    """The head of *kind* over *moments*, which it takes over and changes. *penalty* as in :meth:`Moments.solve`.

    Every earlier row counts *forget* times as much with each row that is learnt (1: nothing is forgotten).
    """

    def __init__(
        self, moments: Moments, kind: Kind, penalty: float, *, forget: float = 1.0, every: int = EVERY
    ) -> None:
        if not 0 < forget <= 1:
            raise NotSupported("a row can't count for more with time", expected="forget above 0, at most 1",
                               received=str(forget), do="set forget to 1 or a little below")  # fmt: skip
        self.kind, self.penalty, self.forget, self.every = kind, penalty, forget, every
        self._take(moments)

    def _take(self, moments: Moments) -> None:
        """Hold the sums column by column, in the order that the kernels change them in place in."""
        self._gram, self._moment = np.asfortranarray(moments.gram), np.asfortranarray(moments.moment)
        self._absent, self._halved, self._since, self._fresh = moments.absent, False, 0, False

    @property
    def moments(self) -> Moments:
        """The sums over all rows so far."""
        if self._halved:
            upper = np.triu(self._gram)
            self._gram, self._halved = np.asfortranarray(upper + np.triu(upper, 1).T), False
        return Moments(self._gram, self._moment, self._absent)

    def head(self) -> tuple[Doubles, Doubles]:
        """Return weight (w, f) and bias (w,)."""
        self._ready()
        sums = Moments(self._gram, self._moment, self._absent)  # the last column of the gram is whole at all times
        return sums.head(self.kind, self._solved, self._right)

    def outputs(self, features: Array) -> Doubles:
        """Return the outputs (n, w) for *features* (n, f)."""
        weight, bias = self.head()
        return np.asarray(features, np.float64) @ weight.T + bias

    def learn(self, features: Array, targets: Array) -> None:
        """Learn one row, *features* (f,) and *targets* (w,)."""
        self._row(np.asarray(features, np.float64), np.asarray(targets, np.float64), 1.0)

    def unlearn(self, features: Array, targets: Array) -> None:
        """Take out one row that was learnt, as if it had never been; raises DataError where it can't have been.

        Raises NotSupported where rows are forgotten with time: what is left of a row depends on when it came.
        """
        if self.forget < 1:
            raise NotSupported("a row can't be taken out where rows fade with time", expected="forget of 1",
                               received=str(self.forget), do="solve again without the row")  # fmt: skip
        self._row(np.asarray(features, np.float64), np.asarray(targets, np.float64), -1.0)

    def learn_many(self, features: Array, targets: Array) -> None:
        """Learn rows (n, f) and (n, w) in their order at once: the same, in a fraction of the time."""
        moments = self.moments
        moments.learn(features, targets, self.forget)
        self._take(moments)

    def grow(self, places: Sequence[int], width: int) -> None:
        """Make room for *width* outputs, the present ones at *places*."""
        self._take(self.moments.grown(places, width))

    def _ready(self) -> None:
        """Make the inverse and the head from the sums, where they are not at hand or it is time."""
        if self._fresh:
            return
        scatter, right = self.moments.scatter(self.kind)
        lower = factor(scatter, self.penalty)
        self._right = np.asfortranarray(right)
        self._solved = np.asfortranarray(cho_solve(lower, right))
        if self.forget == 1:
            self._inverse = np.asfortranarray(cho_solve(lower, np.eye(len(scatter))))
        self._fresh, self._since = True, 0

    def _row(self, x: Doubles, y: Doubles, sign: float) -> None:
        if (
            x.shape != (len(self._gram) - 1,)
            or y.shape != (self._moment.shape[1],)
            or not np.isfinite([x.sum(), y.sum()]).all()
        ):
            raise DataError("a row does not fit what was learnt, or is not finite",
                            expected=f"{len(self._gram) - 1} features and {self._moment.shape[1]} targets",
                            received=f"{x.shape} and {y.shape}")  # fmt: skip
        if self.forget < 1:
            self._owner(y)
            self._gram *= self.forget
            self._moment *= self.forget
            self._fresh = False
        else:
            self._ready()
            self._follow(x, y, sign)
        self._sum(x, y, sign)

    def _sum(self, x: Doubles, y: Doubles, sign: float) -> None:
        row = np.append(x, 1.0)
        self._gram = blas.dsyr(sign, row, a=self._gram, overwrite_a=1)
        self._halved = True
        self._moment = blas.dger(sign, row, y, a=self._moment, overwrite_a=1)
        self._since += 1
        if self._since >= self.every:
            self._fresh = False

    def _follow(self, x: Doubles, y: Doubles, sign: float) -> None:
        """Change inverse and head by one row, before it is added to the sums."""
        place, count = self._owner(y)
        if sign < 0 and count < 1 - _SLACK:
            raise DataError("a row can't be taken out: it was never learnt", expected="a row learnt before",
                            received="one of a class without rows" if place is not None else "no rows at all")  # fmt: skip
        column = self._moment[:, place] if place is not None else self._gram[:, -1]
        away = x - column[:-1] / count if count > _SLACK else x.copy()
        rest = count + sign
        factor_ = sign * count / rest if rest > _SLACK and count > _SLACK else 0.0
        moved = blas.dsymv(1.0, self._inverse, away)
        grown = 1.0 + factor_ * float(away @ moved)
        if grown <= _SLACK:
            raise DataError("a row can't be taken out: it was never learnt", expected="a row learnt before")
        if grown <= _LOSSY:
            self._fresh = False  # what is left after so much is taken has too few digits: solve it from the sums
        if rest <= _SLACK:  # the last row of its class, or of all
            if np.abs(away).max(initial=0.0) > 1e-6 * (1.0 + np.abs(x).max(initial=0.0)):
                raise DataError("a row can't be taken out: it was never learnt", expected="the last row that is left")
            self._fresh = False
            return
        turn = -factor_ * (self._solved.T @ away)
        if place is None:
            step = factor_ * (y - self._moment[-1] / count) if count > _SLACK else np.zeros_like(y)
            turn += step
            self._right = blas.dger(1.0, away, step, a=self._right, overwrite_a=1)
        else:
            turn[place] += sign / rest
            self._right[:, place] += away * (sign / rest)
        self._solved = blas.dger(1.0 / grown, moved, turn, a=self._solved, overwrite_a=1)
        self._inverse = blas.dsyr(-factor_ / grown, moved, a=self._inverse, overwrite_a=1)

    def _owner(self, y: Doubles) -> tuple[int | None, float]:
        """Return the class of a row, None where all rows share one mean, and how many rows that mean is of."""
        if self.kind == "ridge":
            return None, float(self._gram[-1, -1])
        place = int(y.argmax())
        if y[place] != 1.0 or np.count_nonzero(y) != 1:
            raise DataError("the targets of a row name no class", expected="one 1 and zeros", received=f"{y[:8]}")
        return place, float(self._moment[-1, place])


__all__ = ["EVERY", "OnlineHead"]
