"""What a teacher says of rows, kept with exactly the rows it belongs to, and the loss of a student that learns from it.

Targets of a student are, side by side, what the row is known to be (not a number where that is not known) and what its teacher
says.

Source: Hinton et al. 2015, "Distilling the knowledge in a neural network" (soft targets, the temperature and its square).
Shapes: n rows, w outputs, c columns of known targets: targets (n, c + w), outputs (n, w) and, where something is matched, one
more column of what that adds to a row's loss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import logsigmoid

from hasei.engine.derivation import Context, Predictor
from hasei.engine.losses import LossOf
from hasei.engine.pooled import linear
from hasei.ground.errors import RunFailed
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats, Task


@dataclass(frozen=True)
class Lesson:
    """Rows that a student learns from: *targets* (n, c + w) with *known* columns c of labels; *units* as of a context."""

    inputs: list[Input]
    targets: Floats
    known: int
    units: list[str]

    @property
    def soft(self) -> Floats:
        """The teacher's outputs (n, w)."""
        return self.targets[:, self.known :]


def lesson_of(context: Context, teacher: Predictor, rows: Context, more: Sequence[Input] = ()) -> Lesson:
    """Return what *teacher* teaches of *rows* (of *context*, and views of these) and of *more*, rows without a target."""
    inputs = [*rows.inputs, *more]
    said = outputs_of(context, teacher, inputs)
    labels = np.asarray(rows.targets, np.float32).reshape(len(rows.inputs), -1)
    known = np.full((len(inputs), labels.shape[1]), np.nan, np.float32)
    known[: len(labels)] = labels
    units = [*rows.units, *(f"without a target {i}" for i in range(len(more)))]
    return Lesson(inputs, np.concatenate([known, said], 1), labels.shape[1], units)


def outputs_of(context: Context, teacher: Predictor, inputs: Sequence[Input]) -> Floats:
    """Return the outputs (n, w) of *teacher*, asked once for each different row; kept by its content and the row itself."""

    def ask(new: list[Input]) -> Floats:
        return np.asarray(teacher.outputs(new, context.watch), np.float32)

    said = context.trunk.noted(f"taught by {fingerprint(teacher)}", inputs, ask)
    if not np.isfinite(said).all():
        raise RunFailed("the teacher gives outputs that are not numbers", do="derive it again")
    return said


def fingerprint(teacher: Predictor) -> str:
    """Return the hash of all that decides the outputs of *teacher*: weights, tokenizers, settings, members."""
    digest = hashlib.sha256()
    _add(digest, teacher)
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    """Add *value* to *digest*, with what it holds."""
    digest.update(f"{type(value).__qualname__}:".encode())
    if isinstance(value, nn.Module):
        value = dict(value.state_dict())
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().float().numpy()
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes() if value.dtype != object else repr(value.tolist()).encode())
    elif isinstance(value, Mapping):
        for key in value:
            digest.update(str(key).encode())
            _add(digest, value[key])
    elif isinstance(value, (list, tuple)):
        for one in value:
            _add(digest, one)
    elif hasattr(value, "backend_tokenizer"):
        digest.update(value.backend_tokenizer.to_str().encode())
    elif hasattr(value, "to_str"):
        digest.update(value.to_str().encode())
    elif is_dataclass(value):
        for one in fields(value):
            digest.update(one.name.encode())
            _add(digest, getattr(value, one.name, None))
    elif hasattr(value, "outputs"):
        _add(digest, vars(value))
    else:
        digest.update(repr(value).encode())


def head_on(features: Floats, said: Floats, strength: float) -> nn.Linear:
    """Return the head on *features* (n, h) that is nearest to *said* (n, w); *strength* is per unit of variance."""
    x, y = features.astype(np.float64), said.astype(np.float64)
    centre, middle = x.mean(0), y.mean(0)
    gram = (x - centre).T @ (x - centre) / len(x)
    penalty = max(strength * float(np.trace(gram)) / len(gram), 1e-9)
    weight = np.linalg.solve(gram + penalty * np.eye(len(gram)), (x - centre).T @ (y - middle) / len(x)).T
    return linear(weight, middle - weight @ centre)


def soft_loss(kind: str, outputs: torch.Tensor, taught: torch.Tensor, temperature: float) -> torch.Tensor:
    """Losses (n,) of *outputs* against the teacher's (both (n, w)): 0 where they agree.

    Of classes the divergence of the softened probabilities times the temperature's square, of labels the sum of those of each,
    of numbers the squared difference.
    """
    if kind == "number":
        return (outputs - taught).square().sum(1)
    own, other = outputs / temperature, taught / temperature
    if kind == "category":
        wanted = other.log_softmax(1)
        apart = (wanted.exp() * (wanted - own.log_softmax(1))).sum(1)
    else:
        yes = torch.sigmoid(other)
        apart = (yes * (logsigmoid(other) - logsigmoid(own)) + (1 - yes) * (logsigmoid(-other) - logsigmoid(-own))).sum(
            1
        )
    return apart * temperature**2


def lesson_loss(
    task: Task, width: int, known: int, temperature: float, labels: float, own: LossOf | None = None
) -> LossOf:
    """Return the loss of a student: *labels* of it is *own* (None: the task's) where a label is known, the rest the teacher's."""
    of_labels = own or task.loss

    def loss(outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        said, truth, taught = outputs[:, :width], targets[:, :known], targets[:, known:]
        apart = soft_loss(task.target_kind, said, taught.to(said.dtype), temperature)
        has = ~truth.isnan().any(1)
        if labels and has.any():
            told = of_labels(said[has], _encoded(task, truth[has]), smoothing=smoothing)
            mixed = (1 - labels) * apart[has] + labels * told
            apart = apart.index_put((has,), mixed.to(apart.dtype))
        return apart + outputs[:, width:].sum(1)

    return loss


def _encoded(task: Task, truth: torch.Tensor) -> torch.Tensor:
    if task.target_kind == "category":
        return truth[:, 0].long()
    return truth[:, 0] if task.target_kind == "number" else truth


def size_of(teacher: Any) -> int:
    """How many numbers decide the outputs of a predictor."""
    if isinstance(teacher, nn.Module):
        return sum(p.numel() for p in teacher.parameters())
    if isinstance(teacher, np.ndarray):
        return int(teacher.size) if teacher.dtype != object else 0
    if isinstance(teacher, (list, tuple)):
        return sum(map(size_of, teacher))
    held = [getattr(teacher, f.name, None) for f in fields(teacher)] if is_dataclass(teacher) else []
    found = held or list(getattr(teacher, "__dict__", {}).values() if hasattr(teacher, "outputs") else [])
    return sum(map(size_of, found))
