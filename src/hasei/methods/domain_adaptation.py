"""Move a solved head from the domain of the labelled rows to that of rows without a target, without any training loop.

How far the domains lie apart is measured first; where they differ by no more than chance, the head of the labelled rows is
given back as it is, and said so. Else source rows are weighted by how much they look like the target, or their features are
given the target's mean and covariance, or the surest target rows are learnt from as if they were labelled. Which of these, if
any, is chosen by importance-weighted validation on held-out labelled rows: it must beat the plain head by a standard error.

Source: Ben-David et al. 2010 (the distance); Sun et al. 2016 (CORAL); Shimodaira 2000 and Bickel et al. 2009 (importance
weighting); Lee 2013 (pseudo-labels); Sugiyama et al. 2007, "Covariate shift adaptation by importance weighted cross validation".
Trains: the head only (width x hidden weights, width biases).
Shapes: features of the labelled rows (n, h) and of the others (m, h), weight (w, h), outputs (n, w).
Relations: with how: none this is ``feature_extraction``, whose layer, pooling and strength it takes;
``domain_adaptive_pretraining`` changes the base itself.

>>> hasei.study("banking.csv", methods=["domain_adaptation"])  # with rows without a target  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
import torch
from pydantic import Field

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.domains import Gap, measure_gap
from hasei.engine.pooled import linear
from hasei.engine.ragged import padded
from hasei.engine.readings import reading_of
from hasei.engine.splits import folds
from hasei.ground import plugins
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.methods._shift import How, Shift, ways_for
from hasei.methods._unlabeled import parts, unlabeled_of
from hasei.tasks import Array, Floats

NAME = "domain_adaptation"
SUPPORTS = Supports(inputs=("text", "image"), targets=("category", "categories", "number"))
NEEDS = ("unlabeled",)
BY_ROWS = ("l2",)
"""Settings whose best value hangs on the number of rows: a learning curve finds them anew at every size."""
_PLAIN = "feature_extraction"
_FOLDS = 4
_LEAST = 10
"""Rows of the target domain that a distance can be measured on."""


class Params(Settings):
    """Settings; what is None is chosen on the train rows, as ``feature_extraction`` does.

    *how*: ``auto`` measures the gap and chooses; any other is done whatever the gap (``none``: the plain head).
    """

    how: Literal["auto", "none", "importance_weighting", "coral", "self_training"] = "auto"
    layer: int | None = Field(None, ge=0)
    pooling: Literal["mean", "cls", "max", "last", "own"] | None = None
    l2: float | None = Field(None, gt=0, le=1e3)


def proposals(facts: Facts) -> list[Params]:
    """None: a score on rows of the labelled domain can't tell whether it is worth it."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _(
        "scores on rows of the labelled domain can't tell what it does for another: name it, with a test file of the other"
    )


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when the layer does not exist in a base of *layers* layers."""
    plain: Any = plugins.load("methods", _PLAIN)
    plain.check(_plain_settings(params), layers)


def derive(context: Context, params: Params) -> Derivation:
    """Measure the gap, adapt and solve. Raises NotSupported without rows of a target domain, DataError where one is blank."""
    SUPPORTS.refuse(NAME, context.task)
    rows = unlabeled_of(context, NAME)
    if len(rows) < _LEAST:
        raise NotSupported(
            f"'{NAME}' can't tell a domain from so few rows without a target", expected=f"{_LEAST} different ones",
            received=str(len(rows)), do="give more",
        )  # fmt: skip
    ways = ways_for(context)
    if params.how not in ("auto", *ways):
        raise NotSupported(
            f"{params.how} needs answers of which a model can be more or less sure", expected=f"one of {', '.join(ways)}",
            received="numbers", do="set how to another",
        )  # fmt: skip
    plain: Any = plugins.load("methods", _PLAIN)
    begun: Derivation = plain.derive(context, _plain_settings(params))
    chosen = cast(Any, begun.frozen)
    shift, gap = _shift(context, rows, int(chosen.layer), str(chosen.pooling), float(chosen.l2))
    how, found = _choose(shift, gap, params.how, ways)
    _say(context, gap, how, asked=params.how != "auto")
    frozen = Params(how=how, layer=chosen.layer, pooling=chosen.pooling, l2=chosen.l2)
    measured = {
        "epoch": 1.0, "domain_accuracy": gap.accuracy, "a_distance": gap.a_distance, "mmd": gap.discrepancy,
        "p_value": gap.p_value,
    }  # fmt: skip
    return _derivation(context, begun, shift.solve(how), frozen, measured | found)


def _plain_settings(params: Params) -> Settings:
    plain: Any = plugins.load("methods", _PLAIN)
    return cast(Settings, plain.Params(layer=params.layer, pooling=params.pooling, l2=params.l2))


def _shift(context: Context, rows: list[Input], layer: int, pooling: str, l2: float) -> tuple[Shift, Gap]:
    """Read both domains with the base and measure how far apart they lie."""
    reading, trunk = reading_of(context.task), context.trunk
    source = reading.features(trunk, context.inputs, layer, pooling, context.watch)
    target = reading.features(trunk.copy(), rows, layer, pooling, context.watch)
    gap = measure_gap(source, target, context.units, [_unit(row) for row in rows], context.seed)
    return Shift(context, source, reading.targets(context), gap.weights, target, l2), gap


def _unit(row: Input) -> str:
    return hashlib.sha256(repr([*parts(row), getattr(row, "content", "")]).encode()).hexdigest()


def _choose(shift: Shift, gap: Gap, asked: str, ways: Sequence[How]) -> tuple[How, dict[str, float]]:
    """Return how to adapt, and by how many standard errors each way beat the plain head on weighted held-out rows."""
    if asked != "auto":
        return cast(How, asked), {}
    if not gap.is_there:
        return "none", {}
    losses = {how: _held_losses(shift, how) for how in ways}
    gains = {how: _gain(shift, losses["none"] - losses[how]) for how in ways if how != "none"}
    best = max(gains, key=lambda how: gains[how])
    return best if gains[best] > 1.0 else "none", {f"gain_{how}": gain for how, gain in gains.items()}


def _held_losses(shift: Shift, how: How) -> Floats:
    """Loss (n,) of each source row by a head that *how* solved without the row's unit."""
    context = shift.context
    fold, found = folds(context.units, _FOLDS, context.seed), np.zeros(len(shift.source))
    for number in range(_FOLDS):
        fit, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if not len(fit) or not len(held):
            continue
        context.watch.check()
        weight, bias = _of(shift, fit).solve(how)
        outputs = torch.from_numpy((shift.source[held] @ weight.T + bias).astype(np.float32))
        found[held] = context.task.loss(outputs, padded(shift.targets[held])).numpy()
    return found


