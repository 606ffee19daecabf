"""Boxes in a picture as text: the shapes in which people write them, one canonical form, and what can't be a box.

Source: Everingham et al. 2010, "The Pascal Visual Object Classes challenge" (corners); Lin et al. 2014, "Microsoft COCO"
(``bbox``: left, top, width, height).

Shapes: a box is (left, top, right, bottom) in pixels of the picture as it is seen, upright; canonical text is a JSON list of
``{"box": [...], "label": "...", "score": ...}``, the score only where a model answered.

>>> written(parsed('[{"label": "cat", "bbox": [10, 20, 5, 5]}]'))
'[{"box":[10.0,20.0,15.0,25.0],"label":"cat"}]'
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NoReturn

from hasei.ground.files import canonical_json

DECIMALS, SCORE_DECIMALS = 2, 6
ROUNDING = 1.0
"""How far (pixels) a box may reach over its picture before it is called wrong: tools count pixels from 0 or from 1."""
_LABELS = ("label", "category", "class", "name", "category_name", "class_name", "ラベル")
_CORNERS = ("box", "xyxy", "bndbox")
_SIZED = ("bbox", "xywh")
_SIDES = (("xmin", "ymin", "xmax", "ymax"), ("x0", "y0", "x1", "y1"), ("x1", "y1", "x2", "y2"),
          ("left", "top", "right", "bottom"))  # fmt: skip


class NoBox(ValueError):
    """What stands there is no list of boxes; the message says why, in words that follow the name of the row."""


@dataclass(frozen=True)
class Box:
    """A box with its label: (left, top, right, bottom) in pixels; *score* is None where it is the truth."""

    label: str
    corners: tuple[float, float, float, float]
    score: float | None = None


@lru_cache(maxsize=65536)
def parsed(text: str) -> tuple[Box, ...]:
    """Return the boxes written in *text*, in any of the usual shapes; raises :class:`NoBox` where one is no box."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except NoBox:
        raise
    except (ValueError, RecursionError) as error:
        raise NoBox(f"has no list of boxes ({error})") from error
    if isinstance(value, Mapping):
        value = _listed(value)
    if not isinstance(value, list):
        raise NoBox(f"has no list of boxes but {_shown(value)}")
    return tuple(_box(item) for item in value)


def written(boxes: Sequence[Box]) -> str:
    """Return the canonical text of *boxes*: sorted, the surest first, rounded to hundredths of a pixel."""
    rounded = [
        {"box": [round(c, DECIMALS) + 0.0 for c in b.corners], "label": b.label}
        | ({} if b.score is None else {"score": round(b.score, SCORE_DECIMALS)})
        for b in boxes
    ]  # fmt: skip
    return canonical_json(sorted(rounded, key=lambda b: (-float(b.get("score", 1.0)), b["label"], b["box"])))


def fitted(boxes: Sequence[Box], width: float, height: float) -> tuple[Box, ...]:
    """Return *boxes* cut at the edges of a picture (pixels); raises :class:`NoBox` where one lies outside of it."""
    return tuple(_fitted(box, width, height) for box in boxes)


def normalised(boxes: Sequence[Box]) -> bool:
    """Whether all *boxes* look like shares of the picture where pixels are meant: none reaches past 1, parts of pixels."""
    sides = [side for box in boxes for side in box.corners]
    return bool(sides) and max(sides) <= 1.0 and any(0 < side < 1 for side in sides)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes given by corners, 0 where they do not meet."""
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    both = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)) - shared
    return shared / both if both > 0 else 0.0


def _fitted(box: Box, width: float, height: float) -> Box:
    left, top, right, bottom = box.corners
    if left < -ROUNDING or top < -ROUNDING or right > width + ROUNDING or bottom > height + ROUNDING:
        raise NoBox(f"has a box outside of its picture ({width:g} x {height:g} pixels): {_corners(box)}")
    cut = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
    if cut[0] >= cut[2] or cut[1] >= cut[3]:
        raise NoBox(f"has a box outside of its picture ({width:g} x {height:g} pixels): {_corners(box)}")
    return replace(box, corners=cut)


def _corners(box: Box) -> str:
    return ", ".join(f"{side:g}" for side in box.corners)


def _listed(value: Mapping[str, Any]) -> list[Any]:
    """Return lists that stand beside each other (``{"bbox": [...], "category": [...]}``) as a list of objects."""
    columns = {key: column for key, column in value.items() if isinstance(column, list)}
    if set(columns) != set(value) or len({len(column) for column in columns.values()}) > 1:
        raise NoBox("has boxes and labels that are not lists of one length")
    return [dict(zip(columns, items)) for items in zip(*columns.values())]


def _box(item: Any) -> Box:
    if not isinstance(item, Mapping):
        raise NoBox(f"has a box without a name for its parts: {_shown(item)}")
    label = next((item[key] for key in _LABELS if item.get(key) not in (None, "")), None)
    if not isinstance(label, (str, int)) or isinstance(label, bool):
        raise NoBox(f"has a box without a label: {_shown(item)}")
    name = " ".join(unicodedata.normalize("NFKC", str(label)).split())
    if not name:
        raise NoBox(f"has a box with a blank label: {_shown(item)}")
    score = item.get("score")
    return Box(name, _sides(item), None if score is None else _number(score, item))


def _sides(item: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return the corners of *item*, whichever way they are written."""
    found = next((item[key] for key in _CORNERS if key in item), None)
    sized = next((item[key] for key in _SIZED if key in item), None)
    parts = found if isinstance(found, Mapping) else item
    named = next(([parts[key] for key in keys] for keys in _SIDES if all(key in parts for key in keys)), None)
    four = found if isinstance(found, list) else named if sized is None or named else sized
    if not isinstance(four, list) or len(four) != 4:
        raise NoBox(f"has a box that is not four numbers: {_shown(item)}")
    left, top, right, bottom = (_number(side, item) for side in four)
    if four is sized:
        right, bottom = left + right, top + bottom
    if right <= left or bottom <= top:
        hint = "" if four is sized else "; if they are left, top, width and height, call them 'bbox'"
        raise NoBox(f"has a box whose width or height is not above 0: {_shown(four)}{hint}")
    return left, top, right, bottom


def _number(value: Any, item: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NoBox(f"has a box with something that is no number ({_shown(value)}): {_shown(item)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > 1e7:
        raise NoBox(f"has a box with a number that is no place in a picture: {_shown(item)}")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise NoBox(f"has a box with a number that is no place in a picture: {name}")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "..."
