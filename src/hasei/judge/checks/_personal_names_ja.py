"""Names of people in Japanese: where they stand in a folded text.

A name is told by what stands around it (さん, 様, 氏名, と申します, 営業部) and by common names: a family name and a given name
side by side need nothing else. *Source*: usage; the family names are the commonest of Japan, together those of about half
of the people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hasei.judge.checks._words import sections

_LISTS = sections("personal_words.txt")
FAMILY_NAMES = _LISTS["family names"]
# Family names that are words or places as well: they need more than a sentence that begins with them.
_ALSO_WORDS = _LISTS["family names that are words or places"]
_PLACES = _LISTS["family names that are places"]
_KANJI, _KATA = "一-鿿々〆ヶ", "ァ-ヺー・"


def _longest_first(*words: str) -> str:
    return "|".join(sorted(set(words), key=lambda word: (-len(word), word)))


def _hiragana(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word.translate({code: code - 0x60 for code in range(0x30A1, 0x30F7)}) for word in words)


_FAMILY = f"(?:{_longest_first(*FAMILY_NAMES)})"
_GIVEN_NAMES = _LISTS["given names"]
_KANA = _LISTS["family names in kana"]
_KANA_ALSO = _LISTS["family names in kana that are words or places"]
_HIRA_ALSO = _LISTS["family names that are words in hiragana"]
_KANA_GIVEN = _LISTS["given names in kana"]
_KATA_FAMILY = f"(?:{_longest_first(*_KANA)})"
_HIRA_FAMILY = f"(?:{_longest_first(*(name for name in _hiragana(_KANA) if len(name) > 2))})"
_KATA_FULL = rf"(?<![{_KATA}]){_KATA_FAMILY}[ ・]?(?:{_longest_first(*_KANA_GIVEN)})(?![{_KATA}])"
_HIRA_GIVEN = _longest_first(*(name for name in _hiragana(_KANA_GIVEN) if len(name) > 2))
_HIRA_FULL = rf"{_HIRA_FAMILY}[ ]?(?:{_HIRA_GIVEN})"
# Before the family name of a whole one may stand a title (部長山田太郎), behind it no further kanji (山田太郎記念館) but one.
_BOTH = re.compile(
    rf"(?P<name>{_FAMILY}[ ]?(?:{_longest_first(*_GIVEN_NAMES)}))(?![{_KANJI}])"
    rf"|(?P<titled>{_FAMILY}[ ]?(?:{_longest_first(*_GIVEN_NAMES)}))(?=様|氏|殿|君|先生|宛|本人)"
    rf"|(?P<mixed>{_FAMILY}[ ]?(?:(?:{_longest_first(*_KANA_GIVEN)})(?![{_KATA}])|(?:{_HIRA_GIVEN})))"
    rf"|(?P<katakana>{_KATA_FULL})|(?P<hiragana>{_HIRA_FULL})"
)
# A family name that no list has, apart from a common given name.
_RARE = re.compile(rf"(?<![{_KANJI}])(?P<family>[{_KANJI}]{{2,5}})[ ](?:{_longest_first(*_GIVEN_NAMES)})(?![{_KANJI}])")
_APART = re.compile(
    rf"(?<![{_KANJI}])(?P<family>{_FAMILY})[ ](?P<given>[{_KANJI}]{{1,3}}|[ぁ-ん]{{2,4}}(?=$|\n))(?![{_KANJI}])"
)
_IS_KANJI, _KANJI_BEFORE = re.compile(f"[{_KANJI}]"), re.compile(rf"[{_KANJI}]{{0,2}}\Z")
_TITLED = re.compile(
    rf"(?P<run>[{_KANJI}]{{1,6}}(?:[ ][{_KANJI}]{{1,4}})?|(?<![{_KATA}])[{_KATA}]{{2,14}}(?:[ ][{_KATA}]{{2,10}})?"
    rf"|(?<![A-Za-z])[A-Z][a-z]+(?:[ ・][A-Z][a-z]+)?)"
    rf"(?P<title>さん|さま|様|氏|殿|ちゃん|くん|君)(?![{_KANJI}])(?!ざま|さん|ざん)"
)
_TITLES = "先生|社長|部長|課長|係長|店長|院長|主任|教授|医師|弁護士|選手|監督|議員"
_AT_WORK = re.compile(rf"(?<![{_KANJI}])(?P<name>{_FAMILY})(?:{_TITLES})")
_KNOWN = re.compile(rf"{_FAMILY}(?:[ ]?[{_KANJI}]{{1,3}})?")
_STARTS = r"(?:^|(?<=[\n。！!、,の 「])|(?<=[私僕俺名]は)|(?<=わたしは)|(?<=わたくしは)|(?<=ぼくは))"
_SELF = re.compile(
    rf"(?P<name>{_FAMILY}(?:[ ]?[{_KANJI}]{{1,3}}|[ ]?[ぁ-ん]{{2,4}}|[ ]?[ァ-ヺー]{{2,6}})?|[ァ-ヺー・]{{3,16}}"
    rf"|{_KATA_FAMILY}|{_HIRA_FAMILY}[ ]?[ぁ-ん]{{0,5}}?|{_STARTS}[{_KANJI}]{{1,5}}(?:[ ][{_KANJI}]{{1,3}})?)"
    r"と(?:申し|もうし)(?!ますと|ますか|ますの)"
)
_SAYS = re.compile(
    rf"(?<![{_KANJI}{_KATA}])(?P<name>{_FAMILY}(?:[ ]?[{_KANJI}]{{1,3}})?|{_KATA_FAMILY})と(?:いいます|言います)"
)
_IS = re.compile(
    rf"{_STARTS}(?P<name>(?P<family>{_FAMILY})(?P<given>[ ]?[{_KANJI}]{{1,3}})?)(?:です|でございます)(?=[。、！!\n]|が|けど|$)"
)
_KANA_IS = re.compile(
    rf"{_STARTS}(?P<name>{_KATA_FAMILY}|{_HIRA_FAMILY})(?:です|でございます)(?=[。、！!\n]|が|けど|$)"
)
_UNIT = (
    r"(?:担当|営業|総務|経理|人事|広報|[部課係室班]|グループ|チーム|支店|本部|営業所|センター|事務局|サポート|デスク|窓口|商事|商店|工業|銀行|"
    "産業|製作所)"
)
_COMPANY = r"(?:株式会社|有限会社|合同会社|\((?:株|有|同)\))[^\s。、]{0,15}"
_HEAD = "(?:代表)?取締役|社長|会長|専務|常務|部長|課長|係長|主任|店長|院長|教授"
_POST = r"(?:[部課係室所支店本]*長|主任|マネージャー|リーダー|担当)?"
_MEMBER = re.compile(
    rf"(?:{_UNIT}{_POST}|{_COMPANY}|{_HEAD})[ ]{_POST}[ ]?(?P<name>(?P<family>{_FAMILY})(?P<given>[ ]?[{_KANJI}]{{1,3}})?)"
    rf"(?![{_KANJI}ァ-ヺー])"
    rf"|{_UNIT}{_POST}の(?P<of>(?P<house>{_FAMILY})(?P<own>[{_KANJI}]{{1,3}})?)(?=です|でございます|になります|より|宛|まで|に連絡|が(?:承|担当|対応|ご?案内|お?伺|ご連絡))"
)
_SIGNED = re.compile(
    r"(?:[。!]|(?:お願い(?:いた|致)?し|申し上げ)ます|以上|敬具|取り急ぎ)[、。!]?\s*\n\s*"
    rf"(?P<name>(?P<family>{_FAMILY})(?P<given>[ ]?[{_KANJI}]{{1,3}})?)\s*$"
    rf"|(?:^|[\n。、 ])(?P<from>(?P<house>{_FAMILY})(?P<own>[ ]?[{_KANJI}]{{1,3}})?)(?:より|拝|記)(?=$|\n)"
)
_LABEL = (
    "ご?氏名|お?名前|姓名|ご?契約者(?:名|様)?|ご?担当者?名?|お?申込者?名?|予約(?:者|名|者名)|フリガナ|ふりがな|カナ|口座名義人?|名義人?|宛名|宛先|差出人|"
    "送り主|受取人|記入者名?|作成者名?|報告者名?|保護者名?|世帯主名?|代表者名?|患者名?|利用者名?|申請者名?|相談者名?|依頼者名?|会員名|社員名|お客様名|緊急連絡先"
)
_NAMED = "ご?氏名|お?名前|姓名|契約者名?|ご?担当者名?|申込者名?|予約名|フリガナ|ふりがな|カナ"
_AFTER = r"(?:\s?[(（][^)）\n]{1,8}[)）])?"
_FIELD = re.compile(
    rf"(?:{_NAMED}){_AFTER}\s?[:：]\s*"
    rf"(?P<name>[{_KANJI}]{{1,4}}[ ]?[{_KANJI}ぁ-ん]{{1,4}}|[ァ-ヺー]{{2,8}}[ ・]?[ァ-ヺー]{{2,8}}|[ぁ-ん]{{2,6}} [ぁ-ん]{{2,6}}"
    r"|[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){0,2})"
)
# A field without a colon, or one that may hold a firm or an office: only a name that is known will do.
_KNOWN_FIELD = re.compile(
    rf"(?<![{_KANJI}])(?:{_LABEL}){_AFTER}[】\]」]?(?:\s?[:=]\s?|\s|(?<=[】\]」]))\s?(?:(?P<name>(?P<family>{_FAMILY})"
    rf"(?P<given>[ ]?[{_KANJI}]{{1,3}}|[ ]?[ぁ-ん]{{2,4}}|[ ][ァ-ヺー]{{2,6}})?)(?![{_KANJI}ァ-ヺー])"
    rf"|(?P<katakana>{_KATA_FAMILY}(?:[ ・]?[ァ-ヺー]{{2,6}})?)(?![{_KATA}])"
    rf"|(?P<hiragana>{_HIRA_FAMILY}[ ][ぁ-ん]{{2,6}})(?![ぁ-ん]))"
)
_MY_NAME = re.compile(
    rf"(?:名前|[名苗]字|姓)は(?P<name>(?:{_longest_first(*_GIVEN_NAMES)})|{_FAMILY}(?:[ ]?[{_KANJI}ぁ-んァ-ヺー]{{1,4}}?)?)"
    r"(?=です|と|で|、|。|$)"
)
# What stands before さん, 様 or 氏 and is no name: by its last sign, or as a whole.
_ROLE_ENDS = "".join(_LISTS["last signs of roles in Japanese"])
_NOT_JAPANESE = _LISTS["no names before a title in Japanese"]
_NOT_KATAKANA = _LISTS["no names in katakana"]
_NOT_GIVEN = _LISTS["no given names"]
_GIVEN_ENDS = _LISTS["last signs of given names"]
_FIRM_ENDS = tuple(_LISTS["family words that are no names"])
_KATAKANA_ROLE = re.compile(
    rf"(?:ザー|カー|ナー|バー|ジャー|ダー|ラー|サー|ヤー|ャー|{'|'.join(sorted(w for w in _NOT_KATAKANA if len(w) > 3))})$"
)
_BRANDS = _LISTS["brands"]


def found(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every name in the folded *text*."""
    for match in _TITLED.finditer(text):
        name = _before_title(match["run"], match["title"])
        if name:
            end = match.end("run")
            yield end - len(name), end
    for pattern, words in (
        (_AT_WORK, ()),
        (_SELF, ("申し", "もうし")),
        (_SAYS, ("います",)),
        (_MY_NAME, ("前は", "字は", "姓は")),
        (_FIELD, ":"),
    ):
        for match in pattern.finditer(text) if not words or any(word in text for word in words) else ():
            if _may_be_one(match["name"]):
                yield match.span("name")
    for match in _BOTH.finditer(text):
        start, end = match.span()
        yield start - _more_before(text, start), end
    for match in _RARE.finditer(text) if " " in text else ():
        if match["family"][-1] not in _ROLE_ENDS and _may_be_one(match["family"]):
            yield match.span()
    for match in _KANA_IS.finditer(text):
        if match["name"] not in _KANA_ALSO | _hiragana(_KANA_ALSO) | _HIRA_ALSO:
            yield match.span("name")
    yield from _of_known_parts(text)


