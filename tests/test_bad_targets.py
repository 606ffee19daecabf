"""A target that can't be learnt, through the command line: one line with file and line, exit code 2, nothing left."""

from __future__ import annotations

import json
import os

import pytest

from hasei.cli import main

GOOD = {
    "text_regression": [{"text": f"text {i}", "label": i % 7} for i in range(40)],
    "similarity": [{"text1": f"one {i}", "text2": f"other {i}", "label": i % 6} for i in range(300)],
    "multi_label_classification": [{"text": f"text {i}", "label": ["pin"] if i % 2 else ["card"]} for i in range(40)],
    "text_generation": [],
}


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Return a function that tries rows which must be refused, and gives the one line that says why."""
    monkeypatch.chdir(tmp_path)

    def run(task, *bad):
        rows = [*GOOD[task], *bad]
        (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
        assert main(["try", "rows.jsonl", "--task", task, "--budget", "30s", "--out", "run"]) == 2
        said = capsys.readouterr()
        assert said.out == "" and [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]
        last = said.err.splitlines()[-1]
        assert last.startswith("error: ") and "Traceback" not in said.err
        return last

    return run


@pytest.mark.parametrize(("task", "label", "words"), [
    ("text_regression", "high", "a target is no number: 'high'"),
    ("text_regression", "inf", "a target is no number: 'inf'"),
    ("text_regression", "1e308", "a target is too large to be computed with: 1e+308"),
    ("similarity", 7, "a similarity is out of its range: 7"),
    ("similarity", "81%", "some similarities are percentages and some are not: '81%'"),
    ("similarity", "８１％", "some similarities are percentages and some are not"),
    ("multi_label_classification", "[1", "a cell of labels can't be read: '[1'"),
    ("multi_label_classification", {"pin": 1}, "a cell of labels can't be read"),
])  # fmt: skip
def test_a_target_that_can_t_be_read_is_named_with_its_line(task, label, words, refused):
    said = refused(task, GOOD[task][0] | {"label": label})
    assert words in said and f"'rows.jsonl', line {len(GOOD[task]) + 1}: " in said


def test_conversations_none_of_which_has_an_answer_are_refused_in_their_own_words(refused):
    turns = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    said = refused(
        "text_generation", *[{"messages": [*turns[:1], {**turns[1], "content": f"hello {i}"}]} for i in range(9)]
    )
    assert "the column 'answer' of 'rows.jsonl' is blank in every row" in said
    assert "each row is a conversation ('messages')" in said and "end each conversation with its answer" in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_in_a_folder_of_pictures_is_refused_and_not_waited_for(tmp_path, monkeypatch, capsys, toy_base):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for name in ("red", "blue"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), name).save(tmp_path / "pictures" / name / "a.png")
    os.mkfifo(tmp_path / "pictures" / "red" / "pipe.png")
    assert (
        main(["try", "pictures", "--task", "image_classification", "--base", str(toy_base("resnet")), "--out", "run"])
        == 2
    )
    assert "'red/pipe.png' in 'pictures' is not a regular file" in capsys.readouterr().err.splitlines()[-1]
