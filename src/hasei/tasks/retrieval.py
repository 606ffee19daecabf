"""One question, the entry that answers it: a FAQ, or passages of documents, ranked.

The entries come in a file of their own (``--corpus``), or are the different answers in the rows themselves. A cell of the
target names the right entry by its id, several as a JSON list (``["f3", "f8"]``) or in several rows of one question.
A file of relevance judgements (``qrels``: query_id, corpus_id, score) is read with the ``queries.jsonl`` that lies beside it.

Source: Voorhees & Tice 1999, "The TREC-8 question answering track evaluation"; Thakur et al. 2021, BEIR (file formats).

Shapes: outputs are ragged (n,): the best entries as ``[[id, score], ...]``; encoded targets ragged (n,): positions of the right
entries in the corpus. Values are the ten best as JSON.

Relations: :mod:`text_classification` has a row or more of every answer in training; here an entry can be found that no
training question has. It is open over a corpus only: see :func:`hasei.tasks.over`.

>>> task = TASK.over(TASK.toy().corpus)
>>> task.clean(["parcel", '["card", "refund"]'])[0]
['["parcel"]', '["card", "refund"]']
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError, NotSupported, nearest
from hasei.inputs.data.corpus import Corpus
from hasei.inputs.data.dataset import Column, Finding, Mapping, Table
from hasei.inputs.data.reading import read
from hasei.inputs.data.roles import normalise
from hasei.tasks import Answers, Array, Floats, Metric, Space, Toy
from hasei.tasks._hints import TEXT_HINTS
from hasei.tasks._in_batch import info_nce
from hasei.tasks._labels import nothing_to_tell_apart
from hasei.tasks._ranking import METRICS, SAID, first_right, ids_of, said

if TYPE_CHECKING:
    import torch

_NONE = -1e4
"""Stands for the score of an entry where fewer than ten were ranked."""
_QUERY_ID = ("query-id", "query_id", "qid")
_ENTRY_ID = ("corpus-id", "corpus_id", "docid", "doc_id")
_TARGET_HINTS = (
    "label", "faq_id", "entry_id", "corpus_id", "corpus-id", "doc_id", "docid", "document_id", "passage_id", "pid", "relevant",
    "answer_id", "gold", "target", "answer", "answers", "answer_text", "response", "reply", "passage",
    "正解", "回答", "答え", "応答",
)  # fmt: skip

_ENTRIES: tuple[tuple[str, str, str], ...] = (
    ("parcel", "Where is my parcel?", "Open the tracking page; the parcel is shown on a map."),
    ("card", "Why was my card declined?", "The bank declined the card; call the bank."),
    ("password", "How do I reset the password?", "Follow the link in the login mail to choose another password."),
    ("refund", "How long does a refund take?", "A refund of a payment takes five days."),
    ("page", "Why does the website not load?", "Empty the cache of your browser."),
    ("hours", "When is the shop open?", "The shop opens at nine every morning."),
    ("荷物", "荷物はどこですか", "追跡ページで荷物の場所を確認できます。"),
    ("解約", "解約の手続きを教えてください", "設定の画面から解約できます。"),
)
_TOY: tuple[tuple[str, str], ...] = (
    ("where has my parcel gone", "parcel"),
    ("the parcel is not on the map", "parcel"),
    ("is the parcel late", "parcel"),
    ("my card was declined today", "card"),
    ("the bank says the card is fine", "card"),
    ("I forgot the password", "password"),
    ("choose a new password", "password"),
    ("how do I get a refund for this payment", "refund"),
    ("refund please", "refund"),
    ("the website stays empty in my browser and does not load", "page"),
    ("cache of the browser", "page"),
    ("shop hours in the morning", "hours"),
    ("when does the shop open", "hours"),
    ("荷物が見つかりません", "荷物"),
    ("荷物の追跡", "荷物"),
    ("解約したい", "解約"),
)


class Retrieval:
    """The task: satisfies :class:`hasei.tasks.Task`. *corpus* is what it answers from, None before it is known."""

    name = "retrieval"
    input_kind = "text"
    target_kind = "entries"
    hub_name = "sentence-similarity"
    reading = "entries"
    columns: tuple[Column, ...] = (Column("text", "input", TEXT_HINTS), Column("label", "target", _TARGET_HINTS))
    metrics: dict[str, Metric] = METRICS
    default_metric = "mrr@10"

    def __init__(self, corpus: Corpus | None = None) -> None:
        self.corpus = corpus

    def over(self, corpus: Corpus) -> Retrieval:
        """Return the task whose answers are entries of *corpus*."""
        return Retrieval(corpus)

    def arrange(self, table: Table) -> Table:
        """Give relevance judgements the texts of their questions, from ``queries.jsonl`` beside or above the file."""
        names = {column.strip().casefold(): column for column in table.columns}
        query, entry, score = (
            next((names[hint] for hint in hints if hint in names), None)
            for hints in (_QUERY_ID, _ENTRY_ID, ("score", "relevance", "rel"))
        )
        if query is None or entry is None or {"text", "label"} & set(table.columns):
            return table
        texts = _questions(table.path)
        at, to, judged = (-1 if name is None else table.columns.index(name) for name in (query, entry, score))
        cells = []
        for line, row in zip(table.lines.tolist(), table.cells):
            if row[at].strip() not in texts:
                raise DataError(
                    f"'{table.path.name}', line {line}: there is no question '{row[at]}' in queries.jsonl",
                    expected="a question for every judgement",
                )  # fmt: skip
            relevant = judged < 0 or row[judged].strip() not in ("0", "0.0", "")
            cells.append((*row, texts[row[at].strip()], row[to] if relevant else ""))
        return replace(table, columns=(*table.columns, "text", "label"), cells=cells)

    def gather(self, table: Table, mapping: Mapping) -> Table:
        """Make several rows of one question one row, the first, with the right entries of all."""
        text, label = (table.columns.index(mapping.columns[name]) for name in ("text", "label"))
        rows: dict[str, list[int]] = {}
        for i, row in enumerate(table.cells):
            rows.setdefault(normalise(row[text]) or f"\x1e{i}", []).append(i)
        if len(rows) == len(table.cells):
            return table
        cells = []
        for same in rows.values():
            first = list(table.cells[same[0]])
            filled = [table.cells[i][label] for i in same if table.cells[i][label].strip()]
            first[label] = (
                json.dumps([name for cell in filled for name in _named(cell)], ensure_ascii=False) if filled else ""
            )
            cells.append(tuple(first))
        return replace(table, cells=cells, lines=table.lines[[same[0] for same in rows.values()]])

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Write the right entries of each question as a JSON list of ids, sorted; raises DataError at one that is none."""
        return [json.dumps(sorted(set(map(self._id, _named(text)))), ensure_ascii=False) for text in targets], []

    def _id(self, name: str) -> str:
        """Return the id of the entry that *name*, an id or an entry's whole text, stands for."""
        if self.corpus is None or name in self.corpus.place:
            return name
        if name in self.corpus.by_text:
            return self.corpus.by_text[name]
        raise DataError(
            f"the right entry of a question, '{name[:60]}', is not among the entries of '{self.corpus.name}'",
            expected=f"the id of one of its {len(self.corpus):,} entries that have a text",
            do=nearest(name, self.corpus.ids) if len(self.corpus) < 10_000 else "correct it, or leave the row out with --where",
        )  # fmt: skip

    def space(self, targets: Sequence[str]) -> Space:
        """Note how many entries there are; raises DataError where all questions have the same right one."""
        if len(set(targets)) < 2:
            raise nothing_to_tell_apart(targets, "questions with different right entries")
        return Space(1, extra=(("entries", float(len(self.corpus))),) if self.corpus is not None else ())

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return that all targets (n,) can be found: those that can't are refused by :meth:`clean`."""
        return np.ones(len(targets), np.bool_)

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Turn targets into positions in the corpus, ragged (n,); raises NotSupported without a corpus."""
        if self.corpus is None:
            raise NotSupported("retrieval needs the entries to answer from", do="give them with --corpus")
        found = np.empty(len(targets), object)
        for i, text in enumerate(targets):
            found[i] = np.array([self.corpus.place[name] for name in ids_of(text)], np.int64)
        return found

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Return the JSON texts as they are."""
        return list(targets)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Loss (n,) of the questions of one step, against the entries of all of them (:mod:`hasei.tasks._in_batch`)."""
        return info_nce(outputs, targets, smoothing=smoothing)

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Raise NotSupported: entries are compared, there is no head with one output each."""
        raise NotSupported(
            "an entry is found by comparing, not by a head", do="choose another method (see: hasei methods)"
        )

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Return the ten best entries of each row as JSON; how sure they are only a study's calibration tells."""
        return Answers([said(ranking) for ranking in outputs], np.full(len(outputs), np.nan))

    def rivals(self, outputs: Array) -> Floats:
        """Return the scores of the ten best entries (n, 10): by them a confidence is calibrated."""
        found = np.full((len(outputs), SAID), _NONE, np.float32)
        for row, ranking in zip(found, outputs):
            row[: len(ranking[:SAID])] = [score for _, score in ranking[:SAID]]
        return found

    def places(self, values: Sequence[Any], truth: Sequence[Any]) -> list[int]:
        """Return which of the rivals of each row is the first right one, -1 where none is."""
        return first_right(values, truth)

    def describe(self, space: Space) -> list[str]:
        """Nothing: outputs are no classes."""
        return []

    def toy(self) -> Toy:
        """Sixteen questions to eight entries."""
        ids, titles, texts = zip(*_ENTRIES)
        return Toy([text for text, _ in _TOY], [name for _, name in _TOY], Corpus(ids, titles, texts, "toy"))


