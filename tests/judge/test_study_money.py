"""Money in a study: against today's process, with what rows cost, and made again from the file of predictions alone."""

from __future__ import annotations

import csv

import pytest

from hasei.ground.events import Watch
from hasei.judge import kept
from hasei.judge.study import conduct, make_config

SOLVED = {"feature_extraction": {"layer": 4, "pooling": "mean"}}
PRICES = {"predictions_per_month": 10_000, "cost_of_an_error": 2.0, "setup_hours": 5, "cost_of_a_person": 0.5}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows with a column that holds what today's process says: right in about 70 % of them."""
    import random

    from test_study import write_rows

    path = write_rows(tmp_path_factory.mktemp("rows") / "rows.csv", 500)
    draw = random.Random(1)
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    labels = sorted({r["department"] for r in read})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["message", "department", "now", "worth"])
        writer.writeheader()
        for r in read:
            now = r["department"] if draw.random() < 0.7 else draw.choice(labels)
            writer.writerow({**r, "now": now, "worth": draw.choice([1, 5])})
    return path


def run(rows, base, out, *, today=None, scheme="holdout", **prices):
    goal = {"metric": "accuracy"} | ({} if today is None else {"today": today})
    return conduct(make_config({
        "data": {"path": str(rows)}, "base": str(base), "recipes": (SOLVED,), "budget": "4m", "goal": goal,
        "prices": {**PRICES, **prices}, "scheme": scheme,
    }), out, Watch())  # fmt: skip


@pytest.fixture(scope="module")
def against_today(rows, toy_base, tmp_path_factory):
    """Return a function that gives the finished study of a scheme with today's process, and its folder."""
    made = {}

    def of(scheme):
        if scheme not in made:
            out = tmp_path_factory.mktemp(scheme) / "run"
            made[scheme] = run(rows, toy_base("bert"), out, today="now", scheme=scheme), out
        return made[scheme]

    return of


@pytest.mark.parametrize("scheme", ["holdout", "nested"])
def test_todays_process_is_a_cheap_truth_and_money_is_reckoned_against_it(against_today, scheme):
    found, out = against_today(scheme)
    money = found.report["money"]
    assert money["against"] == "today"
    assert money["per_month"]["low"] <= money["per_month"]["value"] <= money["per_month"]["high"]
    assert money["labour"] == pytest.approx(5 * 40.0)
    assert found.report["automation"]["money"]["cheapest"]["per_month"] >= 0
    today = found.report["today"]
    assert today["name"] == "today" and 0.5 < today["confirm"]["low"] < today["confirm"]["value"] < 1
    assert kept.recompute(out) == (out / kept.VERDICT).read_text("utf-8")


def test_a_figure_of_today_is_set_against_the_winner_with_its_own_interval(rows, toy_base, tmp_path):
    exact = run(rows, toy_base("bert"), tmp_path / "a", today={"accuracy": 0.5}).report["money"]
    few = run(rows, toy_base("bert"), tmp_path / "b", today={"accuracy": 0.5, "rows": 100}).report["money"]
    assert exact["exact"]
    assert not few["exact"]
    assert few["per_month"]["high"] - few["per_month"]["low"] > exact["per_month"]["high"] - exact["per_month"]["low"]


def test_rows_that_weigh_more_cost_more_and_the_verdict_can_still_be_made_again(
    rows, against_today, toy_base, tmp_path
):
    plain = against_today("holdout")[0].report["money"]
    heavy = run(rows, toy_base("bert"), tmp_path / "b", today="now", costs={"weight": "worth"}).report["money"]
    assert abs(heavy["per_month"]["value"]) > abs(plain["per_month"]["value"])
    assert kept.recompute(tmp_path / "b") == (tmp_path / "b" / kept.VERDICT).read_text("utf-8")
