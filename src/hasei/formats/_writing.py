"""What folders of language models share: the tokenizer with its template, how texts are written, examples before a prompt.

``generation_config.json`` holds the decoding as transformers reads it; ``prompting.json`` what it has no place for: the longest
row, the seed, an instruction (``template``) around each prompt, and examples as ``[prompt, answer]``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hasei.engine.causal import CausalModel, context_length, stops_of
from hasei.engine.chat import Chat
from hasei.engine.decoding import Decoding
from hasei.engine.opening import load_tokenizer, quiet
from hasei.engine.running import LikelihoodPredictor
from hasei.engine.writing import WritingPredictor
from hasei.formats import _folder
from hasei.formats._ngrams import Vectoriser
from hasei.formats._predictors import nearest
from hasei.formats.lexical import TERMS, read_terms, write_terms
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base
from hasei.tasks._messages import shown

PROMPTING = "prompting.json"
WEIGHTS = "examples.safetensors"


@dataclass
class Examples:
    """Rows to show before a prompt. With a *vectoriser*, the *count* nearest of them to each prompt, the nearest last."""

    rows: tuple[tuple[str, str], ...]
    count: int
    vectoriser: Vectoriser | None = None

    def shown(self, prompts: Sequence[str]) -> list[list[tuple[str, str]]]:
        """Return the examples of each of *prompts*."""
        if self.vectoriser is None:
            return [list(self.rows[: self.count]) for _ in prompts]
        order, _ = nearest(self.vectoriser, [shown(p) for p, _ in self.rows], [shown(p) for p in prompts], self.count)
        return [[self.rows[i] for i in reversed(found)] for found in order.tolist()]


def save(predictor: WritingPredictor | LikelihoodPredictor, folder: Path) -> None:
    """Write everything but the weights of *predictor* into *folder*."""
    if isinstance(predictor, LikelihoodPredictor):
        with quiet():
            predictor.tokenizer.save_pretrained(folder)
        _without_paths(folder / "tokenizer_config.json")
        write_json(folder / PROMPTING, {"max_tokens": predictor.max_tokens, "scores": True})
        return
    _save_writing(predictor, folder)


def _save_writing(predictor: WritingPredictor, folder: Path) -> None:
    from transformers import GenerationConfig

    chat, decoding = predictor.chat, predictor.model.decoding
    with quiet():
        chat.tokenizer.save_pretrained(folder)
        _without_paths(folder / "tokenizer_config.json")
        drawn = (
            {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": 0} if decoding.temperature else {}
        )
        GenerationConfig(
            do_sample=bool(decoding.temperature), max_new_tokens=decoding.max_new_tokens, eos_token_id=list(chat.stops),
            pad_token_id=chat.tokenizer.pad_token_id, bos_token_id=chat.tokenizer.bos_token_id, **drawn,
        ).save_pretrained(folder)  # fmt: skip
    more: dict[str, Any] = {"max_tokens": predictor.max_tokens, "decoding": decoding.model_dump(mode="json")}
    more |= write_examples(predictor.examples, folder)
    more |= {"template": predictor.template} if predictor.template else {}
    write_json(folder / PROMPTING, more)


def write_examples(examples: Any, folder: Path) -> dict[str, Any]:
    """Return what ``prompting.json`` says of *examples*; weights by which they are found are written into *folder*."""
    if not isinstance(examples, Examples):
        return {}
    if examples.vectoriser is not None:
        _folder.write_tensors(folder / WEIGHTS, {"idf": examples.vectoriser.idf})
        write_terms(examples.vectoriser, folder / TERMS)
    return {"examples": [list(row) for row in examples.rows], "count": examples.count}


def read_examples(found: dict[str, Any], folder: Path) -> Examples | None:
    """Return the examples of which ``prompting.json`` holds *found*, None where there are none."""
    rows = tuple((str(prompt), str(answer)) for prompt, answer in found.get("examples", ()))
    if not rows:
        return None
    vectoriser = None
    if (folder / WEIGHTS).is_file():
        words, grams = read_terms(folder / TERMS)
        vectoriser = Vectoriser(words, grams, np.asarray(_folder.read_tensors(folder / WEIGHTS, ("idf",))["idf"]))
    return Examples(rows, int(found.get("count", 0)), vectoriser)


def write_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write *tokenizer* with its template into *folder*, without a path of this machine."""
    with quiet():
        tokenizer.save_pretrained(folder)
    _without_paths(folder / "tokenizer_config.json")


def _without_paths(path: Path) -> None:
    config = json.loads(path.read_text("utf-8"))
    for key in ("name_or_path", "_name_or_path", "tokenizer_file", "local_files_only"):
        config.pop(key, None)
    write_json(path, config)


def load(
    folder: Path, tokenizer_of: Base, trunk: Any, *, plain: bool, base: Base
) -> WritingPredictor | LikelihoodPredictor:  # fmt: skip
    """Return the predictor of what :func:`save` wrote, around *trunk*. Raises BaseError when a part is damaged."""
    try:
        found = json.loads((folder / PROMPTING).read_text("utf-8"))
        scores = bool(found.get("scores", False))
        decoding = Decoding(max_new_tokens=1) if scores else Decoding.model_validate(found["decoding"])
        examples = read_examples(found, folder)
        most, template = int(found["max_tokens"]), str(found.get("template", ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{PROMPTING}'", do="derive it again") from error
    tokenizer = load_tokenizer(tokenizer_of)
    if scores:
        return LikelihoodPredictor(
            _still(trunk, plain, decoding), tokenizer, min(most, context_length(base, tokenizer))
        )
    model = _still(trunk, plain, decoding)
    chat = Chat(tokenizer, base.name, stops_of(trunk))
    most = min(most, context_length(base, tokenizer))
    return WritingPredictor(model, chat, most, examples, template)


def _still(trunk: Any, plain: bool, decoding: Decoding) -> CausalModel:
    model = CausalModel(trunk, plain=plain, decoding=decoding)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model
