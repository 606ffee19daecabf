"""Which columns of a matrix can be left out, and what the others must be, so that its outputs on some rows change least.

Source: Hassibi & Stork 1993, "Optimal brain surgeon"; whole columns and heads: Kurtic et al. 2023, "ZipLM: inference-aware
structured pruning of language models".
Shapes: matrix (h, c), its inputs (tokens, c), their moments (c + 1, c + 1): of the inputs and a constant 1, in float64.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints

RIDGE = 1e-3
STEPS = 64


def moments(inputs: torch.Tensor) -> torch.Tensor:
    """Return the sums of products of *inputs* (tokens, c) and a constant 1 with each other (c + 1, c + 1)."""
    # Of some thousand tokens at most at a time: sums of float32 are exact enough then, and twice as quick.
    both = torch.cat([inputs, torch.ones(len(inputs), 1)], 1)
    return (both.T @ both).double()


def eliminate(weight: torch.Tensor, gram: torch.Tensor, size: int, keep: int) -> Ints:
    """Return the *keep* units (of *size* columns of *weight* (h, c) each) that are left when the cheapest are taken out in turn.

    What a unit costs is how much the outputs change when the others make up for it as well as they can.
    """
    matrix, inverse = weight.double().clone(), torch.linalg.inv(_damped(gram))[:-1, :-1].clone()
    left = np.arange(weight.shape[1] // size)
    at_once = 1 if size > 1 else max(1, -(-(len(left) - keep) // STEPS))
    while len(left) > keep:
        gone = torch.from_numpy(
            np.argsort(_costs(matrix, inverse, left, size), kind="stable")[: min(at_once, len(left) - keep)]
        )
        units = left[gone.numpy()]
        columns = torch.from_numpy((units[:, None] * size + np.arange(size)).ravel())
        block = torch.linalg.solve(inverse[columns][:, columns], inverse[columns])
        matrix -= matrix[:, columns] @ block
        inverse -= inverse[:, columns] @ block
        left = np.setdiff1d(left, units)
    return left


def _costs(matrix: torch.Tensor, inverse: torch.Tensor, left: Ints, size: int) -> np.ndarray:
    if size == 1:
        found: np.ndarray = ((matrix.square().sum(0) / inverse.diagonal()).numpy())[left]
        return found
    costs = []
    for unit in left:
        part = slice(unit * size, (unit + 1) * size)
        costs.append(float((torch.linalg.solve(inverse[part, part], matrix[:, part].T) * matrix[:, part].T).sum()))
    return np.array(costs)


def solve(
    weight: torch.Tensor, bias: torch.Tensor | None, gram: torch.Tensor, columns: Ints
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the weight (h, k) of *columns* alone and the bias (h,) whose outputs are nearest those of all, on average."""
    constant = weight.shape[1]
    kept = torch.from_numpy(columns)
    if bias is not None:
        kept = torch.cat([kept, torch.tensor([constant])])
    whole = weight.double() if bias is None else torch.cat([weight.double(), bias.double()[:, None]], 1)
    damped = _damped(gram)
    target = whole @ damped[: whole.shape[1]][:, kept]
    found = torch.linalg.solve(damped[kept][:, kept], target.T).T.float()
    return (found, None) if bias is None else (found[:, :-1].contiguous(), found[:, -1].contiguous())


def put(linear: nn.Linear, gram: torch.Tensor, columns: Ints) -> None:
    """Make *columns* of *linear* make up for its others, in place; the others are left as they are."""
    with torch.no_grad():
        weight, bias = solve(linear.weight, linear.bias, gram, columns)
        linear.weight[:, torch.from_numpy(columns)] = weight
        if bias is not None:
            linear.bias.copy_(bias)


def _damped(gram: torch.Tensor) -> torch.Tensor:
    diagonal = gram.diagonal()[:-1]
    damped = gram.clone()
    damped.diagonal()[:-1] += RIDGE * diagonal.mean().clamp(min=1e-12)
    return damped
