"""From kept answers to the verdict: the one path that a study takes, and that anybody can take again from its files.

A :class:`Case` holds what the verdict is judged by and is no row (goal, prices, level, what was measured of the models);
a :class:`Sheet` the answers of the confirm rows, row by row. Both lie in ``predictions.parquet``, so :func:`rule` gives
the same bytes again without a model (``hasei compare --recompute``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import Field

from hasei.ground.files import plain
from hasei.ground.language import _
from hasei.ground.settings import Settings
from hasei.ground.statistics import Forecast, Interval
from hasei.inputs.purpose import Prices
from hasei.judge.automation import Automation, automate
from hasei.judge.cost import monthly
from hasei.judge.decision import Constraint, Decision, Evidence, decide
from hasei.judge.evaluation import compare, score
from hasei.judge.handover import AutomationMoney, Sure, automation_money
from hasei.judge.money import Money, figure_cost, reckon, saving
from hasei.judge.out_of_scope import OutOfScope, chosen_again, measure
from hasei.judge.sheet import Fitted, Sheet
from hasei.judge.slices import Slice, forgotten, harm, harm_by_truth
from hasei.judge.wording import Words
from hasei.tasks import Floats, Metric, Space, Task, open_task
from hasei.tasks._scope import as_read

CONSTANT = "always the same"
"""The name under which the answers of a constant model stand in a sheet."""
TODAY = "today"
"""The name of today's process, where it answers rows."""


class Limit(Settings):
    """Something measured of the winner that may be *most* at the most: *name* is ``latency`` (ms) or ``size`` (MB)."""

    name: Literal["latency", "size"]
    value: float
    most: float

    @property
    def words(self) -> str:
        """Say what was measured and what is allowed."""
        if self.name == "latency":
            return _("{value} ms for one row at the 95th percentile, at most {most} ms allowed",
                     value=f"{self.value:.1f}", most=f"{self.most:g}")  # fmt: skip
        return _("{value} MB on disk, at most {most} MB allowed", value=f"{self.value:.0f}", most=f"{self.most:g}")


class Case(Settings):
    """What a verdict is judged by, beside the rows: plain, so that it can be written and read back.

    *names* are the classes in the order of outputs. *winner*, *reference*, *base* (as it is; None: not tried) name
    candidates; *winner_is_cheap*: W is a cheap truth. *number*, *alpha*, *alpha_next*, *exploratory*, *commitment* are of
    the opening; *se_factor* is 1.5 for cross-fitted answers. *ms_per_row*, *paid_per_row* (money) and *train_seconds* are
    by candidate. *ahead* is the forecast at four times the rows (value, optimistic, pessimistic); *train_rows* reach the
    goal by it. *wish* is the accuracy asked of automatic answers. *today* is the figure of today's process and the rows
    that it was measured on (None: exact), where no more is known of it. *before* names what was there before and answered
    the kept rows. *language*: in which the words are made. *out_of_scope*: the label of rows that no
    other class is for.
    """

    task: str
    metric: str
    names: tuple[str, ...] = ()
    winner: str
    reference: str
    base: str | None = None
    winner_is_cheap: bool = False
    number: int = 1
    alpha: float
    alpha_next: float
    exploratory: bool = False
    commitment: str = ""
    se_factor: float = 1.0
    kpi: float | None = None
    delta: float
    prices: dict[str, Any] = Field(default_factory=dict)
    ms_per_row: dict[str, float] = Field(default_factory=dict)
    paid_per_row: dict[str, float] = Field(default_factory=dict)
    train_seconds: dict[str, float] = Field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    ahead: tuple[float, float, float] | None = None
    train_rows: int | None = None
    change_first: str = ""
    wish: float | None = None
    today: tuple[float, int | None] | None = None
    before: str = ""
    language: str = "en"
    out_of_scope: str | None = None


