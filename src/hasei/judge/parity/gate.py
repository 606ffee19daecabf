"""The gate: two sets of outputs for the same rows, one verdict on the step between them.

**Lossless** steps (a merge, save and load, another file format in fp32) pass when every answer is the same and outputs differ
by at most 1e-4 of the largest one.

**Any other step** (smaller precision, pruning, an engine of less exact arithmetic) is refused when it *surely* costs more than
``max_loss`` of the metric: when the whole two-sided 95 % interval of the paired loss (``judge/evaluation.py``, over units) lies
above it. ``max_loss`` is in points of a metric that lies within 0 and 1 (or -1 and 1), else a share of its value before.
``sure`` says the stronger thing, that it surely costs no more: the whole interval lies at or below ``max_loss``. Choosing
between candidates asks for ``sure``, where the rows are enough for it (half a point takes about 800 rows).

Where no true answers are known, or too few for the interval to hold, the answers that changed stand in: it is refused when the
share of rows that are answered as before is surely (Wilson, 95 %) below ``least_agreement``. Outputs that are not numbers
never pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.engine.parity import TOLERANCE, Nearness, nearness
from hasei.engine.ragged import finite
from hasei.ground.errors import DataError, RunFailed
from hasei.ground.language import _
from hasei.ground.statistics import Interval, wilson
from hasei.judge.evaluation import compare

if TYPE_CHECKING:
    from hasei.tasks import Array, Metric, Space, Task

MAX_LOSS = 0.005
"""Half a point: what a step may cost, unless said otherwise."""
LEAST_AGREEMENT = 0.98
"""Share of rows to be answered as before, where nobody knows what is right."""
_ALPHA = 0.025


@dataclass(frozen=True)
class Parity:
    """What the step between two sets of outputs did to *rows* rows.

    *agreement*: share of rows with the same answer; *disagreeing*: the first of the others (indices). *difference*: the largest
    of the outputs, relative to the largest output. *metric*, *before*, *after*: its name and values; *change*: the paired gain of
    after over before with its 95 % interval, positive where better; None without true answers. *passes*: may be shipped; *sure*:
    surely costs no more than allowed; *why_not*: in words, empty where it passes.
    """

    rows: int
    agreement: float
    difference: float
    lossless: bool
    passes: bool
    sure: bool
    why_not: tuple[str, ...] = ()
    disagreeing: tuple[int, ...] = ()
    metric: str = ""
    before: float | None = None
    after: float | None = None
    change: Interval | None = None
    max_loss: float = MAX_LOSS

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON; an infinite difference is null."""
        bounds = ("value", "low", "high")
        change = None if self.change is None else {name: _finite(getattr(self.change, name)) for name in bounds}
        return {
            "rows": self.rows, "agreement": self.agreement, "lossless": self.lossless, "passes": self.passes, "sure": self.sure,
            "difference": _finite(self.difference), "why_not": list(self.why_not), "metric": self.metric or None,
            "before": self.before, "after": self.after, "change": change,
            "max_loss": self.max_loss,
        }  # fmt: skip


def parity(
    task: Task, space: Space, before: Array, after: Array, *, lossless: bool, truth: Sequence[Any] | None = None,
    units: Sequence[str] | None = None, metric: str = "", max_loss: float = MAX_LOSS,
    least_agreement: float = LEAST_AGREEMENT, said: Space | None = None,
) -> Parity:  # fmt: skip
    """Return whether a model with the outputs *after* may be shipped for one that was evaluated with the outputs *before*.

    *before*, *after*: outputs (n, w) or ragged, of the same rows in the same order; *truth* (n,): their true answers, as
    ``task.truth`` gives them; *units* (n,): keys of rows that belong together (each on its own where None); *metric*: the task's
    default where empty; *said*: the space that the artefact itself states (labels in its own order), where it states one. The
    rule stands at the top of this file. Raises DataError for no rows, RunFailed where *before* are not numbers.
    """
    if not len(before):
        raise DataError("there are no rows to compare a model on", expected="at least one row")
    if not finite(before):
        raise RunFailed("the model to compare with gives outputs that are not numbers", do="derive it again")
    near = nearness(task, space, before, after, lossless=lossless, said=said)
    name = metric or task.default_metric
    measured = None if truth is None else _measured(task, name, (space, said or space), (before, after), truth, units)
    broken = _broken(near, after)
    why = broken or (_lost(near) if lossless else _cost(near, task.metrics[name], measured, max_loss, least_agreement))
    old, new, change = measured or (None, None, None)
    allowed = None if old is None else _allowed(task.metrics[name], old, max_loss)
    sure = near.equal or (change is not None and allowed is not None and not change.too_few and change.low >= -allowed)
    return Parity(
        near.rows, near.agreement, near.apart, lossless, not why, sure and not why, tuple(why), tuple(near.disagreeing[:5]),
        name if measured else "", old, new, change, max_loss,
    )  # fmt: skip


