"""The shapes in which people have texts with entities, made one: ``text`` and ``entities``.

Tokens with tags (IOB2, IOB1, BIOES, BILOU: all are read by one rule, see :func:`entities_of`) become a text whose tokens are
parted by :data:`~hasei.tasks._pieces.GAP`; character spans are checked against their text. Every line is named where it is not
what it claims to be.

Source: Ramshaw & Marcus 1995 (IOB1); Sang & Veenstra 1999 (IOB2); Ratinov & Roth 2009 (BILOU).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.tasks._hints import TEXT_HINTS
from hasei.tasks._named import Spans, check, joined, parted
from hasei.tasks._pieces import GAP

TOKENS = ("tokens", "words", "token", "form", "トークン", "単語")
TAGS = ("tags", "ner_tags", "labels", "ner", "bio", "iob", "tag", "label", "entities", "タグ", "ラベル")
SPANS = (
    "entities",
    "spans",
    "slots",
    "ner",
    "mentions",
    "annotations",
    "label",
    "labels",
    "tags",
    "固有表現",
    "エンティティ",
)
TEXT, TARGET = "text", "entities"
_TAG = re.compile(r"([BIOESLUM])[-_](.+)")
_SCHEME = "O, or B-, I- (also E-, S-, L-, U-) and a label, such as B-person"
_FIX = "correct the row, or leave it out with --where"


def arrange(table: Table) -> Table:
    """Return *table* with ``text`` and ``entities`` where it has tokens, with ``entities`` alone where it has spans."""
    tokens = _column(table, TOKENS, _is_list)
    if tokens is not None:
        return _from_tokens(table, tokens, _column(table, TAGS, _is_list, but=tokens))
    spans = _column(table, SPANS, _is_list)
    text = _column(table, TEXT_HINTS, bool, but=spans)
    return table if spans is None or text is None else _from_spans(table, text, spans)


def _column(table: Table, names: Sequence[str], fits: Callable[[str], bool], but: int | None = None) -> int | None:
    """Return the place of the first column called as one of *names* whose first cells that are filled all fit."""
    known = {unicodedata.normalize("NFKC", name).strip().lower(): i for i, name in enumerate(table.columns)}
    for name in names:
        place = known.get(name)
        if place is not None and place != but:
            filled = [cell for row in table.cells[:200] if (cell := row[place].strip())]
            if filled and fits(filled[0]):
                return place
    return None


def _is_list(cell: str) -> bool:
    return cell.lstrip()[:1] in ("[", "{")


def _with(table: Table, found: dict[str, list[str]], findings: Sequence[Finding] = ()) -> Table:
    """Return *table* with the columns *found*, in place of those of the same name or after all others."""
    columns = (*table.columns, *(name for name in found if name not in table.columns))
    places = {name: columns.index(name) for name in found}
    cells = []
    for i, row in enumerate(table.cells):
        wide = [*row, *[""] * (len(columns) - len(row))]
        for name, place in places.items():
            wide[place] = found[name][i]
        cells.append(tuple(wide))
    return replace(table, columns=columns, cells=cells, findings=(*table.findings, *findings))


# ---- tokens with tags


def _from_tokens(table: Table, tokens: int, tags: int | None) -> Table:
    texts, targets = [], []
    for line, row in zip(table.lines.tolist(), table.cells, strict=True):
        where = f"'{table.path.name}', line {line}"
        words = _words(row[tokens], where, "tokens")
        marks = None if tags is None or not row[tags].strip() else _words(row[tags], where, "tags")
        text, spans = _row(words, marks, where)
        texts.append(text)
        targets.append("" if marks is None else joined(spans))
    return _with(table, {TEXT: texts} | ({} if tags is None else {TARGET: targets}))


def _words(cell: str, where: str, what: str) -> list[str]:
    if not cell.strip():
        return []
    try:
        value = json.loads(cell)
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(word, (str, int, float)) for word in value):
        raise DataError(f"{where}: the {what} can't be read: '{cell[:40]}'", expected=f"a JSON list of {what}", do=_FIX)
    return [str(word) for word in value]


def _row(words: list[str], marks: list[str] | None, where: str) -> tuple[str, Spans]:
    """Return the text of *words*, blank ones left out, and the entities that their tags show."""
    if marks is not None and len(marks) != len(words):
        raise DataError(
            f"{where}: tokens and tags are not equally many",
            expected=f"{len(words)} tags",
            received=str(len(marks)),
            do=_FIX,
        )
    starts, kept, length = [], [], 0
    for word in words:
        plain = "\u00a0".join(word.replace(GAP, " ").split())
        starts.append((length, length + len(plain)) if plain else None)
        if plain:
            kept.append(plain)
            length += len(plain) + 1
    text = GAP.join(kept) + (GAP if len(kept) == 1 else "")
    spans = []
    for first, last, label in entities_of(marks or [], where):
        inside = [at for at in starts[first : last + 1] if at is not None]
        if not inside:
            raise DataError(f"{where}: an entity has only blank tokens ({label})", expected="tokens with text", do=_FIX)
        spans.append((inside[0][0], inside[-1][1], label))
    return text, tuple(spans)


def entities_of(tags: Sequence[str], where: str = "a row") -> list[tuple[int, int, str]]:
    """Return (first, last, label) of each entity that *tags* show, last included.

    One rule for all schemes: an entity begins at B, S, U or where the label changes or nothing goes before, and ends after E, L,
    S, U. Raises :class:`DataError` at a tag of no scheme.
    """
    found: list[tuple[int, int, str]] = []
    open_ = ""
    for i, tag in enumerate(tags):
        if tag in ("O", "o", ""):
            open_ = ""
            continue
        match = _TAG.fullmatch(tag)
        if match is None or match[1] == "O":
            raise DataError(f"{where}: '{tag[:40]}' is no tag", expected=_SCHEME, do=_FIX)
        part, label = match[1], match[2]
        if part in "BSU" or label != open_:
            found.append((i, i, label))
        else:
            found[-1] = (found[-1][0], i, label)
        open_ = "" if part in "ELSU" else label
    return found


# ---- character spans


def _from_spans(table: Table, text: int, spans: int) -> Table:
    targets, trimmed, nested = [], [], []
    for line, row in zip(table.lines.tolist(), table.cells, strict=True):
        where = f"'{table.path.name}', line {line}"
        if not row[spans].strip():
            targets.append("")
            continue
        try:
            found = parted(row[spans].strip())
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        outside = [span for span in found if check((span,), len(row[text]))]
        if outside:
            raise DataError(
                f"{where}: {check(tuple(outside), len(row[text]))}", expected="start and end in characters", do=_FIX
            )
        _compare(row[text], row[spans], where)
        bare = tuple(sorted(_bare(row[text], span, where) for span in found))
        flat = outermost(bare)
        trimmed += [line] * (bare != found)
        nested += [line] * (flat != bare)
        targets.append(joined(flat))
    findings = _said(table.path.name, trimmed, nested)
    return _with(table, {TARGET: targets}, findings)


def outermost(spans: Spans) -> Spans:
    """Return *spans* without those that overlap a longer one (of equally long ones the first stays), sorted."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda s: (s[0] - s[1], s)):
        if all(span[1] <= start or end <= span[0] for start, end, _label in kept):
            kept.append(span)
    return tuple(sorted(kept))


