"""Which arithmetic a training should use on this machine: tested for error and time, once per process and model."""

from __future__ import annotations

import time
from typing import Literal

import torch
from torch import nn

from hasei.engine.pooled import last_states

Precision = Literal["fp32", "bf16"]
_FAR_SLOWER = 3.0
_KNOWN: dict[tuple[str, int], Precision] = {}


def best_precision(model: nn.Module, batch: dict[str, torch.Tensor], key: str) -> Precision:
    """Return ``"bf16"`` only where autocast is at least 10 % faster here and its states stay close (cosine >= 0.999).

    A flag of the processor says little: with AVX-512 alone bf16 can be slower than fp32, with AMX it is far faster.
    """
    known = (key, torch.get_num_threads())
    if known not in _KNOWN:
        _KNOWN[known] = _measure(model, batch)
    return _KNOWN[known]


def _measure(model: nn.Module, batch: dict[str, torch.Tensor]) -> Precision:
    times: dict[bool, list[float]] = {False: [], True: []}
    states: dict[bool, torch.Tensor] = {}
    with torch.no_grad():
        for _ in range(4):
            for narrow in (False, True):
                start = time.perf_counter()
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
                    states[narrow] = last_states(model, batch).float()
                times[narrow].append(time.perf_counter() - start)
            if times[True][-1] > _FAR_SLOWER * times[False][-1]:  # where bf16 is emulated one turn is a training's time
                return "fp32"
    close = torch.nn.functional.cosine_similarity(states[False].flatten(), states[True].flatten(), dim=0)
    faster = min(times[True][1:]) < 0.9 * min(times[False][1:])  # the first turn of each warms up
    return "bf16" if faster and bool(close >= 0.999) else "fp32"
