"""Texts that no label is for: the threshold, its figures, and the whole way through a study at toy size."""

from __future__ import annotations

import csv
import json
import random
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from test_study import FILLER, WORDS

import hasei
from hasei.cli import main
from hasei.ground.errors import DataError, NotSupported, RecipeError
from hasei.ground.events import Watch
from hasei.judge import kept
from hasei.judge.out_of_scope import AUROC, TURNED_AWAY, measure, named, settled
from hasei.judge.study import conduct, make_config
from hasei.tasks import Scope, Space, open_task
from hasei.tasks._scope import as_read, scores

TASK = open_task("text_classification")
LEARNT = Space(3, ("a", "b", "oos"), scope=Scope("oos"))
UNLEARNT = Space(2, ("a", "b"), scope=Scope("oos"))
STRANGE = ["moon", "cheese", "piano", "river", "goat", "violin", "desert"]


def drawn(space, count=300, seed=0, share=0.2):
    """Return outputs and truth of rows of which some are out of scope, told apart only roughly."""
    rng = np.random.default_rng(seed)
    out = rng.random(count) < share
    truth = [("oos" if o else "ab"[rng.integers(2)]) for o in out]
    outputs = rng.normal(size=(count, space.width)) + np.array([[2.0 * (n == t) for n in space.names] for t in truth])
    return outputs.astype(np.float32), truth


def right(space, outputs, truth):
    return np.mean([a == t for a, t in zip(TASK.answers(space, outputs).values, truth)])


@pytest.mark.parametrize("space", [LEARNT, UNLEARNT])
@given(seed=st.integers(0, 10_000), share=st.floats(0.01, 0.9))
def test_no_other_threshold_is_right_more_often_on_the_rows_that_chose_it(space, seed, share):
    outputs, truth = drawn(space, 40, seed, share)
    if "oos" not in truth:
        return
    found = settled(space, outputs, truth)
    far = scores(space, outputs)
    best = right(found, outputs, truth)
    for other in [far.min() - 1, *(np.sort(far)[:-1] + np.diff(np.sort(far)) / 2), far.max() + 1]:
        moved = Space(space.width, space.names, scope=Scope("oos", float(other)))
        assert right(moved, outputs, truth) <= best
        if right(moved, outputs, truth) == best:
            assert other >= found.scope.threshold - 1e-9  # among equals the lowest


@pytest.mark.parametrize("space", [LEARNT, UNLEARNT])
def test_a_row_is_turned_away_exactly_where_its_score_is_above_the_threshold(space):
    outputs, truth = drawn(space)
    found = settled(space, outputs, truth)
    answers = TASK.answers(found, outputs)
    assert [a == "oos" for a in answers.values] == (scores(space, outputs) > found.scope.threshold).tolist()
    assert ((answers.confidence > 0) & (answers.confidence <= 1)).all()
    assert as_read(found, outputs).shape == (300, 3)
    assert as_read(space, outputs) is outputs  # nothing chosen, nothing changed
    assert len(TASK.answers(found, outputs[:0]).values) == 0


def test_without_select_rows_out_of_scope_a_learnt_class_answers_like_any_other_and_else_one_in_twenty_is_turned_away():
    outputs, truth = drawn(LEARNT, share=0.0)
    assert settled(LEARNT, outputs, truth).scope.threshold == 0.0
    assert TASK.answers(settled(LEARNT, outputs, truth), outputs).values == TASK.answers(
        Space(3, LEARNT.names), outputs
    ).values  # fmt: skip
    outputs, truth = drawn(UNLEARNT, share=0.0)
    away = TASK.answers(settled(UNLEARNT, outputs, truth), outputs).values.count("oos")
    assert away == pytest.approx(TURNED_AWAY * 300, abs=1)


def test_without_a_scope_nothing_is_chosen_or_measured():
    space = Space(2, ("a", "b"))
    outputs, truth = drawn(UNLEARNT)
    assert settled(space, outputs, truth) is space
    assert measure(space, outputs, truth, truth, list(map(str, range(300)))) is None


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40))
def test_the_auroc_of_resamples_is_that_of_the_repeated_rows(rows):
    values, out, times = (np.array(column) for column in zip(*rows))
    told = ["out" if o else "in" for o in out]
    found = AUROC.weighted(values.astype(float), told, times[None].astype(float))[0]
    repeated = np.repeat(out, times)
    if repeated.all() or not repeated.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(repeated, np.repeat(values, times)))


def test_the_figures_are_those_of_the_rows():
    outputs, truth = drawn(LEARNT, 400)
    space = settled(LEARNT, *drawn(LEARNT, 400, seed=1))
    answers = TASK.answers(space, outputs).values
    found = measure(space, as_read(space, outputs), answers, truth, list(map(str, range(400))))
    out = np.array([t == "oos" for t in truth])
    away = np.array([a == "oos" for a in answers])
    hit = np.array([a == t for a, t in zip(answers, truth)])
    assert found.auroc.value == pytest.approx(roc_auc_score(out, scores(LEARNT, outputs)))
    assert found.auroc.low < found.auroc.value < found.auroc.high
    assert (found.rows_out, found.rows_in) == (out.sum(), (~out).sum())
    for stated, shown in (
        (found.caught, away[out]), (found.turned_away, away[~out]), (found.in_scope, hit[~out]), (found.overall, hit),
    ):  # fmt: skip
        assert stated.value == pytest.approx(shown.mean())
        assert stated.low <= stated.value <= stated.high
    assert all(0 <= p <= 1 for _, *shares in found.curve for p in shares)
    caught = [c for _, _, c in found.curve]
    assert caught == sorted(caught)