def _of(shift: Shift, rows: Ints) -> Shift:
    return replace(shift, source=shift.source[rows], targets=shift.targets[rows], weights=shift.weights[rows])


def _gain(shift: Shift, differences: Floats) -> float:
    """Weighted mean of *differences* (n,) in units of its standard error over units; 0 where nothing differs."""
    weighted = shift.weights * differences
    _, unit = np.unique(np.asarray(shift.context.units), return_inverse=True)
    sums = np.bincount(unit, weighted - weighted.mean())
    error = float(np.sqrt((sums**2).sum())) / len(weighted)
    return float(weighted.mean()) / error if error > 0 else 0.0


def _say(context: Context, gap: Gap, how: How, *, asked: bool) -> None:
    """Say how far apart the domains are, and what was done about it."""
    if not gap.is_there:
        message = _(
            "the rows without a target look like the labelled ones (told apart: {share}, by chance 50 %; p = {p}):"
            " there is no other domain to adapt to",
            share=f"{100 * gap.accuracy:.0f} %", p=f"{gap.p_value:.2f}",
        )  # fmt: skip
    else:
        message = _(
            "the rows without a target are of another domain: {share} are told apart (by chance 50 %), proxy A-distance {far}",
            share=f"{100 * gap.accuracy:.0f} %", far=f"{gap.a_distance:.2f}",
        )  # fmt: skip
    context.watch.report("finding", message)
    if how == "none" and gap.is_there and not asked:
        message = _(
            "no way of adapting beat the plain head on held-out labelled rows weighted like the other domain; it was kept"
        )
        context.watch.report("finding", message)
    if how != "none":
        context.watch.report("finding", _("adapted to the other domain by {how}", how=how))


def _derivation(
    context: Context, begun: Derivation, head: tuple[Array, Array], frozen: Params, measured: dict[str, float]
) -> Derivation:
    """Return *begun* with another *head*: the folder is that of a plain one."""
    reading, trunk = reading_of(context.task), context.trunk
    (weight, bias), layer, pooling = head, int(frozen.layer or 0), str(frozen.pooling)
    trained: Any = begun.predictor
    model = reading.model(trained.model.trunk, pooling, linear(weight, bias))
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def from_store(inputs: Sequence[Input]) -> Array:
        return reading.rows(trunk, inputs, reading.features(trunk, inputs, layer, pooling) @ weight.T + bias)

    return replace(
        begun, predictor=reading.predictor(model, trunk), frozen=frozen, curve=(measured,), from_store=from_store,
        trainable_parameters=weight.size + bias.size,
    )  # fmt: skip
