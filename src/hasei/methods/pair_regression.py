"""Kernel ridge regression on how alike two texts are: at every layer of the base, as wholes and token by token, and in words.

The base stays as it is and reads each pair once. Width of the kernel and strength of the penalty are chosen by the error on
inner folds (whole units); the machine is then solved on all rows, on at most *support* of them as supporting points.

Source: kernel ridge regression: Saunders, Gammerman & Vovk 1998; few supporting points: Smola & Schölkopf 2000 ("sparse
greedy matrix approximation", here drawn at random: Williams & Seeger 2001); the figures: see ``formats/_likeness.py``.
Trains: nothing of the base; one weight for each supporting point.
Shapes: figures (n, f), support (s, f), weight (s,), outputs (n, 1).
Relations: ``cosine`` has one of the figures and a line; ``cosine_tuning`` moves the base itself.

>>> hasei.study("pairs.csv", task="similarity", methods=["pair_regression"])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from pydantic import Field
from scipy.linalg import solve

from hasei.baselines import _vocabulary
from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.pairs import sides
from hasei.engine.splits import folds
from hasei.engine.trunk import Trunk
from hasei.formats._likeness import LikenessPredictor, Machine, alike, kernel, overlaps
from hasei.formats._ngrams import Vectoriser
from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

SUPPORTS = Supports(targets=("number",), texts=(2,))
LEAVES = "a kernel machine"
BY_ROWS = ("gamma", "l2")
"""Settings whose best value hangs on the number of rows: a learning curve finds them anew at every size."""
WIDTHS = (0.003, 0.01, 0.03)
STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
_TERMS = 50_000
_TRIED = 2000
_FOLDS = 5


class Params(Settings):
    """Settings; what is None is chosen on the train rows.

    *gamma* is one over the squared width of the kernel, for figures of variance one; *l2* the weight of the squared norm of
    the solution against the summed squared errors; *support* how many rows may be supporting points.
    """

    gamma: float | None = Field(None, gt=0, le=1e3)
    l2: float | None = Field(None, gt=0, le=1e6)
    support: int = Field(3000, ge=1, le=20_000)


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("how alike two texts are at every layer, solved: no training")


def derive(context: Context, params: Params) -> Derivation:
    """Compute the figures, choose, solve; raises NotSupported for anything but pairs with numbers."""
    SUPPORTS.refuse("pair_regression", context.task)
    trunk = context.trunk
    texts, __, __ = sides(context.inputs)
    vectoriser = _vocabulary.learn(texts, _TERMS, context.watch)
    features = figures(trunk, vectoriser, context.inputs, context.watch)
    targets = np.asarray(context.targets, np.float64).ravel()
    frozen = _choose(context, params, features, targets)
    machine = solve_machine(
        features, targets, float(frozen.gamma or 0), float(frozen.l2 or 0), params.support, context.seed
    )
    predictor = LikenessPredictor(trunk.fresh(), trunk.tokenizer, trunk.base.max_tokens, vectoriser, machine)
    return Derivation(
        predictor, "pair_kernel", frozen, trainable_parameters=len(machine.weight) + 1,
        trained=("machine.weight", "machine.bias"),
        from_store=lambda inputs: machine.answer(figures(trunk, vectoriser, inputs, context.watch)),
    )  # fmt: skip


def figures(trunk: Trunk, vectoriser: Vectoriser, inputs: Sequence[Input], watch: Watch) -> Floats:
    """Return the figures (n, f) of the pairs *inputs*; a pair that was read before is not read again."""
    apart = trunk.apart(inputs)

    def read(pairs: Sequence[Input]) -> Floats:
        return alike(apart.model, apart.tokenizer, apart.max_tokens, pairs, watch)

    return np.hstack([apart.noted("alike", inputs, read), overlaps(vectoriser, inputs, watch)])


def solve_machine(features: Floats, targets: Floats, gamma: float, l2: float, support: int, seed: int) -> Machine:
    """Return the machine of least squared error plus *l2* times its squared norm in the kernel's space."""
    centre, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    scale[scale < 1e-6] = 1.0
    x = (features.astype(np.float64) - centre) / scale
    order = np.random.default_rng(seed).permutation(len(x))
    points = x[np.sort(order[:support])]
    bias, own = float(targets.mean()), kernel(points, points, gamma)
    if len(points) == len(x):
        weight = solve(own + l2 * np.eye(len(x)), targets - bias, assume_a="pos")
    else:
        between = kernel(x, points, gamma)
        left = between.T @ between + l2 * own + 1e-8 * len(x) * np.eye(len(points))
        weight = solve(left, between.T @ (targets - bias), assume_a="pos")
    # As a folder keeps them, so that it answers just as this does.
    centre, scale, points, weight = (v.astype(np.float32).astype(np.float64) for v in (centre, scale, points, weight))
    return Machine(centre, scale, points, weight, float(np.float32(bias)), float(np.float32(gamma)))


def _choose(context: Context, params: Params, features: Floats, targets: Floats) -> Params:
    """Fill in what *params* leaves open by the squared error of inner folds, on at most 2,000 rows."""
    widths = WIDTHS if params.gamma is None else (params.gamma,)
    strengths = STRENGTHS if params.l2 is None else (params.l2,)
    if len(widths) == len(strengths) == 1:
        return params
    # Figures of all kinds add up in a distance: the more there are, the wider a kernel must be.
    per_figure = 24 / features.shape[1]
    few = np.random.default_rng(context.seed).permutation(len(features))[:_TRIED]
    fold = folds([context.units[i] for i in few], _FOLDS, context.seed)
    options = list(product(widths, strengths))
    errors = [
        _error(context, features[few], targets[few], fold, gamma * (per_figure if params.gamma is None else 1.0), l2)
        for gamma, l2 in options
    ]
    gamma, l2 = options[int(np.argmin(errors))]
    gamma = gamma * per_figure if params.gamma is None else gamma
    return params.model_copy(update={"gamma": gamma, "l2": l2})


def _error(context: Context, features: Floats, targets: Floats, fold: Ints, gamma: float, l2: float) -> float:
    context.watch.check()
    total = 0.0
    for number in range(_FOLDS):
        held = fold == number
        if not held.any() or held.all():
            continue
        machine = solve_machine(features[~held], targets[~held], gamma, l2, _TRIED, context.seed)
        total += float(np.square(machine.answer(features[held])[:, 0] - targets[held]).sum())
    return total
