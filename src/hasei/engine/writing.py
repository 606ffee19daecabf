"""A language model as something that answers prompts, with examples before each where there are any.

Source: examples in the prompt: Brown et al. 2020, "Language models are few-shot learners".

Shapes: n prompts; outputs an object array (n,) of ``[text, mean log likelihood of its tokens]``.

Relations: :mod:`hasei.engine.prediction` is the same for models that give numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from hasei.engine.batching import by_length
from hasei.engine.causal import CausalModel, takes_positions
from hasei.engine.chat import Chat
from hasei.engine.decoding import write
from hasei.engine.prompts import fill
from hasei.engine.ragged import ragged
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array
from hasei.tasks._messages import Message, messages_of

CHUNK = 512
"""Prompts tokenised and sorted at a time."""


class Examples(Protocol):
    """Rows that are shown before a prompt."""

    def shown(self, prompts: Sequence[str]) -> list[list[tuple[str, str]]]:
        """Return (prompt, answer) of each example for each of *prompts*, in the order in which they are shown."""


def with_examples(prompt: str, examples: Sequence[tuple[str, str]], template: str = "") -> list[Message]:
    """Return the messages of *prompt* with *examples* as earlier turns, after its system message where it has one.

    *template*, where there is one, stands around the last user turn of the prompt and of each example.
    """
    turns = _instructed(messages_of(prompt), template)
    system = turns[:1] if turns[0]["role"] == "system" else []
    before: list[Message] = []
    for asked, answer in examples:
        own = [turn for turn in _instructed(messages_of(asked), template) if turn["role"] != "system"]
        before += [*own, {"role": "assistant", "content": answer}]
    return [*system, *before, *turns[len(system) :]]


def _instructed(turns: list[Message], template: str) -> list[Message]:
    if not template:
        return turns
    return [*turns[:-1], turns[-1] | {"content": fill(template, turns[-1]["content"])}]


class WritingPredictor:
    """Answers prompts by a :class:`CausalModel`; order kept, examples dropped from the first on where they don't fit.

    *template*, where there is one, is an instruction around each prompt, with the place ``{}`` for it.
    """

    width = 1

    def __init__(
        self, model: CausalModel, chat: Chat, max_tokens: int, examples: Examples | None = None, template: str = ""
    ) -> None:
        self.model, self.chat, self.max_tokens, self.examples = model.eval(), chat, max_tokens, examples
        self.template = template

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return ``[text, mean log likelihood]`` of each of *inputs* (n,), as objects."""
        watch = watch or Watch()
        found: list[list[str | float]] = [[] for _ in inputs]
        decoding, tokenizer = self.model.decoding, self.chat.tokenizer
        positions, pad_id = takes_positions(self.model.trunk), int(tokenizer.pad_token_id or 0)
        for start in range(0, len(inputs), CHUNK):
            prompts = self.prompts([i if isinstance(i, str) else i[0] for i in inputs[start : start + CHUNK]])
            lengths = np.array([len(p) + decoding.max_new_tokens for p in prompts], np.int64)
            done = 0
            for rows in by_length(lengths):
                watch.check()
                texts = write(
                    self.model.trunk, [prompts[i] for i in rows], decoding, self.chat.stops, pad_id, positions=positions
                )
                for row, (ids, sure) in zip(rows, texts):
                    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
                    found[start + row] = [text.strip(), sure]
                done += len(rows)
                watch.report("predicting", "", (start + done) / len(inputs), often=True)
        return ragged(found)

    def prompts(self, inputs: Sequence[str]) -> list[list[int]]:
        """Return the ids of each prompt with its examples, short enough to leave room for an answer."""
        shown = self.examples.shown(inputs) if self.examples else [[] for _ in inputs]
        most = max(self.max_tokens - self.model.decoding.max_new_tokens, self.max_tokens // 4)
        ids = self.chat.prompts([with_examples(prompt, before, self.template) for prompt, before in zip(inputs, shown)])
        while long := [i for i, row in enumerate(ids) if len(row) > most and shown[i]]:
            for i in long:
                shown[i] = shown[i][1:]
            turns = [with_examples(inputs[i], shown[i], self.template) for i in long]
            for i, row in zip(long, self.chat.prompts(turns)):
                ids[i] = row
        return [row[-most:] for row in ids]
