"""Energy beside the work: never a made-up figure, never a written file, never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hasei.ground import measure
from hasei.ground.measure import energy


def test_without_the_library_nothing_is_said_and_nothing_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "LIBRARY", "no_such_library")
    with energy("JPN") as meter:
        pass
    assert meter.used is None
    assert "hasei[energy]" in meter.why


def test_a_broken_library_costs_the_figure_and_not_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("codecarbon")

    def broken(country: str | None) -> None:
        raise ImportError("no such thing")

    monkeypatch.setattr(measure, "_open", broken)
    with energy() as meter:
        done = True
    assert done
    assert meter.used is None
    assert "ImportError: no such thing" in meter.why


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a process of its own says that measures, with warnings as errors and no way to write or to reach a network."""
    pytest.importorskip("codecarbon")
    place = tmp_path_factory.mktemp("energy")
    code = """
import json, os, socket, threading, time

def refuse(*a, **k):
    raise OSError("a network was asked for")

socket.socket.connect = refuse
from hasei.ground.errors import RecipeError
from hasei.ground.measure import energy

def busy():
    while any(t.name == "hasei-energy" for t in threading.enumerate()):
        time.sleep(0.01)
    end = time.perf_counter() + 1.1
    while time.perf_counter() < end:
        pass

with energy("JPN") as first:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    worker = threading.Thread(target=busy)
    worker.start()
    worker.join()
with energy() as second:
    busy()
with energy() as short:
    pass
try:
    with energy("JPX"):
        refused = ""
except RecipeError as error:
    refused = str(error)
end = time.perf_counter() + 20
while threading.active_count() > 1 and time.perf_counter() < end:
    time.sleep(0.05)
print(json.dumps({"used": [m.used for m in (first, second, short)], "why": short.why, "refused": refused,
                  "threads": [t.name for t in threading.enumerate()]}))
"""
    environment = {
        **os.environ,
        "CODECARBON_SAVE_TO_FILE": "true",
        "CODECARBON_EMISSIONS_ENDPOINT": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, cwd=place,
        env=environment | {"PYTHONPATH": str(Path(measure.__file__).parents[2])},
    )  # fmt: skip
    return {"out": done.stdout, "err": done.stderr, "files": ",".join(p.name for p in place.iterdir())}


def test_energy_and_carbon_of_a_block_are_told_with_how(measured: dict[str, str]) -> None:
    found = json.loads(measured["out"])
    first, second, short = found["used"]
    for used in (first, second):
        assert used["kwh"] > 0
        assert 0 < used["co2_kg"] < 2 * used["kwh"]
        assert used["estimated"] is not measure._has_counters()
        assert "estimated" in used["how"]
    assert first["how"].endswith("Japan.")
    assert "world" in second["how"]
    assert short is None
    assert "too short" in found["why"]
    assert found["threads"] == ["MainThread"]


def test_a_country_without_a_mix_is_refused(measured: dict[str, str]) -> None:
    assert "no electricity mix for the country 'JPX'" in json.loads(measured["out"])["refused"]


def test_nothing_is_written_sent_or_warned_of(measured: dict[str, str]) -> None:
    assert measured["files"] == ""
    assert measured["err"] == ""


def test_an_error_of_the_work_stays_the_error_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("codecarbon")
    monkeypatch.setattr(measure, "_open", lambda country: None)
    with pytest.raises(ZeroDivisionError), energy():
        raise ZeroDivisionError
