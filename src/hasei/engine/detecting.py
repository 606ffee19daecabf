"""Pictures on their way through a detector: the base opened, what a training is given, and what answers.

Shapes: n pictures, all resized to s x s; pixels (b, 3, s, s); q answers a picture, (q, 6) each: number of the label, left, top,
right, bottom in pixels of the picture as it is seen, score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.activations.probe import Probe, probe
from hasei.engine.activations.store import Store
from hasei.engine.augmentation import Change, augment
from hasei.engine.batching import TOKEN_BUDGET, Ints, Tokens
from hasei.engine.detectors import Detector, open_detector, processor_of
from hasei.engine.opening import refuse_other
from hasei.engine.ragged import ragged
from hasei.engine.trunk import Corpus, Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.ground.files import hash_json
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.inputs.pictures import as_picture, open_picture
from hasei.tasks import Array

BATCH = 16
"""Pictures in one forward pass."""
KEPT_BYTES = 1 << 30
"""Pixels of a training are kept in memory up to this; beyond it pictures are opened again in every epoch."""
FLIPPED = 0.5
"""Share of the pictures that a training with ``augment: [flip]`` sees as in a mirror, boxes and all."""
SIDED = ("left", "right", "左", "右")
"""Where a label holds one of these, a mirror would make it wrong."""


class BoxTrunk(Trunk):
    """A base opened as the trunk of a detector. Nothing of it is kept: all of it runs on pixels, whatever is trained."""

    def __init__(self, base: Base, store: Store | None = None) -> None:
        refuse_other(base, "image")
        self.base, self.store = base, store or Store()
        self.tokenizer = processor_of(base)
        self.opened = open_detector(base, self.side)
        self.model = self.opened.trunk
        self.stack = Stack(self.opened.path, tuple(self.model.get_submodule(self.opened.path).children()))
        self.poolings = (base.pooling,)
        self.wanted: set[int] = set()
        self.corpus: Corpus | None = None

    @property
    def side(self) -> int:
        """Width and height (pixels) of what the detector is given."""
        return int(self.tokenizer.size["height"])

    @property
    def pad_id(self) -> int:
        """Nothing is filled up."""
        return 0

    @cached_property
    def probe(self) -> Probe:
        """Where each parameter is first used; those that the base has no weights for count as used last."""
        found = probe(self.model, self.stack, self.sample([]))
        position = found.position | dict.fromkeys(self.opened.fresh, self.layers)
        return replace(found, position=position, refusal="")

    def sample(self, inputs: Sequence[Input]) -> dict[str, torch.Tensor]:
        """Return a small batch of pixels: of some of *inputs*, or grey where there are none."""
        if inputs:
            some = [pixels(self.tokenizer, picture)[0] for picture in inputs[:BATCH]]
            return {"pixel_values": torch.from_numpy(np.stack(some))}
        return {"pixel_values": torch.zeros(2, 3, self.side, self.side)}

    def can_end_at(self, layer: int) -> bool:
        """Whether *layer* is the last."""
        return layer == self.layers

    def prepare(self, inputs: Sequence[Input], tokens: Tokens | None = None) -> Corpus:
        """Note *inputs*; nothing of them is kept."""
        unique = list(dict.fromkeys(inputs))
        tokens = tokens or Tokens(np.empty(0, np.int32), np.zeros(len(unique) + 1, np.int64))
        self.corpus = Corpus(tokens, {text: i for i, text in enumerate(unique)}, hash_json([str(i) for i in unique]))
        return self.corpus


def pixels(processor: Any, picture: Input) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the pixels (3, s, s), float32, and the size (width, height) of the picture at the path *picture*."""
    image = open_picture(as_picture(picture))
    values = processor(images=[image], return_tensors="np")["pixel_values"][0]
    return np.asarray(values, np.float32), image.size


