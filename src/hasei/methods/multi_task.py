"""Several targets of the same rows from one trunk: one head each, one forward pass for all of them.

The heads are solved on the same frozen features of the base, read once. With ``top_layers`` the trunk's top is trained for
all of them together: the losses of all heads that a row has a target for are summed, each divided by what its solved head
began with, so that all count the same. The main target is what is judged; the folder holds all heads.

Source: Caruana 1997, "Multitask learning".
Trains: the heads (W x hidden weights, W biases for W outputs in all); with ``top_layers`` also every parameter first used in
the top layers or after them.
Shapes: features (n, h), weight of all heads (W, h), outputs (n, W).
Relations: ``feature_extraction`` and ``partial_fine_tuning`` are this with the main head alone. What the rows of one target
teach the trunk can help another that has few; it can harm too, which trying both shows.

>>> hasei.study("tickets.csv", methods=["multi_task"])  # with data: {also: [urgency]} in hasei.yaml  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Also, Context, Derivation, Facts, Supports
from hasei.engine.multi_head import MultiHeadPredictor, OtherHead, joint_loss
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.readings import reading_of
from hasei.ground.errors import DataError, NotSupported
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.methods._strength import loss_of, solve_chosen
from hasei.methods._tuning import HEAD_L2, Tuned, augmented, check_layers, freeze, passes, top_layers, train_part
from hasei.tasks import Array, Floats

SUPPORTS = Supports(targets=("category", "categories", "number"), gradients=True)
NEEDS = ("also",)
_LEAST_SCALE = 0.01


class Params(Tuned):
    """Settings; the rest is of use with *top_layers*: how many layers are trained for all targets together, 0: none.

    *strengths*: of the solved heads, one for all or one for each, the main one's first; (): chosen on the train rows.
    """

    top_layers: int = Field(0, ge=0)
    strengths: tuple[float, ...] = ()


def proposals(facts: Facts) -> list[Params]:
    """None: other targets are a wish, not a way to answer the main one."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("other targets of the rows are a wish of their own, and may help or harm the main one: name it to try")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row, beyond the one that reads it."""
    return passes(params, facts, params.top_layers / facts.layers) if params.top_layers else 0.0


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than are to be trained."""
    check_layers(params.top_layers, layers)


def reads(params: Params, layers: int) -> int:
    """The layer whose kept states it starts from, so that a study keeps them while it reads the rows."""
    return max(0, layers - params.top_layers)


def derive(context: Context, params: Params) -> Derivation:
    """Solve or train all heads; raises NotSupported without other targets, DataError where one has no row."""
    SUPPORTS.refuse("multi_task", context.task)
    check(params, context.trunk.layers)
    heads = _heads(context)
    if len(params.strengths) not in (0, 1, len(heads)):
        raise NotSupported(
            "strengths do not fit the targets", expected=f"{len(heads)} of them, the main one's first",
            received=str(len(params.strengths)), do="give one for each, or leave strengths out",
        )  # fmt: skip
    return _trained(context, params, heads) if params.top_layers else _solved(context, params, heads)


def _heads(context: Context) -> list[Also]:
    """The main target and the others, each with the rows that have it."""
    if not context.also:
        raise NotSupported(
            "multi_task needs other targets of the same rows", expected="further columns",
            do="name them with --also COLUMN, or data: {also: [COLUMN]} in hasei.yaml",
        )  # fmt: skip
    reading, name = reading_of(context.task), context.task.name
    for other in context.also:
        if not len(other.rows):
            raise DataError(
                f"no row has a target in '{other.name}'", expected="at least one that is learnt from",
                do="fill the column, or leave it out of also",
            )  # fmt: skip
        if reading_of(other.task) is not reading or not SUPPORTS.admits(other.task):
            raise NotSupported(
                f"'{other.name}' can't have a head on the trunk of {name}", expected=f"targets that are read as {name} is",
                received=other.task.name, do="leave it out of also",
            )  # fmt: skip
    main = Also("", context.task, context.space, np.arange(len(context.inputs)), reading.targets(context))
    return [main, *context.also]


def _features(context: Context) -> Floats:
    trunk = context.trunk
    return reading_of(context.task).features(trunk, context.inputs, trunk.layers, trunk.base.pooling, context.watch)


def _solved(context: Context, params: Params, heads: Sequence[Also]) -> Derivation:
    """All heads solved on the frozen features."""
    features, trunk, reading = _features(context), context.trunk, reading_of(context.task)
    given = params.strengths * len(heads) if len(params.strengths) == 1 else params.strengths or (None,) * len(heads)
    found = []
    for head, strength in zip(heads, given, strict=True):
        context.watch.check()
        units = [context.units[i] for i in head.rows]
        found.append(
            solve_chosen(head.task, head.space, features[head.rows], head.targets, units, context.seed, strength)
        )
    weight, bias = np.concatenate([w for w, _, _ in found]), np.concatenate([b for _, b, _ in found])
    width = context.space.width

    def from_store(inputs: Sequence[Input]) -> Array:
        states = reading.features(trunk, inputs, trunk.layers, trunk.base.pooling, context.watch)
        return reading.rows(trunk, inputs, states @ weight[:width].T + bias[:width])

    frozen = params.model_copy(update={"strengths": tuple(strength for _, _, strength in found)})
    model = PooledModel(trunk.fresh(()), trunk.base.pooling, linear(weight, bias))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return Derivation(
        _predictor(context, model, heads), "many_heads", frozen, trainable_parameters=weight.size + bias.size,
        trained=("head.weight", "head.bias"), from_store=from_store,
    )  # fmt: skip


def _trained(context: Context, params: Params, heads: Sequence[Also]) -> Derivation:
    """The top of the trunk trained for all heads, which begin as solved ones."""
    trunk, reading = context.trunk, reading_of(context.task)
    if not trunk.probe.apart:
        raise NotSupported(
            f"the layers of '{trunk.base.name}' can't be trained apart: {trunk.probe.refusal}",
            do="leave top_layers out",
        )
    features, part = _features(context), top_layers(trunk, params.top_layers)
    found = []
    for head in heads:
        own = features[head.rows]
        weight, bias, _ = solve_chosen(head.task, head.space, own, head.targets, [], context.seed, HEAD_L2)
        found.append((weight, bias, max(_LEAST_SCALE, loss_of(head.task, weight, bias, own, head.targets))))
    start = linear(np.concatenate([w for w, _, _ in found]), np.concatenate([b for _, b, _ in found]))
    model = PooledModel(part.trunk, trunk.base.pooling, start)
    loss = joint_loss(heads, [scale for _, _, scale in found], len(context.inputs))
    with reading.source(context, part.stack, part.lowest) as source:
        rows = augmented(source, "multi_task", params.augment)
        plan = freeze(context, params)
        numbers = np.arange(len(context.inputs))
        frozen, curve = train_part(context, "multi_task", model, part, plan, rows, numbers, loss)
    return Derivation(
        _predictor(context, model, heads), "many_heads", frozen, trainable_parameters=part.size(model),
        trained=part.trained(model), curve=tuple(curve),
    )  # fmt: skip


def _predictor(context: Context, model: PooledModel, heads: Sequence[Also]) -> MultiHeadPredictor:
    trunk = context.trunk
    others = [OtherHead(head.name, head.task.name, head.space) for head in heads[1:]]
    return MultiHeadPredictor(model, trunk.tokenizer, trunk.base.max_tokens, context.space.width, others)
