"""Files of every format give the same rows, with the lines where they stand."""

from __future__ import annotations

import datetime
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.inputs.data import Table, read, stream


def _read(tmp_path: Path, text: str, name: str = "a.csv", **options: Any) -> Table:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return read(path, **options)


def _sheet(path: Path, rows: list[list[Any]], formats: dict[str, str] | None = None) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    for cell, number_format in (formats or {}).items():
        book.worksheets[0][cell].number_format = number_format
    book.save(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
def test_all_line_ends_give_the_same_rows_and_lines(tmp_path: Path, end: str) -> None:
    table = _read(tmp_path, end.join(["text,label", "one,a", "", '"two', 'lines",b', "three,c"]))
    assert table.columns == ("text", "label")
    assert list(table.cells) == [("one", "a"), (f"two{end}lines", "b"), ("three", "c")]
    assert table.lines.tolist() == [2, 4, 6]


def test_cells_are_kept_as_they_are_but_for_a_carriage_return_at_the_end(tmp_path: Path) -> None:
    table = _read(tmp_path, 'text,label\n" padded ",0012\n"say ""hi""\r",1.0\n')
    assert list(table.cells) == [(" padded ", "0012"), ('say "hi"', "1.0")]


def test_a_quote_inside_an_unquoted_cell_is_a_character(tmp_path: Path) -> None:
    assert _read(tmp_path, 'text,label\na 5" screen,x\n').cells[0] == ('a 5" screen', "x")


def test_ragged_rows_are_dropped_and_their_lines_said(tmp_path: Path) -> None:
    table = _read(tmp_path, 'text,label\na,x\nb\n"c\nc",y\nd,z,z\n\n')
    assert [row[0] for row in table.cells] == ["a", "c\nc"]
    (finding,) = table.findings
    assert (finding.kind, finding.severity, finding.rows, finding.file) == ("ragged", "warning", (3, 6), "a.csv")


def test_blank_rows_are_skipped_in_silence(tmp_path: Path) -> None:
    table = _read(tmp_path, "\n\ntext,label\na,x\n,\n\n \u3000,\nb,y\n")
    assert table.lines.tolist() == [4, 8]
    assert table.findings == ()


def test_blank_headings_get_names_that_nobody_has(tmp_path: Path) -> None:
    assert _read(tmp_path, "text,,column_2, \na,b,c,d\n").columns == ("text", "column_2_", "column_2", "column_4")


def test_a_cell_longer_than_the_parsers_own_limit_is_read(tmp_path: Path) -> None:
    assert len(_read(tmp_path, f"text,label\n{'x' * 200_000},a\n").cells[0][0]) == 200_000


@pytest.mark.parametrize(("delimiter", "name"), [("\t", "a.tsv"), (";", "a.csv"), ("|", "a.txt"), ("\t", "a.csv")])
def test_the_delimiter_is_found_although_texts_hold_commas(tmp_path: Path, delimiter: str, name: str) -> None:
    table = _read(tmp_path, f"text{delimiter}label\none, two, three{delimiter}a\nfour, five{delimiter}b\n", name)
    assert table.columns == ("text", "label")
    assert table.cells[0] == ("one, two, three", "a")


def test_semicolons_in_texts_do_not_make_a_delimiter(tmp_path: Path) -> None:
    assert _read(tmp_path, "text,label\na; b; c,x\nd; e,y\n").cells[0] == ("a; b; c", "x")


def test_a_file_of_one_column_is_not_split_at_the_commas_of_its_texts(tmp_path: Path) -> None:
    table = _read(tmp_path, "text\nhello, world\nhow, are, you\n")
    assert list(table.cells) == [("hello, world",), ("how, are, you",)]


def test_jsonl_has_the_union_of_keys_and_keeps_nested_values_as_json(tmp_path: Path) -> None:
    rows = [{"text": "一", "tags": ["あ", 1]}, {"text": None, "score": 1.0, "ok": True}, {"label": 3}]
    table = _read(tmp_path, "\n\n".join(json.dumps(row) for row in rows), "a.jsonl")
    assert table.columns == ("text", "tags", "score", "ok", "label")
    assert list(table.cells) == [("一", '["あ", 1]', "", "", ""), ("", "", "1.0", "true", ""), ("", "", "", "", "3")]
    assert table.lines.tolist() == [1, 3, 5]


def test_a_wide_line_separator_inside_a_json_text_ends_no_line(tmp_path: Path) -> None:
    assert _read(tmp_path, '{"text": "a\u2028b"}\n', "a.jsonl").cells[0] == ("a\u2028b",)


def test_a_workbook_gives_cells_as_the_sheet_shows_them(tmp_path: Path) -> None:
    day, moment = datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 9, 30)
    rows: list[list[Any]] = [["text", "n", "code", "share", "day", "moment", "ok"]]
    rows.append([" a ", 1.0, 42, 0.5, day, moment, True])
    rows.append(["b", 0.1 + 0.2, 7, 0.25])
    _sheet(tmp_path / "a.xlsx", rows, {"C2": "00000", "D2": "0%", "C3": "0.00"})
    table = read(tmp_path / "a.xlsx")
    assert table.cells[0] == (" a ", "1", "00042", "50%", "2024-01-31", "2024-01-31T09:30:00", "TRUE")
    assert table.cells[1] == ("b", "0.3", "7.00", "0.25", "", "", "")


