from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.engine.batching import by_length, steps
from hasei.engine.splits import folds, inner_split

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=300).map(np.array)


@given(lengths, st.integers(1, 4000))
def test_every_row_is_batched_exactly_once_and_no_batch_passes_its_budget(lengths, budget):
    batches = list(by_length(lengths, budget))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= budget


@given(lengths, st.integers(1, 64), st.integers(0, 5))
def test_an_epoch_sees_every_row_once_in_steps_of_one_size(lengths, rows, seed):
    epoch = steps(lengths, rows, np.random.default_rng(seed), budget=512)
    assert sorted(np.concatenate([m for step in epoch for m in step])) == list(range(len(lengths)))
    sizes = [sum(len(m) for m in step) for step in epoch]
    assert max(sizes) <= rows
    assert sum(size < rows for size in sizes) <= 1 + len(lengths) // (rows * 32)


def test_batches_of_short_texts_have_almost_no_padding():
    lengths = np.random.default_rng(0).geometric(1 / 16, 10_000).clip(3, 100)
    padded = sum(int(lengths[b].max()) * len(b) for b in by_length(lengths))
    assert padded <= 1.1 * lengths.sum()


@settings(max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=200), st.integers(0, 5))
def test_a_split_inside_train_never_divides_a_unit(units, seed):
    names = [f"unit-{u}" for u in units]
    fit, held = inner_split(names, 0.2, seed)
    assert sorted([*fit, *held]) == list(range(len(names)))
    if len(set(names)) > 1:
        assert len(fit) and len(held)
        assert not {names[i] for i in fit} & {names[i] for i in held}
    fold = folds(names, 4, seed)
    for name in set(names):
        assert len({fold[i] for i in range(len(names)) if names[i] == name}) == 1
