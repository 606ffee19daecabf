"""A base whose features of single texts are compared: sentence-transformers modules, and ``similarity.json`` (a line).

``model = SentenceTransformer(folder)``; hasei's output of a pair is ``weight * model.similarity_pairwise(a, b) + bias`` of
the encoded texts, with weight and bias from ``similarity.json``. Pearson and Spearman of the cosine alone are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hasei.engine.apart import ApartModel, ApartPredictor
from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.engine.pooled import linear
from hasei.formats._modules import read_pooling, write_modules
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base

LIBRARY = "sentence-transformers"
_LINE = "similarity.json"


def save(predictor: ApartPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    if base is None:
        raise ValueError("a bi-encoder is derived from a base")
    with quiet():
        predictor.model.trunk.save_pretrained(folder, max_shard_size="1000GB")  # type: ignore[operator]
    width = int(predictor.model.trunk.config.hidden_size)  # type: ignore[union-attr, arg-type]
    write_modules(folder, base.folder, predictor.model.pooling, None, predictor.max_tokens, width=width)
    write_json(folder / "config_sentence_transformers.json", {"similarity_fn_name": "cosine"})
    head = predictor.model.head
    write_json(
        folder / _LINE, {"function": "cosine", "weight": float(head.weight.item()), "bias": float(head.bias.item())}
    )


def load(folder: Path, open_base: Callable[[], Base]) -> ApartPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    base = Base.open(folder)
    pooling, max_tokens = read_pooling(folder)
    try:
        found = json.loads((folder / _LINE).read_text("utf-8"))
        head = linear([[float(found["weight"])]], [float(found["bias"])])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_LINE}'", do="derive it again") from error
    return ApartPredictor(ApartModel(load_model(base), pooling, head), load_tokenizer(base), max_tokens)
