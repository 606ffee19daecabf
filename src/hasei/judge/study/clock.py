"""The promised budget: what is left, and what is kept back for refit, confirm and packaging."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

FINISH_SECONDS = 4.0
"""Writing, loading back, report and card, beside what is measured."""


@dataclass
class Clock:
    """*budget* in seconds from the start. *reserve* is kept back for what must follow the trials."""

    budget: float
    reserve: float = FINISH_SECONDS
    start: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def deadline(self) -> float:
        """When the budget ends, on the clock of :func:`time.monotonic`."""
        return self.start + self.budget

    def free(self) -> float:
        """Seconds that trials may still use."""
        return self.budget - self.spent - self.reserve

    def until(self, seconds: float) -> float:
        """Return the moment *seconds* from now, at the latest the end of what is free."""
        return time.monotonic() + max(0.0, min(seconds, self.free()))
