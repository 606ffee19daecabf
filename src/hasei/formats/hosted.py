"""A hosted model: ``endpoint.json`` (address, model, prices; no key) and ``answers.json``, what it has answered so far.

Shapes: a prompt that stands in ``answers.json`` gets that answer; any other is asked for.

Relations: the answers of a study can so be looked at again, without asking and paying twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._hosted import Endpoint, HostedPredictor
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "openai"
_ENDPOINT, _ANSWERS = "endpoint.json", "answers.json"


def save(predictor: HostedPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    write_json(folder / _ENDPOINT, asdict(predictor.endpoint))
    write_json(folder / _ANSWERS, predictor.known, canonical=True)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> HostedPredictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing or damaged."""
    try:
        endpoint = Endpoint(**json.loads(_folder.read_bytes(folder / _ENDPOINT)))
        known = json.loads(_folder.read_bytes(folder / _ANSWERS))
        answers = {str(prompt): str(answer) for prompt, answer in known.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise BaseError(f"'{folder.name}' holds no hosted model ({error})", do="derive it again") from error
    endpoint.check()
    return HostedPredictor(endpoint, answers)
