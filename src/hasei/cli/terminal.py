"""What is printed: data to stdout, the rest to stderr, and no file's content can steer the terminal."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from hasei.ground.files import plain

if TYPE_CHECKING:
    from rich.console import Console

_STEERING = {"Cc", "Cf", "Cs"}
_JOINERS = "\u200c\u200d"
"""Format signs that words and emoji of some scripts need; they steer nothing."""
_WIDE = 140


def safe(text: str) -> str:
    """Return *text* without what could steer a terminal: control characters and signs that turn the direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in _JOINERS or unicodedata.category(c) not in _STEERING else _shown(c) for c in text)


def _shown(char: str) -> str:
    return char if char == "\n" else " " if char == "\t" else "\ufffd"


def say(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(safe(text) + "\n")
    sys.stderr.flush()


def emit_json(value: Any) -> None:
    """Write *value* as the one JSON object on stdout."""
    everywhere = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=not everywhere, allow_nan=False) + "\n")


def lenient() -> None:
    """Let stdout and stderr replace what the terminal's encoding lacks: a result must not be lost over a sign."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def console() -> Console:
    """Return stdout as something that can draw tables; colours only on a terminal and without ``NO_COLOR``.

    What goes to a file or another program is not cut at the 80 columns of a terminal that is not there.
    """
    from rich.console import Console

    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDE
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=False, width=width)


def is_live(stream: TextIO) -> bool:
    """Whether a line on *stream* can be written over: a terminal, and not one that is only recorded."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
