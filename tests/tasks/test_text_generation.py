"""The shapes in which people keep prompts and answers, what is refused of them, and how near texts are measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs import data as rooms
from hasei.tasks import arranged, open_task
from hasei.tasks._messages import canonical, messages_of, read_messages, shown, split
from hasei.tasks._text_metrics import METRICS, unspaced

TASK = open_task("text_generation")
HELLO = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]


def read(tmp_path, rows):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    table = arranged(TASK, rooms.read(path))
    mapping = rooms.guess(table, TASK.columns)
    places = [table.columns.index(mapping.columns[part]) for part in ("prompt", "answer")]
    return [tuple(row[place] for place in places) for row in table.cells], [f.message for f in table.findings]


def test_a_conversation_is_asked_up_to_its_last_answer(tmp_path):
    turns = [{"role": "system", "content": "be brief"}, *HELLO, {"role": "user", "content": "and?"},
             {"role": "assistant", "content": "nothing"}]  # fmt: skip
    rows, said = read(tmp_path, [{"id": 1, "messages": turns}, {"id": 2, "messages": HELLO}])
    assert messages_of(rows[0][0]) == turns[:-1] and rows[0][1] == "nothing"
    assert rows[1] == ("hello", "good day")
    assert any("'messages'" in message for message in said)


def test_what_sharegpt_exports_is_read(tmp_path):
    turns = [{"from": "human", "value": "荷物は？"}, {"from": "gpt", "value": "配送中です。"}]
    assert read(tmp_path, [{"conversations": turns}])[0] == [("荷物は？", "配送中です。")]


def test_an_instruction_and_its_input_are_one_prompt(tmp_path):
    rows, said = read(tmp_path, [
        {"instruction": "Translate.", "input": "ねこ", "output": "cat"}, {"instruction": "Say hi.", "input": "", "output": "hi"},
    ])  # fmt: skip
    assert rows == [("Translate.\n\nねこ", "cat"), ("Say hi.", "hi")]
    assert any("instruction" in message for message in said)


@pytest.mark.parametrize(
    "names", [("prompt", "completion"), ("input", "output"), ("question", "answer"), ("質問", "回答")]
)
def test_prompt_and_answer_are_found_under_usual_names(tmp_path, names):
    assert read(tmp_path, [dict(zip(names, ("a", "b")))])[0] == [("a", "b")]


@pytest.mark.parametrize(("cell", "says"), [
    ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "turn 2 is user, expected assistant"),
    ([{"role": "assistant", "content": "a"}], "turn 1 is assistant, expected user"),
    ([{"role": "user", "content": "a"}, {"role": "system", "content": "b"}], "turn 2 is system"),
    ([{"role": "wizard", "content": "a"}], "unknown role 'wizard'"),
    ([{"role": "user"}], "no 'role' and 'content'"),
    ([{"role": "user", "content": [{"type": "image_url"}]}], "no text"),
    ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [{}]}], "calls a tool"),
    ([{"role": "system", "content": "a"}], "no user turn"), ([], "no turns"), ("[{", "not valid JSON"), ('{"a": 1}', "no list"),
    ("[[1]]", "no list"),
])  # fmt: skip
def test_what_is_no_conversation_is_refused_in_one_line_that_names_the_line(tmp_path, cell, says):
    with pytest.raises(DataError) as error:
        read(tmp_path, [{"messages": HELLO}, {"messages": cell}])
    assert says in str(error.value) and "line 2" in str(error.value) and "\n" not in str(error.value)


def test_a_conversation_without_an_answer_is_dropped_and_said(tmp_path):
    path = tmp_path / "rows.jsonl"
    turns = [[{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}] for n in range(60)]
    turns += [
        [{"role": "user", "content": "open"}],
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": " "}],
    ]
    path.write_text("\n".join(json.dumps({"messages": t}) for t in turns), "utf-8")
    table = arranged(TASK, rooms.read(path))
    found = rooms.assemble(table, rooms.guess(table, TASK.columns), columns=TASK.columns, clean=TASK.clean)
    assert len(found) == 60
    assert [f.rows for f in found.findings if f.kind == "blank_label"] == [(61, 62)]


def test_rows_none_of_which_has_an_answer_are_refused_in_one_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"messages": HELLO[:1]}) for _ in range(30)), "utf-8")
    table = arranged(TASK, rooms.read(path))
    with pytest.raises(DataError, match=r"the column 'answer' of '.*' is blank in every row"):
        rooms.assemble(table, rooms.guess(table, TASK.columns), columns=TASK.columns, clean=TASK.clean)


TEXT = st.text(max_size=20).filter(lambda text: "\x00" not in text)


@given(system=st.none() | TEXT, turns=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_any_conversation_comes_back_from_its_prompt_and_answer(system, turns):
    messages = [] if system is None else [{"role": "system", "content": system}]
    for asked, said in turns:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    prompt, answer = split(messages)
    assert [*messages_of(prompt), {"role": "assistant", "content": answer}] == messages
    assert canonical(messages_of(prompt)) == prompt and read_messages(json.dumps(messages)) == messages
    assert "role" not in shown(prompt) or any("role" in m["content"] for m in messages)


# ---- metrics

SAID = ["the cat sat on the mat", "a dog", "", "hello there my friend", "The  café; it's near…", "x"]
TRUE = [
    "the cat sat on a mat today",
    "a dog barks",
    "nothing said here",
    "hello there my friend",
    "The cafe is near it",
    "y",
]
SAID_JA, TRUE_JA = ["荷物は配送中です。", "再設定して"], ["荷物はまだ配送中です。", "パスワードを再設定してください。"]


def by_sacrebleu(name, said, true):
    from sacrebleu.metrics import BLEU, CHRF

    scorer = CHRF() if name == "chrf" else BLEU(tokenize="char" if unspaced(true[0]) else "13a")
    return scorer.corpus_score(said, [true]).score / 100


@pytest.mark.parametrize("name", ["chrf", "bleu"])
@pytest.mark.parametrize(("said", "true"), [(SAID, TRUE), (SAID_JA, TRUE_JA), (TRUE, TRUE), (["zz"], ["qq"])])
def test_a_corpus_is_scored_as_sacrebleu_scores_it(name, said, true):
    assert METRICS[name].value(said, true) == pytest.approx(by_sacrebleu(name, said, true), abs=1e-12)


@pytest.mark.parametrize("name", ["chrf", "bleu"])
def test_a_resample_is_scored_as_if_its_rows_stood_there(name):
    weights = np.random.default_rng(0).multinomial(len(TRUE), np.full(len(TRUE), 1 / len(TRUE)), 20)
    found = METRICS[name].weighted(SAID, TRUE, weights)
    for value, times in zip(found, weights):
        rows = np.repeat(np.arange(len(TRUE)), times)
        assert value == pytest.approx(by_sacrebleu(name, [SAID[i] for i in rows], [TRUE[i] for i in rows]), abs=1e-12)


def test_rouge_l_of_text_without_spaces_is_of_its_signs():
    from rouge_score.rouge_scorer import RougeScorer

    plain = RougeScorer(["rougeL"]).score(TRUE[0], SAID[0])["rougeL"].fmeasure
    assert METRICS["rouge_l"].value(SAID[:1], TRUE[:1]) == pytest.approx(plain)
    assert 0.5 < METRICS["rouge_l"].value(SAID_JA[:1], TRUE_JA[:1]) < 1
    assert METRICS["exact_match"].value(["ＯＫ", "a b"], ["OK", "a  b"]) == 1.0


@pytest.mark.parametrize("name", ["chrf", "bleu"])
def test_a_text_that_is_never_quite_right_can_still_be_surely_better(name):
    from hasei.judge.evaluation import compare, score

    truth = [f"the parcel number {n} will arrive on day {n % 7} of the week" for n in range(300)]
    near = [f"parcel number {n} will arrive on day {n % 7} of this week" for n in range(300)]
    far = ["something else was said" for _ in range(300)]
    units = [str(n) for n in range(300)]
    gain = compare(METRICS[name], near, far, truth, units)
    assert gain.low > 0 and not gain.too_few and not score(METRICS[name], near, truth, units).too_few
    assert compare(METRICS[name], far, near, truth, units).high < 0
