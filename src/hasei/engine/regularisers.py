"""What holds trained weights back: drawn to zero, drawn to the base, and told to say the same under any dropout.

L1 and L2 act on the weights after each step, not on the gradients, as weight decay does in AdamW (Loshchilov & Hutter 2019):
their strength is then the same for every weight, whatever the optimiser makes of its gradient, and L1 leaves exact zeros.

Source: L1: Tibshirani 1996, by soft thresholds: Daubechies et al. 2004; L2 to the base ("L2-SP"): Li, Grandvalet & Davoine 2018,
"Explicit inductive bias for transfer learning with convolutional networks"; R-Drop: Liang et al. 2021, "R-Drop: regularized
dropout for neural networks".
Shapes: outputs (n, ..., w) of two passes -> how far apart they are (n,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from pydantic import Field

from hasei.ground.errors import NotSupported
from hasei.ground.settings import Settings
from hasei.tasks import Task

Agreement = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class Regularise(Settings):
    """Settings: strengths, 0 being none. L2 to zero is ``weight_decay``, and ``dropout`` and ``smoothing`` are their own.

    *l1*: a weight shrinks by rate x l1 a step; *l2_to_base*: it goes rate x l2_to_base of its way back to the base, which then
    takes the place of ``weight_decay`` for all but the head; *r_drop*: of the divergence of two passes under different dropout.
    """

    l1: float = Field(0.0, ge=0, le=1e3)
    l2_to_base: float = Field(0.0, ge=0, le=1e3)
    r_drop: float = Field(0.0, ge=0, le=1e3)


class Pull:
    """Draws weights to zero and to where they *began*, after a step of the optimiser; *sparse* are those that L1 acts on."""

    def __init__(
        self, settings: Regularise, began: Mapping[torch.nn.Parameter, torch.Tensor], sparse: set[torch.nn.Parameter]
    ) -> None:
        self.settings, self.began, self.sparse = settings, began, sparse

    def __call__(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the parameters of *optimizer*, each at the rate of its group."""
        if not (self.settings.l1 or self.settings.l2_to_base):
            return
        with torch.no_grad():
            for group in optimizer.param_groups:
                for weight in group["params"]:
                    if weight.grad is None:  # not trained in this step
                        continue
                    if self.settings.l2_to_base and weight in self.began:
                        weight.lerp_(self.began[weight], min(1.0, group["lr"] * self.settings.l2_to_base))
                    if self.settings.l1 and weight in self.sparse:
                        least = group["lr"] * self.settings.l1
                        weight.copy_(weight.sign() * (weight.abs() - least).clamp(min=0))


def agreement_of(task: Task, name: str) -> Agreement:
    """Return how two passes over rows of *task* are compared; raises NotSupported where its outputs are no distributions.

    The symmetric divergence KL(p, q) / 2 + KL(q, p) / 2 of classes, of each label, of each word's tag or of the places in the
    text; of numbers the squared difference, as the paper has it for regression.
    """
    found: dict[str, Agreement] = {
        "category": lambda p, q, _: _classes(p, q),
        "categories": lambda p, q, _: _labels(p, q).sum(-1),
        "number": lambda p, q, _: (p.float() - q.float()).square().flatten(1).sum(1),
        "spans": _tags, "span": _places, "choice": _places,
    }  # fmt: skip
    if task.target_kind not in found:
        raise NotSupported(
            f"'{name}' can't compare two passes of the task {task.name}", expected="targets of kind " + " or ".join(found),
            received=task.target_kind, do="leave r_drop out of regularise",
        )  # fmt: skip
    return found[task.target_kind]


def _classes(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    one, other = p.float().log_softmax(-1), q.float().log_softmax(-1)
    return 0.5 * ((one.exp() - other.exp()) * (one - other)).sum(-1)


def _labels(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """For two classes KL(p, q) + KL(q, p) is (p - q) times the difference of their logits."""
    return 0.5 * (p.float().sigmoid() - q.float().sigmoid()) * (p.float() - q.float())


def _tags(p: torch.Tensor, q: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    from hasei.tasks.token_classification import WORDS  # the loss of a row is divided by it too

    return (_classes(p, q) * (targets >= 0)).sum(1) / WORDS


def _places(p: torch.Tensor, q: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Distributions over the places of a row: outputs (n, k, w) under padded marks (n, k, w + 1)."""
    valid = targets[..., :1] >= 0
    one, other = (x.float().masked_fill(~valid, -1e9).log_softmax(1) for x in (p, q))
    return 0.5 * ((one.exp() - other.exp()) * (one - other)).masked_fill(~valid, 0.0).sum(1).mean(1)