@pytest.mark.parametrize(("share", "none", "said"), [
    (0.0, ("auroc", "caught"), "No row to judge by is labelled 'oos'"),
    (1.0, ("auroc", "turned_away", "in_scope"), "No row to judge by is in scope"),
])  # fmt: skip
def test_figures_that_no_row_can_tell_are_not_made_up(share, none, said):
    space = settled(LEARNT, *drawn(LEARNT))
    outputs, truth = drawn(LEARNT, 60, share=share)
    answers = TASK.answers(space, outputs).values
    found = measure(space, as_read(space, outputs), answers, truth, list(map(str, range(60)))).to_json()
    assert [name for name in ("auroc", "caught", "turned_away", "in_scope", "overall") if found[name] is None] == list(
        none
    )
    assert said in found["words"]
    json.dumps(found, allow_nan=False)


def test_a_label_is_found_in_the_spelling_of_the_rows_and_a_wrong_one_is_refused_with_the_nearest():
    targets = ["card", "pin", "OOS", "card"]
    assert named("oos", TASK, targets) == Scope("OOS")
    assert named(None, TASK, targets) is None
    with pytest.raises(RecipeError, match=r"no row has the label 'cart'.*Did you mean 'card'"):
        named("cart", TASK, targets)
    with pytest.raises(RecipeError, match="blank"):
        named("  ", TASK, targets)
    with pytest.raises(NotSupported, match="text_regression"):
        named("oos", open_task("text_regression"), targets)


def test_the_setting_is_kept_as_it_was_asked():
    asked = make_config({"data": {"path": "a.csv", "out_of_scope": "その他"}}).asked()
    assert asked == {"data": {"path": "a.csv", "out_of_scope": "その他"}}
    assert make_config(asked).data.out_of_scope == "その他"


def write_rows(path, count, out, seed=0, label="other", inside=True):
    """Write *count* rows of which every *out*-th is out of scope (0: none); without *inside* all are."""
    draw = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["message", "department"])
        for i in range(count):
            own = draw.choice(list(WORDS))
            strange = not inside or (out and i % out == 0)
            words = draw.sample(STRANGE if strange else WORDS[own], 2) + draw.sample(FILLER, draw.randint(2, 6))
            draw.shuffle(words)
            rows.writerow([" ".join(words) + f" {i}", label if strange else own])
    return path


def studied(data, toy_base, out, label="Other", **more):
    """Run a quick study whose checks of the data are left out."""
    asked = {"path": str(data), "out_of_scope": label} | {k: str(v) for k, v in more.items()}
    head = {"feature_extraction": {"layer": 4, "pooling": "mean", "l2": 0.01}}
    config = {"data": asked, "base": str(toy_base("bert")), "recipes": [head], "checks": False, "budget": "4m"}
    return conduct(make_config(config), out, Watch())


@pytest.fixture(scope="module", params=["learnt", "not learnt", "few rows"])
def run(request, toy_base, tmp_path_factory):
    place = tmp_path_factory.mktemp("scope")
    if request.param == "few rows":
        return studied(write_rows(place / "rows.csv", 160, 5), toy_base, place / "run").folder
    rows = write_rows(place / "rows.csv", 700, 8 if request.param == "learnt" else 0)
    test = write_rows(place / "test.csv", 400, 4, seed=1)
    return studied(rows, toy_base, place / "run", test=test).folder


def read(run, name="report.json"):
    return json.loads((run / name).read_text("utf-8"))


def test_a_study_says_how_texts_out_of_scope_are_told_and_the_model_keeps_the_threshold(run):
    report, model = read(run), hasei.open_model(run / "model")
    found = report["out_of_scope"]
    assert found["label"] == "other"
    assert found["learnt"] == any("other" in c for c in [model.identity["space"]["names"]])
    assert model.space.scope == Scope("other", found["threshold"])
    assert model.record["out_of_scope"]["threshold"] == found["threshold"]
    assert found["auroc"]["low"] <= found["auroc"]["value"] <= found["auroc"]["high"]
    assert found["overall"]["value"] == pytest.approx(report["chosen"]["confirm"]["value"])
    assert report["asked"]["data"]["out_of_scope"] == "Other"
    assert '<section id="out_of_scope">' in (run / "report.html").read_text("utf-8")
    assert "scope[" in (run / "model" / "README.md").read_text("utf-8")


