"""What long work says on stderr while it goes on, and how Ctrl-C reaches it.

On a terminal one line is written over again and again; elsewhere a line is added when the stage changes, and now and
then while a stage goes on.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TextIO

from hasei.cli.terminal import is_live, safe
from hasei.ground.events import Event, Watch
from hasei.ground.language import _
from hasei.judge.wording import term

_PLAIN_EVERY = 30.0
_KEPT = ("columns", "finding")
"""Stages whose message stays on the screen: the user may want to stop because of it."""


class Progress:
    """A listener for events. *limit* is the promised budget in seconds; time left is said where there is one."""

    def __init__(self, stream: TextIO, limit: float | None = None) -> None:
        self.stream, self.limit, self.live = stream, limit, is_live(stream)
        self.start = time.monotonic()
        self._last, self._stage, self._drawn = 0.0, "", 0

    def __call__(self, event: Event) -> None:
        """Show *event*."""
        stage = term(event.stage)
        words = safe(f"{stage}: {event.message}" if event.message else stage)
        if event.stage in _KEPT:
            self.note(words)
        elif event.fraction is None:
            self._stage = words
            self._show(words, always=True)
        else:
            self._show(f"{self._stage or words}, {self._inner(event)} {event.fraction:.0%}", always=False)

    def _inner(self, event: Event) -> str:
        return safe(event.message or term(event.stage))

    def note(self, text: str) -> None:
        """Write a line that stays."""
        self._clear()
        self.stream.write(safe(text) + "\n")
        self.stream.flush()

    def close(self) -> None:
        """Leave a clean line behind."""
        self._clear()

    def _show(self, words: str, *, always: bool) -> None:
        now = time.monotonic()
        if self.live:
            self._draw(words, f"  [{now - self.start:.0f} s{self._left(now)}]")
        elif always or now - self._last >= _PLAIN_EVERY:
            self._last = now
            self.note(f"[{now - self.start:4.0f} s{self._left(now)}] {words}")

    def _left(self, now: float) -> str:
        if self.limit is None:
            return ""
        left = round(max(0.0, self.limit - (now - self.start)))
        return _(", up to {time} left", time=f"{left // 60}:{left % 60:02}")

    def _draw(self, words: str, time_words: str) -> None:
        """Write the line over: *words* are cut where the terminal is too narrow, the time never."""
        from rich.cells import cell_len, set_cell_size

        width = max(20, shutil.get_terminal_size().columns - 1 - len(time_words))
        text = (words if cell_len(words) <= width else set_cell_size(words, width - 3) + "...") + time_words
        self._clear()
        self.stream.write(text)
        self.stream.flush()
        self._drawn = cell_len(text)

    def _clear(self) -> None:
        if self._drawn:
            self.stream.write("\r" + " " * self._drawn + "\r")
            self._drawn = 0


@contextlib.contextmanager
def interruptible(note: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C was pressed; pressed again, KeyboardInterrupt is raised at once."""
    pressed = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        note(_("stopping as soon as what is done is safe; Ctrl-C again stops at once"))

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def working(limit: float | None = None, *, resumes: bool = False) -> Iterator[Watch]:
    """Yield the watch of a piece of long work: its progress goes to stderr, and so does what a library prints.

    *resumes*: the command has ``--resume``, by which it goes on where it was stopped.
    """
    progress = Progress(sys.stderr, limit)
    with interruptible(progress.note) as cancelled, contextlib.redirect_stdout(sys.stderr):
        try:
            yield Watch(listener=progress, cancelled=cancelled, resumes=resumes)
        finally:
            progress.close()
