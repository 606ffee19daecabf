"""The schema of ``hasei.json``: what a derived model is (identity, hashed) and what was measured of it (record).

The identity holds no clock, cost or path, so that the same recipe, seed and processor features give the same bytes.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from hasei.ground.errors import BaseError
from hasei.ground.files import hash_file, hash_folder, hash_json, plain, write_json

FILE = "hasei.json"
SCHEMA = 1
# The card states scores and is written last; it is no part of what the model computes.
_CARD = "README.md"
_NOT_HASHED = (FILE, _CARD)


@dataclass(frozen=True)
class Identity:
    """What a derived model is. *steps* carry the settings with every choice made; *files* the hashes of its folder.

    *licence* is the SPDX expression of all parts; *licence_override* the reason for which their conflict was passed over.
    *data* holds a ``sketch`` of the rows learned from, and in ``inherited`` pairs of name and sketch of the parents' rows
    (:mod:`hasei.ground.sketch`).
    """

    format: str
    task: str
    space: dict[str, Any]
    steps: list[dict[str, Any]]
    recipe_id: str
    trial_id: str
    seed: int
    parents: list[dict[str, Any]]
    data: dict[str, Any]
    licence: str
    environment: dict[str, Any]
    files: dict[str, str] = field(default_factory=dict)
    trained: list[str] = field(default_factory=list)
    licence_override: str = ""


def write(folder: Path, identity: Identity, record: dict[str, Any]) -> None:
    """Write ``hasei.json`` into *folder*, hashing the files that are there."""
    stated = plain(asdict(identity)) | {"files": hash_folder(folder, _NOT_HASHED)}
    content = {"schema": SCHEMA, "identity": stated, "identity_hash": hash_json(stated), "record": plain(record)}
    write_json(folder / FILE, content, canonical=True)


def update_record(folder: Path, record: dict[str, Any]) -> None:
    """Replace the record (cost, scores, verdict); the identity stays as it is."""
    content = read(folder)
    write_json(folder / FILE, content | {"record": plain(record)}, canonical=True)


def seal(folder: Path) -> None:
    """Hash record and model card too, once both are written: a later edit of a figure shows."""
    content = read(folder)
    card = folder / _CARD
    sealed = {"record_hash": hash_json(content["record"]), "card_hash": hash_file(card) if card.is_file() else ""}
    write_json(folder / FILE, content | sealed, canonical=True)


def read(folder: Path) -> dict[str, Any]:
    """Return the content of ``hasei.json``; raises :class:`BaseError` when absent or damaged."""
    path = folder / FILE
    if not path.is_file():
        raise BaseError(
            f"'{folder}' is no model made by hasei", expected=f"a folder with {FILE}",
            do="give the folder 'model' inside the folder that hasei try wrote",
        )  # fmt: skip
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["schema"] != SCHEMA:
            raise BaseError(f"'{path}' has schema {content['schema']}", expected=str(SCHEMA), do="update hasei")
        content["identity"]["format"], content["identity_hash"]
    except (ValueError, KeyError, TypeError) as error:
        raise BaseError(f"'{path}' is damaged: {error}", do="derive the model again") from error
    return content  # type: ignore[no-any-return]


def differences(folder: Path) -> list[str]:
    """Return in words what differs between *folder* and its own hashes; empty when it is as it was made."""
    content = read(folder)
    stated: dict[str, str] = content["identity"]["files"]
    found = hash_folder(folder, _NOT_HASHED)
    words = [f"'{name}' is missing" for name in sorted(set(stated) - set(found))]
    words += [f"'{name}' was added" for name in sorted(set(found) - set(stated))]
    words += [f"'{name}' was changed" for name in sorted(set(found) & set(stated)) if found[name] != stated[name]]
    if hash_json(content["identity"]) != content["identity_hash"]:
        words.append(f"the identity in {FILE} was changed")
    card = folder / _CARD
    if content.get("card_hash", "") != (hash_file(card) if card.is_file() and "card_hash" in content else ""):
        words.append(f"'{_CARD}' was changed or removed")
    if "record_hash" in content and hash_json(content["record"]) != content["record_hash"]:
        words.append(f"the record (figures, verdict) in {FILE} was changed")
    return words


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """What of this machine and its libraries can change bytes: processor features, threads, versions."""
    from importlib.metadata import version

    import torch

    libraries = ("torch", "transformers", "peft", "tokenizers", "numpy", "scipy", "scikit-learn")
    return {
        "processor": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
    }
