"""What must not matter does not: the order of rows, columns and candidates, the names of labels, copies, batch sizes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from worlds import clusters

from hasei.inputs import data as rooms
from hasei.inputs.data.dataset import Dataset
from hasei.judge.decision import pick
from hasei.judge.evaluation import compare, score
from hasei.judge.slices import harm
from hasei.tasks import open_task
from hasei.tasks._class_metrics import METRICS

TASK = open_task("text_classification")
NAMES = sorted(METRICS)


def rows(seed: int, count: int = 90, classes: int = 4) -> tuple[list[str], list[str], list[str], list[str]]:
    """Answers of winner and reference, truth and units, two rows to a unit."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    answers = [np.where(rng.random(count) < p, truth, rng.integers(0, classes, count)) for p in (0.9, 0.7)]
    one, other, true = ([f"label {v}" for v in values] for values in (*answers, truth))
    return one, other, true, [f"u{i // 2}" for i in range(count)]


@given(st.integers(0, 10_000), st.sampled_from(NAMES))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_changes_no_bit_of_a_score_a_gain_or_a_slice(seed: int, name: str) -> None:
    metric, parts = METRICS[name], rows(seed)
    order = np.random.default_rng(seed).permutation(90)
    shuffled: Any = [[values[i] for i in order] for values in parts]
    winner, _, true, units = parts
    assert score(metric, shuffled[0], *shuffled[2:], draws=60) == score(metric, winner, true, units, draws=60)
    assert compare(metric, *shuffled, draws=60) == compare(metric, *parts, draws=60)
    cells = [f"cell {i % 2}" for i in range(90)]
    assert harm(metric, *shuffled, {"c": [cells[i] for i in order]}) == harm(metric, *parts, {"c": cells})


@given(st.integers(0, 10_000), st.sampled_from(NAMES))
@settings(max_examples=25, deadline=None)
def test_renaming_labels_changes_no_score(seed: int, name: str) -> None:
    winner, reference, true, units = rows(seed)
    new = dict(zip(sorted(set(winner + reference + true)), ["zeta", "Alpha", "9", "ß", "日本"]))
    renamed = [[new[v] for v in values] for values in (winner, reference, true)]
    found = compare(METRICS[name], *renamed, units, draws=60)
    assert found == compare(METRICS[name], winner, reference, true, units, draws=60)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 100)), min_size=1, max_size=9, unique=True), st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_candidates_does_not_change_which_one_wins(table: list[tuple[float, float]], random: Any) -> None:
    shuffled = random.sample(table, len(table))
    chosen = pick([s for s, _ in table], [c for _, c in table])
    again = pick([s for s, _ in shuffled], [c for _, c in shuffled])
    assert chosen is not None and again is not None
    assert table[chosen] == shuffled[again]


def read(path: Path, table: list[dict[str, str]], columns: list[str]) -> Dataset:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, columns)
        out.writeheader()
        out.writerows(table)
    found = rooms.read(path)
    return rooms.assemble(found, rooms.guess(found, TASK.columns, {}), columns=TASK.columns, clean=TASK.clean)


def places(data: Dataset) -> dict[str, tuple[str, str]]:
    return {str(data.inputs[i]): (str(data.roles[i]), data.units[i]) for i in range(len(data))}


def test_permuting_rows_or_columns_or_renaming_labels_moves_no_row_to_another_role(tmp_path: Path) -> None:
    table = [{"text": f"message number {i}", "label": f"class {i % 5}", "when": str(i)} for i in range(300)]
    plain = read(tmp_path / "plain.csv", table, ["text", "label", "when"])
    rng = np.random.default_rng(41)
    mixed = [table[i] for i in rng.permutation(300)]
    other = read(tmp_path / "other.csv", mixed, ["when", "label", "text"])
    assert places(other) == places(plain)
    assert other.fingerprint == plain.fingerprint
    renamed = [{**row, "label": f"other {row['label']}"} for row in table]
    assert places(read(tmp_path / "renamed.csv", renamed, ["text", "label", "when"])) == places(plain)


@pytest.mark.parametrize("name", NAMES)
def test_copying_the_whole_test_file_changes_neither_score_nor_gain(name: str) -> None:
    winner, reference, true, units = rows(42, 200)
    metric = METRICS[name]
    once = compare(metric, winner, reference, true, units, draws=200)
    five = compare(metric, winner * 5, reference * 5, true * 5, units * 5, draws=200)
    assert (five.value, five.low, five.high) == pytest.approx((once.value, once.low, once.high), abs=1e-9)


def test_copied_rows_share_the_unit_of_what_they_were_copied_from(tmp_path: Path) -> None:
    table = [{"text": f"message number {i}", "label": f"class {i % 5}"} for i in range(100)]
    copies = [{**row, "text": row["text"].upper() + " "} for row in table[:30] for _ in range(4)]
    once = read(tmp_path / "once.csv", table, ["text", "label"])
    more = read(tmp_path / "more.csv", table + copies, ["text", "label"])
    assert len(more) == 220
    assert set(more.units) == set(once.units)


