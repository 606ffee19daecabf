"""Entities: the shapes in which people have them, what is refused, answers, and metrics that are seqeval's."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs import data as rooms
from hasei.inputs.data.dataset import Table
from hasei.tasks import arranged, open_task
from hasei.tasks._known import as_known
from hasei.tasks._named import best_tags, joined, marked, parted, spans_of, tag_names
from hasei.tasks._pieces import GAP, pieces, places
from hasei.tasks._span_metrics import METRICS
from hasei.tasks._span_rows import entities_of, outermost

TASK = open_task("token_classification")
LABELS = ("city", "person")


def table(*rows, columns=("tokens", "tags")):
    cells = [tuple(c if isinstance(c, str) else json.dumps(c, ensure_ascii=False) for c in row) for row in rows]
    return Table(Path("rows.jsonl"), tuple(columns), cells, np.arange(1, len(rows) + 1), "utf-8", "")


def read(found, name):
    name = rooms.guess(found, TASK.columns[:1]).columns["text"] if name == "text" else name
    return [row[found.columns.index(name)] for row in found.cells]


def spans(found):
    return [
        [(text[a:b], label) for a, b, label in parted(cell)]
        for text, cell in zip(read(found, "text"), read(found, "entities"))
    ]


# ---- tokens with tags


@pytest.mark.parametrize(("scheme", "tags"), [
    ("IOB2", ["B-x", "I-x", "B-x", "O", "B-y"]), ("IOB1", ["I-x", "I-x", "B-x", "O", "I-y"]),
    ("BIOES", ["B-x", "E-x", "S-x", "O", "S-y"]), ("BILOU", ["B-x", "L-x", "U-x", "O", "U-y"]),
    ("BMES", ["B_x", "E_x", "S_x", "O", "S_y"]),
])  # fmt: skip
def test_every_scheme_of_tags_shows_the_same_entities(scheme, tags):
    assert entities_of(tags) == [(0, 1, "x"), (2, 2, "x"), (4, 4, "y")]


def test_an_i_of_another_label_begins_an_entity():
    assert entities_of(["B-x", "I-y", "I-y"]) == [(0, 0, "x"), (1, 2, "y")]


def test_tokens_become_a_text_whose_pieces_are_the_tokens():
    found = arranged(TASK, table((["New York", "'s", "O'Hare", ":-)"], ["B-city", "O", "B-city", "O"])))
    (text,) = read(found, "text")
    assert [text[a:b] for a, b in pieces(text)] == ["New\u00a0York", "'s", "O'Hare", ":-)"]
    assert spans(found) == [[("New\u00a0York", "city"), ("O'Hare", "city")]]


def test_a_row_of_one_token_is_still_one_of_tokens():
    (text,) = read(arranged(TASK, table((["O'Hare"], ["B-city"]))), "text")
    assert [text[a:b] for a, b in pieces(text)] == ["O'Hare"]


def test_tokens_without_tags_are_read_for_prediction():
    found = arranged(TASK, table((["in", "Rome"],), columns=("tokens",)))
    assert read(found, "text") == [f"in{GAP}Rome"] and "entities" not in found.columns


def test_blank_tokens_are_left_out_and_an_entity_goes_on_across_them():
    found = arranged(
        TASK, table((["in", " ", "New", "", "York", "\u3000"], ["O", "O", "B-city", "I-city", "I-city", "O"]))
    )
    assert spans(found) == [[(f"New{GAP}York", "city")]]


@pytest.mark.parametrize(("row", "said"), [
    ((["a", "b"], ["O"]), "line 1: tokens and tags are not equally many; expected 2 tags; received 1"),
    ((["a"], ["X-city"]), "line 1: 'X-city' is no tag"),
    ((["a"], ["city"]), "line 1: 'city' is no tag"),
    ((["a"], [3]), "line 1: '3' is no tag"),
    (([" "], ["B-city"]), "line 1: an entity has only blank tokens"),
    ((["a"], '["O"'), "line 1: the tags can't be read"),
    ((["a"], [["O"]]), "line 1: the tags can't be read"),
])  # fmt: skip
def test_tokens_that_are_not_what_they_claim_are_refused_with_their_line(row, said):
    with pytest.raises(DataError) as error:
        arranged(TASK, table(row))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_empty_documents_hold_nothing_and_are_no_error():
    found = arranged(TASK, table(([], []), (["Rome"], ["B-city"])))
    assert read(found, "text")[0] == "" and read(found, "entities")[0] == "[]"


def test_a_row_without_tags_among_others_is_not_labelled():
    assert read(arranged(TASK, table((["a"], ["O"]), (["b"], ""))), "entities") == ["[]", ""]


# ---- character spans


@pytest.mark.parametrize("entity", [
    {"start": 3, "end": 7, "label": "city"}, {"begin": 3, "stop": 7, "type": "city"}, {"span": [3, 7], "entity_type": "city"},
    {"start_offset": 3, "end_offset": 7, "labels": ["city"], "text": "Rome"}, [3, 7, "city"],
    {"start": 3, "end": 7, "slot": "city", "text": "ROME"},
])  # fmt: skip
@pytest.mark.parametrize("column", ["entities", "spans", "slots", "label", "annotations"])
def test_spans_are_read_in_any_usual_spelling(entity, column):
    found = arranged(TASK, table(("in Rome", [entity]), columns=("sentence", column)))
    assert spans(found) == [[("Rome", "city")]]


@pytest.mark.parametrize(("text", "found", "said"), [
    ("Rome", [[0, 5, "city"]], "an entity is out of range: 0 to 5 (city) in a text of 4 characters"),
    ("Rome", [[-1, 3, "city"]], "an entity is out of range: -1 to 3 (city)"),
    ("Rome", [[3, 3, "city"]], "an entity is out of range: 3 to 3 (city)"),
    ("a  b", [[1, 3, "city"]], "an entity holds only white space"),
    ("Rome", [[0, 4, " "]], "a label in every entity"),
    ("Rome", [[0, "4", "city"]], "start and end as whole numbers"),
    ("Rome", [["Rome"]], "can't be read"),
    ("🙂 Rome", [{"start": 3, "end": 7, "label": "city", "text": "Rome"}], "'Rome' does not stand at 3 to 7"),
])  # fmt: skip
def test_spans_that_are_not_what_they_claim_are_refused_with_their_line(text, found, said):
    with pytest.raises(DataError) as error:
        arranged(TASK, table((text, found) if said[:3] != "'Ro" else (text + "x", found), columns=("text", "entities")))
    assert said in str(error.value) and "line 1" in str(error.value) and "\n" not in str(error.value)


def test_of_entities_that_overlap_the_longest_is_kept_and_the_rows_are_named():
    found = arranged(
        TASK, table(("a", []), ("New York City", [[0, 13, "city"], [0, 8, "city"]]), columns=("text", "entities"))
    )
    assert spans(found) == [[], [("New York City", "city")]]
    assert [f.rows for f in found.findings] == [(2,)] and "overlap" in found.findings[0].message


def test_overlaps_that_come_without_a_text_are_refused():
    with pytest.raises(DataError, match=r"two entities overlap: 0 to 5 \(a\) and 3 to 8 \(b\)"):
        TASK.clean(['[[0, 5, "a"], [3, 8, "b"]]'])


def test_white_space_at_the_ends_is_left_out_and_said():
    found = arranged(TASK, table(("in Rome .", [[2, 8, "city"]]), columns=("text", "entities")))
    assert spans(found) == [[("Rome", "city")]] and found.findings[0].variant == "white_space"


def test_a_table_of_something_else_stays_as_it_is():
    other = table(("a", "b"), columns=("text", "label"))
    assert arranged(TASK, other) is other


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.sampled_from("ab")), max_size=8))
def test_the_outermost_of_any_spans_never_overlap_and_cover_the_longest(found):
    given_ = tuple(sorted({(a, a + n, label) for a, n, label in found}))
    kept = outermost(given_)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(kept))
    assert set(kept) <= set(given_) and (
        not given_ or max(b - a for a, b, _ in kept) == max(b - a for a, b, _ in given_)
    )
    assert parted(joined(kept)) == kept


# ---- labels


def test_labels_that_differ_in_case_or_width_are_one():
    cleaned, findings = TASK.clean(['[[0, 1, "City"]]', '[[0, 1, "city"]]', '[[0, 1, "ｃｉｔｙ"]]', '[[2, 3, "city"]]'])
    assert {label for cell in cleaned for *_, label in parted(cell)} == {"city"} and findings[
        0
    ].kind == "label_spelling"


def test_targets_from_elsewhere_get_the_spelling_of_the_model_and_new_labels_count_as_missed():
    space = TASK.space(['[[0, 1, "city"]]', "[]"])
    (found,), _ = as_known(TASK, space, ['[[0, 1, "CITY"], [2, 3, "river"]]'])
    assert [label for *_, label in parted(found)] == ["city", "river"]
    assert TASK.knows(space, [found]).all() and TASK.encode(space, [found])[0].tolist() == [[0, 1, 0]]
    assert METRICS["recall"].value([joined([(0, 1, "city")])], [found]) == 0.5


# ---- answers


def test_an_illegal_sequence_is_repaired_by_the_likeliest_legal_one():
    # "I-city" is the likeliest tag of the second place, but nothing goes before it: B and I together outweigh O and O.
    logits = np.array([[0.0, -0.2, -9, -9, -9], [-1.0, -2.0, 0.0, -9, -9]])
    assert best_tags(logits).tolist() == [1, 2]
    assert best_tags(np.array([[0.0, -5, -9, -9, -9], [-1.0, -2.0, 0.0, -9, -9]])).tolist() == [0, 0]


def legal(tags):
    return all(t == 0 or t % 2 or before in (t, t - 1) for before, t in zip([0, *tags], tags))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 2))
def test_repaired_tags_are_the_best_of_all_legal_ones(seed, length, labels):
    from itertools import product

    logits = np.random.default_rng(seed).normal(0, 2, (length, 2 * labels + 1))
    every = [tags for tags in product(range(2 * labels + 1), repeat=length) if legal(tags)]
    best = max(every, key=lambda tags: logits[np.arange(length), list(tags)].sum())
    assert best_tags(logits).tolist() == list(best)


def row(text, tags):
    at = np.array(pieces(text), float)
    return np.concatenate([at, 8.0 * np.eye(5)[tags]], 1).astype(np.float32)


def test_answers_are_entities_with_the_probability_of_all_their_tags():
    space = TASK.space([joined([(0, 1, "city")]), joined([(0, 1, "person")])])
    outputs = np.empty(2, object)
    outputs[:] = [row("Tom in New York", [3, 0, 1, 2]), np.zeros((0, 7), np.float32)]
    found = TASK.answers(space, outputs)
    assert parted(found.values[0]) == ((0, 3, "person"), (7, 15, "city")) and found.values[1] == "[]"
    assert found.confidence[0] == pytest.approx((np.exp(8) / (np.exp(8) + 4)) ** 4) and found.confidence[1] == 1
    assert TASK.truth(map(str, found.values)) == found.values


def test_outputs_without_places_hold_no_entity():
    space = TASK.space([joined([(0, 1, "city")]), "[]"])
    assert TASK.answers(space, np.zeros((2, 3), np.float32)).values == ["[]", "[]"]


# ---- the metrics


TAGS = st.lists(st.sampled_from(["O", "O", "B-city", "I-city", "B-person", "I-person"]), min_size=1, max_size=9)


def repaired(tags):
    found = ["O"] * len(tags)
    for first, last, label in entities_of(tags):
        found[first : last + 1] = [f"B-{label}", *[f"I-{label}"] * (last - first)]
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=6))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_metrics_are_those_of_seqeval_in_strict_iob2(pairs):
    seqeval = pytest.importorskip("seqeval.metrics")
    from seqeval.scheme import IOB2

    true = [repaired(one) for one, _ in pairs]
    said = [repaired((other * 9)[: len(one)]) for one, other in pairs]
    cells = [[as_cell(tags) for tags in rows] for rows in (said, true)]
    expected = {
        name: getattr(seqeval, f"{name}_score")(true, said, mode="strict", scheme=IOB2, zero_division=0)
        for name in ("f1", "precision", "recall")
    }
    for name, value in expected.items():
        assert METRICS[name].value(*cells) == pytest.approx(value, abs=1e-12)


def as_cell(tags):
    return joined([(4 * first, 4 * last + 3, label) for first, last, label in entities_of(tags)])


def test_weights_count_rows_as_often_as_they_say():
    said, true = [as_cell(["B-x", "O"]), as_cell(["B-x", "B-x"])], [as_cell(["B-x", "B-y"]), as_cell(["O", "B-x"])]
    weights = np.array([[1, 1], [2, 0], [0, 3]], float)
    for metric in METRICS.values():
        expected = [
            metric.value(said, true),
            metric.value(said[:1] * 2, true[:1] * 2),
            metric.value(said[1:] * 3, true[1:] * 3),
        ]
        assert metric.weighted(said, true, weights) == pytest.approx(expected)


# ---- places


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aB1 é\u0301.,'-_@東京タワのー🙂👍\U0001f3fd\u200d\ufe0f\u200b\u3000\u2005ก็नमस्\n", max_size=40))
def test_pieces_part_a_text_in_order_and_hold_no_white_space_at_their_ends(text):
    found = pieces(text)
    assert all(a < b and text[a:b].strip() == text[a:b] for a, b in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))
    covered = {i for a, b in found for i in range(a, b)}
    assert all(sign.isspace() for i, sign in enumerate(text) if i not in covered)


def test_a_sub_token_over_two_pieces_makes_them_one_place_and_a_piece_without_any_is_none():
    parts = [(0, 3), (3, 4), (4, 5), (6, 9), (10, 11)]
    offsets = [(0, 0), (0, 2), (2, 3), (3, 5), (5, 8), (8, 9), (0, 0)]
    assert places(parts, offsets) == [(1, 0, 3), (3, 3, 5), (4, 6, 9)]


def test_spans_inside_a_place_are_marked_at_it_and_said_to_be_hidden():
    at = np.array([[0, 3], [4, 6], [7, 9]])
    tags, exact = marked(np.array([[0, 2, 0], [4, 9, 1], [20, 22, 0]]), at)
    assert tags.tolist() == [1, 3, 4] and exact.tolist() == [False, True, False]


@settings(deadline=None)
@given(st.data())
def test_tags_of_exact_spans_read_back_as_those_spans(data):
    at = np.array([(3 * i, 3 * i + 2) for i in range(data.draw(st.integers(1, 8)))])
    cut = sorted(data.draw(st.sets(st.integers(0, len(at)))))
    found = [(3 * a, 3 * b - 1, data.draw(st.sampled_from(LABELS))) for a, b in zip(cut[::2], cut[1::2])]
    encoded = np.array([(a, b, LABELS.index(label)) for a, b, label in found], np.int64).reshape(-1, 3)
    tags, exact = marked(encoded, at)
    assert exact.all() and spans_of(tags, at, LABELS) == found
    assert len(tag_names(LABELS)) == 5


# ---- real data


@pytest.mark.parametrize(("name", "entities", "hidden"), [
    ("wnut17/dev.jsonl", 836, 0), ("ncbi_disease/dev.jsonl", 787, 0), ("stockmark_ner/valid.jsonl", 1396, 1),
    ("restaurant8k/train.jsonl", 0, 5),
])  # fmt: skip
def test_entities_of_real_sets_begin_and_end_at_pieces(name, entities, hidden, shared):
    found = arranged(TASK, rooms.read(shared / name))
    mapping = rooms.guess(found, TASK.columns).columns
    assert mapping == {"text": "text", "entities": "entities"}
    total = lost = 0
    for text, cell in zip(read(found, "text"), TASK.clean(read(found, "entities"))[0]):
        at = pieces(text)
        starts, ends = {a for a, _ in at}, {b for _, b in at}
        total += len(parted(cell))
        lost += sum(a not in starts or b not in ends for a, b, _ in parted(cell))
    assert total >= entities and total > 500 and lost <= hidden


def test_the_sign_between_tokens_in_a_text_of_plain_words_means_nothing():
    text = f"see{GAP}New York, please"
    assert [text[a:b] for a, b in pieces(text)] == ["see", "New", "York", ",", "please"]
