"""Progress, deadline and cancel: what long work reports to and asks.

A :class:`Watch` is handed down the flow. Work calls :meth:`Watch.report` as it goes and :meth:`Watch.check`
between steps; the doors (command line, web) decide how progress looks and when to cancel.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hasei.ground.errors import Stopped


class DeadlineReached(Exception):
    """Internal: a piece of work ran into its deadline; the study records it as raced out."""


@dataclass(frozen=True)
class Event:
    """One report of progress. *fraction* is of the current stage, in [0, 1], or None where unknown."""

    stage: str
    message: str = ""
    fraction: float | None = None
    seconds_left: float | None = None


def _ignore(event: Event) -> None:
    return None


@dataclass
class Watch:
    """Deadline, cancellation and progress of one piece of work.

    *deadline* is in seconds of :func:`time.monotonic`; None means no limit. *resumes*: what is stopped can be gone on with
    (``--resume``).
    """

    deadline: float | None = None
    listener: Callable[[Event], None] = _ignore
    cancelled: Callable[[], bool] = lambda: False
    resumes: bool = True
    _last: float = field(default=0.0, repr=False)

    def report(self, stage: str, message: str = "", fraction: float | None = None, *, often: bool = False) -> None:
        """Tell the listener; *often* reports are thinned to five a second."""
        now = time.monotonic()
        if often and now - self._last < 0.2:
            return
        self._last = now
        self.listener(Event(stage, message, fraction, self.seconds_left()))

    def seconds_left(self) -> float | None:
        """Seconds until the deadline (never negative), or None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def check(self) -> None:
        """Raise :class:`Stopped` when cancelled, :class:`DeadlineReached` when the time is over."""
        if self.cancelled():
            raise Stopped("stopped by Ctrl-C", do="run the same command with --resume to go on" if self.resumes else "")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineReached

    def until(self, deadline: float | None) -> Watch:
        """Return a watch for a part of this work that must end at *deadline* or at ours, whichever is sooner."""
        ends = [d for d in (deadline, self.deadline) if d is not None]
        return Watch(min(ends) if ends else None, self.listener, self.cancelled, self.resumes)
