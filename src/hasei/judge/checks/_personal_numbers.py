"""E-mail addresses, telephone numbers, and numbers of cards, people and accounts: where they stand in a folded text.

A number counts by its check digit and its usual grouping; written as bare digits it needs a word near it (or the name of
its column) that says what it is, for order numbers are bare digits too. *Source*: RFC 5322 (2008) as far as people use it;
the numbering plans of the ``phonenumbers`` library; ISO/IEC 7812-1 (2017) for cards; Ordinance 85 of 2014 of Japan's
Ministry of Internal Affairs for My Number, ISO 13616 (2020) for IBAN, by ``python-stdnum``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Found = tuple[str, int, int]
_NEAR = 30
_LOCAL = r"(?<![A-Za-z0-9_%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+'’-]{0,63}"
_TOP = r"(xn--[A-Za-z0-9-]{2,58}|[A-Za-z]{2,24})(?![A-Za-z0-9])"
_EMAIL = re.compile(rf"{_LOCAL}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})\.)+{_TOP}")
# Spelled so that no robot reads it: taro [at] example.com.
_SPELLED_EMAIL = re.compile(
    rf"{_LOCAL} ?[\[({{<] ?at ?[\])}}>] ?[A-Za-z0-9][A-Za-z0-9-]{{0,62}}(?:(?:\.| ?[\[({{<] ?dot ?[\])}}>] ?)"
    rf"[A-Za-z0-9][A-Za-z0-9-]{{0,62}}){{0,4}}?(?:\.| ?[\[({{<] ?dot ?[\])}}>] ?){_TOP}",
    re.I,
)
_FILES = frozenset(
    ("png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "json", "txt", "csv", "pdf", "html", "zip")
)
_CARD = re.compile(
    r"(?<![0-9])(?<![0-9][-.])(?:[0-9]{4}(?:[ .-][0-9]{4}){3}(?:[ .-][0-9]{3})?"
    r"|[0-9]{4}(?P<s>[ .-])[0-9]{6}(?P=s)[0-9]{4,5}|[0-9]{13,19})(?![0-9])(?!-[0-9])"
)
# The ranges of issuers (first digits) and the lengths of their numbers.
_ISSUERS = (
    (re.compile(r"4"), (13, 16, 19)), (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)), (re.compile(r"35(?:2[89]|[3-8])"), (16, 19)),
    (re.compile(r"30[0-5]|3095|3[689]"), (14, 16, 19)), (re.compile(r"6011|64[4-9]|65"), (16, 19)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
)  # fmt: skip
_OTHER_NUMBER = re.compile(
    r"\b(?:order|invoice|tracking|ticket|case|reference|ref|serial|parcel|shipment)\b|注文|伝票|追跡|受付|受注|製造|問い?合わせ番号",
    re.I,
)
_MY_NUMBER = re.compile(
    r"(?<![0-9])(?<![0-9][ .-])(?:[0-9]{4}(?P<s>[ -])[0-9]{4}(?P=s)[0-9]{4}|[0-9]{12})(?![0-9])(?![ -][0-9])"
)
_SAYS_MY_NUMBER = re.compile(r"マイナンバー|個人番号|\bmy ?number\b|\bindividual number\b|\bkojin ?bango\b", re.I)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])", re.I
)
_SSN = re.compile(r"(?<![0-9-])(?:[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}|[0-9]{9})(?![0-9-])")
_SAYS_SSN = re.compile(r"\bssn\b|\bsocial[ _]security\b", re.I)
_ACCOUNT = re.compile(
    r"(?:(?:普通|当座)(?:預金)?(?:口座)?|口座番号|\baccount (?:number|no\.?|#)|\bacct\.? (?:number|no\.?|#))"
    r"[^0-9\n]{0,8}(?P<number>[0-9]{6,12})(?![0-9])(?!円)|\bsort code[^0-9\n]{0,8}(?P<sort>[0-9]{2}-[0-9]{2}-[0-9]{2})(?![0-9])",
    re.I,
)
_PASSPORT = re.compile(
    r"(?:\bpassport|旅券|パスポート)[^0-9\n]{0,24}?(?<![A-Za-z0-9])(?P<number>[A-Z]{1,2}[0-9]{7,8}|[0-9]{9})(?![0-9])",
    re.I,
)
_PHONE_LIKE = re.compile(r"[+0-9(][0-9 ()./\-]{6,}[0-9]")
_SAYS_PHONE = re.compile(
    r"\b(?:tele)?phone\b|\bcall(?:ed|ing)?\b|\bcell(?:phone)?\b|\btel\b|\bmobile\b|\bfax\b|\bdial\b|\btext me\b|\bring me\b"
    r"|\b(?:my|our|contact) number\b|\breach (?:me|us)\b|\bwhatsapp\b|\btoll[ -]?free\b|\bfreephone\b|\bhotline\b"
    r"|電話|携帯|連絡先|ファクス|ファックス|フリーダイ[ヤア]ル|フリーコール|ナビダイ[ヤア]ル|内線|直通",
    re.I,
)
_REGIONS = ("JP", "US", "GB")
# Mobile numbers and those of the internet: no other number of Japan has eleven digits and begins like them.
_JAPANESE_MOBILE = re.compile(r"0[5789]0[0-9]{8}")
_DOTTED = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")


def found(text: str, column: str, digits: int) -> Iterator[Found]:
    """Yield (kind, start, end) of what stands in the folded *text*, which holds *digits* digits."""
    yield from _emails(text)
    if digits < 6:
        return
    yield from _accounts(text, column)
    if digits >= 8:
        yield from _phones(text, column)
        yield from _ssn(text, column)
    if digits >= 12:
        yield from _cards(text)
        yield from _my_numbers(text, column)
        yield from _ibans(text)


def _emails(text: str) -> Iterator[Found]:
    for sign, pattern in (("@", _EMAIL), ("at", _SPELLED_EMAIL)):
        for match in pattern.finditer(text) if sign in text.lower() else ():
            if match[1].lower() not in _FILES:
                yield "email", match.start(), match.end()


def _says(pattern: re.Pattern[str], text: str, start: int, column: str) -> bool:
    """Whether the words before *start*, or the column's name, say what a number is."""
    return bool(pattern.search(text, max(0, start - _NEAR), start) or pattern.search(column.replace("_", " ")))


