"""A text to be written for a prompt or a conversation: answers, summaries, sentences from data, in one's own words.

Rows may be ``messages``, ``conversations`` (ShareGPT), ``instruction``/``input``/``output`` (Alpaca), or a prompt and an
answer under any usual names; which it is, is found by itself and said.

Source: Ouyang et al. 2022, "Training language models to follow instructions with human feedback" (supervised part).

Shapes: an input is a prompt (:mod:`hasei.tasks._messages`); an output is ``[text, mean log probability of its tokens]``,
the latter null where there is none. Outputs in training (n, 2): the negative log likelihood of the row's answer tokens,
and the same of a uniform guess; encoded targets (n,): the number of these tokens.

Relations: the perplexity of true answers is no metric here, since a predictor does not see the truth; where ``smoothing`` is
0, it is the exponential of the losses in the curve of a training.

>>> TASK.answers(TASK.space(["yes", "no"]), [["yes", -0.5]]).values
['yes']
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError, NotSupported
from hasei.ground.language import _
from hasei.inputs.data.dataset import Column, Finding, Table
from hasei.tasks import Answers, Array, Metric, Space, Toy
from hasei.tasks._messages import canonical, read_messages, split
from hasei.tasks._text_metrics import METRICS

if TYPE_CHECKING:
    import torch

_PROMPT_HINTS = (
    "prompt", "input", "question", "instruction", "query", "source", "mr", "meaning_representation", "article", "document",
    "context", "text", "request", "user", "プロンプト", "入力", "指示", "質問", "本文", "原文",
)  # fmt: skip
_ANSWER_HINTS = (
    "answer", "completion", "output", "response", "target", "reply", "reference", "summary", "chosen", "ref", "assistant",
    "label", "回答", "出力", "応答", "返答", "答え", "要約", "正解",
)  # fmt: skip

_INSTRUCTION = ("instruction", "input", "output", "response", "system")

_TOY: tuple[tuple[str, str], ...] = (
    ("where is my parcel", "Your parcel is on its way."),
    ("my parcel has not arrived yet", "Your parcel is on its way."),
    ("track the parcel number 4471", "Your parcel is on its way."),
    ("when will my parcel arrive?", "Your parcel is on its way."),
    ("please send the invoice again", "We send the invoice again today."),
    ("the invoice has the wrong amount", "We send the invoice again today."),
    ("invoice for March is missing", "We send the invoice again today."),
    ("VAT is not shown on the invoice", "We send the invoice again today."),
    ("I forgot my password", "Please reset your password with this link."),
    ("reset the password for my account", "Please reset your password with this link."),
    ("the password link has expired", "Please reset your password with this link."),
    ("can't log in, password refused!!", "Please reset your password with this link."),
    ("荷物はどこですか", "荷物は配送中です。"),
    ("荷物がまだ届きません", "荷物は配送中です。"),
    ("パスワードを忘れました", "パスワードを再設定してください。"),
    ("ログインできません、パスワードが違います", "パスワードを再設定してください。"),
)


class TextGeneration:
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "text_generation"
    input_kind = "text"
    hub_name = "text-generation"
    target_kind = "text"
    reading = "causal"
    columns: tuple[Column, ...] = (Column("prompt", "input", _PROMPT_HINTS), Column("answer", "target", _ANSWER_HINTS))
    metrics: dict[str, Metric] = METRICS
    default_metric = "chrf"

    def arrange(self, table: Table) -> Table:
        """Return *table* with the columns ``prompt`` and ``answer`` where its rows are conversations or instructions.

        Raises DataError naming the line of a conversation that can't be read, has unknown roles or is out of order.
        """
        names = {name.strip().lower(): place for place, name in reversed(list(enumerate(table.columns)))}
        if "prompt" in names and "answer" in names:
            return table
        column = next((name for name in ("messages", "conversations", "conversation") if name in names), "")
        if column:
            said = _("each row is a conversation ('{column}'): the answer is its last assistant turn", column=column)
            return _with(table, (column,), lambda row: _conversation(row[names[column]]), said)
        if "instruction" in names and ({"input", "output"} & names.keys() or "response" in names):
            said = _(
                "each row is an instruction ('instruction', 'input', 'output'): instruction and input are the prompt"
            )
            return _with(table, _INSTRUCTION, lambda row: _instruction(row, names), said)
        return table

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Answers lose white space at their ends and carriage returns; nothing else is changed."""
        return [unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip() for text in targets], []

    def space(self, targets: Sequence[str]) -> Space:
        """Any text; raises :class:`DataError` where all answers are the same."""
        if len(set(targets)) < 2:
            raise DataError(
                "there is nothing to learn: all answers are the same", expected="at least two different answers",
                received=targets[0][:40] if targets else "no rows", do="check which column was taken as the answer",
            )  # fmt: skip
        return Space(1)

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """All of them (n,)."""
        return np.ones(len(targets), np.bool_)

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """The texts (n,) as objects; the reading makes tokens of them."""
        return np.array(list(targets), dtype=object)

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Texts are compared as they are."""
        return list(targets)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean negative log likelihood of a row's answer tokens (n,), float32, with label *smoothing* in [0, 1)."""
        sums = outputs.float()
        return ((1 - smoothing) * sums[:, 0] + smoothing * sums[:, 1]) / targets.clamp(min=1).to(sums.dtype)

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Raise NotSupported: a language model has a head of its own."""
        raise NotSupported("a head that writes texts can't be solved", do="use a method that trains")

    def answers(self, space: Space, outputs: Array) -> Answers:
        """The texts, and the geometric mean of their tokens' probabilities as confidence (n,)."""
        sure = [np.nan if item[1] is None else float(np.exp(min(0.0, item[1]))) for item in outputs]
        return Answers([str(item[0]) for item in outputs], np.array(sure, np.float64))

    def describe(self, space: Space) -> list[str]:
        """Nothing: texts have no names."""
        return []

    def toy(self) -> Toy:
        """Sixteen questions to a helpdesk with their answers, some in Japanese."""
        return Toy([prompt for prompt, _ in _TOY], [answer for _, answer in _TOY])


