"""A finished model as a folder that another engine or library runs, proven to answer as the model that was evaluated.

The new folder is made beside its place, loaded back in its own runtime and compared with the model on the same rows
(:mod:`hasei.judge.parity`); outside the gate nothing is left, and the step that broke it is named.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hasei.deliver.rows import built_in
from hasei.deliver.targets import ENGINES, target
from hasei.derive import probe
from hasei.derive.derived import DerivedModel, open_model
from hasei.ground import lineage
from hasei.ground.errors import DataError, NotSupported
from hasei.ground.events import Watch
from hasei.ground.files import hash_json, new_folder, refuse_unwritable, write_json
from hasei.inputs.data.dataset import Dataset, Input
from hasei.judge.card import write_card
from hasei.judge.parity import MAX_LOSS, Parity, parity, refuse

STEP = "export"
_KEPT = ("automation",)
"""What of the parent's record still holds for answers that passed the gate."""
_LIBRARIES = ("onnx", "onnxscript", "onnxruntime", "openvino", "nncf")


@dataclass(frozen=True)
class Exported:
    """An exported *model* with what the gate found; bytes on disk before and after, and the seconds that it took."""

    model: DerivedModel
    parity: Parity
    bytes_before: int
    bytes_after: int
    seconds: float


def export(
    folder: str | Path, to: str, out: Path, *, precision: str = "", rows: Dataset | None = None,
    calibration: Sequence[Input] = (), base: str = "", max_loss: float = MAX_LOSS, watch: Watch | None = None,
) -> Exported:  # fmt: skip
    """Write the model in *folder* as the new folder *out*, for the target *to* at *precision* ("": the target's usual one).

    *rows*: labelled rows for the gate (rows of hasei's own where None); *calibration*: rows, of train alone, by which
    the ranges of int8 are measured. Raises RecipeError for an unknown target, NotSupported where the model can't go there,
    OutputError where *out* exists, RunFailed where what was made does not answer as the model does.
    """
    watch, start = watch or Watch(), time.perf_counter()
    refuse_unwritable(out)
    model = open_model(folder, base)
    chosen, precision = target(to, precision)
    if model.identity["format"] in ENGINES:
        raise NotSupported(
            f"'{model.folder.name}' is exported already (it is {model.identity['format']})",
            do="export the model that it was made from",
        )
    chosen.refuse(model, precision)
    inputs = built_in(model.task) if rows is None else rows.inputs
    if not inputs:
        raise DataError("there are no rows to compare the exported model on", expected="at least one row", received="0")
    with new_folder(out) as temporary:
        watch.report("exporting", f"to {to}, {precision}")
        form = chosen.make(model, precision, temporary, calibration)
        names = list(model.space.names)
        if names:
            write_json(temporary / "labels.json", names)
        step = {"name": STEP, "params": {"to": to, "precision": precision, "calibration_rows": len(calibration)}}
        lineage.write(temporary, _identity(model, form, step), {})
        found = _gate(
            model, temporary, inputs, rows, f"the step '{STEP}' to {to} in {precision}", to, precision, max_loss, watch
        )
        kept = {name: model.record[name] for name in _KEPT if name in model.record}
        again = open_model(temporary, base)
        kept |= probe.take(again, again.predictor, lossless=precision == "fp32")
        lineage.update_record(temporary, kept | {"export": found.to_json() | {"seconds": time.perf_counter() - start}})
        write_card(temporary, None, None, model.task)
        lineage.seal(temporary)
    made = open_model(out, base)
    return Exported(made, found, model.bytes, made.bytes, time.perf_counter() - start)


def _gate(
    model: DerivedModel, folder: Path, inputs: Sequence[Input], rows: Dataset | None, what: str, to: str, precision: str,
    max_loss: float, watch: Watch,
) -> Parity:  # fmt: skip
    """Return how near the model in *folder* is to *model*; raises RunFailed where it is outside the gate."""
    watch.report("comparing", f"{len(inputs):,} rows")
    before = model.outputs(inputs, watch)
    after = open_model(folder, model.base).outputs(inputs, watch)
    truth = model.task.truth(rows.targets) if rows is not None else None
    found = parity(
        model.task, model.space, before, after, lossless=precision == "fp32", truth=truth,
        units=rows.units if rows is not None else None, max_loss=max_loss,
    )  # fmt: skip
    do = "export it at a higher precision" if precision != "fp32" else "run it as it is, and report this"
    refuse(
        found, what, do if rows is not None else f"{do}; or give labelled rows of yours, which say more (--data FILE)"
    )
    return found


def _identity(model: DerivedModel, form: str, step: dict[str, Any]) -> lineage.Identity:
    """Return what the exported model is: its parent is *model*, by the hash of all that this is."""
    own, parent = model.identity, model.lineage["identity_hash"]
    parents = [{
        "name": model.folder.resolve().name, "opened_as": "", "revision": "", "content_hash": parent,
        "licence": own["licence"],
    }]  # fmt: skip
    if form == own["format"]:  # an adapter is one still: it is loaded onto its own base
        parents = own["parents"] or parents
    return lineage.Identity(
        format=form, task=own["task"], space=own["space"], steps=[*own["steps"], step],
        recipe_id=hash_json([own["recipe_id"], step])[:16], trial_id=hash_json([parent, step])[:16], seed=own["seed"],
        parents=parents, data=own["data"], licence=own["licence"], environment=_environment(), trained=own.get("trained", []),
        licence_override=own.get("licence_override", ""),
    )  # fmt: skip


def _environment() -> dict[str, Any]:
    found = lineage.environment()
    more = {}
    for name in _LIBRARIES:
        try:
            more[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"libraries": found["libraries"] | more}
