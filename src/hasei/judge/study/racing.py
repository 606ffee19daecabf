"""Which candidates are run, on how many rows, in which order, within what is left of the budget.

Cheap ones run in full. Those that train by gradients first race on a part of the train rows, each with its own complete
schedule; the best go on to all of them, as long as their trial *and* the refit that would follow fit into the budget. Where the
schedule that a method proposes does not fit, the longest that does is run, at least half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hasei.derive.recipe import Step
from hasei.engine.training import Plan
from hasei.ground.errors import HaseiError, OutputError, Stopped
from hasei.ground.events import DeadlineReached
from hasei.ground.language import _
from hasei.judge.evaluation import score
from hasei.judge.study.candidates import Candidate, Trial, is_constant
from hasei.judge.study.clock import Clock
from hasei.judge.study.lab import Lab

RUNG_SHARE = 0.2
LEAST_RUNG_ROWS = 500
_MARGIN = 0.015


def keep_states(lab: Lab, candidates: Sequence[Candidate]) -> None:
    """Let the one reading of the rows also keep the states that trainings of upper layers will start from."""
    for candidate in candidates:
        reads = getattr(candidate.step.plugin, "reads", None)
        layer = reads(candidate.step.params, lab.trunk.layers) if reads and candidate.status == "waiting" else 0
        if not 0 < layer < lab.trunk.layers:
            continue
        why = lab.trunk.run_because(layer)
        if not why:
            lab.trunk.wanted.add(layer)
        elif why not in lab.trunk.told:
            lab.trunk.tell(why, lab.watch)
            lab.note("replay", base=lab.base.name, why=_(why))


@dataclass
class Race:
    """One selection: *fit* rows to derive from, *select* rows to be scored on, *refit* rows that a winner sees at the end.

    *shortens*: proposed schedules may be shortened to fit; not where several races must run the same.
    """

    lab: Lab
    clock: Clock
    fit: np.ndarray
    select: np.ndarray
    refit: int
    speeds: dict[str, float] = field(default_factory=dict)
    silent: bool = False
    shortens: bool = False

    def run(self, candidates: Sequence[Candidate]) -> None:
        """Give every candidate a trial, or a reason why it has none."""
        cheap = [c for c in candidates if not c.gradients]
        for candidate in sorted(cheap, key=_order):
            # The constant answer is what any verdict rests on: it runs also where no time is left.
            self._full(
                candidate, max(self.clock.free(), 1.0) if is_constant(candidate.step.plugin) else self.clock.free()
            )
        self._race([c for c in candidates if c.gradients])
        self.lab.set_gains(candidates)

    def effort_seconds(self, step: Step, rows: int) -> float:
        """Seconds that *step* is expected to take on *rows*, from the base's own speed and what trials have shown."""
        effort = getattr(step.plugin, "effort", None)
        if effort is None:
            return 0.0
        passes: float = effort(step.params, self.lab.facts(rows))
        speed = self.speeds.get(step.label) or (float(np.median(list(self.speeds.values()))) if self.speeds else 1.0)
        return passes * rows * self.lab.forward_ms / 1000 * speed

    def schedules(self, candidate: Candidate) -> list[Step]:
        """Return the step of *candidate*, then what may be run in its place where that takes too long, the longest first."""
        step = candidate.step
        if not (self.shortens and candidate.proposed) or not isinstance(step.params, Plan):
            return [step]
        epochs = range(step.params.epochs - 1, (step.params.epochs - 1) // 2, -1)
        return [step, *(replace(step, params=step.params.model_copy(update={"epochs": n})) for n in epochs)]

    def _both(self, step: Step, rows: int) -> float:
        """Trial on all rows and the refit that would follow."""
        return self.effort_seconds(step, rows) + self.effort_seconds(step, self.refit)

    def _race(self, candidates: list[Candidate]) -> None:
        rows = len(self.fit)
        # The least effort first: what it shows of the machine's speed tells which of the others can follow.
        ordered = sorted(candidates, key=lambda c: self.effort_seconds(c.step, rows))
        running = [c for c in ordered if self._affordable(c, rows)]
        part = self.fit[: int(rows * RUNG_SHARE)]
        if len(running) > 1 and len(part) >= LEAST_RUNG_ROWS:
            running = self._rung(running, part)
        kept = 0.0  # seconds that refits of those that finished would take
        for candidate in running:
            if kept and self._behind(candidate, running[0]):
                self._drop(
                    candidate,
                    "raced out",
                    _("behind {leader} on {rows} rows", leader=running[0].name, rows=f"{len(part):,}"),
                )
            elif self._affordable(candidate, rows, kept=kept):
                refit = max(kept, self.effort_seconds(candidate.step, self.refit))
                self._full(candidate, max(self.clock.free() - refit, 0.5 * self.clock.free()))
                if candidate.status == "done":
                    kept = max(kept, self.effort_seconds(candidate.step, self.refit))

    def _rung(self, running: list[Candidate], part: np.ndarray) -> list[Candidate]:
        leader: Candidate | None = None
        for candidate in running:
            # Racing must never eat the time that the best one so far needs to finish.
            kept = self._both(leader.step, len(self.fit)) if leader else 0.0
            if not self._affordable(candidate, len(self.fit), len(part), at_least=kept):
                continue
            trial = self._trial(candidate, part, 0.3 * self.clock.free())
            if trial is None:
                continue
            self._learn_speed(candidate.step, trial)
            value = self._value(trial)
            candidate.rungs.append((len(part), value))
            leader = candidate if leader is None or self._behind(leader, candidate, 0.0) else leader
            self.lab.note("rung", candidate=candidate.name, rows=len(part), score=value, seconds=trial.train_seconds)
        running = [c for c in running if c.status == "waiting" and c.rungs]
        direction = self.lab.metric.direction
        return sorted(running, key=lambda c: -direction * c.rungs[-1][1])

    def _behind(self, candidate: Candidate, leader: Candidate, margin: float = _MARGIN) -> bool:
        if not candidate.rungs or not leader.rungs:
            return False
        return self.lab.metric.direction * (leader.rungs[-1][1] - candidate.rungs[-1][1]) > margin

    def _affordable(
        self, candidate: Candidate, rows: int, extra: int = 0, *, at_least: float = 0.0, kept: float = 0.0
    ) -> bool:
        """Whether a trial of *candidate* fits, its schedule shortened where it must be; says why where it does not.

        *extra* rows are tried before; *kept* seconds are for the refit of another, *at_least* for all that the best one needs.
        """
        free, steps = self.clock.free(), self.schedules(candidate)
        costs = [self._needed(step, rows, extra, at_least, kept) for step in steps]
        for step, needed in zip(steps, costs):
            if needed > free:
                continue
            if step is not candidate.step:
                candidate.origin, candidate.recipe_id = step, self.lab.recipe(step).recipe_id
                self.lab.note("shortened", candidate=candidate.name)
            return True
        needed = costs[-1]
        why = _(
            "its trial and refit would take about {needed} s and {free} s of the budget are free", needed=f"{needed:.0f}",
            free=f"{max(0.0, free):.0f}",
        )  # fmt: skip
        self._drop(candidate, "raced out" if candidate.rungs else "skipped", why)
        return False

    def _needed(self, step: Step, rows: int, extra: int, at_least: float, kept: float) -> float:
        trial, refit = self.effort_seconds(step, rows), self.effort_seconds(step, self.refit)
        return max(at_least, trial + max(refit, kept)) + (self.effort_seconds(step, extra) if extra else 0.0)

    def _full(self, candidate: Candidate, seconds: float) -> None:
        trial = self._trial(candidate, self.fit, seconds)
        if trial is None:
            return
        self.lab.judge(candidate, trial)
        if candidate.gradients:
            self._learn_speed(candidate.step, trial)
        self.lab.note("trial", candidate=candidate.name, rows=len(self.fit), score=candidate.select and candidate.select.value,
                      seconds=trial.train_seconds)  # fmt: skip

    def _trial(self, candidate: Candidate, rows: np.ndarray, seconds: float) -> Trial | None:
        """Run one trial; a failure or a missed deadline is the candidate's own and never the study's."""
        if seconds <= 0:
            self._drop(candidate, "skipped", _("no time of the budget was left"))
            return None
        watch = self.lab.watch.until(self.clock.until(seconds))
        if self.silent:
            watch.listener = lambda event: None
        watch.report("trying", _("{name} on {rows} rows", name=candidate.name, rows=f"{len(rows):,}"))
        try:
            return self.lab.try_out(candidate.step, rows, self.select, watch)
        except DeadlineReached:
            self._drop(
                candidate,
                "raced out",
                _("not finished on {rows} rows within {seconds} s", rows=f"{len(rows):,}", seconds=f"{seconds:.0f}"),
            )
        except (Stopped, OutputError):
            raise
        except HaseiError as error:
            self._drop(candidate, "failed", str(error))
        return None

    def _learn_speed(self, step: Step, trial: Trial) -> None:
        """Correct the expected seconds by what a trial took."""
        self.speeds.setdefault(step.label, 1.0)
        expected = self.effort_seconds(step, trial.rows)
        if expected > 0:
            before = self.speeds.get(step.label, 1.0)
            self.speeds[step.label] = before * float(np.clip(trial.train_seconds / expected, 0.1, 10.0))

    def _value(self, trial: Trial) -> float:
        lab = self.lab
        return score(
            lab.metric, trial.answers.values, lab.truth(trial.scored), lab.units(trial.scored), draws=200
        ).value

    def _drop(self, candidate: Candidate, status: Any, why: str) -> None:
        candidate.status, candidate.why = status, why
        self.lab.note("dropped", candidate=candidate.name, status=status, why=why)


def _order(candidate: Candidate) -> int:
    """The constant answer, then solved heads, then cheap truths, those that need the base last: the least any budget gives."""
    if is_constant(candidate.step.plugin):
        return 0
    return 1 if candidate.role == "derived" else 2 + candidate.step.plugin.SUPPORTS.bases
