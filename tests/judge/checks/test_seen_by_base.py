from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rooms import find, plain_rows, room

from hasei.derive.order import order
from hasei.derive.recipe import read_steps
from hasei.ground.errors import BaseError
from hasei.ground.sketch import Sketch
from hasei.inputs.base import Base
from hasei.inputs.data.roles import normalise
from made_up import ROWS, write_rows


def base_that_saw(folder: Path, texts: list[str], name: str = "parent") -> Base:
    return Base(name, folder, sketches=((name, Sketch.of(map(normalise, texts)).to_json()),))


def test_judged_rows_that_the_base_saw_are_named(tmp_path: Path) -> None:
    data, test = plain_rows(80), plain_rows(100)[80:]
    base = base_that_saw(tmp_path, [data[3]["text"], test[4]["text"].upper(), "something else"])
    (found,) = find("seen_by_base", room(tmp_path, data, test, base=base))
    assert (found.kind, found.variant, found.severity) == ("leak", "base_saw", "warning")
    assert (found.file, found.rows) == ("test.csv", (6,)) and "'parent'" in found.message


def test_a_base_that_saw_much_of_the_test_file_makes_the_verdict_worthless(tmp_path: Path) -> None:
    data, test = plain_rows(80), plain_rows(100)[80:]
    (found,) = find("seen_by_base", room(tmp_path, data, test, base=base_that_saw(tmp_path, [r["text"] for r in test])))
    assert found.severity == "error" and len(found.rows) == 20


def test_without_a_test_file_the_confirm_rows_are_the_judged_ones(tmp_path: Path) -> None:
    rows = plain_rows(100)
    opened = room(tmp_path, rows, base=base_that_saw(tmp_path, [row["text"] for row in rows]))
    (found,) = find("seen_by_base", opened)
    assert set(found.rows) == {int(n) for n, r in zip(opened.rows.lines, opened.rows.roles) if r == "confirm"}


def test_of_a_base_that_was_not_made_here_nothing_is_known(tmp_path: Path) -> None:
    assert find("seen_by_base", room(tmp_path, plain_rows(60), base=Base("elsewhere", tmp_path))) == []
    assert find("seen_by_base", room(tmp_path, plain_rows(60))) == []


# What real models keep


@pytest.fixture(scope="module")
def models(toy_base: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model derived from a toy base and one derived from that model, on other rows."""
    place = tmp_path_factory.mktemp("models")
    steps = read_steps({"feature_extraction": {"layer": 3, "pooling": "mean", "l2": 0.01}})
    rows = write_rows(place / "first.csv", ROWS, ("message", "team"))
    more = write_rows(place / "second.csv", [(f"{text} again", team) for text, team in ROWS], ("message", "team"))
    order(steps, rows, task="text_classification", base=toy_base("bert"), out=place / "first")
    order(steps, more, task="text_classification", base=place / "first", out=place / "second")
    return place / "first", place / "second"


def test_a_model_keeps_a_sketch_of_its_rows_and_inherits_those_of_its_parents(models: tuple[Path, Path]) -> None:
    first, second = map(Base.open, models)
    seen = [normalise(text) for text, _ in ROWS]
    again = [normalise(f"{text} again") for text, _ in ROWS]
    assert [name for name, _ in first.sketches] == ["first"]
    assert [name for name, _ in second.sketches] == ["second", "first"]
    own, inherited = (Sketch.from_json(stated) for _, stated in second.sketches)
    assert all(text in own and text not in inherited for text in again)
    assert all(text in inherited and text not in own for text in seen)


def test_rows_that_a_grandparent_saw_are_named(models: tuple[Path, Path], tmp_path: Path) -> None:
    test = [{"text": text, "label": "a"} for text, _ in ROWS[:3]] + plain_rows(60)[50:]
    (found,) = find("seen_by_base", room(tmp_path, plain_rows(50), test, base=Base.open(models[1])))
    assert found.rows == (2, 3, 4) and "'first'" in found.message


def test_a_damaged_sketch_is_one_line(models: tuple[Path, Path], tmp_path: Path) -> None:
    place = Path(shutil.copytree(models[0], tmp_path / "model"))
    content = json.loads((place / "hasei.json").read_text())
    content["identity"]["data"]["sketch"]["filter"] = "?"
    (place / "hasei.json").write_text(json.dumps(content))
    with pytest.raises(BaseError, match=r"hasei\.json' can't be read.*Derive the model again"):
        Base.open(place)
