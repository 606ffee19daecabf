"""Which methods a study tries, which it does not, and that it says why: seen by ``hasei try --plan``, which trains nothing."""

from __future__ import annotations

import json

import pytest

from hasei.cli import main
from hasei.ground import plugins
from hasei.tasks import open_task

TASK = open_task("text_classification")
ADMITTED = {n for n in plugins.names("methods") if plugins.load("methods", n).SUPPORTS.admits(TASK)}


@pytest.fixture
def planned(toy_base, tmp_path, monkeypatch, capsys):
    """Return a function that plans a study of *rows* rows a class with the given flags."""
    monkeypatch.chdir(tmp_path)

    def plan(*flags, rows=60):
        lines = ["text,label,month,mood"]
        for i in range(3 * rows):
            lines.append(
                f"a text about {'abc'[i % 3]} and number {i},{'abc'[i % 3]},{'jan' if i % 2 else 'feb'},m{i % 4}"
            )
        (tmp_path / "rows.csv").write_text("\n".join(lines), "utf-8")
        base = str(toy_base("bert"))
        assert (
            main(["try", "rows.csv", "--base", base, "--budget", "60s", "--plan", "--json", "--label", "label", *flags])
            == 0
        )
        found = json.loads(capsys.readouterr().out)
        tried = {c["name"].partition(" (")[0]: c["reason"] for c in found["candidates"] if c["role"] == "derived"}
        return tried, {one["method"]: one["why"] for one in found["passed_over"]}

    return plan


def test_every_method_is_tried_or_passed_over_and_has_its_reason(planned):
    tried, over = planned()
    assert set(tried) | set(over) == set(plugins.names("methods")) and not set(tried) & set(over)
    assert all(tried.values()) and all(over.values())
    assert {"feature_extraction", "partial_fine_tuning"} <= set(tried)
    assert over["pair_regression"] == "can't be used for this task"
    assert over["multi_task"] == "needs other targets of the rows (--also)"


def test_pairs_of_few_rows_a_class_deserve_a_trial_and_of_many_not(planned):
    assert "contrastive_tuning" in planned(rows=25)[0]
    assert planned(rows=100)[1]["contrastive_tuning"].startswith("for few rows a class; here are ")


def test_what_is_given_beside_the_rows_lets_methods_in(planned):
    tried, over = planned("--stage", "month", "--also", "mood")
    assert "continual_learning" in tried and "needs" not in over.get("multi_task", "")


def test_all_tries_every_method_that_can_be_used_with_what_was_given(planned):
    tried, over = planned("--methods", "all")
    lacking = {n for n in ADMITTED if getattr(plugins.load("methods", n), "NEEDS", ())}
    assert set(tried) == ADMITTED - lacking
    assert set(over) == set(plugins.names("methods")) - set(tried)


def test_named_methods_are_tried_and_the_others_are_said_not_to_be(planned):
    tried, over = planned("--methods", "ia3,search")
    assert tried == {"ia3": "named by the user", "search": "named by the user"}
    assert over["lora"] == "other methods were named"
