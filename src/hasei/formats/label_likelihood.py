"""A language model that is asked how likely each label is: ``AutoModelForCausalLM``, tokenizer, and ``labelling.json``.

After what ``tokenizer.apply_chat_template`` makes of a filled template (and ``opening``, what the template writes before an
answer), the mean log probability of a label's tokens is its score; hasei's output is ``sharpness * (score - prior -
threshold)``. ``labelling.json`` holds templates, labels and their tokens, examples as ``[text, label]``, and these numbers.

Relations: :mod:`hasei.formats.causal_lm` is the same model where it writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hasei.engine.causal import CausalModel, context_length, stops_of
from hasei.engine.chat import Chat
from hasei.engine.labelling import LabelPredictor
from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.engine.prompts import check_template
from hasei.formats._writing import read_examples, write_examples, write_tokenizer
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base

LIBRARY = "transformers"
_FILE = "labelling.json"


def save(predictor: LabelPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*."""
    if base is None:
        raise ValueError("a language model is derived from a base")
    with quiet():
        predictor.model.trunk.save_pretrained(folder, max_shard_size="1000GB")  # type: ignore[operator]
    write_tokenizer(predictor.chat.tokenizer, folder)
    write_json(folder / _FILE, {
        "templates": list(predictor.templates), "labels": list(predictor.labels), "opening": predictor.chat.opening,
        "tokens": predictor.answers(predictor.labels), "closing": predictor.chat.closing, "stops": list(predictor.chat.stops),
        "prior": list(predictor.prior), "mean": predictor.mean, "calibrated": predictor.calibrated,
        "sharpness": predictor.sharpness, "threshold": predictor.threshold, "max_tokens": predictor.max_tokens,
        "room": predictor.room, **write_examples(predictor.examples, folder),
    })  # fmt: skip


def load(folder: Path, open_base: Callable[[], Base]) -> LabelPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    base = Base.open(folder, rounded=True)
    try:
        found = json.loads((folder / _FILE).read_text("utf-8"))
        templates = tuple(check_template(str(one)) for one in found["templates"])
        labels, prior = tuple(map(str, found["labels"])), tuple(map(float, found["prior"]))
        how = bool(found["mean"]), bool(found["calibrated"])
        numbers = float(found["sharpness"]), float(found["threshold"])
        most, examples = int(found["max_tokens"]), read_examples(found, folder)
        if not templates or len(prior) not in (0, len(labels)):
            raise ValueError("it has no number for every label")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again") from error
    trunk, tokenizer = load_model(base, writes=True), load_tokenizer(base)
    chat = Chat(tokenizer, base.name, stops_of(trunk))
    most = min(most, context_length(base, tokenizer))
    model = CausalModel(trunk, plain=False)
    return LabelPredictor(model, chat, most, templates, labels, examples, prior, *how, *numbers)
