"""What curves and scores say of a training: over-fitting, under-fitting, convergence, instability, a fall on other rows.

A curve is one point an epoch: ``loss`` (mean over the epoch's train rows) and, where some rows were held out inside train,
``held_loss``. The rules look at changes relative to the loss itself, so that the number of classes does not matter.

Source: Goodfellow, Bengio & Courville 2016, *Deep Learning*, ch. 5.2 and 7.8 (capacity, early stopping); Mosbach et al. 2021,
"On the stability of fine-tuning BERT" (instability as the spread over seeds).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from hasei.ground.language import _
from hasei.judge.wording import Words
from hasei.tasks import Metric, open_task

Kind = Literal["overfitting", "underfitting", "not converged", "converged", "unstable", "other rows"]

RISE = 0.05
STILL_FALLING = 0.05
SETTLED = 0.02
LEARNT_LITTLE = 0.10
JUMP = 0.25
SPREAD = 0.01


@dataclass(frozen=True)
class Diagnosis:
    """One thing that a curve shows of *candidate*; *words* are a plain sentence with its figures."""

    candidate: str
    kind: Kind
    words: str

    def to_json(self) -> dict[str, str]:
        """Return it as plain JSON."""
        return {"candidate": self.candidate, "kind": self.kind, "words": self.words}


def diagnose(candidate: str, curve: Sequence[Mapping[str, float]], seeds: Sequence[float] = ()) -> list[Diagnosis]:
    """Return what *curve* and the select scores *seeds* of repeated trainings show; [] where they show nothing."""
    found = _unstable_seeds(candidate, seeds)
    if len(curve) < 2 or any("loss" not in p for p in curve):  # of a stream: by stages, not by epochs
        return found
    loss = [float(p["loss"]) for p in curve]
    held = [float(p["held_loss"]) for p in curve if "held_loss" in p]
    rules = (_jumps(loss), _overfits(loss, held), _falls(loss, held))
    said = [d for d in rules if d is not None] or [_settled(loss)]
    return found + [Diagnosis(candidate, kind, words) for kind, words in said]


def _unstable_seeds(candidate: str, seeds: Sequence[float]) -> list[Diagnosis]:
    if len(seeds) < 2 or max(seeds) - min(seeds) <= 2 * SPREAD:
        return []
    words = _(
        "Unstable: {n} trainings that differ only by chance score from {low} to {high} on the select rows.",
        n=len(seeds), low=f"{100 * min(seeds):.1f} %", high=f"{100 * max(seeds):.1f} %",
    )  # fmt: skip
    return [Diagnosis(candidate, "unstable", words)]


def _jumps(loss: Sequence[float]) -> tuple[Kind, str] | None:
    """The train loss climbs from one epoch to the next."""
    for epoch, (before, after) in enumerate(pairwise(loss), 2):
        if after > before * (1 + JUMP):
            return "unstable", _(
                "Unstable: in epoch {epoch} the train loss climbed from {before} to {after}; a lower learning rate would help.",
                epoch=epoch, before=f"{before:.3g}", after=f"{after:.3g}",
            )  # fmt: skip
    return None


def _overfits(loss: Sequence[float], held: Sequence[float]) -> tuple[Kind, str] | None:
    """The held loss rises again while the train loss goes on falling."""
    if len(held) < 2:
        return None
    best = min(range(len(held)), key=held.__getitem__)
    if best == len(held) - 1 or held[-1] <= held[best] * (1 + RISE) or loss[-1] >= loss[best]:
        return None
    return "overfitting", _(
        "Over-fitting: after epoch {epoch} it went on learning the train rows by heart (loss {train}), while rows held out"
        " became worse ({best} to {last}); the weights of epoch {epoch} were kept.",
        epoch=best + 1, train=f"{loss[-1]:.3g}", best=f"{held[best]:.3g}", last=f"{held[-1]:.3g}",
    )  # fmt: skip


def _falls(loss: Sequence[float], held: Sequence[float]) -> tuple[Kind, str] | None:
    """Learning was cut short, or hardly began."""
    watched = held if len(held) == len(loss) else loss
    if min(loss) > loss[0] * (1 - LEARNT_LITTLE):
        return "underfitting", _(
            "Under-fitting: over {epochs} epochs the train loss only fell from {first} to {last}; it needs more freedom"
            " (more layers, a higher learning rate) or the texts do not tell the answer.",
            epochs=len(loss), first=f"{loss[0]:.3g}", last=f"{loss[-1]:.3g}",
        )  # fmt: skip
    if watched[-1] < watched[-2] * (1 - STILL_FALLING):
        return "not converged", _(
            "Not converged: the loss still fell by {share} in the last of {epochs} epochs; more epochs may bring more.",
            share=f"{100 * (1 - watched[-1] / watched[-2]):.0f} %", epochs=len(loss),
        )  # fmt: skip
    return None


def _settled(loss: Sequence[float]) -> tuple[Kind, str]:
    change = abs(1 - loss[-1] / loss[-2]) if loss[-2] else 0.0
    if change <= SETTLED:
        return "converged", _("Converged: in the last of {epochs} epochs the loss changed by less than {share}.",
                              epochs=len(loss), share=f"{100 * SETTLED:.0f} %")  # fmt: skip
    return "converged", _("Converged: rows held out no longer gained in the last of {epochs} epochs.", epochs=len(loss))


def fell(candidate: str, metric: Metric, select: Mapping[str, Any], confirm: Mapping[str, Any]) -> list[Diagnosis]:
    """Return that *candidate* is surely worse on confirm than on select rows; [] where their intervals touch."""
    ends = [score.get(end) for score in (select, confirm) for end in ("low", "high")]
    before_low, before_high, after_low, after_high = (math.nan if end is None else float(end) for end in ends)
    if not (after_high < before_low if metric.direction > 0 else after_low > before_high):
        return []
    words = Words(metric.name, metric.bounds == (0.0, 1.0), 0.025)
    said = _(
        "The confirm rows are harder or of another kind than those that it learnt from and was chosen on: {confirm} on them,"
        " {select} on the select rows. Expect the former, and label rows like the confirm rows to learn from.",
        confirm=words.amount(confirm["value"]), select=words.amount(select["value"]),
    )  # fmt: skip
    return [Diagnosis(candidate, "other rows", said)]


def all_diagnoses(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the diagnoses of all candidates of *report* as they stand in it."""
    found: list[Diagnosis] = []
    chosen = report.get("chosen") or {}
    for candidate in report["candidates"]:
        name, seeds = str(candidate["name"]), (candidate.get("seeds") or {}).get("scores", ())
        found += diagnose(name, candidate.get("curve") or (), seeds)
        if name == chosen.get("name") and candidate.get("select") and chosen.get("confirm"):
            metric = open_task(report["task"]).metrics[chosen["confirm"]["metric"]]
            found += fell(name, metric, candidate["select"], chosen["confirm"])
    return [d.to_json() for d in found]