def test_a_workbook_counts_its_rows_and_ignores_what_trails_off(tmp_path: Path) -> None:
    _sheet(tmp_path / "a.xlsx", [["text", None, "label"], ["a", "note", "x"], [], ["b", None, None, "extra"], [], []])
    table = read(tmp_path / "a.xlsx")
    assert table.columns == ("text", "column_2", "label", "column_4")
    assert table.lines.tolist() == [2, 4]
    (batch,) = stream(tmp_path / "a.xlsx")
    assert batch[1].tolist() == [2, 3, 4]


def test_a_workbook_with_more_sheets_says_which_one_was_read(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.worksheets[0].append(["text"])
    book.worksheets[0].append(["a_x000D_\nb"])
    book.create_sheet("other").append(["no"])
    book.save(tmp_path / "a.xlsx")
    table = read(tmp_path / "a.xlsx")
    assert table.cells[0] == ("a\r\nb",)
    assert [(finding.kind, finding.severity) for finding in table.findings] == [("sheets", "note")]


def test_parquet_gives_text_blanks_and_iso_dates(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    moment = pa.array([1_706_693_400_000_000_001, None], pa.timestamp("ns"))
    columns = {"text": ["あ", None], "n": [1, None], "f": [1.0, float("nan")], "b": [True, None], "l": [["x"], None]}
    parquet.write_table(pa.table({**columns, "when": moment, "bytes": [b"ok", None]}), tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert list(table.cells) == [("あ", "1", "1.0", "true", '["x"]', "2024-01-31T09:30:00", "ok")]
    assert table.lines.tolist() == [2]
    (batch,) = stream(tmp_path / "a.parquet")
    assert batch[0][1] == ("",) * 7


@pytest.mark.parametrize("name", ["data", "data.csv", "data.xls"])
def test_content_decides_where_the_suffix_is_missing_or_wrong(tmp_path: Path, name: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / name
    _sheet(tmp_path / "a.xlsx", [["text", "label"], ["a", "x"]])
    parquet.write_table(pa.table({"text": ["a"], "label": ["x"]}), tmp_path / "a.parquet")
    contents = [(tmp_path / "a.xlsx").read_bytes(), (tmp_path / "a.parquet").read_bytes()]
    for content in [*contents, b'{"text": "a", "label": "x"}\n']:
        path.write_bytes(content)
        table = read(path)
        assert (table.columns, list(table.cells)) == (("text", "label"), [("a", "x")])


def test_where_keeps_the_rows_for_which_every_condition_holds(tmp_path: Path) -> None:
    text = "text,lang,a=b\nhello,en,1\nhallo,de,2\nhowdy, en ,3\nhi,en,1\n"
    assert [row[0] for row in _read(tmp_path, text, where=["lang=en", "text~h"]).cells] == ["hello", "howdy", "hi"]
    assert [row[0] for row in _read(tmp_path, text, where=["lang!=en"]).cells] == ["hallo"]
    assert [row[0] for row in _read(tmp_path, text, where=["a=b=1", "text!=hi"]).cells] == ["hello"]


def test_limit_counts_the_rows_that_where_keeps(tmp_path: Path) -> None:
    text = "text,lang\na,en\nb,de\nc,en\nd,en\n"
    assert [row[0] for row in _read(tmp_path, text, where=["lang=en"], limit=2).cells] == ["a", "c"]


def test_a_stream_keeps_every_row_in_order_blank_ones_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,a\n\n3,\n,\n5,e\n")
    rows = stream(path, batch_rows=2)
    batches = list(rows)
    assert [len(cells) for cells, _ in batches] == [2, 2, 1]
    assert [row for cells, _ in batches for row in cells] == [("1", "a"), ("", ""), ("3", ""), ("", ""), ("5", "e")]
    assert [line for _, lines in batches for line in lines.tolist()] == [2, 3, 4, 5, 6]
    assert [len(cells) for cells, _ in rows] == [2, 2, 1], "a second pass reads the file again"


def test_the_memory_of_a_stream_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        path.write_text("text,label\n" + ("where is my parcel " * 50 + ",delivery\n") * rows)
        tracemalloc.start()
        for _ in stream(path, batch_rows=100):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(6_000) < 1.2 * peak(3_000)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_what_the_csv_writer_writes_is_read_back_with_exact_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    import csv

    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "label"])
    lines = []
    for row in rows:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(text.getvalue().encode())
    batches = list(stream(path))
    assert [row for cells, _ in batches for row in cells] == rows
    assert [line for _, places in batches for line in places.tolist()] == lines
