"""Pictures as the base reads them: opened, prepared by the base's own preprocessor, in batches.

Shapes: n rows; pixels (b, 3, height, width), float32, every row of the same height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from hasei.engine.activations.store import Slab, Store
from hasei.engine.batching import Ints, by_length
from hasei.engine.opening import quiet
from hasei.ground.errors import BaseError
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.inputs.pictures import as_picture, open_picture
from hasei.inputs.pictures.opening import pillow
from hasei.tasks import Floats

_PIXELS_A_TOKEN = 128
"""By how many pixels a picture counts as much as a token of text does in a batch: 64 pictures of 64 x 64 a batch."""
_KEPT_SHARE = 0.25
CHUNK = 512
"""Pictures opened at a time while rows are answered."""


class Preparer:
    """The base's own preprocessor, through Pillow: any picture to numbers (3, height, width)."""

    def __init__(self, base: Base) -> None:
        from transformers import AutoImageProcessor

        pillow()
        try:
            with quiet():
                self.processor: Any = AutoImageProcessor.from_pretrained(
                    base.folder, backend="pil", trust_remote_code=False, local_files_only=True
                )
            sizes = [self._numbers([pillow().new("RGB", size)]).shape[1:] for size in ((50, 70), (300, 200))]
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError) as error:
            raise BaseError(
                f"the preprocessor of the base '{base.name}' can't be used", received=str(error).splitlines()[0],
                do="check its preprocessor_config.json",
            ) from error  # fmt: skip
        if sizes[0] != sizes[1] or sizes[0][0] != 3:
            raise BaseError(
                f"the preprocessor of the base '{base.name}' gives pictures of several sizes",
                expected="one size for all, of three colours", received=f"{sizes[0]} and {sizes[1]}",
                do="set a fixed size in its preprocessor_config.json",
            )  # fmt: skip
        self.shape: tuple[int, int, int] = (3, int(sizes[0][1]), int(sizes[0][2]))

    def __call__(self, pictures: Sequence[Input]) -> Floats:
        """Return the numbers (n, 3, height, width) of *pictures*; raises DataError where one can't be read."""
        return self._numbers([open_picture(as_picture(picture)) for picture in pictures])

    def _numbers(self, images: list[Any]) -> Floats:
        if not images:
            return np.zeros((0, *self.shape), np.float32)
        found = self.processor(images, return_tensors="np")["pixel_values"]
        return np.asarray(found, np.float32)


class Pixels:
    """Rows of pictures, as :class:`hasei.engine.batching.Tokens` are rows of text. *kept*: where prepared ones are kept."""

    def __init__(self, pictures: Sequence[Input], prepare: Preparer, kept: Slab | None = None) -> None:
        self.pictures, self.prepare, self.kept = list(pictures), prepare, kept
        self.cut: Ints = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def ids(self) -> Ints:
        """No token ids occur in pictures."""
        return np.empty(0, np.int64)

    @property
    def lengths(self) -> Ints:
        """What each row weighs in a batch (n,), in tokens."""
        return np.full(len(self), max(1, self.prepare.shape[1] * self.prepare.shape[2] // _PIXELS_A_TOKEN), np.int64)

    def pad(self, rows: Ints, pad_id: int = 0) -> dict[str, torch.Tensor]:
        """Return ``pixel_values`` (b, 3, height, width) of *rows*; all are of one size, so nothing is padded."""
        rows = np.asarray(rows, np.int64)
        if self.kept is None:
            return {"pixel_values": torch.from_numpy(self.prepare([self.pictures[i] for i in rows]))}
        data = self.kept.data.reshape(len(self), *self.prepare.shape)
        missing = self.kept.missing(rows)
        if len(missing):
            data[missing] = self.prepare([self.pictures[i] for i in missing])
            self.kept.done[missing] = 1
        return {"pixel_values": torch.from_numpy(np.array(data[rows], np.float32))}


def kept_pixels(store: Store, key: dict[str, Any], pictures: Sequence[Input], prepare: Preparer) -> Pixels:
    """Return *pictures* as rows whose prepared pixels are kept in *store*, unless they would take too much of it."""
    elements = len(pictures) * int(np.prod(prepare.shape))
    small = elements * 4 <= _KEPT_SHARE * store.max_bytes
    return Pixels(
        pictures, prepare, store.slab(key, len(pictures), elements, "float32") if small and elements else None
    )


class PicturePredictor:
    """Answers pictures with a model of pixels in float32; order kept, memory constant in the number of rows."""

    def __init__(self, model: Any, prepare: Preparer) -> None:
        self.model, self.prepare = model.eval(), prepare
        self.width = int(model.head.out_features)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, w), float32, in the order of *inputs*."""
        watch, out = watch or Watch(), np.empty((len(inputs), self.width), np.float32)
        for rows, batch in _batches(inputs, self.prepare):
            watch.check()
            with torch.inference_mode():
                out[rows] = self.model(batch).float().numpy()
            watch.report("predicting", "", (int(rows[-1]) + 1) / len(inputs), often=True)
        return out


def _batches(inputs: Sequence[Input], prepare: Preparer) -> Iterator[tuple[Ints, dict[str, torch.Tensor]]]:
    for start in range(0, len(inputs), CHUNK):
        pixels = Pixels(inputs[start : start + CHUNK], prepare)
        for rows in by_length(pixels.lengths):
            yield rows + start, pixels.pad(rows)
