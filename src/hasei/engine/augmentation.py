"""Pictures changed at random while a model is trained, as they might have been taken otherwise.

Source: Simard et al. 2003, "Best practices for convolutional neural networks applied to visual document analysis"; Krizhevsky
et al. 2012 (crops, flips and colour).
Shapes: pixels (b, 3, height, width) -> the same. Every picture is changed on its own, by torch's generator: a training seeds it
at every step, so that what a step sees does not hang on what ran before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch

Change: TypeAlias = Literal["flip", "rotation", "crop", "colour"]
MOST_DEGREES = 15.0
MOST_SHIFT = 0.12
"""Share of a side by which a picture is moved, either way."""
MOST_SCALE = 0.15
MOST_COLOUR = 0.3
"""Share by which contrast is changed, and of a deviation by which each colour is moved."""


def augment(pixels: torch.Tensor, changes: Sequence[Change]) -> torch.Tensor:
    """Return *pixels* changed at random: mirrored left to right, turned, moved and scaled, of another colour and contrast."""
    count = len(pixels)
    if not count or not changes:
        return pixels

    def between(most: float, *shape: int) -> torch.Tensor:
        return (2 * torch.rand(count, *shape) - 1) * most

    angle = between(MOST_DEGREES * math.pi / 180) if "rotation" in changes else torch.zeros(count)
    scale = 1 + (between(MOST_SCALE) if "crop" in changes else torch.zeros(count))
    shift = 2 * between(MOST_SHIFT, 2) if "crop" in changes else torch.zeros(count, 2)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0) if "flip" in changes else torch.ones(count)
    if set(changes) - {"colour"}:
        pixels = _moved(pixels, angle, scale, shift, mirror)
    if "colour" in changes:
        mean = pixels.mean((1, 2, 3), keepdim=True)
        pixels = mean + (pixels - mean) * (1 + between(MOST_COLOUR, 1, 1, 1)) + between(MOST_COLOUR, 3, 1, 1)
    return pixels


def _moved(
    pixels: torch.Tensor, angle: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, mirror: torch.Tensor
) -> torch.Tensor:
    """Turn, scale, move and mirror each picture in one go; what comes in from outside repeats the edge."""
    ratio = pixels.shape[3] / pixels.shape[2]
    cos, sin = angle.cos() * scale, angle.sin() * scale
    first = torch.stack([cos * mirror, -sin / ratio, shift[:, 0]], 1)
    second = torch.stack([sin * ratio * mirror, cos, shift[:, 1]], 1)
    grid = torch.nn.functional.affine_grid(torch.stack([first, second], 1), list(pixels.shape), align_corners=False)
    return torch.nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