def refuse(found: Parity, what: str, do: str = "") -> None:
    """Raise RunFailed, naming *what* was made (``"the folder of 'lora'"``), unless *found* passes."""
    if found.passes:
        return
    raise RunFailed(
        f"{what} does not answer as the model that was evaluated did: {'; '.join(found.why_not)}",
        expected="the same answers" if found.lossless else f"a loss of at most {found.max_loss:.2%}" if found.metric else "",
        do=do,
    )  # fmt: skip


_Measured = tuple[float, float, Interval]


def _measured(
    task: Task, name: str, spaces: tuple[Space, Space], outputs: tuple[Array, Array], truth: Sequence[Any],
    units: Sequence[str] | None,
) -> _Measured | None:  # fmt: skip
    """Return the metric before and after and the gain between; None where it is not defined on these rows."""
    metric = task.metrics[name]
    if len(truth) != len(outputs[0]) or len(outputs[1]) != len(outputs[0]):
        return None
    try:
        old, new = (task.answers(s, o).values for s, o in zip(spaces, outputs))
        keys = list(units) if units is not None else [str(i) for i in range(len(truth))]
        gain = compare(metric, new, old, truth, keys, alpha=_ALPHA)
        return float(metric.value(old, truth)), float(metric.value(new, truth)), gain
    except (RunFailed, IndexError, ValueError):
        return None


def _broken(near: Nearness, after: Array) -> list[str]:
    if len(after) != near.rows:
        return [_("{n} rows were asked, {m} came back", n=near.rows, m=len(after))]
    return [] if finite(after) else [_("outputs are not numbers")]


def _lost(near: Nearness) -> list[str]:
    """What is wrong with a step that may lose nothing, in words."""
    why = []
    if near.disagreeing:
        why.append(_("{n} of {rows} rows are answered otherwise", n=len(near.disagreeing), rows=near.rows))
    if near.apart > TOLERANCE:
        why.append(
            _("outputs differ by {difference} of the largest, at most {most} is rounding", difference=_small(near.apart),
              most=f"{TOLERANCE:.0e}")
        )  # fmt: skip
    return why


def _cost(
    near: Nearness, metric: Metric, measured: _Measured | None, max_loss: float, least_agreement: float
) -> list[str]:
    """What is wrong with a step that may lose a little, in words."""
    why = []
    if measured is not None:
        old, __, change = measured
        allowed = _allowed(metric, old, max_loss)
        if change.high < -allowed:
            why.append(
                _("{metric} falls by {loss}, 95 % interval {low} to {high}, at most {most} is allowed", metric=metric.name,
                  loss=_in_points(metric, -change.value), low=_in_points(metric, -change.high),
                  high=_in_points(metric, -change.low), most=_in_points(metric, allowed))
            )  # fmt: skip
        if not change.too_few:
            return why
    interval = wilson(float(np.sum(near.agree)), near.rows, _ALPHA)
    if interval.high < least_agreement:
        why.append(
            _("{n} of {rows} rows are answered otherwise, and at least {least} are to be answered as before",
              n=len(near.disagreeing), rows=near.rows, least=f"{least_agreement:.0%}")
        )  # fmt: skip
    return why


def _within_one(metric: Metric) -> bool:
    return metric.bounds[1] - metric.bounds[0] <= 2.0


def _allowed(metric: Metric, before: float, max_loss: float) -> float:
    """Return the loss that is allowed, in the unit of *metric*."""
    return max_loss if _within_one(metric) else max_loss * abs(before)


def _in_points(metric: Metric, value: float) -> str:
    return _("{number} points", number=f"{100 * value:.2f}") if _within_one(metric) else f"{value:.3g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _small(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else _("more than can be said")
