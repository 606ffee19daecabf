"""In which scripts a text is written, and which of them a tokenizer's vocabulary knows."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from hasei.ground.language import _

_KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})
_KNOWN = frozenset({
    "LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "BENGALI", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM",
    "GUJARATI", "GURMUKHI", "SINHALA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "HANGUL", "GEORGIAN", "ARMENIAN",
    "ETHIOPIC", "MONGOLIAN",
})  # fmt: skip
JAPANESE = frozenset({"KANA", "HAN"})


@lru_cache(maxsize=65536)
def script(char: str) -> str:
    """Return the script of a letter by its Unicode name (``LATIN``, ``KANA``, ``HAN``, ``HANGUL``, ...), else ""."""
    if not char.isalpha():
        return ""
    first = unicodedata.name(unicodedata.normalize("NFKC", char)[:1] or char, "").partition(" ")[0]
    if first in _KANA:
        return "KANA"
    if first == "CJK":
        return "HAN"
    return first if first in _KNOWN else ""


def scripts(texts: Iterable[str]) -> dict[str, float]:
    """Return the share of the letters of *texts* in each script, the commonest first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(map(script, text))
    counts.pop("", None)
    total = counts.total()
    return {name: count / total for name, count in counts.most_common()}


def vocabulary_scripts(tokenizer: Any) -> Counter[str]:
    """Return how many pieces of the vocabulary are written in each script."""
    counts: Counter[str] = Counter()
    in_bytes = "ByteLevel" in str(tokenizer.backend_tokenizer.decoder)
    for piece in tokenizer.get_vocab():
        # Pieces in bytes must be read back to letters, which costs four times as much.
        letters = Counter(map(script, tokenizer.convert_tokens_to_string([piece]) if in_bytes else piece))
        letters.pop("", None)
        if letters:
            counts[letters.most_common(1)[0][0]] += 1
    return counts


def language(shares: dict[str, float]) -> str:
    """Say the language that the scripts of a text point to, as far as scripts can tell; "" for Latin or none."""
    if shares.get("KANA", 0.0) >= 0.05:
        return _("Japanese")
    main = next(iter(shares), "")
    named = {"HAN": _("Chinese"), "HANGUL": _("Korean"), "THAI": _("Thai"), "GREEK": _("Greek"), "HEBREW": _("Hebrew"),
             "ARABIC": _("Arabic"), "CYRILLIC": _("a language in Cyrillic script")}  # fmt: skip
    if main in named:
        return named[main]
    return "" if main in ("", "LATIN") else _("a language in {script} script", script=main.title())
