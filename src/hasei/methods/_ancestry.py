"""Whether bases belong together, and what they all came from: by the lineages in their folders, else by their weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hasei.engine import merging
from hasei.engine.readings import Reading
from hasei.engine.trunk import Trunk
from hasei.ground.errors import BaseError, NotSupported
from hasei.inputs.base import Base

NEAR = 0.5
"""How far apart (:func:`hasei.engine.merging.apart`) models of one origin can lie; strangers lie at about 1."""


def refuse_unlike(trunks: Sequence[Trunk]) -> None:
    """Raise NotSupported unless all *trunks* have the same architecture, shapes and tokenizer, and no two are the same."""
    first = trunks[0]
    for other in trunks[1:]:
        names = f"'{first.base.name}' and '{other.base.name}'"
        kinds = [trunk.base.config.get("model_type") for trunk in (first, other)]
        state = dict(other.model.named_parameters())
        why = merging.unlike(dict(first.model.named_parameters()), state)
        if kinds[0] != kinds[1] or why:
            raise NotSupported(
                f"the bases {names} can't be merged, for their weights are not of one shape",
                expected="bases of one architecture and size",
                received=why if kinds[0] == kinds[1] else f"{kinds[0]} and {kinds[1]}",
                do="choose bases that were derived from one",
            )  # fmt: skip
        if _vocabulary(first) != _vocabulary(other):
            raise NotSupported(
                f"the bases {names} can't be merged, for their tokenizers differ",
                expected="one tokenizer, so that a token means the same to both",
                do="choose bases that were derived from one",
            )
    hashes = [trunk.base.content_hash for trunk in trunks]
    if len(set(hashes)) < len(hashes):
        raise NotSupported(
            "the same base is given twice", received=", ".join(f"'{t.base.name}'" for t in trunks),
            do="give each once; weights say how much one counts",
        )  # fmt: skip


def ancestor_of(reading: Reading, trunks: Sequence[Trunk], *, first: bool) -> tuple[Trunk, list[Trunk]]:
    """Return what *trunks* came from and which of them are merged: all others where it is the first of them.

    The first is it where *first* says so, where another names it as its parent, or where no parent is common to all. Raises
    NotSupported where the common parent that lineages name can't be opened.
    """
    origin, others = trunks[0], list(trunks[1:])
    common = _common([trunk.base for trunk in trunks])
    named = any(origin.base.content_hash in _parents(trunk.base) for trunk in others)
    if first or named or common is None:
        return origin, others
    try:
        base = Base.open(common["opened_as"] or common["name"])
        if base.content_hash != common["content_hash"]:
            raise BaseError(f"'{base.name}' has another content than the parent of these bases")
    except BaseError as error:
        raise NotSupported(
            f"the base '{common['name']}' that all bases were derived from can't be found here",
            expected="it as the first of the bases", do="give it first, or set ancestor to first",
        ) from error  # fmt: skip
    return reading.open(base, trunks[0].store), list(trunks)


def refuse_strangers(trunks: Sequence[Trunk], *, unrelated: bool) -> None:
    """Raise NotSupported where bases have neither a parent in common nor weights near each other, unless that is wished."""
    first = trunks[0]
    for other in [] if unrelated else trunks[1:]:
        origins = [{trunk.base.content_hash, *_parents(trunk.base)} for trunk in (first, other)]
        if origins[0] & origins[1]:
            continue
        distance = merging.apart(dict(first.model.named_parameters()), dict(other.model.named_parameters()))
        if distance > NEAR:
            raise NotSupported(
                f"the bases '{first.base.name}' and '{other.base.name}' have no common parent, and their weights are not near",
                expected=f"a distance of at most {NEAR} (0: equal, 1: strangers)", received=f"{distance:.2f}",
                do="choose bases that were derived from one, or set unrelated to true to merge them all the same",
            )  # fmt: skip


def _parents(base: Base) -> set[str]:
    return {str(parent.get("content_hash")) for parent in base.parents}


def _common(bases: Sequence[Base]) -> dict[str, Any] | None:
    """The first parent that all *bases* name."""
    shared = set.intersection(*(_parents(base) for base in bases))
    return next((parent for parent in bases[0].parents if parent.get("content_hash") in shared), None)


def _vocabulary(trunk: Trunk) -> Any:
    """What a base makes tokens by; a preparer of pictures has nothing of the kind."""
    backend = getattr(trunk.tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    found = json.loads(backend.to_str())
    return {key: value for key, value in found.items() if key not in ("padding", "truncation")}
