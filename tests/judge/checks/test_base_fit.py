"""Whether a base can read the text: unknown characters, foreign scripts, words in pieces, and rows it can't read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_rooms import made, minilm

from hasei.ground.language import speaking
from hasei.judge.checks import base_fit
from hasei.judge.checks._base_fit import measure
from hasei.judge.checks._scripts import language, script, scripts, vocabulary_scripts

ENGLISH = [f"I have not received my card number {i}, can you help me?" for i in range(30)]
JAPANESE = [f"給与明細が届いていません。再発行をお願いします{i}" for i in range(30)]
GERMAN = [f"Die Gehaltsabrechnung ist noch nicht angekommen, bitte überprüfen Sie Vorgang {i}" for i in range(30)]
RUSSIAN = [f"Моя карта ещё не пришла, помогите пожалуйста {i}" for i in range(30)]


def find(folder, texts):
    return base_fit.find(made(folder, [(text, "ab"[i % 2]) for i, text in enumerate(texts)], open_trunk=minilm))


# ---- scripts


@pytest.mark.parametrize(
    ("char", "name"),
    [("a", "LATIN"), ("É", "LATIN"), ("Ａ", "LATIN"), ("ж", "CYRILLIC"), ("ア", "KANA"), ("ｱ", "KANA"), ("の", "KANA"),
     ("ー", "KANA"), ("給", "HAN"), ("한", "HANGUL"), ("ก", "THAI"), ("1", ""), (" ", ""), ("!", ""), ("😀", ""), ("²", "")],
)  # fmt: skip
def test_a_letter_has_its_script_and_other_signs_have_none(char, name):
    assert script(char) == name


@given(st.text())
def test_shares_of_scripts_add_up_to_one_or_there_are_no_letters(text):
    found = scripts([text])
    assert not found or math.isclose(sum(found.values()), 1.0)


@pytest.mark.parametrize(
    ("text", "tongue"),
    [("給与明細が届かない", "Japanese"), ("工资单没有收到", "Chinese"), ("급여 명세서", "Korean"), ("a card", ""), ("1 2 3", ""),
     ("моя карта", "a language in Cyrillic script"), ("மின்னஞ்சல்", "a language in Tamil script")],
)  # fmt: skip
def test_scripts_tell_the_language_as_far_as_they_can(text, tongue):
    assert language(scripts([text])) == tongue


def test_a_vocabulary_in_bytes_is_read_back_to_letters():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["給与明細 給与明細 給与 明細"] * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    assert vocabulary_scripts(fast)["HAN"] > 0
    fit, lost = measure(fast, ["給与明細"])
    assert fit.unknown == 0.0 and lost.tolist() == [0.0]


# ---- the base


def test_an_english_base_reads_english(tmp_path):
    assert find(tmp_path, ENGLISH) == []


def test_an_english_base_on_japanese_is_warned_of_with_the_share_it_can_not_read(tmp_path):
    (finding,) = find(tmp_path, JAPANESE)
    assert (finding.kind, finding.severity) == ("base_fit", "warning")
    assert finding.evidence["unknown"] > 0.05
    assert f"{100 * finding.evidence['unknown']:.1f} % of the characters" in finding.message
    assert "Japanese" in finding.do
    assert finding.evidence["pieces_per_word"] is None


def test_a_script_of_which_the_base_knows_letters_but_no_words_is_warned_of(tmp_path):
    (finding,) = find(tmp_path, RUSSIAN)
    assert finding.evidence["unknown"] == 0.0
    assert finding.evidence["foreign"] == ["CYRILLIC"] and "Cyrillic" in finding.do


def test_words_cut_to_pieces_tell_of_another_language(tmp_path):
    (finding,) = find(tmp_path, GERMAN)
    assert finding.evidence["pieces_per_word"] >= 2 and "pieces on average" in finding.message


def test_a_few_rows_that_the_base_can_not_read_are_named_by_their_lines(tmp_path):
    (finding,) = find(tmp_path, [*ENGLISH * 4, "สวัสดีครับ", "ผมเป็นนักเรียน", "ไม่เป็นไร"])
    assert (finding.variant, finding.rows) == ("rows", (122, 123, 124))


def test_numbers_and_signs_alone_are_no_foreign_script(tmp_path):
    assert find(tmp_path, [f"{i} + {i}" for i in range(40)]) == []


@settings(deadline=None, max_examples=8)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_shares_are_shares_for_any_text(texts):
    fit, lost = measure(minilm().tokenizer, texts)
    assert 0 <= fit.unknown <= 1 and ((lost >= 0) & (lost <= 1)).all()


def test_the_evidence_is_plain_json_in_any_language(tmp_path):
    import json

    with speaking("ja"):
        (finding,) = find(tmp_path, JAPANESE)
    json.dumps(finding.to_json(), allow_nan=False)
