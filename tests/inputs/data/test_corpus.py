"""Files of entries: what is read of them, and what is refused in one line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs.data.corpus import Corpus, corpus_of_answers, read_corpus
from hasei.inputs.data.reading import read


def written(path, *entries):
    path.write_text("\n".join(json.dumps(e, ensure_ascii=False) for e in entries) + "\n", encoding="utf-8")
    return path


def test_a_faq_and_a_beir_corpus_are_read_by_the_names_of_their_columns(tmp_path):
    faq = read_corpus(
        written(tmp_path / "faq.jsonl", {"_id": "f0", "question": "Why?", "answer": "So.", "source": "x"})
    )
    assert (faq.ids, faq.titles, faq.texts, faq.name) == (("f0",), ("Why?",), ("So.",), "faq.jsonl")
    (tmp_path / "docs.csv").write_text("ID,本文\n7,荷物はどこですか\n", encoding="utf-8")
    docs = read_corpus(tmp_path / "docs.csv")
    assert (docs.ids, docs.titles, docs.texts) == (("7",), ("",), ("荷物はどこですか",))
    assert faq.titled and not docs.titled


def test_an_entry_is_searched_by_its_title_by_both_as_one_or_by_the_two():
    corpus = Corpus(("a", "b"), ("T", ""), ("x", "y"))
    assert [corpus.searched(0, part) for part in ("title", "whole", "both")] == [("T",), ("T\nx",), ("T", "T\nx")]
    assert {corpus.searched(1, part) for part in ("title", "whole", "both")} == {("y",)}


@pytest.mark.parametrize(("content", "words"), [
    ('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n', "the id 'a' stands twice in 'c.jsonl' (lines 1 and 2)"),
    ('{"_id": "", "text": "x"}\n', "line 1: an entry has no id"),
    ('{"_id": "a", "text": " "}\n{"_id": "b", "text": ""}\n', "no entry of 'c.jsonl' has a text"),
    ('{"_id": "a", "note": "x"}\n', "has no column with the texts of its entries"),
    ('{"text": "x", "note": "y"}\n', "has no column with the ids of its entries"),
    ("", "c.jsonl"),
])  # fmt: skip
def test_what_is_no_corpus_is_refused_in_one_line(tmp_path, content, words):
    (tmp_path / "c.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_corpus(tmp_path / "c.jsonl")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_corpus_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.jsonl"):
        read_corpus(tmp_path / "nowhere.jsonl")


def test_entries_without_a_text_are_left_out_and_said(tmp_path):
    path = written(
        tmp_path / "c.jsonl", {"_id": "a", "text": "x"}, {"_id": "b", "text": " "}, {"_id": "c", "text": "z"}
    )
    corpus = read_corpus(path)
    assert corpus.ids == ("a", "c")
    (finding,) = corpus.findings
    assert (finding.kind, finding.rows) == ("blank_entry", (2,))


def test_the_hash_is_of_the_content_not_of_order_or_name():
    one = Corpus(("a", "b"), ("", ""), ("x", "y"), "one")
    assert one.content_hash == Corpus(("b", "a"), ("", ""), ("y", "x"), "two").content_hash
    assert one.content_hash != Corpus(("a", "b"), ("", ""), ("x", "z"), "one").content_hash
    assert one.content_hash != Corpus(("a", "b"), ("x", "y"), ("", ""), "one").content_hash


def test_answers_in_the_rows_are_the_entries_where_no_file_is_given(tmp_path):
    (tmp_path / "f.csv").write_text("question,answer\nwhere?,over there\nwhen?,at nine\nhow late?,at nine\n")
    table = read(tmp_path / "f.csv")
    assert corpus_of_answers([table], "answer").texts == ("over there", "at nine")
    (tmp_path / "i.csv").write_text("question,faq_id\nwhere?,f0\nwhen?,f1\n")
    with pytest.raises(DataError, match=r"holds ids, and there are no entries.*--corpus"):
        corpus_of_answers([read(tmp_path / "i.csv")], "faq_id")


names = st.text(alphabet="ab1_漢é", min_size=1, max_size=6)
parts = st.text(alphabet="ab é\"'\\,{}[]漢あ😱\u2028", max_size=12)


@given(st.dictionaries(names, st.tuples(parts, parts), min_size=1, max_size=6))
@settings(deadline=None, max_examples=40)
def test_any_entries_come_back_as_they_were_written(tmp_path_factory, entries):
    path = written(
        tmp_path_factory.mktemp("c") / "c.jsonl", *({"_id": n, "title": t, "text": x} for n, (t, x) in entries.items())
    )
    kept = {n: (t.strip(), x.strip()) for n, (t, x) in entries.items() if t.strip() or x.strip()}
    if not kept:
        return
    corpus = read_corpus(path)
    assert dict(zip(corpus.ids, zip(corpus.titles, corpus.texts))) == kept
