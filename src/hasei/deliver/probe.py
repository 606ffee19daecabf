"""How quick a machine is, in three figures: run it there, keep what it prints as device.yaml, and add a price where there is one.

It stands by itself: Python 3.8 is enough; with numpy it measures what models do most.

    python probe.py > device.yaml
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable


def best(work: Callable[[], object], turns: int = 7) -> float:
    """Return the seconds of the quickest of some turns of work."""
    spent = []
    for _turn in range(turns):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def counting() -> object:
    """Work in Python itself."""
    total: dict[int, int] = {}
    for i in range(200000):
        total[i % 977] = total.get(i % 977, 0) + i
    return total


def figures() -> dict[str, float]:
    """Return the seconds of each kind of work by its name."""
    found = {"python": best(counting)}
    try:
        import numpy as np
    except ImportError:
        return found
    one, other = (np.full((384, 1536), 0.5, np.float32) for _ in range(2))
    found["arithmetic"] = best(lambda: [one @ other.T for _ in range(8)])
    table, places = np.ones((30000, 384), np.float32), np.arange(0, 30000, 3) * 7919 % 30000
    found["memory"] = best(lambda: [table[places].sum(0) for _ in range(4)])
    return found


def memory() -> float | None:
    """Return the machine's memory in GB, None where it can't be told."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def main() -> None:
    """Print the figures as YAML."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # of one core; how many there are is told beside it
    size = memory()
    lines = [f"name: {platform.node() or 'device'!r}", f"cores: {os.cpu_count() or 1}"]
    lines += [f"memory_gb: {'null' if size is None else size}", "price_per_hour: null", "probe:"]
    lines += [f"  {name}: {seconds:.6f}" for name, seconds in sorted(figures().items())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
