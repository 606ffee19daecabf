"""Stages learnt one after the other by gradients: the loop, and what keeps earlier ones from being forgotten.

Source: nothing (sequential training); rehearsal: Robins 1995, Chaudhry et al. 2019; elastic weights: Kirkpatrick et al. 2017, in
the running form of Schwarz et al. 2018; the model before as teacher: Li & Hoiem 2018, "Learning without forgetting", with the
temperature of Hinton et al. 2015.
Shapes: rows (n,) of the whole stream; outputs (n, w); a penalty is one number a step.
Relations: one stage is what ``partial_fine_tuning`` does; each begins from a head solved on what it sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length
from hasei.engine.derivation import Context
from hasei.engine.exemplars import drawn, herded
from hasei.engine.heads import solve_head
from hasei.engine.pooled import linear
from hasei.engine.training import Source
from hasei.methods._stages import Record, Stage
from hasei.methods._tuning import HEAD_L2, Part, Tuned, train_part
from hasei.tasks import Floats

_WARMTH = 2.0
_FISHER_ROWS = 200


@dataclass(frozen=True)
class Guard:
    """What keeps earlier stages: *rows* kept of each class (of each stage where targets are no classes), how they are chosen,
    *teacher*: the weight of the outputs of the model before, *elastic*: that of the squared change of weights.
    """

    rows: int = 0
    herding: bool = True
    teacher: float = 0.0
    elastic: float = 0.0


@dataclass
class Some:
    """The rows *rows* of *source* as a source of their own."""

    source: Source
    rows: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens of each row (n,)."""
        return self.source.lengths[self.rows]

    @property
    def ids(self) -> Ints:
        """The token ids that occur."""
        return self.source.ids

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows*."""
        return self.source.outputs(model, self.rows[rows])


class Sequence:
    """One model through all stages. *source* gives the rows of *context* to *model*, of which *part* is trained by *plan*."""

    def __init__(self, context: Context, model: Any, part: Part, source: Source, plan: Tuned, guard: Guard) -> None:
        self.context, self.model, self.part, self.source = context, model, part, source
        self.plan, self.guard = plan, guard
        self.kept = np.empty(0, np.int64)
        self.known = np.zeros(context.space.width, np.bool_)
        self.weights: dict[str, torch.Tensor] = {}
        self.anchor: dict[str, torch.Tensor] = {}

    def run(self, stages: list[Stage]) -> Record:
        """Learn *stages* in order; each sees its own rows and those kept of earlier ones."""
        record = Record(self.context, stages)
        for number, stage in enumerate(stages):
            self._learn(number, stage)
            if number + 1 < len(stages):
                self._remember(number, stage)
            record.note(lambda rows: self.outputs(rows).numpy())
        return record

    def outputs(self, rows: Ints) -> torch.Tensor:
        """What the model says of *rows* (n, w), now."""
        self.model.eval()
        found = torch.empty(len(rows), self.model.head.out_features)
        with torch.no_grad():
            for batch in by_length(self.source.lengths[rows]):
                self.context.watch.check()
                found[torch.from_numpy(batch)] = self.source.outputs(self.model, rows[batch]).float()
        return found

    def features(self, rows: Ints) -> Floats:
        """What the head sees of *rows* (n, h), now."""
        head = self.model.head
        self.model.head = linear(np.eye(head.in_features), np.zeros(head.in_features))
        try:
            found: Floats = self.outputs(rows).numpy()
        finally:
            self.model.head = head
        return found

    def _learn(self, number: int, stage: Stage) -> None:
        context, rows = self.context, np.concatenate([stage.fit, self.kept])
        teacher = self.outputs(rows) if self.guard.teacher and number else None
        before = torch.from_numpy(self.known.copy())
        self._begin(rows)
        part = replace(
            context, inputs=[context.inputs[i] for i in rows], units=[context.units[i] for i in rows],
            truth=[context.truth[i] for i in rows],
        )  # fmt: skip
        train_part(
            part, f"continual_learning-{number + 1}", self.model, self.part, self.plan, Some(self.source, rows),
            np.arange(len(rows)), self._loss(rows, teacher, before),
        )  # fmt: skip

    def _begin(self, rows: Ints) -> None:
        """Give the outputs that are seen for the first time the weights of a head solved on *rows*."""
        present = self._present(rows)
        new = present & ~self.known
        first = not self.known.any()
        if new.any():
            weight, bias = solve_head(
                self.context.task, self.context.space, self.features(rows), self.context.targets[rows], HEAD_L2
            )
            places = torch.from_numpy(np.ones_like(new) if first else new)
            with torch.no_grad():
                self.model.head.weight[places] = torch.from_numpy(weight)[places]
                self.model.head.bias[places] = torch.from_numpy(bias)[places]
        self.known |= present

    def _present(self, rows: Ints) -> Any:
        targets, kind = self.context.targets[rows], self.context.task.target_kind
        if kind == "category":
            return np.bincount(targets, minlength=len(self.known)) > 0
        return (targets > 0).any(0) if kind == "categories" else np.ones_like(self.known)

    def _loss(self, rows: Ints, teacher: torch.Tensor | None, before: torch.Tensor) -> Callable[..., torch.Tensor]:
        """The task's loss of *rows*, told by their places, and what the guard adds."""
        task, truth = self.context.task, torch.from_numpy(np.ascontiguousarray(self.context.targets[rows]))

        def loss(outputs: torch.Tensor, places: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
            value = task.loss(outputs, truth[places], smoothing=smoothing)
            if teacher is not None:
                value = value + self.guard.teacher * distance(
                    outputs[:, before], teacher[places][:, before], task.target_kind
                )
            if self.anchor:  # the same for each row, and so once for the mean of a step
                value = value + 0.5 * self.guard.elastic * self._change()
            return value

        return loss

    def _change(self) -> torch.Tensor:
        named, total = dict(self.model.named_parameters()), torch.zeros(())
        for name, anchor in self.anchor.items():
            total = total + ((named[name] - anchor).square() * self.weights[name]).sum()
        return total

    def _remember(self, number: int, stage: Stage) -> None:
        if self.guard.rows:
            self.kept = np.concatenate([self.kept, *self._choose(number, stage)])
        if self.guard.elastic:
            found = self._fisher(stage.fit, number)
            self.weights = {n: self.weights.get(n, 0.0) + value for n, value in found.items()}
            self.anchor = {n: p.detach().clone() for n, p in self.model.named_parameters() if n in found}

    def _choose(self, number: int, stage: Stage) -> list[Ints]:
        """The rows of *stage* that are kept: so many of each class as there are not yet, or of the stage."""
        if self.context.task.target_kind == "category":
            classes, held = self.context.targets[stage.fit], self.context.targets[self.kept]
            groups = [(stage.fit[classes == c], int((held == c).sum())) for c in np.unique(classes)]
        else:
            groups = [(stage.fit, 0)]
        found = []
        for group, (rows, have) in enumerate(groups):
            count = max(0, min(self.guard.rows - have, len(rows)))
            if count:
                seed = self.context.seed * 1_000_003 + number * 1009 + group
                places = herded(self.features(rows), count) if self.guard.herding else drawn(len(rows), count, seed)
                found.append(rows[places])
        return found

    def _fisher(self, rows: Ints, number: int) -> dict[str, torch.Tensor]:
        """The diagonal of the Fisher information of the trained parameters, by answers drawn from the model's own."""
        few = drawn(len(rows), _FISHER_ROWS, self.context.seed + number)
        generator = torch.Generator().manual_seed(self.context.seed * 1009 + number)
        trained = {n: p for n, p in self.model.named_parameters() if n in self.part.trained(self.model)}
        total = {n: torch.zeros_like(p) for n, p in trained.items()}
        for parameter in trained.values():
            parameter.requires_grad_(True)
        for row in rows[few]:
            self.context.watch.check()
            outputs = self.source.outputs(self.model, np.array([row])).float()
            target = sampled(outputs.detach(), self.context.task.target_kind, generator)
            loss = self.context.task.loss(outputs, target).sum()
            gradients = torch.autograd.grad(
                loss, list(trained.values()), allow_unused=True
            )  # a pooler above, of no use here
            for value, gradient in zip(total.values(), gradients):
                if gradient is not None:
                    value += gradient.square() / len(few)
        for parameter in trained.values():
            parameter.requires_grad_(False)
        return total


def distance(outputs: torch.Tensor, teacher: torch.Tensor, kind: str) -> torch.Tensor:
    """How far *outputs* (n, k) are from those of the *teacher*, a row (n,)."""
    if kind == "category":
        soft = (teacher / _WARMTH).softmax(1)
        return -(_WARMTH**2) * (soft * (outputs / _WARMTH).log_softmax(1)).sum(1)
    if kind == "categories":
        return nn.functional.binary_cross_entropy_with_logits(outputs, teacher.sigmoid(), reduction="none").sum(1)
    return (outputs - teacher).square().sum(1)


def sampled(outputs: torch.Tensor, kind: str, generator: torch.Generator) -> torch.Tensor:
    """Targets drawn from what *outputs* (n, w) say, as the task's loss reads them."""
    if kind == "category":
        return torch.multinomial(outputs.softmax(1), 1, generator=generator)[:, 0]
    if kind == "categories":
        return torch.bernoulli(outputs.sigmoid(), generator=generator)
    return (outputs + torch.randn(outputs.shape, generator=generator))[:, 0]
