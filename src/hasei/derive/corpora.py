"""The entries that questions are answered from join rows and task: read, bound to the task, and part of the fingerprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hasei.ground.errors import RecipeError
from hasei.ground.files import hash_text
from hasei.inputs.data.corpus import corpus_of_answers, read_corpus
from hasei.inputs.data.dataset import Dataset, Mapping, Table
from hasei.tasks import Task, corpus_of, over, takes_corpus


def opened_over(task: Task, tables: Sequence[Table], mapping: Mapping, path: str | Path | None) -> Task:
    """Return *task* over the entries in the file *path*, or over the answers in *tables*; a task without entries as it is.

    Raises RecipeError where a file is given to a task without entries, DataError where it can't be read.
    """
    if not takes_corpus(task):
        if path is not None:
            raise RecipeError(
                f"the task {task.name} answers from no entries", received=f"the corpus '{Path(path).name}'",
                do="leave out --corpus, or use --task retrieval",
            )  # fmt: skip
        return task
    target = next(column.name for column in task.columns if column.kind == "target")
    corpus = read_corpus(path) if path is not None else corpus_of_answers(tables, mapping.columns[target])
    return over(task, corpus)


def with_entries(data: Dataset, task: Task) -> Dataset:
    """Return *data* with the entries of *task* in its fingerprint, and what is to be said of them among its findings."""
    corpus = corpus_of(task)
    if corpus is None:
        return data
    fingerprint = hash_text(f"hasei.rows.corpus.v1\x1e{data.fingerprint}\x1e{corpus.content_hash}")
    return replace(data, fingerprint=fingerprint, findings=(*data.findings, *corpus.findings))


__all__ = ["opened_over", "with_entries"]
