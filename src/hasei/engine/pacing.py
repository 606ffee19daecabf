"""In which order a training sees its rows: at random, or the easy ones first, out of a share of them that grows.

Source: Bengio et al. 2009, "Curriculum learning"; growing shares: Hacohen & Weinshall 2019, "On the power of curriculum
learning in training deep networks" (there called pacing).
Shapes: n rows; ease (n,), more being easier.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from hasei.engine.batching import Ints, by_length
from hasei.ground.errors import NotSupported
from hasei.ground.settings import Settings
from hasei.tasks import Floats


class Order(Settings):
    """Settings: what is easy (*by*): short rows, rows of little loss or of high confidence of the solved head.

    Training begins with the easiest *start* of the rows and has all of them after *until* of its steps, as many steps as in
    random order. A word alone is *by*.
    """

    by: Literal["random", "length", "loss", "confidence"] = "random"
    start: float = Field(0.3, gt=0, le=1)
    until: float = Field(0.5, gt=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"by": value} if isinstance(value, str) else value

    def share(self, done: float) -> float:
        """The share of the rows that is in play when *done* of the steps are over."""
        return min(1.0, self.start + (1 - self.start) * done / self.until)


def paced(
    order: Order, ease: Floats, lengths: Ints, rows_per_step: int, first: int, total: int, rng: np.random.Generator
) -> list[list[Ints]] | None:
    """Return one epoch of paced steps, each a list of micro-batches; None once all rows are in play.

    *first* is the number of the epoch's first step of *total*. A step's rows all differ; rows of equal ease are taken in their
    own order.
    """
    count = len(lengths)
    if order.by == "random" or order.share(first / total) >= 1:
        return None
    easiest = np.argsort(-ease, kind="stable")
    found = []
    for step in range(first, first + math.ceil(count / rows_per_step)):
        pool = min(count, max(rows_per_step, math.ceil(order.share(step / total) * count)))
        rows = easiest[rng.choice(pool, min(rows_per_step, pool), replace=False)]
        found.append([rows[micro] for micro in by_length(lengths[rows])])
    return found


def ease_of(
    order: Order, source: Any, model: nn.Module, name: str, loss: Callable[[torch.Tensor, Ints], torch.Tensor],
    confidence: Callable[[Floats], Floats],
) -> Floats | None:  # fmt: skip
    """Return how easy each row of *source* is (n,), for the *model* from which a training starts; None in random order.

    *loss* takes outputs and rows, *confidence* outputs alone. Raises NotSupported where rows can't be told apart so.
    """
    lengths = source.lengths
    if order.by == "random":
        return None
    if order.by == "length":
        if len(lengths) and lengths.min() == lengths.max():
            raise NotSupported(
                f"'{name}' can't order these rows by length: all are equally long", do="order them by loss"
            )
        return np.asarray(-lengths, np.float64)
    if getattr(source, "together", False):
        raise NotSupported(f"'{name}' reads rows together: alone they have no {order.by}", do="order them by length")
    model.eval()
    found = np.empty(len(lengths), np.float64)
    with torch.no_grad():
        for rows in by_length(lengths):
            outputs = source.outputs(model, rows).float()
            found[rows] = -loss(outputs, rows).numpy() if order.by == "loss" else confidence(outputs.numpy())
    if not np.isfinite(found).all():
        raise NotSupported(f"answers to these rows have no {order.by}", do="order them by loss or length")
    return found
