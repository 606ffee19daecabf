"""What is written is whole or not there, and what a person writes in YAML is read as it was meant."""

from __future__ import annotations

import contextlib
import errno
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError

from hasei.ground import files
from hasei.ground.errors import OutputError, RecipeError


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


@contextlib.contextmanager
def full_disk(place: str = "write") -> Iterator[None]:
    """The disk is full from the fail-point *place* on."""
    with files.fail_at(place, raising(OSError(errno.ENOSPC, "No space left on device"))):
        yield


def left_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


# Writing


def test_a_written_file_is_what_was_given_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    files.write_text(tmp_path / "new" / "a.txt", "一\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "一\n".encode()
    assert left_in(tmp_path) == ["new", "new/a.txt"]


@pytest.mark.parametrize("place", ["write", "before-rename:a.txt"])
def test_a_crash_while_writing_leaves_the_old_file_as_it_was(tmp_path: Path, place: str) -> None:
    files.write_text(tmp_path / "a.txt", "old")
    with files.fail_at(place, raising(KeyboardInterrupt())), pytest.raises(KeyboardInterrupt):
        files.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert left_in(tmp_path) == ["a.txt"]


def test_a_folder_appears_whole_under_its_name(tmp_path: Path) -> None:
    with files.new_folder(tmp_path / "runs" / "one") as folder:
        files.write_text(folder / "part" / "a.txt", "a")
        assert not (tmp_path / "runs" / "one").exists()
    assert left_in(tmp_path) == ["runs", "runs/one", "runs/one/part", "runs/one/part/a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a bug"), MemoryError()])
def test_a_crash_while_a_folder_is_filled_leaves_nothing_of_it(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), files.new_folder(tmp_path / "one") as folder:
        files.write_text(folder / "a.txt", "a")
        raise error
    assert left_in(tmp_path) == []


def test_an_existing_folder_is_never_overwritten_even_if_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(OutputError, match=r"exists already.*Choose another --out"), files.new_folder(tmp_path / "one"):
        pytest.fail("it was opened")


def test_a_folder_that_appears_meanwhile_is_not_overwritten_either(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"), files.new_folder(tmp_path / "one") as folder:
        files.write_text(folder / "ours.txt", "")
        files.write_text(tmp_path / "one" / "theirs.txt", "")
    assert left_in(tmp_path) == ["one", "one/theirs.txt"]


def test_lines_are_appended_whole(tmp_path: Path) -> None:
    files.append_line(tmp_path / "new" / "log", "one")
    files.append_line(tmp_path / "new" / "log", "two\n")
    assert (tmp_path / "new" / "log").read_text() == "one\ntwo\n"


# A full disk, a place that can't be written


@pytest.mark.parametrize("place", ["write", "before-rename:a.json"])
def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path: Path, place: str) -> None:
    files.write_json(tmp_path / "a.json", {"old": 1})
    with full_disk(place), pytest.raises(OutputError) as caught:
        files.write_json(tmp_path / "a.json", {"new": 1})
    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        "the disk is full: 'a.json' was not written and nothing else was changed. "
        "Free some space and run the same command again."
    )
    assert json.loads((tmp_path / "a.json").read_text()) == {"old": 1}
    assert left_in(tmp_path) == ["a.json"]


@pytest.mark.parametrize("place", ["write", "before-rename:one", "before-rename:a.txt"])
def test_a_disk_that_fills_up_leaves_nothing_of_a_folder(tmp_path: Path, place: str) -> None:
    with (
        full_disk(place),
        pytest.raises(OutputError, match="disk is full"),
        files.new_folder(tmp_path / "one") as folder,
    ):
        files.write_text(folder / "a.txt", "a")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        Exception("No space left on device (os error 28)"),  # as tokenizers says it
    ],
    ids=["python", "safetensors", "tokenizers"],
)
def test_what_a_library_writes_onto_a_full_disk_is_one_line_too(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(OutputError, match="the disk is full"), files.new_folder(tmp_path / "model") as place:
        (place / "model.safetensors").write_bytes(b"half of it")
        raise error
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR])
def test_a_place_that_can_not_be_written_says_why(tmp_path: Path, number: int) -> None:
    with files.fail_at("write", raising(OSError(number, "no"))), pytest.raises(OutputError, match="can't be written"):
        files.write_text(tmp_path / "a.txt", "a")
    assert left_in(tmp_path) == []


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OutputError, match=r"can't be written \(not a directory\)"):
        files.write_text(tmp_path / "runs" / "one" / "a.txt", "a")


def test_other_faults_of_a_disk_are_not_called_a_full_one(tmp_path: Path) -> None:
    with files.fail_at("write", raising(OSError(errno.EIO, "damaged"))), pytest.raises(OSError, match="damaged"):
        files.write_text(tmp_path / "a.txt", "a")