def test_the_figures_follow_from_the_predictions_alone(run, tmp_path):
    (tmp_path / kept.FILE).write_bytes((run / kept.FILE).read_bytes())
    assert kept.recompute(tmp_path) == (run / kept.VERDICT).read_text("utf-8")
    assert main(["compare", "--recompute", str(run)]) == 0
    found, chosen = read(run)["out_of_scope"], read(run)["chosen"]["name"]
    rows = [
        r for r in pq.read_table(run / kept.FILE).to_pylist() if r["candidate"] == chosen and r["role"] == "confirm"
    ]
    out = [r for r in rows if r["truth"] == "other"]
    assert found["rows_out"] == len(out)
    assert found["caught"]["value"] == pytest.approx(np.mean([r["answer"] == "other" for r in out]))
    said = read(run)["chosen"]["confirm"]["value"]
    assert said == pytest.approx(np.mean([r["answer"] == r["truth"] for r in rows]))


def test_a_changed_threshold_or_select_row_is_found_out(run, tmp_path):
    table = pq.read_table(run / kept.FILE)
    rows, chosen = table.to_pylist(), read(run)["chosen"]["name"]
    for row in rows:
        if row["role"] == "select" and row["candidate"] == chosen:
            row["scores"] = [-s for s in row["scores"]]
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), tmp_path / kept.FILE)
    (tmp_path / kept.VERDICT).write_bytes((run / kept.VERDICT).read_bytes())
    assert main(["compare", "--recompute", str(tmp_path)]) == 1


def test_predict_and_evaluate_turn_away_what_the_threshold_says(run, tmp_path, capsys):
    new = write_rows(tmp_path / "new.csv", 120, 3, seed=7)
    answers = tmp_path / "answers.csv"
    assert main(["predict", str(run), str(new), "--out", str(answers)]) == 0
    said = list(csv.DictReader(answers.read_text("utf-8").splitlines()))
    model = hasei.open_model(run / "model")
    far = scores(model.space, model.outputs([r["message"] for r in said]))
    assert [r["label"] == "other" for r in said] == (far > model.space.scope.threshold).tolist()
    capsys.readouterr()
    assert main(["evaluate", str(run / "model"), str(new), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    truth = np.array([r["department"] == "other" for r in said])
    assert found["out_of_scope"]["auroc"]["value"] == pytest.approx(roc_auc_score(truth, far))
    assert found["unknown_labels"] == 0
    assert main(["evaluate", str(run / "model"), str(new)]) == 0
    assert "AUROC" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
def test_the_code_on_the_card_turns_the_same_texts_away(run, tmp_path, monkeypatch):
    model = hasei.open_model(run / "model")
    new = write_rows(tmp_path / "new.csv", 60, 3, seed=9)
    asked = [r["message"] for r in csv.DictReader(new.read_text("utf-8").splitlines())]
    code = re.findall(r"```python\n(.*?)```", (model.folder / "README.md").read_text("utf-8"), re.S)[0]
    said = []
    monkeypatch.chdir(model.folder)
    exec(compile(code.replace('["a text"]', repr(asked)), "card", "exec"), {"print": said.extend})
    assert said == [answer.value for answer in model.predict(asked)]
    assert {"other"} < set(said)


def test_the_page_and_the_terminal_say_it_in_japanese_too(run, tmp_path, capsys):
    assert main(["report", str(run), "--lang", "ja", "--out", str(tmp_path / "report.html")]) == 0
    assert "対象外（「other」）の文章" in (tmp_path / "report.html").read_text("utf-8")
    capsys.readouterr()


def test_without_the_setting_nothing_is_said_of_scope(toy_base, tmp_path):
    rows, test = write_rows(tmp_path / "rows.csv", 200, 8), write_rows(tmp_path / "test.csv", 100, 8, seed=1)
    found = studied(rows, toy_base, tmp_path / "run", label=None, test=test)
    assert found.report["out_of_scope"] is None
    assert "scope" not in found.chosen.identity["space"]
    assert '<section id="out_of_scope">' not in (found.folder / "report.html").read_text("utf-8")


def test_what_can_not_be_judged_is_refused_in_one_line(toy_base, tmp_path):
    rows = write_rows(tmp_path / "rows.csv", 60, 8)
    only = write_rows(tmp_path / "only.csv", 60, 0, inside=False)
    with pytest.raises(RecipeError, match="Did you mean 'other'"):
        hasei.study(rows, base=toy_base("bert"), out_of_scope="others", out=tmp_path / "run")
    with pytest.raises(DataError, match="nothing to tell apart"):
        hasei.study(only, base=toy_base("bert"), out_of_scope="other", out=tmp_path / "run")
    assert main(["try", str(rows), "--out-of-scope", "oos", "--out", str(tmp_path / "run")]) == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("out", "inside", "missing"), [(0, True, "auroc"), (0, False, "in_scope")])
def test_confirm_rows_that_lie_all_on_one_side_leave_the_other_figures_empty(toy_base, tmp_path, out, inside, missing):
    rows = write_rows(tmp_path / "rows.csv", 300, 8)
    test = write_rows(tmp_path / "test.csv", 120, out, seed=3, inside=inside)
    found = studied(rows, toy_base, tmp_path / "run", test=test).report["out_of_scope"]
    assert found[missing] is None
    assert found["auroc"] is None
