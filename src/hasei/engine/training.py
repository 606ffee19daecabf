"""The one training loop: any torch model, any per-row loss, a plan, a deadline.

Shapes: n rows, w outputs. One optimiser step sees ``rows_per_step`` rows in micro-batches of similar length; the loss is
summed over the micro-batches and divided by the rows of the whole step, so the result does not depend on the packing.

Sources: AdamW (Loshchilov & Hutter 2019), layer-wise learning rates (Howard & Ruder 2018), label smoothing (Szegedy et al.
2016). What draws weights, averages them or orders rows stands in files of its own beside this one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import torch
from pydantic import Field
from torch import nn

from hasei.engine.averaging import Average, blend, wearing
from hasei.engine.batching import Ints, steps
from hasei.engine.checkpoint import Checkpoint
from hasei.engine.pacing import Order, paced
from hasei.engine.ragged import padded
from hasei.engine.regularisers import Agreement, Pull, Regularise
from hasei.engine.seeds import seeded
from hasei.ground.errors import RunFailed, Stopped
from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.ground.settings import Settings
from hasei.tasks import Array, Floats


class Plan(Settings):
    """How to train: everything that decides the resulting bytes but the data and the seed."""

    epochs: int = Field(4, ge=1, le=1000)
    learning_rate: float = Field(3e-4, gt=0, le=1)
    head_learning_rate: float = Field(1e-3, gt=0, le=10)
    layer_decay: float = Field(1.0, gt=0, le=1)
    rows_per_step: int = Field(32, ge=1, le=4096)
    warmup: float = Field(0.1, ge=0, lt=1)
    decay: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(0.01, ge=0, lt=1)
    clip: float = Field(1.0, gt=0)
    smoothing: float = Field(0.0, ge=0, lt=1)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    average: Average = Average()
    patience: int | None = Field(None, ge=1)
    order: Order = Order()
    regularise: Regularise = Regularise()


class Source(Protocol):
    """Where a training gets its rows: lengths (n,) to pack by, and the outputs (b, w) of a model for some rows.

    Optional: ``together``, True where the loss reads all rows of a step at once (in-batch negatives); its gradients then do
    not depend on the packing either. ``mixing``, a :class:`hasei.engine.mixing.Mixing` where rows are mixed with each other.
    ``begin(rows, step)``, told before each optimiser step which rows (b,) it has.
    """

    @property
    def lengths(self) -> Ints:
        """Tokens of each row (n,)."""

    @property
    def ids(self) -> Ints:
        """The token ids that occur, each once; none where rows are no texts."""

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows*."""


@dataclass(frozen=True)
class Job:
    """One training: the model (its ``requires_grad`` says what is trained), rows, targets (n, ...) or ragged, and loss.

    *depth* maps a parameter's name to how many layers lie above it (for layer-wise rates); names in *head* train at the
    head's rate; *no_decay* names are never decayed. *held* are rows that early stopping looks at, none by default; *fit* those
    that are trained on, by default all others. *ease* (n,) orders rows, *agree* compares two passes, where the plan wants it.

    Of some parameters, by name: *rates* multiply the learning rate; *since* is the epoch (counted from 0) from which it is
    trained; *only* (rows of the parameter, bool) are the rows that are trained, and such a parameter is never decayed.
    """

    model: nn.Module
    source: Source
    targets: Array
    loss: Callable[..., torch.Tensor]
    plan: Plan
    seed: int = 0
    head: frozenset[str] = frozenset()
    depth: dict[str, int] = field(default_factory=dict)
    no_decay: frozenset[str] = frozenset()
    held: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    fit: Ints | None = None
    ease: Floats | None = None
    agree: Agreement | None = None
    rates: dict[str, float] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    only: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that are trained, by name."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}


