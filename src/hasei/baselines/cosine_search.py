"""The base as it is, for search: the entries whose features are nearest to those of the question.

Source: Karpukhin et al. 2020, "Dense passage retrieval for open-domain question answering"; Reimers & Gurevych 2019.
Trains: nothing.
Shapes: features of questions (n, h) and entries (e, h) of length one; outputs ragged (n,).
Relations: ``relevant_component_analysis`` and ``contrastive_tuning`` begin here; ``bm25`` compares words.

>>> hasei.study("questions.csv", task="retrieval", corpus="faq.jsonl")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.entries import entry_features, parts_of, question_features
from hasei.engine.ragged import ragged
from hasei.engine.rankings import TOP, entries_of, ranked
from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
from hasei.engine.search import Index
from hasei.ground.errors import NotSupported
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array

SUPPORTS = Supports(targets=("entries",))


class Params(Settings):
    """What of an entry is searched: its *title* (a question), the *whole* of title and text, or the mean of *both*."""

    searched: Literal["title", "whole", "both"] = "whole"


def proposals(facts: Facts) -> list[Params]:
    """All that the entries have."""
    return [Params(searched="whole"), Params(searched="title"), Params(searched="both")][: max(1, len(facts.entries))]


def derive(context: Context, params: Params) -> Derivation:
    """Read the entries; raises NotSupported where they have no title to be searched apart from the text."""
    SUPPORTS.refuse("cosine_search", context.task)
    corpus, trunk, part = entries_of(context), context.trunk, params.searched
    if part not in parts_of(corpus):
        raise NotSupported("the entries have no title beside their text", do="use searched: whole")
    vectors = entry_features(context, part)
    index = Index(vectors)
    model = RetrieverModel(trunk.fresh(), trunk.base.pooling)
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def from_store(inputs: Sequence[Input]) -> Array:
        return ragged(ranked(corpus.ids, *index.search(question_features(context, inputs), TOP)))

    predictor = RetrieverPredictor(model, trunk.tokenizer, trunk.base.max_tokens, corpus, part, vectors)
    return Derivation(predictor, "retriever", params, trainable_parameters=0, from_store=from_store)
