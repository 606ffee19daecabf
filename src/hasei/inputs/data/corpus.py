"""What questions are answered from: the entries of a FAQ, or documents, each with an id, a title and a text.

A file of entries is read like any file of rows; its columns are told by their usual names (``_id``, ``title``, ``text`` as in
BEIR, or ``id``, ``question``, ``answer``). Where an entry has both a title and a text, either may be searched, or both.

Source: Thakur et al. 2021, "BEIR: A heterogeneous benchmark for zero-shot evaluation of information retrieval models" (format).
"""

from __future__ import annotations

import statistics
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from hasei.ground.errors import DataError
from hasei.ground.files import hash_text
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.inputs.data.reading import read

Part: TypeAlias = Literal["title", "whole", "both"]
"""What of an entry is searched: its title, title and text as one text, or the mean of these two."""

_ID = (
    "_id",
    "id",
    "faq_id",
    "entry_id",
    "doc_id",
    "docid",
    "document_id",
    "corpus_id",
    "passage_id",
    "pid",
    "番号",
    "識別子",
)
_TITLE = ("question", "title", "heading", "subject", "質問", "問い", "タイトル", "題名", "見出し")
_TEXT = (
    "answer",
    "text",
    "passage",
    "document",
    "content",
    "contents",
    "body",
    "description",
    "回答",
    "答え",
    "本文",
    "内容",
)
_SHORTEST = 12
"""Characters below which a text without a space that holds a digit is taken for an id."""


@dataclass(frozen=True)
class Corpus:
    """Entries; entry i of every field is the same one. *name* is that of the file, *findings* what is to be said of it."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    texts: tuple[str, ...]
    name: str = "corpus"
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def place(self) -> dict[str, int]:
        """The position of each id."""
        return {name: i for i, name in enumerate(self.ids)}

    @cached_property
    def by_text(self) -> dict[str, str]:
        """The id of each text, of the first entry that has it."""
        found: dict[str, str] = {}
        for name, text in zip(self.ids, self.texts):
            found.setdefault(text.strip(), name)
        return found

    @cached_property
    def content_hash(self) -> str:
        """A hash of ids, titles and texts in any order; the name of the file plays no part."""
        parts = ("\x1f".join(entry) for entry in zip(self.ids, self.titles, self.texts))
        return hash_text("hasei.corpus.v1\x1e" + "\x1e".join(sorted(hash_text(part) for part in parts)))

    @cached_property
    def titled(self) -> bool:
        """Whether some entry has a title and a text."""
        return any(title and text for title, text in zip(self.titles, self.texts))

    def whole(self, i: int) -> str:
        """Return title and text of entry *i* as one text."""
        return "\n".join(part for part in (self.titles[i], self.texts[i]) if part)

    def searched(self, i: int, part: Part) -> tuple[str, ...]:
        """Return the texts of entry *i* that are searched, one or two."""
        if part == "whole" or not (self.titles[i] and self.texts[i]):
            return (self.whole(i),)
        return (self.titles[i],) if part == "title" else (self.titles[i], self.whole(i))

    def lengths(self) -> dict[Part, float]:
        """Return the mean characters of what is read of an entry, by the parts that differ; of a part of the entries."""
        some = range(0, len(self), max(1, len(self) // 1000))
        parts: tuple[Part, ...] = ("whole", "title", "both") if self.titled else ("whole",)
        return (
            {p: statistics.mean(sum(map(len, self.searched(i, p))) for i in some) for p in parts} if len(self) else {}
        )


def read_corpus(path: str | Path) -> Corpus:
    """Read a file of entries; those without any text are left out and said.

    Raises DataError where the file can't be read, a column is missing, an id is blank or stands twice, or none is left.
    """
    table = read(path)
    names = {unicodedata.normalize("NFKC", column).strip().casefold(): column for column in reversed(table.columns)}
    where = [next((names[hint] for hint in hints if hint in names), None) for hints in (_ID, _TITLE, _TEXT)]
    if where[0] is None or where[1] is where[2] is None:
        lacking = "ids of its entries" if where[0] is None else "texts of its entries"
        raise DataError(
            f"'{table.path.name}' has no column with the {lacking}",
            expected="columns such as _id, title, text or id, question, answer", received=", ".join(table.columns),
            do="rename its columns",
        )  # fmt: skip
    columns = [None if name is None else table.columns.index(name) for name in where]
    rows = [tuple("" if c is None else cells[c].strip() for c in columns) for cells in table.cells]
    return _sound(table, rows)


def _sound(table: Table, rows: Sequence[tuple[str, ...]]) -> Corpus:
    """Return the entries that have a text; refuse ids that are blank or not unique."""
    seen: dict[str, int] = {}
    empty: list[int] = []
    kept: list[tuple[str, ...]] = []
    for line, (name, title, text) in zip(table.lines.tolist(), rows):
        if not name:
            raise DataError(f"'{table.path.name}', line {line}: an entry has no id", expected="an id in every line")
        if name in seen:
            raise DataError(
                f"the id '{name}' stands twice in '{table.path.name}' (lines {seen[name]} and {line})",
                expected="an id of its own for every entry", do="rename or remove one of them",
            )  # fmt: skip
        seen[name] = line
        if title or text:
            kept.append((name, title, text))
        else:
            empty.append(line)
    if not kept:
        raise DataError(f"no entry of '{table.path.name}' has a text", expected="a title or a text in every line")
    findings = list(table.findings)
    if empty:
        message = _("entries without any text left out of '{file}': {n}", file=table.path.name, n=len(empty))
        do = _("fill in the text, or leave them out")
        findings.append(Finding("blank_entry", "warning", message, table.path.name, tuple(empty), do))
    ids, titles, texts = zip(*kept)
    return Corpus(ids, titles, texts, table.path.name, tuple(findings))


def corpus_of_answers(tables: Sequence[Table], column: str) -> Corpus:
    """Make the different answers in *column* of *tables* the entries, numbered from 1.

    Raises DataError where the column holds ids instead of answers, or nothing.
    """
    cells = [row[t.columns.index(column)].strip() for t in tables if column in t.columns for row in t.cells]
    answers = tuple(dict.fromkeys(cell for cell in cells if cell))
    if not answers:
        raise DataError(f"the column '{column}' of '{tables[0].path.name}' is empty", expected="the answer of each row")
    if statistics.mean(map(_like_an_id, answers)) > 0.5:
        raise DataError(
            f"the column '{column}' of '{tables[0].path.name}' holds ids, and there are no entries that they stand for",
            expected="a file of entries", received=", ".join(answers[:3]), do="give it with --corpus",
        )  # fmt: skip
    return Corpus(tuple(map(str, range(1, len(answers) + 1))), ("",) * len(answers), answers, tables[0].path.name)


def _like_an_id(text: str) -> bool:
    return (len(text) < _SHORTEST and not any(map(str.isspace, text)) and any(map(str.isdigit, text))) or text[
        :1
    ] == "["


__all__ = ["Corpus", "Part", "corpus_of_answers", "read_corpus"]
