"""SPDX expressions: what a derivation of a base under one licence with data under another may be released as."""

from __future__ import annotations

# Ordered by how much they ask of whoever passes the work on.
_KINDS = {
    "permissive": ("CC0-1.0", "0BSD", "Unlicense", "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"),
    "attribution": ("CC-BY-3.0", "CC-BY-4.0"),
    "share-alike": ("CC-BY-SA-3.0", "CC-BY-SA-4.0", "GPL-3.0-only", "GPL-3.0-or-later", "AGPL-3.0-only"),
    "non-commercial": ("CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"),
    "no-derivatives": ("CC-BY-ND-4.0", "CC-BY-NC-ND-4.0"),
}
UNKNOWN = "unknown"


def kind(licence: str) -> str:
    """Return the kind of an SPDX id: permissive, attribution, share-alike, non-commercial, no-derivatives or unknown."""
    folded = licence.casefold()
    return next((k for k, ids in _KINDS.items() if folded in {i.casefold() for i in ids}), UNKNOWN)


def derived(base: str, data: str) -> str:
    """Return what a model derived from *base* with *data* is under: the SPDX conjunction, or ``unknown``.

    An unknown part makes the whole unknown: what nobody has stated can't be promised to others.
    """
    if UNKNOWN in (kind(base), kind(data)):
        return UNKNOWN
    parts = sorted({base, data}, key=str.casefold)
    return " AND ".join(parts)
