"""A derived model: a standard folder with ``hasei.json``, loaded back and answering rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hasei.engine.derivation import Derivation, Predictor
from hasei.engine.ragged import difference
from hasei.ground import lineage, plugins
from hasei.ground.errors import BaseError, HaseiError
from hasei.ground.events import Watch
from hasei.ground.files import new_folder, write_bytes, write_json
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Answers, Floats, Space, Task, open_task
from hasei.tasks._spaces import space_from_json as space_from_json
from hasei.tasks._spaces import space_to_json as space_to_json


@dataclass(frozen=True)
class Answer:
    """What a model says of one row: a label (or a number) and how sure it is, in [0, 1]."""

    value: Any
    confidence: float


@dataclass(frozen=True)
class DerivedModel:
    """A model folder made by hasei, opened. *base* replaces the parent where an adapter needs another copy of it."""

    folder: Path
    lineage: dict[str, Any]
    base: str = ""

    @property
    def identity(self) -> dict[str, Any]:
        """The hashed part of ``hasei.json``."""
        return self.lineage["identity"]  # type: ignore[no-any-return]

    @property
    def record(self) -> dict[str, Any]:
        """The measured part of ``hasei.json``: cost, scores, verdict."""
        return self.lineage["record"]  # type: ignore[no-any-return]

    @cached_property
    def task(self) -> Task:
        """The task it answers."""
        return open_task(self.identity["task"])

    @cached_property
    def space(self) -> Space:
        """What its answers can be."""
        return space_from_json(self.identity["space"])

    @cached_property
    def predictor(self) -> Predictor:
        """The model itself, loaded from the folder; raises BaseError where a part of it is missing or damaged."""
        form: Any = plugins.load("formats", self.identity["format"])
        try:
            predictor: Predictor = form.load(self.folder, self.open_base)
        except HaseiError:
            raise
        except Exception as error:  # whatever a library raises on a file that makes no sense
            said = (str(error).strip().splitlines() or [""])[0][:200]
            raise BaseError(
                f"the model in '{self.folder.name}' can't be loaded", received=f"{type(error).__name__}: {said}",
                do="see which file was changed with hasei verify, or derive it again",
            ) from error  # fmt: skip
        if predictor.width != self.space.width:
            raise BaseError(
                f"the head in '{self.folder.name}' does not fit its labels", expected=f"{self.space.width} outputs",
                received=str(predictor.width), do="derive it again",
            )  # fmt: skip
        return predictor

    def open_base(self) -> Base:
        """Open the parent that an adapter is put on; raises BaseError where it is not the one that it was derived from."""
        parent = self.identity["parents"][0]
        names = [self.base] if self.base else [n for n in (parent["opened_as"], parent["name"]) if n]
        base = _first_base(names)
        if base.content_hash != parent["content_hash"]:
            raise BaseError(
                f"the base '{base.name}' is not the one that '{self.folder.name}' was derived from",
                expected=f"content {parent['content_hash'][:12]}", received=base.content_hash[:12],
                do="give the right base with --base",
            )  # fmt: skip
        return base

    @property
    def bytes(self) -> int:
        """Size of the folder on disk."""
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file())

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the raw outputs (n, width)."""
        return self.predictor.outputs(inputs, watch)

    def answers(self, inputs: Sequence[Input], watch: Watch | None = None) -> Answers:
        """Return values and confidences for *inputs*, in order."""
        return self.task.answers(self.space, self.outputs(inputs, watch))

    def predict(self, inputs: Sequence[Input]) -> list[Answer]:
        """Return one answer for each of *inputs*, in order."""
        found = self.answers(list(inputs))
        return [Answer(value, float(c)) for value, c in zip(found.values, found.confidence)]

    def stream(self, batches: Iterable[Sequence[Input]]) -> Iterator[list[Answer]]:
        """Answer batch after batch, in order, at constant memory."""
        for batch in batches:
            yield self.predict(batch)


def _first_base(names: Sequence[str]) -> Base:
    for name in names[:-1]:
        try:
            return Base.open(name)
        except BaseError:
            continue
    return Base.open(names[-1])


def open_model(folder: str | Path, base: str = "") -> DerivedModel:
    """Open a model folder that hasei made; raises BaseError when it is none, or damaged."""
    path = Path(folder)
    if not path.is_dir():
        raise BaseError(f"there is no model folder '{folder}'", do="give the folder 'model' that hasei try wrote")
    if not (path / lineage.FILE).is_file() and (path / "model" / lineage.FILE).is_file():
        path = path / "model"
    return DerivedModel(path, lineage.read(path), base)


def write_files(derivation: Derivation, folder: Path, base: Base | None) -> None:
    """Write the files of the standard library alone into the empty *folder*: what a user would carry around."""
    form: Any = plugins.load("formats", derivation.format)
    form.save(derivation.predictor, folder, base)
    if derivation.finish is not None:
        derivation.finish(folder)


def write_model(
    folder: Path, derivation: Derivation, identity: lineage.Identity, base: Base | None, record: dict[str, Any]
) -> DerivedModel:
    """Write *derivation* as a new folder: its standard files, ``labels.json``, ``hasei.json``; all or nothing."""
    form: Any = plugins.load("formats", derivation.format)
    with new_folder(folder) as temporary:
        write_files(derivation, temporary, base)
        for name, content in derivation.beside.items():
            write_bytes(temporary / name, content)
        if identity.space["names"]:
            write_json(temporary / "labels.json", list(identity.space["names"]))
            if hasattr(form, "label"):
                form.label(temporary, identity.space["names"])
        lineage.write(temporary, identity, record)
    return open_model(folder, str(base.folder) if base else "")


def largest_difference(one: Floats, other: Floats) -> float:
    """Largest absolute difference of two arrays of outputs (n, w), 0 for no rows."""
    return difference(one, other)
