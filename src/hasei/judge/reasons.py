"""The reason of a verdict in plain words: whole sentences about one evidence, in the language in use.

The rule itself is in :mod:`hasei.judge.decision`; this file only says what it found.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from hasei.ground.language import _
from hasei.ground.statistics import Forecast, Interval
from hasei.judge.wording import Words, sentences, term

if TYPE_CHECKING:
    from hasei.judge.decision import Evidence


class Reasons:
    """What can be said of one *evidence* under a rule that asks for *least_units* and at most *most_times* the rows."""

    def __init__(self, evidence: Evidence, *, least_units: int, most_times: int) -> None:
        self.e, self.least_units, self.most_times = evidence, least_units, most_times
        self.say = Words(evidence.metric, evidence.share, evidence.alpha)

    def adopted(self, gain: Interval) -> str:
        """Say that the winner is worth having, what it surely reaches, and what stands beside the verdict."""
        first = _(
            "Adopt {winner}: on {cases} cases kept out of every choice, it reaches {score}, {better} better than"
            " {reference} ({interval}).", **self._reached(gain),
        )  # fmt: skip
        return sentences(first, self._goal_met(), self._beside())

    def nothing_learnt(self) -> str:
        """Say that nothing beats a constant answer."""
        first = _(
            "Rethink: nothing that was tried does surely better than always giving the same answer ({reach}).",
            reach=self._reach(),
        )
        return sentences(first, self.e.change_first or _(
            "Look at the data first: does the answer really follow from what the model reads, and was it filled in the"
            " same way everywhere?"
        ))  # fmt: skip

    def out_of_reach(self, forecast: Forecast, change: str) -> str:
        """Say that the goal stays out of reach; *change* names what to change first: ``base``, ``task`` or ``data``."""
        first = _(
            "Rethink: the goal of {goal} is out of reach ({reach}; four times the rows are expected to bring {expected},"
            " {best} at best).", goal=self._goal(), reach=self._reach(), expected=self.say.amount(forecast.value),
            best=self.say.amount(forecast.optimistic),
        )  # fmt: skip
        return sentences(first, self.e.change_first or self._change(change))

    def no_derived_model(self) -> str:
        """Say that a cheap truth won."""
        return _(
            "Do not adopt a derived model: none of those tried beats {reference}, which costs less to make.",
            reference=self.e.reference,
        )

    def no_gain(self, gain: Interval) -> str:
        """Say that the winner is no better than the reference."""
        return _(
            "Do not adopt {winner}: on {cases} cases kept out of every choice, it is no better than {reference}"
            " ({gain}).", gain=self.say.gain(gain), **self._named(),
        )  # fmt: skip

    def gain_too_small(self, gain: Interval) -> str:
        """Say that the gain is surely less than what is worth having."""
        most, least = self.say.apart(gain.high, self.e.delta, self.say.points)
        return _(
            "Do not adopt {winner}: on {cases} cases kept out of every choice, its gain over {reference} is {most} at"
            " most, and less than {least} is not worth having.", most=most, least=least, **self._named(),
        )  # fmt: skip

    def limits_broken(self, gain: Interval) -> str:
        """Say which limits the winner breaks."""
        broken = [c for c in self.e.constraints if not c.ok]
        words = "; ".join(f"{term(c.name)} ({c.words})" if c.words else term(c.name) for c in broken)
        return _(
            "Do not adopt {winner}: on {cases} cases kept out of every choice, it reaches {score}, {better} better than"
            " {reference} ({interval}), but it fails on {limits}.", limits=words, **self._reached(gain),
        )  # fmt: skip

    def no_saving(self, gain: Interval, most: float) -> str:
        """Say that it does not pay: *most* is what it saves a month at best."""
        return _(
            "Do not adopt {winner}: on {cases} cases kept out of every choice, it reaches {score}, {better} better than"
            " {reference} ({interval}), but it saves {money} at most.", money=self._money(most), **self._reached(gain),
        )  # fmt: skip

    def nothing_to_compare(self) -> str:
        """Say that there was no reference."""
        return _("Do not adopt {winner}: there is nothing to compare it with.", winner=self.e.winner)

    def too_many_rows(self, gain: Interval) -> str:
        """Say that settling the open questions would take more rows than anybody will have."""
        return _(
            "Do not adopt {winner}: on {cases} cases kept out of every choice, it reaches {score}, {better} better than"
            " {reference} ({interval}), but {open}; settling that would take more than {times} times the confirm rows"
            " there are.", times=self.most_times, open=self._open_questions(gain), **self._reached(gain),
        )  # fmt: skip

    def not_settled(self, gain: Interval, confirm_rows: int | None) -> str:
        """Say what is open, and what would settle it: *confirm_rows*, or train rows where those would not help."""
        first = _(
            "Not enough data yet: on {cases} cases kept out of every choice, it reaches {score}, {better} better than"
            " {reference} ({interval}), but {open}.", open=self._open_questions(gain), **self._reached(gain),
        )  # fmt: skip
        if confirm_rows is not None:
            rows = self.say.count(confirm_rows)
            return sentences(first, _(
                "About {rows} fresh confirm rows would settle it, four times in five.", rows=rows
            ))  # fmt: skip
        return sentences(first, _("More confirm rows alone would not help."), self._train_rows())

    def reference_stands(self, meets: bool, missed: bool, *, also: bool) -> str:
        """Say where the reference stands: it *meets* the goal or surely *missed* it; *also* where there is no goal."""
        e, r = self.e, self.e.reference_score
        values = {"reference": e.reference, "goal": self._goal(), "score": self.say.score(r)}
        if e.kpi is None:
            return _("{reference} reaches {score}.", **values) if also else ""
        if meets:
            least, goal = self.say.apart(self._bound(r), e.kpi, self.say.amount)
            return _(
                "Use {reference}, it is enough: {score}, surely {bound}; the goal is {goal}.", reference=e.reference,
                score=self.say.reached(r), bound=self._side(least), goal=goal,
            )  # fmt: skip
        if missed:
            return _("Nor does {reference} meet the goal of {goal}: {score}.", **values)
        return _("Nor is {reference} sure to meet the goal of {goal}: {score}.", **values)

    def reference_does_not_pay(self, saved: Interval) -> str:
        """Say that the reference meets the goal, but is not sure to save money against today's process."""
        return _(
            "{reference} meets the goal of {goal} ({score}), but it is not sure to pay: against today's process it saves"
            " {money}, {least} at the least. Keep today's process.", reference=self.e.reference, goal=self._goal(),
            score=self.say.score(self.e.reference_score), money=self._money(saved.value), least=self._money(saved.low),
        )  # fmt: skip

    def exploratory(self) -> str:
        """Say that goal or rule were changed."""
        return _("The goal or the rule was changed after these rows had first been opened: this result is exploratory.")

    def _open_questions(self, gain: Interval) -> str:
        """Say what stands between the winner and its adoption, as clauses of one sentence."""
        e, found = self.e, []
        if e.units < self.least_units:
            found.append(_(
                "there are only {units} independent cases and {least} are the least", units=e.units,
                least=self.least_units,
            ))  # fmt: skip
        if gain.low <= 0:
            found.append(_("it may as well be no better at all"))
        if gain.value < e.delta:
            found.append(_("less than {least} is not worth having", least=self.say.points(e.delta)))
        if e.kpi is not None and (self._bound(e.winner_score) - e.kpi) * e.direction < 0:
            surely, goal = self.say.apart(self._bound(e.winner_score), e.kpi, self.say.amount)
            found.append(_(
                "it is only sure to reach {bound}, and the goal is {goal}", bound=self._side(surely), goal=goal
            ))  # fmt: skip
        if e.saving is not None and e.saving.low <= 0:
            found.append(_("it may save nothing ({money} at the least)", money=self._money(e.saving.low)))
        if not found:
            return _("not everything that was asked for is shown")
        return reduce(lambda one, other: _("{one}; and {other}", one=one, other=other), found)

    def _train_rows(self) -> str:
        rows = self.e.train_rows
        if rows is None:
            return _("How many train rows would close the gap can't be told from this run.")
        return _("By the learning curve about {rows} train rows would close the gap.", rows=self.say.count(rows))

    def _named(self) -> dict[str, str]:
        """Return what most sentences name."""
        return {"winner": self.e.winner, "reference": self.e.reference, "cases": self.say.count(self.e.units)}

    def _reached(self, gain: Interval) -> dict[str, str]:
        """Return what a sentence on a gain names: who, on how many cases, how good, how much better than whom."""
        return self._named() | {
            "score": self.say.reached(self.e.winner_score), "better": self.say.points(gain.value),
            "interval": self.say.span(gain),
        }  # fmt: skip

    def _reach(self) -> str:
        e = self.e
        values = {"winner": e.winner, "score": self.say.score(e.winner_score)}
        if e.winner == e.reference:
            return _("{winner} reaches {score}", **values)
        return _(
            "{winner} reaches {score}, {reference} {other}", reference=e.reference,
            other=self.say.score(e.reference_score), **values,
        )  # fmt: skip

    def _goal(self) -> str:
        return self.say.amount(self.e.kpi or 0.0)

    def _goal_met(self) -> str:
        e = self.e
        if e.kpi is None:
            return _(
                "No goal was given, so this says that it is better than {reference}, and no more.",
                reference=e.reference,
            )
        least, goal = self.say.apart(self._bound(e.winner_score), e.kpi, self.say.amount)
        return _("It is sure to reach {bound}, and the goal is {goal}.", bound=self._side(least), goal=goal)

    def _beside(self) -> str:
        """Say what stands beside the verdict: the gain over the base as it is, and the money."""
        base, saving = self.e.gain_over_base, self.e.saving
        values: dict[str, str] = {}
        if base is not None:
            values["gain"] = self.say.points(base.value)
        if saving is not None:
            values |= {"money": self._money(saving.value), "least": self._money(saving.low)}
        if base is not None and saving is not None:
            return _(
                "Over the base as it is the gain is {gain}; it saves about {money}, {least} at the least.", **values
            )
        if base is not None:
            return _("Over the base as it is the gain is {gain}.", **values)
        return _("It saves about {money}, {least} at the least.", **values) if saving is not None else ""

    def _money(self, money: float) -> str:
        return self.say.money(money, self.e.currency)

    def _bound(self, score: Interval) -> float:
        """Return the worse bound of a score: what it is sure to reach."""
        return score.low if self.e.direction == 1 else score.high

    def _side(self, amount: str) -> str:
        return _("at least {amount}", amount=amount) if self.e.direction == 1 else _("at most {amount}", amount=amount)

    def _change(self, what: str) -> str:
        if what == "base":
            return _(
                "Change the base first: this one adds nothing to {reference}; try one made from data like these.",
                reference=self.e.reference,
            )
        if what == "task":
            return _(
                "Change the task first: more rows would not help; look at which answers are confused with each other."
            )
        return _("Change the data first: more rows help, not enough; give each row what a person would need to answer.")