def train(job: Job, watch: Watch, checkpoint: Checkpoint | None = None) -> list[dict[str, float]]:
    """Train ``job.model`` in place and return the curve, one dict per epoch.

    Raises RunFailed when the loss is no longer finite, DeadlineReached and Stopped as *watch* says; on Stopped the state
    is saved to *checkpoint*, and training again with it goes on to byte-equal weights.
    """
    rows = np.setdiff1d(np.arange(len(job.targets)), job.held) if job.fit is None else job.fit
    loop = _Loop(job, rows, watch)
    if checkpoint is not None:
        loop.resume(checkpoint)
    try:
        while loop.epoch < job.plan.epochs and not loop.stale():
            loop.run_epoch()
    except Stopped:
        if checkpoint is not None:
            loop.save(checkpoint)
        raise
    loop.finish()
    return loop.curve


class _Loop:
    """The state of one training between two steps: everything that a checkpoint holds."""

    def __init__(self, job: Job, rows: Ints, watch: Watch) -> None:
        self.job, self.rows, self.watch = job, rows, watch
        self.trainable = job.trainable  # of the whole training: in some epochs only a part is
        self.epoch, self.step = 0, 0
        self.curve: list[dict[str, float]] = []
        self.total = job.plan.epochs * math.ceil(len(rows) / job.plan.rows_per_step)
        self.optimizer = _optimizer(job)
        self.scale = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda s: _rate(s, self.total, job.plan))
        self.pull = _pull(job)
        self.mixing = getattr(job.source, "mixing", None)
        self.mean: dict[str, torch.Tensor] = {}
        self.best: dict[str, torch.Tensor] = {}
        self.sums = [0.0, 0]

    def run_epoch(self) -> None:
        plan = self.job.plan
        epoch = self._steps()
        self.job.model.train()
        for name, parameter in self.trainable.items():
            parameter.requires_grad_(self.epoch >= self.job.since.get(name, 0))
        first = self.step - self.epoch * len(epoch)
        for micros in epoch[first:]:
            self.watch.check()
            self._optimise([self.rows[m] for m in micros])
            self.watch.report(
                "training",
                _("epoch {n} of {epochs}", n=self.epoch + 1, epochs=plan.epochs),
                self.step / self.total,
                often=True,
            )
        self._end_epoch()

    def _steps(self) -> list[list[Ints]]:
        """The steps of the epoch, of places among the rows that are trained on."""
        job, plan = self.job, self.job.plan
        rng, lengths = np.random.default_rng([job.seed, self.epoch]), job.source.lengths[self.rows]
        if job.ease is not None:
            first = self.epoch * math.ceil(len(lengths) / plan.rows_per_step)
            found = paced(plan.order, job.ease[self.rows], lengths, plan.rows_per_step, first, self.total, rng)
            if found is not None:
                return found
        return steps(lengths, plan.rows_per_step, rng)

    def _optimise(self, micros: list[Ints]) -> None:
        job, plan = self.job, self.job.plan
        size = sum(len(m) for m in micros)
        if self.mixing is not None:
            self.mixing.begin((job.seed, self.step), np.concatenate(micros))
        # Seeding every step makes dropout independent of what ran before: a resumed run needs no generator state.
        with seeded((job.seed * 1_000_003 + self.step) % 2**63):
            begin = getattr(job.source, "begin", None)
            if begin is not None:
                begin(np.concatenate(micros), self.step)
            if getattr(job.source, "together", False) and len(micros) > 1:
                total = self._together(micros)
            else:
                total = sum(self._alone(micro, size) for micro in micros)
        if not math.isfinite(total):
            raise RunFailed(
                f"the training diverged: the loss became {total} in epoch {self.epoch + 1}, step {self.step + 1}",
                do="lower the learning rate",
            )
        for name, rows in job.only.items():
            gradient = self.trainable[name].grad
            if gradient is not None:
                gradient[~rows] = 0.0
        nn.utils.clip_grad_norm_([p for p in self.trainable.values() if p.grad is not None], plan.clip)
        self.optimizer.step()
        self.pull(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)
        self.scale.step()
        self.step += 1
        self.sums = [self.sums[0] + total * size, self.sums[1] + size]
        share = plan.average.share(self.step, self.total)
        if share:
            blend(self.mean, self.trainable, share)

    def _alone(self, micro: Ints, size: int) -> float:
        """Add the gradients of one micro-batch of a step of *size* rows; return its part of the loss."""
        loss = (self._agreeing(micro) if self.job.plan.regularise.r_drop else self._loss(micro)).sum() / size
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _together(self, micros: list[Ints]) -> float:
        """Add the gradients of a loss that reads all rows of a step together, at the memory of one micro-batch.

        Outputs of all rows first, without a graph; the loss and its gradient at them; then each micro-batch again, with the
        same dropout, for what its outputs' gradient says of the parameters (GradCache: Gao et al. 2021, "Scaling deep
        contrastive learning batch size under memory limited setup"). The chain rule: exactly the gradient of the step.
        """
        states, outputs = [], []
        with torch.no_grad():
            for micro in micros:
                states.append(torch.get_rng_state())
                outputs.append(self._outputs(micro))
        after = torch.get_rng_state()
        whole = torch.cat(outputs).requires_grad_()
        loss = self._of(whole, np.concatenate(micros)).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        if whole.grad is not None:
            for state, micro, gradient in zip(states, micros, torch.split(whole.grad, [len(m) for m in micros])):
                torch.set_rng_state(state)
                self._outputs(micro).backward(gradient)  # type: ignore[no-untyped-call]
        torch.set_rng_state(after)
        return float(loss.detach())

    def _loss(self, rows: Ints) -> torch.Tensor:
        return self._of(self._outputs(rows), rows)

    def _agreeing(self, rows: Ints) -> torch.Tensor:
        """The mean loss of two passes, whose dropout differs, and half of what R-Drop says of how they differ."""
        one, other = self._outputs(rows), self._outputs(rows)
        loss = (self._of(one, rows) + self._of(other, rows)) / 2
        if self.job.agree is None:
            raise ValueError("two passes can't be compared: the job does not say how")
        apart = self.job.agree(one, other, padded(self.job.targets[rows]))
        both: torch.Tensor = loss + self.job.plan.regularise.r_drop / 2 * apart
        return both

    def _outputs(self, rows: Ints) -> torch.Tensor:
        with _precision(self.job.plan):
            outputs = self.job.source.outputs(self.job.model, rows)
        return outputs.float()

    def _of(self, outputs: torch.Tensor, rows: Ints) -> torch.Tensor:
        own = self._against(outputs, rows)
        if self.mixing is None or not self.job.model.training:
            return own
        share = self.mixing.shares(rows)
        mixed: torch.Tensor = share * own + (1 - share) * self._against(outputs, self.mixing.partners(rows))
        return mixed

    def _against(self, outputs: torch.Tensor, rows: Ints) -> torch.Tensor:
        targets = padded(self.job.targets[rows])
        return self.job.loss(outputs, targets, smoothing=self.job.plan.smoothing)

    def _end_epoch(self) -> None:
        self.epoch += 1
        point = {"epoch": float(self.epoch), "loss": self.sums[0] / max(1, self.sums[1])}
        self.sums = [0.0, 0]
        if len(self.job.held):
            with wearing(self.trainable, self.mean):  # the weights that would be left if it ended here
                point["held_loss"] = self._held_loss()
                if point["held_loss"] <= min([p["held_loss"] for p in self.curve] + [math.inf]):
                    self.best = {n: p.detach().clone() for n, p in self.trainable.items()}
        self.curve.append(point)

    def _held_loss(self) -> float:
        self.job.model.eval()
        with torch.no_grad():
            parts = [
                float(self._loss(rows).sum()) for rows in np.array_split(self.job.held, -(-len(self.job.held) // 32))
            ]
        return sum(parts) / len(self.job.held)

    def stale(self) -> bool:
        """Whether early stopping has waited long enough."""
        if self.job.plan.patience is None or not len(self.job.held) or not self.curve:
            return False
        held = [p["held_loss"] for p in self.curve]
        return len(held) - 1 - int(np.argmin(held)) >= self.job.plan.patience

    def finish(self) -> None:
        """Leave the model with the weights that count: of the best held epoch, or the average of the last steps."""
        chosen = self.best if len(self.job.held) else self.mean
        with torch.no_grad():
            for name, parameter in self.trainable.items():
                if name in chosen:
                    parameter.copy_(chosen[name])
        self.job.model.eval()

    def save(self, checkpoint: Checkpoint) -> None:
        tensors = {f"weight/{n}": p.detach() for n, p in self.trainable.items()}
        tensors |= {f"mean/{n}": t for n, t in self.mean.items()} | {f"best/{n}": t for n, t in self.best.items()}
        for name, parameter in self.trainable.items():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    tensors[f"optimizer/{key}/{name}"] = value
        checkpoint.save(tensors, {"epoch": self.epoch, "step": self.step, "curve": self.curve, "sums": self.sums})

    def resume(self, checkpoint: Checkpoint) -> None:
        saved = checkpoint.load()
        if saved is None:
            return
        tensors, state = saved
        self.epoch, self.step, self.curve, self.sums = state["epoch"], state["step"], state["curve"], state["sums"]
        trainable = self.trainable
        with torch.no_grad():
            for key, value in tensors.items():
                part, name = key.split("/", 1)
                if part == "weight":
                    trainable[name].copy_(value)
                elif part in ("mean", "best"):
                    (self.mean if part == "mean" else self.best)[name] = value.clone()
                else:
                    what, name = name.split("/", 1)
                    self.optimizer.state[trainable[name]][what] = value.clone()
        self.scale.last_epoch = self.step
        for group, base, rate in zip(self.optimizer.param_groups, self.scale.base_lrs, self.scale.lr_lambdas):
            group["lr"] = base * rate(self.step)


def _optimizer(job: Job) -> torch.optim.Optimizer:
    """One parameter group per (rate, decay); biases, norms and what the job names are not decayed."""
    plan = job.plan
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in job.trainable.items():
        rate = (
            plan.head_learning_rate
            if name in job.head
            else plan.learning_rate * plan.layer_decay ** job.depth.get(name, 0)
        ) * job.rates.get(name, 1.0)
        to_base = plan.regularise.l2_to_base and name not in job.head  # which takes the place of decay to zero
        decayed = parameter.ndim >= 2 and name not in job.no_decay and name not in job.only and not to_base
        groups.setdefault((rate, plan.weight_decay if decayed else 0.0), []).append(parameter)
    listed: list[dict[str, Any]] = [{"params": p, "lr": rate, "weight_decay": wd} for (rate, wd), p in groups.items()]
    if plan.optimizer == "sgd":
        return torch.optim.SGD(listed, momentum=0.9, fused=True)
    return torch.optim.AdamW(listed, fused=True)


def _pull(job: Job) -> Pull:
    """What draws the weights after each step: to where they begin now, before anything is trained or resumed."""
    settings, trainable = job.plan.regularise, job.trainable
    drawn = {n: p for n, p in trainable.items() if n not in job.head} if settings.l2_to_base else {}
    sparse = {p for n, p in trainable.items() if p.ndim >= 2 and n not in job.no_decay and n not in job.only}
    return Pull(settings, {p: p.detach().clone() for p in drawn.values()}, sparse)


def _rate(step: int, total: int, plan: Plan) -> float:
    """Share of the learning rate at *step*: linear warm-up, then the plan's decay to zero."""
    warm = plan.warmup * total
    if step < warm:
        return (step + 1) / (warm + 1)
    if plan.decay == "constant":
        return 1.0
    done = min(1.0, (step - warm) / max(1.0, total - warm))
    return 1.0 - done if plan.decay == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))


@contextmanager
def _precision(plan: Plan) -> Iterator[None]:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.precision == "bf16"):
        yield