def test_copying_some_rows_does_not_narrow_an_interval_and_it_still_covers() -> None:
    rng, narrower, covered = np.random.default_rng(43), [], []
    metric = METRICS["accuracy"]
    for _ in range(400):
        right, unit = clusters(rng, 0.8, 0.0, 150)
        once = np.unique(unit, return_index=True)[1]
        # One row of each unit, then five copies of a fifth of them: 150 independent rows look like 300.
        copies = rng.choice(once, 30, replace=False)
        every = np.concatenate([once, np.repeat(copies, 5)])
        truth = np.ones(len(every), np.bool_)
        few, many = (score(metric, right[0][i], truth[: len(i)], unit[i]) for i in (once, every))
        narrower.append((many.high - many.low) / (few.high - few.low))
        covered.append(many.low <= 0.8 <= many.high)
    assert np.mean(narrower) > 1.2
    assert np.mean(narrower) > 1 and np.quantile(narrower, 0.02) > 1
    assert np.mean(covered) >= 0.93


LABELS = st.sampled_from(["a", "b", "c", "d", "e"])


def by_scikit_learn(predicted: list[str], true: list[str]) -> dict[str, float]:
    return {
        "accuracy": sk.accuracy_score(true, predicted),
        "macro_f1": sk.f1_score(true, predicted, average="macro", zero_division=0),
        "micro_f1": sk.f1_score(true, predicted, average="micro", zero_division=0),
        "macro_precision": sk.precision_score(true, predicted, average="macro", zero_division=0),
        "macro_recall": sk.recall_score(true, predicted, average="macro", zero_division=0),
    }


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=120))
@settings(max_examples=150, deadline=None)
def test_metrics_equal_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    predicted, true = ([pair[side] for pair in pairs] for side in (0, 1))
    found = by_scikit_learn(predicted, true)
    assert set(found) == set(METRICS)
    codes = {name: i for i, name in enumerate("abcde")}
    as_numbers = [np.array([codes[v] for v in values]) for values in (predicted, true)]
    for name, expected in found.items():
        assert METRICS[name].value(predicted, true) == pytest.approx(expected, abs=1e-12)
        assert METRICS[name].value(*as_numbers) == pytest.approx(expected, abs=1e-12)
        assert score(METRICS[name], predicted, true, [str(i) for i in range(len(true))], draws=20).value == (
            pytest.approx(expected, abs=1e-12)
        )


def test_metrics_of_a_real_model_equal_those_of_scikit_learn_for_every_batch_size(toy_base: Any) -> None:
    from hasei.engine.pooled import PooledModel, linear
    from hasei.engine.prediction import PooledPredictor
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base

    rng = np.random.default_rng(44)
    trunk = Trunk(Base.open(toy_base("bert")))
    head = linear(rng.normal(size=(4, trunk.hidden)), np.zeros(4))
    model = PooledPredictor(PooledModel(trunk.model, "mean", head), trunk.tokenizer, trunk.base.max_tokens)
    words = ["where", "is", "my", "parcel", "the", "card", "was", "declined", "reset", "password", "login", "long"]
    texts = [" ".join(rng.choice(words, rng.integers(1, 30))) for _ in range(60)]
    names = ("a", "b", "c", "d")
    true = rng.choice(names, 60).tolist()
    space = TASK.space(list(names))
    for size in (1, 2, 3, 7, 31, 60):
        parts = [model.outputs(texts[start : start + size]) for start in range(0, 60, size)]
        predicted = TASK.answers(space, np.concatenate(parts)).values
        for name, expected in by_scikit_learn(predicted, true).items():
            assert METRICS[name].value(predicted, true) == pytest.approx(expected, abs=1e-12)
        if size == 1:
            alone = predicted
        assert predicted == alone


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60), st.integers(0, 10_000))
@settings(max_examples=100, deadline=None)
def test_a_metric_of_weighted_rows_is_that_of_the_rows_repeated(pairs: list[tuple[str, str]], seed: int) -> None:
    weights = np.random.default_rng(seed).integers(0, 3, (4, len(pairs))).astype(np.float64)
    weights[:, 0] += 1
    predicted, true = ([pair[side] for pair in pairs] for side in (0, 1))
    for metric in METRICS.values():
        if metric.weighted is None:
            continue
        for times, found in zip(weights, metric.weighted(predicted, true, weights)):
            repeated = np.repeat(np.arange(len(pairs)), times.astype(np.int64)).tolist()
            expected = metric.value([predicted[i] for i in repeated], [true[i] for i in repeated])
            assert found == pytest.approx(expected, abs=1e-12)
