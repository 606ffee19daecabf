"""Where personal data stands in a text: spans by kind, their masks, and the tags that replace them.

Text is compared in NFKC with its dashes between digits made plain, so that full-width digits are digits; spans are those
of the text as it stands. *Source*: the detectors of ``_personal_numbers``, ``_personal_network``, ``_personal_places``,
``_personal_names``, each with its own.

>>> [(hit.kind, hit.start, hit.end) for hit in hits("mail taro@example.com or ０９０−１２３４−５６７８")]
[('email', 5, 21), ('phone', 25, 38)]
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hasei.judge.checks import (
    _personal_model,
    _personal_names,
    _personal_network,
    _personal_numbers,
    _personal_places,
)

KINDS = (
    "email", "iban", "payment_card", "my_number", "us_ssn", "bank_account", "passport", "ip_address", "phone",
    "postal_address", "name",
)  # fmt: skip
"""Also the order in which they win where two overlap: what has a check digit is surest."""
TAGS = {
    "email": "[EMAIL]", "payment_card": "[CARD]", "my_number": "[MY_NUMBER]", "iban": "[IBAN]", "us_ssn": "[SSN]",
    "bank_account": "[BANK_ACCOUNT]", "passport": "[PASSPORT]", "ip_address": "[IP_ADDRESS]", "phone": "[PHONE]",
    "postal_address": "[ADDRESS]", "name": "[NAME]",
}  # fmt: skip
"""What replaces the data of each kind in a cleaned copy."""
_TAG = re.compile("|".join(re.escape(tag) for tag in TAGS.values()))
_DASHES = re.compile(r"(?<=[0-9)])[\u2010-\u2015\u2212\u30fc\u2500](?=[0-9(])")
_MOST_MARKS = 4


@dataclass(frozen=True, order=True)
class Hit:
    """Personal data of one kind at the characters *start* to *end* of a text, as it stands."""

    start: int
    end: int
    kind: str


def hits(text: str, column: str = "", *, by_model: bool = False) -> list[Hit]:
    """Return what is found in *text*, in order and without overlaps; *column* is the name of the column it stands in.

    *by_model*: also the names that an installed model sees. Tags that replaced something are left alone, so that a
    cleaned text stays clean.
    """
    if len(text) < 2 or text.isspace():
        return []
    folded, places = fold(text)
    taken = [(match.start(), match.end()) for match in _TAG.finditer(folded)]
    found = [(kind, start, end) for kind, start, end in _detected(folded, column, by_model) if start < end]
    kept = []
    for kind, start, end in sorted(found, key=lambda f: (KINDS.index(f[0]), f[1], -f[2])):
        if all(end <= left or right <= start for left, right in taken):
            taken.append((start, end))
            kept.append(Hit(start, end, kind) if places is None else Hit(places[start][0], places[end - 1][1], kind))
    return sorted(kept)


def cell_hits(cell: str, column: str = "", *, by_model: bool = False) -> list[Hit]:
    """Return what is found in a cell; the strings of a list or an object (JSON) are read one by one."""
    if not _is_nested(cell):
        return hits(cell, column, by_model=by_model)
    found = []
    for start, end, value, key in json_strings(cell):
        inner = cell_hits(value, key or column, by_model=by_model)
        # Where an escape makes the string in the file longer than its value, the whole string is named.
        plain = end - start - 2 == len(value)
        found += [
            Hit(start + 1 + h.start, start + 1 + h.end, h.kind) if plain else Hit(start, end, h.kind) for h in inner
        ]
    return found


def redacted(text: str, column: str = "", *, by_model: bool = False) -> tuple[str, list[str]]:
    """Return *text* with each hit replaced by the tag of its kind, again and again until nothing is found; and the kinds."""
    kinds: list[str] = []
    while found := hits(text, column, by_model=by_model):
        kinds += [hit.kind for hit in found]
        for hit in reversed(found):
            text = text[: hit.start] + TAGS[hit.kind] + text[hit.end :]
    return text, kinds


def redacted_cell(cell: str, column: str = "", *, by_model: bool = False) -> tuple[str, list[str]]:
    """Return a cell as :func:`redacted` does; of a list or an object (JSON) only the strings inside change."""
    if not _is_nested(cell):
        return redacted(cell, column, by_model=by_model)
    return redacted_json(cell, column, by_model=by_model)


def redacted_json(line: str, column: str = "", *, by_model: bool = False, keep: str = "") -> tuple[str, list[str]]:
    """Return a line of JSON with what its strings and numbers hold replaced; every other character stays.

    What stands under the outermost key *keep* is left as it is.
    """
    done, kinds, last = [], [], 0
    for start, end, value, key in json_strings(line, keep):
        clean, found = redacted_cell(value, key or column, by_model=by_model)
        if found:
            kinds += found
            escaped = json.dumps(clean, ensure_ascii=line[start:end].isascii())
            done += [line[last:start], escaped]
            last = end
    return "".join([*done, line[last:]]), kinds


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|-?[0-9][0-9.eE+-]*')


def json_strings(line: str, leave_out: str = "") -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end and value of every string and number that is a value in a line of JSON, and the nearest key.

    What stands under the outermost key *leave_out* is passed over.
    """
    keys, tokens = [""], list(_TOKEN.finditer(line))
    for token, after in zip(tokens, [*tokens[1:], None]):
        text = token.group()
        if text in "[{":
            keys.append(keys[-1])
        elif text in "]}":
            keys.pop()
        elif text[0] == '"' and after is not None and after.group() == ":":
            keys[-1] = json.loads(text)
        elif text not in ":," and not (leave_out and len(keys) > 1 and keys[1] == leave_out):
            yield token.start(), token.end(), json.loads(text) if text[0] == '"' else text, keys[-1]


