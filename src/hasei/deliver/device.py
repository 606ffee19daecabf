"""A machine that is not this one, described by a file that :mod:`hasei.deliver.probe` printed there.

What is said of it is a projection: times measured here, made longer by how much longer the same small works took there. The
slowest of these works decides, so that it is rather too slow than too quick.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hasei.ground.errors import RecipeError, RunFailed
from hasei.ground.files import read_yaml
from hasei.ground.language import _

_SCRIPT = Path(__file__).with_name("probe.py")
_ROOM = 3.0
"""Times the size of its folder that a model takes in memory, with its runtime, at most."""
_RUNTIME_GB = 0.4


class _File(BaseModel):
    """What stands in ``device.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    name: str = "device"
    cores: int = Field(ge=1)
    memory_gb: float | None = Field(None, gt=0)
    price_per_hour: float | None = Field(None, ge=0)
    probe: dict[str, float] = Field(min_length=1)


def script() -> str:
    """Return the source of the script to run on the other machine."""
    return _SCRIPT.read_text("utf-8")


@dataclass(frozen=True)
class Device:
    """A machine with *cores*, *memory_gb* and a price by the hour (None: not known), and the seconds of its *probe* by name."""

    name: str
    cores: int
    memory_gb: float | None
    price_per_hour: float | None
    probe: dict[str, float]
    here: dict[str, float] = field(default_factory=dict)

    def slowness(self) -> float:
        """Return how many times as long work takes there as here: of the works measured on both, the slowest."""
        here = self.here or self._measured
        shared = sorted(set(here) & set(self.probe))
        if not shared:
            raise RecipeError(
                f"the probe of '{self.name}' has no figure that this machine has too", expected=" or ".join(sorted(here)),
                received=", ".join(sorted(self.probe)), do="run what hasei optimise --print-probe prints there",
            )  # fmt: skip
        return max(self.probe[name] / here[name] for name in shared)

    def words(self, scale: float) -> str:
        """Say that it is a projection."""
        return _(
            "projected to {name}: nothing ran there; times of this machine x {scale}, by the slowest part of its probe",
            name=self.name, scale=f"{scale:.2f}",
        )  # fmt: skip

    def against(self, size: int) -> list[str]:
        """Return in words why a model whose folder has *size* bytes does not fit there; [] where it does."""
        need = _ROOM * size / 1e9 + _RUNTIME_GB
        if self.memory_gb is None or need <= self.memory_gb:
            return []
        return [
            _("it takes up to {need} GB of memory, there are {size}", need=f"{need:.1f}", size=f"{self.memory_gb:g}")
        ]

    def price(self, work: float) -> float | None:
        """Return the price of a million rows of *work* processor seconds each, None where no price is known."""
        return None if self.price_per_hour is None else 1e6 * work / 3600 * self.price_per_hour / self.cores

    @cached_property
    def _measured(self) -> dict[str, float]:
        return measured_here()


def read_device(path: Path) -> Device:
    """Read ``device.yaml``; raises RecipeError where it is none."""
    try:
        found = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        first: Any = error.errors()[0]
        raise RecipeError(
            f"'{path.name}' does not describe a machine: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            do="run what hasei optimise --print-probe prints there",
        ) from error
    if not all(seconds > 0 for seconds in found.probe.values()):
        raise RecipeError(f"'{path.name}' has a probe that took no time", expected="seconds above 0", do="run it again")
    return Device(found.name, found.cores, found.memory_gb, found.price_per_hour, dict(found.probe))


def measured_here() -> dict[str, float]:
    """Run the probe on this machine; its seconds by name. Raises RunFailed where it fails."""
    quiet = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, str(_SCRIPT)], capture_output=True, text=True, check=False, env=os.environ | quiet, timeout=300
    )
    lines = [line.split(":") for line in done.stdout.splitlines() if line.startswith("  ")]
    if done.returncode or not lines:
        raise RunFailed("the probe does not run on this machine", received=done.stderr.strip()[-200:])
    return {name.strip(): float(seconds) for name, seconds in lines}
