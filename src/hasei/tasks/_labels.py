"""Labels as people type them: spellings of one class unified, names made readable.

Relations: used by every task whose target is a class; nothing here knows of models.

>>> readable("AddToPlaylist"), readable("card_arrival")
('add to playlist', 'card arrival')
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding

# A number as a spreadsheet may respell it. A leading zero ("007") makes it a code, which stays as it is.
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_EDGES = "\u200b\u2060\ufeff"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def unify(targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Give every class one spelling, its most frequent one, and say which were unified.

    Labels are the same class when they differ only in case, width (NFKC) or spacing, or spell the same number
    (``1``, ``"1"``, ``1.0``). Applying it twice changes nothing more. Raises :class:`DataError` on a blank label.
    """
    spelt = Counter(map(_trim, targets))
    if "" in spelt:
        raise DataError(
            "a label is blank", expected="a label in every row", do="fill it in, or leave the row out with --where"
        )
    groups: dict[str, list[str]] = defaultdict(list)
    for spelling in spelt:
        groups[_key(spelling)].append(spelling)
    chosen = {s: min(group, key=lambda s: (-spelt[s], len(s), s)) for group in groups.values() for s in group}
    return [chosen[_trim(t)] for t in targets], _said(groups, chosen, spelt)


def _said(groups: dict[str, list[str]], chosen: dict[str, str], spelt: Counter[str]) -> list[Finding]:
    mixed = [group for group in groups.values() if len(group) > 1]
    if not mixed:
        return []
    shown = []
    for group in sorted(mixed, key=lambda g: (-sum(spelt[s] for s in g), min(g)))[:5]:
        others = sorted(s for s in group if s != chosen[s])
        shown.append(f"{', '.join(map(repr, others))} → {chosen[group[0]]!r}")
    rows = sum(spelt[s] for group in mixed for s in group if s != chosen[s])
    examples = "; ".join(shown) + ("; ..." if len(mixed) > 5 else "")
    message = _("{n} labels were respelt, so that each class has one spelling: {examples}", n=rows, examples=examples)
    do = _("if these are different classes, give them names that differ in more than case, width or spacing")
    return [Finding("label_spelling", "warning", message, do=do)]


def _trim(label: str) -> str:
    before = None
    while label != before:
        before, label = label, label.strip().strip(_EDGES)
    return label


def _key(spelling: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", spelling).casefold().split())
    # Case folding can undo normalisation ("ŉ"), so the key is normalised once more.
    folded = unicodedata.normalize("NFKC", folded)
    bare = folded.strip("\"'").strip()
    if not _NUMBER.fullmatch(bare):
        return folded
    sign, digits = ("-", bare[1:]) if bare[0] == "-" else ("", bare.lstrip("+"))
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits if digits == "0" else sign + digits


def nothing_to_tell_apart(targets: Sequence[str], expected: str) -> DataError:
    """Return the error for train rows that all have the same target."""
    return DataError(
        "there is nothing to tell apart", expected=f"{expected} among the training rows",
        received=f"only '{targets[0]}'" if targets else "no rows",
        do="check which column holds the label (--label), or add rows of another class",
    )  # fmt: skip


def unknown_label(label: str, width: int) -> DataError:
    """Return the error for a *label* that none of the *width* classes of a model is."""
    return DataError(
        f"the label '{label}' was not among the training rows", expected=f"one of the {width} classes of the model",
        do="leave its rows out, or add rows of this class for training",
    )  # fmt: skip


def readable(name: str) -> str:
    """Return a label's name in words: underscores, hyphens and CamelCase become spaces."""
    words = re.sub(r"[_\-./:|\s]+", " ", name).strip() or name
    split = _CAMEL.sub(" ", words)
    if split == words:
        return words
    return " ".join(w if len(w) > 1 and w.isupper() else w.lower() for w in split.split())


def is_number(name: str) -> bool:
    """Whether a label is only a number, which says nothing of what it means."""
    return _NUMBER.fullmatch(unicodedata.normalize("NFKC", name)) is not None
