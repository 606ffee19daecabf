"""Object detection: every shape of its rows to the same boxes, what is wrong with rows in one line, and its model's card."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from hasei.cli import main
from hasei.ground.errors import DataError
from hasei.inputs import data as rooms
from hasei.tasks import _drawn, arranged, open_task
from hasei.tasks._boxes import parsed, written

TASK = open_task("object_detection")


@pytest.fixture
def folder(tmp_path):
    """A folder with two pictures, 100 x 80, one of them lying on its side as a telephone saves it."""
    (tmp_path / "images").mkdir()
    Image.new("RGB", (100, 80), (90, 90, 90)).save(tmp_path / "images" / "plain.png")
    turned = Image.new("RGB", (100, 80), (90, 90, 90))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "images" / "turned.png", exif=exif)
    return tmp_path


def rows(folder, *listed):
    """Rows as JSONL, read and arranged."""
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in listed), "utf-8")
    return arranged(TASK, rooms.read(path))


def cat(*box, key="box"):
    return {"label": "cat", key: list(box)}


BOX = (10, 20, 40, 60)


def test_every_shape_of_rows_gives_the_same_boxes(folder):
    expected = written(parsed(json.dumps([cat(*BOX)])))
    found = [rows(folder, {"image": "images/plain.png", "width": 100, "height": 80, "objects": [cat(*BOX)]})]
    (folder / "boxes.csv").write_text("filename,class,xmin,ymin,xmax,ymax\nplain.png,cat,10,20,40,60\n")
    coco = {
        "images": [{"id": 1, "file_name": "plain.png", "width": 100, "height": 80}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (folder / "coco.json").write_text(json.dumps(coco))
    (folder / "xml").mkdir()
    (folder / "xml" / "plain.xml").write_text(
        "<annotation><filename>plain.png</filename><object><name>cat</name><bndbox><xmin>10</xmin><ymin>20</ymin>"
        "<xmax>40</xmax><ymax>60</ymax></bndbox></object></annotation>"
    )
    found += [arranged(TASK, rooms.read(folder / name)) for name in ("boxes.csv", "coco.json", "xml")]
    for table in found:
        mapping = rooms.guess(table, TASK.columns)
        picture, objects = (table.cells[0][table.columns.index(mapping.columns[c.name])] for c in TASK.columns)
        assert objects == expected and picture.path == (folder / "images" / "plain.png").resolve()


def test_rows_without_boxes_are_pictures_to_be_answered(folder):
    table = rows(folder, {"image": "images/plain.png"})
    assert table.columns == ("image",) and table.cells[0][0].content


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"objects": [cat(10, 20, 140, 60)]},
         r"line 1 has a box outside of its picture \(100 x 80 pixels\): 10, 20, 140, 60; .*the picture 'plain.png'"),
        ({"objects": [cat(10, 20, 10, 60)]}, "line 1 has a box whose width or height is not above 0"),
        ({"objects": [cat(40, 20, 10, 60)]}, "line 1 has a box whose width or height is not above 0"),
        ({"objects": [cat(10, 20, -5, 60, key="bbox")]}, "line 1 has a box whose width or height is not above 0"),
        ({"objects": [cat(10, "20", 40, 60)]}, "line 1 has a box with something that is no number"),
        ({"objects": [cat(10, 20, 1e400, 60)]}, "line 1 has a box with a number that is no place"),
        ({"objects": "a cat"}, "line 1 has no list of boxes"),
        ({"objects": [cat(0.1, 0.2, 0.4, 0.6)]}, "all boxes are in shares of the picture"),
        ({"width": 640, "height": 480, "objects": [cat(*BOX)]}, "its picture has 640 x 480 pixels, but it has 100 x 80"),
        ({"image": "images/none.png", "objects": [cat(*BOX)]}, "line 1: there is no picture 'images/none.png'"),
        ({"image": "../secret.png", "objects": [cat(*BOX)]}, "leaves the data's folder"),
    ],
)  # fmt: skip
def test_a_row_that_can_not_be_right_is_refused_in_one_line(folder, row, said):
    with pytest.raises(DataError, match=said) as error:
        rows(folder, {"image": "images/plain.png"} | row)
    assert "\n" not in str(error.value) and "rows.jsonl" in str(error.value)


def test_shares_and_pixels_mixed_up_are_said_with_the_line(folder):
    listed = [{"image": "images/plain.png", "objects": [cat(*BOX)]}] * 3
    listed.append({"image": "images/plain.png", "objects": [cat(0.1, 0.2, 0.4, 0.6)]})
    with pytest.raises(DataError, match=r"the boxes of 1 of 4 rows are in shares of the picture .*line 4 first"):
        rows(folder, *listed)


def test_a_target_that_no_row_was_arranged_for_is_refused_as_well():
    for text, said in (('[{"label": "a", "box": [0.1, 0.2, 0.4, 0.6]}]', "shares"), ("cat", "no list of boxes"),
                       ('[{"label": "a", "box": [1, 1, 1.001, 3]}]', "not above 0")):  # fmt: skip
        with pytest.raises(DataError, match=said):
            TASK.clean([text])


def test_boxes_are_of_the_picture_as_it_is_seen_and_turned_where_they_were_drawn_on_its_side(folder):
    upright = rows(folder, {"image": "images/turned.png", "objects": [cat(10, 20, 40, 90)]})
    assert parsed(upright.cells[0][1])[0].corners == (10, 20, 40, 90)
    stated = rows(folder, {"image": "images/turned.png", "width": 80, "height": 100, "objects": [cat(10, 20, 40, 90)]})
    assert parsed(stated.cells[0][-1])[0].corners == (10, 20, 40, 90)
    on_its_side = {"image": "images/turned.png", "width": 100, "height": 80, "objects": [cat(10, 20, 90, 60)]}
    assert parsed(rows(folder, on_its_side).cells[0][-1])[0].corners == (20, 10, 60, 90)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_box_is_turned_as_pillow_turns_the_picture(tmp_path, orientation):
    pixels = np.zeros((80, 100, 3), np.uint8)
    pixels[20:60, 10:90] = 255
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "a.png", exif=exif)
    from hasei.inputs.pictures import locate, open_picture

    seen = np.asarray(open_picture(locate(tmp_path, "a.png")))[..., 0] > 0
    down, across = np.nonzero(seen)
    found = rows(tmp_path, {"image": "a.png", "width": 100, "height": 80, "objects": [cat(10, 20, 90, 60)]})
    assert parsed(found.cells[0][-1])[0].corners == (across.min(), down.min(), across.max() + 1, down.max() + 1)


def drawn(path, count, seed):
    """Drawn pictures and their boxes as a CSV beside them."""
    toy = _drawn.rectangles(count, seed)
    path.mkdir()
    with (path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["image", "objects"])
        for picture, objects in zip(toy.inputs, toy.targets):
            (path / picture).write_bytes(picture.path.read_bytes())
            out.writerow([picture, objects])
    return path / "rows.csv"


def test_the_code_on_the_card_says_what_hasei_says(toy_base, tmp_path, monkeypatch):
    from hasei.derive.order import order, read_steps
    from hasei.judge.card import write_card

    path = drawn(tmp_path / "data", 16, 0)
    picture = _drawn.rectangles(16).inputs[3]
    for method in ("mean_box", "full_fine_tuning"):
        steps = read_steps(method)
        if method == "full_fine_tuning":
            from hasei.derive.recipe import make_step

            steps = (make_step(method, {"epochs": 2, "min_steps": 0}),)
        model = order(steps, path, task="object_detection", base=toy_base("vit"), out=tmp_path / method)
        write_card(model.folder, None, None, TASK)
        code = re.findall(r"```python\n(.*?)```", (model.folder / "README.md").read_text("utf-8"), re.S)[0]
        said = []
        monkeypatch.chdir(model.folder)
        told = code.replace('"a picture.jpg"', repr(str(picture.path)))
        exec(compile(told, "card", "exec"), {"print": said.append})
        (answer,) = model.predict([picture])
        expected = parsed(answer.value)
        assert len(expected) == len(said) > 0
        for box, (label, corners, score) in zip(expected, sorted(said, key=lambda one: -one[2])):
            assert box.label == label and box.score == pytest.approx(score, abs=1e-5)
            assert box.corners == pytest.approx(corners, abs=0.006)


def test_pictures_without_boxes_are_answered_from_the_command_line(toy_base, tmp_path, monkeypatch, capsys):
    from hasei.derive.order import order, read_steps

    path = drawn(tmp_path / "data", 16, 0)
    order(read_steps("common_boxes"), path, task="object_detection", base=toy_base("vit"), out=tmp_path / "m")
    new = tmp_path / "data" / "new.csv"
    new.write_text("image\n" + "\n".join(str(p) for p in _drawn.rectangles(16).inputs[:5]) + "\n")
    assert main(["predict", str(tmp_path / "m"), str(new), "--out", str(tmp_path / "answers.jsonl")]) == 0
    answered = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text("utf-8").splitlines()]
    assert len(answered) == 5 and all(parsed(row["label"]) for row in answered)
    assert main(["evaluate", str(tmp_path / "m"), str(path), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["metrics"]) == {"map", "map_50", "map_75"}
