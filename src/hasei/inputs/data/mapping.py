"""Which column of a table plays which part of a task: as the user says, else by name, else by content.

By name: a column called as one of the task's hints. By content: what a model reads is the longest and most varied text;
what it should answer are few values that repeat. Whatever was guessed comes with its reason, to be shown and overruled.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from hasei.ground.errors import DataError, nearest
from hasei.ground.language import _
from hasei.inputs.data.dataset import Column, Mapping, Table

_LOOKED_AT = 2000
# Scripts written without spaces between words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]")
_WORD_BREAK = re.compile(r"[\s_\-./:()\[\]（）・]+|(?<=[a-z])(?=[A-Z])")


def guess(table: Table, columns: Sequence[Column], chosen: dict[str, str] | None = None) -> Mapping:
    """Map every part of *columns* to a column of *table*; *chosen* (part -> column name) is never overruled.

    Raises DataError where a chosen column is absent (with the nearest name) and where nothing fits a part (with the
    columns there are and the flag that names one).
    """
    found = _chosen(table, columns, chosen or {})
    why: list[str] = []
    parts = [column for column in columns if column.name not in found]
    for part, name, reason in _by_name(table, parts, set(found.values())):
        found[part] = name
        why.append(reason)
    _by_content(table, [column for column in parts if column.name not in found], found, why)
    missing = [column.name for column in columns if column.name not in found]
    if missing:
        raise _impossible(table, missing)
    ordered = {column.name: found[column.name] for column in columns}
    return Mapping(ordered, frozenset(column.name for column in parts), "; ".join(why))


def flag(part: str) -> str:
    """Return the flag of the command line that names the column for *part*."""
    return f"--{part} NAME" if part in ("text", "label") else f"--map {part}=NAME"


def _chosen(table: Table, columns: Sequence[Column], chosen: dict[str, str]) -> dict[str, str]:
    stripped = {name.strip(): name for name in table.columns}
    found: dict[str, str] = {}
    for part, name in chosen.items():
        if part not in {column.name for column in columns}:
            raise DataError(f"the task has no part called '{part}'", do=nearest(part, [c.name for c in columns]))
        if name.strip() not in stripped:
            raise DataError(f"'{table.path.name}' has no column '{name}'", do=_suggested(table, name))
        if stripped[name.strip()] in found.values():
            raise DataError(f"the column '{name}' can't play two parts", do=f"choose another with {flag(part)}")
        found[part] = stripped[name.strip()]
    return found


def _suggested(table: Table, name: str) -> str:
    hint = nearest(name, table.columns)
    return f"{hint} (columns: {', '.join(table.columns)})" if hint.startswith("did") else hint


def _impossible(table: Table, missing: list[str]) -> DataError:
    empty = [part for part in missing if part in table.columns and not any(_cells(table, part))]
    if empty:
        return DataError(
            f"the column '{empty[0]}' of '{table.path.name}' is blank in every row", expected=f"rows with their {empty[0]}",
            received="; ".join(finding.message for finding in table.findings if finding.kind == "shape"),
            do="fill it in, or end each conversation with its answer" if empty[0] == "answer" else "fill it in",
        )  # fmt: skip
    return DataError(
        f"no column of '{table.path.name}' looks like the {' or the '.join(missing)}",
        received=f"the columns {', '.join(table.columns)}",
        do="name a task of pictures with --task (see: hasei tasks)"
        if table.path.is_dir()
        else f"name it with {' '.join(flag(part) for part in missing)}",
    )


def _cells(table: Table, name: str) -> list[str]:
    """Return the cells of a column without white space at their ends."""
    place = table.columns.index(name)
    return [row[place].strip() for row in table.cells]


def _folded(name: str) -> str:
    """Return a column name without case, width, spaces and signs."""
    return "".join(_WORD_BREAK.split(unicodedata.normalize("NFKC", name).strip())).casefold()


def _words(name: str) -> set[str]:
    return {word.casefold() for word in _WORD_BREAK.split(unicodedata.normalize("NFKC", name)) if word}


def _by_name(table: Table, parts: Sequence[Column], taken: set[str]) -> list[tuple[str, str, str]]:
    """Return (part, column, reason) for the names that fit: whole names before parts of names, then the better hint."""
    fits = [
        (rank, part, name)
        for part in parts
        for name in table.columns
        if name not in taken and (rank := _rank(part, name)) is not None and _filled(table, name)
    ]
    found: dict[str, tuple[str, str, str]] = {}
    for (partial, __), part, name in sorted(fits, key=lambda fit: fit[0]):
        if part.name in found or name in taken or (partial and _unfit(table, part, name)):
            continue
        taken.add(name)
        found[part.name] = (part.name, name, _("'{column}' as {part} by its name", column=name, part=part.name))
    return [found[part.name] for part in parts if part.name in found]


def _rank(part: Column, name: str) -> tuple[bool, int] | None:
    """Return (only a part of the name fits, place of the hint), or None where no hint fits *name*."""
    folded = [_folded(hint) for hint in part.hints]
    if _folded(name) in folded:
        return False, folded.index(_folded(name))
    words = _words(name)
    for place, hint in enumerate(folded):
        if hint in words or (not hint.isascii() and len(hint) > 1 and hint in _folded(name)):
            return True, place
    return None


@dataclass(frozen=True)
class _Facts:
    """What a column holds, over rows spread through the file; *words* per cell, *varied* the share of distinct ones."""

    filled: int
    distinct: int
    words: float

    @property
    def varied(self) -> float:
        return self.distinct / max(1, self.filled)


def _facts(table: Table, name: str) -> _Facts:
    cells = [cell for cell in _spread(table, name) if cell.strip()]
    words = sum(map(_count_words, cells)) / max(1, len(cells))
    return _Facts(len(cells), len(set(cells)), words)


def _spread(table: Table, name: str) -> list[str]:
    index = table.columns.index(name)
    step = max(1, len(table.cells) // _LOOKED_AT)
    return [table.cells[row][index] for row in range(0, len(table.cells), step)]


def _filled(table: Table, name: str) -> bool:
    return any(cell.strip() for cell in _spread(table, name))


def _count_words(cell: str) -> float:
    """Count words as a reader would: a key, a date, JSON are none; two signs of an unspaced script make one."""
    if cell[0] + cell[-1] in ("[]", "{}"):
        return 0.0
    unspaced = len(_UNSPACED.findall(cell))
    spaced = sum(1 for word in cell.split() if sum(map(str.isalpha, word)) > 0.6 * len(word) and "@" not in word)
    return spaced + unspaced / 2


def _unfit(table: Table, part: Column, name: str) -> bool:
    """Tell whether the content speaks against *name*: a target all different, an input without a word or always the same."""
    facts = _facts(table, name)
    if part.kind == "target":
        return facts.filled > 1 and facts.distinct == facts.filled
    return not facts.words or (facts.distinct == 1 and facts.filled > 1)


def _by_content(table: Table, parts: Sequence[Column], found: dict[str, str], why: list[str]) -> None:
    """Fill *found* and *why*: targets first among what repeats, inputs among what reads like text, in file order."""
    facts = {name: _facts(table, name) for name in table.columns if name not in found.values()}
    inputs = [part for part in parts if part.kind == "input"]
    texts = sorted(
        (n for n, f in facts.items() if f.words > 0 and f.varied > 0), key=lambda n: -_reads_like_text(facts[n])
    )
    picked = texts[: len(inputs)]
    if len(picked) == len(inputs):
        for part, name in zip(inputs, sorted(picked, key=table.columns.index)):
            found[part.name] = name
            values = {"column": name, "part": part.name}
            if len(texts) > len(inputs):
                other = texts[len(inputs)]
                why.append(
                    _(
                        "'{column}' as {part}: the longest and most varied text, more than in '{other}'",
                        other=other,
                        **values,
                    )
                )
            else:
                why.append(_("'{column}' as {part}: the longest and most varied text", **values))
    for part in parts:
        if part.kind == "target":
            _target(table, part, {n: f for n, f in facts.items() if n not in found.values()}, found, why)


def _reads_like_text(facts: _Facts) -> float:
    return facts.words * facts.varied


def _target(table: Table, part: Column, facts: dict[str, _Facts], found: dict[str, str], why: list[str]) -> None:
    fit = {name: f for name, f in facts.items() if f.filled >= 2 * f.distinct > 0}
    # One value is nothing to learn; among the others the fewest values repeat most; a label usually stands last.
    ranked = sorted(fit, key=lambda n: (fit[n].distinct < 2, fit[n].distinct, -table.columns.index(n)))
    if not ranked:
        return
    best = ranked[0]
    found[part.name] = best
    values = {"column": best, "part": part.name, "n": fit[best].distinct}
    if len(ranked) > 1:
        why.append(
            _(
                "'{column}' as {part}: {n} different values that repeat, fewer than in '{other}'",
                other=ranked[1],
                **values,
            )
        )
    else:
        why.append(_("'{column}' as {part}: {n} different values that repeat", **values))