def _said(file: str, trimmed: list[int], nested: list[int]) -> list[Finding]:
    findings = []
    if trimmed:
        message = _(
            "rows of '{file}' with entities that began or ended with white space, which was left out: {n}", file=file,
            n=len(trimmed),
        )  # fmt: skip
        findings.append(Finding("spans", "note", message, file, tuple(trimmed), variant="white_space"))
    if nested:
        message = _(
            "rows of '{file}' with entities that overlap, of which only the longest was kept: {n}",
            file=file,
            n=len(nested),
        )
        do = _("decide for one entity at a place, or learn the others by a task of their own")
        findings.append(Finding("spans", "warning", message, file, tuple(nested), do, variant="overlap"))
    return findings


def _bare(text: str, span: tuple[int, int, str], where: str) -> tuple[int, int, str]:
    """Return *span* without white space at its ends."""
    start, end, label = span
    held = text[start:end]
    if not held.strip():
        raise DataError(f"{where}: an entity holds only white space: {start} to {end} ({label})", do=_FIX)
    return start + len(held) - len(held.lstrip()), end - len(held) + len(held.rstrip()), label


def _compare(text: str, cell: str, where: str) -> None:
    """Refuse entities whose own ``text`` is not what stands at their place: their offsets count something else."""
    if '"text"' not in cell:
        return
    for item in json.loads(cell):
        said = item.get("text") if isinstance(item, dict) else None
        ((start, end, _label),) = parted(json.dumps([item], ensure_ascii=False))
        if isinstance(said, str) and _folded(said) != _folded(text[start:end]):
            raise DataError(
                f"{where}: '{said[:40]}' does not stand at {start} to {end}", received=f"'{text[start:end][:40]}'",
                expected="offsets in characters, neither bytes nor UTF-16", do=_FIX,
            )  # fmt: skip


def _folded(value: Any) -> str:
    return "".join(unicodedata.normalize("NFKC", str(value)).casefold().split())
