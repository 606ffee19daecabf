"""Whether the base can read this text at all: unknown characters, words cut to pieces, scripts it was not made for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._base_fit import Fit, fit_of
from hasei.judge.checks._room import Room
from hasei.judge.checks._saying import percent
from hasei.judge.checks._scripts import language
from hasei.judge.evidence import UNKNOWN
from hasei.tasks import Floats

NEEDS = "base"
_CUT_UP = 2.0
_MOSTLY = 0.5
_LEAST_ROWS = 3
_LEAST_SHARE = 0.005


def find(room: Room) -> list[Finding]:
    """Return what the base can't read of the rows at ``room.seen``; nothing where it reads them all well."""
    if room.task.input_kind != "text":
        return []
    fit, lost = fit_of(room)
    whole = _whole(fit)
    if whole is not None:
        message, do = whole
        return [Finding("base_fit", "warning", message, do=do, evidence=_plain(fit))]
    return _some_rows(room, lost)


def _whole(fit: Fit) -> tuple[str, str] | None:
    """Return what is wrong with the base for these texts as a whole and what to do, or None."""
    tongue = language(fit.scripts)
    do = _("try a base made for {language}, or for many languages", language=tongue) if tongue else _(
        "try a base made for the language of these texts, or for many languages"
    )  # fmt: skip
    if fit.unknown >= UNKNOWN:
        message = _("the base reads {share} of the characters as unknown", share=percent(fit.unknown))
        return message, do
    if fit.foreign:
        have = sum(fit.vocabulary[name] for name in fit.foreign)
        share = sum(fit.scripts[name] for name in fit.foreign)
        message = _(
            "{share} of the letters are in a script of which the base knows only {n} pieces: it spells the words and does"
            " not know them", share=percent(share), n=have,
        )  # fmt: skip
        return message, do
    if fit.pieces_per_word >= _CUT_UP:
        message = _(
            "the base cuts a word into {n} pieces on average, where 1.1 to 1.6 are usual: it was made for another language"
            " or for other words", n=f"{fit.pieces_per_word:.1f}",
        )  # fmt: skip
        return message, do
    return None


def _some_rows(room: Room, lost: Floats) -> list[Finding]:
    """Return the finding for single rows of which most is unknown to the base, if there are more than a few."""
    rows = room.seen[np.flatnonzero(lost > _MOSTLY)]
    if len(rows) < max(_LEAST_ROWS, math.ceil(_LEAST_SHARE * len(room.seen))):
        return []
    file, lines = next(iter(room.rows.by_file(rows).items()))
    message = _(
        "rows of '{file}' in which the base can't read more than half of the characters: {n}", file=file, n=len(lines)
    )
    do = _("leave them out, or try a base made for many languages")
    return [Finding("base_fit", "warning", message, file, lines, do, "rows")]


def _plain(fit: Fit) -> dict[str, Any]:
    figures = fit.to_json()
    spaced = math.isfinite(fit.pieces_per_word)
    return figures | {
        "unknown": round(fit.unknown, 4), "pieces_per_word": round(fit.pieces_per_word, 2) if spaced else None,
        "characters_per_piece": round(fit.characters_per_piece, 2),
    }  # fmt: skip
