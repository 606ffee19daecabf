"""What is tried, what became of it, and the per-row outputs it is judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hasei.derive.recipe import Step
from hasei.engine.derivation import Settings
from hasei.ground import plugins
from hasei.ground.errors import NotSupported, RunFailed
from hasei.ground.statistics import Interval
from hasei.judge.cost import Cost
from hasei.judge.ruling import TODAY
from hasei.tasks import Answers, Floats, Space, Task

Status = Literal["waiting", "done", "failed", "skipped", "raced out"]
Role = Literal["cheap truth", "derived"]


def is_constant(plugin: Any) -> bool:
    """Whether *plugin* answers every row the same (its ``CONSTANT``)."""
    return bool(getattr(plugin, "CONSTANT", False))


def constant_of(task: Task) -> str:
    """Return the cheap truth that answers every row of *task* the same; raises NotSupported where there is none."""
    for name in plugins.names("baselines"):
        plugin = plugins.load("baselines", name)
        if is_constant(plugin) and plugin.SUPPORTS.admits(task):
            return name
    raise NotSupported(f"no cheap truth gives a constant answer to the task {task.name}")


@dataclass(frozen=True)
class Trial:
    """One candidate derived from some rows and scored on others. *outputs* (n, width) are of the rows *scored* (n,).

    *frozen* are the settings with every choice made; *space* is that by which outputs were read as answers; seconds
    of training, milliseconds of prediction per row in a batch, bytes on disk; *paid_per_row* is money that an answer costs
    beside this machine's time.
    """

    frozen: Settings
    outputs: Floats
    answers: Answers
    scored: np.ndarray
    space: Space
    rows: int
    train_seconds: float
    predict_ms_per_row: float
    trainable_parameters: int
    bytes: int
    curve: tuple[dict[str, float], ...] = ()
    paid_per_row: float = 0.0
    retained: float | None = None


@dataclass
class Candidate:
    """A recipe of one step in the table; *origin* None: today's process, which is derived from nothing.

    *rungs* hold its score on part of the rows, as (rows, score); *seeds* its score on all of them under several seeds.
    *ms_per_row* is told only of today's process, which has no trial. *proposed*: by its method and not by the user, so that its
    schedule may be shortened to fit the budget. *reason*: why it is tried.
    """

    origin: Step | None
    status: Status = "waiting"
    why: str = ""
    trial: Trial | None = None
    select: Interval | None = None
    gain_over_base: float | None = None
    cost: Cost | None = None
    recipe_id: str = ""
    rungs: list[tuple[int, float]] = field(default_factory=list)
    seeds: dict[int, float] = field(default_factory=dict)
    ms_per_row: float | None = None
    proposed: bool = False
    reason: str = ""

    @property
    def level(self) -> float:
        """Its score on select: the mean over seeds where it was trained under several, NaN without a score."""
        if self.seeds:
            return sum(self.seeds.values()) / len(self.seeds)
        return self.select.value if self.select else math.nan

    @property
    def name(self) -> str:
        """How the table calls it."""
        return self.origin.label if self.origin else TODAY

    @property
    def step(self) -> Step:
        """The step by which it is derived; raises RunFailed for today's process."""
        if self.origin is None:
            raise RunFailed("today's process can't be derived")
        return self.origin

    @property
    def role(self) -> Role:
        """A cheap truth, or derived."""
        return "derived" if self.origin and self.origin.kind != "baselines" else "cheap truth"

    @property
    def gradients(self) -> bool:
        """Whether it trains by gradients, and so passes through the race."""
        return self.origin is not None and self.origin.plugin.SUPPORTS.gradients

    @property
    def needs_base(self) -> bool:
        """Whether it opens a base model."""
        return self.origin is not None and bool(self.origin.plugin.SUPPORTS.bases)

    def to_json(self, metric: str) -> dict[str, Any]:
        """Return the candidate's line of the JSON contract; what was not measured is null."""
        trial, cost = self.trial, self.cost
        return {
            "name": self.name, "method": self.origin.name if self.origin else TODAY, "role": self.role,
            "recipe_id": self.recipe_id,
            "params": (trial.frozen if trial else self.origin.params).model_dump(mode="json") if self.origin else {},
            "status": self.status, "why": self.why, "reason": self.reason, "select": interval_json(self.select, metric),
            "gain_over_base": self.gain_over_base, "retained": trial.retained if trial else None,
            "train_seconds": trial.train_seconds if trial else None,
            "predict_ms_per_row": trial.predict_ms_per_row if trial else self.ms_per_row,
            "trainable_parameters": trial.trainable_parameters if trial else None,
            "bytes": trial.bytes if trial else None,
            "cost": None if cost is None else {
                "currency": cost.currency, "training": cost.training, "per_1000": cost.per_1000,
            },
            "rungs": [{"rows": rows, "score": score} for rows, score in self.rungs],
            "curve": list(trial.curve) if trial else [], "seeds": seeds_json(self),
        }  # fmt: skip


def seeds_json(candidate: Candidate) -> dict[str, Any] | None:
    """Return ``{candidate, seeds, scores, mean, sd}`` of a candidate trained under several seeds, else None."""
    if len(candidate.seeds) < 2:
        return None
    scores = list(candidate.seeds.values())
    return {
        "candidate": candidate.name, "seeds": list(candidate.seeds), "scores": scores, "mean": candidate.level,
        "sd": float(np.std(scores, ddof=1)),
    }  # fmt: skip


def interval_json(interval: Interval | None, metric: str) -> dict[str, Any] | None:
    """Return ``{metric, value, low, high, too_few}``, or None."""
    if interval is None:
        return None
    return {
        "metric": metric, "value": interval.value, "low": interval.low, "high": interval.high, "too_few": interval.too_few,
    }  # fmt: skip