def _named(cell: str) -> list[str]:
    """Return the entries that a cell names; raises DataError where it is a list of none, or of something else."""
    text = cell.strip()
    if not text.startswith("["):
        return [text]
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    if not value or not all(isinstance(item, (str, int)) and str(item).strip() for item in value):
        raise DataError(
            "a question has no right entry" if not value else f"the right entries of a question can't be read: {text[:60]}",
            expected='an id, or a list such as ["f3", "f8"]', do="correct it, or leave the row out with --where",
        )  # fmt: skip
    return [str(item).strip() for item in value]


def _questions(path: Path) -> dict[str, str]:
    """Return the questions by id from ``queries.jsonl`` beside *path* or in the folder above it."""
    file = next((f for f in (path.parent / "queries.jsonl", path.parent.parent / "queries.jsonl") if f.is_file()), None)
    if file is None:
        raise DataError(
            f"'{path.name}' names questions by their ids alone", expected="a file queries.jsonl beside it",
            do="add it, or give a file with the questions themselves",
        )  # fmt: skip
    table = read(file)
    columns = [
        next((c for c in hints if c in table.columns), None) for hints in (("_id", "id", "query_id"), ("text", "query"))
    ]
    if None in columns:
        raise DataError(
            f"'{file.name}' can't be read", expected="the columns _id and text", received=", ".join(table.columns)
        )
    at, text = (table.columns.index(str(c)) for c in columns)
    return {row[at].strip(): row[text] for row in table.cells}


TASK = Retrieval()
