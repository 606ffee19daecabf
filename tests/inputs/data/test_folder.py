"""A folder with one folder of pictures for each class is a file of rows."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from hasei.ground.errors import DataError
from hasei.inputs import data as rooms
from hasei.tasks import arranged, open_task

TASK = open_task("image_classification")


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)


def photos(folder, count=30, first=0):
    for number in range(count):
        picture(folder / ("cat" if number % 2 else "dog") / f"{number}.png", first + number)
    return folder


def assembled(folder, test=None):
    table = arranged(TASK, rooms.read(folder))
    other = arranged(TASK, rooms.read(test)) if test else None
    mapping = rooms.guess(table, TASK.columns)
    return rooms.assemble(table, mapping, columns=TASK.columns, clean=TASK.clean, test=other)


def test_rows_are_pictures_in_the_order_of_their_names_and_their_folder_is_the_label(tmp_path):
    photos(tmp_path / "photos", 4)
    table = rooms.read(tmp_path / "photos")
    assert table.columns == ("image", "label") and table.lines.tolist() == [1, 2, 3, 4]
    assert table.cells[0] == ("cat/1.png", "cat") and table.cells[-1] == ("dog/2.png", "dog")


def test_deeper_folders_belong_to_the_class_on_top_and_names_may_be_japanese(tmp_path):
    picture(tmp_path / "犬" / "2020" / "春.PNG", 0)
    picture(tmp_path / "猫" / "a.jpeg", 1)
    assert rooms.read(tmp_path).cells == [("犬/2020/春.PNG", "犬"), ("猫/a.jpeg", "猫")]


def test_pictures_beside_the_class_folders_have_no_label_yet(tmp_path):
    photos(tmp_path, 20)
    picture(tmp_path / "new.png", 99)
    assert ("new.png", "") in rooms.read(tmp_path).cells
    data = assembled(tmp_path)
    assert "new.png" not in data.inputs and any(f.kind == "blank_label" for f in data.findings)


def test_what_computers_leave_behind_is_passed_over_and_other_files_are_said(tmp_path):
    photos(tmp_path / "p", 4)
    for name in (".DS_Store", "cat/._1.png", "Thumbs.db", "__MACOSX/cat/1.png", ".cache/x.png", "cat/notes.txt"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_bytes(b"x")
    table = rooms.read(tmp_path / "p")
    assert len(table.cells) == 4
    (finding,) = table.findings
    assert finding.kind == "other_files" and "cat/notes.txt" in finding.message and ": 1" in finding.message


def test_a_class_folder_without_pictures_is_said(tmp_path):
    photos(tmp_path / "p", 4)
    (tmp_path / "p" / "horse").mkdir()
    (finding,) = rooms.read(tmp_path / "p").findings
    assert (finding.kind, finding.severity) == ("empty_class", "warning") and "horse" in finding.message


def test_a_folder_without_a_picture_is_refused_in_one_line(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "rows.csv").write_text("a,b\n1,2\n")
    for folder in (tmp_path / "p", tmp_path / "p" / "..", tmp_path):
        with pytest.raises(DataError, match="without pictures") as error:
            rooms.read(folder)
        assert "\n" not in str(error.value)


def test_a_folder_of_parts_says_how_to_give_them(tmp_path):
    photos(tmp_path / "p" / "train", 4)
    photos(tmp_path / "p" / "test", 4, 50)
    with pytest.raises(DataError, match=r"the parts test, train.*Give p/train and --test p/test"):
        rooms.read(tmp_path / "p")


def test_a_linked_folder_is_refused(tmp_path):
    photos(tmp_path / "p", 4)
    photos(tmp_path / "elsewhere", 4, 9)
    (tmp_path / "p" / "horse").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="'horse' in 'p' is a link"):
        rooms.read(tmp_path / "p")


def test_a_linked_picture_that_leads_out_is_refused_where_rows_become_pictures(tmp_path):
    photos(tmp_path / "p", 4)
    picture(tmp_path / "out.png", 7)
    (tmp_path / "p" / "cat" / "0.png").symlink_to(tmp_path / "out.png")
    with pytest.raises(DataError, match=r"'p', picture 1: 'cat/0\.png' is a link that leads out"):
        arranged(TASK, rooms.read(tmp_path / "p"))


def test_moving_or_renaming_everything_changes_neither_fingerprint_nor_units_nor_roles(tmp_path):
    first = assembled(photos(tmp_path / "photos", 30))
    moved = tmp_path / "elsewhere" / "bilder"
    moved.parent.mkdir()
    shutil.move(tmp_path / "photos", moved)
    for number, path in enumerate(sorted(moved.glob("*/*.png"))):
        path.rename(path.with_name(f"renamed-{30 - number}.png"))
    second = assembled(moved)
    assert first.fingerprint == second.fingerprint
    assert sorted(zip(first.units, first.row_hashes, first.roles.tolist())) == sorted(
        zip(second.units, second.row_hashes, second.roles.tolist())
    )
    assert str(tmp_path) not in repr(second.inputs) and str(tmp_path) not in repr(second.findings)


def test_a_copy_of_a_test_picture_under_another_name_is_a_leak(tmp_path):
    photos(tmp_path / "train", 30)
    photos(tmp_path / "test", 10, 100)
    shutil.copy(tmp_path / "test" / "cat" / "1.png", tmp_path / "train" / "cat" / "other name.png")
    data = assembled(tmp_path / "train", tmp_path / "test")
    (leak,) = [f for f in data.findings if f.kind == "leak"]
    assert leak.variant == "exact" and len(leak.rows) == 1
    assert "cat/other name.png" not in data.inputs and len(data) == 40


def test_pictures_of_one_name_in_train_and_test_are_two_pictures(tmp_path):
    data = assembled(photos(tmp_path / "train", 30), photos(tmp_path / "test", 30, 500))
    assert len(set(data.inputs)) == 60 and not [f for f in data.findings if f.kind == "leak"]


def test_the_same_folder_as_train_and_test_is_refused(tmp_path):
    photos(tmp_path / "train", 30)
    shutil.copytree(tmp_path / "train", tmp_path / "test")
    with pytest.raises(DataError, match="hold the same rows"):
        assembled(tmp_path / "train", tmp_path / "test")


@pytest.mark.parametrize("header", ["image,label", "ファイル名,分類", "where it lies,kind"])
def test_a_list_of_paths_is_read_relative_to_its_own_folder(tmp_path, header, monkeypatch):
    photos(tmp_path / "data" / "p", 30)
    rows = [f"p/{'cat' if n % 2 else 'dog'}/{n}.png,{'cat' if n % 2 else 'dog'}" for n in range(30)]
    (tmp_path / "data" / "rows.csv").write_text("\n".join([header, *rows]), "utf-8")
    monkeypatch.chdir(tmp_path)
    data = assembled(tmp_path / "data" / "rows.csv")
    assert len(data) == 30 and data.inputs[1] == "p/cat/1.png" and data.inputs[1].content
    assert sorted(data.row_hashes) == sorted(assembled(tmp_path / "data" / "p").row_hashes)


def test_a_name_that_leads_nowhere_names_its_line(tmp_path):
    photos(tmp_path / "p", 4)
    (tmp_path / "rows.csv").write_text("image,label\np/cat/1.png,cat\np/cat/11.png,cat\np/dog/2.png,dog\n")
    with pytest.raises(DataError, match=r"'rows\.csv', line 3: there is no picture 'p/cat/11\.png'"):
        arranged(TASK, rooms.read(tmp_path / "rows.csv"))


@pytest.mark.parametrize("damage", ["cut", "html", "dot"])
def test_what_is_no_whole_picture_is_refused_with_its_row(tmp_path, damage):
    photos(tmp_path / "p", 4)
    broken = tmp_path / "p" / "cat" / "1.png"
    if damage == "cut":
        broken.write_bytes(broken.read_bytes()[:90])
    elif damage == "html":
        broken.write_text("<html>not found</html>")
    else:
        Image.new("RGB", (1, 1)).save(broken)
    with pytest.raises(DataError, match="'p', picture 1: ") as error:
        arranged(TASK, rooms.read(tmp_path / "p"))
    assert "cat/1.png" in str(error.value) and "\n" not in str(error.value)


def test_that_only_the_first_frame_of_a_moving_picture_is_read_is_said(tmp_path):
    photos(tmp_path / "p", 4)
    frames = [Image.new("RGB", (9, 9), (k, 0, 0)) for k in (0, 120, 250)]
    frames[0].save(tmp_path / "p" / "cat" / "a.gif", save_all=True, append_images=frames[1:])
    (finding,) = arranged(TASK, rooms.read(tmp_path / "p")).findings
    assert finding.kind == "moving_picture" and finding.rows == (3,)


def test_a_table_of_texts_stays_as_it_is(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\nhello there,a\nwhat now,b\n")
    table = rooms.read(tmp_path / "rows.csv")
    assert arranged(TASK, table) is table
