"""A base and a kernel machine on how alike two texts are: sentence-transformers modules, terms, and ``machine.safetensors``.

``machine.safetensors`` holds idf (terms,), centre and scale (f,), support (s, f), weight (s,), and bias and gamma (1,), all
float32; ``vectorizer.json`` the terms. The f figures of a pair are six at every layer of the base, then nine overlaps of words,
characters and numbers (the model card shows how). The modules alone are the base as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.formats import _folder
from hasei.formats._likeness import LikenessPredictor, Machine
from hasei.formats._modules import read_pooling, write_modules
from hasei.formats._ngrams import Vectoriser
from hasei.formats.lexical import TERMS, read_terms, write_terms
from hasei.ground.errors import BaseError
from hasei.inputs.base import Base

LIBRARY = "sentence-transformers"
_MACHINE = "machine.safetensors"
_PARTS = ("idf", "centre", "scale", "support", "weight", "bias", "gamma")


def save(predictor: LikenessPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    if base is None:
        raise ValueError("a regression on pairs is derived from a base")
    trunk: Any = predictor.model.trunk
    with quiet():
        trunk.save_pretrained(folder, max_shard_size="1000GB")
    width = int(trunk.config.hidden_size)
    write_modules(folder, base.folder, base.pooling, None, predictor.max_tokens, width=width)
    m = predictor.machine
    numbers = {"bias": np.array([m.bias]), "gamma": np.array([m.gamma])}
    tensors = {"idf": predictor.vectoriser.idf} | {n: getattr(m, n) for n in ("centre", "scale", "support", "weight")}
    _folder.write_tensors(folder / _MACHINE, {n: t.astype(np.float32) for n, t in (tensors | numbers).items()})
    write_terms(predictor.vectoriser, folder / TERMS)


def load(folder: Path, open_base: Callable[[], Base]) -> LikenessPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    base = Base.open(folder)
    _, max_tokens = read_pooling(folder)
    found = _folder.read_tensors(folder / _MACHINE, _PARTS)
    words, grams = read_terms(folder / TERMS)
    figures, rows = found["centre"].shape[0], found["weight"].shape[0]
    if found["idf"].shape != (len(words) + len(grams),) or found["support"].shape != (rows, figures):
        raise BaseError(
            f"'{_MACHINE}' and '{TERMS}' do not belong together", expected=f"weights for {len(words) + len(grams)} terms",
            do="derive or download the model again",
        )  # fmt: skip
    machine = Machine(
        found["centre"].astype(np.float64), found["scale"].astype(np.float64), found["support"].astype(np.float64),
        found["weight"].astype(np.float64), float(found["bias"][0]), float(found["gamma"][0]),
    )  # fmt: skip
    return LikenessPredictor(
        load_model(base), load_tokenizer(base), max_tokens, Vectoriser(words, grams, found["idf"]), machine
    )
