"""Energy and carbon of a piece of work, by codecarbon where it is installed (``pip install hasei[energy]``).

Where the machine has counters (RAPL for the processor, those of a graphics card) they are read; elsewhere the energy is
estimated from the processor's load and rated power, and that is said. Without codecarbon nothing is said: no estimate is
made up. Nothing is written and nothing is sent anywhere.

Source: Courty et al. (2024), *CodeCarbon*; carbon of electricity by country from the tables that come with it.

>>> with energy("JPN") as meter:
...     total = sum(range(10))
>>> meter.used is None or meter.used["kwh"] >= 0
True
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hasei.ground.errors import RecipeError, nearest
from hasei.ground.language import _

LIBRARY = "codecarbon"
LEAST_SECONDS = 1.0
"""Seconds after the first look at the machine below which load says nothing."""


@dataclass
class Meter:
    """What a block *used*: ``{"kwh", "co2_kg", "estimated", "how"}`` once it has ended.

    None where nothing can tell, and then *why* says so.
    """

    used: dict[str, Any] | None = None
    why: str = ""


@contextlib.contextmanager
def energy(country: str | None = None) -> Iterator[Meter]:
    """Measure the energy of a ``with`` block; *country* (ISO 3166, three letters) is whose electricity it takes.

    Looking at the machine takes a second or two the first time, so it goes on beside the block; what the block used
    before that is taken to be as much a second as after it. An error in the library costs the figure, never the block.
    Raises RecipeError where the library does not know *country*.
    """
    meter = Meter()
    if importlib.util.find_spec(LIBRARY) is None:
        meter.why = _("Energy is measured where codecarbon is installed: pip install 'hasei[energy]'.")
        yield meter
        return
    _check_country(country)
    tracker = _Tracker(country)
    try:
        yield meter
    finally:
        tracker.stop(meter)


def _check_country(country: str | None) -> None:
    if country is None:
        return
    _silence()
    from codecarbon.input import DataSource

    known = DataSource().get_global_energy_mix_data()
    if country not in known:
        raise RecipeError(
            f"there is no electricity mix for the country '{country}'", expected="three letters as in ISO 3166",
            do=nearest(country, known),
        )  # fmt: skip


class _Tracker:
    """One tracker of the library for one block, started in a thread of its own."""

    def __init__(self, country: str | None) -> None:
        self.country, self.process = country, os.getpid()
        self.began = self.ready = time.perf_counter()
        self.library: Any = None
        self.problem = ""
        self.thread = threading.Thread(target=self._start, name="hasei-energy", daemon=True)
        self.thread.start()

    def _start(self) -> None:
        try:
            self.library = _open(self.country)
        except Exception as error:  # whatever it is: a study must not fail for want of a figure beside it
            self.problem = f"{type(error).__name__}: {error}"
        self.ready = time.perf_counter()

    def stop(self, meter: Meter) -> None:
        """End the measurement and tell *meter* what was used."""
        if os.getpid() != self.process:
            return  # the copy in a forked process measures nothing: its threads stayed behind
        ended = time.perf_counter()
        self.thread.join()
        if self.library is None:
            meter.why = _("Energy can't be measured here: {problem}", problem=self.problem)
            return
        self.library.stop()
        found = getattr(self.library, "final_emissions_data", None)
        seen = ended - self.ready
        if found is None or seen < LEAST_SECONDS:
            meter.why = _("It was too short to measure its energy.")
            return
        scale = (ended - self.began) / seen
        counted = _has_counters()
        meter.used = {
            "kwh": found.energy_consumed * scale, "co2_kg": found.emissions * scale, "estimated": not counted,
            "how": _how(counted, int(found.gpu_count or 0), found.country_name),
        }  # fmt: skip


def _open(country: str | None) -> Any:
    """Return a running tracker of the library."""
    _silence()
    from codecarbon import OfflineEmissionsTracker

    # All is given, so that no file or variable of somebody else's turns on a service, an output or a lock.
    library = OfflineEmissionsTracker(
        country_iso_code=country, country_2letter_iso_code=None, region=None, cloud_provider=None, cloud_region=None,
        output_methods=[], output_handlers=[], emissions_endpoint=None, electricitymaps_api_token="", output_dir=".",
        tracking_mode="process", allow_multiple_runs=True, api_call_interval=-1, log_level="critical",
    )  # fmt: skip
    library.start()
    return library


def _has_counters() -> bool:
    from codecarbon.core.cpu import is_rapl_available

    return bool(is_rapl_available())


def _how(counted: bool, cards: int, country: str | None) -> str:
    said = [
        _("The energy of the processor was read from its own counters, that of the memory is estimated from its size.")
        if counted
        else _("The energy is estimated from the load and the rated power of the processor and from the size of the memory:"
               " this machine has no counters that can be read.")
    ]  # fmt: skip
    if cards:
        said.append(_("That of the graphics cards was read from their own counters."))
    said.append(
        _("Carbon is that of the mean electricity of {country}.", country=country)
        if country
        else _("Carbon is that of the mean electricity of the world, for no country was given.")
    )
    return " ".join(said)


def _silence() -> None:
    """Keep the library's log to itself: importing it sets its level anew."""
    import codecarbon

    logging.getLogger(codecarbon.__app_name__).setLevel(logging.CRITICAL)
