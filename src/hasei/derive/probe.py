"""What a model folder keeps of its own answers: outputs for rows that hasei brings, so that any copy can be verified later.

None of the rows are the user's: they are the toy rows of the task, and a long text that shows where rows are cut. The outputs
of the model that was evaluated, and the facts of its folder, lie under ``probe`` in the record of ``hasei.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.derive.facts import LONG, facts_of
from hasei.engine.ragged import is_ragged, ragged
from hasei.ground.files import hash_file, hash_json
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Task

if TYPE_CHECKING:
    from torch import nn

    from hasei.derive.derived import DerivedModel
    from hasei.engine.derivation import Predictor

KEY = "probe"
SCHEMA = 1
_ROWS, _WRITTEN = 8, 3
_MOST_CHARACTERS = 64_000
LETTERS = "WHERE Is My PARCEL? Ünïcödé Straße, ＡＢＣ１２３ 東京 ﾄｳｷｮｳ"
"""A text that another rule for capitals, accents or wide letters cuts into other tokens."""


@dataclass(frozen=True)
class Probe:
    """*inputs* with the *outputs* (n, w), or ragged, of the model that was evaluated, and the *facts* of its folder.

    *lossless*: whether the folder must give just these; else it was made by a step that may lose a little.
    """

    inputs: list[Input]
    outputs: Array
    facts: dict[str, Any]
    lossless: bool = True


def probe_inputs(task: Task) -> list[Input]:
    """Return the rows that hasei asks a model of *task*: the same ones on every machine."""
    writes = task.target_kind == "text"
    inputs = list(task.toy().inputs[: _WRITTEN if writes else _ROWS])
    first = inputs[0]
    if writes or task.input_kind != "text":
        return inputs
    if isinstance(first, str):
        return [*inputs, LETTERS, LONG]
    last = first[-1]
    return inputs if last.startswith(("[", "{")) else [*inputs, (*first[:-1], f"{last} {LONG}")]


def asks_nobody(predictor: Predictor) -> bool:
    """Whether *predictor* answers by itself; what is paid for by the row is never asked without need."""
    return not hasattr(predictor, "paid_per_row")


def take(
    model: DerivedModel, reference: Predictor, base: nn.Module | None = None, *, lossless: bool = True
) -> dict[str, Any]:
    """Return the record's ``probe`` of the folder *model*: what *reference*, the model that was evaluated, says of the rows.

    *base*: the plain model that the trunk was derived from, where there is one. Empty where nothing can be asked for free.
    """
    if not asks_nobody(reference):
        return {}
    inputs = probe_inputs(model.task)
    outputs = reference.outputs(inputs)
    said = [_plain(row) for row in outputs]
    while len(said) > 1 and len(json.dumps(said)) > _MOST_CHARACTERS:
        said.pop()
    inputs = inputs[: len(said)]
    kept: dict[str, Any] = {"inputs": hash_json([_hashed(row) for row in inputs]), "rows": len(inputs), "outputs": said}
    return {KEY: {
        "schema": SCHEMA, **kept, "ragged": bool(is_ragged(outputs)), "lossless": lossless, "facts": facts_of(model, base),
    }}  # fmt: skip


def read(model: DerivedModel) -> Probe | None:
    """Return the probe that *model* keeps; None where it keeps none, or one whose rows this version of hasei no longer has."""
    found = model.record.get(KEY)
    try:
        if not found or found["schema"] != SCHEMA:
            return None
        inputs = probe_inputs(model.task)[: found["rows"]]
        if hash_json([_hashed(row) for row in inputs]) != found["inputs"]:
            return None
        outputs = _rows(found["outputs"], ragged_=found["ragged"])
        return Probe(inputs, outputs, dict(found["facts"]), bool(found["lossless"]))
    except (KeyError, TypeError, ValueError):
        return None


def _hashed(row: Input) -> Any:
    """Return what of a row is hashed: its texts, or the bytes of its picture."""
    if isinstance(row, str):
        return row
    path = getattr(row, "path", None)
    return hash_file(path) if isinstance(path, Path) else list(row)


def _plain(row: Any) -> Any:
    """Return the outputs of a row as plain JSON, arrays marked as such."""
    if isinstance(row, np.ndarray):
        return {"array": _shortened(row.tolist()), "shape": list(row.shape)}
    return row if isinstance(row, str) else _shortened(row)


def _shortened(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_shortened(part) for part in value]
    return float(f"{value:.9g}") if isinstance(value, (float, np.floating)) else value


def _rows(said: list[Any], *, ragged_: bool) -> Array:
    rows = [np.array(row["array"], np.float32).reshape(row["shape"]) if isinstance(row, dict) else row for row in said]
    return ragged(rows) if ragged_ else np.stack(rows)
