"""The whole flow at toy size: rows -> trials -> commitment -> refit -> folder -> one opening -> verdict."""

from __future__ import annotations

import csv
import json
import random

import pytest

import hasei
from hasei.ground import files
from hasei.ground.errors import OutputError, Stopped
from hasei.ground.events import Watch
from hasei.judge.ledger import Commitment
from hasei.tasks import open_task

WORDS = {
    "delivery": ["parcel", "arrived", "arrive", "order", "where"],
    "payment": ["card", "declined", "refund", "payment", "charged"],
    "account": ["password", "login", "reset", "page", "load"],
}
FILLER = [
    "my",
    "the",
    "is",
    "please",
    "how",
    "do",
    "I",
    "not",
    "a",
    "again",
    "today",
    "this",
    "that",
    "and",
    "what",
    "on",
]
KEYS = {
    "schema", "verdict", "reason", "rows_needed", "chosen", "reference", "kpi", "delta", "alpha", "openings", "candidates",
    "seconds", "budget_seconds", "data", "environment",
}  # fmt: skip
CANDIDATE_KEYS = {
    "name", "method", "role", "params", "status", "why", "select", "train_seconds", "predict_ms_per_row",
    "trainable_parameters", "bytes", "cost",
}  # fmt: skip


def write_rows(path, count, seed=0, noise=0.1):
    draw = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["message", "department"])
        for i in range(count):
            label = draw.choice(list(WORDS))
            said = draw.choice(list(WORDS)) if draw.random() < noise else label
            words = draw.sample(WORDS[said], 2) + draw.sample(FILLER, draw.randint(2, 8))
            draw.shuffle(words)
            rows.writerow([" ".join(words) + f" {i}", label])
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("rows") / "many.csv", 2300)


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """Fewer, which hold out some only where that is asked for."""
    return write_rows(tmp_path_factory.mktemp("rows") / "some.csv", 500)


@pytest.fixture(scope="module")
def few(toy_base, tmp_path_factory):
    """One finished study of few rows, one of them longer than the base reads."""
    rows = write_rows(tmp_path_factory.mktemp("rows") / "few.csv", 150)
    with rows.open("a", encoding="utf-8") as file:
        file.write(f"{'parcel order arrive ' * 60},delivery\n")
    out = tmp_path_factory.mktemp("runs") / "run"
    return hasei.study(rows, base=toy_base("bert"), methods=["feature_extraction"], budget="5m", out=out)


@pytest.fixture(scope="module")
def done(many, toy_base, tmp_path_factory):
    """One finished study by holdout, looked at by several tests."""
    out = tmp_path_factory.mktemp("runs") / "run"
    methods = [
        "feature_extraction",
        {"partial_fine_tuning": {"top_layers": 2, "epochs": 2, "min_steps": 0}},
        "ensemble",
    ]
    return hasei.study(many, base=toy_base("bert"), at_least={"accuracy": 0.5}, methods=methods, budget="4m", out=out)


def test_the_report_keeps_the_json_contract(done):
    report = json.loads((done.folder / "report.json").read_text("utf-8"))
    assert report.keys() >= KEYS
    for candidate in report["candidates"]:
        assert candidate.keys() >= CANDIDATE_KEYS
        assert candidate["status"] in ("done", "failed", "skipped", "raced out")
        assert candidate["status"] == "done" or candidate["why"]
    assert report["schema"] == 1
    assert report["verdict"] in ("adopt", "do not adopt", "not enough data", "rethink")
    assert report["seconds"] <= report["budget_seconds"]
    assert set(report["data"]["roles"]) == {"train", "select", "confirm"}


def test_every_cheap_truth_and_every_named_method_stands_in_the_table(done):
    from hasei.engine.derivation import Facts
    from hasei.engine.derivation import proposals as proposed
    from hasei.ground import plugins

    methods = {c["method"] for c in done.report["candidates"]}
    task = open_task("text_classification")
    facts = Facts(rows=300, width=3, layers=6, target="category")
    every = {n: plugins.load("baselines", n) for n in plugins.names("baselines")}
    cheap = {n for n, plugin in every.items() if plugin.SUPPORTS.admits(task) and proposed(plugin, facts)}
    assert len(cheap) >= 5
    assert methods >= cheap | {"feature_extraction", "partial_fine_tuning", "ensemble"}
    assert all(c["status"] in ("done", "raced out") for c in done.report["candidates"] if c["method"] == "ensemble")


def test_the_columns_taken_are_said_and_guessed_by_their_names(done):
    assert done.report["data"]["columns"] == {"text": "message", "label": "department"}
    assert set(done.report["data"]["guessed"]) == {"text", "label"}


def test_the_model_in_the_folder_answers_and_is_as_it_was_made(done):
    from hasei.ground import lineage

    assert done.chosen.predict(["parcel arrived order"])[0].value in WORDS
    assert lineage.differences(done.folder / "model") == []
    assert done.chosen.record["verdict"] == done.verdict
    assert (done.folder / "model" / "README.md").is_file()
    assert (done.folder / "report.html").is_file()


