"""Word lists beside the checks: ``[section]`` headings, words parted by white space, ``#`` before a comment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@lru_cache(maxsize=8)
def sections(file: str) -> dict[str, frozenset[str]]:
    """Return the words of each section of a list, *file* being its name beside the checks."""
    return {title: frozenset(" ".join(lines).split()) for title, lines in entries(file).items()}


@lru_cache(maxsize=8)
def entries(file: str) -> dict[str, list[str]]:
    """Return the lines of each section of a list, without comments and blank lines."""
    found: dict[str, list[str]] = {}
    lines = found.setdefault("", [])
    for line in (_FOLDER / file).read_text("utf-8").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            lines = found.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return found
