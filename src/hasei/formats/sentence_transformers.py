"""A whole model with a linear head on pooled features, as sentence-transformers modules: Transformer, Pooling, Dense.

``SentenceTransformer(folder).encode(texts)`` returns hasei's own outputs; column i is the i-th name in ``labels.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.engine.pooled import PooledModel
from hasei.engine.prediction import PooledPredictor
from hasei.engine.pruning import without_dead_heads
from hasei.formats._elsewhere import by_sentence_transformers
from hasei.formats._modules import read_modules, write_modules
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array

LIBRARY = "sentence-transformers"


def save(predictor: PooledPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    base = predictor.base or base
    if base is None:
        raise ValueError("a pooled model is derived from a base")
    with quiet():
        predictor.model.trunk.save_pretrained(folder, max_shard_size="1000GB")  # type: ignore[operator]
    write_modules(folder, base.folder, predictor.model.pooling, predictor.model.head, predictor.max_tokens)


def load(folder: Path, open_base: Callable[[], Base]) -> PooledPredictor:
    """Load what :func:`save` wrote; the parent base is not needed."""
    base = Base.open(folder)
    pooling, head, max_tokens = read_modules(folder)
    predictor = PooledPredictor(PooledModel(load_model(base), pooling, head), load_tokenizer(base), max_tokens)
    slim = without_dead_heads(predictor.model.trunk)
    if slim is not predictor.model.trunk:
        predictor.quicker = predictor.model, PooledModel(slim, pooling, head).eval()
    return predictor


def elsewhere(folder: Path, inputs: Sequence[Input], open_base: Callable[[], Base]) -> Array | None:
    """Return the outputs (n, w) of *inputs* by sentence-transformers alone."""
    return by_sentence_transformers(folder, inputs)
