"""The pieces of a text that an entity may begin or end at, and the places of a base's sub-tokens among them.

A piece is a run of letters and digits, or a single sign. In scripts that don't part words by spaces (Japanese, Chinese, Thai;
Korean, whose particles stick to nouns) every character is one, so that there each sub-token is a place of its own. Marks and
joiners belong to what stands before them. Rows given as tokens are texts whose tokens are parted by :data:`GAP`: their pieces
are the tokens, whatever these hold.

Source: first sub-tokens as places: Devlin et al. 2019, "BERT", section 5.3.
Relations: everything here is plain Python of texts and offsets; model cards print it.

>>> [text[a:b] for text in ["5pm, 東京!"] for a, b in pieces(text)]
['5pm', ',', '東', '京', '!']
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

GAP = "\u2005"
"""Parts tokens (FOUR-PER-EM SPACE): white space to every reader, and to no writer a habit. Inside tokens a space is a no-break
one, so that a text with a plain space is none of tokens."""


@lru_cache(maxsize=65536)
def kind(sign: str) -> str:
    """Return what *sign* is: "gap", "joined" to what stands before, "word" (runs make one piece) or "single"."""
    category = unicodedata.category(sign)
    if sign.isspace() or category in ("Cc", "Zs", "Zl", "Zp"):
        return "gap"
    if category[0] == "M" or category == "Cf" or "\U0001f3fb" <= sign <= "\U0001f3ff":  # skin tones
        return "joined"
    unspaced = ("THAI", "LAO ", "MYANMAR", "KHMER", "TIBETAN", "CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA",
                "HANGUL", "BOPOMOFO", "YI ", "IDEOGRAPHIC")  # fmt: skip
    if category[0] in "LN" and not unicodedata.name(sign, "").startswith(unspaced):
        return "word"
    return "single"


def plain(text: str) -> str:
    """Return *text* as a base reads it, sign for sign: tokens parted by plain spaces."""
    return text.replace("\u2005", " ").replace("\u00a0", " ") if "\u2005" in text and " " not in text else text


def pieces(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every piece of *text*, in order; white space lies in none."""
    found: list[tuple[int, int]] = []
    if "\u2005" in text and " " not in text:  # tokens, as they were given
        start = 0
        for token in text.split("\u2005"):
            if token.strip():
                left = start + len(token) - len(token.lstrip())
                found.append((left, left + len(token.strip())))
            start += len(token) + 1
        return found
    before = "gap"
    for i, sign in enumerate(text):
        now = kind(sign)
        if now == "joined" and before != "gap":
            found[-1] = (found[-1][0], i + 1)
            before = "joiner" if sign == "\u200d" else before  # an emoji made of several
        elif (now == "word" and before == "word") or (now != "gap" and before == "joiner"):
            found[-1] = (found[-1][0], i + 1)
            before = now
        elif now == "gap":
            before = "gap"
        else:
            found.append((i, i + 1))
            before = "single" if now == "joined" else now
    return found


def places(parts: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Return (token, start, end) of every place: the first sub-token of a piece, and the characters it stands for.

    *parts* are pieces in order, *offsets* what each sub-token covers (nothing for special ones). A sub-token that covers
    several pieces makes them one place; a piece without sub-tokens is none.
    """
    found: list[tuple[int, int, int]] = []
    first, last = 0, -1  # the next piece that a sub-token can lie in, the last one that belongs to a place
    for token, (low, high) in enumerate(offsets):
        while first > 0 and parts[first - 1][1] > low:
            first -= 1
        while first < len(parts) and parts[first][1] <= low:
            first += 1
        end = first
        while end < len(parts) and parts[end][0] < high:
            end += 1
        if end == first or low == high:
            continue
        if first > last:
            found.append((token, parts[first][0], parts[end - 1][1]))
        elif end - 1 > last:
            found[-1] = (*found[-1][:2], parts[end - 1][1])
        last = max(last, end - 1)
    return found
