"""What two writings of one text have in common: letters without punctuation, the core without a greeting, and words.

Words of unspaced scripts are runs of one script, as no word list is carried: in Japanese, kanji, katakana, Latin letters and
digits carry the content, hiragana mostly the grammar. In other languages a list of English function words and politeness
tells them apart; of words in a language that it does not know, all but the shortest count as content.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST = 1500
"""Characters of a text that are compared: of a longer one, its two ends."""
_SHORTEST_CORE = 8

_RUN = re.compile(
    r"[\u3041-\u309f]+|[\u30a1-\u30ff]+|[\u3400-\u9fff\uf900-\ufaff\u3005-\u3007]+|\d+"
    r"|[^\W\d_\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\u3005-\u3007]+"
)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_HIRAGANA = re.compile(r"[\u3041-\u309f]+$")

_WORDS = """a an the this that these those there here it its of in on at to for from with by within into onto upon about as off
    via and or but so if then than i me my mine myself you your yours u we us our ours he him his she her they them their
    is are am was were be been being do does did done have has had having can could will would shall should may might must
    s t m d re ve ll let lets just also too very really now actually maybe quickly some any using
    please pls plz kindly hello hi hey dear thanks thank thx cheers regards sincerely best kind ok okay oh um uh well
    sir madam"""
_FUNCTION = frozenset(_WORDS.split())
"""Changing them seldom changes what is asked. Question words and negations do, so they are not here."""

_NOT = re.compile(r"\b(do|does|did|is|are|was|were|has|have|had|can|could|would|should|wo|ca|need|must)n['’]?t\b")
_CLITIC = re.compile(r"['’](s|re|ve|ll|m|d|t)\b")
_GLUED = re.compile(r"\b(what|how|where|who|when|that|there|it|he|she)s\b|\b(i)(m|ve)\b|\b(you|they|we)(re|ve)\b")
_IRREGULAR = {"wo": "will", "ca": "can"}
_SAME = {"which": "what", "pls": "please", "plz": "please", "thru": "through", "til": "until", "till": "until"}

_HELLO = re.compile(
    r"^\W*(?:hello|hi|hey|dear|greetings|good (?:morning|afternoon|evening|day)|to whom it may concern)\b"
    r"([^,.!?:;]{0,30})[,.!?:;]+"
)
_BYE = re.compile(
    r"(?:[,.!?;:)—-]\s*(?:many thanks|thanks|thank you|thx|regards|cheers|best|sincerely|sent from)\b"
    r"|\b(?:thanks|thank you|cheers|(?:best|kind|warm) regards|best wishes|yours (?:sincerely|faithfully|truly)"
    r"|sent from my)\b(?=\W*[,.!]|\W*$)"
    r"|\b(?:thanks|thank you)(?=(?: very much| so much| a lot| in advance| again)?\W*$))(.{0,60})$"
)
_THANKS_MORE = re.compile(
    r"\b(?:very much|so much|a lot|in advance|again|for (?:your|the) (?:help|time|support|attention))\b"
)
_HELLO_JA = re.compile(
    r"^\W*(?:(?:いつも)?(?:大変)?お世話になっ(?:ております|ています)|お世話様です|お疲れ様です|お疲れさまです|こんにちは|こんばんは"
    r"|おはようございます|はじめまして|初めまして|拝啓|突然のご連絡失礼(?:いた)?します|恐れ入りますが?)[\W_]*"
)
_BYE_JA = re.compile(
    r"[\W_]*(?:以上[、,]?)?(?:(?:どうぞ|何卒|どうか)?(?:よろしく|宜しく)(?:お願い|御願い)(?:いた|致)?(?:します|申し上げます)"
    r"|ありがとうございま(?:す|した)|お手数(?:をおかけします|ですが)|失礼(?:いた|致)?します|敬具|以上です)"
    r"[\W_]*[^\u3041-\u309f。？?]{0,20}$"
)
_TITLES = frozenset(("there", "sir", "madam", "or", "and", "all", "my", "phone"))
_ENDS = 120
"""Signs at either end in which a greeting or a signature is looked for."""


class _Shapes(dict[int, str]):
    """The table by which punctuation and signs become spaces; filled as characters come."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char in "'’`´":
            self[code] = ""
        else:
            # U+30FC, the long vowel of katakana, is a letter (Lm).
            self[code] = char if unicodedata.category(char)[0] in "LNM" else " "
        return self[code]


