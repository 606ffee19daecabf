"""Pictures drawn on the spot: what the toy rows of tasks about pictures are, and tests at any number.

Shapes: a picture is 32 x 32 pixels, a PNG file in a folder of its own that is made once for each number of pictures.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from hasei.inputs.data.dataset import Input
from hasei.inputs.pictures import locate
from hasei.tasks import Toy
from hasei.tasks._boxes import Box, written

SIDE = 32
_COLOURS = {"red": (230, 40, 40), "青": (40, 60, 230)}


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="hasei-drawn-")


@cache
def rectangles(count: int, seed: int = 0, side: int = SIDE, most: int = 1) -> Toy:
    """Return *count* pictures of grey noise with up to *most* rectangles, red or blue; every eighth holds none."""
    from PIL import Image

    folder = Path(_folder().name) / f"{count}-{seed}-{side}-{most}"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng([seed, count, side, most])
    inputs: list[Input] = []
    targets: list[str] = []
    for number in range(count):
        pixels = rng.normal(128, 8, (side, side, 3)).clip(0, 255).astype(np.uint8)
        boxes = []
        for _ in range(0 if number % 8 == 7 else int(rng.integers(1, most + 1))):
            wide, high = rng.integers(side // 4, side // 2, 2).tolist()
            left, top = int(rng.integers(0, side - wide)), int(rng.integers(0, side - high))
            label = sorted(_COLOURS)[int(rng.integers(len(_COLOURS)))]
            pixels[top : top + high, left : left + wide] = _COLOURS[label]
            boxes.append(Box(label, (left, top, left + wide, top + high)))
        path = folder / f"{number:04d}.png"
        Image.fromarray(pixels).save(path)
        inputs.append(locate(folder, path.name))
        targets.append(written(boxes))
    return Toy(inputs, targets)
