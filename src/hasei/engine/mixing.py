"""Two pictures made one, with the labels of both: mixup and CutMix.

The loss of a mixed row is that of its own target and that of its partner's, in the shares in which the picture shows them: for
every loss that is linear in the target (cross entropy and its kin) that is the loss of the mixed, soft target.

Source: Zhang et al. 2018, "mixup: beyond empirical risk minimization"; Yun et al. 2019, "CutMix: regularization strategy to train
strong classifiers with localizable features".
Shapes: pixels (b, 3, height, width) and those of the partners -> the same; shares (b,).
Relations: who is mixed with whom is drawn for the rows of a whole step, so that it does not hang on how they are packed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from hasei.engine.batching import Ints

Mixture: TypeAlias = Literal["mixup", "cutmix"]
MIXTURES: tuple[Mixture, ...] = ("mixup", "cutmix")
ALPHA = {"mixup": 0.2, "cutmix": 1.0}
"""Both parameters of the beta distribution that shares are drawn from, as in the papers."""


class Mixing:
    """What is mixed in the current step. *shape* is the height and width of the pictures."""

    def __init__(self, ways: Collection[Mixture], shape: tuple[int, int]) -> None:
        self.ways, self.shape = [way for way in MIXTURES if way in ways], shape
        self.way: Mixture = self.ways[0]
        self.rows: Ints = np.empty(0, np.int64)

    def begin(self, key: tuple[int, int], rows: Ints) -> None:
        """Draw partners and shares for *rows*, those of a whole step; *key* is the training's seed and the step."""
        rng = np.random.default_rng([*key, 7])
        self.rows = np.unique(rows)
        self.way = self.ways[int(rng.integers(len(self.ways)))]
        self.partner = self.rows[rng.permutation(len(self.rows))]
        self.share = rng.beta(ALPHA[self.way], ALPHA[self.way], len(self.rows))
        height, width = self.shape
        sides = np.sqrt(1 - self.share)[:, None] * np.array([height, width])
        middle = rng.random((len(self.rows), 2)) * np.array([height, width])
        self.low = np.clip(np.round(middle - sides / 2), 0, self.shape).astype(np.int64)
        self.high = np.clip(np.round(middle + sides / 2), 0, self.shape).astype(np.int64)
        if self.way == "cutmix":  # the box may reach over the edge: what counts is what is seen
            self.share = 1 - (self.high - self.low).prod(1) / (height * width)

    def partners(self, rows: Ints) -> Ints:
        """Return whom each of *rows* is mixed with (b,)."""
        return self.partner[np.searchsorted(self.rows, rows)]

    def shares(self, rows: Ints) -> torch.Tensor:
        """Return how much each of *rows* is itself (b,), float32."""
        return torch.from_numpy(self.share[np.searchsorted(self.rows, rows)].astype(np.float32))

    def mixed(self, rows: Ints, own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Return the pictures *own* of *rows* mixed with *other*, those of their partners."""
        if self.way == "mixup":
            share = self.shares(rows).to(own.dtype)[:, None, None, None]
            return share * own + (1 - share) * other
        place = np.searchsorted(self.rows, rows)
        inside = _inside(self.low[place], self.high[place], self.shape)
        return torch.where(torch.from_numpy(inside)[:, None], other, own)


def _inside(low: Ints, high: Ints, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return which pixels (b, height, width) lie in the boxes from *low* to *high* (b, 2)."""
    at = [np.arange(size)[None] for size in shape]
    down, across = ((at[k] >= low[:, k, None]) & (at[k] < high[:, k, None]) for k in (0, 1))
    found: npt.NDArray[np.bool_] = down[:, :, None] & across[:, None, :]
    return found