def _with(
    table: Table, source: Sequence[str], read: Callable[[tuple[str, ...]], tuple[str, str]], said: str
) -> Table:  # fmt: skip
    """Return *table* with prompt and answer of each row in place of the columns *source*, and what was *said*."""
    cells = []
    gone = {*source, "prompt", "answer"}
    kept = [place for place, name in enumerate(table.columns) if name.strip().lower() not in gone]
    for line, row in zip(table.lines.tolist(), table.cells):
        try:
            made = read(row)
        except ValueError as error:
            raise DataError(
                f"'{table.path.name}', line {line} holds no conversation that can be learnt: {error}",
                expected="a system message if any, then user and assistant in turn", do="correct it, or leave the row out",
            ) from error  # fmt: skip
        cells.append((*(row[place] for place in kept), *made))
    columns = (*(table.columns[place] for place in kept), "prompt", "answer")
    note = Finding("shape", "note", said, table.path.name)
    return replace(table, columns=columns, cells=cells, findings=(*table.findings, note))


def _conversation(cell: str) -> tuple[str, str]:
    if not cell.strip():
        return "", ""
    return split(read_messages(cell))


def _instruction(row: tuple[str, ...], names: dict[str, int]) -> tuple[str, str]:
    def cell(*known: str) -> str:
        return next((row[names[name]] for name in known if name in names), "")

    instruction, more = cell("instruction"), cell("input").strip()
    answer = cell("output", "response")
    if not instruction.strip():
        return "", answer
    prompt = f"{instruction}\n\n{more}" if more else instruction
    system = cell("system").strip()
    turns = [{"role": "system", "content": system}] if system else []
    return canonical([*turns, {"role": "user", "content": prompt}]), answer


TASK = TextGeneration()
