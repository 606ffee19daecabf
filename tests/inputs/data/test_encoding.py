"""The encoding of a text file is found, checked to its last byte, and said where it is not UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs.data import read
from hasei.inputs.data.encoding import CHUNK_BYTES, detect

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932"]
KANJI = "荷物届注文商品返品料金支払配送確認電話連絡担当部署問合内容日本語東京都大阪府会社員様願致申込解約変更住所"
KANA = "".join(map(chr, [*range(0x3042, 0x3094), *range(0x30A2, 0x30F5)])) + "ー。、「」（）！？"
JAPANESE = st.text(KANA + KANJI + "abc 019", min_size=1, max_size=40).filter(lambda text: any(c in KANA for c in text))


@given(rows=st.lists(JAPANESE, min_size=1, max_size=6), encoding=st.sampled_from(ENCODINGS))
def test_japanese_text_comes_back_from_every_encoding(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], encoding: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "japanese.csv"
    path.write_bytes(("本文,部署\r\n" + "".join(f"{row},配送\r\n" for row in rows)).encode(encoding))
    table = read(path)
    assert table.columns == ("本文", "部署")
    assert list(table.cells) == [(row, "配送") for row in rows]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("cp932", "CP932"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16 LE"),
        ("utf-16-be", "UTF-16 BE"),
        ("euc_jp", "EUC-JP"),
    ],
)
def test_an_encoding_other_than_utf8_is_said(tmp_path: Path, encoding: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("本文,部署\n荷物が届きません。,配送\n".encode(encoding))
    (finding,) = read(path).findings
    assert (finding.kind, finding.severity) == ("encoding", "warning")
    assert said in finding.message and "a.csv" in finding.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_needs_no_word_and_its_mark_is_no_part_of_the_header(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("本文,部署\n荷物,配送\n".encode(encoding))
    table = read(path)
    assert table.findings == ()
    assert table.columns[0] == "本文"


@pytest.mark.parametrize(
    "text",
    [
        "x,y\ndon’t worry it’s fine,a\n", "x,y\ncafé,a\n", "x,y\nété,a\n", "x,y\n“Hello” – he said,a\n",
        "x,y\nÜber,ü\n", "x,y\nOù est ma commande ? J’ai reçu un colis cassé,réclamation\n",
        "x,y\nnão há informações,ção\n",
    ],
)  # fmt: skip
def test_western_text_is_not_taken_for_japanese(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("cp1252"))
    assert detect(tmp_path / "a.csv").codec == "cp1252"


@pytest.mark.parametrize("text", ["x,y\nﾊﾝｶｸ ﾃｽﾄ,ｱ\n", "x,y\n①②㈱髙﨑,a\n", "x,y\nok,本\n", "x,y\n1,山田太郎\n"])
def test_what_only_windows_knows_of_japanese_is_cp932(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("cp932"))
    assert detect(tmp_path / "a.csv").codec == "cp932"


def test_korean_and_russian_are_guessed(tmp_path: Path) -> None:
    for text, codec in [
        ("x,y\n안녕하세요 주문한 상품이 언제 오나요,배송\n", "euc_kr"),
        ("x,y\nПривет как дела,привет\n", "cp1251"),
    ]:
        (tmp_path / "a.csv").write_bytes(text.encode(codec))
        assert detect(tmp_path / "a.csv").codec == codec


def test_a_foreign_byte_that_comes_late_still_decides(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    early = b"text,label\n" + b"where is my parcel,delivery\n" * (2 * CHUNK_BYTES // 28)
    path.write_bytes(early + "荷物が届きません,配送\n".encode("cp932"))
    assert detect(path).codec == "cp932"


def test_a_character_across_two_chunks_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for shift in range(3):
        path.write_bytes(b"x" * (CHUNK_BYTES - 1 - shift) + "あ\n".encode())
        assert detect(path).codec == "utf-8"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_first_unreadable_byte_is_named_with_its_line(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "a.csv"
    # Enough to reach into the third chunk, whose edges fall anywhere in a line end.
    lines = 2 * CHUNK_BYTES // len(f"荷物{end}".encode(encoding)) + 5
    good = (f"荷物{end}" * lines).encode(encoding)
    path.write_bytes(good + (b"\x00\xdc\x00\xdc" if encoding == "utf-16" else b"\xff,\n"))
    with pytest.raises(DataError, match=rf"position {len(good)} \(line {lines + 1}\)"):
        detect(path)


def test_utf8_with_one_broken_byte_is_refused_and_not_read_as_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\ncafé,a\nnaïve,b\nrésumé,c\n".encode() + b"\xe9t\xe9,d\n"[:2] + b",d\n")
    with pytest.raises(DataError, match=r"line 5"):
        detect(path)


def test_a_stray_nul_does_not_make_a_file_utf16(tmp_path: Path) -> None:
    for content in (b"text,label\nab\0c,x\nhello,y\n", b"text,label\nabc,x\0\n"):
        (tmp_path / "a.csv").write_bytes(content)
        assert detect(tmp_path / "a.csv").codec == "utf-8"
