"""One picture, one label out of several: parts to good and faulty, plants to species, hand signs to numbers.

Source: metrics as in scikit-learn; the head is multinomial logistic regression (Cox 1966), solved by L-BFGS.

Shapes: an input is a picture of any size; encoded targets (n,) int64, the position in ``Space.names`` (sorted); outputs (n, k)
are unnormalised log probabilities, whose softmax is the confidence.

Relations: :mod:`text_classification` of pictures. Rows come as a folder with one folder of pictures for each class, or as a
file of relative paths and labels.

>>> space = TASK.space(["crack", "good", "good"])
>>> space.names, TASK.encode(space, ["good"]).tolist()
(('crack', 'good'), [1])
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from hasei.inputs.data.dataset import Column, Table
from hasei.inputs.pictures import locate
from hasei.inputs.pictures.opening import pillow
from hasei.inputs.pictures.table import with_pictures
from hasei.tasks import Toy
from hasei.tasks._hints import LABEL_HINTS
from hasei.tasks.text_classification import TextClassification

IMAGE_HINTS = (
    "image", "picture", "photo", "img", "image_path", "image_file", "file_name", "filename", "file", "path", "filepath",
    "file_path", "image_name", "image_id", "画像", "写真", "画像ファイル", "ファイル名", "ファイル", "パス",
)  # fmt: skip
"""Usual names of a column of pictures, best first."""

_TOY_SIDE = 32
_TOY_CLASSES = ("disc", "frame", "stripes")
_TOY_ROWS = 24


class ImageClassification(TextClassification):
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "image_classification"
    input_kind = "image"
    hub_name = "image-classification"
    reading = "picture"
    columns: tuple[Column, ...] = (Column("image", "input", IMAGE_HINTS), Column("label", "target", LABEL_HINTS))

    def arrange(self, table: Table) -> Table:
        """Make pictures of their names; raises DataError at one that is no whole picture in the data's folder."""
        return with_pictures(table, IMAGE_HINTS)

    def toy(self) -> Toy:
        """Twenty-four drawn pictures of three kinds, in a temporary folder of this process."""
        folder = Path(_toy_folder().name)
        names = [f"{_TOY_CLASSES[number % 3]}/{number}.png" for number in range(_TOY_ROWS)]
        return Toy([locate(folder, name) for name in names], [name.split("/")[0] for name in names])


@cache
def _toy_folder() -> tempfile.TemporaryDirectory[str]:
    """Draw the toy pictures; they go when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="hasei-toy-")
    for number in range(_TOY_ROWS):
        kind = _TOY_CLASSES[number % 3]
        place = Path(folder.name) / kind
        place.mkdir(exist_ok=True)
        _draw(kind, number).save(place / f"{number}.png")
    return folder


def _draw(kind: str, number: int):  # type: ignore[no-untyped-def]
    """Draw toy picture *number*: a disc, a frame or stripes, each time elsewhere and of other colours."""
    from PIL import ImageDraw

    colours = [(40 * k % 256, 97 * k % 256, 151 * k % 256) for k in (number + 1, number + 4)]
    image = pillow().new("RGB", (_TOY_SIDE, _TOY_SIDE), colours[0])
    draw = ImageDraw.Draw(image)
    left, top, size = number % 7 + 2, number * 3 % 8 + 2, 14 + number % 5
    box = (left, top, left + size, top + size)
    if kind == "disc":
        draw.ellipse(box, fill=colours[1])
    elif kind == "frame":
        draw.rectangle(box, outline=colours[1], width=3)
    else:
        for x in range(number % 4, _TOY_SIDE, 6):
            draw.rectangle((x, 0, x + 2, _TOY_SIDE), fill=colours[1])
    return image


TASK = ImageClassification()
