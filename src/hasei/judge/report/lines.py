"""What a report holds, put in words once for every page that shows it: the table's lines and the facts of the verdict.

Everything here reads the JSON contract, so that a report from another day or machine can be shown as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hasei.ground.language import _
from hasei.judge.report.figures import NONE, count, duration, ordinal, significant, size
from hasei.judge.wording import Words, term
from hasei.tasks import Metric, open_task

Report: TypeAlias = Mapping[str, Any]

_NESTED, _FOLDS = "nested cross-fitting", "-fold cross-validation"
_TENTH = 0.001
"""Of a point, as a share."""
_ORDER = ("done", "waiting", "raced out", "failed", "skipped")


@dataclass(frozen=True)
class Line:
    """One candidate in words. *settings* are those that differ from the defaults; *low* to *high* its interval.

    *role*, *status* and *parts* are identifiers of the JSON contract; :func:`hasei.judge.wording.term` says them.
    """

    name: str
    settings: str
    role: str
    status: str
    score: str
    interval: str
    too_few: bool
    gain: str
    retained: str
    parameters: str
    training: str
    training_money: str
    ms_per_row: str
    money_per_1000: str
    size: str
    why: str
    parts: tuple[str, ...]
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def quality(self) -> str:
        """Score and interval in one: ``94.5 (93.6 to 95.3)``, with a star where there was too little to bound it."""
        bounds = f" ({self.interval})" if self.interval else ""
        return f"{self.score}{bounds}{'*' if self.too_few else ''}"

    @property
    def whole_name(self) -> str:
        """The name with its settings: ``lora (rank 8)``."""
        return f"{self.name} ({self.settings})" if self.settings else self.name

    @property
    def part(self) -> str:
        """Say whether it was the choice of the select rows, or the reference that it must beat."""
        return ", ".join(map(term, self.parts))

    @property
    def about(self) -> str:
        """Say its role, its part and its settings."""
        return "; ".join(filter(None, [", ".join(filter(None, [term(self.role), self.part])), self.settings]))

    @property
    def chosen(self) -> bool:
        """Whether it was chosen on the select rows."""
        return "chosen" in self.parts

    @property
    def done(self) -> bool:
        """Whether it has a score."""
        return self.status == "done"


@dataclass(frozen=True)
class Fact:
    """One figure behind the verdict: what it is (an identifier, or the name of a limit), and what it is in words."""

    name: str
    words: str

    @property
    def title(self) -> str:
        """Say what it is."""
        return term(self.name)


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
    name, __, settings = str(candidate["name"]).partition(" (")
    scored, cost = candidate.get("select") or {}, candidate.get("cost") or {}
    done = candidate["status"] == "done"
    gain = candidate.get("gain_over_base")
    low, high = (number(words, scored.get(bound)) for bound in ("low", "high"))
    return Line(
        name=name, settings=settings.removesuffix(")"), role=candidate["role"], status=candidate["status"],
        score=number(words, scored.get("value")) if done else NONE,
        interval=_("{low} to {high}", low=low, high=high) if done and NONE not in (low, high) else "",
        too_few=done and bool(scored.get("too_few")), gain=signed(words, gain) if done else NONE,
        retained=f"{100 * candidate['retained']:.0f}" if done and candidate.get("retained") is not None else NONE,
        parameters=count(candidate.get("trainable_parameters")), training=duration(candidate.get("train_seconds")),
        training_money=significant(cost.get("training")),
        ms_per_row=significant(candidate.get("predict_ms_per_row"), least=1e-3),
        money_per_1000=significant(cost.get("per_1000")), size=size(candidate.get("bytes")),
        why=_why(candidate, words), parts=_parts(report, candidate),
        value=scored.get("value"), low=scored.get("low"), high=scored.get("high"),
    )  # fmt: skip


def _parts(report: Report, candidate: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(p for p in ("chosen", "reference") if report.get(p) and report[p]["name"] == candidate["name"])


def number(words: Words, value: float | None) -> str:
    """Say a value of the metric without its unit: ``94.5`` for a share, as tables do."""
    return NONE if value is None else words.bare(value)


def signed(words: Words, gain: float | None) -> str:
    """Say a difference without its unit, with its sign: ``+3.1``."""
    if gain is None:
        return NONE
    bare = words.bare_points(abs(gain))
    return bare if float(bare) == 0 else f"{'+' if gain > 0 else '-'}{bare}"


def _why(candidate: Mapping[str, Any], words: Words) -> str:
    rungs = candidate.get("rungs") or []
    why = str(candidate.get("why") or "")
    if candidate["status"] == "done" or not rungs:
        return why
    last = rungs[-1]
    return _(
        "{why} ({score} on {rows} rows)", why=why or term(candidate["status"]), score=words.amount(last["score"]),
        rows=f"{last['rows']:,}",
    )  # fmt: skip


def facts_of(report: Report) -> list[Fact]:
    """Return the figures of the confirm rows in words, in the order in which they matter."""
    words = words_of(report)
    chosen, reference = report.get("chosen"), report.get("reference")
    found = []
    if chosen:
        found.append(Fact("chosen", _scored(words, chosen)))
        found += _gains(words, chosen["confirm"], reference)
    if reference and (not chosen or reference["name"] != chosen["name"]):
        found.append(Fact("reference", _scored(words, reference)))
    if report.get("kpi"):
        found.append(Fact("goal", goal_of(report, words)))
    if report.get("today"):
        found.append(Fact("today", _scored(words, report["today"])))
    if report.get("out_of_scope"):
        found.append(Fact("out of scope", report["out_of_scope"]["words"]))
    tiny = words.share and 0 < float(report["delta"]) < _TENTH / 2
    found.append(Fact(
        "smallest gain", _("any gain, however small, pays at these prices") if tiny
        else _("{gain} (less is not worth having)", gain=words.points(float(report["delta"]))),
    ))  # fmt: skip
    limited = any(c["name"] == "latency" for c in report.get("constraints") or [])
    if report.get("latency_p95_ms") is not None and not limited:
        said = _("{ms} ms for one row, 95th percentile", ms=significant(report["latency_p95_ms"]))
        found.append(Fact("latency", said))
    found += [Fact(c["name"], c["words"]) for c in report.get("constraints") or []]
    found += [Fact(d["kind"], d["words"]) for d in report.get("diagnosis") or [] if d["kind"] == "other rows"]
    return [*found, *_money(report), Fact("confirm rows", _opening(report, words))]


def goal_of(report: Report, words: Words) -> str:
    """Say the goal: ``accuracy at least 92.0 %``."""
    values = {"metric": words.name, "amount": words.amount(report["kpi"]["at_least"])}
    least = metric_of(report).direction == 1
    return _("{metric} at least {amount}", **values) if least else _("{metric} at most {amount}", **values)


def in_turn(report: Report) -> bool:
    """Whether rows were so few that each served every role in turn."""
    return str(report.get("scheme", "")).startswith(_NESTED)


def scheme_words(report: Report) -> str:
    """Say how rows served, "" where each simply had its role."""
    scheme = str(report.get("scheme", "holdout"))
    if scheme.startswith(_NESTED):
        return _("nested cross-fitting ({folds})", folds=scheme.removeprefix(_NESTED).strip(" ()"))
    if scheme.endswith(_FOLDS):
        return _("{n}-fold cross-validation", n=scheme.removesuffix(_FOLDS))
    return "" if scheme == "holdout" else scheme


def interval_of(words: Words, part: Mapping[str, Any], low: str = "low", high: str = "high") -> str:
    """Say the interval of a score (or, named *low* and *high* otherwise, of a gain), "" where there is none."""
    if part.get(low) is None or part.get(high) is None:
        return ""
    if low == "low":
        return words.interval(words.bare(part[low]), words.amount(part[high]))
    return words.interval(words.bare_points(part[low]), words.points(part[high]))


def _scored(words: Words, part: Mapping[str, Any]) -> str:
    scored = part["confirm"]
    values = {
        "name": part["name"], "metric": words.name, "amount": words.amount(scored["value"]),
        "interval": interval_of(words, scored),
    }  # fmt: skip
    if not values["interval"]:
        return _("{name}: {metric} {amount}, no interval", **values)
    if scored.get("too_few"):
        return _("{name}: {metric} {amount}, {interval}; too few rows to bound it well", **values)
    return _("{name}: {metric} {amount}, {interval}", **values)


def _gains(words: Words, confirm: Mapping[str, Any], reference: Mapping[str, Any] | None) -> list[Fact]:
    found = []
    if confirm.get("gain") is not None and reference:
        interval = interval_of(words, confirm, "gain_low", "gain_high")
        values = {"gain": words.points(confirm["gain"]), "reference": reference["name"], "interval": interval}
        said = (
            _("{gain} over {reference}, {interval}", **values)
            if interval
            else _("{gain} over {reference}, no interval", **values)
        )
        found.append(Fact("gain", said))
    if confirm.get("gain_over_base") is not None:
        said = _("{gain} over the base as it is", gain=words.points(confirm["gain_over_base"]))
        found.append(Fact("gain over base", said))
    return found


def _money(report: Report) -> list[Fact]:
    saved = report.get("saving_per_month")
    if not saved:
        return []
    low, high = (NONE if saved[k] is None else f"{saved[k]:,.0f}" for k in ("low", "high"))
    said = _(
        "{value} {currency} a month, {low} to {high}", value=f"{saved['value']:,.0f}", currency=saved["currency"],
        low=low, high=high,
    )  # fmt: skip
    name = not_recommended(report)
    return [Fact("saving", _("{name}: {words}", name=name, words=said) if name else said)]


def _opening(report: Report, words: Words) -> str:
    rows = report["data"]["roles"].get("confirm", {})
    number, alpha = int(report["openings"]), float(report["alpha"])
    values = {"rows": f"{rows.get('rows', 0):,}", "units": f"{rows.get('units', 0):,}"}
    if number == 1:
        said = _("{rows} rows, {units} independent cases, opened for the first time", **values)
    else:
        said = _(
            "{rows} rows, {units} independent cases, opened for the {ordinal} time: judged at alpha {alpha} ({confidence})",
            ordinal=ordinal(number), alpha=significant(alpha), confidence=words.confidence, **values,
        )  # fmt: skip
    if report.get("exploratory"):
        return _("{said}; the rule was changed in between, so this is exploratory", said=said)
    return said


def not_recommended(report: Report) -> str:
    """Name the candidate whose money is reckoned where it is not the one that is recommended, else ""."""
    chosen, reference = report.get("chosen"), report.get("reference")
    if not chosen or not reference or chosen["name"] == reference["name"] or report["verdict"] != "do not adopt":
        return ""
    return str(chosen["name"])


def group_name(part: Mapping[str, Any]) -> str:
    """Name a group of rows: by its column where the user named one, else by the true answer."""
    return f"{part['column'] if part.get('asked', True) else _('true answer')} = {part['value']}"
