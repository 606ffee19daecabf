"""Which encoding a text file is in, found by reading all of it once at constant memory.

Order: a byte order mark; the pattern of NUL bytes that UTF-16 leaves; UTF-8, checked to the last byte, for a stray byte
may come late; CP932 (what Japanese Excel calls CSV) and EUC-JP, judged by whether the result looks like Japanese; then
the guess of charset-normalizer among a few encodings. Whatever is chosen has decoded the whole file without an error.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding

CHUNK_BYTES = 1 << 20
SAMPLE_BYTES = 1 << 18

NAMES = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8 with BOM",
    "utf-16": "UTF-16", "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE",
    "cp932": "CP932 (Shift_JIS as Windows writes it)", "euc_jp": "EUC-JP", "cp1252": "CP1252 (Western European)",
    "cp1250": "CP1250 (Central European)", "cp1251": "CP1251 (Cyrillic)", "koi8_r": "KOI8-R (Cyrillic)",
    "euc_kr": "EUC-KR (Korean)", "gb18030": "GB18030 (Chinese)", "big5": "Big5 (Chinese)",
}  # fmt: skip
_GUESSED = ("cp1252", "cp1250", "cp1251", "koi8_r", "euc_kr", "gb18030", "big5")
# Bytes that a codec lets through although no text has them: C1 controls, and what CP932 makes of A0 and FD to FF.
_NEVER_IN_TEXT = re.compile("[\x80-\x84\x86-\x9f\uf8f0-\uf8f3]")
_JAPANESE = re.compile("[\u3000-\u30ff\uff01-\uff5e]")
_KANA = re.compile("[\u3041-\u30fe]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_FOREIGN = re.compile("[^\x00-\x7f]+")


@dataclass(frozen=True)
class Encoding:
    """An encoding: *codec* is its name in Python, *name* its name for a person."""

    codec: str

    @property
    def name(self) -> str:
        """The encoding as a person calls it."""
        return NAMES[self.codec]

    def findings(self, file: str) -> tuple[Finding, ...]:
        """Return a warning that names the encoding, or nothing where it is UTF-8."""
        if self.codec in ("utf-8", "utf-8-sig"):
            return ()
        message = _("'{file}' is not UTF-8: it was read as {encoding}", file=file, encoding=self.name)
        do = _("look at a few rows; if they are garbled, save it as UTF-8")
        return (Finding("encoding", "warning", message, file, do=do),)


@dataclass(frozen=True)
class _Bad:
    """The first byte that an encoding can't read: *offset* from 0, *line* from 1."""

    offset: int
    line: int


def detect(path: Path) -> Encoding:
    """Return the encoding of the text file *path*; raises DataError, naming the byte and its line, where none fits."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if head.startswith(codecs.BOM_UTF8):
        return _certain(path, "utf-8-sig")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _certain(path, "utf-16")
    wide = _utf16_without_mark(head)
    if wide and _first_bad(path, wide) is None:
        return Encoding(wide)
    bad = _first_bad(path, "utf-8")
    if bad is None:
        return Encoding("utf-8")
    sample = _sample(path)
    if _is_damaged_utf8(sample):
        raise _unreadable(path, bad, ["utf-8"])
    for judge in (_japanese, _others):
        for codec in judge(sample):
            if _first_bad(path, codec) is None:
                return Encoding(codec)
    raise _unreadable(path, bad, ["utf-8", "utf-16", "cp932", "euc_jp", *_GUESSED])


def _certain(path: Path, codec: str) -> Encoding:
    bad = _first_bad(path, codec)
    if bad is not None:
        raise _unreadable(path, bad, [codec])
    return Encoding(codec)


def _unreadable(path: Path, bad: _Bad, tried: list[str]) -> DataError:
    names = ", ".join(NAMES[codec].split(" (")[0] for codec in tried)
    return DataError(
        f"'{path.name}' can't be read as text: the byte at position {bad.offset} (line {bad.line}) fits no encoding",
        expected=f"text in one of the encodings tried: {names}",
        do="save the file again as UTF-8 (Excel: 'CSV UTF-8')",
    )


def _first_bad(path: Path, codec: str) -> _Bad | None:
    """Decode all of *path*; return the place of the first byte that *codec* can't read, or None."""
    decoder = codecs.getincrementaldecoder(codec)("strict")
    done, line, last = 0, 1, ""
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            state = decoder.getstate()
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                offset = done + len(chunk) - len(error.object) + error.start
                decoder.setstate(state)
                before = decoder.decode(chunk[: max(0, offset - done)])
                return _Bad(offset, line + _line_ends(before, last))
            if not codec.startswith("utf") and (odd := _NEVER_IN_TEXT.search(text)):
                before = text[: odd.start()]
                return _Bad(done - len(state[0]) + len(before.encode(codec)), line + _line_ends(before, last))
            if not chunk:
                return None
            line += _line_ends(text, last)
            last = text[-1:] or last
            done += len(chunk)


