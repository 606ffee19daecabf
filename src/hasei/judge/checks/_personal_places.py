"""Postal addresses in Japanese and English: where they stand in a folded text.

A place alone is no address: a number of a house must stand by it, or a postal code of its own form. *Source*: Publication
28 of the US Postal Service (2020) for words of streets and two-letter states; the format of UK postcodes (BS 7666, 2006);
those of Japan are in ``_personal_places_ja``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hasei.judge.checks import _personal_places_ja
from hasei.judge.checks._words import sections

Found = tuple[str, int, int]
_STATES = "A[LKZR]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[TA]|W[AVIY]|PR"
_STREET = (
    "street|avenue|boulevard|road|lane|drive|court|terrace|crescent|parkway|highway|square|place|close|way|circle|trail|"
    "st|ave|blvd|rd|ln|dr|ct|pkwy|hwy|sq|pl"
)
# What never stands between a house's number and the word of its street.
_NOT_NAMES = sections("personal_words.txt")["no street"]
_UK = (
    r"(?:GIR 0AA|[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9]{1,2}|[0-9][A-HJKPSTUW]|[A-HK-Y][0-9][ABEHMNPRVWXY])"
    r" [0-9][ABD-HJLNP-UW-Z]{2})(?![A-Za-z0-9])"
)
_POSTCODE = re.compile(rf"(?<![A-Za-z0-9]){_UK}")
_TOWN = r"[A-Z][a-z]+(?: [A-Z][a-z]+){0,2}"
_ENGLISH = re.compile(
    rf"(?<![0-9A-Za-z.,$£€¥#/:-])(?P<house>[1-9][0-9]{{0,4}}[A-Za-z]?)\s+(?P<names>(?:[NSEW]\.?\s+)?(?:[A-Za-z0-9'’.-]+\s+){{1,3}}?)"
    rf"(?i:(?P<street>{_STREET})\b\.?(?:\s+[NSEW]{{1,2}}\b)?(?P<rest>,?\s+(?:apt|apartment|suite|unit|flat|#)\.?\s?[0-9A-Za-z]{{1,5}}\b)?)"
    rf"(?:,\s*{_TOWN})*(?:,?\s+(?:{_UK}|(?:{_STATES})\b(?:\s+[0-9]{{5}}(?:-[0-9]{{4}})?(?![0-9]))?))?"
)
_CITY_STATE_CODE = re.compile(
    rf"(?<![A-Za-z])[A-Z][a-z]+(?: [A-Z][a-z]+){{0,2}},?\s+(?:{_STATES})\s+[0-9]{{5}}(?:-[0-9]{{4}})?(?![0-9-])"
)
_POST_BOX = re.compile(r"\bP\.? ?O\.? Box [0-9]{1,6}\b", re.I)
_COLUMN = re.compile(
    r"^(?:(?:home|street|postal|mailing|shipping|billing|delivery|customer)[ _]?)?address(?:[ _]?(?:line)?[ _]?[0-9])?$"
    r"|^(?:ご?住所|所在地|届け先|お届け先|送付先)[0-9]?$",
    re.I,
)


def found(text: str, column: str, digits: int) -> Iterator[Found]:
    """Yield (kind, start, end) of what stands in the folded *text*, which holds *digits* digits."""
    if _COLUMN.match(column.strip()):
        yield "postal_address", *_trimmed(text, 0, len(text))
    for start, end in _personal_places_ja.found(text, digits):
        yield "postal_address", *_trimmed(text, start, end)
    if not digits:
        return
    for pattern in (_CITY_STATE_CODE, _POSTCODE, _POST_BOX):
        for match in pattern.finditer(text):
            yield "postal_address", *_trimmed(text, *match.span())
    for match in _ENGLISH.finditer(text):
        if _is_address(match):
            yield "postal_address", *_trimmed(text, *match.span())


def _is_address(match: re.Match[str]) -> bool:
    """Whether the words before that of the street name one: capitals tell, else only a street spelled out will do."""
    names = match["names"].split()
    if any(name.lower().strip(".'’") in _NOT_NAMES for name in names) or names[-1].endswith((".", ",")):
        return False
    if (
        match["house"].isdigit()
        and len(match["house"]) == 4
        and match["house"][:2] in ("19", "20")
        and not match["rest"]
    ):
        return False
    capital = all(name[0].isupper() or name[0].isdigit() for name in names) and match["street"][0].isupper()
    spelled = match["street"].lower() in ("street", "avenue", "boulevard", "road", "lane") and len(names) <= 2
    return capital or (
        spelled and all(name[0].isalpha() or re.fullmatch(r"\d+(?:st|nd|rd|th)", name) for name in names)
    )


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip(" ,、\n\t")), end - (len(part) - len(part.rstrip(" ,、.\n\t")))
