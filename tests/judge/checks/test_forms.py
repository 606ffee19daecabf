from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.inputs.data.roles import normalise
from hasei.judge.checks._forms import core, is_function, shortened, squeezed, words

ENGLISH = st.lists(
    st.sampled_from(["where", "is", "my", "new", "card", "and", "why", "did", "the", "machine", "keep", "it"]),
    min_size=3,
    max_size=12,
)


@given(ENGLISH, st.sampled_from([" ", "  ", ", ", " - ", "... "]), st.sampled_from(["", "?", "!!", " ;-)"]))
def test_punctuation_and_spaces_are_compared_away(spoken, between, end):
    assert squeezed(normalise(between.join(spoken) + end)) == "".join(spoken)


@pytest.mark.parametrize(("one", "other"), [
    ("Where's my card?", "where is my card"), ("I can't pay", "I can not pay"), ("I cannot pay", "i cant pay"),
    ("it doesn't work", "It does not work."), ("I've paid", "ive paid"), ("Won't open", "will not open"),
])  # fmt: skip
def test_short_forms_are_the_same_words_but_for_function_words(one, other):
    content = [[w for w in words(normalise(text)) if not is_function(w)] for text in (one, other)]
    assert content[0] == content[1]


@pytest.mark.parametrize("text", ["where is my new card", "荷物がまだ届きません"])
@pytest.mark.parametrize(("before", "after"), [
    ("Hello, ", " Thanks, John"), ("Dear support team, ", "\n\nBest regards,\nMary Smith\nACME"), ("Hi! ", ""),
    ("お世話になっております。", "。よろしくお願いいたします。田中"), ("こんにちは。", "。ありがとうございます。"), (
    "", " -- sent from my phone"),
])  # fmt: skip
def test_a_greeting_and_a_signature_are_no_part_of_the_core(text, before, after):
    assert squeezed(core(normalise(before + text + after))) == squeezed(text)


@pytest.mark.parametrize("text", ["thank you", "hello, thanks!", "ありがとうございます", "good morning, best regards"])
def test_what_is_nothing_but_politeness_is_left_whole(text):
    assert squeezed(core(normalise(text)))


@pytest.mark.parametrize("text", [
    "thanks for the card, but why is it blue?", "how do I say thank you in Spanish",
    "I tried that already. Thanks, but it does not work",
    "hello my card is lost, what now", "I wanted to thank you for the new card", "say best regards to my sister in French",
    "先日の対応では大変ありがとうございました。荷物がまだ届いていません。", "よろしくお願いしますは英語で何と言いますか",
    "hi, not a good day: card lost",
])  # fmt: skip
def test_thanks_and_greetings_inside_a_message_are_part_of_it(text):
    assert squeezed(core(normalise(text))).endswith(squeezed(normalise(text))[-6:])
    assert len(core(normalise(text))) > 0.7 * len(text)


@given(st.text(alphabet="-!? .,:ab", max_size=3000))
def test_any_row_of_signs_is_read_in_a_moment(text):
    assert isinstance(core(text), str)


def test_japanese_words_are_runs_of_one_script():
    assert words("レンガの建物の前を女性が2人歩いています") == [
        "レンガ", "の", "建物", "の", "前", "を", "女性", "が", "2", "人歩", "いています",
    ]  # fmt: skip
    assert is_function("いています") and not is_function("建物")


def test_negations_and_questions_are_no_function_words():
    assert not any(map(is_function, ["not", "no", "never", "why", "when", "where", "how", "who"]))


@given(st.integers(0, 4000))
def test_of_long_texts_both_ends_are_compared(length):
    text = "".join(chr(97 + n % 26) for n in range(length))
    kept = shortened(text)
    assert len(kept) <= 1501
    assert kept[:100] == text[:100] and (not text or kept[-1] == text[-1])
