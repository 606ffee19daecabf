"""Which label a language model would write after a prompt: the likelihood of each label's text, the prompt read once.

Source: Brown et al. 2020, "Language models are few-shot learners" (the likelihood of each answer, by its tokens); taking off
what an empty text gets: Zhao et al. 2021, "Calibrate before use: improving few-shot performance of language models".

Shapes: n rows, k labels, m templates; a prompt's keys and values are kept and shared by all labels, which are one batch;
scores (n, k) are mean (or summed) log likelihoods of a label's tokens, its end token among them, the mean over templates;
outputs ``sharpness * (score - prior - threshold)``. Where each row has choices of its own, outputs (n,) are lists of [choice,
score].

Relations: :mod:`hasei.engine.writing` lets the model write; :mod:`hasei.formats.label_likelihood` writes and reads this.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from hasei.engine.causal import CausalModel, takes_positions
from hasei.engine.chat import Chat
from hasei.engine.choosing import told
from hasei.engine.prompts import fill, text_of
from hasei.engine.writing import Examples, with_examples
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats
from hasei.tasks._choices import read

EMPTY = ("N/A", "", "[MASK]")
"""Texts that say nothing (Zhao et al. 2021)."""
_CHUNK = 64
_TOKENS = 4096
_LOGITS = 1 << 26


@dataclass(frozen=True)
class Read:
    """Tokens that a model has read: their *ids*, its keys and values of them, and the log probabilities (v,) of the next."""

    ids: tuple[int, ...]
    cache: Any
    scores: torch.Tensor


def read_tokens(model: Any, ids: Sequence[int], *, positions: bool, before: Read | None = None) -> Read:
    """Read *ids*; those of *before*, with which they begin, are not read again."""
    done = len(before.ids) if before else 0
    options: dict[str, Any] = {"past_key_values": copy.deepcopy(before.cache)} if before else {}
    options |= {"position_ids": torch.arange(done, len(ids))[None]} if positions else {}
    with torch.inference_mode():
        mask = torch.ones(1, len(ids), dtype=torch.long)
        said = model(
            input_ids=torch.tensor([list(ids[done:])]), attention_mask=mask, use_cache=True, logits_to_keep=1, **options
        )
        return Read(tuple(ids), said.past_key_values, said.logits[0, -1].float().log_softmax(0))


def likelihoods(
    model: Any, prompt: Read, answers: Sequence[Sequence[int]], *, mean: bool, positions: bool
) -> Floats:  # fmt: skip
    """Return the log likelihood (k,) of each of *answers* after *prompt*; *mean*: by the tokens of each."""
    with torch.inference_mode():
        sums: Floats = prompt.scores[[ids[0] for ids in answers]].double().numpy()
        longer = sorted((i for i, ids in enumerate(answers) if len(ids) > 1), key=lambda i: (-len(answers[i]), i))
        start = 0
        while start < len(longer):
            width = len(answers[longer[start]]) - 1
            count = min(_TOKENS // (len(prompt.ids) + width), _LOGITS // (width * len(prompt.scores)))
            part = longer[start : start + max(1, count)]
            sums[part] += _rest(model, len(prompt.ids), [answers[i] for i in part], prompt.cache, positions)
            start += len(part)
    return sums / np.array([len(ids) for ids in answers]) if mean else sums


def _rest(model: Any, read: int, answers: Sequence[Sequence[int]], cache: Any, positions: bool) -> Floats:
    """Return the log likelihood (b,) of all tokens but the first of *answers*, after *read* tokens that *cache* holds."""
    width = max(map(len, answers)) - 1
    ids = torch.tensor([[*row[:-1], *[0] * (width + 1 - len(row))] for row in answers])
    next_ = torch.tensor([[*row[1:], *[0] * (width + 1 - len(row))] for row in answers])
    there = torch.tensor([[1] * (len(row) - 1) + [0] * (width + 1 - len(row)) for row in answers])
    own = copy.deepcopy(cache)
    own.batch_repeat_interleave(len(answers))
    options = {"position_ids": torch.arange(read, read + width)[None].expand(len(answers), -1)} if positions else {}
    mask = torch.cat([torch.ones(len(answers), read, dtype=there.dtype), there], 1)
    logits = model(input_ids=ids, attention_mask=mask, past_key_values=own, use_cache=True, **options).logits
    found = logits.float().log_softmax(2).gather(2, next_[:, :, None])[:, :, 0].double()
    summed: Floats = (found * there).sum(1).numpy()
    return summed


@dataclass
class LabelPredictor:
    """Answers rows by the likelihood of *labels* after *templates* filled with a row; () of labels: each row has choices.

    *mean*: likelihoods are by token. *calibrated*: of choices, what each gets after texts that say nothing is taken off; of
    labels it is kept as *prior* (k,).
    """

    model: CausalModel
    chat: Chat
    max_tokens: int
    templates: tuple[str, ...]
    labels: tuple[str, ...] = ()
    examples: Examples | None = None
    prior: tuple[float, ...] = ()
    mean: bool = True
    calibrated: bool = False
    sharpness: float = 1.0
    threshold: float = 0.0
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.model.eval()
        self.width = len(self.labels) or 1
        self._positions = takes_positions(self.model.trunk)
        self._answers: dict[str, list[int]] = {}
        self._shared: dict[str, Read | None] = {}
        self._nothing: list[Read] = []

    def answers(self, labels: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each of *labels* as the model would write it, the one that ends it among them."""
        new = [label for label in dict.fromkeys(labels) if label not in self._answers]
        for label, (ids, learnt) in zip(new, self.chat.rows([("", label) for label in new])):
            self._answers[label] = [token for token, said in zip(ids, learnt) if said][: max(1, self.max_tokens // 4)]
        return [self._answers[label] for label in labels]

    def scores(self, inputs: Sequence[Input], watch: Watch | None = None) -> list[Floats]:
        """Return what each of *inputs* (n,) gives its labels or choices, above their prior, float64."""
        prior, found = np.array(self.prior or 0.0), []
        for row, plain in zip(inputs, self._scores(inputs, watch)):
            own = self.nothing(read(row[1])) if self.calibrated and not self.labels else prior
            found.append(plain - own)
        return found

    def nothing(self, labels: Sequence[str]) -> Floats:
        """Return what each of *labels* (k,) gets after texts that say nothing, the mean over these, which are read once."""
        if not self._nothing:
            rows: list[Input] = [text if self.labels else (text, "[]") for text in EMPTY]
            self._nothing = [self._read(ids) for template in self.templates for ids in self.prompts(template, rows)]
        answers = self.answers(labels)
        return np.asarray(np.mean([self._likelihoods(one, answers) for one in self._nothing], axis=0), np.float64)

    def _scores(self, inputs: Sequence[Input], watch: Watch | None) -> list[Floats]:
        watch, found = watch or Watch(), []
        for start in range(0, len(inputs), _CHUNK):
            part = inputs[start : start + _CHUNK]
            labels = [self.labels or read(row[1]) for row in part]
            asked = [self.prompts(template, part) for template in self.templates]
            for i, own in enumerate(labels):
                watch.check()
                answers, each = self.answers(own), []
                for template, prompts in zip(self.templates, asked):
                    before = self._begun(template, prompts[i])
                    each.append(self._likelihoods(self._read(prompts[i], before), answers))
                found.append(np.mean(each, axis=0))
                watch.report("predicting", "", (start + i + 1) / len(inputs), often=True)
        return found

    def _read(self, ids: Sequence[int], before: Read | None = None) -> Read:
        return read_tokens(self.model.trunk, ids, positions=self._positions, before=before)

    def _likelihoods(self, prompt: Read, answers: Sequence[Sequence[int]]) -> Floats:
        return likelihoods(self.model.trunk, prompt, answers, mean=self.mean, positions=self._positions)

    def _begun(self, template: str, ids: Sequence[int]) -> Read | None:
        """Return what all rows begin with, instruction and examples, where *ids* begin so too; it is read once."""
        if template not in self._shared:
            row: list[Input] = [text if self.labels else (text, "[]") for text in ("a", "N/A")]
            one, other = self.prompts(template, row)
            same = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), 0)
            self._shared[template] = self._read(one[:same]) if same else None
        found = self._shared[template]
        return found if found and len(ids) > len(found.ids) and tuple(ids[: len(found.ids)]) == found.ids else None

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the outputs (n, k), float32, or the choices of each row with their scores (n,), in the order of *inputs*."""
        found = [self.sharpness * (row - self.threshold) for row in self.scores(inputs, watch)]
        if not self.labels:
            return told(inputs, np.concatenate(found) if found else np.zeros(0))
        return np.array(found, np.float32).reshape(len(found), self.width)

    @property
    def room(self) -> int:
        """Tokens that a prompt may have, beside the longest label."""
        longest = max((len(ids) for ids in self.answers(self.labels)), default=max(1, self.max_tokens // 4))
        return max(1, self.max_tokens - longest)

    def prompts(self, template: str, inputs: Sequence[Input]) -> list[list[int]]:
        """Return the ids of *template* filled with each row, with its examples.

        Where they are too long, examples go from the first on, then the end of the row's text; last the beginning of the
        prompt.
        """
        texts = [text_of(row) if self.labels else str(row[0]) for row in inputs]
        shown = self.examples.shown(texts) if self.examples else [[] for _ in texts]
        ids = self._ids(template, texts, shown)
        while long := [i for i, row in enumerate(ids) if len(row) > self.room and (shown[i] or texts[i])]:
            for i in long:
                if shown[i]:
                    shown[i] = shown[i][1:]
                else:
                    texts[i] = self._shorter(texts[i], len(ids[i]) - self.room)
            for i, row in zip(long, self._ids(template, [texts[i] for i in long], [shown[i] for i in long])):
                ids[i] = row
        return [row[-self.room :] for row in ids]

    def _shorter(self, text: str, tokens: int) -> str:
        offsets = self.chat.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        kept = offsets[: max(0, len(offsets) - tokens)]
        return text[: min(kept[-1][1], len(text) - 1)] if kept else ""

    def _ids(
        self, template: str, texts: Sequence[str], shown: Sequence[Sequence[tuple[str, str]]]
    ) -> list[list[int]]:  # fmt: skip
        turns = []
        for text, before in zip(texts, shown):
            earlier = [(fill(template, asked), answer) for asked, answer in before]
            turns.append(with_examples(fill(template, text), earlier))
        return self.chat.prompts(turns)
