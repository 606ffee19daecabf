"""How rows are changed so that a training sees more than there are; and the changes made to pictures.

Pictures are changed at random while a model is trained, as they might have been taken otherwise; texts once, before, as rows of
their own (:mod:`hasei.engine.rewriting`).

Source: Simard et al. 2003, "Best practices for convolutional neural networks applied to visual document analysis"; Krizhevsky
et al. 2012 (crops, flips and colour).
Shapes: pixels (b, 3, height, width) -> the same. Every picture is changed on its own, by torch's generator: a training seeds it
at every step, so that what a step sees does not hang on what ran before.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from pydantic import Field, field_validator, model_validator

from hasei.engine import own_code
from hasei.engine.mixing import MIXTURES
from hasei.ground.errors import DataError
from hasei.ground.settings import Settings

Change: TypeAlias = Literal["flip", "rotation", "crop", "colour", "zoom", "mixup", "cutmix"]
Rewrite: TypeAlias = Literal["synonym", "insertion", "swap", "deletion", "back_translation"]
MOST_DEGREES = 15.0
MOST_SHIFT = 0.12
"""Share of a side by which a picture is moved, either way."""
MOST_SCALE = 0.15
MOST_ZOOM = 0.4
"""Share by which a side of what is seen may be shorter: nearer, never further away."""
MOST_COLOUR = 0.3
"""Share by which contrast is changed, and of a deviation by which each colour is moved."""


MOST_GROUPS = 5000


class Augment(Settings):
    """Settings. *changes* are those of pictures, or of texts; what can't be made to the rows is refused.

    Of every text there are *views* changed ones beside itself, each with one change drawn from *changes*, made to *share* of
    its words. Synonyms come from *synonyms*, groups of a word and what may stand for it (or the name of a CSV file of such
    lines, read when the settings are); where these have none they are the *neighbours* tokens that lie nearest in the base's
    own token table, 0 for none. *translator* is ``package.module:function``, texts to as many texts; *source* the hash of its
    code, filled in. A list alone is *changes*.
    """

    changes: tuple[Change | Rewrite, ...] = ()
    views: int = Field(1, ge=1, le=16)
    share: float = Field(0.1, gt=0, le=0.5)
    synonyms: tuple[tuple[str, ...], ...] = Field((), max_length=MOST_GROUPS)
    neighbours: int = Field(5, ge=0, le=50)
    translator: str = ""
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return {"changes": value} if isinstance(value, (list, tuple)) else value

    @field_validator("synonyms", mode="before")
    @classmethod
    def _table(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            value = [[word, *([stand] if isinstance(stand, str) else stand)] for word, stand in value.items()]
        return read_synonyms(Path(value)) if isinstance(value, (str, Path)) else value

    @field_validator("synonyms")
    @classmethod
    def _whole(cls, groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for group in groups:
            if len(group) < 2 or not all(word.strip() for word in group):
                raise ValueError(f"a word and what may stand for it, none of them empty, not {list(group)}")
        return groups

    @model_validator(mode="after")
    def _translated(self) -> Augment:
        if ("back_translation" in self.changes) != bool(self.translator):
            raise ValueError("back_translation and translator together")
        if self.translator and not own_code.is_name(self.translator):
            raise ValueError(f"a translator {own_code.SHAPE}")
        return self

    @property
    def of_texts(self) -> bool:
        """Whether there is a change of texts among them."""
        return bool(set(self.changes) & set(REWRITES))

    @property
    def of_pictures(self) -> tuple[Change, ...]:
        """The changes of pictures among them."""
        return tuple(change for change in self.changes if change not in REWRITES)  # type: ignore[misc]

    def stated(self) -> Augment:
        """Return it with the hash of the translator's code; raises RecipeError where that can't be found or is another's."""
        if not self.translator:
            return self
        return self.model_copy(update={"source": own_code.find(self.translator, "the translator", self.source).source})


REWRITES: tuple[Rewrite, ...] = ("synonym", "insertion", "swap", "deletion", "back_translation")


def read_synonyms(path: Path) -> list[list[str]]:
    """Read a table of synonyms, CSV in UTF-8: in each line a word and what may stand for it; raises DataError naming the line."""
    expected = "CSV in UTF-8: in each line a word and what may stand for it"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [(i, [cell.strip() for cell in line if cell.strip()]) for i, line in enumerate(csv.reader(file), 1)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(
            f"the table of synonyms '{path}' can't be read", expected=expected, received=said, do="correct 'synonyms'"
        ) from error
    for number, words in lines:
        if len(words) == 1:
            raise DataError(
                f"line {number} of the table of synonyms '{path}' says nothing", expected=expected, received=words[0],
                do="add a word that may stand for it, or remove the line",
            )  # fmt: skip
    found = [words for _, words in lines if words]
    if not found or len(found) > MOST_GROUPS:
        raise DataError(
            f"the table of synonyms '{path}' has {len(found):,} lines",
            expected=f"1 to {MOST_GROUPS:,}",
            do="shorten it",
        )
    return found


def augment(pixels: torch.Tensor, changes: Sequence[Change]) -> torch.Tensor:
    """Return *pixels* changed at random: mirrored, turned, moved and scaled, nearer, of another colour and contrast.

    What mixes pictures is left to :mod:`hasei.engine.mixing`.
    """
    count, changes = len(pixels), [change for change in changes if change not in MIXTURES]
    if not count or not changes:
        return pixels

    def between(most: float, *shape: int) -> torch.Tensor:
        return (2 * torch.rand(count, *shape) - 1) * most

    angle = between(MOST_DEGREES * math.pi / 180) if "rotation" in changes else torch.zeros(count)
    scale = 1 + (between(MOST_SCALE) if "crop" in changes else torch.zeros(count))
    if "zoom" in changes:
        scale = scale * (1 - MOST_ZOOM * torch.rand(count))
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
