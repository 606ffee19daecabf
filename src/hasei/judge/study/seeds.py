"""What chance does: the finalists are tried again under other seeds, and the choice is made by their means.

Source: Dodge et al. 2020, "Fine-tuning pretrained language models: weight initializations, data orders, and early stopping"
(how far two seeds of one recipe can lie apart).
"""

from __future__ import annotations

from collections.abc import Sequence

from hasei.ground.errors import OutputError, RunFailed, Stopped
from hasei.ground.events import DeadlineReached
from hasei.ground.language import _
from hasei.judge.evaluation import score
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.racing import Race

FINALISTS = 3
_NEAR = 0.015


def try_again(race: Race, candidates: Sequence[Candidate], seeds: int) -> None:
    """Give each finalist *seeds* trials in all, as far as the budget goes; what was left out is logged."""
    lab = race.lab
    for candidate in finalists(candidates, lab.metric.direction) if seeds > 1 else ():
        if candidate.select is None or candidate.trial is None:
            continue
        candidate.seeds = {lab.seed: candidate.select.value}
        for seed in range(lab.seed + 1, lab.seed + seeds):
            needed = candidate.trial.train_seconds + race.effort_seconds(candidate.step, race.refit)
            if needed > race.clock.free():
                why = _("no time of the budget was left")
                lab.note("seeds", candidate=candidate.name, count=len(candidate.seeds), why=why)
                break
            value = _score(race, candidate, seed)
            if value is not None:
                candidate.seeds[seed] = value
                lab.note("seed", candidate=candidate.name, seed=seed, rows=len(race.fit), score=value)


def finalists(candidates: Sequence[Candidate], direction: int) -> list[Candidate]:
    """Return the best few candidates on select, the best first: those that one more draw could put in front."""
    done = sorted((c for c in candidates if c.status == "done" and c.select), key=lambda c: -direction * c.level)
    return [c for c in done if direction * (done[0].level - c.level) <= _NEAR][:FINALISTS]


def _score(race: Race, candidate: Candidate, seed: int) -> float | None:
    """Return the select score of one more trial; one that fails is logged and left out."""
    lab = race.lab
    watch = lab.watch.until(race.clock.until(race.clock.free()))
    watch.report("trying", _("{name} again, seed {seed}", name=candidate.name, seed=seed))
    try:
        trial = lab.try_out(candidate.step, race.fit, race.select, watch, seed)
    except (Stopped, OutputError):
        raise
    except (DeadlineReached, RunFailed) as error:
        lab.note("seeds", candidate=candidate.name, seed=seed, why=str(error) or _("not finished in time"))
        return None
    rows = trial.scored
    return score(lab.metric, trial.answers.values, lab.truth(rows), lab.units(rows), draws=50).value
