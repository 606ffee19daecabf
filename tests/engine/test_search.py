"""Search among vectors, and features of many texts written to a file."""

from __future__ import annotations

import numpy as np
import pytest

from hasei.engine.encoding import CHUNK, encode
from hasei.engine.rankings import ranked
from hasei.engine.search import Index
from hasei.ground.errors import DataError, NotSupported


def vectors(count, hidden=16, seed=0):
    found = np.random.default_rng(seed).normal(size=(count, hidden)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_the_exact_index_finds_what_comparing_all_finds():
    entries, asked = vectors(500), vectors(40, seed=1)
    scores, places = Index(entries).search(asked, 7)
    every = asked @ entries.T
    assert np.array_equal(places, np.argsort(-every, axis=1)[:, :7])
    assert np.abs(scores - np.take_along_axis(every, places, 1)).max() < 1e-5


def test_the_approximate_index_finds_nearly_all_of_it_and_the_same_every_time():
    entries, asked = vectors(4000, seed=2), vectors(50, seed=3)
    exact, (_, one), (_, two) = (
        Index(entries, approximate=False).search(asked, 10)[1], Index(entries, approximate=True).search(asked, 10),
        Index(entries, approximate=True).search(asked, 10),
    )  # fmt: skip
    assert np.array_equal(one, two)
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(one, exact)]) > 0.9


def test_fewer_entries_than_asked_for_and_no_questions_are_fine():
    assert Index(vectors(3)).search(vectors(2, seed=1), 10)[1].shape == (2, 3)
    assert Index(vectors(3)).search(np.empty((0, 16), np.float32), 10)[1].shape == (0, 3)
    assert Index(np.empty((0, 16), np.float32)).search(vectors(2), 10)[1].shape == (2, 0)


def test_equal_scores_stand_in_the_order_of_the_entries_and_what_was_not_found_is_left_out():
    scores = np.array([[0.5, 0.5, 0.5000001, -1.0]], np.float32)
    assert [name for name, _ in ranked("abcd", scores, np.array([[2, 1, 0, -1]]))[0]] == ["a", "b", "c"]


def test_without_the_library_there_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(NotSupported, match=r"pip install 'hasei\[retrieval\]'"):
        Index(vectors(3))


def test_many_texts_are_written_in_their_order_and_read_back(tmp_path):
    texts = (str(i) for i in range(2 * CHUNK + 5))
    seen = []

    def features(chunk):
        seen.append(len(chunk))
        return np.array([[float(text), 1.0] for text in chunk], np.float32)

    found = encode(features, texts, tmp_path / "f.bin", dtype="float32")
    assert seen == [CHUNK, CHUNK, 5]
    assert isinstance(found, np.memmap) and found.shape == (2 * CHUNK + 5, 2)
    assert np.array_equal(found[:, 0], np.arange(2 * CHUNK + 5))


def test_nothing_is_left_of_texts_that_could_not_be_encoded(tmp_path):
    def broken(chunk):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        encode(broken, ["a"], tmp_path / "f.bin")
    with pytest.raises(DataError, match="no texts"):
        encode(broken, [], tmp_path / "f.bin")
    assert list(tmp_path.iterdir()) == []
