from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.events import DeadlineReached, Watch
from hasei.inputs.data.roles import normalise
from hasei.judge.checks import _near
from hasei.judge.checks._candidates import candidates
from hasei.judge.checks._near import find_near

_NAMES = "oslo paris rome cairo lima quito tokyo delhi hanoi perth accra dakar sofia riga turin leeds"
NAMES = _NAMES.split()
LETTERS = (
    st.text(st.sampled_from("abcdefgh "), min_size=12, max_size=60).map(normalise).filter(lambda text: len(text) >= 12)
)


def near(*written: str) -> set[tuple[int, int]]:
    found = find_near(list(map(normalise, written)), Watch())
    same = {(a, b) for rows in found.rows_of for a in rows for b in rows if a < b}
    pairs = {(found.rows_of[pair.one][0], found.rows_of[pair.other][0]) for pair in found.pairs}
    return same | {(min(pair), max(pair)) for pair in pairs}


def test_copies_are_found_among_other_texts():
    written = [
        "Where can I see the balance of my savings account?", "the train to perth leaves at nine",
        "where can i see the balence of my savings account", "Where could I see the balance of my savings account",
        "we had a wonderful time at the seaside",
    ]  # fmt: skip
    assert near(*written) == {(0, 2), (0, 3), (2, 3)}


def test_one_formula_with_many_fillings_is_not_taken_for_copies():
    assert near(*(f"please book a table for me in {name} tonight" for name in NAMES)) == set()
    assert near(*(f"please book a table for me in {name} tonight" for name in NAMES[:2])) == {(0, 1)}


def test_texts_with_one_content_word_are_near_only_where_they_are_the_same():
    assert near("yes please", "yes", "Yes, please!") == {(0, 2)}


@settings(max_examples=40, deadline=None)
@given(st.lists(LETTERS, min_size=2, max_size=12, unique=True), st.data())
def test_a_text_with_a_letter_dropped_is_always_a_candidate(texts, data):
    number = data.draw(st.integers(0, len(texts) - 1))
    place = data.draw(st.integers(0, len(texts[number]) - 1))
    every = [*texts, texts[number][:place] + texts[number][place + 1 :]]
    i, j, whole = candidates(every, Watch())
    assert whole and (i < j).all() and len(set(zip(i.tolist(), j.tolist()))) == len(i)
    if len(set(texts[number])) > 3 and every.count(every[-1]) == 1:
        assert (number, len(texts)) in set(zip(i.tolist(), j.tolist()))


def test_long_texts_are_near_only_where_they_are_alike_in_the_middle_too():
    rng = random.Random(0)
    start, middle, other, end = (" ".join(rng.choices(NAMES, k=400)) for _ in range(4))
    assert near(f"{start} {middle} {end}", f"{start} {middle} {end} leeds") == {(0, 1)}
    assert near(f"{start} {middle} {end}", f"{start} {other} {end}") == set()


def test_so_many_alike_rows_that_not_all_can_be_compared_are_still_done_in_time_and_said(monkeypatch):
    monkeypatch.setattr("hasei.judge.checks._candidates._PAIRS", 100)
    monkeypatch.setattr("hasei.judge.checks._candidates._PAIRS_A_TEXT", 1)
    rng = random.Random(0)
    written = [
        f"{rng.choice(NAMES)} order {rng.randrange(10**6)} was shipped to {rng.choice(NAMES)}" for _ in range(400)
    ]
    assert not find_near(list(map(normalise, written)), Watch()).whole


def test_of_too_many_texts_the_judged_ones_are_compared_first(monkeypatch):
    monkeypatch.setattr(_near, "MOST_TEXTS", 4)
    written = [f"{name} is a lovely city in the spring" for name in NAMES] + ["my parcel is lost", "my parcel is lots"]
    first = np.zeros(len(written), np.bool_)
    first[-2:] = True
    found = find_near(written, Watch(), first)
    assert found.compared == 4
    assert (len(written) - 2, len(written) - 1) in {(pair.one, pair.other) for pair in found.pairs}


def test_signs_that_are_no_text_do_no_harm():
    assert near("\ud800", "", "…", "。", "a") == set()


def test_a_deadline_stops_it():
    with pytest.raises(DeadlineReached):
        find_near(["one text", "another text"], Watch(deadline=0.0))