def test_the_confirm_score_can_be_recomputed_from_the_kept_predictions(done):
    import pyarrow.parquet as pq

    rows = pq.read_table(done.folder / "predictions.parquet").to_pylist()
    chosen = done.report["chosen"]
    confirm = [r for r in rows if r["role"] == "confirm" and r["candidate"] == chosen["name"]]
    assert len(confirm) == done.report["data"]["roles"]["confirm"]["rows"]
    score = sum(r["answer"] == r["truth"] for r in confirm) / len(confirm)
    assert score == pytest.approx(chosen["confirm"]["value"], abs=1e-12)
    assert all(r["row_hash"] and r["unit"] for r in confirm)


def test_metric_goal_winner_and_reference_were_fixed_before_the_opening(done):
    commitment = Commitment.read(done.folder / "commitment.json")
    assert commitment.winner == done.report["chosen"]["name"]
    assert commitment.reference == done.report["reference"]["name"]
    assert (commitment.metric, commitment.at_least) == ("accuracy", 0.5)
    kinds = [entry["kind"] for entry in done.report["log"]]
    assert kinds.index("opening") > max(i for i, k in enumerate(kinds) if k in ("trial", "refit"))
    assert done.report["commitment"] == commitment.hash()


def test_nothing_is_left_beside_the_folder_and_it_is_never_overwritten(done, many, toy_base):
    assert [p.name for p in done.folder.parent.iterdir()] == ["run"]
    with pytest.raises(OutputError, match="exists already"):
        hasei.study(many, base=toy_base("bert"), out=done.folder)


def test_a_second_look_at_the_same_confirm_rows_is_judged_more_strictly(some, toy_base, tmp_path, monkeypatch):
    monkeypatch.setenv("HASEI_STATE", str(tmp_path / "state"))
    levels = []
    for i in range(2):
        result = hasei.study(
            some,
            base=toy_base("bert"),
            methods=["feature_extraction"],
            scheme="holdout",
            budget="3m",
            out=tmp_path / str(i),
        )
        levels.append((result.report["openings"], result.report["alpha"]))
    assert levels[0] == (1, pytest.approx(0.025))
    assert levels[1] == (2, pytest.approx(0.05 / 6))


def test_few_rows_are_cross_fitted_and_every_row_is_confirmed_once(few):
    assert few.report["scheme"].startswith("nested cross-fitting")
    assert few.report["data"]["roles"]["confirm"]["rows"] == 151
    assert few.report["chosen"]["confirm"]["low"] < few.report["chosen"]["confirm"]["value"]
    assert few.chosen.identity["data"]["rows"] == 151


def test_a_text_longer_than_the_base_reads_is_said(few):
    found = next(f for f in few.report["data"]["findings"] if f["kind"] == "long_text")
    assert found["count"] == 1 and found["rows"] == [152]


def test_ctrl_c_keeps_finished_trials_and_resuming_goes_on_with_them(some, toy_base, tmp_path):
    out, seen = tmp_path / "run", []

    def stop_at_second_method(event):
        seen.append(event.message)

    watch = Watch(listener=stop_at_second_method, cancelled=lambda: any("lexical_linear" in m for m in seen))
    arguments = {
        "base": toy_base("bert"),
        "methods": ["feature_extraction"],
        "scheme": "holdout",
        "budget": "4m",
        "out": out,
    }
    with pytest.raises(Stopped, match="--resume"):
        hasei.study(some, watch=watch, **arguments)
    assert not out.exists()
    kept = list((tmp_path / ".run.work" / "trials").iterdir())
    assert kept
    log = []
    hasei.study(some, resume=True, watch=Watch(listener=lambda e: log.append(e)), **arguments)
    assert out.is_dir()
    assert not (tmp_path / ".run.work").exists()


def test_a_full_disk_while_writing_leaves_no_folder(some, toy_base, tmp_path):
    import errno

    def full():
        raise OSError(errno.ENOSPC, "no space left on device")

    with files.fail_at("before-rename:model", full), pytest.raises(OutputError, match="disk is full"):
        hasei.study(
            some,
            base=toy_base("bert"),
            methods=["feature_extraction"],
            scheme="holdout",
            budget="3m",
            out=tmp_path / "run",
        )
    assert not (tmp_path / "run").exists()


def test_a_failing_candidate_stands_in_the_table_with_its_reason_and_stops_nobody(some, toy_base, tmp_path):
    wild = {"partial_fine_tuning": {"top_layers": 1, "epochs": 1, "learning_rate": 1, "head_learning_rate": 10, "clip": 1e30,
                                    "min_steps": 0, "optimizer": "sgd", "weight_decay": 0.9}}  # fmt: skip
    result = hasei.study(
        some, base=toy_base("bert"), methods=["feature_extraction", wild], scheme="holdout", budget="3m",
        out=tmp_path / "run",
    )  # fmt: skip
    statuses = {c["method"]: c["status"] for c in result.report["candidates"]}
    assert statuses["feature_extraction"] == "done"
    assert statuses["partial_fine_tuning"] in ("failed", "done")