@dataclass(frozen=True)
class BoxSource:
    """The pictures *inputs* for a training of boxes with the labels *names*; *changes* are made to them at random.

    A mirrored picture's answers are turned back, so that its targets stay as they are. Which are mirrored hangs on the step's
    seed and on the row alone: neither the packing of batches nor a resumed run makes a difference.
    """

    processor: Any
    inputs: Sequence[Input]
    names: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    _kept: dict[int, np.ndarray] = field(default_factory=dict)

    def augmented(self, changes: Sequence[Change]) -> BoxSource:
        """Return these rows changed at random by *changes*; raises NotSupported at what boxes or labels can't follow."""
        if set(changes) - {"flip", "colour"}:
            raise NotSupported("boxes do not follow a picture that is turned or cut", expected="augment: flip, colour",
                               received=", ".join(changes), do="leave the others out")  # fmt: skip
        sided = next((name for name in self.names if any(side in name.casefold() for side in SIDED)), None)
        if "flip" in changes and sided is not None:
            raise NotSupported(f"a mirror would make the label '{sided}' wrong", do="leave flip out of augment")
        return replace(self, changes=tuple(changes))

    @property
    def lengths(self) -> Ints:
        """All pictures take the same work (n,); the figure makes a batch of texts' budget hold :data:`BATCH` of them."""
        return np.full(len(self.inputs), TOKEN_BUDGET // BATCH, np.int64)

    @property
    def ids(self) -> Ints:
        """Pictures have no tokens."""
        return np.empty(0, np.int64)

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows* (b,); outputs (b, q, c + 5)."""
        batch = torch.from_numpy(np.stack([self._pixels(int(row)) for row in rows]))
        dtype = next(model.parameters()).dtype
        changes = self.changes if model.training else ()
        turned = torch.from_numpy(self._turned(rows) if "flip" in changes else np.zeros(len(rows), bool))
        batch = torch.where(turned[:, None, None, None], batch.flip(3), batch)
        batch = augment(batch, [change for change in changes if change != "flip"]).to(dtype)
        outputs: torch.Tensor = model({"pixel_values": batch})
        across = torch.where(turned[:, None], 1 - outputs[..., -4], outputs[..., -4])
        return torch.cat([outputs[..., :-4], across[..., None], outputs[..., -3:]], dim=-1)

    def _turned(self, rows: Ints) -> np.ndarray:
        seed = torch.initial_seed() % 2**63
        return np.array([np.random.default_rng([seed, row]).random() < FLIPPED for row in rows])

    def _pixels(self, row: int) -> np.ndarray:
        found = self._kept.get(row)
        if found is None:
            found = pixels(self.processor, self.inputs[row])[0]
            if (len(self._kept) + 1) * found.nbytes <= KEPT_BYTES:
                self._kept[row] = found
        return found


class BoxPredictor:
    """Answers pictures with a :class:`~hasei.engine.detectors.Detector` in float32; order kept, memory constant."""

    def __init__(self, model: Detector, processor: Any) -> None:
        self.model, self.processor = model.eval(), processor
        self.width = int(model.whole.config.num_labels)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the answers to each picture (q, 6), an object array (n,) in the order of *inputs*."""
        watch, found = watch or Watch(), []
        for start in range(0, len(inputs), BATCH):
            watch.check()
            read = [pixels(self.processor, picture) for picture in inputs[start : start + BATCH]]
            with torch.inference_mode():
                outputs = self.model({"pixel_values": torch.from_numpy(np.stack([p for p, _ in read]))})
            found += [_answers(one, size) for one, (_, size) in zip(outputs, read)]
            watch.report("predicting", "", min(1.0, (start + BATCH) / len(inputs)), often=True)
        return ragged(found)


def _answers(outputs: torch.Tensor, size: tuple[int, int]) -> Array:
    """Return the answers (q, 6) of *outputs* (q, c + 5) for a picture of *size* (width, height), as transformers does."""
    from transformers.image_transforms import center_to_corners_format

    scores, labels = outputs[:, :-4].softmax(-1)[:, :-1].max(-1)
    boxes = center_to_corners_format(outputs[:, -4:]) * torch.tensor([*size, *size], dtype=torch.float32)
    return torch.cat([labels[:, None].float(), boxes, scores[:, None]], dim=1).numpy()
