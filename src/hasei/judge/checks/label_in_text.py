"""The label written into the text that a model reads: its name, or a code that goes with it one to one.

A name counts where nobody writes it by chance: spelt as a program spells it (``card_arrival``, ``AddToPlaylist``), or set apart
at the start or the end (``[refund] ...``, ``refund: ...``, ``... #refund``). A code is a marked piece at the start or the end
(``Q17``, ``[b3]``, ``#2``): pieces of one shape are the label in disguise where each goes with one label and each label with
one piece, too often for chance. Words of the language are not: "play" may start every request for music.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.roles import normalise
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, by_file

NEEDS = "text"

_LEAST_NAMES = 3
_LEAST_CODES = 4
_PURE = 0.95
_ENDS = 120
_CHANCE = 1e-4
_OPEN, _CLOSE = r"[\[(<{【〔（「『《]", r"[\])>}】〕）」』》]"
_APART = r"[^\s:：|>＞]{1,40}(?: [^\s:：|>＞]+){0,4}"
_START = re.compile(
    rf"^\W*?(?:(?:label|class)\s*[:=]\s*(\S{{1,40}})|{_OPEN}\s*([^\[\](){{}}]{{1,40}}?)\s*{_CLOSE}|({_APART})\s*(?:[:：|>＞]|->|=>|\s-\s))"
)
_END = re.compile(
    rf"(?:{_OPEN}\s*([^\[\](){{}}]{{1,40}}?)\s*{_CLOSE}|(?:[|#＃]|\blabel|\bclass)\s*[:=]?\s*([^\s:|#]{{1,40}}))\W*$"
)
_TOKEN_START = re.compile(r"^(\S+)\s")
_TOKEN_END = re.compile(r"\s(\S+)$")
_COMPOUND = re.compile(r"[a-z][A-Z]|[^\W_][_./-][^\W_]")
_MARKED = re.compile(r"[\d_#@＃]")
_WORD = re.compile(r"\w+(?:[./-]\w+)*")
_SIGNS = " _-./"
_PUNCTUATION = ".,!?;:'\"。、！？…"


def find(room: Room) -> list[Finding]:
    """Name the rows whose text holds the name of their label, or a code for it."""
    if room.task.target_kind != "category" or room.task.input_kind != "text":
        return []
    named = _named(room)
    coded = sorted(set(_coded(room)) - set(named))
    return [*_findings(room, named, by_name=True), *_findings(room, coded, by_name=False)]


def _named(room: Room) -> list[int]:
    labels = set(room.rows.targets)
    spelt = {normalise(label): label for label in labels if _COMPOUND.search(label)}
    names = {_plain(label): label for label in labels if len(_plain(label)) > 1}
    own, others = [], 0
    for number, content in enumerate(room.rows.contents):
        if number % 1000 == 0:
            room.watch.check()
        held = {spelt[word] for word in _WORD.findall(content) if word in spelt} if spelt else set()
        held |= {names[piece] for piece in map(_plain, _set_apart(content)) if piece in names}
        if room.rows.targets[number] in held:
            own.append(number)
        elif held:
            others += 1
    return own if len(own) >= max(_LEAST_NAMES, _PURE * (len(own) + others)) else []


@lru_cache(maxsize=200_000)
def _plain(text: str) -> str:
    return "".join(char for char in normalise(text) if char not in _SIGNS)


def _set_apart(content: str) -> Iterator[str]:
    """Yield the pieces of a normalised text that are set apart at its start and its end."""
    for pattern, piece in ((_START, content[:_ENDS]), (_END, content[-_ENDS:])):
        if found := pattern.search(piece):
            yield next(filter(None, found.groups()))
    for pattern, piece in ((_TOKEN_START, content[:_ENDS]), (_TOKEN_END, content[-_ENDS:])):
        if (found := pattern.search(piece)) and found[1][0] in "#@＃":
            yield found[1][1:]


def _coded(room: Room) -> list[int]:
    """Return the rows with a code for their label at the start or the end; what also stands inside a text is no code."""
    within = {word.strip(_PUNCTUATION) for content in room.rows.contents for word in content.split()[1:-1]}
    places: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for number, content in enumerate(room.rows.contents):
        for place, piece in _codes(content):
            if piece.strip(_PUNCTUATION) not in within:
                places[place, _shape(piece)].append((number, piece))
    shares = {label: count / len(room.rows) for label, count in Counter(room.rows.targets).items()}
    found: list[int] = []
    for pieces in places.values():
        room.watch.check()
        if _one_to_one([(piece, room.rows.targets[number]) for number, piece in pieces], shares):
            found += [number for number, _piece in pieces]
    return found


def _codes(content: str) -> Iterator[tuple[str, str]]:
    """Yield the marked pieces at the start and the end: with a digit or an underscore in them, or set apart."""
    ends = (("start", _TOKEN_START, _START, content[:_ENDS]), ("end", _TOKEN_END, _END, content[-_ENDS:]))
    for place, token, apart, end in ends:
        if found := apart.search(end):
            yield f"{place}, apart", next(filter(None, found.groups()))
        elif (found := token.search(end)) and _MARKED.search(found[1]):
            yield place, found[1].rstrip(_PUNCTUATION)


def _shape(piece: str) -> str:
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", piece))


def _one_to_one(pairs: list[tuple[str, str]], shares: dict[str, float]) -> bool:
    """Tell whether codes and labels go together both ways, several of each, beyond chance."""
    codes, labels = {code for code, _label in pairs}, {label for _code, label in pairs}
    if len(pairs) < _LEAST_CODES or min(len(codes), len(labels)) < 2:
        return False
    together = Counter(pairs)
    by_code: defaultdict[str, list[int]] = defaultdict(list)
    by_label: defaultdict[str, list[int]] = defaultdict(list)
    for (code, label), count in together.items():
        by_code[code].append(count)
        by_label[label].append(count)
    pure = min(sum(map(max, by_code.values())), sum(map(max, by_label.values()))) >= _PURE * len(pairs)
    surprise = sum((count - 1) * math.log(max(shares[label], 1e-9)) for (_code, label), count in together.items())
    return pure and surprise < math.log(_CHANCE)


def _findings(room: Room, rows: list[int], *, by_name: bool) -> list[Finding]:
    def say(place: Place) -> str:
        if by_name:
            return _("rows of '{file}' whose text holds the name of their label: {n} of {of}", **vars(place))
        return _("rows of '{file}' whose text holds a code that stands for their label: {n} of {of}", **vars(place))

    do = _("take it out of the texts: a model will read it instead of the message, and it won't be there in use")
    return by_file(room, "leak", "label_in_disguise", "error", rows, do, say)
