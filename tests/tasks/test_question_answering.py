"""Answers that stand in a context: the shapes in which people have them, what is repaired and refused, and the metrics."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs.data import read
from hasei.inputs.data.dataset import Table
from hasei.tasks import open_task
from hasei.tasks._answer_metrics import exact_match, f1, texts_of, value_of
from hasei.tasks._spans import read as answers_of

TASK = open_task("question_answering")
CONTEXT = "The shop opens at nine and closes at nine."


def arranged(columns, rows):
    cells = [tuple(str(cell) for cell in row) for row in rows]
    table = Table(Path("qa.csv"), tuple(columns), cells, np.arange(2, len(cells) + 2), "utf-8", "")
    found = TASK.arrange(table)
    name = next((n for n in ("answer", "answers") if n in found.columns), None)
    return [row[found.columns.index(name)] for row in found.cells] if name else found.cells, found.findings


@pytest.mark.parametrize(
    ("columns", "cells", "expected"),
    [
        (("answer",), ("shop",), [(4, "shop")]), (("answer", "answer_start"), ("nine", "37"), [(37, "nine")]),
        (("answers",), ('{"text": ["nine", "shop"], "answer_start": [18, 4]}',), [(18, "nine"), (4, "shop")]),
        (("answers",), ('[{"text": "nine", "answer_start": 37}]',), [(37, "nine")]),
        (("answers",), ('["shop", "The shop"]',), [(4, "shop"), (0, "The shop")]),
        (("answers",), ('{"text": [], "answer_start": []}',), []), (("answers",), ("[]",), []),
        (("answer", "is_impossible"), ("nine", "True"), []), (("answer",), (" shop ",), [(4, "shop")]),
    ],
)  # fmt: skip
def test_answers_are_read_in_every_usual_shape(columns, cells, expected):
    (found,), findings = arranged(("question", "context", *columns), [("?", CONTEXT, *cells)])
    assert list(answers_of(found)) == expected and not findings


@pytest.mark.parametrize("start", ["3", "-1", "999", "9.0"])
def test_a_wrong_start_is_set_right_where_the_text_stands_once(start):
    (found,), (finding,) = arranged(("question", "context", "answer", "answer_start"), [("?", CONTEXT, "shop", start)])
    assert answers_of(found) == ((4, "shop"),) and finding.variant == "moved" and finding.rows == (2,)


def test_where_it_stands_several_times_the_nearest_is_taken_and_that_is_said():
    (found,), (finding,) = arranged(("question", "context", "answer", "answer_start"), [("?", CONTEXT, "nine", "35")])
    assert answers_of(found) == ((37, "nine"),) and finding.variant == "unsure" and finding.severity == "warning"


def test_an_answer_that_does_not_stand_in_the_context_is_refused_naming_the_line_and_a_few_are_left_out_and_said():
    columns, bad = ("question", "context", "answer"), ("?", CONTEXT, "ten")
    with pytest.raises(DataError, match=r"line 2 has an answer .* that does not stand in its context") as error:
        arranged(columns, [bad])
    assert "\n" not in str(error.value)
    found, (finding,) = arranged(columns, [("?", CONTEXT, "shop")] * 30 + [bad])
    assert found[-1] == "" and finding.rows == (32,) and len(found) == 31


def test_rows_without_an_answer_column_stay_as_they_are():
    assert arranged(("question", "context"), [("?", CONTEXT)]) == ([("?", CONTEXT)], ())


def test_blank_questions_and_contexts_are_dropped_and_said(tmp_path):
    from hasei.inputs.data import assemble, guess

    rows = [{"question": f"q{i}", "context": f"a{i} b", "answer": f"a{i}"} for i in range(60)]
    rows += [{"question": " ", "context": "a b", "answer": "a"}, {"question": "q", "context": "", "answer": "a"}]
    (tmp_path / "qa.jsonl").write_text("\n".join(map(json.dumps, rows)))
    table = TASK.arrange(read(tmp_path / "qa.jsonl"))
    data = assemble(table, guess(table, TASK.columns), columns=TASK.columns, clean=TASK.clean)
    assert len(data) == 60 and (61, 62) in [f.rows for f in data.findings if f.kind == "blank_text"]


def test_a_document_of_paragraphs_gives_a_row_a_question(tmp_path):
    asked = [{"id": "1", "question": "when", "answers": [{"text": "nine", "answer_start": 18}], "is_impossible": False},
             {"id": "2", "question": "who", "answers": [], "is_impossible": True}]  # fmt: skip
    value = {"version": "2", "data": [{"title": "shops", "paragraphs": [{"context": CONTEXT, "qas": asked}]}]}
    for indent in (None, 2):
        path = tmp_path / "train.json"
        path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
        table = TASK.arrange(read(path))
        rows = [dict(zip(table.columns, row)) for row in table.cells]
        assert [row["question"] for row in rows] == ["when", "who"] and table.lines.tolist() == [1, 2]
        assert [answers_of(row["answers"]) for row in rows] == [((18, "nine"),), ()]
        assert {row["title"] for row in rows} == {"shops"} and {row["context"] for row in rows} == {CONTEXT}


@pytest.mark.parametrize(
    "text",
    ['{"data": [{"paragraphs": 3}]}', '{"data": [{"paragraphs": [{"qas": [1]}]}]}', '{"data": [{"paragraphs": ['],
)
def test_a_document_that_is_none_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(DataError) as error:
        read(tmp_path / "train.json")
    assert "\n" not in str(error.value) and "train.json" in str(error.value)


def test_a_raw_answer_that_says_no_place_is_refused_in_one_line():
    with pytest.raises(DataError, match="does not say where it stands"):
        TASK.clean(["nine"])


def test_no_answer_is_only_said_where_train_rows_had_none():
    outputs = np.empty(1, object)
    outputs[0] = [["nine", -3.0], ["", -0.1]]
    some = TASK.space(['[{"start":0,"text":"a"}]', "[]"])
    none = TASK.space(['[{"start":0,"text":"a"}]', '[{"start":0,"text":"b"}]'])
    assert TASK.answers(some, outputs).values == ["[]"] and TASK.answers(none, outputs).values == ["nine"]
    assert TASK.answers(none, outputs).confidence == pytest.approx([np.exp(-3.0)])


# ---- metrics


@pytest.mark.parametrize(
    ("said", "right", "exact", "overlap"),
    [
        ("the Shop.", "shop", 1, 1), ("a red shop", "blue shop", 0, 0.5), ("nine", "ten", 0, 0), ("[]", "[]", 1, 1),
        ("nine", "[]", 0, 0), ("[]", "nine", 0, 0), ("nine", '["ten","at nine"]', 0, 2 / 3), ("nine", '["ten","nine"]', 1, 1),
        ("小笠原諸島", "小笠原諸島", 1, 1), ("小笠原", "小笠原諸島", 0, 0.75), ("５月から７月", "5月から7月。", 1, 1),
        ("「出梅」", "出梅（しゅつばい）", 0, 4 / 9), ("ＡＢＣ", "abc", 1, 1), ("the", "a", 1, 1), ("東京 都", "東京都", 1, 1),
    ],
)  # fmt: skip
def test_hand_cases_of_the_metrics(said, right, exact, overlap):
    assert exact_match([said], [right]) == exact and f1([said], [right]) == pytest.approx(overlap)


def squad_f1(said, right):
    """The official script of SQuAD 2.0 (Rajpurkar et al. 2018), as far as it concerns one pair of texts."""

    def words(text):
        kept = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", kept).split()

    one, other = words(said), words(right)
    common = sum((Counter(one) & Counter(other)).values())
    if not one or not other:
        return float(one == other)
    if not common:
        return 0.0
    precision, recall = common / len(one), common / len(other)
    return 2 * precision * recall / (precision + recall)


ascii_text = st.text(alphabet="abthe .,'-7$", min_size=1, max_size=20)


@given(ascii_text, ascii_text)
@example("the a", "an the")
def test_for_plain_english_they_are_those_of_the_official_script(said, right):
    assert f1([said], [right]) == pytest.approx(squad_f1(said, right))
    assert exact_match([said], [right]) <= f1([said], [right]) + 1e-12


@given(st.lists(st.text(), max_size=4))
@example(["[]"])
@example(['["a"]'])
def test_any_right_answers_stand_the_way_there_and_back(texts):
    assert texts_of(value_of(texts)) == tuple(dict.fromkeys(texts))


@given(st.text(min_size=1, max_size=40), st.data())
def test_any_piece_of_any_context_is_found_again(context, data):
    start = data.draw(st.integers(0, len(context) - 1))
    text = context[start : data.draw(st.integers(start + 1, len(context)))]
    if not text.strip():
        return
    (found,), findings = arranged(
        ("question", "context", "answers"),
        [("?", context, json.dumps({"text": [text], "answer_start": [start]}))],
    )
    ((place, piece),) = answers_of(found)
    assert context[place : place + len(piece)] == piece == text.strip() and not findings


def jsquad(shared, path, rows=None):
    """Write questions, paragraphs (with their titles, as in JSQuAD) and answers of the shared retrieval set as rows."""
    folder = shared / "jsquad_retrieval"
    lines = {name: (folder / f"{name}.jsonl").read_text("utf-8").split("\n") for name in ("corpus", "queries")}
    corpus, asked = (
        {r["_id"]: r for r in map(json.loads, filter(None, lines[name]))} for name in ("corpus", "queries")
    )
    pairs = [line.split("\t")[:2] for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]]
    with path.open("w", encoding="utf-8") as file:
        for query, document in pairs[:rows]:
            title, text = corpus[document]["title"], corpus[document]["text"]
            row = {
                "question": asked[query]["text"],
                "context": f"{title} [SEP] {text}",
                "answer": asked[query]["answer"],
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def test_real_japanese_answers_stand_in_their_paragraphs(shared, tmp_path):
    table = TASK.arrange(read(jsquad(shared, tmp_path / "qa.jsonl")))
    place, context = table.columns.index("answer"), table.columns.index("context")
    answers = [(row[context], answers_of(row[place])) for row in table.cells if row[place]]
    assert len(answers) == len(table.cells) == 4442
    assert all(text[start : start + len(answer)] == answer for text, found in answers for start, answer in found)
