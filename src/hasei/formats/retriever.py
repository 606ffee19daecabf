"""A base that finds entries: sentence-transformers modules, ``entries.jsonl`` and their ``embeddings.safetensors``.

``SentenceTransformer(folder).encode(texts)`` gives the features of questions; an entry's are kept, and are those of its title,
of title and text, or the mean of both (``retriever.json``). The score is the cosine.

Shapes: ``embeddings`` (entries, h) float32, of length one.

Relations: :mod:`hasei.formats.bi_encoder` compares two texts that are given.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
from hasei.formats import _folder
from hasei.formats._entries import read_entries, write_entries
from hasei.formats._modules import read_modules, read_pooling, write_modules
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base

LIBRARY = "sentence-transformers"
_EMBEDDINGS, _HOW = "embeddings.safetensors", "retriever.json"
_PARTS = ("title", "whole", "both")


def save(predictor: RetrieverPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    if base is None:
        raise ValueError("a retriever is derived from a base")
    with quiet():
        predictor.model.trunk.save_pretrained(folder, max_shard_size="1000GB")  # type: ignore[operator]
    model, width = predictor.model, int(predictor.model.trunk.config.hidden_size)  # type: ignore[union-attr, arg-type]
    write_modules(folder, base.folder, model.pooling, model.head, predictor.max_tokens, width=width)
    write_json(folder / "config_sentence_transformers.json", {"similarity_fn_name": "cosine"})
    write_json(folder / _HOW, {
        "searched": predictor.part, "entries": len(predictor.corpus), "head": model.head is not None,
    })  # fmt: skip
    write_entries(folder, predictor.corpus)
    _folder.write_tensors(folder / _EMBEDDINGS, {"embeddings": predictor.vectors})


def load(folder: Path, open_base: Callable[[], Base]) -> RetrieverPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    base = Base.open(folder)
    try:
        found = json.loads((folder / _HOW).read_text("utf-8"))
        part, count, mapped = found["searched"], int(found["entries"]), bool(found["head"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_HOW}'", do="derive it again") from error
    vectors = _folder.read_tensors(folder / _EMBEDDINGS, ("embeddings",))["embeddings"]
    if part not in _PARTS or vectors.ndim != 2 or len(vectors) != count:
        raise BaseError(f"'{_EMBEDDINGS}' does not fit '{_HOW}'", do="derive or download the model again")
    head = read_modules(folder)[1] if mapped else None
    pooling, max_tokens = read_pooling(folder)
    model = RetrieverModel(load_model(base), pooling, head)
    return RetrieverPredictor(model, load_tokenizer(base), max_tokens, read_entries(folder, count), part, vectors)
