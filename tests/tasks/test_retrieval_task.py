"""Questions and entries: rows in their shapes, rankings and how good they are, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs.data.corpus import Corpus
from hasei.inputs.data.dataset import Mapping
from hasei.inputs.data.reading import read
from hasei.tasks import open_task, over
from hasei.tasks._ranking import METRICS, first_right, ids_of, said

TASK = over(
    open_task("retrieval"), Corpus(tuple("abcdefghijkl"), ("",) * 12, tuple(f"text {c}" for c in "abcdefghijkl"))
)


def value(metric, ranking, right):
    return METRICS[metric].value([said([[name, 1.0] for name in ranking])], [json.dumps(list(right))])


@pytest.mark.parametrize(("metric", "ranking", "right", "expected"), [
    ("mrr@10", "abc", "a", 1.0), ("mrr@10", "abc", "c", 1 / 3), ("mrr@10", "abc", "cb", 1 / 2), ("mrr@10", "abc", "x", 0.0),
    ("mrr@10", "abcdefghijkl", "j", 1 / 10), ("mrr@10", "abcdefghijkl", "k", 0.0),
    ("recall@1", "abc", "a", 1.0), ("recall@1", "abc", "ab", 1.0), ("recall@1", "abc", "b", 0.0),
    ("recall@5", "abcdefg", "ae", 1.0), ("recall@5", "abcdefg", "af", 0.5), ("recall@5", "abcdef", "abcdefx", 1.0),
    ("recall@10", "abcdefghijkl", "jk", 0.5),
    ("ndcg@10", "abc", "a", 1.0), ("ndcg@10", "abc", "b", 1 / np.log2(3)),
    ("ndcg@10", "abcd", "ad", (1 + 1 / np.log2(5)) / (1 + 1 / np.log2(3))),
])  # fmt: skip
def test_a_ranking_is_worth_what_the_definition_says(metric, ranking, right, expected):
    assert value(metric, ranking, right) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=25)
def test_ndcg_is_that_of_scikit_learn(seed):
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(seed)
    gains = rng.integers(0, 2, 15)
    gains[rng.integers(15)] = 1
    names, scores = [f"e{i}" for i in range(15)], rng.permutation(15)
    ranking = [names[i] for i in np.argsort(-scores)]
    right = [name for name, gain in zip(names, gains) if gain]
    assert value("ndcg@10", ranking, right) == pytest.approx(ndcg_score([gains], [scores], k=10), abs=1e-12)


def test_a_ranking_survives_being_kept_as_text_and_what_is_none_finds_nothing():
    assert ids_of(said([["荷物", 0.25], ['a"b', 0.1]])) == ("荷物", 'a"b')
    assert [ids_of(text) for text in ("", "x", "{}", "3", "[]")] == [()] * 5
    assert METRICS["mrr@10"].value(["", '["a"]'], ['["a"]', '["a"]']) == 0.5
    assert first_right([said([["a", 1.0], ["b", 0.5]]), "[]"], ['["b", "z"]', '["a"]']) == [1, -1]


def test_targets_are_ids_lists_of_ids_or_the_texts_of_entries():
    cleaned, _ = TASK.clean(["b", '["c", "a", "c"]', " d ", "text e"])
    assert cleaned == ['["b"]', '["a", "c"]', '["d"]', '["e"]']
    assert [list(places) for places in TASK.encode(TASK.space(cleaned), cleaned)] == [[1], [0, 2], [3], [4]]


@pytest.mark.parametrize(("target", "words"), [
    ("zz", "'zz', is not among the entries"), ('["a", "zz"]', "is not among the entries"), ("[]", "has no right entry"),
    ('[{"a": 1}]', "can't be read"), ('["a", ""]', "can't be read"),
])  # fmt: skip
def test_a_question_without_a_right_entry_is_refused_in_one_line(target, words):
    with pytest.raises(DataError) as error:
        TASK.clean(["a", target])
    assert words in str(error.value) and "\n" not in str(error.value)


def test_several_rows_of_one_question_become_one(tmp_path):
    (tmp_path / "q.csv").write_text("query,faq_id\nWhere?,a\nwhen?,b\n ｗｈｅｒｅ?,c\n,d\n,e\n", encoding="utf-8")
    table = TASK.gather(read(tmp_path / "q.csv"), Mapping({"text": "query", "label": "faq_id"}))
    assert [row[1] for row in table.cells] == ['["a", "c"]', '["b"]', '["d"]', '["e"]']
    assert table.lines.tolist() == [2, 3, 5, 6]


def test_judgements_are_read_with_the_questions_beside_them(tmp_path):
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "where?"}\n{"_id": "q2", "text": "荷物は?"}\n', "utf-8"
    )
    (tmp_path / "qrels.tsv").write_text("query_id\tcorpus_id\tscore\nq1\ta\t1\nq2\tb\t1\nq1\tc\t0\n", "utf-8")
    table = TASK.arrange(read(tmp_path / "qrels.tsv"))
    assert [row[-2:] for row in table.cells] == [("where?", "a"), ("荷物は?", "b"), ("where?", "")]
    gathered = TASK.gather(table, Mapping({"text": "text", "label": "label"}))
    assert [row[-1] for row in gathered.cells] == ['["a"]', '["b"]']
    (tmp_path / "qrels.tsv").write_text("query_id\tcorpus_id\tscore\nq9\ta\t1\n", "utf-8")
    with pytest.raises(DataError, match="line 2: there is no question 'q9'"):
        TASK.arrange(read(tmp_path / "qrels.tsv"))
    (tmp_path / "queries.jsonl").unlink()
    with pytest.raises(DataError, match=r"a file queries\.jsonl beside it"):
        TASK.arrange(read(tmp_path / "qrels.tsv"))


def test_rivals_are_the_scores_of_the_ten_best_and_fewer_are_filled_with_one_that_never_wins():
    outputs = np.empty(2, object)
    outputs[0], outputs[1] = [["a", 0.5], ["b", 0.25]], [[c, 1.0] for c in "abcdefghijkl"]
    scores = TASK.rivals(outputs)
    assert scores.shape == (2, 10) and scores[0, :2].tolist() == [0.5, 0.25] and (scores[0, 2:] < -1000).all()
