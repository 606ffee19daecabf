"""A cleaned copy: clean to the check, and in every other character the file that it was made from."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import DataError, OutputError
from hasei.ground.files import fail_at
from hasei.inputs.data import read
from hasei.inputs.data.verbatim import raw_records
from hasei.judge.checks._personal import cell_hits
from hasei.judge.redaction import redact

CSV = (
    "\ufeffid;text ; label\r\n"
    '1;"my mail is ""t@example.com"", call 03-1234-5678";Mr. Smith\r\n'
    "2; plain 　text ; a\r\n"
    "\r\n"
    '3;"two\nlines, 佐藤さん";b\r\n'
    '4;5" pipe, 4242 4242 4242 4242;b'
)


def left_in(path, keep=""):
    table = read(path)
    return [c for cells in table.cells for n, c in zip(table.columns, cells) if n != keep and cell_hits(c, n)]


def test_only_what_is_personal_changes(tmp_path):
    (tmp_path / "in.csv").write_bytes(CSV.encode("utf-8"))
    done = redact(tmp_path / "in.csv", tmp_path / "out.csv", keep=" label")
    expected = CSV.replace("t@example.com", "[EMAIL]").replace("03-1234-5678", "[PHONE]").replace("佐藤", "[NAME]")
    assert (tmp_path / "out.csv").read_bytes().decode("utf-8") == expected.replace("4242 4242 4242 4242", "[CARD]")
    assert done.counts == {"email": 1, "phone": 1, "name": 1, "payment_card": 1}
    assert (done.rows, done.left) == (3, {"name": 1})
    assert left_in(tmp_path / "out.csv", " label") == []


@pytest.mark.parametrize("codec", ["utf-8", "cp932", "euc_jp", "utf-16-le", "utf-16-be"])
def test_the_encoding_stays(tmp_path, codec):
    mark = "\ufeff" if codec.startswith("utf-16") else ""
    text = mark + "文章\tラベル\n担当の佐藤さんに電話してください\t総務\n請求書の宛名を変更したいです\t経理\n"
    (tmp_path / "in.tsv").write_bytes(text.encode(codec))
    redact(tmp_path / "in.tsv", tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_bytes() == text.replace("佐藤", "[NAME]").encode(codec)


def test_of_json_lines_only_the_strings_that_hold_something_change(tmp_path):
    lines = [
        '{"text" : "mail t@example.com \\u00e9\\n", "n":1.50,  "label":"u@example.com"}\r\n', "\n",
        '{"text":"直通 03-1234-5678", "more": {"phone": 9012345678, "tags": ["a", "佐藤さん"], "x": null}}\n',
        '{"text": "caf\\u00e9 [1]", "label": "b"}',
    ]  # fmt: skip
    (tmp_path / "in.jsonl").write_text("".join(lines), "utf-8", newline="")
    done = redact(tmp_path / "in.jsonl", tmp_path / "out.jsonl", keep="label")
    expected = "".join(lines).replace("t@example.com", "[EMAIL]").replace("03-1234-5678", "[PHONE]")
    expected = expected.replace("9012345678", '"[PHONE]"').replace("佐藤", "[NAME]")
    assert (tmp_path / "out.jsonl").read_bytes().decode("utf-8") == expected
    assert (done.rows, done.left) == (2, {"email": 1})
    assert left_in(tmp_path / "out.jsonl", "label") == []


def test_a_workbook_and_a_parquet_file_are_written_as_csv(tmp_path):
    import openpyxl
    import pyarrow as pa
    import pyarrow.parquet as pq

    book = openpyxl.Workbook()
    for row in (["text", "n", "label"], ["mail t@example.com", 7, "a"], ["a\r\nb", 8, "b"]):
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")
    pq.write_table(
        pa.table({"text": ["mail t@example.com", "x"], "n": [7, 8], "label": ["a", "b"]}), tmp_path / "in.parquet"
    )
    for name in ("in.xlsx", "in.parquet"):
        with pytest.raises(OutputError, match=r"\.csv"):
            redact(tmp_path / name, tmp_path / f"out-{name}")
        redact(tmp_path / name, tmp_path / f"{name}.csv", keep="label")
        with (tmp_path / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            assert list(csv.reader(file))[:2] == [["text", "n", "label"], ["mail [EMAIL]", "7", "a"]]
        assert left_in(tmp_path / f"{name}.csv") == []


def test_nothing_is_overwritten_and_nothing_half_written_is_left(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,label\nt@example.com,a\n")
    (tmp_path / "there.csv").write_text("mine")
    for out in (tmp_path / "there.csv", path):
        with pytest.raises(OutputError, match="never overwritten"):
            redact(path, out)
    with pytest.raises(OutputError, match=r"ends with '\.csv'"):
        redact(path, tmp_path / "out.jsonl")
    with pytest.raises(DataError, match=r"no column 'lable'.*Did you mean 'label'"):
        redact(path, tmp_path / "out.csv", keep="lable")
    with pytest.raises(OSError), fail_at("before-rename:out.csv", lambda: (_ for _ in ()).throw(OSError("stop"))):
        redact(path, tmp_path / "out.csv")
    path.write_text('text,label\n"never closed,a\n')
    with pytest.raises(DataError, match="never closed"):
        redact(path, tmp_path / "out.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "there.csv"]
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_rows_that_would_be_dropped_are_cleaned_too(tmp_path):
    (tmp_path / "in.csv").write_text("text,label\na,b\n,t@example.com,too many,03-1234-5678\n,\nu@example.com\n")
    redact(tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "text,label\na,b\n,[EMAIL],too many,[PHONE]\n,\n[EMAIL]\n"


cell = st.lists(
    st.sampled_from(
        ["t@example.com", "佐藤さん", "03-1234-5678", "a", "é", '"', ",", ";", "\n", "\r\n", " ", "[", "{", "my name is Bo"]
    ), max_size=5,
).map("".join)  # fmt: skip
rows = st.lists(st.tuples(cell, cell, st.sampled_from(["x", "y"])), min_size=1, max_size=6)


@given(rows, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), st.sampled_from(["\r\n", "\n"]))
def test_a_copy_of_a_copy_is_the_copy(tmp_path_factory, rows, quoting, end):
    folder = tmp_path_factory.mktemp("rows")
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=end).writerows([("text", "氏名", "label"), *rows])
    (folder / "in.csv").write_bytes(text.getvalue().encode("utf-8"))
    assert "".join(p for pieces in raw_records(folder / "in.csv") for p in pieces) == text.getvalue()
    done = redact(folder / "in.csv", folder / "out.csv", keep="label")
    again = redact(folder / "out.csv", folder / "twice.csv", keep="label")
    assert (folder / "twice.csv").read_bytes() == (folder / "out.csv").read_bytes()
    assert not again.counts
    before, after = (
        list(csv.reader(io.StringIO(p.read_bytes().decode(), newline="")))
        for p in (folder / "in.csv", folder / "out.csv")
    )
    assert [r[2:] for r in before] == [r[2:] for r in after]
    assert sum(b != a for b, a in zip(before, after, strict=True)) == done.rows
    assert left_in(folder / "out.csv", "label") == []


@settings(max_examples=50)
@given(
    st.lists(st.dictionaries(st.sampled_from(["text", "氏名", "label"]), cell, min_size=1), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_copy_of_json_lines_is_clean_and_keeps_its_labels(tmp_path_factory, rows, ascii_only):
    folder = tmp_path_factory.mktemp("rows")
    lines = [
        json.dumps({"text": "-"} | row | {"label": "x" + row.get("label", "")}, ensure_ascii=ascii_only) for row in rows
    ]
    (folder / "in.jsonl").write_bytes("\n".join(lines).encode("utf-8"))
    redact(folder / "in.jsonl", folder / "out.jsonl", keep="label")
    after = [json.loads(line) for line in (folder / "out.jsonl").read_bytes().decode().split("\n")]
    assert [row["label"] for row in after] == [json.loads(line)["label"] for line in lines]
    assert left_in(folder / "out.jsonl", "label") == []


def test_a_file_without_personal_data_is_copied_byte_for_byte(shared, tmp_path):
    for name in ("banking77/test.csv", "jglue_jnli/valid.csv"):
        done = redact(shared / name, tmp_path / "copy.csv", by_model=False)
        assert not done.counts
        assert (tmp_path / "copy.csv").read_bytes() == (shared / name).read_bytes()
        (tmp_path / "copy.csv").unlink()
