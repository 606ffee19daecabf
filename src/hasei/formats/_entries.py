"""The entries of a corpus inside a model folder: ``entries.jsonl``, one ``{"_id", "title", "text"}`` a line, as in BEIR."""

from __future__ import annotations

import json
from pathlib import Path

from hasei.ground.errors import BaseError
from hasei.ground.files import new_file
from hasei.inputs.data.corpus import Corpus

FILE = "entries.jsonl"
_DO = "derive or download the model again"


def write_entries(folder: Path, corpus: Corpus) -> None:
    """Write the entries of *corpus* into *folder*, in their order."""
    with new_file(folder / FILE) as temporary, temporary.open("wb") as file:
        for name, title, text in zip(corpus.ids, corpus.titles, corpus.texts):
            line = json.dumps({"_id": name, "title": title, "text": text}, ensure_ascii=False)
            file.write(line.encode("utf-8", "surrogatepass") + b"\n")


def read_entries(folder: Path, count: int) -> Corpus:
    """Read the *count* entries in *folder*; raises :class:`BaseError` where they are missing, damaged or too few."""
    path = folder / FILE
    if not path.is_file():
        raise BaseError(f"the model folder lacks '{FILE}'", expected=f"a file '{path}'", do=_DO)
    ids: list[str] = []
    titles: list[str] = []
    texts: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = json.loads(line.decode("utf-8", "surrogatepass"))
                found = entry["_id"], entry["title"], entry["text"]
            except (ValueError, LookupError, TypeError) as error:
                raise BaseError(f"'{FILE}' is damaged or cut short in line {number}", do=_DO) from error
            if not all(isinstance(part, str) for part in found):
                raise BaseError(f"'{FILE}' is damaged in line {number}", expected="texts", do=_DO)
            for values, part in zip((ids, titles, texts), found):
                values.append(part)
    if len(ids) != count or len(set(ids)) != count:
        raise BaseError(f"'{FILE}' does not hold this model's entries", expected=f"{count} different ones",
                        received=str(len(ids)), do=_DO)  # fmt: skip
    return Corpus(tuple(ids), tuple(titles), tuple(texts), FILE)
