"""What a derivation leaves of its base's own skill: measured on general texts that have nothing to do with the task.

Encoders: how like the similarities of all pairs of texts are before and after (their correlation; 1: the same picture of the
world, turned or not). Language models: the base's perplexity over the derived one's (1: as good at running text as before).

Source: McCloskey & Cohen 1989, "Catastrophic interference in connectionist networks"; comparing similarities: Kriegeskorte et al.
2008, "Representational similarity analysis".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.ground.files import hash_text
from hasei.inputs.data.dataset import Input

if TYPE_CHECKING:
    from torch import nn

    from hasei.engine.derivation import Derivation
    from hasei.engine.trunk import Trunk
    from hasei.tasks import Floats

_MOST_TEXTS = 200


@cache
def general_texts() -> tuple[str, ...]:
    """Return sentences on many subjects, in English and Japanese."""
    return tuple(Path(__file__).with_name("general.txt").read_text("utf-8").splitlines())


def retained(trunk: Trunk, done: Derivation, kept: Sequence[Input] = ()) -> float | None:
    """Return the share of the base's own skill that is left in *done*; None where it can't be told.

    *kept*: texts of the user's to measure it on instead of the general ones (the first of a pair; at most 200). A base whose
    parameters were left as they are has lost nothing.
    """
    if not _trunk_changed(done):
        return 1.0
    tuned = getattr(getattr(done.predictor, "model", None), "trunk", None)
    if tuned is None or trunk.base.reads != "text":
        return None
    given = [text if isinstance(text, str) else text[0] for text in kept[:_MOST_TEXTS]]
    texts = given if len(given) > 2 and all(isinstance(text, str) for text in given) else list(general_texts())
    if _writes(tuned):
        return math.exp(_told(trunk, trunk.model, texts, "general loss") - _loss(trunk, tuned, texts))
    from hasei.engine.prediction import features_of

    before = trunk.exact(f"general {hash_text(''.join(texts))}", texts)
    return _alike(before, features_of(tuned, trunk, texts))


def _trunk_changed(done: Derivation) -> bool:
    """Whether *done* trained anything but heads."""
    return any("trunk." in name for name in done.trained)


def _writes(model: nn.Module) -> bool:
    from hasei.engine.pooled import inner

    return inner(model) is not model


def _alike(before: Floats, after: Floats) -> float:
    """Correlation of the cosines of all pairs of *before* (n, h) and *after* (n, h')."""
    pairs = np.triu_indices(len(before), 1)

    def cosines(features: Floats) -> Floats:
        unit = np.asarray(features, np.float64)
        unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
        found: Floats = (unit @ unit.T)[pairs]
        return found

    first, second = cosines(before), cosines(after)
    if min(first.std(), second.std()) < 1e-12:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _told(trunk: Trunk, model: nn.Module, texts: Sequence[str], key: str) -> float:
    """The loss of the base, measured once."""
    known: Any = trunk.noted(
        f"{key} {hash_text(''.join(texts))}", [""], lambda _: np.array([[_loss(trunk, model, texts)]])
    )
    return float(known[0, 0])


def _loss(trunk: Trunk, model: nn.Module, texts: Sequence[str]) -> float:
    """Mean cross-entropy (nats) of a token of *texts* after those before it."""
    import torch

    from hasei.engine.batching import by_length, tokenize

    tokens, total, count = tokenize(trunk.tokenizer, texts, trunk.base.max_tokens), 0.0, 0
    for rows in by_length(tokens.lengths):
        batch = tokens.pad(rows, trunk.pad_id)
        with torch.inference_mode():
            logits = model(**batch).logits[:, :-1].float()
            targets = batch["input_ids"][:, 1:].masked_fill(batch["attention_mask"][:, 1:] == 0, -100)
            total += float(torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="sum"))
            count += int((targets != -100).sum())
    return total / max(1, count)


__all__ = ["general_texts", "retained"]
