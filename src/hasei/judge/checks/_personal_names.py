"""Names of people: where they stand in a folded text; those in English here, in Japanese in ``_personal_names_ja``.

A name is told by what stands around it (Mr, *my name is*, *Regards,*) and by its column; where that may be said of anything
(*speak to*), a common given name must begin it. What has neither is not found by patterns: see ``_personal_model``.
*Source*: usage; the given names are common ones of the USA and the UK.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hasei.judge.checks import _personal_names_ja
from hasei.judge.checks._words import sections

Found = tuple[str, int, int]
_LISTS = sections("personal_words.txt")

_LETTERS = [chr(code) for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)) if chr(code).isalpha()]
_U = "A-Z" + "".join(filter(str.isupper, _LETTERS))
_L = "a-z" + "".join(filter(str.islower, _LETTERS))
_WORD = rf"[{_U}][{_U}{_L}'’-]*[{_L}][{_U}{_L}'’-]*|[{_U}]{{2,}}"
_FULL = rf"(?:{_WORD}|[A-Z]\.)(?: (?:(?:van|von|de|da|del|di|la|bin|al) )?(?:{_WORD}|[A-Z]\.?(?=[ ,])))" + "{0,3}"
_TITLE = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|MR|MRS|MS)\.? (?P<name>{_FULL})")
_TITLE_LOWER = re.compile(r"\b(?:mr|mrs)\.? (?P<name>[a-z]{3,20})(?![\w'’-])")
_MY_NAME = re.compile(
    rf"\b(?:[Mm]y (?:full |first |last |given |family |sur)?name(?: is|['’]s)|MY NAME IS) (?P<name>{_FULL}"
    rf"|[a-z]{{2,20}}(?: [a-z]{{2,20}})?(?=$|[.,!?;\n]| and | but ))(?![\w'’-])|\b[Nn]ame['’]s (?P<short>{_FULL})"
)
_SPEAKS = re.compile(
    rf"\b(?i:this is|it['’]?s) (?P<name>{_FULL})(?= (?i:speaking|calling|here|writing|from(?! now))\b)"
)
_CALLED = re.compile(rf"\b(?:[Cc]all me|[Ii] am called|[Ii]['’]m called) (?P<name>{_FULL})")
_FIELD = re.compile(
    rf"(?:^|[\n;|,.(])\s*(?i:(?:full|first|last|given|family|customer|contact|patient|employee|client|caller|cardholder|"
    rf"account holder|your|my)? ?(?:name|surname)(?: on (?:the )?(?:card|account))?)\s?(?:[:=]| [-–—] ) *(?P<name>{_FULL})"
)
# Two words in capitals where a person (no title of a song, whose every word has one) says who it is; one alone may be anything.
_CAPITAL = rf"[{_U}][{_L}'’-]*[{_L}]"
_PAIR = rf"{_CAPITAL}(?: [A-Z]\.)? {_CAPITAL}(?![\w'’-])"
_WHO = re.compile(
    rf"(?:\b(?:[Ii] am|[Ii]['’]?m|[Tt]his is|I go by|[Mm]y names)|(?:^|[.!?,] )[Ii]t['’]s) (?P<name>{_PAIR})"
    rf"|\b(?:[Uu]nder(?: the name(?: of)?)?|[io]n the name(?: of)?) (?P<booked>{_PAIR})"
    rf"|(?:^|[.!?,] )(?P<here>{_PAIR})(?=,? here\b)"
)
_NOT_FIRST = _LISTS["no first word of a name"]
_GIVEN = f"(?:{'|'.join(sorted(_LISTS['given names in English'], key=lambda name: (-len(name), name)))})"
_GIVEN_FULL = rf"{_GIVEN}(?: [A-Z]\.)?(?: {_CAPITAL})(?![\w'’-])"
# What is said of people and of much else: a common given name must begin what follows.
_BESIDE = re.compile(
    r"\b(?i:ask for|call|reach|account holder|(?:speak(?:ing)?|spoke|talk(?:ed|ing)?|met) (?:to|with)|contact(?:ed)?|"
    r"on behalf of|belongs to|c/o|(?:forward|send|sent|give|transfer|assign)(?:ed|red)? (?:(?:this|it|that|them) )?to|"
    r"patient|customer|client|employee|colleague|manager|signed by|sent by|in the name of|"
    r"my (?:wife|husband|son|daughter|boss|friend|colleague|doctor|manager|assistant|partner|neighbou?r)),? (?:is )?"
    rf"(?P<name>{_GIVEN_FULL})"
    r"|(?:^|[\n;|,.(])\s*(?i:contact(?: person)?|attn|attention|from|to|cc|signed|customer|patient|employee|applicant|caller|"
    r"passenger|guest|recipient|sender|beneficiary|payee|cardholder|account holder|requested by|reported by)\s?: *"
    rf"(?P<field>{_GIVEN_FULL})"
    rf"|^\s*(?P<alone>{_GIVEN_FULL})\s*$|^(?i:(?:full )?name) (?P<named>{_GIVEN_FULL})"
    rf"|\n\s*[-–—] ?(?P<dashed>{_GIVEN}(?: {_CAPITAL})?)\s*$"
)
_FIRST_ALONE = re.compile(
    rf"\b(?:[Ii] am|[Ii]['’]?m|[Tt]his is|[Ii]t['’]?s|[Ii]t is) (?P<name>{_GIVEN}(?: {_CAPITAL})?)"
    r"(?=[,.!?;\n]|$| (?:from (?!now|then|this|that|the)|here\b|again\b|and I\b|speaking\b|calling\b))"
)
_LOWER_SPEAKS = re.compile(
    rf"\b(?:this is|it['’]?s|i am|i['’]?m) (?P<name>(?i:{_GIVEN})(?: [a-z]{{2,20}})?)(?= (?:speaking|calling)\b)"
)
_FIRST_BEHIND = re.compile(rf", (?i:{_GIVEN})(?! ?{_CAPITAL})(?![\w'’-])")
_DEAR = re.compile(rf"(?:^|\n)\s*(?:Dear|Hi|Hello|Hey) (?P<name>{_WORD}(?: {_WORD})?)(?=\s*[,:!\n])")
_SIGNED = re.compile(
    r"(?i:(?:best|kind|warm)(?:est)? regards|regards|sincerely|faithfully|yours(?: truly)?|best wishes|all the best|best|cheers|"
    rf"thanks|thank you|signed),?(?:(?:[ \t]*[.!]?\s*\n\s*)(?P<below>{_FULL})(?=\s*\.?\s*(?:$|\n))"
    rf"|(?<=,) (?P<name>{_FULL})\s*\.?\s*$)"
)
_NOT_ENGLISH = _LISTS["no names in English"]
_FIRST_IN_FIELD = _LISTS["nothing in a field"]

_COLUMN = re.compile(
    r"^(?:full|first|last|given|family|middle|customer|contact|client|patient|employee|caller|person|user)[ _]?name$|^surname$"
    r"|^(?:ご?氏名|姓名|お?名前|顧客名|お客様名|担当者名?|契約者名?|会員名|社員名|フリガナ|ふりがな|氏名カナ)$",
    re.I,
)
_ANY_NAME = re.compile(r"[^\W\d_][^\d\n<>@:：/。、]{0,38}")


def found(text: str, column: str) -> Iterator[Found]:
    """Yield ("name", start, end) of what stands in the folded *text*."""
    whole = text.strip()
    if _COLUMN.match(column.strip()) and _ANY_NAME.fullmatch(whole) and whole.casefold() not in _FIRST_IN_FIELD:
        yield "name", text.index(whole), text.index(whole) + len(whole)
    for start, end in _english(text):
        yield "name", start, end
    if not text.isascii():
        for start, end in _personal_names_ja.found(text):
            yield "name", start, end


def _english(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (_BESIDE, _FIRST_ALONE, _LOWER_SPEAKS):
        for match in pattern.finditer(text):
            yield match.span(match.lastgroup or 0)
    for match in _WHO.finditer(text):
        group = match.lastgroup or "name"
        first, *others = map(_bare, match[group].split())
        if not {first, *others} & _NOT_ENGLISH and first not in _NOT_FIRST:
            yield match.span(group)
    for pattern in (_TITLE, _TITLE_LOWER, _MY_NAME, _SPEAKS, _CALLED, _FIELD, _DEAR, _SIGNED):
        for match in pattern.finditer(text):
            start, end = _without_roles(match)
            if start < end and not (pattern is _SPEAKS and _bare(text[start:end].split()[0]) in _NOT_FIRST):
                behind = _FIRST_BEHIND.match(text, end) if pattern is _FIELD else None
                yield start, behind.end() if behind else end


def _without_roles(match: re.Match[str]) -> tuple[int, int]:
    """Return start and end of the name in a match without the roles behind it; the same twice where no name is left."""
    group = match.lastgroup or "name"
    words = match[group].split()
    # An, On and In are names too where they stand last and as names are written.
    while words and _bare(words[-1]) in _NOT_ENGLISH and not (len(words) > 2 and words[-1] in ("An", "On", "In")):
        words.pop()
    if not words or _bare(words[0]) in _NOT_ENGLISH | _FIRST_IN_FIELD:
        return match.start(group), match.start(group)
    return match.start(group), match.start(group) + len(" ".join(words))


def _bare(word: str) -> str:
    return word.casefold().removesuffix("'s").removesuffix("’s").strip(".'’-")
