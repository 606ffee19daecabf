"""A sketch of the rows that a model was derived from: it tells later whether a row was among them, and nothing else.

A Bloom filter over SHA-256 hashes of the rows' normalised contents. A row that was there is always recognised; one that was
not is taken for one that was with a probability of about one in a million. It needs 29 bits a row: 3.6 bytes, 4.8 characters
in ``hasei.json`` (48 kB for 10,000 rows). No text can be read out of it, but whoever holds a text can ask whether it was there.

Source: Bloom 1970; two hashes for all positions: Kirsch and Mitzenmacher 2006.

Shapes: r rows, k hashes, m bits.

>>> sketch = Sketch.of(["where is my card"])
>>> "where is my card" in sketch, "where is my parcel" in sketch
(True, False)
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FALSE_POSITIVE_RATE = 1e-6
_KIND = "bloom.sha256.v1"


@dataclass(frozen=True)
class Sketch:
    """The rows that were there: *rows* different ones, *hashes* positions a row, *filter* the bits (m,), packed."""

    rows: int
    hashes: int
    filter: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, contents: Iterable[str]) -> Sketch:
        """Return the sketch of normalised *contents*; equal sets of rows give equal bytes."""
        different = sorted(set(contents))
        size = 8 * math.ceil(-len(different) * math.log(FALSE_POSITIVE_RATE) / math.log(2) ** 2 / 8) or 8
        hashes = max(1, round(size / max(1, len(different)) * math.log(2)))
        bits = np.zeros(size, np.bool_)
        for content in different:
            bits[_positions(content, hashes, size)] = True
        return cls(len(different), hashes, np.packbits(bits))

    def __contains__(self, content: str) -> bool:
        """Tell whether a normalised content was there."""
        places = _positions(content, self.hashes, 8 * len(self.filter))
        return bool(((self.filter[places >> 3] >> (7 - (places & 7))) & 1).all())

    def to_json(self) -> dict[str, Any]:
        """Return the sketch as plain JSON."""
        text = base64.b64encode(self.filter.tobytes()).decode("ascii")
        return {"kind": _KIND, "rows": self.rows, "hashes": self.hashes, "filter": text}

    @classmethod
    def from_json(cls, stated: Mapping[str, Any]) -> Sketch:
        """Read a sketch back; raises ValueError, KeyError or TypeError where it is none or damaged."""
        if stated["kind"] != _KIND:
            raise ValueError(f"a sketch of rows of the kind {stated['kind']}")
        packed = np.frombuffer(base64.b64decode(stated["filter"], validate=True), np.uint8)
        if not 1 <= int(stated["hashes"]) <= 64 or not len(packed):
            raise ValueError("a sketch of rows without bits")
        return cls(int(stated["rows"]), int(stated["hashes"]), packed)


def _positions(content: str, hashes: int, size: int) -> npt.NDArray[np.int64]:
    digest = hashlib.sha256(f"hasei.seen.v1\x1e{content}".encode("utf-8", "surrogatepass")).digest()
    first, second = (int.from_bytes(part, "big") for part in (digest[:8], digest[8:16]))
    # Odd, so that it shares no factor with a size that is a power of two.
    return np.array([(first + i * (second | 1)) % size for i in range(max(1, hashes))], np.int64)
