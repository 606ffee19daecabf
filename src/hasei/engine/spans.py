"""Answers that stand in a context: where one starts and where it ends, read off the states of the context's tokens.

Source: Devlin et al. 2019, "BERT" (a linear head for start and end); Clark & Gardner 2018 (one softmax over all of a row's
windows); Rajpurkar et al. 2018 (no answer).

Shapes: a batch of windows (v, t) -> (v, t, 2); places of rows (m, 2), stacked (n, most, 2); outputs (n,) of lists
[text, score], the best first and "" for no answer last; a score is the log probability of start and end.

Relations: the head is the ``qa_outputs`` of transformers' models for question answering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length
from hasei.engine.choosing import stacked
from hasei.engine.pooled import last_states
from hasei.engine.ragged import ragged, split
from hasei.engine.source import TextSource
from hasei.engine.windows import Windows, windows_of
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

LONGEST = 64
"""Tokens of the longest answer that is given."""
BEST = 3
"""Answers that are kept of a row, beside no answer."""
CHUNK = 512
"""Rows tokenised at a time."""


class SpanModel(nn.Module):
    """Trunk and head (2, h): a batch of windows to the start and end outputs of every token, float32.

    The trunk itself always runs in eval mode, as in :class:`~hasei.engine.pooled.PooledModel`.
    """

    def __init__(self, trunk: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def train(self, mode: bool = True) -> SpanModel:
        """Switch between training and predicting; the trunk's own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs (v, t, 2) of a padded batch."""
        states = last_states(self.trunk, batch)
        with torch.autocast("cpu", enabled=False):
            outputs: torch.Tensor = self.head(states.to(self.head.weight.dtype))
        return outputs


@dataclass
class SpanSource:
    """The rows *rows* of *windows*, for a training; *texts* are all windows of these rows, in order."""

    texts: TextSource
    windows: Windows
    rows: Ints

    @property
    def _counts(self) -> Ints:
        """Windows of each row (n,)."""
        return self.windows.first_windows[self.rows + 1] - self.windows.first_windows[self.rows]

    @property
    def lengths(self) -> Ints:
        """Tokens of all windows of each row (n,)."""
        return np.add.reduceat(self.texts.lengths, np.cumsum(self._counts) - self._counts)

    @property
    def ids(self) -> Ints:
        """The token ids that occur, each once."""
        return self.texts.ids

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on the windows of *rows* (b,); outputs of their places (b, most, 2), padded with zeros."""
        counts, starts = self._counts, np.cumsum(self._counts) - self._counts
        mine = np.concatenate([np.arange(starts[row], starts[row] + counts[row]) for row in rows])
        states = self.texts.outputs(model, mine)
        found = self.windows
        place = found.places(self.rows[rows])
        shift = np.repeat(
            np.cumsum(counts[rows]) - counts[rows] - found.first_windows[self.rows[rows]], found.counts[self.rows[rows]]
        )
        picked = states[torch.from_numpy(found.window[place] + shift), torch.from_numpy(found.position[place])]
        return stacked(picked, found.counts[self.rows[rows]])


class SpanPredictor:
    """Answers rows with a :class:`SpanModel` in float32; order kept, memory constant in the number of rows."""

    width = 2

    def __init__(self, model: SpanModel, tokenizer: Any, max_tokens: int) -> None:
        self.model, self.tokenizer, self.max_tokens = model.eval(), tokenizer, max_tokens

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the best answers of each row with their scores (n,), in the order of *inputs*."""
        watch, found = watch or Watch(), []
        for start in range(0, len(inputs), CHUNK):
            chunk = inputs[start : start + CHUNK]
            windows = windows_of(self.tokenizer, chunk, self.max_tokens)
            found += list(told(windows, np.arange(len(chunk)), chunk, self.places(windows, watch)))
            watch.report("predicting", "", (start + len(chunk)) / len(inputs), often=True)
        return ragged(found)

    def logits(self, inputs: Sequence[Input]) -> Array:
        """Return the start and end outputs (t + 1, 2) of each row's places (n,)."""
        windows = windows_of(self.tokenizer, inputs, self.max_tokens)
        return split(self.places(windows, Watch()), windows.counts.tolist())

    def places(self, windows: Windows, watch: Watch) -> Floats:
        """Return the outputs (m, 2) of all places of *windows*."""
        out = np.empty((len(windows.window), 2), np.float32)
        order = np.argsort(windows.window, kind="stable")
        low = np.searchsorted(windows.window[order], np.arange(len(windows.tokens) + 1))
        pad_id = int(self.tokenizer.pad_token_id or 0)
        for batch in by_length(windows.tokens.lengths):
            watch.check()
            with torch.inference_mode():
                states = self.model(windows.tokens.pad(batch, pad_id)).numpy()
            for i, window in enumerate(batch):
                mine = order[low[window] : low[window + 1]]
                out[mine] = states[i, windows.position[mine]]
        return out


class ConstantAnswer:
    """Answers every row with *text* ("" for none); *score* is the log of its share of the rows."""

    width = 2

    def __init__(self, text: str, score: float) -> None:
        self.text, self.score = text, score

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the answer once a row (n,)."""
        return ragged([[[self.text, self.score]] for _ in inputs])


def told(windows: Windows, rows: Ints, inputs: Sequence[Input], outputs: Floats) -> Array:
    """Return the best answers of *inputs*, which are *rows* of *windows*, from the *outputs* (m, 2) of their places."""
    found, start = [], 0
    for row, pair in zip(rows, inputs):
        low, high = windows.starts[row], windows.starts[row + 1]
        found.append(best(outputs[start : start + high - low], windows.spans[low:high], pair[1]))
        start += high - low
    return ragged(found)


def best(outputs: Floats, spans: Ints, context: str) -> list[list[Any]]:
    """Return the most probable answers [text, score] of one row, best first, then no answer ["", score].

    *outputs* (t + 1, 2) and *spans* (t + 1, 2) are of no answer and of the t tokens of *context*.
    """
    log_p = outputs.astype(np.float64) - outputs.max(0)
    log_p -= np.log(np.exp(log_p).sum(0))
    nothing = ["", float(log_p[0].sum())]
    start, end = log_p[1:, 0], log_p[1:, 1]
    tokens = len(start)
    if not tokens:
        return [nothing]
    reach = min(LONGEST, tokens)
    last = np.arange(tokens)[:, None] + np.arange(reach)
    score = np.where(last < tokens, start[:, None] + end[np.minimum(last, tokens - 1)], -np.inf).ravel()
    most = min(8 * BEST, len(score))
    likely = np.argpartition(-score, most - 1)[:most]
    answers: dict[str, float] = {}
    for place in likely[np.lexsort((likely, -score[likely]))]:
        first = int(place) // reach
        low, high = spans[first + 1, 0], spans[min(first + int(place) % reach, tokens - 1) + 1, 1]
        text = context[low:high].strip()
        if text and np.isfinite(score[place]) and len(answers) < BEST:
            answers.setdefault(text, float(score[place]))
    return [*([text, value] for text, value in answers.items()), nothing]
