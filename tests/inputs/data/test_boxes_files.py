"""Files of pictures with boxes: COCO, VOC, a table with one row a box, each read as one row a picture, and broken ones."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from hasei.ground.errors import DataError
from hasei.inputs import data as rooms

COCO = {
    "info": {"year": 2026},
    "images": [
        {"id": 7, "file_name": "a.jpg", "width": 100, "height": 80},
        {"id": 9, "file_name": "b.jpg", "width": 50, "height": 60},
    ],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 2, "bbox": [10, 20, 30, 40]},
        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 1},
    ],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "犬"}],
}
VOC = """<annotation><folder>x</folder><filename>{name}</filename>
<size><width>100</width><height>80</height><depth>3</depth></size>
<object><name>犬</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>{xmax}</xmax><ymax>60</ymax></bndbox></object></annotation>"""


def drawn(place, *names):
    """Pictures of the sizes that the notes state, in the folder *place*."""
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (50, 60) if name == "b.jpg" else (100, 80)).save(place / name)


def coco(folder, pictures=".", **changes):
    path = folder / "labels.json"
    if pictures:
        drawn(folder / pictures, "a.jpg", "b.jpg")
    path.write_text(json.dumps(COCO | changes), "utf-8")
    return path


def test_coco_is_a_row_for_each_picture_also_for_one_without_boxes(tmp_path):
    table = rooms.read(coco(tmp_path))
    assert table.columns == ("image", "width", "height", "objects")
    assert table.cells[0][:3] == ("a.jpg", "100", "80") and table.cells[1] == ("b.jpg", "50", "60", "[]")
    assert json.loads(table.cells[0][3]) == [{"label": "犬", "bbox": [10, 20, 30, 40]}]
    assert [f.kind for f in table.findings] == ["crowds"]


@pytest.mark.parametrize("place", [".", "images", "../images", "../train2017", "../images/train2017"])
def test_pictures_are_found_in_the_usual_folders(place, tmp_path):
    notes = tmp_path / "annotations"
    notes.mkdir()
    path = coco(notes, place).rename(notes / "instances_train2017.json")
    cell = rooms.read(path).cells[0][0]
    assert cell == "a.jpg" and cell.path == (notes / place / "a.jpg").resolve()


def test_a_picture_that_is_listed_but_missing_is_named(tmp_path):
    path = coco(tmp_path)
    (tmp_path / "b.jpg").unlink()
    with pytest.raises(DataError, match=r"'labels.json', picture 2: there is no picture 'b.jpg'"):
        rooms.read(path)
    folder = voc(tmp_path / "xml")
    (folder / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"'a.xml': there is no picture 'a.jpg'"):
        rooms.read(folder)


def test_coco_without_annotations_is_pictures_to_be_answered(tmp_path):
    drawn(tmp_path, "a.jpg", "b.jpg")
    path = tmp_path / "new.json"
    path.write_text(json.dumps({"images": COCO["images"]}))
    table = rooms.read(path)
    assert table.columns == ("image", "width", "height") and len(table.cells) == 2
    assert [len(cells) for cells, _ in rooms.stream(path, 1)] == [1, 1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"annotations": [{"id": 5, "image_id": 8, "category_id": 1, "bbox": [1, 1, 2, 2]}]}, "annotation 5.*image_id"),
        (
            {"annotations": [{"id": 5, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2]}]},
            "annotation 5.*category_id",
        ),
        (
            {"annotations": [{"id": 5, "image_id": 7, "category_id": [1], "bbox": [1, 1, 2, 2]}]},
            "annotation 5.*category_id",
        ),
        ({"annotations": [{"id": 5, "image_id": 7, "category_id": 1}]}, "annotation 5.*no 'bbox'"),
        ({"annotations": ["x"]}, "no JSON object"),
        ({"annotations": {}}, "no list 'annotations'"),
        ({"categories": None}, "no list 'categories'"),
        ({"images": []}, "lists no pictures"),
        ({"images": {}}, "no list 'images'"),
        ({"images": [{"id": 1}]}, "no 'file_name'"),
        ({"images": [{"file_name": "a"}]}, "no id"),
        ({"images": [COCO["images"][0]] * 2}, "two pictures of one id"),
    ],
)
def test_a_broken_coco_file_is_refused_in_one_line(changes, said, tmp_path):
    with pytest.raises(DataError, match=said) as error:
        rooms.read(coco(tmp_path, **changes))
    assert "\n" not in str(error.value) and "labels.json" in str(error.value)


@pytest.mark.parametrize("content", ["", "{}", "[]", "  ", '{"images": ', "null"])
def test_empty_json_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        rooms.read(path)
    assert "\n" not in str(error.value)


def voc(folder, name="a.jpg", xmax="40", file="a.xml", beside=True):
    folder.mkdir(exist_ok=True, parents=True)
    if beside:
        drawn(folder, name)
    (folder / file).write_text(VOC.format(name=name, xmax=xmax), "utf-8")
    return folder


def test_voc_is_a_row_for_each_file(tmp_path):
    voc(tmp_path / "Annotations", file="b.xml", name="b.jpg", beside=False)
    drawn(tmp_path / "JPEGImages", "a.jpg", "b.jpg")
    table = rooms.read(voc(tmp_path / "Annotations", beside=False))
    assert [row[0] for row in table.cells] == ["a.jpg", "b.jpg"]
    assert table.cells[0][0].path == (tmp_path / "JPEGImages" / "a.jpg").resolve()
    found = json.loads(table.cells[0][3])
    assert found == [{"label": "犬", "bndbox": {"xmin": 10.0, "ymin": 20.0, "xmax": 40.0, "ymax": 60.0}}]


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<annotation><filename>&b;</filename></annotation>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation><filename>&a;</filename></annotation>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "declares entities"), (OUTSIDE, "declares entities"), ("<annotation>", "is not XML"), ("", "is not XML"),
        ("<html></html>", "no VOC annotation"), ("\0", "is not XML"),
    ],
)  # fmt: skip
def test_a_broken_voc_file_is_refused_in_one_line(content, said, tmp_path):
    folder = voc(tmp_path / "xml")
    (folder / "evil.xml").write_text(content)
    with pytest.raises(DataError, match=f"'evil.xml'.*{said}") as error:
        rooms.read(folder)
    assert "\n" not in str(error.value)


TABLES = {
    "TensorFlow's": (
        "filename,width,height,class,xmin,ymin,xmax,ymax",
        "a.jpg,100,80,犬,10,20,40,60",
        "b.jpg,9,9,,,,,",
    ),
    "corners": ("image,label,x1,y1,x2,y2", "a.jpg,犬,10,20,40,60", "b.jpg,,,,,"),
    "sizes": ("Image ID,Label Name,x,y,w,h", "a.jpg,犬,10,20,30,40", "b.jpg,,,,,"),
    "bbox": ("image_path,category,bbox_x,bbox_y,bbox_width,bbox_height", "a.jpg,犬,10,20,30,40", "b.jpg,,,,,"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_boxes_is_a_row_for_each_picture(name, tmp_path):
    header, row, nothing = TABLES[name]
    path = tmp_path / "boxes.csv"
    path.write_text("\n".join([header, row, nothing, "", row.replace("60", "61").replace("40", "41")]) + "\n", "utf-8")
    table = rooms.read(path)
    assert len(table.cells) == 2 and table.lines.tolist() == [2, 3]
    from hasei.tasks._boxes import parsed

    first, second = (parsed(row[-1]) for row in table.cells)
    assert first[0].corners == (10, 20, 40, 60) and len(first) == 2 and second == ()
    assert {box.label for box in first} == {"犬"}


def test_a_line_of_a_table_of_boxes_with_a_cell_too_few_is_no_box_that_is_missed(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("image,label,x1,y1,x2,y2\na.jpg,cat,1,2,3,4\na.jpg,cat,1,2,3\n")
    with pytest.raises(DataError, match="line 3 has 5 cells"):
        rooms.read(path)


def test_text_and_infinity_among_the_numbers_are_kept_to_be_said(tmp_path):
    from hasei.tasks._boxes import NoBox, parsed

    path = tmp_path / "boxes.csv"
    path.write_text("image,label,x1,y1,x2,y2\na.jpg,cat,1,two,3,4\nb.jpg,cat,1,2,inf,4\n")
    cells = [row[-1] for row in rooms.read(path).cells]
    for cell, said in zip(cells, ("no number", "no place in a picture")):
        with pytest.raises(NoBox, match=said):
            parsed(cell)


def test_other_tables_stay_as_they_are(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label,x,y\nhello,a,1,2\nworld,b,3,4\n")
    assert rooms.read(path).columns == ("text", "label", "x", "y")


def test_coco_that_was_cut_short_is_said_to_be_so(tmp_path):
    path = coco(tmp_path)
    path.write_text(path.read_text("utf-8")[:-100], "utf-8")
    with pytest.raises(DataError, match="begins like COCO, but is no whole JSON"):
        rooms.read(path)
