"""Losses that a recipe can name in place of the task's own.

Source: focal: Lin et al. 2017, "Focal loss for dense object detection"; class-balanced: Cui et al. 2019, "Class-balanced loss
based on effective number of samples".
Shapes: outputs (n, w) and classes (n,) or labels (n, w), or of the places of a row (n, p, w) and tags (n, p), to losses (n,).
Relations: with ``gamma`` 0 the focal loss is cross entropy, and so is the class-balanced one with equal classes.

======================  ==============================================================
loss                    kinds of targets
======================  ==============================================================
own                     all
cross_entropy, focal,   category (classes), categories (labels, each on its own),
class_balanced          spans (tags of words)
package.module:function all but those that a method has a loss of its own for
======================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from pydantic import Field, field_validator, model_validator

from hasei.engine import own_code
from hasei.engine.ragged import flat
from hasei.ground.errors import NotSupported, RecipeError, nearest
from hasei.ground.settings import Settings
from hasei.tasks import Array, Task

NAMES = ("own", "cross_entropy", "focal", "class_balanced")
KINDS = ("category", "categories", "spans")
GAMMA = 2.0

LossOf = Callable[..., torch.Tensor]


class Loss(Settings):
    """Settings: the *name* of a loss, or where one of your own is installed, ``package.module:function``.

    *gamma* is how much less a sure row counts (focal: 2, where it is None; class_balanced: 0); *beta* between 0 and 1 is how
    far rare classes count more (0: not, near 1: by the inverse of their rows). *source* is the hash of the code of a loss of
    your own, filled in by the training. A word alone is the *name*.
    """

    name: str = "own"
    gamma: float | None = Field(None, ge=0, le=10)
    beta: float = Field(0.999, ge=0, lt=1)
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in NAMES and not own_code.is_name(name):
            hint = nearest(name, NAMES) if name.isidentifier() else ""
            raise ValueError(f"one of {', '.join(NAMES)} or {own_code.SHAPE}{f' ({hint})' if 'mean' in hint else ''}")
        return name

    @property
    def custom(self) -> bool:
        """Whether it is code of the user's own."""
        return self.name not in NAMES

    def stated(self) -> Loss:
        """Return it with the hash of its code, where it is code of the user's own; raises RecipeError as :func:`find`."""
        if not self.custom:
            return self
        return self.model_copy(update={"source": own_code.find(self.name, "the loss", self.source).source})


def loss_of(loss: Loss, task: Task, targets: Array, name: str) -> LossOf:
    """Return *loss* for rows of *task* with the encoded *targets*: (outputs, targets, smoothing=) -> (n,).

    Raises NotSupported where the task has no classes, naming the method *name*; RecipeError where own code can't be found.
    """
    if loss.name == "own":
        return task.loss
    if loss.custom:
        return _Own(own_code.find(loss.name, "the loss", loss.source))
    if task.target_kind not in KINDS:
        raise NotSupported(
            f"'{name}' can't use the loss {loss.name} for the task {task.name}, which has no classes",
            expected="targets of kind " + " or ".join(KINDS), received=task.target_kind, do="leave the loss out",
        )  # fmt: skip
    weights = _weights(task, targets, loss.beta) if loss.name == "class_balanced" else None
    gamma = {"focal": GAMMA}.get(loss.name, 0.0) if loss.gamma is None else loss.gamma
    gamma = 0.0 if loss.name == "cross_entropy" else gamma
    if task.target_kind == "categories":
        return partial(_labels, gamma=gamma, weights=weights)
    return partial(_classes if task.target_kind == "category" else _tags, gamma=gamma, weights=weights)


class _Own:
    """A loss of the user's own: called with outputs and targets alone."""

    def __init__(self, code: own_code.OwnCode) -> None:
        self.code = code

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        found: torch.Tensor = self.code.call(outputs, targets)
        return found