@dataclass(frozen=True)
class Ruling:
    """The decision with what it rests on."""

    case: Case
    decision: Decision
    evidence: Evidence
    slices: tuple[Slice, ...] = ()
    automation: Automation | None = None
    kept: Slice | None = None
    money: Money | None = None
    handover: AutomationMoney | None = None
    today: Interval | None = None
    out_of_scope: OutOfScope | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the part of a report that follows from answers and case alone."""
        case, e, d = self.case, self.evidence, self.decision
        return plain({  # type: ignore[no-any-return]
            "verdict": d.verdict, "reason": d.reason, "rows_needed": d.rows_needed, "rows_needed_role": d.rows_role,
            "cause": d.cause, "chosen": _part(case.winner, e.metric, e.winner_score, e.gain, e.gain_over_base),
            "reference": _part(case.reference, e.metric, e.reference_score, None, None),
            "kpi": None if e.kpi is None else {"metric": e.metric, "at_least": e.kpi},
            "delta": e.delta, "alpha": e.alpha, "alpha_next": e.alpha_next, "openings": case.number,
            "exploratory": e.exploratory, "commitment": case.commitment, "units": e.units,
            "constraints": [{"name": c.name, "ok": c.ok, "words": c.words} for c in e.constraints],
            "saving_per_month": None if e.saving is None else {
                "currency": e.currency, "value": e.saving.value, "low": e.saving.low, "high": e.saving.high,
            },
            "reference_saving_per_month": None if e.reference_saving is None else {
                "currency": e.currency, "value": e.reference_saving.value, "low": e.reference_saving.low,
                "high": e.reference_saving.high,
            },
            "today": None if self.today is None else _part(TODAY, e.metric, self.today, None, None),
            "slices": [s.to_json() for s in self.slices], "kept": self.kept.to_json() if self.kept else None,
            "automation": self._automation_json(),
            "out_of_scope": self.out_of_scope.to_json() if self.out_of_scope else None,
            "money": None if self.money is None else self.money.to_json() | {"words": self.money.words()},
            "change_first": e.change_first if d.verdict == "rethink" else "", "language": case.language,
        })  # fmt: skip

    def _automation_json(self) -> dict[str, Any] | None:
        if self.automation is None:
            return None
        priced = None if self.handover is None else self.handover.to_json() | {"words": self.handover.words()}
        return self.automation.to_json() | {"money": priced}


def _part(
    name: str, metric: str, scored: Interval, gain: Interval | None, over_base: Interval | None
) -> dict[str, Any]:
    return {"name": name, "confirm": {
        "metric": metric, "value": scored.value, "low": scored.low, "high": scored.high, "too_few": scored.too_few,
        "gain": gain.value if gain else None, "gain_low": gain.low if gain else None,
        "gain_high": gain.high if gain else None, "gain_over_base": over_base.value if over_base else None,
    }}  # fmt: skip


def rule(case: Case, sheet: Sheet) -> Ruling:
    """Apply the rule of the verdict to *sheet*; a pure function of its arguments."""
    return _Rule(case, sheet).ruling()


@dataclass
class _Rule:
    """One case with its rows."""

    case: Case
    sheet: Sheet

    @cached_property
    def task(self) -> Task:
        return open_task(self.case.task)

    @cached_property
    def metric(self) -> Metric:
        return self.task.metrics[self.case.metric]

    @cached_property
    def space(self) -> Space:
        """How raw outputs of W are read, its threshold for what is out of scope chosen again."""
        return chosen_again(self.case.names, self.case.out_of_scope, self.sheet.chosen_by)

    def ruling(self) -> Ruling:
        case, metric = self.case, self.metric
        slices, kept, automation = self._slices(), self._kept(), self._automation()
        gain = self._gained(case.winner, case.reference)
        prices = Prices.model_validate(case.prices)
        money = self._money(prices)
        evidence = Evidence(
            winner=case.winner, reference=case.reference, metric=metric.name, units=len(set(self.sheet.units)),
            gain=None if case.winner == case.reference else gain, winner_score=self._scored(case.winner),
            reference_score=self._scored(case.reference), delta=case.delta, alpha=case.alpha, alpha_next=case.alpha_next,
            kpi=case.kpi, winner_is_cheap=case.winner_is_cheap,
            gain_over_base=self._gained(case.winner, case.base) if case.base and case.base != case.winner else None,
            constraints=(*self._limits(), *self._today(), *_harmed(slices), *self._forgotten(kept)),
            saving=money.per_month if money and case.winner != case.reference else None, currency=prices.currency,
            reference_saving=self._saved_by_reference(prices),
            beats_majority=self._beats_constant(), forecast=Forecast(*case.ahead) if case.ahead else None,
            train_rows=case.train_rows, direction=metric.direction, share=metric.bounds == (0.0, 1.0),
            change_first=case.change_first, exploratory=case.exploratory,
        )  # fmt: skip
        handover = self._handover(prices, automation) if automation else None
        today = self._scored(TODAY) if TODAY in self.sheet.answers else None
        return Ruling(
            case, decide(evidence), evidence, tuple(slices), automation, kept, money, handover, today, self._out_of_scope()
        )  # fmt: skip

    def _scored(self, name: str) -> Interval:
        case, sheet = self.case, self.sheet
        return score(
            self.metric, sheet.answers[name], sheet.truth, sheet.units, alpha=case.alpha, se_factor=case.se_factor
        )

    def _gained(self, one: str, other: str) -> Interval:
        case, sheet = self.case, self.sheet
        return compare(
            self.metric, sheet.answers[one], sheet.answers[other], sheet.truth, sheet.units, alpha=case.alpha,
            se_factor=case.se_factor,
        )  # fmt: skip

    def _money(self, prices: Prices) -> Money | None:
        """Return what W means in money against today's process, or against R where none was named."""
        case, sheet = self.case, self.sheet
        alone = case.winner == case.reference and case.today is None and TODAY not in sheet.answers
        if alone or not (sheet.costs or case.prices.get("predictions_per_month")):
            return None
        today = self._todays_costs(prices)
        against = TODAY if TODAY in sheet.answers or today is not None else case.reference
        saved = self._saved(prices, case.winner, against, sheet.costs.get(against) if today is None else today)
        return reckon(
            prices, against=against, per_month=saved, train_seconds=case.train_seconds.get(case.winner, 0.0),
            inference_per_month=self._running(prices, case.winner), alpha=case.alpha,
            exact=case.today is not None and case.today[1] is None,
        )  # fmt: skip

    def _saved_by_reference(self, prices: Prices) -> Interval | None:
        """Return what R saves a month against today's process; None where either is unknown, or R is today's process."""
        if self.case.reference == TODAY:
            return None
        return self._saved(prices, self.case.reference, TODAY, self._todays_costs(prices))

    def _saved(self, prices: Prices, name: str, against: str, before: Floats | Interval | None) -> Interval | None:
        """Return what *name* saves a month against *against*, whose answers cost *before*; None where costs are unknown."""
        case, sheet = self.case, self.sheet
        if before is None or name not in sheet.costs:
            return None
        return saving(
            prices, sheet.costs[name], before, sheet.units, alpha=case.alpha, se_factor=case.se_factor,
            extra_per_month=self._running(prices, name) - self._running(prices, against), stakes=sheet.stakes,
        )  # fmt: skip

    def _todays_costs(self, prices: Prices) -> Floats | Interval | None:
        """Return what today's process costs in each row (n,), or a row where only a figure is known; None: unknown."""
        return self.sheet.costs.get(TODAY) if TODAY in self.sheet.answers else self._figure(prices)

    def _figure(self, prices: Prices) -> Interval | None:
        """Return what a row of today's process costs where only its accuracy is known; of no other metric is it told."""
        known = self.case.today if self.metric.name == "accuracy" else None
        return None if known is None else figure_cost(prices, *known, alpha=self.case.alpha)

    def _running(self, prices: Prices, name: str) -> float:
        """Return what answering as *name* costs a month, in machine time and paid to others."""
        case = self.case
        return (
            monthly(prices, case.ms_per_row[name], case.paid_per_row.get(name, 0.0)) if name in case.ms_per_row else 0.0
        )

    def _handover(self, prices: Prices, found: Automation) -> AutomationMoney | None:
        """Return what each threshold of the automation curve costs a month."""
        case, sheet = self.case, self.sheet
        today = self._todays_costs(prices)
        if case.winner not in sheet.costs or (today is None and (TODAY in sheet.answers or case.today is not None)):
            return None
        chosen_by, inference = None, self._running(prices, case.winner)
        if sheet.fitted is not None and found.fitted is not None:
            units, costs = sheet.fitted.units, sheet.fitted.costs
            chosen_by = None if costs is None else Sure(found.fitted, costs, units)
        return automation_money(
            prices, Sure(found.confidence, sheet.costs[case.winner], sheet.units), [p.threshold for p in found.curve],
            chosen_by=chosen_by, today=today, stakes=sheet.stakes, alpha=case.alpha, se_factor=case.se_factor,
            extra_per_month=inference - self._running(prices, TODAY), inference_per_month=inference,
        )  # fmt: skip

    def _beats_constant(self) -> bool:
        """Whether W or R is surely better than always giving the commonest answer of the rows it learnt from."""
        if CONSTANT not in self.sheet.answers:
            return True
        return any(self._gained(name, CONSTANT).low > 0 for name in (self.case.winner, self.case.reference))

    def _limits(self) -> list[Constraint]:
        return [Constraint(limit.name, limit.value <= limit.most, limit.words) for limit in self.case.limits]

    def _today(self) -> list[Constraint]:
        """Return that W must be better than the figure of today's process, where only a figure is known."""
        if self.case.today is None:
            return []
        words = Words(self.metric.name, self.metric.bounds == (0.0, 1.0), self.case.alpha)
        value, today = self._scored(self.case.winner).value, self.case.today[0]
        said = _("{amount}, today's process {today}", amount=words.amount(value), today=words.amount(today))
        return [Constraint("today", (value - today) * self.metric.direction > 0, said)]

    def _slices(self) -> list[Slice]:
        case, sheet = self.case, self.sheet
        how: dict[str, Any] = {"alpha": case.alpha, "se_factor": case.se_factor}
        rows = sheet.answers[case.winner], sheet.answers[case.reference], sheet.truth, sheet.units
        named = harm(self.metric, *rows, sheet.slices, **how) if sheet.slices else []
        return [*named, *harm_by_truth(self.metric, *rows, **how)]

    def _kept(self) -> Slice | None:
        """Return W against what was there before, on the rows that must not be forgotten."""
        if self.sheet.kept is None:
            return None
        units, truth, winner, before = self.sheet.kept
        return forgotten(self.metric, winner, before, truth, units, alpha=self.case.alpha)

    def _forgotten(self, kept: Slice | None) -> list[Constraint]:
        if kept is None:
            return []
        words = _(
            "{points} points on the {n} rows that must not be forgotten, against {before}",
            points=f"{100 * kept.gain.value:+.1f}", n=kept.rows, before=self.case.before,
        )  # fmt: skip
        return [Constraint("forgetting", not kept.harmed, words if kept.judged else kept.words())]

    def _automation(self) -> Automation | None:
        """Return the automation curve of W, where its answers are rivals of each other and its outputs were kept."""
        case, sheet = self.case, self.sheet
        if not (self.task.target_kind == "category" or hasattr(self.task, "places")) or sheet.outputs is None:
            return None
        right, positions = self._checked(sheet.answers[case.winner], sheet.truth)
        fitted, chosen = None, None
        if sheet.fitted is not None:
            known = sheet.fitted
            told = known.answers if self.space.scope is None else self.task.answers(self.space, known.outputs).values
            of_known, chosen = self._checked(told, known.truth)
            fitted = as_read(self.space, known.outputs), of_known, known.units
        return automate(
            fitted,
            sheet.outputs,
            right,
            sheet.units,
            wish=case.wish,
            alpha=case.alpha,
            truth=positions,
            fitted_truth=chosen,
        )

    def _checked(self, answers: Sequence[Any], truth: Sequence[Any]) -> tuple[Floats, list[int]]:
        """Return which *answers* are right (n,), and which of the rivals in each row is, -1 where none is."""
        places = getattr(self.task, "places", None)
        if places is None:
            return _right(answers, truth), _positions(self.case.names, truth)
        found: list[int] = places(answers, truth)
        return np.array([float(place == 0) for place in found]), found

    def _out_of_scope(self) -> OutOfScope | None:
        """Return what W does with rows that no class is for, where the user named their label."""
        case, sheet = self.case, self.sheet
        if sheet.outputs is None:
            return None
        rows = sheet.outputs, sheet.answers[case.winner], sheet.truth, sheet.units
        return measure(self.space, *rows, alpha=case.alpha, se_factor=case.se_factor)


def _right(answers: Sequence[Any], truth: Sequence[Any]) -> Floats:
    return np.array([float(a == t) for a, t in zip(answers, truth, strict=True)])


def _positions(names: tuple[str, ...], truth: Sequence[Any]) -> list[int]:
    place = {name: i for i, name in enumerate(names)}
    return [place.get(str(t), -1) for t in truth]


def _harmed(slices: Sequence[Slice]) -> list[Constraint]:
    """Return the failed constraint that surely harmed slices of named columns are; none where no slice is."""
    harmed = [s for s in slices if s.harmed and s.asked]
    if not harmed:
        return []
    return [Constraint("harmed slice", False, "; ".join(s.words() for s in harmed))]


__all__ = ["CONSTANT", "Case", "Fitted", "Limit", "Ruling", "Sheet", "rule"]
