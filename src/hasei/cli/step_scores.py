"""The scores of the steps of ``hasei derive --test``: each in its own ``hasei.json``, one line a step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasei.ground.errors import BaseError, NotSupported

if TYPE_CHECKING:
    from hasei.derive.derived import DerivedModel
    from hasei.ground.events import Watch
    from hasei.judge.study.config import Config


@dataclass(frozen=True)
class ScoredStep:
    """Step *number* of a chain, *name*, with its *scores*, or *why* it has none; *line* says it to a person."""

    number: int
    name: str
    line: str
    scores: dict[str, Any] | None = None
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"step": self.number, "name": self.name, "scores": self.scores, "why": self.why}


def score_step(model: DerivedModel, settings: Config, watch: Watch) -> ScoredStep:
    """Score *model*, the latest step, on the rows that *settings* name for it, unless it has been; keep that in its folder."""
    from hasei.judge.scored import keep_scores, labelled_rows
    from hasei.judge.wording import Words

    number, name = len(model.identity["steps"]), str(model.identity["steps"][-1]["name"])
    begin = f"step {number}, {name}: "
    try:
        rows = labelled_rows(model, Path(settings.data.test or ""), settings.data.chosen, group=settings.data.group)
        scores = keep_scores(model, rows, watch)
    except (BaseError, NotSupported) as error:  # what it leaves is a base, and answers nothing
        return ScoredStep(number, name, f"{begin}not scored: {error}", why=str(error))
    chosen = settings.goal.metric or model.task.default_metric
    found = scores["metrics"][chosen]
    words = Words(chosen, model.task.metrics[chosen].bounds == (0.0, 1.0), 0.025)
    star = " (too few to bound)" if found["too_few"] else ""
    between = f"{words.amount(found['low'])} to {words.amount(found['high'])}"
    line = f"{begin}{words.name} {words.amount(found['value'])}, 95 % interval {between}{star}, {scores['rows']:,} rows"
    return ScoredStep(number, name, line, scores)


__all__ = ["ScoredStep", "score_step"]