def _cards(text: str) -> Iterator[Found]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        number = re.sub(r"[ .-]", "", match.group())
        if not _issued(number) or not luhn.is_valid(number):
            continue
        if number != match.group() or not _OTHER_NUMBER.search(text, max(0, match.start() - 20), match.start()):
            yield "payment_card", match.start(), match.end()


def _issued(number: str) -> bool:
    return any(first.match(number) and len(number) in lengths for first, lengths in _ISSUERS)


def _my_numbers(text: str, column: str) -> Iterator[Found]:
    from stdnum.jp import in_

    for match in _MY_NUMBER.finditer(text):
        number = re.sub(r"[ -]", "", match.group())
        grouped = number != match.group()
        if (
            in_.is_valid(number)
            and number.strip("0")
            and (grouped or _says(_SAYS_MY_NUMBER, text, match.start(), column))
        ):
            yield "my_number", match.start(), match.end()


def _ibans(text: str) -> Iterator[Found]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        written = match.group()
        while written:
            if iban.is_valid(written):
                yield "iban", match.start(), match.start() + len(written)
                break
            # A word in capitals behind it may look like its last group.
            written = written[: max(written.rfind(" "), written.rfind("-"), 0)]


def _ssn(text: str, column: str) -> Iterator[Found]:
    from stdnum.us import ssn

    for match in _SSN.finditer(text):
        clear = "-" in match.group() or _says(_SAYS_SSN, text, match.start(), column)
        if clear and ssn.is_valid(match.group().replace(" ", "-")):
            yield "us_ssn", match.start(), match.end()


def _accounts(text: str, column: str) -> Iterator[Found]:
    for kind, pattern in (("bank_account", _ACCOUNT), ("passport", _PASSPORT)):
        shift = len(column) + 1
        # The column's name reads as a heading of the cell.
        for match in pattern.finditer(f"{column.replace('_', ' ')}:{text}"):
            start, end = next(match.span(group) for group in match.groupdict() if match[group])
            if start >= shift:
                yield kind, start - shift, end - shift


def _phones(text: str, column: str) -> Iterator[Found]:
    if not _PHONE_LIKE.search(text):
        return
    import phonenumbers

    seen: list[tuple[int, int]] = []
    for region in _REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.POSSIBLE):
            span = (match.start, match.end)
            if span not in seen and _is_phone(match, region, text, column):
                seen.append(span)
                yield "phone", *span


def _is_phone(match: Any, region: str, text: str, column: str) -> bool:
    """Whether a match is a person's number: grouped as its country does, or bare digits that something calls a number."""
    import phonenumbers as p

    raw = match.raw_string
    if _DOTTED.fullmatch(raw):
        return False
    said = _says(_SAYS_PHONE, text, match.start, column)
    if not _in_groups(raw) and _OTHER_NUMBER.search(text, max(0, match.start - 20), match.start):
        return False
    if not p.is_valid_number(match.number):
        # Made-up numbers (555-0123) are not valid; a word that says so and the right length must do.
        return said and _in_groups(raw) and p.is_possible_number(match.number) and _national(match.number, region)
    if raw.startswith(("+", "(+")) or said or _JAPANESE_MOBILE.fullmatch(raw):
        return True
    return _in_groups(raw) and (raw.lstrip("(").startswith("0") or _usual(match.number, raw))


def _national(number: Any, region: str) -> bool:
    import phonenumbers

    return bool(number.country_code == phonenumbers.country_code_for_region(region))


def _in_groups(raw: str) -> bool:
    return len(re.findall(r"[0-9]+", raw)) >= 2


def _usual(number: Any, raw: str) -> bool:
    """Whether *raw* is grouped as its country writes it."""
    import phonenumbers as p

    shapes = [
        p.format_number(number, form) for form in (p.PhoneNumberFormat.NATIONAL, p.PhoneNumberFormat.INTERNATIONAL)
    ]
    groups = re.findall(r"[0-9]+", raw)
    return any(groups == re.findall(r"[0-9]+", shape) for shape in shapes)
