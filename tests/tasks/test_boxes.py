"""Boxes as text: every usual shape to one form, and what can't be a box in one sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.tasks._boxes import Box, NoBox, fitted, normalised, overlap, parsed, written

CAT = [Box("cat", (10.0, 20.0, 40.0, 60.0))]


@pytest.mark.parametrize(
    "text",
    [
        '[{"label": "cat", "box": [10, 20, 40, 60]}]',
        '[{"category": "cat", "bbox": [10, 20, 30, 40]}]',
        '[{"name": " ｃａｔ ", "bndbox": {"xmin": 10, "ymin": 20, "xmax": 40, "ymax": 60}}]',
        '[{"class": "cat", "x1": 10, "y1": 20, "x2": 40, "y2": 60}]',
        '[{"label": "cat", "left": 10, "top": 20, "right": 40, "bottom": 60, "colour": "grey"}]',
        '{"bbox": [[10, 20, 30, 40]], "category": ["cat"]}',
    ],
)
def test_all_usual_shapes_are_one_box(text):
    assert list(parsed(text)) == CAT
    assert written(parsed(text)) == '[{"box":[10.0,20.0,40.0,60.0],"label":"cat"}]'


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ('{"label": "a", "box": [5, 5, 5, 9]}', "not above 0.*'bbox'"),
        ('{"label": "a", "box": [9, 5, 5, 9]}', "not above 0"),
        ('{"label": "a", "bbox": [5, 5, 0, 9]}', "not above 0"),
        ('{"label": "a", "bbox": [5, 5, 3, -1]}', "not above 0"),
        ('{"label": "a", "box": [5, "six", 9, 9]}', 'no number \\("six"\\)'),
        ('{"label": "a", "box": [5, "6", 9, 9]}', "no number"),
        ('{"label": "a", "box": [5, true, 9, 9]}', "no number"),
        ('{"label": "a", "box": [5, Infinity, 9, 9]}', "no place in a picture"),
        ('{"label": "a", "box": [5, NaN, 9, 9]}', "no place in a picture"),
        ('{"label": "a", "box": [5, 1e999, 9, 9]}', "no place in a picture"),
        ('{"label": "a", "box": [5, ' + "9" * 400 + ", 9, 9]}", "no place in a picture"),
        ('{"label": "a", "box": [5, 6, 7]}', "not four numbers"),
        ('{"label": "a"}', "not four numbers"),
        ('{"box": [5, 6, 7, 8]}', "without a label"),
        ('{"label": "  ", "box": [5, 6, 7, 8]}', "blank label"),
        ("[5, 6, 7, 8]", "without a name for its parts"),
        ("{", "no list of boxes"),
    ],
)
def test_what_is_no_box_is_said(item, said):
    with pytest.raises(NoBox, match=said):
        parsed(f"[{item}]")


@pytest.mark.parametrize("text", ['"cat"', "3", "null", "", '{"bbox": [[1, 2, 3, 4]], "category": []}', "[" * 100_000])
def test_what_is_no_list_of_boxes_is_said(text):
    with pytest.raises(NoBox):
        parsed(text)


def test_boxes_are_cut_at_the_edge_within_a_pixel_and_refused_beyond():
    assert fitted([Box("a", (-0.5, 0, 100.9, 50))], 100, 50)[0].corners == (0, 0, 100, 50)
    for corners in ((0, 0, 110, 50), (-3, 0, 50, 50), (0, 60, 50, 70), (100.5, 0, 101, 9)):
        with pytest.raises(NoBox, match=r"outside of its picture \(100 x 50 pixels\)"):
            fitted([Box("a", corners)], 100, 50)


def test_shares_of_a_picture_are_told_from_pixels():
    assert normalised([Box("a", (0.1, 0.2, 0.5, 1.0))])
    assert not normalised([Box("a", (0.0, 0.0, 1.0, 1.0))])
    assert not normalised([Box("a", (0.5, 0.5, 0.9, 1.5))])
    assert not normalised([])


def test_overlap_is_intersection_over_union():
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 15, 10)) == 0
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1


sides = st.floats(0, 4000, allow_nan=False)
boxes = st.builds(
    lambda label, x, y, w, h, score: Box(label, (x, y, x + w, y + h), score),
    st.text(min_size=1).filter(lambda t: t.strip() and t.isprintable()), sides, sides,
    st.floats(1, 4000), st.floats(1, 4000), st.none() | st.floats(0, 1),
)  # fmt: skip


@given(st.lists(boxes, max_size=6))
def test_canonical_text_stays_itself_and_does_not_hang_on_the_order_of_boxes(found):
    text = written(parsed(written(found)))
    assert written(parsed(text)) == text
    if all(box.score is None for box in found):
        assert written(found[::-1]) == written(found)
    assert len(parsed(text)) == len(found)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(
    st.sampled_from(["label", "box", "bbox", "x"]), c), max_leaves=8))  # fmt: skip
def test_any_json_is_boxes_or_no_box_and_nothing_else_happens(value):
    try:
        found = parsed(json.dumps(value))
    except NoBox as error:
        assert str(error).startswith("has ")
    else:
        assert all(box.corners[0] < box.corners[2] for box in found)
