from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.inputs.data.roles import normalise
from hasei.judge.checks._compare import Likeness, Text, compare, make_text
from hasei.judge.checks._forms import bare, words

_KNOWN = "where when is my the card pin lost stolen how do i open an account book look"
KNOWN = Counter(dict.fromkeys(_KNOWN.split(), 50))
SPOKEN = st.lists(st.sampled_from([*KNOWN, "crad", "acount", "not"]), min_size=1, max_size=9).map(" ".join)


def text(written: str) -> Text:
    content = normalise(written)
    return make_text(bare(content), words(content))


def cost(one: str, other: str) -> float:
    return likeness(one, other).cost


def likeness(one: str, other: str) -> Likeness:
    return compare(text(one), text(other), KNOWN)


@given(SPOKEN)
def test_a_text_costs_nothing_to_itself(spoken):
    assert cost(spoken, spoken) == 0


@given(SPOKEN, SPOKEN)
def test_it_does_not_matter_which_text_comes_first(one, other):
    assert likeness(one, other) == likeness(other, one)


@pytest.mark.parametrize(("one", "other", "expected"), [
    ("where is my card", "Where is my card?!", 0), ("my pass port is lost", "my passport is lost", 0),
    ("where is my card", "where is the card", 0.5), ("where is my card", "where is my crad", 0.5),
    ("where is my card", "where my card is", 0.5), ("how do i open an account", "how do i open account", 0.5),
    ("my card is lost", "my card pin is lost", 1), ("my card is lost", "my card is stolen", 1.5),
    ("where is my card", "when is my card", 1.5), ("my card is lost", "my card is not lost", 1),
    ("a table for 2", "a table for 3", 1.5),
])  # fmt: skip
def test_edits_have_their_costs(one, other, expected):
    assert cost(one, other) == expected


def test_two_known_words_are_no_typos_of_each_other():
    assert cost("how do i book", "how do i look") == 1.5
    assert cost("how do i book", "how do i boook") == 0.5


def test_a_slip_in_japanese_costs_little_and_another_number_does_not():
    assert cost("線路の上を蒸気機関車が走っています", "線路の上を蒸機機関車が走っています") == 0.5
    assert cost("線路の上を2台の機関車が走っています", "線路の上を3台の機関車が走っています") == 1.5


def test_words_put_around_a_text_are_noticed_unless_they_outweigh_it():
    assert likeness("my card is lost", "well my card is lost in oslo").around
    assert not likeness("my card is lost", "my card in oslo is lost").around
    assert not likeness(
        "my card is lost", "my card is lost and i took a train to oslo where it rained for weeks"
    ).around
