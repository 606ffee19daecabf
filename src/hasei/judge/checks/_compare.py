"""How much of one text would have to be edited to get the other: the cost of a pair, by words rather than by letters.

"How do I say hello in French" and "... in Spanish" share most letters and ask for different things; "Where's my card?" and
"where is the card" share fewer and ask the same. So a changed content word costs more than a changed function word.

Costs: nothing for punctuation, case, joined words; 0.5 for another order of words, a typo, a function word; 1 for a content
word more or less; 1.5 for a content word replaced by another. A typo is a small change of letters that makes a word which
stands nowhere else in the data, or another ending of the same word.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from hasei.judge.checks._forms import is_function, is_unspaced

HALF = 0.5
_SLIPS = 20
"""A word may be a slip of one that stands in this many times as many texts."""

_AROUND = 2.5
_SIGNS_A_WORD = 4


@dataclass(frozen=True)
class Text:
    """One text in the forms that are compared. *weight*: content words count one, function words a half."""

    bare: str
    words: tuple[str, ...]
    weight: float
    unspaced: bool


@dataclass(frozen=True)
class Likeness:
    """*cost* of the edits between two texts; *shared* weight that both have; *content* words that both have;
    *replaced*: a content word stands for another; *around*: all of the shorter stands without a break in the longer, which is
    not much longer.
    """

    cost: float
    shared: float
    content: int
    replaced: bool = False
    around: bool = False


def make_text(bare: str, words: list[str]) -> Text:
    """Return the forms of one text."""
    return Text(bare, tuple(words), sum(map(weight, words)), is_unspaced(bare))


@lru_cache(maxsize=1_000_000)
def weight(word: str) -> float:
    """Return what a word weighs."""
    return HALF if is_function(word) else 1.0


def compare(one: Text, other: Text, frequency: Counter[str]) -> Likeness:
    """Compare two texts; *frequency* counts the texts of the data in which a word stands."""
    if one.bare > other.bare:
        one, other = other, one  # which of equally good pairs of typos is taken must not hang on the order
    left, right, both = _apart(one.words, other.words)
    typos = _pair_off(left, right, frequency)
    weights = list(map(weight, both))
    shared, content = sum(weights) + typos, weights.count(1.0) + typos
    if one.bare.replace(" ", "") == other.bare.replace(" ", ""):
        return Likeness(0.0, max(one.weight, other.weight), max(content, 1))
    lost, won = (list(map(weight, words)).count(HALF) for words in (left, right))
    a, b = len(left) - lost, len(right) - won
    cost = HALF * (_moved(one, other, both) + typos + max(lost, won)) + abs(a - b) + 1.5 * min(a, b)
    if one.unspaced and other.unspaced and (by_signs := _by_signs(one.bare, other.bare)) < cost:
        cost, shared = by_signs, max(shared, min(len(one.bare), len(other.bare)) / _SIGNS_A_WORD)
    short, long = (one, other) if len(one.words) <= len(other.words) else (other, one)
    around = not (a and b) and len(long.words) <= _AROUND * len(short.words) and _stands_in(short.words, long.words)
    return Likeness(cost, shared, content, bool(a and b), around)


def _apart(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[list[str], list[str], list[str]]:
    """Return the words that only *one* has, those that only *other* has, and those of both, as often as they stand."""
    left, right, both = [], list(other), []
    for word in one:
        if word in right:
            right.remove(word)
            both.append(word)
        else:
            left.append(word)
    return left, right, both


def _moved(one: Text, other: Text, both: list[str]) -> bool:
    """Tell whether the words of *both* stand in another order in *other* than in *one*, whose order *both* has."""
    return not (_in_order(both, other.words) or _in_order(_apart(other.words, one.words)[2], one.words))


def _in_order(words: list[str], text: tuple[str, ...]) -> bool:
    rest = iter(text)
    return all(word in rest for word in words)


def _pair_off(left: list[str], right: list[str], frequency: Counter[str]) -> int:
    """Take words that are one another's typo or other ending out of *left* and *right*; return how many pairs."""
    found = 0
    for word in list(left):
        for other in right:
            # A slip seldom spares neither end of a word: most pairs need no closer look.
            if (word[0] == other[0] or word[-1] == other[-1] or len(word) < 4) and _is_typo(word, other, frequency):
                left.remove(word)
                right.remove(other)
                found += 1
                break
    return found


def _is_typo(word: str, other: str, frequency: Counter[str]) -> bool:
    shortest, longest = sorted((len(word), len(other)))
    most = max(1, longest // 4)
    if longest < 3 or longest - shortest > most or word.isdigit() or other.isdigit():
        return False
    rare, common = sorted((frequency[word], frequency[other]))
    if rare > max(1, common // _SLIPS) and not (shortest >= 4 and word[:3] == other[:3]):
        return False
    return OSA.distance(word, other, score_cutoff=most) <= most


def _by_signs(one: str, other: str) -> float:
    """Return the cost by changed signs, for scripts in which a slip of a key changes what the words are."""
    one, other = one.replace(" ", ""), other.replace(" ", "")
    digits = [c for c in one if c.isdigit()], [c for c in other if c.isdigit()]
    if digits[0] != digits[1] or min(len(one), len(other)) < 10:
        return float("inf")
    return HALF * OSA.distance(one, other)


def _stands_in(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    size = len(short)
    return any(long[start : start + size] == short for start in range(len(long) - size + 1))
