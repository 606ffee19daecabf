"""Every file that hasei refuses: one line that says what is wrong, where, and what to do; exit code 2."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hasei.ground.errors import DataError
from hasei.inputs.data import read, stream

GOOD = "text,label\nwhere is my parcel,delivery\n"


def _workbook_without_end(path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.worksheets[0].append(["text", "label"])
    book.save(path)
    path.write_bytes(path.read_bytes()[:-200])


def _workbook_with_a_broken_sheet(path: Path) -> None:
    import openpyxl

    whole = path.with_name("whole.xlsx")
    book = openpyxl.Workbook()
    for _ in range(50):
        book.worksheets[0].append(["text", "label"])
    book.save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data[: len(data) // 2] if "sheet1.xml" in name else data)


def _empty_workbook(path: Path) -> None:
    import openpyxl

    openpyxl.Workbook().save(path)


def _parquet_without_end(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), path)
    path.write_bytes(path.read_bytes()[:-20])


def _archive_of_something_else(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no workbook")


Content = bytes | Callable[[Path], None]
LONG_CELL = b'text,label\n"' + b"x" * ((1 << 24) + 10) + b'",a\n'

CORPUS: list[tuple[str, str, Content, tuple[str, ...]]] = [
    ("an empty file", "a.csv", b"", ("empty",)),
    ("only blank lines", "a.csv", b"\n\n  \n", ("empty",)),
    ("only a byte order mark", "a.csv", b"\xef\xbb\xbf", ("empty",)),
    ("only a header", "a.csv", b"text,label\n", ("header", "no rows")),
    ("a header and blank rows", "a.csv", b"text,label\n,\n\n", ("header", "no rows")),
    ("broken UTF-8", "a.csv", "text,label\n荷物はどこ,配送\n".encode() + b"\xe8\x8d,x\n",
     ("position 34", "line 3", "UTF-8", "save the file again")),
    ("bytes of no encoding", "a.csv", b"text,label\nok,x\nabc\x81\x8d\x8f,x\n",
     ("position 19", "line 3", "UTF-8", "UTF-16", "CP932")),
    ("half a UTF-16 file", "a.csv", GOOD.encode("utf-16")[:-1], ("UTF-16", "position", "line 2")),
    ("a NUL", "a.csv", b"text,label\nfine,x\nab\0c,x\n", ("NUL", "line 3")),
    ("an unclosed quote", "a.csv", b'text,label\n"one\ntwo",a\n"three,b\nfour,c\n', ("line 4", "never closed")),
    ("an unclosed quote before others", "a.csv", b'text,label\nfine,x\n"open,b\nfour,"c"\n', ("line 3", "quote")),
    ("text after a closing quote", "a.csv", b'text,label\n"one" two,a\n', ("line 2", "closing quote", "twice")),
    ("a cell beyond all measure", "a.csv", LONG_CELL, ("line 2", "16,777,216 characters")),
    ("a column twice", "a.csv", b"text,label,text\na,b,c\n", ("two columns", "'text'", "rename")),
    ("a column twice but for a space", "a.csv", b"text, text\na,b\n", ("two columns", "'text'")),
    ("only ragged rows", "a.csv", b"text,label\na\nb,c,d\n", ("cells", "line 2", "delimiter")),
    ("an old workbook", "a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, (".xls", "XLSX")),
    ("an old workbook called CSV", "a.csv", b"\xd0\xcf\x11\xe0" + b"\0" * 600, (".xls", "XLSX")),
    ("a workbook with a password", "a.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, ("password", "XLSX")),
    ("a PDF", "a.pdf", b"%PDF-1.7\n...", (".pdf", "CSV")),
    ("a packed file", "a.csv.gz", b"\x1f\x8b\x08\0", (".gz", "unpack")),
    ("an archive", "a.zip", _archive_of_something_else, (".zip", "unpack")),
    ("a JSON array", "a.json", b'[{"text": "a", "label": "b"}]', (".json", "one object per line", ".jsonl")),
    ("text called XLSX", "a.xlsx", GOOD.encode(), ("damaged", ".xlsx", "suffix")),
    ("text called Parquet", "a.parquet", GOOD.encode(), ("damaged", ".parquet", "suffix")),
    ("a workbook cut short", "a.xlsx", _workbook_without_end, ("damaged", "XLSX", "save it again")),
    ("a workbook with a broken sheet", "a.xlsx", _workbook_with_a_broken_sheet, ("damaged", "XLSX")),
    ("a workbook of nothing", "a.xlsx", _empty_workbook, ("empty",)),
    ("an archive called XLSX", "a.xlsx", _archive_of_something_else, ("damaged", "XLSX")),
    ("Parquet cut short", "a.parquet", _parquet_without_end, ("damaged", "Parquet", "export")),
    ("JSONL with broken JSON", "a.jsonl", b'{"text": "a"}\n{"text": \n', ("line 2", "not a JSON object", "one object")),
    ("JSONL with a list", "a.jsonl", b'{"text": "a"}\n\n["b"]\n', ("line 3", "not a JSON object", '["b"]')),
    ("JSONL with a key twice", "a.jsonl", b'{"text": "a", "text": "b"}\n', ("line 1", "twice")),
    ("JSONL with an escaped NUL", "a.jsonl", b'{"text": "a"}\n{"text": "b\\u0000"}\n', ("line 2", "NUL")),
    ("JSONL with half a character", "a.jsonl", b'{"text": "\\ud83d"}\n', ("line 1", "half a character")),
    ("JSONL of brackets", "a.jsonl", b"[" * 100_000, ("line 1", "not a JSON object")),
    ("JSONL with empty objects only", "a.jsonl", b"{}\n{}\n", ("empty",)),
]  # fmt: skip


# A stream keeps blank rows, and says of a ragged one in its own words (below); the big file is slow enough once.
NOT_STREAMED = ("a header and blank rows", "only ragged rows", "a cell beyond all measure")
STREAMED = [case for case in CORPUS if case[0] not in NOT_STREAMED]


@pytest.mark.parametrize(("name", "content", "words"), [case[1:] for case in CORPUS], ids=[case[0] for case in CORPUS])
def test_a_bad_file_is_refused_in_one_line_that_helps(
    tmp_path: Path, name: str, content: Content, words: tuple[str, ...]
) -> None:
    _refused(tmp_path / name, content, words, read)


@pytest.mark.parametrize(
    ("name", "content", "words"), [case[1:] for case in STREAMED], ids=[case[0] for case in STREAMED]
)
def test_a_bad_file_is_refused_by_a_stream_as_well(
    tmp_path: Path, name: str, content: Content, words: tuple[str, ...]
) -> None:
    _refused(tmp_path / name, content, words, lambda path: list(stream(path)))


def _refused(path: Path, content: Content, words: tuple[str, ...], opened: Callable[[Path], object]) -> None:
    if callable(content):
        content(path)
    else:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        opened(path)
    line = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in line and path.name in line
    assert not [word for word in words if word.casefold() not in line.casefold()], line


def test_a_missing_file_is_said_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text(GOOD)
    with pytest.raises(DataError, match=r"there is no file .*ticket\.csv.*mean 'tickets\.csv'"):
        read(tmp_path / "ticket.csv")


def test_a_missing_folder_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file.*Check the path"):
        read(tmp_path / "nowhere" / "a.csv")


def test_a_folder_is_no_file_of_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder.*CSV, TSV, XLSX, JSONL or Parquet"):
        read(tmp_path)


def test_a_stream_refuses_a_header_without_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    with pytest.raises(DataError, match=r"no rows"):
        stream(tmp_path / "a.csv")


@pytest.mark.parametrize("row", ["one", "one,two,three"], ids=["too few", "too many"])
def test_a_stream_never_loses_a_ragged_row_but_names_its_line(tmp_path: Path, row: str) -> None:
    (tmp_path / "a.csv").write_text(f'text,label\n"a\nb",x\n{row}\nc,d\n')
    with pytest.raises(DataError, match=r"line 4 has \d cell.*expected 2"):
        list(stream(tmp_path / "a.csv"))


def test_where_names_the_nearest_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,language\na,en\n")
    with pytest.raises(DataError, match=r"no column 'langage'.*mean 'language'"):
        read(tmp_path / "a.csv", where=["langage=en"])


def test_where_without_an_operator_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,language\na,en\n")
    with pytest.raises(DataError, match=r"'language' is no condition.*column=value"):
        read(tmp_path / "a.csv", where=["language"])


def test_where_that_leaves_no_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,language\na,en\nragged\n")
    with pytest.raises(DataError, match=r"no row of 'a.csv' is left by --where language=fr"):
        read(tmp_path / "a.csv", where=["language=fr"])
