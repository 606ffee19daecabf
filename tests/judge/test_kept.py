"""A stranger judges again from the file of predictions alone."""

from __future__ import annotations

import json
import random
import re

import pyarrow.parquet as pq
import pytest

import hasei
from hasei.cli import main
from hasei.ground.errors import DataError
from hasei.judge import kept
from hasei.judge.retold import retold


def rows_of(path, count):
    from test_study import write_rows

    return write_rows(path, count)


@pytest.fixture(scope="module", params=["holdout", "few rows"])
def run(request, toy_base, tmp_path_factory):
    place = tmp_path_factory.mktemp("kept")
    path = rows_of(place / "rows.csv", 2300 if request.param == "holdout" else 200)
    old = rows_of(place / "old.csv", 120)
    return hasei.study(
        path, base=toy_base("bert"), at_least={"accuracy": 0.5}, methods=["feature_extraction"], budget="4m",
        out=place / "run", prices={"predictions_per_month": 1000, "cost_of_an_error": 2}, keep=old, slices=["department"],
    ).folder  # fmt: skip


def test_the_verdict_made_again_from_the_predictions_alone_is_byte_for_byte_the_one_kept(run, tmp_path):
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    (alone / kept.FILE).write_bytes((run / kept.FILE).read_bytes())
    assert kept.recompute(alone) == (run / kept.VERDICT).read_text("utf-8")


def test_the_command_says_so_and_a_changed_answer_shows(run, tmp_path, capsys):
    assert main(["compare", "--recompute", str(run)]) == 0
    assert "byte for byte" in capsys.readouterr().out
    table = pq.read_table(run / kept.FILE)
    rows = table.to_pylist()
    winner = json.loads((run / kept.VERDICT).read_text("utf-8"))["chosen"]["name"]
    changed = next(r for r in rows if r["role"] == "confirm" and r["candidate"] == winner)
    changed["answer"] = "something else"
    other = tmp_path / "changed"
    other.mkdir()
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), other / kept.FILE)
    (other / kept.VERDICT).write_bytes((run / kept.VERDICT).read_bytes())
    assert main(["compare", "--recompute", str(other)]) == 1
    assert "NOT the same" in capsys.readouterr().out


def changed(run, place, change):
    """Return a copy of *run* in whose predictions *change* was made, of the rows and the case (a dict)."""
    import shutil

    shutil.copytree(run, place)
    table = pq.read_table(run / kept.FILE)
    case = json.loads(table.schema.metadata[kept.CASE.encode()])
    rows = change(table.to_pylist(), case)
    made = type(table).from_pylist(rows, schema=table.schema)
    pq.write_table(made.replace_schema_metadata({kept.CASE: json.dumps(case)}), place / kept.FILE)
    return place


def test_rows_in_another_order_make_the_same_verdict(run, tmp_path):
    mixed = changed(run, tmp_path / "mixed", lambda rows, case: random.Random(0).sample(rows, len(rows)))
    assert main(["compare", "--recompute", str(mixed)]) == 0


def test_an_answer_to_a_select_row_that_was_changed_is_found_out_whoever_gave_it(run, tmp_path, capsys):
    def change(rows, case):
        other = next(
            r for r in rows if r["role"] == "select" and r["candidate"] not in (case["winner"], case["reference"])
        )
        other["answer"] = other["truth"] if other["answer"] != other["truth"] else "something else"
        return rows

    assert main(["compare", "--recompute", str(changed(run, tmp_path / "changed", change))]) == 1
    assert "report.json: candidates" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [
    {"names": []}, {"metric": "foo"}, {"winner": "nobody"}, {"reference": "nobody"}, {"task": "no_such_task"}, {"alpha": "x"},
    {"language": "xx"}, {"names": ["a"]}, {"prices": {"cpu_hour": "much"}}, {"alpha": -1.0}, {"se_factor": 0.0},
])  # fmt: skip
def test_predictions_with_a_damaged_case_are_refused_in_one_line(run, tmp_path, capsys, damage):
    place = changed(run, tmp_path / "damaged", lambda rows, case: case.update(damage) or rows)
    assert main(["compare", "--recompute", str(place)]) in (1, 2)
    assert "internal" not in capsys.readouterr().err