def _of_known_parts(text: str) -> Iterator[tuple[int, int]]:
    """Yield names of a known family name, with or without what may be a given name behind it."""
    for match in _APART.finditer(text) if " " in text else ():
        sure = match["family"] not in _ALSO_WORDS or match.group() == text.strip()
        if sure and _is_known(match["family"], match["given"], strict=True):
            yield match.span()
    for match in _IS.finditer(text):
        if _is_known(match["family"], match["given"] or ""):
            yield match.span("name")
    for pattern in (_MEMBER, _SIGNED, _KNOWN_FIELD):
        for match in pattern.finditer(text):
            groups = match.groupdict()
            part = next(name for name in ("name", "katakana", "hiragana", "of", "from") if groups.get(name))
            # Where a person must stand, a family name may be a word as well (林), but no place (千葉).
            free = _ALSO_WORDS if pattern is _SIGNED else _PLACES
            parts = ("family", "given") if part == "name" else ("house", "own")
            if part in ("katakana", "hiragana") or _is_known(*(groups[name] or "" for name in parts), free=free):
                yield match.span(part)


def _is_known(family: str, given: str, *, strict: bool = False, free: frozenset[str] = _ALSO_WORDS) -> bool:
    """Whether the two are a name: the second ends as given names do, or there is none and the first is none of *free*.

    Behind a family name that is no other word, anything that is no role or place will do, unless *strict*.
    """
    given = given.strip()
    if not given:
        return family not in free
    if given in _GIVEN_NAMES:
        return True
    if given in _NOT_GIVEN or given in _NOT_JAPANESE:
        return False
    sure = len(family) > 1 and family not in _ALSO_WORDS and not strict
    return given[-1] in _GIVEN_ENDS or (sure and given[-1] not in f"{_ROLE_ENDS}市区町村県駅線川山島通産器機品")


def _more_before(text: str, start: int) -> int:
    """Return 1 where the sign before a name of both parts is of its family name (池原健二), which the list has not whole."""
    before = _KANJI_BEFORE.search(text[max(0, start - 2) : start])
    length = len(before.group()) if before and _IS_KANJI.match(text, start) else 0
    return int(length == 1 or (length > 1 and text[start : start + 2] not in FAMILY_NAMES))


def _may_be_one(name: str) -> bool:
    return (
        name not in _NOT_JAPANESE
        and name[-1] not in "者員社何"
        and not name.endswith(_FIRM_ENDS)
        and name not in _BRANDS
    )


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
