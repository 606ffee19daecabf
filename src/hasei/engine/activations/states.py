"""Kept token states of some rows, as a training reads them: batches that are padded again.

Shapes: rows of t tokens in all, h hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hasei.engine.batching import Ints


@dataclass(frozen=True)
class States:
    """Kept token states of some rows, ragged: row i is ``data[offsets[rows[i]]*h : offsets[rows[i]+1]*h]``."""

    data: npt.NDArray[Any]
    offsets: Ints
    rows: Ints
    hidden: int

    def pad(self, chosen: Ints) -> torch.Tensor:
        """Return the states of ``rows[chosen]`` right-padded with zeros (b, longest, h), float32."""
        rows = self.rows[chosen]
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        out = np.zeros((len(rows), int(lengths.max(initial=1)), self.hidden), np.float32)
        for i, (row, length) in enumerate(zip(rows, lengths)):
            low = self.offsets[row] * self.hidden
            out[i, :length] = self.data[low : low + length * self.hidden].reshape(length, self.hidden)
        return torch.from_numpy(out)
