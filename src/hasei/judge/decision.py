"""Evidence -> adopt | do not adopt | not enough data | rethink, with the reason in plain words.

The rule, in the order in which it is asked (all figures are of confirm rows, W the winner, R the best cheap truth):

1. **adopt**: W is a derived model, its gain over R is surely above 0 and at least delta; it surely meets the goal,
   where there is one; every constraint holds; it surely saves money, where prices are known; there are 30 units or
   more.
2. **rethink**: nothing beats a constant answer; or the goal is surely out of reach of W and of R and stays so at four
   times the rows.
3. **do not adopt**: no derived model won, or there is no gain, or surely less than delta, or a constraint fails, or it
   surely saves nothing.
4. **not enough data**: everything else, with the number of rows that would settle it; where that is more than 20 times
   what there is, it reads do not adopt.

"Surely" is outside the one-sided bounds at the level of this opening. All conditions of **adopt** must hold together,
so no further correction for several tests is due (intersection-union test, Berger 1982).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hasei.ground.statistics import Forecast, Interval, rows_needed
from hasei.ground.statistics.intervals import quantile
from hasei.judge.wording import Words

Verdict: TypeAlias = Literal["adopt", "do not adopt", "not enough data", "rethink"]

LEAST_UNITS = 30
MOST_TIMES = 20
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Constraint:
    """A limit on the winner: *name*, whether it holds, *words* such as ``"31 ms a row, at most 20 ms allowed"``."""

    name: str
    ok: bool
    words: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything the decision rests on; intervals at the one-sided level *alpha*, scores in the metric's own unit.

    *winner*, *reference*: names of W and R, with their scores on confirm; *winner_is_cheap*: W is itself a cheap truth
    (so also where W is R). *gain*, *gain_over_base*: paired, positive where W is better; None where there is none to
    compare. *units*: confirm units. *kpi*: the goal, None without one. *delta*: the smallest gain worth having.
    *alpha_next*: the level of the next opening. *direction*, *share*: of the metric; a share is spoken of in % and
    points. *saving*: money a month in *currency*, None where prices are unknown. *beats_majority*: something did better
    than a constant answer. *forecast*: W's score at four times the rows; *train_rows*: train rows at which it would
    reach the goal; None: unknown. *change_first*: what to change first if it comes to that, where the checks have found
    it; *exploratory*: see the ledger.
    """

    winner: str
    reference: str
    metric: str
    units: int
    gain: Interval | None
    winner_score: Interval
    reference_score: Interval
    delta: float
    alpha: float
    alpha_next: float
    kpi: float | None = None
    winner_is_cheap: bool = False
    gain_over_base: Interval | None = None
    constraints: tuple[Constraint, ...] = ()
    saving: Interval | None = None
    currency: str = "USD"
    beats_majority: bool = True
    forecast: Forecast | None = None
    train_rows: int | None = None
    direction: Literal[1, -1] = 1
    share: bool = True
    change_first: str = ""
    exploratory: bool = False


@dataclass(frozen=True)
class Decision:
    """The verdict, its *reason* in two or three sentences, and the rows that would settle it (None: unknown).

    *rows_role* says which rows *rows_needed* counts. *cause* names, for programs, the part of the rule that decided.
    """

    verdict: Verdict
    reason: str
    rows_needed: int | None = None
    rows_role: Literal["confirm", "train"] | None = None
    cause: str = ""


def pick(
    scores: Sequence[float], costs: Sequence[float], *,
    eligible: Sequence[bool] | None = None, direction: int = 1, tolerance: float = 0.005,
) -> int | None:  # fmt: skip
    """Return the index of the best candidate on select or, within *tolerance* of it (half a point), the cheapest.

    *scores* and *costs* (k,) are of the same candidates; a NaN score is never chosen. Among equal costs the better
    score wins, then the first. None when nothing is eligible.
    """
    better = [s * direction for s in scores]
    allowed = [i for i, s in enumerate(better) if math.isfinite(s) and (eligible is None or eligible[i])]
    if not allowed:
        return None
    best = max(better[i] for i in allowed)
    near = [i for i in allowed if better[i] >= best - tolerance - _ROUNDING]
    return min(near, key=lambda i: (costs[i], -better[i], i))


def decide(evidence: Evidence) -> Decision:
    """Return the verdict on *evidence* by the rule above."""
    case = _Case(evidence)
    decision = case.adopt() or case.rethink() or case.do_not_adopt() or case.not_enough_data()
    if evidence.exploratory:
        note = "The goal or the rule was changed after these rows had first been opened: this result is exploratory."
        decision = replace(decision, reason=f"{decision.reason} {note}")
    return decision


