"""Text that should not be taught: slurs and hateful phrases, in English and Japanese.

*Source*: the lists ``unwanted_en.txt`` and ``unwanted_ja.txt`` beside this file, with their rule in their head; written for
hasei, for what there is offline are lists of swearing or classifiers kept as pickles. A word list sees words and no
irony, quotation or insult without them: its findings are rows to look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.judge.checks._personal import fold
from hasei.judge.checks._room import Room
from hasei.judge.checks._words import entries

NEEDS = "text"
VARIANTS = ("hate", "slur", "dated")
_MOST_EXAMPLES = 5
_LISTS = ("unwanted_en.txt", "unwanted_ja.txt")
_SEEN_AS = {"a": "[a4@]", "e": "[e3]", "i": "[i1!]", "o": "[o0]", "s": "[s5$]"}
_KATA = "ァ-ヺー"


def find(room: Room) -> list[Finding]:
    """Return one finding for each variant in each file: the lines, and masked examples."""
    return [
        _finding(table, variant, *seen[variant])
        for table in (room.table, room.test)
        if table is not None and (seen := _look(room, table))
        for variant in VARIANTS
        if variant in seen
    ]


def unwanted(text: str) -> list[tuple[str, str]]:
    """Return what is found in *text* as (variant, the words as they stand), in the order in which they stand."""
    if text.isspace() or len(text) < 2:
        return []
    folded, _places = fold(text)
    low = folded.casefold()
    found = []
    for file in _LISTS if not low.isascii() else _LISTS[:1]:
        patterns = _patterns(file)
        spared = [match.span() for match in patterns["unless"].finditer(low)]
        for variant in VARIANTS:
            for match in patterns[variant].finditer(low):
                start, end = match.span()
                if not any(left < end and start < right for left, right in spared):
                    found.append((start, variant, match.group()))
                    spared.append((start, end))
    return [(variant, words) for _start, variant, words in sorted(found)]


@lru_cache(maxsize=2)
def _patterns(file: str) -> dict[str, re.Pattern[str]]:
    listed = entries(file)
    english = file == _LISTS[0]
    write = _english if english else _japanese
    groups = "|".join(sorted(map(re.escape, listed["groups"]), key=len, reverse=True))
    hate = "|".join(f"(?:{line.replace('{groups}', f'(?:{groups})')})" for line in listed["hate"])
    words = {
        variant: "|".join(write(line) for line in sorted(listed[section], key=len, reverse=True))
        for variant, section in (("slur", "slurs"), ("dated", "dated"), ("unless", "unless"))
    }
    edges = (r"(?<![a-z0-9])", r"(?![a-z0-9])") if english else ("", "")
    return {name: re.compile(f"{edges[0]}(?:{body}){edges[1]}") for name, body in {**words, "hate": hate}.items()}


def _english(line: str) -> str:
    written = "".join(_SEEN_AS.get(char, r"[\s-]" if char == " " else re.escape(char)) for char in line.rstrip("*"))
    return written + ("[a-z]*" if line.endswith("*") else "")


def _japanese(line: str) -> str:
    alone = re.fullmatch(f"[{_KATA}]+", line)
    return f"(?<![{_KATA}]){line}(?![{_KATA}])" if alone else re.escape(line)


def _look(room: Room, table: Table) -> dict[str, tuple[list[int], int, list[str]]]:
    """Return lines, number and masked examples of each variant, in what a model reads and answers."""
    found: dict[str, tuple[list[int], int, list[str]]] = {}
    places = [table.columns.index(name) for name in room.mapping.columns.values() if name in table.columns]
    for row, cells in enumerate(table.cells):
        if row % 256 == 0:
            room.watch.check()
        for variant, words in _in_cells(cells, places):
            lines, count, examples = found.get(variant, ([], 0, []))
            line, shown = int(table.lines[row]), f"{words[0]}***"
            lines += [] if line in lines[-1:] else [line]
            examples += [] if shown in examples or len(examples) == _MOST_EXAMPLES else [shown]
            found[variant] = (lines, count + 1, examples)
    return found


def _in_cells(cells: tuple[str, ...], places: list[int]) -> Iterator[tuple[str, str]]:
    for place in places:
        yield from unwanted(cells[place])


def _finding(table: Table, variant: str, lines: list[int], count: int, examples: list[str]) -> Finding:
    severity: Literal["warning", "note"] = "note" if variant == "dated" else "warning"
    evidence = {"count": count, "examples": examples}
    do = _("look at these rows, and leave out those that a model must not learn from")
    message = _says(variant, rows=len(lines), file=table.path.name)
    return Finding("unwanted_text", severity, message, table.path.name, tuple(lines), do, variant, evidence)


def _says(variant: str, rows: int, file: str) -> str:
    if variant == "hate":
        return _(
            "Phrases that wish a group of people harm, or degrade it, stand in '{file}' (rows: {rows}).",
            rows=rows,
            file=file,
        )
    if variant == "slur":
        return _("Slurs against a group of people stand in '{file}' (rows: {rows}).", rows=rows, file=file)
    return _("Words of another time that degrade people today stand in '{file}' (rows: {rows}).", rows=rows, file=file)
