"""What to change first where nothing is good enough: the base, the labels, the number of rows, or the task itself.

The order is that of what spoils all that comes after it: a base that can't read the text makes labels look wrong, wrong
labels make the learning curve flat, and only where the curve is flat for neither reason is the task to be doubted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hasei.ground.language import _
from hasei.ground.statistics import Forecast, Interval
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._saying import percent
from hasei.judge.checks._scripts import language

UNKNOWN = 0.05
"""Share of unknown characters from which on a base can't be said to read a text."""
_NOISY = 0.05
_PART_OF_THE_ERRORS = 0.3
_WORTH_HAVING = 0.02
_SHALLOW = 0.5


@dataclass(frozen=True)
class Facts:
    """What is known when nothing is good enough; None or 0 where it is not.

    *value* is the score reached now (a share, more being better), *goal* the one asked for, *rows* the rows learnt from;
    *later* the score forecast at *times* as many; *layer* of *layers* the best one to take features from; *noise* the
    share of wrong labels; *unknown* the share of characters that the base can't read; *language* the language of the
    data, in words, where it is *foreign* to the base's vocabulary.
    """

    value: float
    goal: float | None = None
    rows: int = 0
    later: Forecast | None = None
    times: int = 4
    layer: int | None = None
    layers: int | None = None
    noise: Interval | None = None
    rejected: float | None = None
    unknown: float = 0.0
    language: str = ""
    foreign: bool = False


@dataclass(frozen=True)
class Change:
    """What to change *first*, and the *sentence* that says so with the figure it rests on."""

    first: Literal["base", "labels", "rows", "task"]
    sentence: str


def facts_from(findings: Sequence[Finding], facts: Facts) -> Facts:
    """Return *facts* with what the data room's *findings* say of labels and base filled in."""
    for finding in findings:
        if finding.kind == "label_noise" and "rate" in finding.evidence:
            rate = finding.evidence["rate"]
            noise = Interval(rate["value"], rate["low"], rate["high"], 0.0, "confident learning")
            facts = replace(facts, noise=noise)
        if finding.kind == "label_noise" and "surest_rejected" in finding.evidence:
            facts = replace(facts, rejected=finding.evidence["surest_rejected"]["value"])
        if finding.kind == "base_fit" and "scripts" in finding.evidence:
            found = finding.evidence
            tongue = language(found["scripts"])
            facts = replace(facts, unknown=found["unknown"], language=tongue, foreign=bool(found["foreign"]))
    return facts


def change_first(facts: Facts) -> Change:
    """Return what to change first and why, by the gravest evidence in *facts*; the task where all else is well."""
    return _unreadable(facts) or _noisy(facts) or _rising(facts) or _shallow(facts) or _task(facts)


def _unreadable(facts: Facts) -> Change | None:
    if facts.unknown >= UNKNOWN:
        share = percent(facts.unknown)
        if facts.language:
            return Change("base", _(
                "Change the base first: it reads {share} of the characters as unknown; try one made for {language}.",
                share=share, language=facts.language,
            ))  # fmt: skip
        return Change("base", _(
            "Change the base first: it reads {share} of the characters as unknown; try one made for the language of these"
            " texts.", share=share,
        ))  # fmt: skip
    if facts.foreign and facts.language:
        return Change("base", _(
            "Change the base first: the texts are in {language}, of whose script its vocabulary has hardly a piece.",
            language=facts.language,
        ))  # fmt: skip
    return None


def _noisy(facts: Facts) -> Change | None:
    """The labels, where they are surely noisy and wrong ones are a good part of what is now answered wrongly.

    Also where two readers reject most of them even where they are surest: then the labels, or the texts, tell nothing.
    """
    if facts.rejected is not None:
        return Change("labels", _(
            "Look at the labels first: where the base and a word counter are surest, they still reject {share} of them.",
            share=percent(facts.rejected),
        ))  # fmt: skip
    if facts.noise is None or facts.noise.low < max(_NOISY, _PART_OF_THE_ERRORS * (1 - facts.value)):
        return None
    return Change("labels", _(
        "Change the labels first: an estimated {low} to {high} of them are wrong, and no model can be right against a wrong"
        " label.", low=percent(facts.noise.low), high=percent(facts.noise.high),
    ))  # fmt: skip


def _rising(facts: Facts) -> Change | None:
    """More rows, where they would bring enough and would not leave the goal out of reach."""
    if facts.later is None or facts.later.value - facts.value < _WORTH_HAVING:
        return None
    if facts.goal is not None and facts.later.optimistic < facts.goal:
        return None
    return Change("rows", _(
        "Collect rows first: the learning curve still rises, from {now} on {rows} rows to about {later} forecast at {times}"
        " times as many ({low} to {high}).", now=percent(facts.value), rows=f"{facts.rows:,}",
        later=percent(facts.later.value), times=facts.times, low=percent(facts.later.pessimistic),
        high=percent(facts.later.optimistic),
    ))  # fmt: skip


def _shallow(facts: Facts) -> Change | None:
    """The base, where its upper layers only spoil what its lower ones know of this text."""
    if facts.layer is None or not facts.layers or facts.layer > _SHALLOW * facts.layers:
        return None
    return Change("base", _(
        "Change the base first: its layer {layer} of {layers} serves best here, so what its upper layers learnt is of no"
        " use for this task.", layer=facts.layer, layers=facts.layers,
    ))  # fmt: skip


def _task(facts: Facts) -> Change:
    if facts.later is None:
        return Change("task", _(
            "Change the task first: with {value} on the select rows, neither labels nor base give the reason; look whether the"
            " text holds the answer at all, and whether fewer labels would do.", value=percent(facts.value),
        ))  # fmt: skip
    return Change("task", _(
        "Change the task first: at {times} times the rows {later} is forecast after {value} on the select rows, and neither"
        " labels nor base give the reason; look whether the text holds the answer at all, and whether fewer labels would do.",
        times=facts.times, later=percent(facts.later.value), value=percent(facts.value),
    ))  # fmt: skip
