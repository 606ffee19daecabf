"""What a report holds, put in words once for every page that shows it: the table's lines and the facts of the verdict.

Everything here reads the JSON contract, so that a report from another day or machine can be shown as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hasei.judge.report.figures import NONE, count, duration, significant, size
from hasei.judge.wording import Words
from hasei.tasks import Metric, open_task

Report: TypeAlias = Mapping[str, Any]

_ORDER = ("done", "waiting", "raced out", "failed", "skipped")


@dataclass(frozen=True)
class Line:
    """One candidate in words. *settings* are those that differ from the defaults; *low* to *high* its interval."""

    name: str
    settings: str
    role: str
    status: str
    score: str
    interval: str
    too_few: bool
    gain: str
    parameters: str
    training: str
    training_money: str
    ms_per_row: str
    money_per_1000: str
    size: str
    why: str
    part: str
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def quality(self) -> str:
        """Score and interval in one: ``94.5 (93.6 to 95.3)``, with a star where there was too little to bound it."""
        bounds = f" ({self.interval})" if self.interval else ""
        return f"{self.score}{bounds}{'*' if self.too_few else ''}"

    @property
    def done(self) -> bool:
        """Whether it has a score."""
        return self.status == "done"


@dataclass(frozen=True)
class Fact:
    """One figure behind the verdict: what it is, and what it is in words."""

    name: str
    words: str


def metric_of(report: Report) -> Metric:
    """Return the metric by which *report* judges; raises RecipeError where its task or metric is not known here."""
    metrics = open_task(report["task"]).metrics
    name = metric_name(report)
    if name not in metrics:
        from hasei.ground.errors import RecipeError, nearest

        raise RecipeError(f"there is no metric called '{name}'", do=nearest(name, metrics))
    return metrics[name]


def metric_name(report: Report) -> str:
    """Return the name of the metric of *report*."""
    for part in ("chosen", "reference"):
        if report.get(part):
            return str(report[part]["confirm"]["metric"])
    return str((report.get("kpi") or {}).get("metric", ""))


def words_of(report: Report, *, select: bool = False) -> Words:
    """Return how figures of *report* are said: those of confirm, or of *select*, whose level is always 0.025."""
    metric = metric_of(report)
    return Words(metric.name, metric.bounds == (0.0, 1.0), 0.025 if select else float(report["alpha"]))


def currency_of(report: Report) -> str:
    """Return the currency of the costs, "" where none was reckoned."""
    return next((str(c["cost"]["currency"]) for c in report["candidates"] if c.get("cost")), "")


def lines_of(report: Report) -> list[Line]:
    """Return the candidates in words: the scored ones first, best first, then those with a reason why not."""
    metric, words = metric_of(report), words_of(report, select=True)

    def rank(candidate: Mapping[str, Any]) -> tuple[int, float]:
        status = candidate["status"]
        place = _ORDER.index(status) if status in _ORDER else len(_ORDER)
        value = (candidate.get("select") or {}).get("value")
        return place, -metric.direction * (value if value is not None else 0.0)

    return [_line(report, c, words) for c in sorted(report["candidates"], key=rank)]


def _line(report: Report, candidate: Mapping[str, Any], words: Words) -> Line:
    name, _, settings = str(candidate["name"]).partition(" (")
    scored, cost = candidate.get("select") or {}, candidate.get("cost") or {}
    done = candidate["status"] == "done"
    gain = candidate.get("gain_over_base")
    low, high = (number(words, scored.get(bound)) for bound in ("low", "high"))
    return Line(
        name=name, settings=settings.removesuffix(")"), role=candidate["role"], status=candidate["status"],
        score=number(words, scored.get("value")) if done else NONE,
        interval=f"{low} to {high}" if done and NONE not in (low, high) else "",
        too_few=done and bool(scored.get("too_few")), gain=_signed(words, gain) if done and gain is not None else NONE,
        parameters=count(candidate.get("trainable_parameters")), training=duration(candidate.get("train_seconds")),
        training_money=significant(cost.get("training")),
        ms_per_row=significant(candidate.get("predict_ms_per_row"), least=1e-3),
        money_per_1000=significant(cost.get("per_1000")), size=size(candidate.get("bytes")),
        why=_why(candidate, words), part=_part(report, candidate),
        value=scored.get("value"), low=scored.get("low"), high=scored.get("high"),
    )  # fmt: skip


def _part(report: Report, candidate: Mapping[str, Any]) -> str:
    """Whether a candidate was the choice of the select rows, or the reference that it must beat."""
    parts = ("chosen", "reference")
    return ", ".join(p for p in parts if report.get(p) and report[p]["name"] == candidate["name"])


def number(words: Words, value: float | None) -> str:
    """Say a value of the metric without its unit: ``94.5`` for a share, as tables do."""
    return NONE if value is None else words.amount(value).removesuffix(" %")


def _signed(words: Words, gain: float) -> str:
    bare = words.points(abs(gain)).removesuffix(" points")
    return bare if float(bare) == 0 else f"{'+' if gain > 0 else '-'}{bare}"


def _why(candidate: Mapping[str, Any], words: Words) -> str:
    rungs = candidate.get("rungs") or []
    if candidate["status"] == "done" or not rungs:
        return str(candidate.get("why") or "")
    last = rungs[-1]
    seen = f"{words.amount(last['score'])} on {last['rows']:,} rows"
    return f"{candidate.get('why') or candidate['status']} ({seen})"


def facts_of(report: Report) -> list[Fact]:
    """Return the figures of the confirm rows in words, in the order in which they matter."""
    words = words_of(report)
    chosen, reference = report.get("chosen"), report.get("reference")
    found = []
    if chosen:
        found.append(Fact("chosen", f"{chosen['name']}: {_scored(words, chosen['confirm'])}"))
        found += _gains(words, chosen["confirm"], reference)
    if reference and (not chosen or reference["name"] != chosen["name"]):
        found.append(Fact("reference", f"{reference['name']}: {_scored(words, reference['confirm'])}"))
    if report.get("kpi"):
        side = "at least" if metric_of(report).direction == 1 else "at most"
        found.append(Fact("goal", f"{words.metric} {side} {words.amount(report['kpi']['at_least'])}"))
    found.append(Fact("smallest gain", f"{words.points(report['delta'])} (less is not worth having)"))
    if report.get("latency_p95_ms") is not None:
        found.append(Fact("latency", f"{significant(report['latency_p95_ms'])} ms for one row, 95th percentile"))
    found += [Fact(c["name"], c["words"]) for c in report.get("constraints") or []]
    return [*found, *_money(report), Fact("confirm rows", _opening(report, words))]


def _scored(words: Words, part: Mapping[str, Any]) -> str:
    said = f"{words.metric} {words.amount(part['value'])}"
    return said + _interval(words, part, "low", "high", words.amount)


def _interval(words: Words, part: Mapping[str, Any], low: str, high: str, say: Any) -> str:
    if part.get(low) is None or part.get(high) is None:
        return ", no interval"
    least, most = say(part[low]), say(part[high])
    for unit in (" %", " points"):
        least = least.removesuffix(unit)
    few = "; too few rows to bound it well" if part.get("too_few") and low == "low" else ""
    return f", {words.confidence} interval {least} to {most}{few}"


def _gains(words: Words, confirm: Mapping[str, Any], reference: Mapping[str, Any] | None) -> list[Fact]:
    found = []
    if confirm.get("gain") is not None and reference:
        interval = _interval(words, confirm, "gain_low", "gain_high", words.points)
        found.append(Fact("gain", f"{words.points(confirm['gain'])} over {reference['name']}{interval}"))
    if confirm.get("gain_over_base") is not None:
        found.append(Fact("gain over base", f"{words.points(confirm['gain_over_base'])} over the base as it is"))
    return found


def _money(report: Report) -> list[Fact]:
    saved = report.get("saving_per_month")
    if not saved:
        return []
    low, high = (NONE if saved[k] is None else f"{saved[k]:,.0f}" for k in ("low", "high"))
    return [Fact("saving", f"{saved['value']:,.0f} {saved['currency']} a month, {low} to {high}")]


def _opening(report: Report, words: Words) -> str:
    rows = report["data"]["roles"].get("confirm", {})
    number, alpha = int(report["openings"]), float(report["alpha"])
    kept = f"{rows.get('rows', 0):,} rows, {rows.get('units', 0):,} independent cases"
    if number == 1:
        said = f"{kept}, opened for the first time"
    else:
        said = (
            f"{kept}, opened for the {ordinal(number)} time: judged at alpha {significant(alpha)} ({words.confidence})"
        )
    return said + ("; the rule was changed in between, so this is exploratory" if report.get("exploratory") else "")


def ordinal(number: int) -> str:
    """Say a place: ``1st``, ``2nd``, ``11th``."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