def test_a_fail_point_is_gone_after_its_block(tmp_path: Path) -> None:
    with contextlib.suppress(OutputError), full_disk():
        files.write_text(tmp_path / "a.txt", "a")
    files.write_text(tmp_path / "a.txt", "a")
    assert left_in(tmp_path) == ["a.txt"]


# JSON and hashes


def test_equal_values_have_equal_bytes_whatever_their_order(tmp_path: Path) -> None:
    assert files.canonical_json({"b": [1, "é"], "a": 1.5}) == files.canonical_json({"a": 1.5, "b": [1, "é"]})
    assert files.hash_json({"a": 1}) != files.hash_json({"a": 2})
    with pytest.raises(ValueError, match="JSON"):
        files.canonical_json({"a": math.nan})


def test_numbers_of_numpy_become_plain_and_what_json_lacks_becomes_null() -> None:
    value = {1: np.float32(0.5), "n": np.int64(3), "bad": [math.nan, np.float64(math.inf)], "all": np.array([1, 2])}
    assert files.plain(value) == {"1": 0.5, "n": 3, "bad": [None, None], "all": [1, 2]}


def test_the_hashes_of_a_folder_are_by_relative_name_whatever_its_place(tmp_path: Path) -> None:
    for place in ("one", "two"):
        files.write_text(tmp_path / place / "part" / "a.txt", "a")
        files.write_text(tmp_path / place / "b.txt", place)
    first, second = (files.hash_folder(tmp_path / p, leave_out=("b.txt",)) for p in ("one", "two"))
    assert first == second
    assert list(first) == ["part/a.txt"]
    assert files.hash_folder(tmp_path / "one") != files.hash_folder(tmp_path / "two")


# YAML


def read(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "hasei.yaml"
    path.write_text(text, "utf-8")
    return files.read_yaml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("NO", "NO"), ("y", "y"), ("true", True),
        ("1e-5", 1e-5), ("1E-5", 1e-5), ("1e5", 1e5), ("-2e-3", -2e-3), ("3", 3), ("0.5", 0.5), ("10m", "10m"),
        ("1:30", "1:30"), ("012", 12), ("'1e-5'", "1e-5"), ('"12e4"', "12e4"), ("'3'", "3"), ("e5", "e5"), ("~", None),
        ("", None), ("accuracy=0.9", "accuracy=0.9"), ("[no, 1e-5]", ["no", 1e-5]), ("部署", "部署"),
    ],
)  # fmt: skip
def test_yaml_is_read_as_a_person_means_it(tmp_path: Path, text: str, value: object) -> None:
    assert read(tmp_path, f"key: {text}\n") == {"key": value}


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=20))
def test_what_stands_in_quotes_stays_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    found = read(tmp_path_factory.getbasetemp(), f"key: {json.dumps(text, ensure_ascii=False)}")
    assert found == {"key": text}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, number: float) -> None:
    assert read(tmp_path_factory.getbasetemp(), f"key: {number!r}") == {"key": number}


def test_a_byte_order_mark_and_an_empty_file_do_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeffseed: 3\n") == {"seed": 3}
    assert read(tmp_path, "# nothing yet\n") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 1\nbase: x\nseed: 2\n", ("line 3", "duplicate key", "seed")),
        ("goal: {metric: a, metric: b}\n", ("line 1", "duplicate key", "metric")),
        ("data: [a\n", ("not valid YAML",)),
        ("seed: 1\n\tbase: x\n", ("line 2", "\\t")),
        ("- a\n- b\n", ("named settings", "list")),
        ("just words\n", ("named settings",)),
        ("seed: 1\n---\nseed: 2\n", ("another document",)),
        ("run: !!python/object/apply:os.system ['true']\n", ("line 1", "python/object")),
        ("a: &a [*a]\n", ("contains itself",)),
        ("- " * 5000, ("too deeply",)),
        ("a: \x00\n", ("not valid YAML",)),
    ],
    ids=["a key twice", "a key twice inside", "not closed", "a tab", "a list", "words", "two documents", "code", "circular",
         "too deep", "NUL"],
)  # fmt: skip
def test_what_is_no_settings_file_is_one_line_that_names_it(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError) as caught:
        read(tmp_path, text)
    line = str(caught.value)
    assert "'hasei.yaml'" in line
    assert "\n" not in line
    assert not [word for word in words if word not in line], line


def test_a_settings_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no file .*absent\.yaml"):
        files.read_yaml(tmp_path / "absent.yaml")
    (tmp_path / "hasei.yaml").write_bytes(b"base: \x8e\x80")
    with pytest.raises(RecipeError, match=r"not UTF-8 text \(byte 6\)"):
        files.read_yaml(tmp_path / "hasei.yaml")
