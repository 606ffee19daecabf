"""Names of people in English and Japanese: where they stand in a folded text.

A name is told by what stands around it (Mr, *my name is*, さん, 様, 氏名) and by its column; in Japanese also by a common
family name. What has neither is not found by patterns: see ``_personal_model``. *Source*: usage; the family names are the
commonest of Japan, together those of about half of the people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hasei.judge.checks._words import sections

Found = tuple[str, int, int]
_LISTS = sections("personal_words.txt")

_WORD = r"[A-Z][A-Za-zÀ-ÖØ-öø-ÿ'’-]*[a-zà-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'’-]*|[A-Z]{2,}"
_FULL = rf"(?:{_WORD}|[A-Z]\.)(?: (?:(?:van|von|de|da|del|di|la|bin|al) )?(?:{_WORD}|[A-Z]\.?(?=[ ,])))" + "{0,3}"
_TITLE = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|MR|MRS|MS)\.? (?P<name>{_FULL})")
_TITLE_LOWER = re.compile(r"\b(?:mr|mrs)\.? (?P<name>[a-z]{3,20})(?![\w'’-])")
_MY_NAME = re.compile(
    rf"\b(?:[Mm]y (?:full |first |last |given |family |sur)?name(?: is|['’]s)|MY NAME IS) (?P<name>{_FULL}"
    rf"|[a-z]{{2,20}}(?: [a-z]{{2,20}})?(?=$|[.,!?;\n]| and | but ))(?![\w'’-])|\b[Nn]ame['’]s (?P<short>{_FULL})"
)
_SPEAKS = re.compile(rf"\b(?i:this is|it['’]?s) (?P<name>{_FULL})(?= (?i:speaking|calling|here|writing|from)\b)")
_CALLED = re.compile(rf"\b(?:[Cc]all me|[Ii] am called|[Ii]['’]m called) (?P<name>{_FULL})")
_FIELD = re.compile(
    rf"(?:^|[\n;|,.(])\s*(?i:(?:full|first|last|given|family|customer|contact|patient|employee|client|caller|cardholder|"
    rf"account holder|your|my)? ?(?:name|surname))\s?: *(?P<name>{_FULL})"
)
# Two words in capitals where a person (no title of a song, whose every word has one) says who it is; one alone may be anything.
_CAPITAL = r"[A-Z][a-zà-öø-ÿ'’-]*[a-zà-öø-ÿ]"
_PAIR = rf"{_CAPITAL}(?: [A-Z]\.)? {_CAPITAL}(?![\w'’-])"
_WHO = re.compile(
    rf"(?:\b(?:[Ii] am|[Ii]['’]?m|[Tt]his is|I go by|[Mm]y names)|(?:^|[.!?,] )[Ii]t['’]s) (?P<name>{_PAIR})"
    rf"|\b(?:[Uu]nder(?: the name(?: of)?)?|[io]n the name(?: of)?) (?P<booked>{_PAIR})"
    rf"|(?:^|[.!?,] )(?P<here>{_PAIR})(?=,? here\b)"
)
_NOT_FIRST = _LISTS["no first word of a name"]
_DEAR = re.compile(rf"(?:^|\n)\s*(?:Dear|Hi|Hello|Hey) (?P<name>{_WORD}(?: {_WORD})?)(?=\s*[,:!\n])")
_SIGNED = re.compile(
    rf"(?i:(?:best|kind|warm)(?:est)? regards|regards|sincerely|faithfully|yours truly|best wishes|cheers|thanks|thank you),?"
    rf"(?:[ \t]*[.!]?\s*\n\s*|(?<=,) )(?P<name>{_FULL})\s*\.?\s*$"
)
_NOT_ENGLISH = _LISTS["no names in English"]
_FIRST_IN_FIELD = _LISTS["nothing in a field"]

FAMILY_NAMES = _LISTS["family names"]
# Family names that are words or places as well: they need more than a sentence that begins with them.
_ALSO_WORDS = _LISTS["family names that are words or places"]
_KANJI, _KATA = "一-鿿々〆ヶ", "ァ-ヺー・"
_LONG_FIRST = "|".join(sorted(FAMILY_NAMES, key=lambda name: (-len(name), name)))
_TITLED = re.compile(
    rf"(?P<run>[{_KANJI}]{{1,6}}(?:[ ][{_KANJI}]{{1,4}})?|(?<![{_KATA}])[{_KATA}]{{2,14}}(?:[ ][{_KATA}]{{2,10}})?"
    rf"|(?<![A-Za-z])[A-Z][a-z]+(?:[ ・][A-Z][a-z]+)?)"
    rf"(?P<title>さん|さま|様|氏|殿|ちゃん|くん|君)(?![{_KANJI}])(?!ざま|さん|ざん)"
)
_TITLES = "先生|社長|部長|課長|係長|店長|院長|主任|教授|医師|弁護士|選手|監督|議員"
_AT_WORK = re.compile(rf"(?<![{_KANJI}])(?P<name>{_LONG_FIRST})(?:{_TITLES})")
_KNOWN = re.compile(rf"(?:{_LONG_FIRST})(?:[ ]?[{_KANJI}]{{1,3}})?")
_SELF = re.compile(
    rf"(?P<name>(?:{_LONG_FIRST})(?:[ ]?[{_KANJI}]{{1,3}}|[ ]?[ぁ-ん]{{2,4}}|[ ]?[ァ-ヺー]{{2,6}})?|[ァ-ヺー・]{{3,16}})"
    r"と(?:申し|もうし)"
)
_SAYS = re.compile(rf"(?<![{_KANJI}])(?P<name>(?:{_LONG_FIRST})(?:[ ]?[{_KANJI}]{{1,3}})?)と(?:いいます|言います)")
_IS = re.compile(
    rf"(?:^|[\n。！!、,の ])(?P<name>(?P<family>{_LONG_FIRST})(?P<given>[ ]?[{_KANJI}]{{1,3}})?)です(?=[。、！!\n]|が|けど|$)"
)
_JAPANESE_FIELD = re.compile(
    rf"(?:ご?氏名|お?名前|姓名|契約者名?|ご?担当者名?|申込者名?|予約名|フリガナ|ふりがな|カナ)(?:\s?[(（][^)）\n]{{1,8}}[)）])?\s?[:：]\s*"
    rf"(?P<name>[{_KANJI}]{{1,4}}[ ]?[{_KANJI}ぁ-ん]{{1,4}}|[ァ-ヺー]{{2,8}}[ ・]?[ァ-ヺー]{{2,8}}|[ぁ-ん]{{2,6}} [ぁ-ん]{{2,6}}"
    r"|[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){0,2})"
)
_MY_NAME_JA = re.compile(
    rf"名前は(?P<name>(?:{_LONG_FIRST})(?:[ ]?[{_KANJI}ぁ-んァ-ヺー]{{1,4}}?)?)(?=です|と|で|、|。|$)"
)
# What stands before さん, 様 or 氏 and is no name: by its last sign, or as a whole.
_ROLE_ENDS = "".join(_LISTS["last signs of roles in Japanese"])
_NOT_JAPANESE = _LISTS["no names before a title in Japanese"]
_NOT_KATAKANA = _LISTS["no names in katakana"]
_KATAKANA_ROLE = re.compile(
    rf"(?:ザー|カー|ナー|バー|ジャー|ダー|ラー|サー|ヤー|ャー|{'|'.join(sorted(w for w in _NOT_KATAKANA if len(w) > 3))})$"
)
_COLUMN = re.compile(
    r"^(?:full|first|last|given|family|middle|customer|contact|client|patient|employee|caller|person|user)[ _]?name$|^surname$"
    r"|^(?:ご?氏名|姓名|お?名前|顧客名|お客様名|担当者名?|契約者名?|会員名|社員名|フリガナ|ふりがな|氏名カナ)$",
    re.I,
)
_ANY_NAME = re.compile(r"[^\W\d_][^\d\n<>@:：/。、]{0,38}")
_BRANDS = _LISTS["brands"]


def found(text: str, column: str) -> Iterator[Found]:
    """Yield ("name", start, end) of what stands in the folded *text*."""
    whole = text.strip()
    if _COLUMN.match(column.strip()) and _ANY_NAME.fullmatch(whole) and whole.casefold() not in _FIRST_IN_FIELD:
        yield "name", text.index(whole), text.index(whole) + len(whole)
    yield from _english(text)
    if not text.isascii():
        yield from _japanese(text)


def _english(text: str) -> Iterator[Found]:
    for match in _WHO.finditer(text):
        group = match.lastgroup or "name"
        first, *others = map(_bare, match[group].split())
        if not {first, *others} & _NOT_ENGLISH and first not in _NOT_FIRST:
            yield "name", *match.span(group)
    for pattern in (_TITLE, _TITLE_LOWER, _MY_NAME, _SPEAKS, _CALLED, _FIELD, _DEAR, _SIGNED):
        for match in pattern.finditer(text):
            group = "name" if match["name"] else "short"
            words = match[group].split()
            while words and _bare(words[-1]) in _NOT_ENGLISH:
                words.pop()
            if words and _bare(words[0]) not in _NOT_ENGLISH | _FIRST_IN_FIELD:
                yield "name", match.start(group), match.start(group) + len(" ".join(words))


def _bare(word: str) -> str:
    return word.casefold().removesuffix("'s").removesuffix("’s").strip(".'’-")


def _japanese(text: str) -> Iterator[Found]:
    for match in _TITLED.finditer(text):
        name = _before_title(match["run"], match["title"])
        if name:
            end = match.end("run")
            yield "name", end - len(name), end
    for pattern in (_AT_WORK, _SELF, _SAYS, _MY_NAME_JA, _JAPANESE_FIELD):
        for match in pattern.finditer(text):
            if match["name"] not in _NOT_JAPANESE and match["name"][-1] not in "者員社":
                yield "name", *match.span("name")
    for match in _IS.finditer(text):
        given = match["given"]
        if given[-1] not in f"{_ROLE_ENDS}市区町村県" if given else match["family"] not in _ALSO_WORDS:
            yield "name", *match.span("name")


def _before_title(run: str, title: str) -> str:
    """Return the part of what stands before a title that is a name, "" where it is none."""
    for start in range(len(run)):
        part = run[start:]
        known = _KNOWN.fullmatch(part)
        if (
            known
            and part not in _NOT_JAPANESE
            and (len(part) == 1 or part[-1] not in _ROLE_ENDS or part in FAMILY_NAMES)
        ):
            return part if start == 0 or len(part) > 1 else ""
    if title in ("殿", "ちゃん", "くん", "君") or run in _NOT_JAPANESE or run in _BRANDS:
        return ""
    if run.isascii():
        return run
    if re.match(f"[{_KATA}]", run):
        return "" if run in _NOT_KATAKANA or _KATAKANA_ROLE.search(run) else run.strip("・")
    last = run.split(" ")[-1]
    whole = (
        2 <= len(last) <= 3
        and last[0] not in "御各全諸"
        and last[-1] not in _ROLE_ENDS
        and f"{last[-1]}{title}" not in _NOT_JAPANESE
    )
    return run if whole and len(run) <= 5 and last not in _NOT_JAPANESE else ""
