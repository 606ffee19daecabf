"""Pictures that look alike on both sides of a split are found; different ones, and those of one colour, are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hasei.inputs import data as rooms
from hasei.judge.checks import open_room
from hasei.judge.checks.look_alike import find
from hasei.tasks import arranged, open_task

TASK = open_task("image_classification")


def scene(seed, side=64):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (7, 7, 3), dtype=np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def split(tmp_path):
    for name, count, first in (("train", 30, 0), ("test", 12, 100)):
        for number in range(count):
            folder = tmp_path / name / ("a" if number % 2 else "b")
            folder.mkdir(parents=True, exist_ok=True)
            scene(first + number).save(folder / f"{number}.png")
    return tmp_path


def found(folder):
    table, test = (arranged(TASK, rooms.read(folder / name)) for name in ("train", "test"))
    mapping = rooms.guess(table, TASK.columns)
    data = rooms.assemble(table, mapping, columns=TASK.columns, clean=TASK.clean, test=test)
    return find(open_room(TASK, table, mapping, data, test=test))


def test_different_scenes_are_not_alike(split):
    assert found(split) == []


@pytest.mark.parametrize("how", ["saved again", "scaled", "darker"])
def test_a_test_picture_saved_again_among_those_learnt_from_is_found(split, how):
    image = scene(100)
    if how == "saved again":
        image.save(split / "train" / "a" / "copy.jpg", quality=70)
    elif how == "scaled":
        image.resize((150, 150)).save(split / "train" / "a" / "copy.png")
    else:
        image.point(lambda v: int(v * 0.8)).save(split / "train" / "a" / "copy.png")
    train, test = found(split)
    assert (train.kind, train.variant, train.severity) == ("leak", "near", "warning")
    assert len(train.rows) == len(test.rows) == 1 and train.file == "train" and test.file == "test"
    assert train.evidence["pairs"][0]["likeness"] > 0.95


def test_an_equal_file_is_left_to_the_check_for_equal_ones_and_plain_pictures_are_like_nothing(split):
    scene(100).save(split / "train" / "a" / "copy.png")
    Image.new("RGB", (64, 64), (200, 0, 0)).save(split / "train" / "a" / "red.png")
    Image.new("RGB", (64, 64), (0, 90, 0)).save(split / "test" / "a" / "green.png")
    assert found(split) == []


def test_rows_of_text_are_none_of_its_business(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\n" + "".join(f"text number {n},{'ab'[n % 2]}\n" for n in range(40)))
    task, table = open_task("text_classification"), rooms.read(tmp_path / "rows.csv")
    mapping = rooms.guess(table, task.columns)
    data = rooms.assemble(table, mapping, columns=task.columns, clean=task.clean)
    assert find(open_room(task, table, mapping, data)) == []
