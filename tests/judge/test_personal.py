"""What is found in a text, what is not, and that what is shown of it is never the whole."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.jp import in_

from hasei.judge.checks._personal import KINDS, TAGS, cell_hits, fold, hits, mask, redacted, redacted_cell


def kinds(text: str, column: str = "") -> list[tuple[str, str]]:
    return [(hit.kind, text[hit.start : hit.end]) for hit in hits(text, column)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [("write to taro.yamada+x@mail.example.co.jp.", "email", "taro.yamada+x@mail.example.co.jp"),
     ("メールはｔａｒｏ＠ｅｘａｍｐｌｅ．ｃｏｍまで", "email", "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
     ("電話は03-1234-5678です", "phone", "03-1234-5678"), ("０９０−１２３４−５６７８", "phone", "０９０−１２３４−５６７８"),
     ("携帯09012345678", "phone", "09012345678"), ("call me at (415) 555-2671", "phone", "(415) 555-2671"),
     ("my number is 415-555-2671.", "phone", "415-555-2671"), ("ring 020 7946 0958 after six", "phone", "020 7946 0958"),
     ("+81 90-1234-5678", "phone", "+81 90-1234-5678"), ("phone: 4155552671", "phone", "4155552671"),
     ("+44 7911 123456", "phone", "+44 7911 123456"),
     ("it is 4242 4242 4242 4242 exp 12/29", "payment_card", "4242 4242 4242 4242"),
     ("カード番号４２４２−４２４２−４２４２−４２４２", "payment_card", "４２４２−４２４２−４２４２−４２４２"),
     ("3782 822463 10005", "payment_card", "3782 822463 10005"),
     ("card 5555555555554444", "payment_card", "5555555555554444"),
     ("マイナンバー:123456789018", "my_number", "123456789018"), ("1234-5678-9018", "my_number", "1234-5678-9018"),
     ("個人番号は１２３４　５６７８　９０１８です", "my_number", "１２３４　５６７８　９０１８"),
     ("GB82 WEST 1234 5698 7654 32 PLEASE", "iban", "GB82 WEST 1234 5698 7654 32"),
     ("DE89370400440532013000", "iban", "DE89370400440532013000"),
     ("ssn 219-09-9998", "us_ssn", "219-09-9998"), ("普通預金 1234567", "bank_account", "1234567"),
     ("account number 12345678", "bank_account", "12345678"), ("passport no. TK1234567", "passport", "TK1234567"),
     ("〒100-0005 東京都千代田区丸の内1-9-1に送って", "postal_address", "〒100-0005 東京都千代田区丸の内1-9-1"),
     ("大阪府大阪市北区梅田三丁目1番3号", "postal_address", "大阪府大阪市北区梅田三丁目1番3号"),
     ("横浜市西区みなとみらい2-2-1です", "postal_address", "横浜市西区みなとみらい2-2-1"),
     ("at 1600 Amphitheatre Parkway, Mountain View, CA 94043", "postal_address",
      "1600 Amphitheatre Parkway, Mountain View, CA 94043"),
     ("221B Baker Street, London NW1 6XE", "postal_address", "221B Baker Street, London NW1 6XE"),
     ("send it to 123 main street", "postal_address", "123 main street"), ("postcode SW1A 1AA", "postal_address", "SW1A 1AA"),
     ("Springfield, IL 62704", "postal_address", "Springfield, IL 62704"), ("P.O. Box 123", "postal_address", "P.O. Box 123"),
     ("Dear Ms. O'Neil,", "name", "O'Neil"), ("my name is John Smith and", "name", "John Smith"),
     ("my name is anna", "name", "anna"), ("Name: Ebony Moore\nAge: 31", "name", "Ebony Moore"),
     ("please fix it. Regards, Odile", "name", "Odile"), ("Hi, this is Carleen Segrave, I booked", "name", "Carleen Segrave"),
     ("a table under the name of Tomasa Minette", "name", "Tomasa Minette"), ("I'm Bridget Bullie", "name", "Bridget Bullie"),
     ("佐藤さんに聞きました", "name", "佐藤"), ("山田 太郎様", "name", "山田 太郎"), ("寒月さん", "name", "寒月"),
     ("ジョバンニさん", "name", "ジョバンニ"), ("営業の田中と申します", "name", "田中"),
     ("氏名：山田　花子", "name", "山田　花子"),
     ("フリガナ: ヤマダ タロウ", "name", "ヤマダ タロウ"), ("お世話になります。高橋です。", "name", "高橋"),
     ("岡田部長に確認済み", "name", "岡田")],
)  # fmt: skip
def test_personal_data_is_found_where_it_stands(text, kind, value):
    assert (kind, value) in kinds(text)
    assert len(hits(text)) == 1


@pytest.mark.parametrize(
    "text",
    ["order number 4242424242424242", "注文番号は1234567890です", "invoice 0312345678", "card ending 1234",
     "4242 4242 4242 4241",
     "on 2024-01-15 10:20:30", "2024年3月15日に届く", "version 10.2.3.4 of 2019", "1,234,567.89 EUR", "¥12,345,678",
     "192.168.100.200", "ISBN 978-4-06-519981-7", "123456789012", "1234567890123456", "between 10 and 20 people on the road",
     "a 5 star place", "2 more minutes down the road", "東京都新宿区に住む", "3丁目の夕日", "新宿三丁目駅",
     "image@2x.png", "@someone said", "Dr. Pepper", "Miss Universe", "Mr. President",
     "my name is spelled wrong",
     "my name is not on the card", "call me back later", "Dear Customer,", "Hi team,", "Dear Sir or Madam,", "Thanks, Siri",
     "add it to This Is Philip Glass", "I'm South African", "I am New here", "File name: Report.pdf", "お客様",
     "皆さん", "神様",
     "たくさんあります", "業者さんが来た", "店員さん", "お医者さん", "多種多様な要求仕様", "旦那さん", "サポートさん",
     "お疲れ様です",
     "御世話様", "大小さまざまな", "名前は必須です", "千葉です。", "会員名簿様式", "同様に", "空模様",
     "北海道に一番近い大学", "東京都で1番人気の店",
     "障害が発生しました", "1990s", "12345"],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(text):
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("column", "cell", "kind"),
    [("phone", "9012345678", "phone"), ("電話番号", "0312345678", "phone"), ("customer_name", "Odile", "name"),
     ("氏名", "五所川原 某助", "name"), ("マイナンバー", "123456789018", "my_number"),
     ("住所", "千代田区 丸の内", "postal_address"),
     ("address", "12 Elm", "postal_address"), ("account_number", "12345678", "bank_account"), ("ssn", "219099998", "us_ssn"),
     ("client_ip", "10.1.2.3", "ip_address")],
)  # fmt: skip
def test_the_name_of_a_column_says_what_a_bare_cell_is(column, cell, kind):
    assert [k for k, _ in kinds(cell, column)] == [kind]
    assert kinds(cell) == []


def test_the_column_of_names_may_hold_none():
    for cell in ("unknown", "N/A", "匿名", "", "12", "[NAME]"):
        assert kinds(cell, "氏名") == []


PREFIXES = [("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("3530", 16), ("36", 14), ("6011", 16), ("62", 16)]


@st.composite
def cards(draw) -> str:
    prefix, length = draw(st.sampled_from(PREFIXES))
    rest = draw(st.text("0123456789", min_size=length - len(prefix) - 1, max_size=length - len(prefix) - 1))
    return prefix + rest + luhn.calc_check_digit(prefix + rest)


@st.composite
def my_numbers(draw) -> str:
    digits = draw(st.text("0123456789", min_size=11, max_size=11))
    assume(digits.strip("0"))  # What is all noughts fills a gap.
    return digits + in_.calc_check_digit(digits)


def grouped(number: str, sign: str) -> str:
    if len(number) in (14, 15):
        return sign.join((number[:4], number[4:10], number[10:]))
    return sign.join(number[i : i + 4] for i in range(0, len(number), 4))


def full_width(text: str) -> str:
    return text.translate({ord(d): ord(d) + 0xFEE0 for d in string.digits})


written = st.sampled_from(["", " ", "-"])
widths = st.sampled_from([str, full_width])


@given(cards(), written, widths)
def test_every_valid_card_is_found_and_masked(number, sign, width):
    text = f"カードは{width(grouped(number, sign))}です"
    (hit,) = hits(text)
    assert hit.kind == "payment_card"
    shown = mask(hit.kind, text[hit.start : hit.end])
    assert sum(map(str.isdigit, shown)) == 4
    assert shown.endswith(number[-4:])


@given(cards(), written, widths, st.integers(0, 15), st.integers(1, 9))
def test_a_card_with_one_digit_changed_is_not_one(number, sign, width, place, by):
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert "payment_card" not in [kind for kind, _ in kinds(f"カードは{width(grouped(wrong, sign))}です")]


@given(my_numbers(), st.sampled_from([" ", "-"]), widths)
def test_every_valid_my_number_is_found_and_masked(number, sign, width):
    for text in (f"番号 {width(grouped(number, sign))}", f"マイナンバーは{width(number)}"):
        (hit,) = [h for h in hits(text) if h.kind == "my_number"]
        assert not any(map(str.isdigit, mask(hit.kind, text[hit.start : hit.end])))


@given(my_numbers(), st.integers(0, 11), st.integers(1, 9))
def test_a_my_number_with_one_digit_changed_is_not_one(number, place, by):
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assume(not in_.is_valid(wrong))  # two remainders share a check digit
    assert "my_number" not in [kind for kind, _ in kinds(f"マイナンバーは {grouped(wrong, ' ')} です")]


@given(st.from_regex(r"[0-9]{18}", fullmatch=True), st.booleans())
def test_every_valid_iban_is_found(digits, spaced):
    number = "DE" + iban.calc_check_digits(f"DE00{digits}") + digits
    assume(iban.is_valid(number))
    text = f"pay to {iban.format(number) if spaced else number} today"
    assert [kind for kind, _ in kinds(text)] == ["iban"]


PIECES = [
    "taro@example.com", "090-1234-5678", "4242 4242 4242 4242", "1234-5678-9018", "219-09-9998", "DE89370400440532013000",
    "my name is Anna", "山田様", "東京都千代田区丸の内1-9-1", "221B Baker Street", "passport TK1234567", "普通 1234567",
    "[NAME]", "[", "]", " ", "、", "\n", "番号", "氏名：", "Dear ", "さん", "-", "+", "1", "ｶﾞ", "㈱", "\u200b", "ー", "@",
    "ﾔﾏﾀﾞ ﾀﾛｳ", "ﾞ", "203.0.113.57", "2001:db8::8a2e:370:7334", "渋谷区神南1-2-3", "郵便番号150-0041", "0120-123-456",
    "Regards,\nJohn", "担当：佐藤", "山田太郎", "山田", " 一郎", "営業部 ", "です", "1-2-3 Jinnan, Shibuya-ku",
    "contact John Smith",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=8).map("".join)


@given(texts)
def test_hits_stand_in_order_inside_the_text_and_never_overlap(text):
    last = 0
    for hit in hits(text):
        assert last <= hit.start < hit.end <= len(text)
        assert hit.kind in KINDS
        last = hit.end


@given(texts)
def test_a_mask_never_holds_the_whole_value(text):
    for hit in hits(text):
        value = text[hit.start : hit.end]
        shown = mask(hit.kind, value)
        assert value not in shown
        assert sum(map(str.isalnum, shown)) < sum(map(str.isalnum, fold(value)[0]))


@given(texts)
def test_a_cleaned_text_is_clean_and_cleaning_it_again_changes_nothing(text):
    clean, found = redacted(text)
    assert hits(clean) == []
    assert redacted(clean) == (clean, [])
    assert bool(found) == (clean != text)


@given(st.dictionaries(st.sampled_from(["name", "phone", "text", "氏名"]), texts, max_size=3))
def test_of_an_object_only_the_strings_inside_change(value):
    import json

    for escaped in (True, False):
        cell = json.dumps([value], ensure_ascii=escaped)
        clean, _ = redacted_cell(cell)
        assert cell_hits(clean) == []
        (after,) = json.loads(clean)
        assert list(after) == list(value)
        assert [after[key] == value[key] for key in value] == [not hits(text, key) for key, text in value.items()]


def test_every_kind_has_a_tag_that_is_no_personal_data():
    assert set(TAGS) == set(KINDS)
    assert all(hits(f"{tag} {tag}様 Dear {tag},") == [] for tag in TAGS.values())


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "1-",
        "A",
        "A ",
        "一",
        "ア",
        "a@",
        "a.",
        "山",
        "田中",
        "1 A ",
        "〒",
        "(1",
        "\n",
        "ﾞ",
        "ｶﾞ",
        "1.",
        "a:",
        "区",
        "区1-",
        "営業部 ",
        "氏名 ",
        "山 ",
        "やま",
    ],
)
def test_a_long_text_of_one_thing_is_read_in_a_moment(piece):
    assert len(hits(piece * 20000)) <= 20000
