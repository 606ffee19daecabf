"""Random numbers of torch that hang on a seed alone, and leave those of everybody else as they were.

Relations: hasei computes on the CPU, so its generator alone is seeded. ``torch.manual_seed`` would also keep, at every call
and for every kind of accelerator, what to do were there one, with a trace of who asked: time and memory at each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it torch draws the numbers that follow from *seed*, after it those that it would have drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
