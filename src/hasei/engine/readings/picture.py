"""Each row a picture, read by an image base; the head sits on what the architecture's own classifier reads.

Shapes: places = rows; features (n, h), outputs (n, w).
Relations: :mod:`whole` for pictures: the same places, another trunk. A model of it is the architecture's native classifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from hasei.engine.activations.replay import Replay, replaying
from hasei.engine.activations.store import Store
from hasei.engine.augmentation import Change, augment
from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Predictor
from hasei.engine.mixing import Mixing, Mixture
from hasei.engine.native import PictureModel
from hasei.engine.picture_trunk import Maps, PictureTrunk
from hasei.engine.pixels import PicturePredictor, Pixels
from hasei.engine.readings.whole import Whole
from hasei.engine.training import Source
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base


@dataclass
class PictureSource:
    """Rows *rows* of *pixels*; with *states* and *replay*, the forward pass starts at the replayed stage on a black picture.

    *changes* are made at random to the pictures while a model trains; *mixing* says which are mixed in the current step.
    """

    pixels: Pixels
    rows: Ints
    states: Maps | None = None
    replay: Replay | None = None
    black: dict[str, torch.Tensor] | None = None
    changes: tuple[Change, ...] = ()
    mixing: Mixing | None = None

    @property
    def lengths(self) -> Ints:
        """What each row weighs in a batch (n,)."""
        return self.pixels.lengths[self.rows]

    @property
    def ids(self) -> Ints:
        """None: pictures have no tokens."""
        return self.pixels.ids

    def augmented(self, changes: Sequence[Change]) -> PictureSource:
        """Return these rows changed at random by *changes* while a model trains."""
        ways: list[Mixture] = [change for change in changes if change in ("mixup", "cutmix")]
        mixing = Mixing(ways, self.pixels.prepare.shape[1:]) if ways else None
        return replace(self, changes=tuple(changes), mixing=mixing)

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows* (b,); outputs (b, w)."""
        if self.states is not None and self.replay is not None and self.black is not None:
            self.replay.states = self.states.pad(rows)
            batch = self.black
        else:
            batch = self._changed(rows) if model.training and self.changes else self.pixels.pad(self.rows[rows])
        outputs: torch.Tensor = model(batch)
        return outputs

    def _changed(self, rows: Ints) -> dict[str, torch.Tensor]:
        pixels = augment(self.pixels.pad(self.rows[rows])["pixel_values"], self.changes)
        if self.mixing is not None:
            partners = self.pixels.pad(self.rows[self.mixing.partners(rows)])["pixel_values"]
            pixels = self.mixing.mixed(rows, pixels, augment(partners, self.changes))
        return {"pixel_values": pixels}


class PictureReading(Whole):
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    format = "image_classification"
    adapter_format = "image_classification"

    def open(self, base: Base, store: Store | None = None) -> PictureTrunk:
        """Open *base* with its preprocessor; raises BaseError where it reads no pictures."""
        return PictureTrunk(base, store)

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> PictureModel:
        """Trunk and head."""
        return PictureModel(trunk, pooling, head)

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Pixels as they are, or states replayed from stage *lowest*."""
        trunk: Any = context.trunk
        states = trunk.states(context.inputs, lowest, context.watch) if 0 < lowest < trunk.layers else None
        corpus = trunk.corpus_of(context.inputs)
        plain = PictureSource(corpus.tokens, corpus.rows(context.inputs))
        if states is None:
            yield plain
            return
        with replaying(stack, trunk.probe, lowest) as replay:
            yield replace(plain, states=states, replay=replay, black=trunk.zeros())

    def predictor(self, model: Any, trunk: Any) -> Predictor:
        """Pictures opened and prepared in batches, order kept."""
        return PicturePredictor(model, trunk.prepare_pixels)


READING = PictureReading()
