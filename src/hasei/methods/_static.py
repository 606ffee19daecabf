"""What a static student begins from: a tokenizer with frequent phrases as tokens, a table of tokens from the base.

Source: Tulkens & van Dongen 2024, "Model2Vec" (a token's vector from a transformer, fewer dimensions by principal components).
Shapes: table (v, d): the base's tokens first, then a row for each phrase.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.derivation import Context
from hasei.engine.static import StaticModel, bags_of
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

_WORD = re.compile(r"\w+|[^\w\s]")
_LONGEST = 3
"""Words of the longest phrase."""
_SEEN = 3
"""In how many rows a phrase must stand."""
_SPREAD = 0.5
"""Standard deviation of the numbers in a table before training."""


def tokenizer_of(trunk: Trunk, texts: Sequence[Input], phrases: int) -> Any:
    """Return the base's tokenizer, neither cutting nor padding, with the *phrases* most frequent phrases of *texts* as tokens."""
    from tokenizers import AddedToken, Tokenizer

    found = Tokenizer.from_str(trunk.tokenizer.backend_tokenizer.to_str())
    found.no_padding()
    found.no_truncation()
    found.add_tokens([AddedToken(p, single_word=True, normalized=True) for p in frequent(found, texts, phrases)])
    return found


def frequent(tokenizer: Any, texts: Sequence[Input], most: int) -> list[str]:
    """Return at most *most* runs of two or three words of *texts*, as *tokenizer* normalises them, the most frequent first."""
    if not most:
        return []
    counts: Counter[str] = Counter()
    plain = tokenizer.normalizer.normalize_str if tokenizer.normalizer is not None else str
    for text in texts:
        words = _WORD.findall(plain(text))
        runs = (words[i : i + n] for n in range(2, _LONGEST + 1) for i in range(len(words) - n + 1))
        counts.update({" ".join(run) for run in runs if all(word[0].isalnum() for word in run)})
    ranked = sorted((-count, phrase) for phrase, count in counts.items() if count >= _SEEN)
    return [phrase for _, phrase in ranked[:most]]


def table_of(trunk: Trunk, tokenizer: Any, width: int | None) -> torch.Tensor:
    """Return the table (v, d) for *tokenizer*: the base's own in *width* principal components, all of them where that is None.

    A phrase begins as the mean of its tokens. Frequent tokens are not made to weigh
    less (SIF), which on banking77 was worth nothing: training finds what they weigh.
    """
    own = trunk.model.get_input_embeddings()  # type: ignore[operator]
    if not isinstance(getattr(own, "weight", None), torch.Tensor):
        raise NotSupported(f"'{trunk.base.name}' has no table of tokens", do="choose another student")
    known = components(own.weight.detach().float().numpy(), width)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    names = [tokenizer.id_to_token(i) for i in range(len(known), size)]
    parts = bags_of(_without_phrases(trunk), names)
    rows = [known[parts.ids[a:b]].mean(0) if b > a else known[0] * 0 for a, b in zip(parts.offsets, parts.offsets[1:])]
    table = np.concatenate([known, np.asarray(rows, np.float32).reshape(-1, known.shape[1])])
    return torch.from_numpy(np.ascontiguousarray(table, np.float32))


def components(table: Floats, width: int | None) -> Floats:
    """Return *table* (v, h) around its mean, in its *width* strongest directions, with numbers of one usual size."""
    if width is not None and width > table.shape[1]:
        raise NotSupported(
            "a static student can't be wider than the table that it begins from", expected=f"at most {table.shape[1]}",
            received=str(width), do="set width lower, or leave it out",
        )  # fmt: skip
    middle = table.astype(np.float64) - table.mean(0, dtype=np.float64)
    if width is not None and width < table.shape[1]:
        _, directions = np.linalg.eigh(middle.T @ middle)
        directions = directions[:, ::-1][:, :width]
        signs = np.sign(directions[np.abs(directions).argmax(0), np.arange(width)])
        middle = middle @ (directions * signs)
    return np.asarray(middle * (_SPREAD / max(float(middle.std()), 1e-12)), np.float32)


def begin(context: Context, table: torch.Tensor, units: int, dropout: float) -> StaticModel:
    """Return a student on *table* (v, d) with a layer of *units* between (0: none), its head at zero."""
    middle = nn.Linear(table.shape[1], units) if units else None
    if middle is not None:
        bound = (3.0 / table.shape[1]) ** 0.5
        rng = np.random.default_rng(context.seed)
        with torch.no_grad():
            middle.weight.copy_(torch.from_numpy(rng.uniform(-bound, bound, (units, table.shape[1]))))
            middle.bias.zero_()
    head = nn.Linear(units or table.shape[1], context.space.width)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
    return StaticModel(table.clone(), middle, head, dropout)


def _without_phrases(trunk: Trunk) -> Any:
    return tokenizer_of(trunk, (), 0)
