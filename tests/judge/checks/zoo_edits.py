"""Simple edits by which a row is disguised, in English and Japanese: each takes a text and a random source."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_STOP = {
    "the": "a", "a": "the", "my": "the", "can": "could", "will": "would", "in": "at", "on": "at", "for": "to", "is": "was",
    "are": "were", "do": "did", "me": "us", "from": "of", "with": "by", "what": "which", "to": "for", "i": "we", "and": "or",
    "this": "that", "that": "this", "it": "this", "of": "for", "would": "will", "you": "we", "your": "the",
}  # fmt: skip
_STOP_JA = [
    ("が", "は"),
    ("は", "が"),
    ("います", "いる"),
    ("に", "へ"),
    ("を", "は"),
    ("です", "だ"),
    ("で", "にて"),
    ("の", "な"),
]
_FILLERS = ["really", "just", "now", "actually", "please", "today", "again", "perhaps", "simply", "still"]
_FILLERS_JA = ["とても", "今", "少し", "その", "また", "きっと"]
_GREETINGS = [("Hello, ", " Thanks, John"), ("Hi there! ", " Best regards, Mary Smith"), ("Dear team, ", " Thank you very much!"),
              ("Good morning, ", " Kind regards, A. Jones, Leeds")]  # fmt: skip
_GREETINGS_JA = [
    ("お世話になっております。", "よろしくお願いいたします。田中"),
    ("こんにちは。", "ありがとうございます。"),
    ("", "以上、よろしくお願いします。山本"),
]


def is_japanese(text: str) -> bool:
    return 3 * sum("\u3040" <= char <= "\u9fff" for char in text) > len(text)


def width_and_case(text: str, rng: random.Random) -> str:
    """Case, or full width, together with a lost full stop: what normalising alone would not see through."""
    bare = re.sub(r"[.?!。、,]", "", text)
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    return (
        bare.translate(wide) + "！"
        if is_japanese(text)
        else rng.choice((bare.upper(), bare.title(), bare.translate(wide)))
    )


def punctuation(text: str, rng: random.Random) -> str:
    if is_japanese(text):
        return text.replace("、", "").rstrip("。") + rng.choice(("！", "…", "！？"))
    return re.sub(r"[,;'’]", "", text).rstrip(".?! ") + rng.choice(("!!", "...", "?!", " ;-)"))


def typo(text: str, rng: random.Random) -> str:
    """Drop, double, swap or exchange one letter inside a word."""
    inside = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 2].isalpha()]
    i, letters = (
        rng.choice(inside),
        "あいうえおかきくけこたなにのはも" if is_japanese(text) else "abcdefghijklmnopqrstuvwxyz",
    )
    kinds = (
        text[:i] + text[i + 1 :], text[: i + 1] + text[i:], text[:i] + text[i + 1] + text[i] + text[i + 2 :],
        text[:i] + rng.choice(letters) + text[i + 1 :],
    )  # fmt: skip
    return rng.choice(kinds)


def order(text: str, rng: random.Random) -> str:
    """Put the parts of a sentence, or two words, in another order."""
    if not is_japanese(text):
        words = text.split()
        i = rng.randrange(len(words) - 1)
        return " ".join([*words[:i], words[i + 1], words[i], *words[i + 2 :]])
    stop = "。" if text.endswith("。") else ""
    parts = [part for part in re.split(r"(?<=[、。])|(?<=[をにでが])(?=[一-鿿゠-ヿ])", text.rstrip("。")) if part]
    if len(parts) < 2:
        return text
    i = rng.randrange(len(parts) - 1)
    return "".join([*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]]) + stop


def word_dropped(text: str, rng: random.Random) -> str:
    if is_japanese(text):
        i = rng.choice([i for i in range(len(text) - 2) if not re.search(r"\d", text[i : i + 2])])
        return text[:i] + text[i + 2 :]
    words = text.split()
    del words[rng.randrange(len(words))]
    return " ".join(words)


def word_added(text: str, rng: random.Random) -> str:
    if is_japanese(text):
        i = rng.randrange(len(text) - 1)
        return text[:i] + rng.choice(_FILLERS_JA) + text[i:]
    words = text.split()
    words.insert(rng.randrange(len(words) + 1), rng.choice(_FILLERS))
    return " ".join(words)


def function_words(text: str, rng: random.Random) -> str:
    """Exchange up to two function words for others."""
    if is_japanese(text):
        fit = [(one, other) for one, other in _STOP_JA if one in text]
        return text.replace(*rng.choice(fit), 1) if fit else text
    words = text.split()
    fit = [i for i, word in enumerate(words) if word.lower() in _STOP]
    for i in rng.sample(fit, min(2, len(fit))):
        words[i] = _STOP[words[i].lower()]
    return " ".join(words)


def greeting(text: str, rng: random.Random) -> str:
    before, after = rng.choice(_GREETINGS_JA if is_japanese(text) else _GREETINGS)
    return before + text + after


EDITS: dict[str, Callable[[str, random.Random], str]] = {
    "width and case": width_and_case, "punctuation": punctuation, "typo": typo, "order": order, "word dropped": word_dropped,
    "word added": word_added, "function words": function_words, "greeting": greeting,
}  # fmt: skip


def exchange(text: str, words: list[str], rng: random.Random) -> str:
    """Exchange one word (two letters, in Japanese) for one out of *words*."""
    if is_japanese(text):
        i = rng.choice([i for i in range(len(text) - 2) if not re.search(r"\d", text[i : i + 2])])
        return text[:i] + rng.choice(words) + text[i + 2 :]
    parts = text.split()
    parts[rng.randrange(len(parts))] = rng.choice(words)
    return " ".join(parts)