def try_out(loss: LossOf, outputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Raise RecipeError unless a loss of the user's own gives n finite losses with a finite gradient for these rows.

    Losses of the package are not tried.
    """
    if not isinstance(loss, _Own):
        return
    name, leaf = loss.code.name, outputs.detach().float().clone().requires_grad_()
    with torch.enable_grad():
        try:
            found = loss(leaf, targets)
            wrong = _wrong(found, len(outputs))
            if not wrong:
                found.sum().backward()  # type: ignore[no-untyped-call]
                wrong = "" if leaf.grad is not None and leaf.grad.isfinite().all() else "a gradient that is not finite"
        except Exception as error:  # code of others raises what it likes
            wrong = f"{type(error).__name__}: {error}"
    if wrong:
        raise RecipeError(
            f"the loss '{name}' can't be trained with", received=wrong, do="try it on a few rows of its own first",
            expected=f"{len(outputs)} finite losses, a float tensor ({len(outputs)},) that hangs on the outputs",
        )  # fmt: skip


def _wrong(found: Any, rows: int) -> str:
    if not isinstance(found, torch.Tensor):
        return f"no tensor but {type(found).__name__}"
    if found.shape != (rows,):
        return f"a tensor of shape {tuple(found.shape)}"
    if not found.is_floating_point() or not found.requires_grad:
        return "losses that do not hang on the outputs"
    return "" if found.isfinite().all() else "losses that are not finite"


def _weights(task: Task, targets: Array, beta: float) -> torch.Tensor:
    """Weights of classes (w,), or of labels that a row lacks and has (2, w); their mean over the rows is 1."""
    if task.target_kind == "categories":
        have = np.asarray(targets, np.float64)
        counts = np.stack([(1 - have).sum(0), have.sum(0)])
    else:
        tags = flat(targets).astype(np.int64)
        counts = np.bincount(tags[tags >= 0]).astype(np.float64)
    weights = (1 - beta) / (1 - np.power(beta, np.maximum(counts, 1)))
    weights = weights * counts.sum(0) / np.maximum((weights * counts).sum(0), 1e-12)
    return torch.from_numpy(weights.astype(np.float32))


def _terms(outputs: torch.Tensor, classes: torch.Tensor, smoothing: float, gamma: float) -> torch.Tensor:
    """Losses (m,) of outputs (m, w) against *classes* (m,), of which *smoothing* is spread over all."""
    log_p = outputs.float().log_softmax(-1)
    each = -log_p * (-torch.expm1(log_p)).clamp(min=1e-6) ** gamma if gamma else -log_p
    found = each.gather(-1, classes[:, None])[:, 0]
    return (1 - smoothing) * found + smoothing * each.mean(-1) if smoothing else found


def _classes(
    outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0, gamma: float, weights: torch.Tensor | None
) -> torch.Tensor:
    found = _terms(outputs, targets.long(), smoothing, gamma)
    return found if weights is None else found * _of_class(weights, targets.long())


def _tags(
    outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0, gamma: float, weights: torch.Tensor | None
) -> torch.Tensor:
    from hasei.tasks.token_classification import WORDS  # the task's own loss of a row is divided by it too

    valid = targets >= 0
    tags = targets.clamp(min=0).long()
    found = _terms(outputs.flatten(0, 1), tags.flatten(), smoothing, gamma).view(targets.shape)
    found = found if weights is None else found * _of_class(weights, tags)
    return found.masked_fill(~valid, 0.0).sum(1) / WORDS


def _labels(
    outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0, gamma: float, weights: torch.Tensor | None
) -> torch.Tensor:
    scores, have = outputs.float(), targets.float()
    smooth = have * (1 - smoothing) + smoothing / outputs.shape[1]
    yes, no = -torch.nn.functional.logsigmoid(scores), -torch.nn.functional.logsigmoid(-scores)
    if gamma:
        yes, no = (x * (-torch.expm1(-x)).clamp(min=1e-6) ** gamma for x in (yes, no))
    found = smooth * yes + (1 - smooth) * no
    return (found if weights is None else found * (have * weights[1] + (1 - have) * weights[0])).sum(1)


def _of_class(weights: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """The weight of each of *classes*; one that no train row has counts as it is."""
    whole = torch.cat([weights, torch.ones(max(0, int(classes.max()) + 1 - len(weights)))]) if len(classes) else weights
    return whole[classes]
