"""Labels such as ``NaN``, ``None`` and ``N/A``: what programs write where nothing was filled in.

They stay the class that they are, for somebody's class may really be called so. *Source*: the words that pandas reads as
missing (``read_csv``, ``na_values``).
"""

from __future__ import annotations

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, by_file

NEEDS = "text"
_WORDS = {"nan", "-nan", "none", "null", "n/a", "na", "#n/a", "#na", "#n/a n/a", "<na>", "1.#ind", "1.#qnan"}


def find(room: Room) -> list[Finding]:
    """Return one finding for each such label in each file, with its rows."""
    if room.task.target_kind != "category":
        return []
    rows: dict[str, list[int]] = {}
    for i, target in enumerate(room.rows.targets):
        if target.strip().casefold() in _WORDS:
            rows.setdefault(target, []).append(i)
    return [finding for word in sorted(rows) for finding in _of_word(room, word, rows[word])]


def _of_word(room: Room, word: str, rows: list[int]) -> list[Finding]:
    def say(place: Place) -> str:
        return _(
            "rows of '{file}' with the label '{word}', which usually means that nothing was filled in: {n} of {of}; it is"
            " learnt as a class",
            word=word, file=place.file, n=place.n, of=place.of,
        )  # fmt: skip

    do = _("empty these cells if nothing was filled in; if it is a class, call it by another name")
    return by_file(room, "missing_word", "", "warning", rows, do, say)
