"""Japanese postal addresses: where they stand in a folded text.

A place alone is no address: the number of a house stands by it, or a postal code with its sign. Without a prefecture the
number must be a full one (丁目・番・号, 1-2-3), or a word must say that somebody lives there; 3-2 may be the score of a game.
*Source*: the 47 prefectures of Japan and the order of its addresses (prefecture, city, district, numbers, building, room)
by the Act on Indication of Residential Address (1962); usage for what is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PREFECTURE = (
    "北海道|(?:京都|大阪)府|東京都|(?:青森|岩手|宮城|秋田|山形|福島|茨城|栃木|群馬|埼玉|千葉|神奈川|新潟|富山|石川|福井|山梨|"
    "長野|岐阜|静岡|愛知|三重|滋賀|兵庫|奈良|和歌山|鳥取|島根|岡山|広島|山口|徳島|香川|愛媛|高知|福岡|佐賀|長崎|熊本|大分|宮崎|"
    "鹿児島|沖縄)県"
)
# Cities that are not written in kanji.
_KANA_CITY = (
    "つくばみらい|つくば|さいたま|いわき|ひたちなか|みどり|ふじみ野|あきる野|かほく|南アルプス|あわら|みよし|いなべ|たつの|つがる|にかほ|"
    "さくら|かすみがうら|いすみ|むつ|えびの|うるま|うきは|みやま|みやこ"
)
_CITY = rf"(?P<city>(?:[一-鿿々ヶケ]{{1,6}}|{_KANA_CITY})[市区郡])"
# What ends or follows a word that only looks like a city: 地区, 市区町村, 市場, 都市部.
_NO_CITY = re.compile(r"(?:(?<!京)都市|地区|市区|学区|選挙区|管区|海区|農区)$")
_NO_DISTRICT = re.compile(r"間|場[^一-鿿]|分|民|町村|議会|役所|外|大会|長|立|部[のでにはが]|[でとかへも]")
_D = "[-−‐–—ー]"
_K = "[一二三四五六七八九十百〇]"
_N = "[0-9一二三四五六七八九十百〇]{1,5}"
_NAME = "[一-鿿々〆ヶケぁ-んァ-ヶー]"
_NAMES = rf"{_NAME}(?:[ ]?{_NAME}){{0,23}}?"
_KANJI_NUMBER = re.compile(rf"{_K}(?:丁目|番|条|[-−‐–—ーの]{_K})")
_TAIL = rf"(?:\s?{_N}(?:番地?の?|{_D}|の))?(?:\s?{_N}(?:号(?!室)|番地?)?)?(?:(?:{_D}|の)[0-9]{{1,4}})?"
_GRID = rf"[北南]\s?{_N}条[東西]?\s?{_N}(?:丁目|{_D})?{_TAIL}"
_RURAL = rf"大字{_NAME}{{1,8}}?[0-9]{{1,5}}(?:{_D}[0-9]{{1,4}})*(?:番地?(?:の?[0-9]{{1,4}})?)?"
# No number of a house: 3-4人, 10-15%, or a longer row of numbers.
_END = rf"(?![0-9]|{_D}[0-9]|\s?(?:[人名月日年時分点歳回円%位度割倍個件本枚勝敗]|km|cm|kg))"
_KANJI_DASHES = rf"{_K}{{1,3}}(?:[-−‐–—ーの]{_K}{{1,3}}){{2}}(?!{_K})|[0-9]{{1,4}}の[0-9]{{1,4}}の[0-9]{{1,4}}{_END}"
_LOT = rf"{_N}番地(?:の?{_N})?(?:\s?{_N}号(?!室))?|{_N}番\s?{_N}号(?!室)"
_FULL = rf"{_RURAL}|{_KANJI_DASHES}|{_LOT}|{_N}丁目\s?{_N}(?:番地?の?|{_D}|の){_TAIL}"
_FULL = rf"(?:{_FULL}|[0-9]{{1,4}}(?:{_D}[0-9]{{1,4}}){{2,3}}{_END})"
_ANY = rf"(?:{_RURAL}|{_KANJI_DASHES}|{_GRID}|{_N}丁目{_TAIL}|{_LOT}|[0-9]{{1,5}}(?:{_D}[0-9]{{1,4}}){{1,3}}{_END})"
_HOUSE = (
    "ビル(?:ディング)?|マンション|ハイツ|コーポ|荘|アパート|レジデンス|メゾン|タワー|ヒルズ|ハウス|パレス|コート|ガーデン|プラザ|寮|団地|"
    "ハイム|シャトー|グラン|ヴィラ|パーク|会館"
)
_LETTERS = "A-Za-z一-鿿ァ-ヶー・"
_ROOM = rf"[ ]?(?:[A-Z]{_D}?)?[0-9]{{1,4}}(?:号室|号|F|階)(?:[ ]?[0-9]{{2,4}}(?:号室|号)?(?![0-9円]))?"
_BARE_ROOM = rf"[ ]?(?:[A-Z]{_D}?)?[0-9]{{2,4}}(?![0-9円人年月日時件個名])"
_BUILDING = (
    rf"(?:[ ,、]{{0,2}}[{_LETTERS}]{{0,14}}?(?:{_HOUSE})(?:[{_LETTERS}]{{0,10}}?(?:{_ROOM}|{_BARE_ROOM}))?"
    rf"|[ ]?[{_LETTERS}ぁ-ん]{{2,20}}{_ROOM}|{_ROOM}|[ ][{_LETTERS}]{{2,16}}[ ]?(?:[A-Z]{_D}?)?[0-9]{{3,4}}(?![0-9円人年月日時])"
    r"|[ ]?#[0-9]{1,4})?"
)
_CODE = r"(?:(?:〒\s*[0-9]{3}\s?-?\s?[0-9]{4}|(?<![0-9-])[0-9]{3}-[0-9]{4})[\s,、]*)?"
_ADDRESS = re.compile(
    rf"{_CODE}(?:(?:{_PREFECTURE})\s?{_NAMES}\s?{_ANY}|{_CITY}\s?(?P<district>{_GRID}|{_NAMES}\s?{_FULL})){_BUILDING}"
)
_LIVES = r"に(?:住|在住|引っ?越|転居|移転|届け|送っ|送り)|へ(?:送|届)|宛|在住|まで(?:届け|送)"
_LIVED_IN = re.compile(rf"{_CITY}\s?(?P<district>{_NAME}{{1,12}}?[0-9]{{1,4}}{_D}[0-9]{{1,4}}{_END})(?={_LIVES})")
# Alone in its line, and without the small words of a sentence.
_ALONE = re.compile(
    rf"^\s*(?P<at>{_CITY}\s?(?P<district>(?!.*対)[一-鿿々ァ-ヶーの]{{1,12}}?[0-9]{{1,4}}{_D}[0-9]{{1,4}}{_END}){_BUILDING})\s*$",
    re.M,
)
_SAYS = "住所|所在地|届け?先|送り先|送付先|宛先|自宅|実家|引っ?越し?先|転居先|本籍地?|勤務先"
_SAID = re.compile(rf"(?:{_SAYS})(?:[はがを]|[:=】]|\s){{1,3}}(?P<at>{_CODE}{_NAMES}\s?{_ANY}{_BUILDING})")
_POSTAL_CODE = re.compile(
    r"(?P<sign>〒\s*[0-9]{3}\s?-?\s?[0-9]{4})(?![0-9])"
    r"|郵便番号(?:\([^)\n]{1,8}\))?[はがを:=】\s]{0,3}(?P<said>[0-9]{3}-?[0-9]{4})(?![0-9-])"
)
_ROMAN_WORD = r"[A-Z][A-Za-zÀ-ɏ'’.-]*"
_ROMAN = re.compile(
    rf"(?<![0-9A-Za-z-])[0-9]{{1,4}}(?:-[0-9]{{1,4}}){{0,3}}(?:-[Cc]hom[eé])?,?\s+(?:{_ROMAN_WORD},?\s+){{0,3}}"
    rf"[A-Z][A-Za-zÀ-ɏ]*-(?:ku|shi|gun|cho|machi|mura)\b(?:,\s*{_ROMAN_WORD})*(?:,?\s+〒?[0-9]{{3}}-[0-9]{{4}})?(?:,?\s*Japan\b)?"
    rf"|\b[A-Z][A-Za-zÀ-ɏ]*-(?:ku|shi|gun|cho|machi|mura)(?:,\s*{_ROMAN_WORD}){{0,3}},?\s+〒?[0-9]{{3}}-[0-9]{{4}}(?![0-9-])"
)


def found(text: str, digits: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of every address in the folded *text*, which holds *digits* digits."""
    if digits:
        for match in _ROMAN.finditer(text):
            yield match.span()
    if text.isascii() or (not digits and not _KANJI_NUMBER.search(text)):
        return
    for pattern in (_ADDRESS, _LIVED_IN):
        for match in pattern.finditer(text):
            if not match["city"] or not (_NO_CITY.search(match["city"]) or _NO_DISTRICT.match(match["district"])):
                yield match.span()
    for match in _ALONE.finditer(text):
        if not (_NO_CITY.search(match["city"]) or _NO_DISTRICT.match(match["district"])):
            yield match.span("at")
    for match in _SAID.finditer(text):
        yield match.span("at")
    for match in _POSTAL_CODE.finditer(text):
        yield match.span(match.lastgroup or 0)
