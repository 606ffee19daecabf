"""Features tuned so that rows of one class lie together and others apart, then a solved head: few rows a class are enough.

Each row is drawn *pairs* times beside another row of its class; all rows of a step that are of that class attract it, all others
push it away. So the number of pairs grows with the rows and not with their square.

Source: Khosla et al. 2020, "Supervised contrastive learning"; then a head on frozen features: Tunstall et al. 2022, "Efficient
few-shot learning without prompts" (SetFit), which learns from all pairs of rows.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation
from hasei.engine.entries import EntrySource
from hasei.engine.heads import solve_head
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor, features_of
from hasei.engine.retriever import RetrieverModel
from hasei.engine.rewriting import with_views
from hasei.engine.source import text_source
from hasei.engine.splits import part as part_of
from hasei.ground.errors import NotSupported
from hasei.methods._tuning import Tuned, freeze, head_of, top_layers, train_part
from hasei.tasks._in_batch import supervised


def tune_classes(
    context: Context, params: Tuned, layers: int | None, pairs: int, temperature: float, l2: float
) -> Derivation:
    """Tune the top *layers* (None: all) by *pairs* of each row, then solve the head with the strength *l2*.

    Raises NotSupported where no class has two rows: there is no pair to learn from.
    """
    plain, context = context, with_views(context, "contrastive_tuning", params.augment)
    trunk = context.trunk
    classes = np.asarray(context.targets).astype(np.int64)
    anchors, partners = partners_of(classes, pairs, context.seed)
    if not (anchors != partners).any():
        raise NotSupported(
            "'contrastive_tuning' learns from pairs of rows of one class, and no class has two rows",
            do="use feature_extraction",
        )
    part = top_layers(trunk, layers or trunk.layers + 1)
    model = RetrieverModel(part.trunk, trunk.base.pooling)
    rows = part_of(context, anchors)
    states = trunk.states(context.inputs, part.lowest, context.watch) if 0 < part.lowest < trunk.layers else None
    with text_source(trunk, context.inputs, part.stack, states, part.lowest) as texts:
        source = EntrySource(texts, anchors, partners[:, None, None])
        loss = partial(supervised, temperature=temperature)
        frozen, curve = train_part(
            rows,
            "contrastive_tuning",
            model,
            part,
            freeze(rows, params),
            source,
            classes[anchors],
            loss=loss,
            views=anchors >= len(plain.inputs),
        )
    features = features_of(part.trunk, trunk, plain.inputs, plain.watch)
    weight, bias = solve_head(plain.task, plain.space, features, plain.targets, l2)
    done = PooledModel(part.trunk, trunk.base.pooling, linear(weight, bias))
    for parameter in done.parameters():
        parameter.requires_grad_(False)
    return Derivation(
        PooledPredictor(done, trunk.tokenizer, trunk.base.max_tokens), "sentence_transformers", frozen,
        trainable_parameters=part.size(done), trained=(*part.trained(model), *head_of(done)), curve=tuple(curve),
    )  # fmt: skip


def partners_of(classes: Ints, pairs: int, seed: int) -> tuple[Ints, Ints]:
    """Return each row *pairs* times (n * pairs,) and beside it another row of its class, drawn evenly; alone: itself."""
    rng = np.random.default_rng(seed)
    anchors = np.tile(np.arange(len(classes)), pairs)
    partners = anchors.copy()
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        if len(members) < 2:
            continue
        for turn in range(pairs):
            # Turned by less than a whole circle, a shuffled row of members meets each other member and never itself.
            shuffled = rng.permutation(members)
            partners[turn * len(classes) + shuffled] = np.roll(shuffled, 1 + turn % (len(members) - 1))
    return anchors, partners


__all__ = ["partners_of", "tune_classes"]
