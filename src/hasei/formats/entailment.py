"""A classifier of pairs and the hypotheses that stand for labels: ``AutoModelForSequenceClassification`` and ``hypotheses.json``.

hasei's output of a label is ``sharpness * (log odds of entailment - prior - threshold)``, the log odds being those of (text,
hypothesis), the mean over templates; ``hypotheses.json`` holds the hypotheses, by template and label, and these numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hasei.engine.entailment import EntailmentModel, EntailmentPredictor
from hasei.engine.opening import load_as, load_tokenizer, quiet
from hasei.formats._modules import copy_tokenizer
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base

LIBRARY = "transformers"
_FILE = "hypotheses.json"


def save(predictor: EntailmentPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    if base is None:
        raise ValueError("a classifier of pairs comes from a base")
    with quiet():
        predictor.model.trunk.save_pretrained(folder, max_shard_size="1000GB")  # type: ignore[operator]
    copy_tokenizer(folder, base.folder)
    write_json(folder / _FILE, {
        "hypotheses": [list(group) for group in predictor.hypotheses], "entailment": predictor.model.entailment,
        "prior": list(predictor.prior), "sharpness": predictor.sharpness, "threshold": predictor.threshold,
        "max_tokens": predictor.max_tokens,
    })  # fmt: skip


def load(folder: Path, open_base: Callable[[], Base]) -> EntailmentPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    from transformers import AutoModelForSequenceClassification

    base = Base.open(folder)
    try:
        found = json.loads((folder / _FILE).read_text("utf-8"))
        hypotheses = tuple(tuple(str(one) for one in group) for group in found["hypotheses"])
        prior = tuple(float(value) for value in found["prior"])
        numbers = float(found["sharpness"]), float(found["threshold"])
        place, most = int(found["entailment"]), int(found["max_tokens"])
        if not prior or not hypotheses or {len(group) for group in hypotheses} != {len(prior)}:
            raise ValueError("it has no hypothesis for every label")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again") from error
    model = load_as(AutoModelForSequenceClassification, base)
    return EntailmentPredictor(EntailmentModel(model, place), load_tokenizer(base), most, hypotheses, prior, *numbers)
