"""Which byte follows the few before it, by counting: the cheap truth for running text.

Source: Witten & Bell 1991, "The zero-frequency problem" (interpolation, method C).

Trains: a count for each sequence of up to *order* + 1 bytes that occurs; no base model.

Shapes: documents -> (n, 2): mean nats a byte, and bytes (with one for the end).

Relations: ``majority`` is this with no byte before.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("language_modelling")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), toy.inputs)
>>> known, other = derive(context, Params()).predictor.outputs(["The parcel is safe.", "Zyx qvw!"])[:, 0]
>>> bool(known < other)
True
"""

from __future__ import annotations

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.formats._bytes import LONGEST, BytePredictor

SUPPORTS = Supports(inputs=("text",), targets=("likelihood",), bases=0)


class Params(Settings):
    """*order* is how many bytes before one are looked at."""

    order: int = Field(5, ge=0, le=LONGEST)


def derive(context: Context, params: Params) -> Derivation:
    """Count."""
    SUPPORTS.refuse("byte_ngram", context.task)
    texts = [i if isinstance(i, str) else i[0] for i in context.inputs]
    predictor = BytePredictor.of(texts, params.order, context.watch)
    trained = tuple(f"counts_{k}" for k in range(params.order + 1))
    return Derivation(predictor, "byte_model", params, sum(c.size for c in predictor.counts), trained)
