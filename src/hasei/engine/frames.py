"""Boxes in pixels and in shares of the picture that they are in.

Shapes: a picture's boxes are rows (t, 5): number of the label, then left, top, right, bottom.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hasei.engine.ragged import ragged
from hasei.inputs.data.dataset import Input
from hasei.inputs.pictures import as_picture, inspect
from hasei.tasks import Array


def size_of(value: Input) -> tuple[int, int]:
    """Return width and height (pixels) of a picture as it is seen, from its header."""
    facts = inspect(as_picture(value))
    return facts.width, facts.height


def shares(targets: Array, inputs: Sequence[Input]) -> Array:
    """Return boxes in pixels (n,) of (t, 5) as shares of the width and height of the pictures *inputs*."""
    found = []
    for rows, picture in zip(targets, inputs, strict=True):
        wide, high = size_of(picture)
        found.append((rows / np.array([1, wide, high, wide, high], np.float64)).astype(np.float32))
    return ragged(found)


def centred(rows: Array) -> Array:
    """Return *rows* (t, 5) given by corners as centre x, centre y, width and height."""
    number, left, top, right, bottom = rows.T
    return np.stack([number, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top], 1).astype(np.float32)


def in_pixels(rows: Array, picture: Input) -> Array:
    """Return *rows* (q, 6) of shares, scores last, in pixels of *picture*, float32."""
    wide, high = size_of(picture)
    return (rows * np.array([1, wide, high, wide, high, 1], np.float64)).astype(np.float32)
