"""A FAQ bot from rows to answers: hasei try and predict with entries, and the input that is refused."""

from __future__ import annotations

import csv
import json

import pytest

from hasei.cli import main
from hasei.derive.derived import open_model
from hasei.tasks import open_task
from toys import write_entries

TOY = open_task("retrieval").toy()
MORE = ["today", "again", "please", "really", "now"]


def write_rows(path, rows, header=("query", "faq_id")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def questions(count, seed=0):
    pairs = list(zip(TOY.inputs, TOY.targets))
    return [(f"{pairs[i % 16][0]} {MORE[(i + seed) % 5]} {i}", pairs[i % 16][1]) for i in range(count)]


@pytest.fixture(scope="module")
def study(toy_base, tmp_path_factory):
    """A study in which BM25, which needs no base, is as good as anything, and its folder."""
    place = tmp_path_factory.mktemp("faq")
    corpus = write_entries(place / "faq.jsonl", TOY.corpus)
    rows = write_rows(place / "rows.csv", questions(400))
    out = place / "run"
    asked = ["--task", "retrieval", "--corpus", str(corpus), "--base", str(toy_base("bert")), "--budget", "5m"]
    asked += ["--methods", "relevant_component_analysis", "--scheme", "holdout"]
    assert main(["try", rows, *asked, "--out", str(out), "--json"]) == 0
    return place


def test_the_entries_are_part_of_fingerprint_and_lineage(study, toy_base, tmp_path):
    identity = open_model(study / "run" / "model").identity
    assert identity["data"]["corpus"] == {"entries": 8, "content_hash": TOY.corpus.content_hash}
    other = write_entries(tmp_path / "faq.jsonl", TOY.corpus)
    other.write_text(other.read_text("utf-8").replace("five days", "six days"), "utf-8")
    asked = ["--task", "retrieval", "--data", str(study / "rows.csv"), "--json"]
    found = []
    for number, corpus in enumerate((study / "faq.jsonl", other)):
        assert main(["derive", "bm25", *asked, "--corpus", str(corpus), "--out", str(tmp_path / f"m{number}")]) == 0
        found.append(open_model(tmp_path / f"m{number}").identity["data"]["fingerprint"])
    assert found[0] != found[1]


def test_answers_are_entries_with_score_and_text_or_that_it_does_not_know(study, tmp_path, capsys):
    record = open_model(study / "run" / "model").record["automation"]
    assert record["threshold"] is not None and record["calibration"]
    new = write_rows(tmp_path / "new.csv", [("where is my parcel today",), ("",), ("zzz qqq",)], ("query",))
    assert main(["predict", str(study / "run" / "model"), new, "--out", str(tmp_path / "a.csv")]) == 0
    assert "2 rows answered, 1 without text left blank" in (said := capsys.readouterr().err)
    assert '1 of them: "I don\'t know", since above that confidence 97 % of the answers are right' in said
    parcel, blank, strange = csv.DictReader((tmp_path / "a.csv").read_text("utf-8").splitlines())
    assert list(parcel) == ["query", "label", "confidence", "score", "answer"]
    assert parcel["label"] == "parcel" and parcel["answer"] == TOY.corpus.texts[0]
    assert float(parcel["confidence"]) >= record["threshold"] and float(parcel["score"]) > 0
    assert [blank[name] for name in ("label", "confidence", "score", "answer")] == [""] * 4
    assert strange["answer"] == "I don't know" and float(strange["confidence"]) < record["threshold"]
    assert main(["predict", str(study / "run" / "model"), new, "--out", str(tmp_path / "a.jsonl"), "--automatic"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert [row["automatic"] for row in rows] == ["yes", "no", "no"]


def test_the_verdict_and_every_metric_can_be_recomputed_from_the_files(study, capsys):
    assert main(["compare", "--recompute", str(study / "run")]) == 0
    import pyarrow.parquet as pq

    rows = pq.read_table(study / "run" / "predictions.parquet").to_pylist()
    row = next(r for r in rows if r["role"] == "confirm" and r["candidate"].startswith("bm25"))
    assert len(json.loads(row["answer"])) == 8 and json.loads(row["truth"])[0] in TOY.corpus.place


def test_a_model_is_evaluated_on_rows_with_ids_in_any_shape(study, tmp_path, capsys):
    rows = [("where is my parcel", '["parcel", "card"]'), ("the shop opens when", "hours"), ("the bank", "card")] * 3
    file = write_rows(tmp_path / "t.csv", [(f"{text} {i}", name) for i, (text, name) in enumerate(rows)])
    assert main(["evaluate", str(study / "run" / "model"), file, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 9 and found["metrics"]["mrr@10"]["value"] > 0.9


def test_a_faq_in_one_file_is_both_questions_and_entries(toy_base, tmp_path, capsys):
    texts = dict(zip(TOY.corpus.ids, TOY.corpus.texts))
    rows = [(text, texts[name]) for text, name in questions(64)]
    file = write_rows(tmp_path / "faq.csv", rows, ("question", "answer"))
    assert main(["derive", "bm25", "--task", "retrieval", "--data", file, "--out", str(tmp_path / "m")]) == 0
    model = open_model(tmp_path / "m")
    assert model.identity["data"]["corpus"]["entries"] == 8
    new = write_rows(tmp_path / "new.csv", [("the bank declined my card",)], ("question",))
    assert main(["predict", str(tmp_path / "m"), new, "--out", str(tmp_path / "a.csv")]) == 0
    (row,) = csv.DictReader((tmp_path / "a.csv").read_text("utf-8").splitlines())
    assert row["answer"] == texts["card"], "without a study nothing is held back, and that is said"
    assert "every question gets an entry" in capsys.readouterr().err


@pytest.mark.parametrize(("corpus", "rows", "words"), [
    ("nowhere.jsonl", [("where", "parcel")], "nowhere.jsonl"),
    ("twice.jsonl", [("where", "a")], "stands twice"),
    ("empty.jsonl", [("where", "a")], "no entry of 'empty.jsonl' has a text"),
    ("faq.jsonl", [("where", "parcel"), ("when", "nothing")], "'nothing', is not among the entries of 'faq.jsonl'"),
    ("faq.jsonl", [("where", "parcel"), ("when", "[]")], "has no right entry"),
    ("faq.jsonl", [("where", "parcel"), ("when", "parcel")], "nothing to tell apart"),
    (None, [("where", "f1"), ("when", "f2")], "Give it with --corpus"),
])  # fmt: skip
def test_input_that_must_change_is_refused_in_one_line_and_leaves_nothing(tmp_path, capsys, corpus, rows, words):
    write_entries(tmp_path / "faq.jsonl", TOY.corpus)
    (tmp_path / "twice.jsonl").write_text('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n')
    (tmp_path / "empty.jsonl").write_text('{"_id": "a", "text": " "}\n')
    file = write_rows(tmp_path / "rows.csv", rows)
    given = [] if corpus is None else ["--corpus", str(tmp_path / corpus)]
    asked = ["derive", "bm25", "--task", "retrieval", "--data", file, "--out", str(tmp_path / "m"), *given]
    assert main(asked) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said
    assert not (tmp_path / "m").exists()


def test_a_blank_question_is_left_out_and_said(tmp_path, capsys):
    write_entries(tmp_path / "faq.jsonl", TOY.corpus)
    file = write_rows(tmp_path / "rows.csv", [*questions(32), (" ", "card")])
    given = ["--task", "retrieval", "--corpus", str(tmp_path / "faq.jsonl")]
    assert main(["check", file, *given, "--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [f["rows"] for f in found["findings"] if f["kind"] == "blank_text"] == [[34]]


def test_entries_for_a_task_that_has_none_are_refused(tmp_path, capsys):
    write_entries(tmp_path / "faq.jsonl", TOY.corpus)
    file = write_rows(tmp_path / "rows.csv", questions(64), ("text", "label"))
    assert (
        main(
            [
                "derive",
                "majority",
                "--data",
                file,
                "--corpus",
                str(tmp_path / "faq.jsonl"),
                "--out",
                str(tmp_path / "m"),
            ]
        )
        == 2
    )
    assert "answers from no entries" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["missing", "cut", "fewer", "other"])
def test_damaged_entries_of_a_model_are_refused_in_one_line(study, tmp_path, damage, capsys):
    import shutil

    assert main(["derive", "bm25", "--task", "retrieval", "--data", str(study / "rows.csv"), "--corpus",
                 str(study / "faq.jsonl"), "--out", str(tmp_path / "m")]) == 0  # fmt: skip
    file = tmp_path / "m" / "entries.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    if damage == "missing":
        file.unlink()
    else:
        file.write_text({"cut": "".join(lines)[:-20], "fewer": "".join(lines[1:]), "other": "3\n" * 8}[damage], "utf-8")
    new = write_rows(tmp_path / "new.csv", [("where",)], ("query",))
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "m"), new, "--out", str(tmp_path / "a.csv")]) == 2
    assert "entries.jsonl" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "m")
