"""The table of docs/bases.md says what the code says of every family."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import toy_families
from hasei.engine.activations.store import Store
from hasei.engine.trunk import Trunk
from hasei.ground.errors import BaseError
from hasei.inputs.architecture import describe
from hasei.inputs.base import Base

PAGE = (Path(__file__).parents[2] / "docs" / "bases.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in re.findall(r"^\| `.*$", PAGE, re.M)][1:]
FAMILIES = (*toy_families.REPLAYED, "lstm", *toy_families.RUN, "bart", "clip")


def row_of(trunk: Trunk) -> tuple[str, str, str]:
    """What the table must say of the base of *trunk*."""
    found, probe = describe(trunk.base), trunk.probe
    opened = "its encoder" if found["architecture"].endswith("EncoderModel") else "all"
    first = " but the first, whose position bias all others read" if probe.side[0] and not any(probe.side[1:]) else ""
    below = f"run: {probe.refusal}" if probe.refusal else f"replayed{first}"
    return opened, below, ", ".join(sorted(found["parameters_by_kind"]))


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_table_says_of_a_family_what_the_code_says(toy_base, tmp_path, kind):
    base = Base.open(toy_base(kind))
    (said,) = [row[1:] for row in ROWS if row[0] == f"`{base.config['model_type']}`"]
    if said[0].startswith("refused"):
        with pytest.raises(BaseError, match=said[0].removeprefix("refused: ")):
            Trunk(base)
        return
    assert tuple(said) == row_of(Trunk(base, Store(tmp_path)))


def test_every_row_of_the_table_is_tested():
    assert len(ROWS) == len(FAMILIES) == len({row[0] for row in ROWS})
