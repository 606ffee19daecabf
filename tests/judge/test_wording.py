"""Figures in words: nothing is ever called all, and nothing is written as a power of ten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.judge.automation import _digits
from hasei.judge.wording import percent


@pytest.mark.parametrize(("share", "digits", "said"), [
    (1.0, 2, "100 %"), (1.0, 3, "100 %"), (0.996, 2, "99.6 %"), (0.9999, 2, ">99.9 %"), (0.94, 2, "94 %"), (0.983, 3, "98.3 %"),
    (0.0, 2, "0 %"), (3e-7, 3, "<0.001 %"), (0.00004, 3, "0.004 %"), (0.0469, 3, "4.69 %"),
])  # fmt: skip
def test_a_share_is_said_plainly(share, digits, said):
    assert percent(share, digits) == said


@given(st.floats(0, 1), st.integers(2, 4))
def test_no_share_is_a_power_of_ten_and_only_all_is_a_hundred(share, digits):
    said = percent(share, digits)
    assert "e" not in said
    assert (said == "100 %") == (share == 1.0)


@pytest.mark.parametrize(
    ("threshold", "said"), [(0.743, "0.74"), (0.9993, "0.999"), (7.3e-7, "0.000001"), (0.004, "0.004")]
)
def test_a_threshold_is_never_said_to_be_nought_or_one(threshold, said):
    assert _digits(threshold) == said
