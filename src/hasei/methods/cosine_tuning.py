"""Fine-tune the base so that the cosine of two texts, each read alone, tells how alike they are: a bi-encoder.

Source: Reimers & Gurevych 2019, "Sentence-BERT: Sentence embeddings using Siamese BERT-networks" (regression objective); the
way back towards the base: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT).
Trains: every parameter first used in the top ``top_layers`` layers (None: all, the embeddings too), and the line from
cosine to target.
Shapes: features (2b, h) of b pairs, cosines (b, 1), outputs (b, 1).
Relations: ``cosine`` is this without training; ``full_fine_tuning`` reads both texts at once (a cross-encoder), which sees
more and can keep no text's features.

>>> hasei.study("pairs.csv", task="similarity", methods=["cosine_tuning"])  # doctest: +SKIP
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field

from hasei.engine.apart import ApartModel, ApartPredictor, ApartSource
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.pairs import cosines, line, sides
from hasei.engine.pooled import linear
from hasei.engine.rewriting import with_views
from hasei.engine.source import text_source
from hasei.ground.language import _
from hasei.methods._tuning import Tuned, check_layers, freeze, passes, top_layers, train_part

SUPPORTS = Supports(targets=("number",), texts=(2,), gradients=True)


class Params(Tuned):
    """Settings; learning rates are per step of ``rows_per_step`` pairs.

    *base_share* is the share of the base in the weights that are left, those trained having the rest: a tuned base says more of
    rows like its train rows, the base more of others.
    """

    top_layers: int | None = Field(None, ge=1)
    learning_rate: float = Field(1e-4, gt=0, le=1)
    base_share: float = Field(0.3, ge=0, lt=1)


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("each text is read alone, so that its features can be kept and searched")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per pair: two texts, together about as long as the pair read at once."""
    return passes(params, facts, 1.1 if params.top_layers is None else params.top_layers / facts.layers)


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than are to be trained."""
    if params.top_layers is not None:
        check_layers(params.top_layers, layers)


def derive(context: Context, params: Params) -> Derivation:
    """Train the features and the line; raises NotSupported for anything but pairs with numbers."""
    SUPPORTS.refuse("cosine_tuning", context.task)
    own, context = len(context.inputs), with_views(context, "cosine_tuning", params.augment)
    trunk = context.trunk
    check(params, trunk.layers)
    texts, first, second = sides(context.inputs)
    apart, pooling = trunk.apart(context.inputs), trunk.base.pooling
    weight, bias = line(
        cosines(apart.pooled(texts, apart.layers, pooling, context.watch), first, second), context.targets
    )
    part = top_layers(trunk, params.top_layers or trunk.layers + 1)
    model = ApartModel(part.trunk, pooling, linear(weight, bias))
    before = {n: p.detach().clone() for n, p in part.trunk.named_parameters() if n in part.names}
    states = apart.states(texts, part.lowest, context.watch) if 0 < part.lowest < trunk.layers else None
    with text_source(apart, texts, part.stack, states, part.lowest) as source:
        pairs = ApartSource(source, first, second)
        frozen, curve = train_part(
            context,
            "cosine_tuning",
            model,
            part,
            freeze(context, params),
            pairs,
            context.targets,
            views=np.arange(len(context.inputs)) >= own,
        )
    with torch.no_grad():
        for name, parameter in part.trunk.named_parameters():
            if name in before:
                parameter.lerp_(before[name], params.base_share)
    return Derivation(
        ApartPredictor(model, trunk.tokenizer, trunk.base.max_tokens), "bi_encoder", frozen,
        trainable_parameters=part.size(model), trained=part.trained(model), curve=tuple(curve),
    )  # fmt: skip
