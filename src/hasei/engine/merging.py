"""The weights of several models made into one: pure functions of their state dicts, tensor by tensor.

Sums run in float64 and end in the tensors' own precision; where all models have equal values, the result has exactly these.
What draws at random (DARE) draws for every tensor anew from the seed and the tensor's name, so that neither order nor number
of tensors matters.

Sources: average of weights: Wortsman et al. 2022, "Model soups"; task arithmetic: Ilharco et al. 2023, "Editing models with
task arithmetic"; TIES: Yadav et al. 2023, "TIES-merging: resolving interference when merging models"; DARE: Yu et al. 2024,
"Language models are super Mario"; SLERP: Shoemake 1985, "Animating rotation with quaternion curves".

Shapes: m models; a state maps names to tensors of any shape, equal in all models; weights and densities (m,).
Relations: by ``divide="count"`` sums are those of ``peft.utils.merge_utils``, by ``"weights"`` and ``"none"`` those that
mergekit makes with and without its ``normalize``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch

State: TypeAlias = Mapping[str, torch.Tensor]
Divide: TypeAlias = Literal["count", "weights", "none"]
_PARALLEL = 1e-7
"""Sine of the angle below which two directions count as one (or as opposite): between them a line is as good as an arc."""


def average(states: Sequence[State], weights: Sequence[float]) -> dict[str, torch.Tensor]:
    """Return the average of *states*, each counting as its weight; raises ValueError where the weights add up to nothing."""
    total = float(sum(weights))
    if abs(total) < 1e-12:
        raise ValueError("the weights of an average must not add up to 0")
    shares = _column([w / total for w in weights])
    return _each(states, None, lambda _, values: (values * _like(shares, values)).sum(0))


def task_arithmetic(base: State, states: Sequence[State], weights: Sequence[float]) -> dict[str, torch.Tensor]:
    """Return *base* plus the weighted sum of what each of *states* differs from it."""
    return _each(states, base, lambda _, deltas: _summed(deltas, weights))


def magnitude_prune(
    base: State, states: Sequence[State], weights: Sequence[float], densities: Sequence[float]
) -> dict[str, torch.Tensor]:
    """Return the same of differences of which only the largest stay, a share *densities* of each tensor's values."""
    return _each(states, base, lambda _, deltas: _summed(_trimmed(deltas, densities), weights))


def ties(
    base: State, states: Sequence[State], weights: Sequence[float], densities: Sequence[float], divide: Divide = "count"
) -> dict[str, torch.Tensor]:
    """Return *base* plus differences that were trimmed, of which those count that agree with the elected sign.

    *divide* ``"count"``: the sign is elected by the differences as they are, and the weighted sum divided by how many agree.
    Else by the weighted differences, and divided by the sum of the agreeing weights, or (``"none"``) not at all.
    """
    return _each(states, base, lambda _, deltas: _agreed(_trimmed(deltas, densities), weights, divide))


def dare_linear(
    base: State, states: Sequence[State], weights: Sequence[float], densities: Sequence[float], seed: int
) -> dict[str, torch.Tensor]:
    """Return *base* plus the weighted sum of differences of which a share *densities* stays at random, scaled up for that."""
    return _each(states, base, lambda name, deltas: _summed(_dropped(deltas, densities, seed, name), weights))