class _Case:
    """One evidence, its scores turned so that more is better, and the four answers it may get."""

    def __init__(self, evidence: Evidence) -> None:
        self.e = evidence
        self.say = Words(evidence.metric, evidence.share, evidence.alpha)
        self.kpi = None if evidence.kpi is None else evidence.kpi * evidence.direction
        self.w, self.r = (_turned(s, evidence.direction) for s in (evidence.winner_score, evidence.reference_score))
        self.derived = not evidence.winner_is_cheap and evidence.winner != evidence.reference
        self.failed = [c for c in evidence.constraints if not c.ok]

    def adopt(self) -> Decision | None:
        """Rule 6."""
        e, gain = self.e, self.e.gain
        if gain is None or not self.derived or not e.beats_majority or self.failed or e.units < LEAST_UNITS:
            return None
        enough = gain.low > 0 and gain.value >= e.delta - _ROUNDING
        if not enough or not self._meets(self.w) or (e.saving is not None and e.saving.low <= 0):
            return None
        first = f"Adopt {e.winner}: {self._reached(gain)}."
        return Decision("adopt", " ".join([first, self._goal_met(), *self._beside()]), cause="adopt")

    def rethink(self) -> Decision | None:
        """Rule 7."""
        e = self.e
        if not e.beats_majority:
            what = e.change_first or (
                "Look at the data first: does the answer really follow from what the model reads, and was it filled in"
                " the same way everywhere?"
            )
            first = f"Rethink: nothing that was tried does better than always giving the same answer ({self._reach()})."
            return Decision("rethink", f"{first} {what}", cause="majority")
        if self.kpi is None or e.forecast is None or max(self.w.high, self.r.high) >= self.kpi:
            return None
        if e.forecast.optimistic * e.direction >= self.kpi:
            return None
        forecast = (
            f"four times the rows are expected to bring {self.say.amount(e.forecast.value)},"
            f" {self.say.amount(e.forecast.optimistic)} at best"
        )
        goal = self.say.amount(e.kpi or 0.0)
        first = f"Rethink: the goal of {goal} is out of reach ({self._reach()}; {forecast})."
        return Decision("rethink", f"{first} {e.change_first or self._change_first(e.forecast)}", cause="out of reach")

    def do_not_adopt(self) -> Decision | None:
        """Rule 8."""
        e, gain = self.e, self.e.gain
        if gain is None or not self.derived:
            first = f"Do not adopt a derived model: none of those tried beats {e.reference}, which is far cheaper."
            return self._no(first, "no derived model", also=True)
        if gain.value <= 0:
            first = (
                f"Do not adopt {e.winner}: {self._on()}, it is no better than {e.reference} ({self.say.gain(gain)})."
            )
            return self._no(first, "no gain", also=True)
        if gain.high < e.delta:
            most, least = self.say.apart(gain.high, e.delta, self.say.points)
            first = (
                f"Do not adopt {e.winner}: {self._on()}, its gain over {e.reference} is {most} at most,"
                f" and less than {least} is not worth having."
            )
            return self._no(first, "gain below delta", also=True)
        if self.failed:
            words = "; ".join(f"{c.name} ({c.words})" if c.words else c.name for c in self.failed)
            return self._no(f"Do not adopt {e.winner}: {self._reached(gain)}, but it fails on {words}.", "constraint")
        if e.saving is not None and e.saving.high <= 0:
            money = self.say.money(e.saving.high, e.currency)
            return self._no(
                f"Do not adopt {e.winner}: {self._reached(gain)}, but it saves {money} at most.", "no saving"
            )
        return None

    def not_enough_data(self) -> Decision:
        """Rule 9."""
        e, gain = self.e, self.e.gain
        if gain is None:
            return self._no(f"Do not adopt {e.winner}: there is nothing to compare it with.", "no gain")
        needed = self._confirm_rows(gain)
        if needed is not None and needed > MOST_TIMES * e.units:
            settle = f"settling that would take more than {MOST_TIMES} times the confirm rows there are"
            first = f"Do not adopt {e.winner}: {self._reached(gain)}, but {self._open_questions(gain)}; {settle}."
            return self._no(first, "too many rows")
        first = f"Not enough data yet: {self._reached(gain)}, but {self._open_questions(gain)}."
        if needed is not None:
            last = f"About {self.say.count(needed)} fresh confirm rows would settle it, four times in five."
            return Decision("not enough data", f"{first} {last}", needed, "confirm", "confirm rows")
        last = (
            "How many train rows would close the gap can't be told from this run."
            if e.train_rows is None
            else f"By the learning curve about {self.say.count(e.train_rows)} train rows would close the gap."
        )
        reason = f"{first} More confirm rows alone would not help. {last}"
        return Decision("not enough data", reason, e.train_rows, "train" if e.train_rows else None, "train rows")

    def _confirm_rows(self, gain: Interval) -> int | None:
        """Return the fresh confirm rows that show every margin, or None where a margin isn't positive."""
        e = self.e
        margins = [(gain.value, gain)]
        if self.kpi is not None:
            margins.append((self.w.value - self.kpi, self.w))
        if e.saving is not None:
            margins.append((e.saving.value, e.saving))
        if min(margin for margin, _ in margins) <= 0:
            return None
        needed = max(rows_needed(e.units, _se(i, e.alpha), margin, e.alpha_next) for margin, i in margins)
        return math.ceil(max(LEAST_UNITS, e.units, min(needed, 1e12)))

    def _meets(self, score: Interval) -> bool:
        return self.kpi is None or score.low >= self.kpi

    def _no(self, first: str, cause: str, *, also: bool = False) -> Decision:
        """Refuse, and say where R stands: enough for the goal, or (*also*) as good as W and cheaper."""
        e, r = self.e, self.e.reference_score
        if self.kpi is not None and self._meets(self.r):
            least, goal = self.say.apart(self._bound(r), e.kpi or 0.0, self.say.amount)
            figures = f"{self.say.reached(r)}, surely {self._side()} {least}; the goal is {goal}"
            last = f"Use {e.reference}, it is enough: {figures}."
        elif self.kpi is not None:
            missed = self.r.high < self.kpi
            last = (
                f"Nor does {e.reference} meet the goal of {self.say.amount(e.kpi or 0.0)}: {self.say.score(r)}."
                if missed
                else f"Nor is {e.reference} sure to meet the goal of {self.say.amount(e.kpi or 0.0)}: {self.say.score(r)}."
            )
        else:
            last = f"{e.reference} reaches {self.say.score(r)}." if also else ""
        return Decision("do not adopt", f"{first} {last}".strip(), cause=cause)

    def _open_questions(self, gain: Interval) -> str:
        e, found = self.e, []
        if e.units < LEAST_UNITS:
            found.append(f"there are only {e.units} independent cases and {LEAST_UNITS} are the least")
        if gain.low <= 0:
            found.append("it may as well be no better at all")
        if gain.value < e.delta:
            found.append(f"less than {self.say.points(e.delta)} is not worth having")
        if not self._meets(self.w):
            surely, goal = self.say.apart(self._bound(e.winner_score), e.kpi or 0.0, self.say.amount)
            found.append(f"it is only sure to reach {self._side()} {surely}, and the goal is {goal}")
        if e.saving is not None and e.saving.low <= 0:
            found.append(f"it may save nothing ({self.say.money(e.saving.low, e.currency)} at the least)")
        return "; and ".join(found) or "not everything that was asked for is shown"

    def _on(self) -> str:
        return f"on {self.say.count(self.e.units)} cases kept out of every choice"

    def _reached(self, gain: Interval) -> str:
        better = f"{self.say.points(gain.value)} better than {self.e.reference}"
        return f"{self._on()}, it reaches {self.say.reached(self.e.winner_score)}, {better} ({self.say.span(gain)})"

    def _reach(self) -> str:
        e = self.e
        both = f"{e.winner} reaches {self.say.score(e.winner_score)}"
        return both if e.winner == e.reference else f"{both}, {e.reference} {self.say.score(e.reference_score)}"

    def _goal_met(self) -> str:
        e = self.e
        if e.kpi is None:
            return f"No goal was given, so this says that it is better than {e.reference}, and no more."
        least, goal = self.say.apart(self._bound(e.winner_score), e.kpi, self.say.amount)
        return f"It is sure to reach {self._side()} {least}, and the goal is {goal}."

    def _beside(self) -> list[str]:
        """Say what stands beside the verdict: the gain over the base as it is, and the money."""
        e, said = self.e, []
        if e.gain_over_base is not None:
            said.append(f"over the base as it is the gain is {self.say.points(e.gain_over_base.value)}")
        if e.saving is not None:
            least, money = (self.say.money(v, e.currency) for v in (e.saving.low, e.saving.value))
            said.append(f"it saves about {money}, {least} at the least")
        text = "; ".join(said)
        return [f"{text[0].upper()}{text[1:]}."] if text else []

    def _bound(self, score: Interval) -> float:
        """Return the worse bound of a score: what it is sure to reach."""
        return score.low if self.e.direction == 1 else score.high

    def _side(self) -> str:
        return "at least" if self.e.direction == 1 else "at most"

    def _change_first(self, forecast: Forecast) -> str:
        e = self.e
        if not self.derived or e.gain is None or e.gain.high < e.delta:
            return f"Change the base first: this one adds nothing to {e.reference}; try one made from data like these."
        if forecast.optimistic * e.direction - self.w.value < e.delta:
            return (
                "Change the task first: more rows would not help; look at which answers are confused with each other."
            )
        return "Change the data first: more rows help, not enough; give each row what a person would need to answer."


def _turned(score: Interval, direction: int) -> Interval:
    """Return *score* so that more is better."""
    return score if direction == 1 else replace(score, value=-score.value, low=-score.high, high=-score.low)


def _se(interval: Interval, alpha: float) -> float:
    """Return the standard error for planning: the lower arm's where longer (a share near 1 has next to no se)."""
    return max(interval.se, (interval.value - interval.low) / quantile(alpha))
