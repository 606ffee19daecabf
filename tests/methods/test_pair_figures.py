"""The figures by which pair_regression compares two texts."""

from __future__ import annotations

import numpy as np
import pytest

from hasei.formats._likeness import alike
from hasei.ground.events import Watch
from hasei.tasks import open_task

TEXTS = ["where is my parcel", "my card was declined", "荷物はどこですか", "🙂", "!", "a " * 200, ""]
PAIRS = [(one, other) for one in TEXTS for other in TEXTS]


@pytest.fixture(scope="module")
def read(trunks):
    trunk = trunks(open_task("similarity"))
    return lambda pairs: alike(trunk.model, trunk.tokenizer, trunk.max_tokens, pairs, Watch())


def test_every_pair_has_six_finite_figures_a_layer_in_their_own_order(read, trunks):
    found = read(PAIRS)
    layers = trunks(open_task("similarity")).layers
    assert found.shape == (len(PAIRS), 6 * (layers + 1)) and np.isfinite(found).all()
    np.testing.assert_allclose(found[3:4], read(PAIRS[3:4]), atol=1e-5)


def test_a_text_is_wholly_like_itself_and_less_like_others(read):
    found = dict(zip(PAIRS, read(PAIRS)))
    for text in TEXTS:
        np.testing.assert_allclose(found[text, text], 1.0, atol=1e-4)
    assert (found["where is my parcel", "my card was declined"] < 0.999).any()


def test_the_order_of_the_two_texts_does_not_matter(read):
    np.testing.assert_allclose(read(PAIRS), read([(other, one) for one, other in PAIRS]), atol=1e-5)
