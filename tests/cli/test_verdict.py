import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from hasei.cli.try_ import refused
from hasei.cli.verdict import show, show_plan
from hasei.judge.ledger import Commitment
from made_up import HOSTILE, candidate, report

FOLDER = Path("runs/x")


@pytest.fixture
def shown(capsys, monkeypatch):
    def run(found, columns=80):
        monkeypatch.setenv("COLUMNS", str(columns))
        show(found, FOLDER)
        return capsys.readouterr().out

    return run


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_every_figure_of_a_candidate_is_whole_at_any_width(shown, columns):
    text = shown(report(), columns)
    for figure in (
        "94.4",
        "93.2 to 95.5",
        "+14.4",
        "5.3 M",
        "29.6 k",
        "3m 12s",
        "0.0053",
        "0.000034",
        "91 MB",
        "-77.9",
    ):
        assert figure in text
    table = text[text.index("candidate") : text.index("Verdict")]
    assert max(cell_len(line) for line in table.splitlines()) <= columns


def test_a_narrow_terminal_cuts_no_figure(shown):
    assert "…" not in shown(report(), 50)


def test_candidates_stand_best_first_and_those_without_a_score_say_why(shown):
    text = shown(report(), 160)
    places = [text.index(f"\n{name}") for name in ("partial_fine_tuning", "feature_extraction", "lexical", "majority")]
    assert places == sorted(places)
    assert "lora (first_layer 3), raced out: behind partial_fine_tuning (top_layers 3) on 1,600 rows" in text
    assert "full_fine_tuning, skipped: its trial and refit would take about 610 s" in text


def test_guessed_columns_come_with_the_flag_that_changes_them(shown):
    text = shown(report())
    assert "text: column '問い合わせ内容' (guessed; another one: --text COL)" in text
    named = report()
    named["data"]["guessed"] = []
    assert "guessed" not in shown(named)


def test_findings_come_with_their_first_rows(shown):
    text = flat(shown(report()))
    assert "because 'label' is blank: 7 (lines 3, 7, 12, 40, 41, ...)" in text
    assert "it was read as CP932" in text


def test_the_verdict_its_reason_and_the_confirm_figures_follow_the_table(shown):
    text = flat(shown(report()))
    after = text[text.index("Verdict: adopt") :]
    assert "Adopt partial_fine_tuning (top_layers 3): on 3,080 cases" in after
    assert "gain: 3.1 points over lexical, 95 % interval 2.2 to 4.0 points" in after
    assert "opened for the first time" in after


def test_a_second_opening_says_its_number_and_its_level(shown):
    text = flat(shown(report(openings=2, alpha=0.05 / 6)))
    assert "opened for the 2nd time: judged at alpha 0.0083 (98.3 %)" in text


def test_the_last_line_is_the_command_that_people_came_for(shown):
    last = shown(report()).rstrip().splitlines()[-1]
    assert last.strip() == "hasei predict runs/x/model new.csv --out answers.csv"


def test_where_the_reference_is_enough_the_next_command_uses_it(shown):
    last = shown(report(verdict="do not adopt")).rstrip().splitlines()[-1]
    assert last.strip() == "hasei predict runs/x/reference new.csv --out answers.csv"


def test_a_result_without_a_choice_is_shown_too(shown):
    text = shown(report(chosen=None, verdict="do not adopt"))
    assert "hasei predict runs/x/reference new.csv" in text


def test_without_a_terminal_there_are_no_colours(shown):
    assert "\x1b" not in shown(report())


def test_hostile_names_can_not_steer_the_terminal(shown):
    found = report()
    found["candidates"].append(candidate(HOSTILE, "derived", 0.5))
    text = shown(found, 160)
    assert "\x1b" not in text
    assert "日本語" in text


def test_a_score_without_money_or_gain_shows_a_dash(shown):
    found = report(candidates=[candidate("lexical", "cheap truth", 0.9, cost=None, gain_over_base=None)])
    assert "–" in shown(found, 160)


def test_a_plan_lists_candidates_with_their_time(capsys):
    show_plan({
        "scheme": "holdout", "budget_seconds": 600.0, "read_rows_seconds": 8.6, "columns": {"text": "message"},
        "rows": {"train": 1200, "select": 400, "confirm": 400},
        "candidates": [{"name": "majority", "role": "cheap truth", "seconds": 0.0, "by": "solved"},
                       {"name": "lora", "role": "derived", "seconds": 227.0, "by": "gradients",
                        "reason": "small adapters"}],
        "passed_over": [{"method": "ensemble", "why": "name its members"}],
    })  # fmt: skip
    text = capsys.readouterr().out
    assert "message as text" in text
    assert "3m 47s" in text
    assert "quick" in text
    assert "lora: small adapters" in text and "not ensemble: name its members" in text


def commit(folder, **changes):
    given = {"metric": "accuracy", "at_least": 0.92, "delta": 0.01, "winner": "w", "reference": "r"} | changes
    Commitment(**given).write(folder / "commitment.json")


def test_the_gate_opens_for_an_adopted_result_judged_by_the_rule_as_fixed(tmp_path):
    commit(tmp_path)
    assert refused(report(), tmp_path) == ""
    commit(tmp_path, at_least=None)
    assert refused(report(kpi=None), tmp_path) == ""


@pytest.mark.parametrize(
    ("changes", "fixed", "words"),
    [
        ({"verdict": "do not adopt"}, {}, "do not adopt"),
        ({"verdict": "not enough data"}, {}, "not enough data"),
        ({"exploratory": True}, {}, "exploratory"),
        ({"delta": 0.001}, {}, "smallest gain"),
        ({}, {"at_least": 0.95}, "goal"),
        ({}, {"metric": "macro_f1"}, "metric"),
    ],
)
def test_the_gate_stays_shut_otherwise_and_says_why(tmp_path, changes, fixed, words):
    commit(tmp_path, **fixed)
    assert words in refused(report(**changes), tmp_path)


def test_the_gate_stays_shut_without_a_commitment_or_with_one_that_was_changed(tmp_path):
    assert "commitment" in refused(report(), tmp_path)
    commit(tmp_path)
    path = tmp_path / "commitment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"delta": 0.02}))
    assert "was changed" in refused(report(), tmp_path)
