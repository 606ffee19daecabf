"""The base as it is, shown before each prompt the train rows nearest to it by their words.

Source: Lewis et al. 2020, "Retrieval-augmented generation for knowledge-intensive NLP tasks"; rows as examples: Liu et al. 2022,
"What makes good in-context examples for GPT-3?".
Trains: the weight of each term (how rare it is); the base stays as it is.
Shapes: prompts (n,) -> places of the nearest rows (n, examples) -> texts (n,).
Relations: ``nearest_answer`` gives the answer of the nearest row itself; ``few_shot`` shows all prompts the same rows.

>>> hasei.study("questions.jsonl", task="text_generation", base="my-language-model")  # doctest: +SKIP
"""

from __future__ import annotations

from pydantic import Field

from hasei.baselines import _vocabulary
from hasei.baselines._prompted import Prompted, prompted, rows_of
from hasei.engine.derivation import Context, Derivation, Supports
from hasei.formats._writing import Examples
from hasei.tasks._messages import shown

SUPPORTS = Supports(targets=("text",))


class Params(Prompted):
    """*examples* is how many rows are shown, the nearest last; *max_features* the size of the vocabulary."""

    examples: int = Field(3, ge=1, le=64)
    max_features: int = Field(40_000, ge=10, le=1_000_000)


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary from all prompts and keep the rows."""
    SUPPORTS.refuse("retrieval_augmented", context.task)
    rows = rows_of(context)
    vectoriser = _vocabulary.learn([shown(prompt) for prompt, _ in rows], params.max_features, context.watch)
    return prompted(context, params, Examples(rows, params.examples, vectoriser))