def mask(kind: str, value: str) -> str:
    """Return a value so that a person recognises it and nobody learns it: never the whole of it.

    >>> mask("email", "taro@example.com"), mask("payment_card", "4242 4242 4242 4242"), mask("name", "山田太郎")
    ('t***@e***.com', '**** **** **** 4242', '山***')
    """
    value = unicodedata.normalize("NFKC", value)
    if kind == "email":
        local, _at, domain = value.partition("@")
        return f"{local[:1] if len(local) > 1 else ''}***@{domain[:1]}***.{domain.rpartition('.')[2]}"
    if kind in ("name", "postal_address"):
        return f"{value[0]}***" if len(value) > 1 else "***"
    shown = {"payment_card": 4, "phone": 2}.get(kind, 0)
    digits = sum(char.isalnum() for char in value)
    return "".join(_starred(value, digits - shown if digits > 2 * shown else digits))


def _starred(value: str, hidden: int) -> Iterator[str]:
    for char in value:
        yield "*" if char.isalnum() and hidden > 0 else char
        hidden -= char.isalnum()


def fold(text: str) -> tuple[str, list[tuple[int, int]] | None]:
    """Return *text* as it is compared, and where each character of it stands in *text* (None: at the same place)."""
    if text.isascii():
        return text, None
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    for place, char in enumerate(text):
        # A voiced half-width kana is two characters (ﾀﾞ), and so may be any letter with a mark.
        if spans and _is_mark(char) and pieces[-1] and place - spans[-1][0] < _MOST_MARKS:
            spans[-1] = (spans[-1][0], place + 1)
            pieces[-1] = unicodedata.normalize("NFKC", text[spans[-1][0] : place + 1])
        else:
            spans.append((place, place + 1))
            pieces.append(_folded(char))
    folded = _DASHES.sub("-", "".join(pieces))
    if len(pieces) == len(text) and all(len(piece) == 1 for piece in pieces):
        return folded, None
    return folded, [span for span, piece in zip(spans, pieces) for _ in piece]


@lru_cache(maxsize=8192)
def _folded(char: str) -> str:
    # Signs without a shape, such as zero-width spaces, would part what belongs together.
    return "" if unicodedata.category(char) == "Cf" else unicodedata.normalize("NFKC", char)


def _is_mark(char: str) -> bool:
    return char in "ﾞﾟ" or (char > "\u02ff" and unicodedata.combining(char) > 0)


def _detected(text: str, column: str, by_model: bool) -> Iterator[tuple[str, int, int]]:
    digits = sum(map(text.count, "0123456789"))
    yield from _personal_numbers.found(text, column, digits)
    yield from _personal_network.found(text, column, digits)
    yield from _personal_places.found(text, column, digits)
    yield from _personal_names.found(text, column)
    for start, end in _personal_model.people(text) if by_model else ():
        yield "name", start, end


def _is_nested(cell: str) -> bool:
    if cell[:1] + cell[-1:] not in ("[]", "{}"):
        return False
    try:
        value: Any = json.loads(cell)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, (list, dict))
