"""Openings are recorded before the rows are read, counted over overlapping rows, and never forgotten by a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hasei.ground import files
from hasei.ground.errors import DataError, OutputError, RecipeError
from hasei.ground.files import hash_text
from hasei.judge.ledger import Commitment, open_confirm, opening_number, state_folder

COMMITMENT = Commitment("accuracy", 0.9, 0.01, "feature_extraction", "lexical")


def keys(*names: int) -> list[str]:
    return [hash_text(f"row {n}") for n in names]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HASEI_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_ledger_lives_where_the_environment_says(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder() == state
    monkeypatch.delenv("HASEI_STATE")
    assert state_folder().name == "hasei"


def test_the_first_opening_is_judged_at_the_usual_level_and_later_ones_more_strictly() -> None:
    openings = [open_confirm(keys(1, 2, 3), COMMITMENT) for _ in range(3)]
    assert [o.number for o in openings] == [1, 2, 3]
    assert [o.alpha for o in openings] == pytest.approx([0.025, 0.05 / 6, 0.05 / 12])
    assert openings[0].alpha_next == openings[1].alpha
    assert opening_number(keys(1)) == 4


def test_only_openings_that_share_a_unit_are_counted() -> None:
    open_confirm(keys(1, 2, 3), COMMITMENT)
    assert opening_number(keys(4, 5)) == 1
    assert opening_number(keys(3, 4)) == 2
    open_confirm(keys(4, 5), COMMITMENT)
    assert opening_number(keys(1, 5)) == 3
    assert opening_number(keys(5, 6)) == 2


def test_keys_that_are_no_hashes_are_told_apart_too() -> None:
    open_confirm(["customer 1", "customer 2"], COMMITMENT)
    assert opening_number(["customer 2"]) == 2
    assert opening_number(["customer 3"]) == 1


def test_an_opening_is_recorded_with_what_was_committed_to(state: Path) -> None:
    opening = open_confirm(keys(1, 2), COMMITMENT, fingerprint="abc", run_id="r1")
    entry = json.loads((state / "openings.jsonl").read_text())
    assert entry["id"] == opening.entry
    assert entry["fingerprint"] == "abc"
    assert entry["commitment"] == opening.commitment_hash == COMMITMENT.hash()
    assert (entry["committed_metric"], entry["committed_at_least"]) == ("accuracy", 0.9)
    assert (state / "units" / f"{entry['units']}.units").stat().st_size == 16


def test_a_crash_after_recording_still_counts_as_an_opening() -> None:
    with pytest.raises(KeyboardInterrupt):
        read_confirm_and_crash()
    assert opening_number(keys(1)) == 2


def read_confirm_and_crash() -> None:
    open_confirm(keys(1), COMMITMENT, run_id="r1")
    raise KeyboardInterrupt


def test_a_run_that_goes_on_after_a_crash_is_not_counted_twice() -> None:
    first = open_confirm(keys(1, 2), COMMITMENT, run_id="r1")
    other = open_confirm(keys(2, 3), COMMITMENT, run_id="r2")
    resumed = open_confirm(keys(2, 1), COMMITMENT, run_id="r1")
    assert resumed == first
    assert other.number == 2
    assert opening_number(keys(2)) == 3


@pytest.mark.parametrize("change", ["commitment", "run", "units", "no run"])
def test_anything_but_the_same_run_with_the_same_commitment_is_counted(change: str) -> None:
    open_confirm(keys(1, 2), COMMITMENT, run_id="" if change == "no run" else "r1")
    again = open_confirm(
        keys(1, 2, 3) if change == "units" else keys(1, 2),
        replace(COMMITMENT, winner="lora") if change == "commitment" else COMMITMENT,
        run_id={"run": "r2", "no run": ""}.get(change, "r1"),
    )
    assert again.number == 2


@pytest.mark.parametrize(
    "later", [{"metric": "macro_f1"}, {"at_least": 0.85}, {"at_least": None}, {"delta": 0.005}, {"alpha": 0.1}]
)
def test_another_rule_on_rows_already_seen_is_exploratory(later: dict[str, object]) -> None:
    assert not open_confirm(keys(1, 2), COMMITMENT).exploratory
    changed = replace(COMMITMENT, **later)  # type: ignore[arg-type]
    assert open_confirm(keys(2, 3), changed).exploratory
    assert not open_confirm(keys(8, 9), changed).exploratory


def test_another_winner_under_the_same_rule_is_not_exploratory() -> None:
    open_confirm(keys(1), COMMITMENT)
    assert not open_confirm(keys(1), replace(COMMITMENT, winner="lora", reference="naive_bayes")).exploratory


def test_a_line_torn_by_a_crash_counts_and_spoils_no_later_line(state: Path) -> None:
    open_confirm(keys(1), COMMITMENT)
    with (state / "openings.jsonl").open("a") as ledger:
        ledger.write('{"id": "half')
    second = open_confirm(keys(1), COMMITMENT)
    assert second.number == 3
    assert "opening 2 in the ledger can't be read" in second.notes[0]
    assert opening_number(keys(1)) == 4
    assert json.loads((state / "openings.jsonl").read_text().splitlines()[-1])["id"] == second.entry


def test_damaged_units_are_counted_as_overlapping(state: Path) -> None:
    open_confirm(keys(1), COMMITMENT)
    next((state / "units").iterdir()).write_bytes(b"damaged!")
    assert opening_number(keys(7)) == 2


def test_an_opening_that_cannot_be_recorded_is_refused() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    unit_file = next(iter(_unit_file_names(keys(1))))
    with files.fail_at(f"before-rename:{unit_file}", full), pytest.raises(OutputError, match="disk is full"):
        open_confirm(keys(1), COMMITMENT)
    assert opening_number(keys(1)) == 1


def _unit_file_names(units: list[str]) -> list[str]:
    raw = b"".join(sorted(bytes.fromhex(u[:16]) for u in units))
    return [f"{hash_text(raw.hex())}.units"]


def test_a_folder_that_cannot_be_used_names_the_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Set HASEI_STATE"):
        open_confirm(keys(1), COMMITMENT, folder=tmp_path / "file" / "state")


def test_no_rows_are_no_opening() -> None:
    with pytest.raises(DataError, match="no confirm rows"):
        open_confirm([], COMMITMENT)


def test_processes_that_open_at_the_same_time_are_never_both_the_first(state: Path) -> None:
    code = (
        "from hasei.judge.ledger import Commitment, open_confirm\n"
        "c = Commitment('accuracy', None, 0.01, 'w', 'r')\n"
        "print(*[open_confirm(['unit'], c).number for _ in range(5)])\n"
    )
    environment = {**os.environ, "HASEI_STATE": str(state), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True)
        for _ in range(3)
    ]
    numbers = [int(n) for process in running for n in process.communicate(timeout=120)[0].split()]
    assert sorted(numbers) == list(range(1, 16))


def test_a_commitment_read_back_is_the_one_written(tmp_path: Path) -> None:
    COMMITMENT.write(tmp_path / "commitment.json")
    assert Commitment.read(tmp_path / "commitment.json") == COMMITMENT
    without = replace(COMMITMENT, at_least=None)
    without.write(tmp_path / "commitment.json")
    assert Commitment.read(tmp_path / "commitment.json") == without


def test_a_goal_of_1_and_of_1_0_are_one_commitment() -> None:
    assert replace(COMMITMENT, at_least=1).hash() == replace(COMMITMENT, at_least=1.0).hash()


def test_a_commitment_changed_afterwards_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "commitment.json"
    COMMITMENT.write(path)
    path.write_text(path.read_text().replace("0.9", "0.8"))
    with pytest.raises(RecipeError, match="was changed after the confirm rows were opened"):
        Commitment.read(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"hash": "x"}', '{"hash": "x", "colour": 1}', "not json"])
def test_what_is_no_commitment_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "commitment.json"
    path.write_text(text)
    with pytest.raises(RecipeError, match="is not a commitment"):
        Commitment.read(path)
    with pytest.raises(RecipeError, match="there is no commitment"):
        Commitment.read(tmp_path / "absent.json")


def test_a_smallest_gain_that_measured_times_move_is_the_same_rule_as_long_as_the_prices_are(state: Path) -> None:
    units = [f"{i:064x}" for i in range(40)]
    rule = {"metric": "accuracy", "at_least": None, "winner": "a", "reference": "b"}
    first = open_confirm(units, Commitment(delta=1.7e-6, asked="prices", **rule), folder=state)
    again = open_confirm(units, Commitment(delta=1.8e-6, asked="prices", **rule), folder=state)
    other = open_confirm(units, Commitment(delta=1.8e-6, asked="other prices", **rule), folder=state)
    assert (first.exploratory, again.exploratory, other.exploratory) == (False, False, True)