def _line_ends(text: str, last: str) -> int:
    """Count the line ends in *text*, which follows the character *last*: CR LF is one, even across two chunks."""
    both = text.count("\r\n") + (last == "\r" and text.startswith("\n"))
    return text.count("\n") + text.count("\r") - both


def _utf16_without_mark(head: bytes) -> str | None:
    """Guess the byte order of UTF-16 from where NUL bytes stand; None where the text is rather of single bytes."""
    if b"\0" not in head:
        return None
    codec = "utf-16-le" if head[1::2].count(0) >= head[0::2].count(0) else "utf-16-be"
    text = head[: len(head) // 2 * 2].decode(codec, "replace")
    if "\0" in text:
        return None
    ends, ten_or_thirteen = _bare_ends(text), head.count(b"\n") + head.count(b"\r")
    # In UTF-16 nearly every byte 0A is half of a line end; in a text of bytes with a stray NUL hardly one is.
    if ten_or_thirteen:
        return codec if 2 * ends > ten_or_thirteen else None
    return codec if 4 * head.count(0) >= len(head) else None


def _bare_ends(text: str) -> int:
    return text.count("\n") + text.count("\r")


def _sample(path: Path) -> bytes:
    """Return the first lines that hold a byte above 7F, about 256 KiB at most."""
    found, size = [], 0
    with path.open("rb") as file:
        while size < SAMPLE_BYTES and (chunk := file.read(CHUNK_BYTES)):
            for line in chunk.splitlines():
                if not line.isascii() and size < SAMPLE_BYTES:
                    found.append(line[:SAMPLE_BYTES])
                    size += len(found[-1])
    return b"\n".join(found)


def _is_damaged_utf8(sample: bytes) -> bool:
    """Tell UTF-8 with a few broken bytes from another encoding, whose bytes are rarely valid UTF-8 by chance."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    valid = len(text) - len(text.encode("ascii", "ignore")) - broken
    return valid > 2 * broken


def _japanese(sample: bytes) -> list[str]:
    """Return CP932 and EUC-JP, likelier first, as far as the sample read by them looks like Japanese."""
    texts = {codec: sample.decode(codec, "replace") for codec in ("cp932", "euc_jp")}
    # Korean and half-width kana read by EUC-JP are kanji without end: no Japanese text is without its own kana.
    if 10 * len(_KANA.findall(texts["euc_jp"])) < sum(map(len, _FOREIGN.findall(texts["euc_jp"]))):
        del texts["euc_jp"]
    scores = {codec: _looks_japanese(text) for codec, text in texts.items()}
    return sorted((codec for codec, score in scores.items() if score >= 0.25), key=lambda codec: -scores[codec])


def _looks_japanese(text: str) -> float:
    """Score from about -1 to 1: kana, full-width signs and common kanji count for, anything else against.

    A lone kanji that touches a Latin letter counts against: it is how CP932 reads the apostrophe of ``don't`` or an
    accented letter in a Western text. Half-width kana count little: it is how CP932 reads EUC-JP.
    """
    total, score = 0, 0.0
    for match in _FOREIGN.finditer(text):
        run = match.group()
        total += len(run)
        around = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
        alone = len(run) == 1 and any(c.isalpha() for c in around)
        score += sum(_weight(char, alone) for char in run)
    return score / total if total else 0.0


def _weight(char: str, alone: bool) -> float:
    if _JAPANESE.match(char):
        return 1.0
    if alone:
        return -1.0
    if _HALF_KANA.match(char):
        return 0.3
    # In CP932 the kanji in daily use (first level of JIS X 0208) lead with 88 to 98, signs such as ① with 87, and kanji
    # of names that the standard left out with ED, EE, FA to FC.
    lead = char.encode("cp932", "replace")[0]
    return 1.0 if 0x87 <= lead <= 0x98 else 0.5 if lead in b"\xed\xee\xfa\xfb\xfc" else -1.0


def _others(sample: bytes) -> list[str]:
    """Return what charset-normalizer finds likely, best first; Western European wins where it reads as well."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample, cp_isolation=list(_GUESSED)))
    # A handful of accents is too little to tell one alphabet from another.
    if not matches or sum(byte > 0x7F for byte in sample) < 8:
        return ["cp1252"] if _looks_western(sample) else []
    best = max(match.coherence for match in matches)
    likely = [codec for match in matches if match.coherence >= best - 0.1 for codec in match.could_be_from_charset]
    return sorted(set(likely).intersection(_GUESSED), key=lambda codec: (codec != "cp1252", likely.index(codec)))


def _looks_western(sample: bytes) -> bool:
    """Accented letters and typographic signs stand among Latin letters, seldom three in a row."""
    text = sample.decode("cp1252", "replace")
    runs = [len(run) for run in _FOREIGN.findall(text)]
    return "\ufffd" not in text and max(runs) < 3 and 2 * sum(runs) <= len(text)
