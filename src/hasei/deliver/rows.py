"""Rows to compare a model with what was made of it, where the user gives none: texts that ship with hasei, at many lengths,
or pictures that it draws.

Nobody knows their right answers: they tell whether answers changed, not whether they got worse.
"""

from __future__ import annotations

import json

from hasei.inputs.data.dataset import Input
from hasei.judge.forgetting import general_texts
from hasei.tasks import Task

_JOINED = (2, 4, 8, 16)


def built_in(task: Task) -> list[Input]:
    """Return a few hundred rows that *task* can read; of pictures a handful that are drawn here."""
    parts = [column.name for column in task.columns if column.kind == "input"]
    if task.input_kind != "text":
        return [*task.toy().inputs]
    texts = _texts()
    if len(parts) == 1:
        return [*texts]
    others = texts[1:] + texts[:1]
    if task.target_kind == "choice":
        return [(one, json.dumps([two, one[::-1], "A"], ensure_ascii=False)) for one, two in zip(texts, others)]
    return list(zip(texts, others))


def _texts() -> list[str]:
    """Return the texts one by one, of one word, in halves, and joined up to the length of a page."""
    lines = list(general_texts())
    halves = [line[: len(line) // 2] for line in lines]
    words = [line.split()[0] for line in lines]
    joined = [" ".join(lines[i : i + n]) for n in _JOINED for i in range(0, len(lines), n)]
    return list(dict.fromkeys([*lines, *halves, *words, *joined]))