def dare_ties(
    base: State, states: Sequence[State], weights: Sequence[float], densities: Sequence[float], seed: int,
    divide: Divide = "count",
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Return *base* plus differences dropped as by :func:`dare_linear`, joined as by :func:`ties`."""
    return _each(states, base, lambda name, deltas: _agreed(_dropped(deltas, densities, seed, name), weights, divide))


def slerp(one: State, other: State, share: float) -> dict[str, torch.Tensor]:
    """Return the point at *share* (0: *one*, 1: *other*) of the arc between the two, each tensor as one long vector."""
    return _each((one, other), None, lambda _, values: _arc(values[0], values[1], share))


def apart(one: State, other: State) -> float:
    """Return how far two states lie apart, by their matrices: 0 where they are equal, about 1 where they have no relation.

    The squared distance over the sum of the squared lengths. Vectors (biases, norms) are alike in all models of a kind, and
    say nothing.
    """
    distance = lengths = 0.0
    for name, tensor in one.items():
        if tensor.ndim >= 2:
            a, b = tensor.double(), other[name].double()
            distance += float((a - b).square().sum())
            lengths += float(a.square().sum() + b.square().sum())
    return distance / lengths if lengths else 0.0


def unlike(one: State, other: State) -> str:
    """Return in words the first thing in which two states differ in names or shapes; "" where they can be merged."""
    for name in sorted(set(one) ^ set(other)):
        return f"only one of them has '{name}'"
    for name, tensor in one.items():
        if tensor.shape != other[name].shape:
            return f"'{name}' is {_said(tensor)} in one and {_said(other[name])} in another"
    return ""


def draw_seed(seed: int, name: str) -> int:
    """Return the seed by which values of the tensor *name* are drawn."""
    return int.from_bytes(hashlib.sha256(f"hasei-merging-{seed}:{name}".encode()).digest()[:7], "big")


def _each(
    states: Sequence[State], base: State | None, merge: Callable[[str, torch.Tensor], torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return for each tensor *merge* of its values (m, ...) or, given *base*, this plus *merge* of what they differ from it."""
    merged = {}
    for name, first in (states[0] if base is None else base).items():
        values = [state[name] for state in states]
        if all(value is first or torch.equal(value, first) for value in values):
            merged[name] = first
            continue
        stacked = torch.stack([value.detach().double() for value in values])
        if base is None:
            found = merge(name, stacked)
        else:
            start = first.detach().double()
            found = start + merge(name, stacked - start)
        merged[name] = found.to(first.dtype)
    return merged


def _column(values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64)


def _like(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return weights.reshape(-1, *[1] * (values.ndim - 1))


def _summed(deltas: torch.Tensor, weights: Sequence[float]) -> torch.Tensor:
    return (deltas * _like(_column(weights), deltas)).sum(0)


def _agreed(deltas: torch.Tensor, weights: Sequence[float], divide: Divide) -> torch.Tensor:
    """Sum of the weighted *deltas* (m, ...) whose sign is the elected one; what is 0 agrees with nothing."""
    scales = _like(_column(weights), deltas)
    weighted = deltas * scales
    votes = deltas if divide == "count" else weighted
    elected = torch.where(votes.sum(0) >= 0, 1.0, -1.0).double()
    agree = (votes.sign() == elected).double()
    total = (weighted * agree).sum(0)
    if divide == "none":
        return total
    by = (agree if divide == "count" else agree * scales).sum(0)
    return total / torch.where(by == 0, 1.0, by)


def _trimmed(deltas: torch.Tensor, densities: Sequence[float]) -> torch.Tensor:
    return torch.stack([_largest(delta, density) for delta, density in zip(deltas, densities, strict=True)])


def _largest(delta: torch.Tensor, density: float) -> torch.Tensor:
    """*delta* with all but its ``int(density * size)`` largest values at 0; of equal ones the first stay."""
    size = delta.numel()
    keep = size if density >= 1 else int(density * size)
    if keep == size:
        return delta
    if keep == 0:
        return torch.zeros_like(delta)
    sizes = delta.abs().reshape(-1).numpy()
    least = np.partition(sizes, size - keep)[size - keep]
    stays = sizes > least
    stays[np.flatnonzero(sizes == least)[: keep - int(stays.sum())]] = True
    return delta * torch.from_numpy(stays).reshape(delta.shape)


def _dropped(deltas: torch.Tensor, densities: Sequence[float], seed: int, name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(draw_seed(seed, name))
    kept = []
    for delta, density in zip(deltas, densities, strict=True):
        # Drawn in 32 bits for models of every precision: the draws, unlike the sums, are the same as peft's.
        stays = torch.bernoulli(torch.full(delta.shape, density, dtype=torch.float32), generator=generator)
        kept.append(delta if density >= 1 else delta * stays / density)
    return torch.stack(kept)


def _arc(one: torch.Tensor, other: torch.Tensor, share: float) -> torch.Tensor:
    lengths = one.norm() * other.norm()
    cosine = (one * other).sum() / lengths if float(lengths) > 0 else torch.ones((), dtype=torch.float64)
    angle = torch.arccos(cosine.clamp(-1.0, 1.0))
    if float(angle.sin()) < _PARALLEL:
        return one * (1 - share) + other * share
    return (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / torch.sin(angle)


def _said(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


__all__ = [
    "Divide", "State", "apart", "average", "dare_linear", "dare_ties", "draw_seed", "magnitude_prune", "slerp",
    "task_arithmetic", "ties", "unlike",
]  # fmt: skip