def test_predictions_that_are_no_file_of_predictions_are_refused_in_one_line(run, tmp_path, capsys):
    import shutil

    shutil.copytree(run, tmp_path / "torn")
    data = (run / kept.FILE).read_bytes()
    for torn in (data[: len(data) // 2], b"", b"PAR1"):
        (tmp_path / "torn" / kept.FILE).write_bytes(torn)
        assert main(["compare", "--recompute", str(tmp_path / "torn")]) == 2
    assert "internal" not in capsys.readouterr().err


@pytest.mark.parametrize("damage", [
    {"chosen": []}, {"candidates": [{}]}, {"candidates": "x"}, {"reference": None}, {"seconds": "x"},
    {"data": {"fingerprint": 1}},
])  # fmt: skip
def test_a_damaged_report_is_refused_in_one_line(run, tmp_path, capsys, damage):
    import shutil

    shutil.copytree(run, tmp_path / "damaged")
    report = json.loads((run / "report.json").read_text("utf-8")) | damage
    (tmp_path / "damaged" / "report.json").write_text(json.dumps(report), "utf-8")
    assert main(["compare", str(tmp_path / "damaged")]) == 2
    assert main(["compare", "--recompute", str(tmp_path / "damaged")]) in (0, 1, 2)
    assert "internal" not in capsys.readouterr().err


def test_a_verdict_file_that_is_damaged_differs_and_that_is_said(run, tmp_path, capsys):
    import shutil

    shutil.copytree(run, tmp_path / "damaged")
    for damage in ("xx", "[]", '"adopt"'):
        (tmp_path / "damaged" / kept.VERDICT).write_text(damage, "utf-8")
        assert main(["compare", "--recompute", str(tmp_path / "damaged")]) == 1
    assert "internal" not in capsys.readouterr().err


def test_rows_not_to_be_forgotten_that_are_learnt_from_are_a_leak(run):
    report = json.loads((run / "report.json").read_text("utf-8"))
    found = [f for f in report["data"]["findings"] if f["variant"] == "kept"]
    assert len(found) == 1 and found[0]["file"] == "old.csv" and found[0]["count"] > 50


def test_a_report_that_says_another_verdict_than_its_predictions_is_found_out(run, tmp_path, capsys):
    import shutil

    forged = tmp_path / "forged"
    shutil.copytree(run, forged)
    report = json.loads((forged / "report.json").read_text("utf-8"))
    report["verdict"] = "rethink" if report["verdict"] == "adopt" else "adopt"
    (forged / "report.json").write_text(json.dumps(report), "utf-8")
    assert main(["compare", "--recompute", str(forged)]) == 1
    assert "report.json: verdict" in capsys.readouterr().out


def test_the_report_states_the_verdict_that_was_kept(run):
    report = json.loads((run / "report.json").read_text("utf-8"))
    verdict = json.loads((run / kept.VERDICT).read_text("utf-8"))
    for key in ("verdict", "reason", "kpi", "slices", "automation", "constraints", "kept"):
        assert report[key] == verdict[key]
    assert report["kept"]["rows"] == 120
    assert any(c["name"] == "forgetting" for c in report["constraints"])
    assert report["chosen"]["confirm"] == verdict["chosen"]["confirm"]


def test_a_report_is_told_again_in_another_language_with_the_same_figures(run):
    report = json.loads((run / "report.json").read_text("utf-8"))
    told = retold(report, run, "ja")
    assert told["reason"].endswith("。")
    assert sorted(re.findall(r"\d+\.\d+", told["reason"])) == sorted(re.findall(r"\d+\.\d+", report["reason"]))
    for part in ("verdict", "chosen", "reference", "slices", "candidates", "data"):
        assert told[part] == report[part]
    for part in ("automation", "money"):
        if report[part]:
            assert told[part] | {"words": ""} == report[part] | {"words": ""}
    assert retold(report, run, "en") == report


def test_without_predictions_the_reason_stays_as_it_was_recorded(run, tmp_path):
    report = json.loads((run / "report.json").read_text("utf-8"))
    assert retold(report, tmp_path, "ja")["reason"] == report["reason"]


def test_a_folder_without_predictions_is_refused_in_one_line(tmp_path):
    with pytest.raises(DataError, match="there is no"):
        kept.recompute(tmp_path)


def test_the_model_knows_which_answers_need_no_person(run, tmp_path, capsys):
    import csv

    report = json.loads((run / "report.json").read_text("utf-8"))
    answers = tmp_path / "answers.csv"
    new = rows_of(tmp_path / "new.csv", 200)
    code = main(["predict", str(run), str(new), "--automatic", "--out", str(answers)])
    if report["automation"]["threshold"] is None:
        assert code == 2
        assert "need no person" in capsys.readouterr().err
        return
    assert code == 0
    assert ("surely less than the 97 %" in capsys.readouterr().err) == report["automation"]["missed"]
    rows = list(csv.DictReader(answers.read_text("utf-8").splitlines()))
    assert {r["automatic"] for r in rows} <= {"yes", "no"}
    threshold = report["automation"]["threshold"]
    clear = [r for r in rows if abs(float(r["confidence"]) - threshold) > 1e-3]  # four digits are written
    assert all((float(r["confidence"]) >= threshold) == (r["automatic"] == "yes") for r in clear)


def test_the_shipped_model_is_held_against_the_scores_that_the_study_kept(run, capsys):
    assert main(["verify", str(run), "--data", str(run.parent / "rows.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    scheme = json.loads((run / "report.json").read_text("utf-8"))["scheme"]
    of_rows = [look for look in found["looks"] if "study" in look["rows"]]
    if "nested" in str(scheme):  # those scores are of other models
        assert not of_rows and any("no" in note for note in found["notes"])
    else:
        assert of_rows and all(look["parity"]["agreement"] == 1 for look in of_rows)
        assert of_rows[0]["parity"]["rows"] >= 400
