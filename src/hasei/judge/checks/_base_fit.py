"""How a base's tokenizer reads texts: unknown characters, pieces a word, scripts its vocabulary knows.

**Sources**: pieces a word ("fertility") as in Rust et al. 2021, *How Good is Your Tokenizer?*

Measured with the default base: 1.1 to 1.3 pieces a word of everyday or biomedical English, 1.6 of noisy posts, 2.6 of
German and French; of Japanese 23 to 30 % of the characters are unknown to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hasei.judge.checks._room import Room
from hasei.judge.checks._scripts import JAPANESE, scripts, vocabulary_scripts
from hasei.tasks import Floats

_LEAST_PIECES = 1000
_LEAST_SHARE = 0.05
_SPOKEN = 0.1
_SPACED_OUT = 12.0
_CHUNK = 1000


@dataclass(frozen=True)
class Fit:
    """What a tokenizer makes of some texts.

    *unknown* is the share of characters (spaces apart) read as unknown; *pieces_per_word* is NaN where the text does not
    set words apart; *scripts* are shares of the letters; *foreign* are those of a tenth or more of the letters of which
    the vocabulary has hardly a piece; *vocabulary* counts its pieces in each script of the texts.
    """

    unknown: float
    pieces_per_word: float
    characters_per_piece: float
    scripts: dict[str, float]
    foreign: tuple[str, ...]
    vocabulary: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON."""
        return asdict(self) | {
            "scripts": {k: round(v, 4) for k, v in self.scripts.items()},
            "foreign": list(self.foreign),
        }


def fit_of(room: Room) -> tuple[Fit, Floats]:
    """Return what :func:`measure` says of the texts at ``room.seen``, measured once for all checks."""
    texts = room.rows.texts()
    found: tuple[Fit, Floats] = room.once(
        "base fit", lambda: measure(room.trunk.tokenizer, [texts[i] for i in room.seen])
    )
    return found


def measure(tokenizer: Any, texts: Sequence[str]) -> tuple[Fit, Floats]:
    """Return how *tokenizer* reads *texts*, and of each text the share of characters (n,) that it reads as unknown."""
    pieces = 0
    lost, size = np.zeros(len(texts)), np.zeros(len(texts))
    unknown = getattr(tokenizer, "unk_token_id", None)
    for start in range(0, len(texts), _CHUNK):
        chunk = list(texts[start : start + _CHUNK])
        encoded = tokenizer(chunk, add_special_tokens=False, truncation=False, padding=False, verbose=False).encodings
        for i, row in enumerate(encoded, start):
            pieces += len(row.ids)
            size[i] = _seen(texts[i])
            lost[i] = sum(
                _seen(texts[i][low:high])
                for number, (low, high) in zip(row.ids, row.offsets, strict=True)
                if number == unknown
            )
    words = sum(len(text.split()) for text in texts)
    return _fit(tokenizer, texts, pieces, words, float(size.sum()), float(lost.sum())), lost / np.maximum(size, 1)


def _seen(text: str) -> int:
    """Count the characters of *text* that are not spaces."""
    return sum(map(len, text.split()))


def _fit(tokenizer: Any, texts: Sequence[str], pieces: int, words: int, size: float, lost: float) -> Fit:
    shares = scripts(texts)
    vocabulary = vocabulary_scripts(tokenizer)
    spaced = words > 0 and size / words < _SPACED_OUT
    return Fit(
        unknown=lost / size if size else 0.0, pieces_per_word=pieces / words if spaced else float("nan"),
        characters_per_piece=size / pieces if pieces else 0.0, scripts=shares, foreign=_foreign(shares, vocabulary),
        vocabulary={name: vocabulary[name] for name in shares},
    )  # fmt: skip


def _foreign(shares: dict[str, float], vocabulary: dict[str, int]) -> tuple[str, ...]:
    """Return the scripts of a tenth or more of the letters that the vocabulary knows few pieces of.

    Kana and kanji are one writing: a character vocabulary has few kana because there are few.
    """
    total = sum(vocabulary.values())
    japanese = sum(vocabulary.get(name, 0) for name in JAPANESE)
    found = []
    for name, share in shares.items():
        have = japanese if name in JAPANESE and "KANA" in shares else vocabulary.get(name, 0)
        if share >= _SPOKEN and have < _LEAST_PIECES and have < _LEAST_SHARE * total:
            found.append(name)
    return tuple(found)
