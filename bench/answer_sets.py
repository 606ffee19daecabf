"""Rows of question answering made of shared sets that come in other shapes: JSQuAD's paragraphs, and slots of messages.

Written into a folder that the caller gives, never kept: ``restaurant8k`` asks for every slot that a message has, and for the
time where it has none (no answer); ``jsquad`` joins questions, paragraphs (with their titles, as in JSQuAD) and answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

QUESTIONS = {
    "time": "at what time?", "date": "on which date?", "people": "how many people?", "first_name": "what is the first name?",
    "last_name": "what is the last name?",
}  # fmt: skip


def jsquad(shared: Path, folder: Path) -> dict[str, Any]:
    """Write JSQuAD's validation questions; the titles keep an article's questions together."""
    source = shared / "jsquad_retrieval"
    corpus = {row["_id"]: row for row in rows(source / "corpus.jsonl")}
    asked = {row["_id"]: row for row in rows(source / "queries.jsonl")}
    pairs = [line.split("\t")[:2] for line in (source / "qrels.tsv").read_text("utf-8").splitlines()[1:]]
    written = write(folder / "jsquad.jsonl", (
        {"question": asked[q]["text"], "context": f"{corpus[d]['title']} [SEP] {corpus[d]['text']}",
         "answer": asked[q]["answer"], "title": corpus[d]["title"]}
        for q, d in pairs
    ))  # fmt: skip
    return {"path": written, "group": "title"}


def restaurant8k(shared: Path, folder: Path) -> dict[str, Any]:
    """Write messages with questions for their slots: train and official test file."""
    made = {
        part: write(folder / f"{part}.jsonl", slots(shared / "restaurant8k" / f"{part}.jsonl"))
        for part in ("train", "test")
    }
    return {"path": made["train"], "test": made["test"]}


def slots(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for every kind of slot of each message."""
    for message in rows(path):
        found: dict[str, list[Any]] = {}
        for slot in message["entities"]:
            found.setdefault(slot["label"], []).append(slot)
        for kind, spans in (found or {"time": []}).items():
            answers = {"text": [s["text"] for s in spans], "answer_start": [s["start"] for s in spans]}
            yield {"question": QUESTIONS[kind], "context": message["text"], "answers": answers}


def rows(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def write(path: Path, made: Iterable[dict[str, Any]]) -> str:
    """Write a file of JSON lines; returns its path."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made), "utf-8")
    return str(path)
