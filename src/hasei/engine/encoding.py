"""Features of very many texts, written to a file as they come: memory does not grow with their number.

Texts are taken from an iterator a chunk at a time, read in batches of similar length, and appended in their order; what is
given back is the file, memory-mapped.
Shapes: n texts -> (n, h) of 16 or 32 bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from hasei.ground.errors import DataError
from hasei.ground.events import Watch
from hasei.ground.files import new_file
from hasei.tasks import Floats

CHUNK = 4096
"""Texts held at a time: enough to find similar lengths among, few enough for constant memory."""


def encode(
    features: Callable[[list[str]], Floats], texts: Iterable[str], path: Path, *,
    dtype: Literal["float16", "float32"] = "float16", watch: Watch | None = None,
) -> Floats:  # fmt: skip
    """Write the *features* of *texts* to the new file *path*, a row each, and return it memory-mapped (n, h), to be read only.

    Raises DataError without texts; nothing is left at *path* where anything goes wrong on the way.
    """
    watch, width, done = watch or Watch(), 0, 0
    with new_file(path) as temporary:
        with temporary.open("wb") as file:
            for chunk in _chunks(texts):
                watch.check()
                found = features(chunk)
                width, done = found.shape[1], done + len(chunk)
                file.write(np.ascontiguousarray(found, dtype).tobytes())
                watch.report("features", f"{done:,}", often=True)
        if not done:
            raise DataError("there are no texts to encode", expected="at least one")
    return np.memmap(path, dtype, "r", shape=(done, width))


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    source = iter(texts)
    while chunk := list(itertools.islice(source, CHUNK)):
        yield chunk


__all__ = ["encode"]
