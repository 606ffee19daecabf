"""Evidence -> adopt | do not adopt | not enough data | rethink, with the reason in plain words (:mod:`hasei.judge.reasons`).

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
from hasei.judge.reasons import Reasons
from hasei.judge.wording import sentences

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
    points. *saving*: money a month in *currency*, None where prices are unknown; *reference_saving*: what R saves against
    today's process, None where that is unknown. *beats_majority*: something did better
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
    reference_saving: Interval | None = None
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
    charges: Sequence[float] | None = None, doubt: float = 0.0,
) -> int | None:  # fmt: skip
    """Return the index of the best candidate on select or, within *tolerance* of it (half a point), the cheapest.

    *scores* and *costs* (k,) are of the same candidates; a NaN score is never chosen. Among equal costs the better
    score wins, then the first. *charges* (k,), known where the prices are, are the scores that the costs are worth: they
    are taken off first, so that a gain which does not pay for itself is no gain. Beside a candidate charged less, one
    charged *tolerance* more must be better by *doubt*, what chance alone may give it, and one charged a little more by
    as small a part of that. None when nothing is eligible.
    """
    charged = list(charges or [0.0] * len(scores))
    better = [s * direction - c for s, c in zip(scores, charged, strict=True)]
    allowed = [i for i, s in enumerate(better) if math.isfinite(s) and (eligible is None or eligible[i])]

    def surely_pays(dear: int) -> bool:
        return all(
            better[dear] >= better[i] + doubt * min(1.0, (charged[dear] - charged[i]) / tolerance)
            for i in allowed if charged[i] < charged[dear]
        )  # fmt: skip

    if doubt and tolerance:
        allowed = [i for i in allowed if surely_pays(i)]
    if not allowed:
        return None
    best = max(better[i] for i in allowed)
    near = [i for i in allowed if better[i] >= best - tolerance - _ROUNDING]
    return min(near, key=lambda i: (costs[i], -better[i], -scores[i] * direction, i))


def doubt_of(se: float) -> float:
    """Return how far a candidate may lie above an equal one by chance (at 97.5 %), *se* being a score's standard error.

    As if the two erred independently: rows that both err on make it less.
    """
    return quantile(0.025) * math.sqrt(2) * se


def decide(evidence: Evidence) -> Decision:
    """Return the verdict on *evidence* by the rule above, its reason in the language in use."""
    case = _Case(evidence)
    decision = case.adopt() or case.rethink() or case.do_not_adopt() or case.not_enough_data()
    if evidence.exploratory:
        decision = replace(decision, reason=sentences(decision.reason, case.say.exploratory()))
    return decision


class _Case:
    """One evidence, its scores turned so that more is better, and the four answers it may get."""

    def __init__(self, evidence: Evidence) -> None:
        self.e = evidence
        self.say = Reasons(evidence, least_units=LEAST_UNITS, most_times=MOST_TIMES)
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
        return Decision("adopt", self.say.adopted(gain), cause="adopt")

    def rethink(self) -> Decision | None:
        """Rule 7."""
        e = self.e
        if not e.beats_majority:
            return Decision("rethink", self.say.nothing_learnt(), cause="majority")
        if self.kpi is None or e.forecast is None or max(self.w.high, self.r.high) >= self.kpi:
            return None
        if e.forecast.optimistic * e.direction >= self.kpi:
            return None
        reason = self.say.out_of_reach(e.forecast, self._change_first(e.forecast))
        return Decision("rethink", reason, cause="out of reach")

    def do_not_adopt(self) -> Decision | None:
        """Rule 8."""
        e, gain = self.e, self.e.gain
        if gain is None or not self.derived:
            return self._no(self.say.no_derived_model(), "no derived model", also=True)
        if gain.value <= 0:
            return self._no(self.say.no_gain(gain), "no gain", also=True)
        if gain.high < e.delta:
            return self._no(self.say.gain_too_small(gain), "gain below delta", also=True)
        if self.failed:
            return self._no(self.say.limits_broken(gain), "constraint")
        if e.saving is not None and e.saving.high <= 0:
            return self._no(self.say.no_saving(gain, e.saving.high), "no saving")
        return None

    def not_enough_data(self) -> Decision:
        """Rule 9."""
        e, gain = self.e, self.e.gain
        if gain is None:
            return self._no(self.say.nothing_to_compare(), "no gain")
        needed = self._confirm_rows(gain)
        if needed is not None and needed > MOST_TIMES * e.units:
            return self._no(self.say.too_many_rows(gain), "too many rows")
        reason = self.say.not_settled(gain, needed)
        if needed is not None:
            return Decision("not enough data", reason, needed, "confirm", "confirm rows")
        return Decision("not enough data", reason, e.train_rows, "train" if e.train_rows else None, "train rows")

    def _confirm_rows(self, gain: Interval) -> int | None:
        """Return the fresh confirm rows that show every margin, or None where a margin isn't positive."""
        e = self.e
        margins = [(gain.value, gain)]
        if self.kpi is not None:
            margins.append((self.w.value - self.kpi, self.w))
        if e.saving is not None:
            margins.append((e.saving.value, e.saving))
        if min(margin for margin, __ in margins) <= 0:
            return None
        needed = max(rows_needed(e.units, _se(i, e.alpha), margin, e.alpha_next) for margin, i in margins)
        return math.ceil(max(LEAST_UNITS, e.units, min(needed, 1e12)))

    def _meets(self, score: Interval) -> bool:
        return self.kpi is None or score.low >= self.kpi

    def _no(self, first: str, cause: str, *, also: bool = False) -> Decision:
        """Refuse, and say where R stands: enough for the goal, or (*also*) as good as W and cheaper."""
        missed = self.kpi is not None and self.r.high < self.kpi
        pays = self.e.reference_saving
        if self._meets(self.r) and self.kpi is not None and pays is not None and pays.low <= 0:
            last = self.say.reference_does_not_pay(pays)
        else:
            last = self.say.reference_stands(self._meets(self.r), missed, also=also)
        return Decision("do not adopt", sentences(first, last), cause=cause)

    def _change_first(self, forecast: Forecast) -> str:
        """Name what to change first: ``base``, ``task`` or ``data``."""
        e = self.e
        if not self.derived or e.gain is None or e.gain.high < e.delta:
            return "base"
        return "task" if forecast.optimistic * e.direction - self.w.value < e.delta else "data"


def _turned(score: Interval, direction: int) -> Interval:
    """Return *score* so that more is better."""
    return score if direction == 1 else replace(score, value=-score.value, low=-score.high, high=-score.low)


def _se(interval: Interval, alpha: float) -> float:
    """Return the standard error for planning: the lower arm's where longer (a share near 1 has next to no se)."""
    return max(interval.se, (interval.value - interval.low) / quantile(alpha))
