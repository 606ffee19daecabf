from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.sketch import FALSE_POSITIVE_RATE, Sketch


@given(st.sets(st.text(max_size=20), max_size=50))
def test_every_row_that_was_there_is_recognised_also_after_a_round_trip(contents):
    sketch = Sketch.of(contents)
    again = Sketch.from_json(json.loads(json.dumps(sketch.to_json())))
    assert all(content in sketch and content in again for content in contents)
    assert again.to_json() == sketch.to_json()


@given(st.lists(st.text(max_size=20), max_size=20), st.randoms())
def test_neither_the_order_nor_copies_of_rows_change_a_byte(contents, rng):
    shuffled = [*contents, *contents]
    rng.shuffle(shuffled)
    assert Sketch.of(shuffled).to_json() == Sketch.of(contents).to_json()


def test_rows_that_were_not_there_are_as_good_as_never_recognised():
    sketch = Sketch.of(f"row {n}" for n in range(5_000))
    wrong = sum(f"other row {n}" in sketch for n in range(20_000))
    assert FALSE_POSITIVE_RATE <= 1e-4 and wrong <= 1


def test_it_takes_less_than_five_characters_a_row():
    sketch = Sketch.of(f"row {n}" for n in range(10_000))
    assert len(json.dumps(sketch.to_json())) < 5 * 10_000


def test_nothing_was_in_an_empty_sketch():
    assert "row" not in Sketch.of([])


@pytest.mark.parametrize(
    "changes", [{"kind": "other"}, {"filter": ""}, {"filter": "???"}, {"hashes": 0}, {"hashes": "many"}]
)
def test_a_damaged_sketch_is_refused(changes):
    with pytest.raises(ValueError):
        Sketch.from_json(Sketch.of(["row"]).to_json() | changes)


def test_about_half_of_the_bits_are_set():
    assert 0.45 < np.unpackbits(Sketch.of(map(str, range(2_000))).filter).mean() < 0.55
