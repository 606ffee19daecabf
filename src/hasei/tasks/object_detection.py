"""Where in a picture are which objects: a box and a label for each.

Source: Everingham et al. 2010, "The Pascal Visual Object Classes challenge"; Lin et al. 2014, "Microsoft COCO".

Shapes: an input is a picture's path; a target is canonical text of its boxes (:mod:`hasei.tasks._boxes`), ``[]`` for a picture
that holds nothing; encoded targets are an object array (n,) of (t, 5): number of the label, left, top, right, bottom in pixels.
Outputs are an object array (n,) of (q, 6): the same and the score, q answers a picture.

Relations: the reading ``boxes`` says how a base answers so; there is no head to be solved. Whole pictures are labelled by
``image_classification``.

>>> TASK.clean(['[{"label": "cat", "bbox": [1, 2, 3, 4]}]'])[0]
['[{"box":[1.0,2.0,4.0,6.0],"label":"cat"}]']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError, NotSupported
from hasei.inputs.data.dataset import Column, Finding, Table
from hasei.tasks import Answers, Array, Metric, Space, Toy
from hasei.tasks._box_metrics import METRICS, operating_point
from hasei.tasks._box_rows import OBJECT_HINTS, arrange
from hasei.tasks._boxes import Box, NoBox, normalised, parsed, written
from hasei.tasks._set_loss import set_loss
from hasei.tasks.image_classification import IMAGE_HINTS

if TYPE_CHECKING:
    import torch

LEAST_SCORE = 0.05
"""Answers less sure than this are not said: hardly any of them is right, and mean average precision hardly counts them."""
_MOST = 100


class ObjectDetection:
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "object_detection"
    input_kind = "image"
    target_kind = "boxes"
    reading = "boxes"
    hub_name = "object-detection"
    columns: tuple[Column, ...] = (Column("image", "input", IMAGE_HINTS), Column("objects", "target", OBJECT_HINTS))
    metrics: dict[str, Metric] = METRICS
    default_metric = "map"

    def arrange(self, table: Table) -> Table:
        """Return *table* with its boxes checked against the pictures and in canonical form."""
        return arrange(table)

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Bring boxes into canonical form; raises :class:`DataError` at what is no list of boxes, or none in pixels."""
        cleaned = []
        for text in targets:
            try:
                boxes = parsed(text)
                # Once more, for what rounding has left of a box.
                parsed(written(boxes))
            except NoBox as error:
                raise DataError(
                    f"a row {error}", expected='objects such as [{"label": "cat", "box": [left, top, right, bottom]}]',
                    do="correct it, or leave the row out with --where",
                ) from error  # fmt: skip
            if normalised(boxes):
                raise DataError(
                    "a row has boxes in shares of the picture", expected="pixels", received=text[:60],
                    do="multiply them by the picture's width and height",
                )  # fmt: skip
            cleaned.append(written(boxes))
        return cleaned, []

    def space(self, targets: Sequence[str]) -> Space:
        """Learn the labels and the most boxes that a picture holds.

        Raises :class:`DataError` where there is no box, or the same ones everywhere.
        """
        names = sorted({box.label for text in targets for box in parsed(text)})
        if not names or len(set(targets)) < 2:
            raise DataError(
                "there is nothing to learn", expected="boxes that differ from picture to picture",
                received="no box at all" if not names else "the same boxes in every picture", do="add more pictures",
            )  # fmt: skip
        most = max(len(parsed(text)) for text in targets)
        return Space(len(names), tuple(names), (("most", float(most)),))

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Whether all labels of each target are known (n,)."""
        return np.array([all(box.label in space.names for box in parsed(text)) for text in targets], np.bool_)

    def known(self, space: Space, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Clean *targets*: labels are spelled as they are."""
        return self.clean(targets)

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Return the boxes of each picture as (t, 5), in pixels; an object array (n,)."""
        place = {name: i for i, name in enumerate(space.names)}
        found = np.empty(len(targets), object)
        for i, text in enumerate(targets):
            rows = [(place[box.label], *box.corners) for box in parsed(text) if box.label in place]
            found[i] = np.array(rows, np.float32).reshape(-1, 5)
        return found

    def truth(self, targets: Sequence[str]) -> list[str]:
        """Return canonical texts."""
        return [written(parsed(text)) for text in targets]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Set loss (n,), see :mod:`hasei.tasks._set_loss`."""
        return set_loss(outputs, targets, smoothing=smoothing)

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Raise :class:`NotSupported`: the answers are a set, and no linear head of one is a convex problem."""
        raise NotSupported("there is no head to be solved for boxes", do="use full_fine_tuning or partial_fine_tuning")

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Return canonical texts with scores, the surest answers first; confidence is the highest score, NaN for none."""
        values, sure = [], np.full(len(outputs), np.nan, np.float32)
        for i, rows in enumerate(outputs):
            boxes = _boxes(space, np.asarray(rows, np.float64).reshape(-1, 6))
            values.append(written(boxes))
            sure[i] = max((box.score or 0.0 for box in boxes), default=np.nan)
        return Answers(values, sure)

    def operating_point(self, said: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
        """Return from which score on boxes are best said, and precision, recall and F1 there."""
        return operating_point(said, truth)

    def describe(self, space: Space) -> list[str]:
        """Return nothing: no text tells a place."""
        return []

    def toy(self) -> Toy:
        """Two dozen pictures of one or two rectangles on grey, red and blue ones, and a few without any."""
        from hasei.tasks._drawn import rectangles

        return rectangles(24)


def _boxes(space: Space, rows: Array) -> list[Box]:
    """Return what is sure enough of the answers *rows* (q, 6)."""
    ranked = rows[np.argsort(-rows[:, 5], kind="stable")]
    kept = [row for row in ranked.tolist() if row[5] >= LEAST_SCORE and min(row[3] - row[1], row[4] - row[2]) >= 0.1]
    return [Box(space.names[int(row[0])], (row[1], row[2], row[3], row[4]), row[5]) for row in kept[:_MOST]]


TASK = ObjectDetection()
