"""Fine-tune the base so that what belongs together lies together: a question and its entry, or rows of one class.

For search the result is a bi-encoder. Negatives are the entries of the other questions of a step and mined hard ones: the entries
that the base ranks highest among the wrong. An entry that is right for a question, or has the text of one that is, is never its
negative. For classes, pairs of rows tune the features and a head is solved on them (few rows a class are enough).

Source: van den Oord et al. 2018 (InfoNCE); Henderson et al. 2017 (multiple negatives ranking); hard negatives: Karpukhin et al.
2020, "Dense passage retrieval", kept below a share of the right one's score as in Moreira et al. 2024, "NV-Retriever". Of
classes: Khosla et al. 2020, "Supervised contrastive learning"; Tunstall et al. 2022 (SetFit).
Trains: every parameter first used in the top ``top_layers`` layers (None: all, the embeddings too); for classes the head, solved.
Shapes: features of a step's b questions (b, h) and c entries each (b, c, h), of length one; outputs ragged (n,).
Relations: ``cosine_search`` is this without training; ``cosine_tuning`` learns from pairs with a number.

>>> hasei.study("questions.csv", task="retrieval", corpus="faq.jsonl", methods=["contrastive_tuning"])  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from hasei.engine import entries
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.rankings import entries_of
from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
from hasei.engine.rewriting import with_views
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.methods._supervised_contrast import tune_classes
from hasei.methods._tuning import Tuned, check_layers, freeze, passes, top_layers, train_part
from hasei.tasks._in_batch import TEMPERATURE, info_nce

SUPPORTS = Supports(targets=("entries", "category"), gradients=True)
FEW_ROWS = 20
"""Rows a class up to which pairs of rows deserve a trial."""


class Params(Tuned):
    """Settings; learning rates are per step of ``rows_per_step`` questions.

    *temperature* divides cosines. For entries: *negatives*, mined ones for each question; *searched*, as in ``cosine_search``,
    None: what is best for the base as it is on the train rows. For classes: *pairs* in which each row is drawn (None: 5, fewer
    where rows are many), and *l2*, the strength of the head.
    """

    top_layers: int | None = Field(2, ge=1)
    searched: Literal["title", "whole", "both"] | None = None
    temperature: float = Field(TEMPERATURE, gt=0, le=1)
    negatives: int = Field(1, ge=0, le=16)
    pairs: int | None = Field(None, ge=1, le=100)
    l2: float = Field(0.03, gt=0, le=1e3)
    epochs: int = Field(3, ge=1, le=1000)
    min_steps: int = Field(20, ge=0)
    rows_per_step: int = Field(32, ge=1, le=4096)
    smoothing: float = Field(0.0, ge=0, lt=1)
    learning_rate: float = Field(2e-4, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """Of entries titles alone, which are short, and titles with texts; what has no title whole. Few rows a class: all layers."""
    if not facts.entries:
        few = Params(top_layers=None, pairs=3, epochs=1, min_steps=0, learning_rate=1e-4)
        return [few] if facts.rows <= FEW_ROWS * facts.width else []
    if len(facts.entries) < 2:
        return [Params(searched="whole")]
    return [Params(searched="title"), Params(searched="both")]


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    if facts.entries:
        return _("questions are moved nearer to their entries, which must show beside the base as it is")
    if facts.rows <= FEW_ROWS * facts.width:
        return _("few rows a class: pairs of them say more than each alone")
    return _("for few rows a class; here are {n}", n=f"{facts.rows // max(1, facts.width):,}")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per question: itself, its entry and the mined ones, each step's twice (GradCache)."""
    share = 1.1 if params.top_layers is None else params.top_layers / facts.layers
    if not facts.entries:
        drawn = replace(facts, rows=facts.rows * _pairs(params, facts.rows))
        return 1.3 * 2 * passes(params, drawn, share) * _pairs(params, facts.rows) + 1.0
    longer = dict(facts.entries).get(params.searched or "whole", 1.0)
    return 1.3 * passes(params, facts, share) * (1 + longer * (1 + params.negatives))


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than are to be trained."""
    if params.top_layers is not None:
        check_layers(params.top_layers, layers)


def derive(context: Context, params: Params) -> Derivation:
    """Train the features; raises NotSupported where the entries have no title to be searched apart from the text."""
    SUPPORTS.refuse("contrastive_tuning", context.task)
    check(params, context.trunk.layers)
    if context.task.target_kind == "category":
        pairs = _pairs(params, len(context.inputs))
        params = params.model_copy(update={"pairs": pairs})
        return tune_classes(context, params, params.top_layers, pairs, params.temperature, params.l2)
    trunk, corpus = context.trunk, entries_of(context)
    if params.searched is not None and params.searched not in entries.parts_of(corpus):
        raise NotSupported("the entries have no title beside their text", do="use searched: whole")
    params = params.model_copy(update={"searched": params.searched or _best_part(context)})
    searched = params.searched or "whole"
    rows = entries.one_right_each(with_views(context, "contrastive_tuning", params.augment))
    found = entries.question_features(rows, rows.inputs), entries.entry_features(rows, searched)
    own = entries.own_entries(rows, entries.hard_negatives(rows, *found, params.negatives))
    part = top_layers(trunk, params.top_layers or trunk.layers + 1)
    model = RetrieverModel(part.trunk, trunk.base.pooling)
    with entries.entry_source(rows, own, searched, part.stack, part.lowest) as source:
        frozen, curve = train_part(
            rows, "contrastive_tuning", model, part, freeze(rows, params), source, entries.in_batch_targets(rows, own),
            loss=partial(info_nce, temperature=params.temperature),
            views=np.arange(len(rows.inputs)) >= sum(map(len, context.targets)),
        )  # fmt: skip
    predictor = RetrieverPredictor(model, trunk.tokenizer, trunk.base.max_tokens, corpus, searched)
    _ = predictor.vectors  # reading the entries is part of the work
    return Derivation(
        predictor,
        "retriever",
        frozen,
        trainable_parameters=part.size(model),
        trained=part.trained(model),
        curve=tuple(curve),
    )


def _pairs(params: Params, rows: int) -> int:
    """How often each of *rows* rows is drawn: about 20,000 times in all where it is not said."""
    return params.pairs or max(1, min(5, 20_000 // max(1, rows)))


def _best_part(context: Context) -> Literal["title", "whole", "both"]:
    """Return what of an entry the base as it is finds best by, on the train rows; equal ones go to the first."""
    questions = entries.question_features(context, context.inputs)

    def quality(part: Literal["title", "whole", "both"]) -> float:
        scores = questions @ entries.entry_features(context, part).T
        return float((1 / entries.first_places(scores, context.targets)).mean())

    parts = entries.parts_of(entries_of(context))
    return max(parts, key=quality) if len(parts) > 1 else parts[0]
