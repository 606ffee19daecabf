"""Which column is what: as the user says, else by name, else by content, and always with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hasei.ground.errors import DataError
from hasei.inputs.data import Column, Table, guess, read

TEXT = Column("text", "input", ("text", "message", "本文", "問い合わせ内容", "内容"))
LABEL = Column("label", "target", ("label", "category", "部署", "ラベル"))
TASK = (TEXT, LABEL)
PAIR = (Column("first", "input", ("sentence1",)), Column("second", "input", ("sentence2",)), Column("score", "target"))
MESSAGES = ["where is my parcel", "the invoice is wrong", "I can't log in any more", "please cancel the order"]
FOLDER = Path(__file__).parents[3].parent / "shared" / "data"


def _table(**columns: list[str]) -> Table:
    cells = list(zip(*columns.values(), strict=True))
    return Table(Path("a.csv"), tuple(columns), cells, np.arange(2, len(cells) + 2), "utf-8", "")


def _repeated(*values: str, rows: int = 12) -> list[str]:
    return [values[row % len(values)] for row in range(rows)]


def _varied(rows: int = 12) -> list[str]:
    return [f"{MESSAGES[row % 4]}, said customer {row}" for row in range(rows)]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("text", "label"),
        ("Message", "CATEGORY"),
        ("ｔｅｘｔ", "ラベル"),
        ("本文", "部署"),
        (" 問い合わせ_内容 ", "ﾗﾍﾞﾙ"),
    ],
)
def test_usual_names_are_known_in_any_case_width_and_language(text: str, label: str) -> None:
    table = _table(id=[str(n) for n in range(12)], **{label: _repeated("a", "b"), text: _varied()})
    mapping = guess(table, TASK, None)
    assert mapping.columns == {"text": text, "label": label}
    assert mapping.guessed == {"text", "label"}
    assert "by its name" in mapping.why


@pytest.mark.parametrize(("text", "label"), [("customer_message", "main-category"), ("お問い合わせ内容", "担当部署")])
def test_a_usual_name_inside_a_longer_one_is_known_too(text: str, label: str) -> None:
    table = _table(**{"message_id": [f"m-{n}" for n in range(12)], label: _repeated("a", "b"), text: _varied()})
    assert guess(table, TASK, None).columns == {"text": text, "label": label}


def test_an_earlier_hint_wins_over_a_later_one() -> None:
    table = _table(message=_varied(), text=_varied(), label=_repeated("a", "b"))
    assert guess(table, TASK, None).columns["text"] == "text"


def test_a_column_of_the_right_name_without_a_cell_filled_is_passed_over() -> None:
    table = _table(text=[""] * 12, message=_varied(), label=_repeated("a", "b"))
    assert guess(table, TASK, None).columns["text"] == "message"


def test_without_names_the_content_decides_and_the_reason_is_said() -> None:
    table = _table(
        a=[f"6f1c-{n:04d}-9a7b-aa00-{n:08d}-00112233445566" for n in range(12)],
        b=_repeated("delivery", "billing", "account"),
        c=_varied(),
        d=[f"2024-01-{n + 1:02d} 10:30:00" for n in range(12)],
        e=_repeated(*"123456"),
    )
    mapping = guess(table, TASK, None)
    assert mapping.columns == {"text": "c", "label": "b"}
    assert "'c' as text: the longest and most varied text" in mapping.why
    assert "'b' as label: 3 different values that repeat, fewer than in 'e'" in mapping.why


def test_japanese_content_without_spaces_is_text() -> None:
    texts = [f"荷物がまだ届きません。注文番号は{n}です。" for n in range(12)]
    table = _table(番号=[str(n) for n in range(12)], あ=_repeated("配送", "請求"), い=texts)
    assert guess(table, TASK, None).columns == {"text": "い", "label": "あ"}


def test_numbers_may_be_labels_but_neither_text_nor_a_row_number() -> None:
    table = _table(n=[str(n) for n in range(12)], y=_repeated("0", "1", "2"), x=_varied())
    assert guess(table, TASK, None).columns == {"text": "x", "label": "y"}


def test_a_column_of_one_value_is_the_last_choice_for_a_label() -> None:
    table = _table(x=_varied(), source=["web"] * 12, y=_repeated("a", "b", "c"))
    assert guess(table, TASK, None).columns["label"] == "y"


def test_two_inputs_are_taken_in_the_order_of_the_file() -> None:
    other = [f"a much longer sentence than the other one, which is number {n}" for n in range(12)]
    table = _table(y=_repeated("0", "1"), p=_varied(), q=other)
    assert guess(table, PAIR, None).columns == {"first": "p", "second": "q", "score": "y"}


def test_what_the_user_names_is_never_overruled() -> None:
    table = _table(text=_varied(), label=_repeated("a", "b"), note=_varied(), team=_repeated("x", "y"))
    mapping = guess(table, TASK, {"text": "note"})
    assert mapping.columns == {"text": "note", "label": "label"}
    assert mapping.guessed == {"label"}
    assert guess(table, TASK, {"text": "note", "label": "team"}).guessed == frozenset()


def test_the_users_column_is_not_taken_again_for_another_part() -> None:
    table = _table(label=_varied(), b=_repeated("x", "y"))
    assert guess(table, TASK, {"text": "label"}).columns == {"text": "label", "label": "b"}


def test_an_absent_column_is_said_with_the_nearest_one() -> None:
    with pytest.raises(DataError, match=r"no column 'bodi'.*mean 'body'\? \(columns: body, team\)"):
        guess(_table(body=_varied(), team=_repeated("a", "b")), TASK, {"text": "bodi"})


def test_an_unknown_part_is_said() -> None:
    with pytest.raises(DataError, match=r"no part called 'txt'.*mean 'text'"):
        guess(_table(body=_varied()), TASK, {"txt": "body"})


def test_one_column_cannot_play_two_parts() -> None:
    with pytest.raises(DataError, match=r"'body' can't play two parts"):
        guess(_table(body=_varied()), TASK, {"text": "body", "label": "body"})


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"n": [str(n) for n in range(12)]}, r"text or the label.*columns n.*--text NAME --label NAME"),
        ({"x": _varied()}, r"the label.*columns x.*--label NAME"),
        ({"x": _varied(), "id": [f"k{n}" for n in range(12)]}, r"the label.*columns x, id.*--label NAME"),
    ],
    ids=["numbers only", "texts only", "a key is no label"],
)
def test_where_nothing_fits_the_columns_and_the_flag_are_said(columns: dict[str, list[str]], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        guess(_table(**columns), TASK, None)
    assert "\n" not in str(caught.value)


def test_parts_without_a_flag_of_their_own_go_by_map() -> None:
    with pytest.raises(DataError, match=r"--map first=NAME --map second=NAME --map score=NAME"):
        guess(_table(n=[str(n) for n in range(12)]), PAIR, None)


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        ("banking77/train.csv", "text", "label"),
        ("clinc150/val.csv", "text", "label"),
        ("snips/test.jsonl", "text", "label"),
    ],
)
@pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data sets are not here")
def test_real_files_are_mapped_by_name(name: str, text: str, label: str) -> None:
    assert guess(read(FOLDER / name), TASK, None).columns == {"text": text, "label": label}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data sets are not here")
def test_a_real_file_is_mapped_by_content_alone() -> None:
    bare = (Column("text", "input"), Column("label", "target"))
    assert guess(read(FOLDER / "snips" / "test.jsonl"), bare, None).columns == {"text": "text", "label": "label"}