_SHAPES = _Shapes()


def shortened(content: str) -> str:
    """Return what of a normalised text is compared: all of it, or both ends of a long one."""
    return content if len(content) <= LONGEST else f"{content[: LONGEST // 2]} {content[-LONGEST // 2 :]}"


def bare(content: str) -> str:
    """Return a normalised text without punctuation, signs and apostrophes, single spaces between what is left."""
    return " ".join(content.translate(_SHAPES).split())


def squeezed(content: str) -> str:
    """Return the letters and digits alone, by which two texts are the same one; the content where it has neither."""
    return bare(content).replace(" ", "") or content


def core(content: str) -> str:
    """Return a normalised text without the greeting before it and the thanks and signature after it.

    >>> core("hello team, where is my card? best regards, mary smith")
    'where is my card'
    >>> core("how do i say thank you in french?")
    'how do i say thank you in french'
    """
    text = content
    if "\x1f" not in text:
        opened = text[_greeting(text[:_ENDS]) :]
        closed = opened[: len(opened) - _signature(opened[-_ENDS:])]
        text = next((part for part in (closed, opened) if len(part) >= _SHORTEST_CORE), text)
    return text.strip(" 、。,.!?！？")


def _greeting(head: str) -> int:
    """Return the length of the greeting that a text begins with."""
    found = _HELLO_JA.match(head) or _HELLO.match(head)
    return found.end() if found and (found.re is _HELLO_JA or _is_name(found[1])) else 0


def _signature(tail: str) -> int:
    """Return the length of the thanks and the signature that a text ends with."""
    found = _BYE_JA.search(tail) or _BYE.search(tail)
    if not found or (found.re is _BYE and not _is_name(_THANKS_MORE.sub("", found[1]))):
        return 0
    # A question mark before the thanks belongs to the question, and is compared away later.
    return len(tail) - found.start()


def _is_name(text: str) -> bool:
    """Tell whether a piece may be a name, or nothing: a few words, none of which makes a sentence of it."""
    parts = bare(text).split()
    said = (part for part in parts if len(part) > 1 and part not in _TITLES)  # an initial is no article
    return len(parts) <= 6 and not any(part in _FUNCTION or part in ("not", "no") for part in said)


@lru_cache(maxsize=200_000)
def _spread(word: str) -> tuple[str, ...]:
    return tuple(_RUN.findall(word))


def words(text: str) -> list[str]:
    """Return the words of a normalised text, short forms written out (``can't``: can, not), as they stand in it."""
    text = _NOT.sub(lambda found: f"{_IRREGULAR.get(found[1], found[1])} not", text.replace("cannot", "can not"))
    text = _GLUED.sub(_halves, _CLITIC.sub(r" \1", text))
    return [_SAME.get(run, run) for word in bare(text).split() for run in _spread(word)]


def _halves(found: re.Match[str]) -> str:
    return f"{found[1]} s" if found[1] else " ".join(part for part in found.groups() if part)


def is_function(word: str) -> bool:
    """Tell whether a word carries grammar or politeness rather than content."""
    return word in _FUNCTION or (len(word) == 1 and word.isalpha() and word.isascii()) or bool(_HIRAGANA.match(word))


def is_unspaced(text: str) -> bool:
    """Tell whether a text is mostly in a script written without spaces."""
    return 3 * len(_UNSPACED.findall(text)) > len(text)


def shingles(text: str) -> set[bytes]:
    """Return the pieces of a bare text by which likeness is estimated: 3 letters, or 2 signs of an unspaced script."""
    if is_unspaced(text):
        text, size = text.replace(" ", ""), 2
    else:
        text, size = f" {text} ", 3
    return {text[i : i + size].encode("utf-8", "surrogatepass") for i in range(max(1, len(text) - size + 1))}
