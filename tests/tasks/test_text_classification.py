"""The first task: labels cleaned, metrics that agree with scikit-learn, a head solved to its optimum."""

from __future__ import annotations

import string

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from hasei.ground.errors import DataError
from hasei.tasks import Space, open_task

TASK = open_task("text_classification")

labels = st.text(alphabet=string.ascii_letters + " １1.0２éßあｱア_-'\"\u3000", min_size=1, max_size=6).filter(str.strip)
pairs = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), min_size=1, max_size=60)


# ---- labels as people type them


def test_one_two_and_three_spellings_of_a_number_become_one_and_it_is_said():
    cleaned, (finding,) = TASK.clean(["1", "1.0", '"1"', "1", "2"])
    assert cleaned == ["1", "1", "1", "1", "2"]
    assert (finding.kind, finding.severity) == ("label_spelling", "warning")
    assert finding.message.startswith("2 labels were respelt") and "'1.0'" in finding.message


def test_numbers_with_one_spelling_stay_as_they_are():
    assert TASK.clean(["1.0", "2.0", "1.0"]) == (["1.0", "2.0", "1.0"], [])


def test_a_leading_zero_is_a_code_and_no_number():
    assert TASK.clean(["007", "7", "07"])[0] == ["007", "7", "07"]


def test_minus_one_is_not_one():
    assert TASK.clean(["-1", "1", "+1", "-1.0"])[0] == ["-1", "1", "1", "-1"]


def test_case_width_and_spacing_are_unified_to_the_most_frequent_spelling():
    cleaned, findings = TASK.clean(["Card", "card", "card", " CARD ", "ｃａｒｄ", "\u3000card", "cash"])
    assert cleaned == ["card"] * 6 + ["cash"]
    assert "→ 'card'" in findings[0].message


def test_space_around_a_label_alone_is_not_worth_a_finding():
    assert TASK.clean([" a", "a ", "b\u3000", "\ufeffb"]) == (["a", "a", "b", "b"], [])


def test_labels_that_differ_in_more_than_spelling_stay_apart():
    assert TASK.clean(["card", "cards", "カード", "1", "1.5", "10"])[1] == []


def test_a_blank_label_that_reached_the_task_is_refused():
    with pytest.raises(DataError, match="a label is blank"):
        TASK.clean(["a", "\u3000"])


def test_labels_that_are_lists_are_said_to_be_of_another_task():
    cleaned, (finding,) = TASK.clean(['["pin", "new"]', "[]", '["pin"]', "pin"])
    assert cleaned == ['["pin", "new"]', "[]", '["pin"]', "pin"]
    assert finding.kind == "label_lists" and "multi_label_classification" in finding.do


@given(st.lists(labels, min_size=1, max_size=30))
@settings(deadline=None)
def test_cleaning_twice_changes_nothing_more(targets):
    once, _ = TASK.clean(targets)
    assert TASK.clean(once) == (once, [])


@given(st.lists(labels, min_size=1, max_size=30), st.randoms())
@settings(deadline=None)
def test_the_chosen_spelling_does_not_depend_on_the_order_of_the_rows(targets, random):
    chosen = dict(zip(targets, TASK.clean(targets)[0], strict=True))
    shuffled = list(targets)
    random.shuffle(shuffled)
    assert dict(zip(shuffled, TASK.clean(shuffled)[0], strict=True)) == chosen


# ---- what can be learnt from the rows


def test_classes_are_sorted_and_encode_to_their_position():
    space = TASK.space(["b", "c", "a", "b"])
    assert space == Space(3, ("a", "b", "c"))
    assert TASK.encode(space, ["c", "a"]).tolist() == [2, 0]


@pytest.mark.parametrize("targets", [["a", "a"], []])
def test_fewer_than_two_classes_are_refused_in_one_line(targets):
    with pytest.raises(DataError, match="at least two different labels") as error:
        TASK.space(targets)
    assert "\n" not in str(error.value)


def test_a_class_seen_only_in_the_test_file_is_not_known():
    space = TASK.space(["a", "b"])
    assert TASK.knows(space, ["a", "new"]).tolist() == [True, False]
    with pytest.raises(DataError, match="'new' was not among the training rows"):
        TASK.encode(space, ["new"])


# ---- metrics


SKLEARN = {
    "accuracy": accuracy_score,
    "micro_f1": lambda t, p: f1_score(t, p, average="micro"),
    "macro_f1": lambda t, p: f1_score(t, p, average="macro", zero_division=0),
    "macro_precision": lambda t, p: precision_score(t, p, average="macro", zero_division=0),
    "macro_recall": lambda t, p: recall_score(t, p, average="macro", zero_division=0),
}


@given(pairs)
@settings(deadline=None)
def test_every_metric_equals_scikit_learns(rows):
    predicted, true = [p for p, _ in rows], [t for _, t in rows]
    assert set(TASK.metrics) == set(SKLEARN)
    for name, metric in TASK.metrics.items():
        assert metric.value(predicted, true) == pytest.approx(SKLEARN[name](true, predicted), abs=1e-12), name


@given(pairs)
@settings(deadline=None)
def test_metrics_of_integer_arrays_equal_those_of_labels(rows):
    predicted, true = [p for p, _ in rows], [t for _, t in rows]
    codes = [np.array([ord(v) for v in side]) for side in (predicted, true)]
    for metric in TASK.metrics.values():
        assert metric.value(*codes) == pytest.approx(metric.value(predicted, true), abs=1e-12)


@given(pairs)
@settings(deadline=None)
def test_a_metric_with_scores_per_row_is_their_mean(rows):
    predicted, true = [p for p, _ in rows], [t for _, t in rows]
    for metric in TASK.metrics.values():
        if metric.rowwise is not None:
            assert np.mean(metric.rowwise(predicted, true)) == pytest.approx(metric.value(predicted, true), abs=1e-12)


# ---- loss and solver


def test_the_loss_is_the_cross_entropy_of_every_row_in_float32():
    outputs = torch.tensor([[2.0, 0.0], [0.0, 1.0]], dtype=torch.bfloat16)
    loss = TASK.loss(outputs, torch.tensor([0, 0]))
    assert loss.dtype == torch.float32
    expected = [-np.log(np.exp(2) / (np.exp(2) + 1)), -np.log(1 / (1 + np.e))]
    assert loss.numpy() == pytest.approx(expected, abs=1e-6)


def test_smoothing_makes_a_sure_right_answer_cost_something():
    outputs, target = torch.tensor([[30.0, 0.0, 0.0]]), torch.tensor([0])
    assert TASK.loss(outputs, target).item() < 1e-6
    assert TASK.loss(outputs, target, smoothing=0.1).item() > 1


def problem(rows=240, width=3, features=12, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype(np.float32) + 2
    x[:, 0] *= 60  # one dimension with huge activations, as trained transformers have
    y = (x[:, 1:4] + rng.gumbel(size=(rows, 3))).argmax(1) % width
    return x, y


def gradient(x, y, weight, bias, l2):
    scores = x.astype(np.float64) @ weight.T.astype(np.float64) + bias
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return p.T @ x / len(y) + l2 * weight, p.mean(0)


@pytest.mark.parametrize("l2", [1e-1, 1e-3])
def test_the_solved_head_is_the_optimum_of_its_loss(l2):
    x, y = problem()
    weight, bias = TASK.solve(x, y, Space(3, ("a", "b", "c")), l2)
    d_weight, d_bias = gradient(x, y, weight, bias, l2)
    spread = x.std(0)
    assert np.abs(d_weight / spread).max() < 5e-4 and np.abs(d_bias).max() < 5e-4
    assert (weight.dtype, bias.dtype, weight.shape, bias.shape) == (np.float32, np.float32, (3, 12), (3,))


@pytest.mark.parametrize("l2", [1e-1, 1e-3])
def test_the_solved_head_answers_as_scikit_learns_does(l2):
    x, y = problem()
    weight, bias = TASK.solve(x, y, Space(3, ("a", "b", "c")), l2)
    peer = LogisticRegression(C=1 / (len(x) * l2), max_iter=5000, tol=1e-8).fit(x.astype(np.float64), y)
    p = torch.softmax(torch.from_numpy(x @ weight.T + bias), 1).numpy()
    assert np.abs(p - peer.predict_proba(x.astype(np.float64))).max() < 2e-3


def test_solving_twice_gives_the_same_bytes_and_half_precision_features_will_do():
    x, y = problem()
    space = Space(3, ("a", "b", "c"))
    one, two = TASK.solve(x, y, space, 1e-2), TASK.solve(x, y, space, 1e-2)
    assert one[0].tobytes() == two[0].tobytes() and one[1].tobytes() == two[1].tobytes()
    half = TASK.solve(x.astype(np.float16), y, space, 1e-2)
    assert np.abs(half[0] - one[0]).max() < 0.05


def test_a_class_without_rows_is_never_the_answer_of_the_solved_head():
    x, y = problem(width=2)
    weight, bias = TASK.solve(x, y, Space(3, ("a", "b", "never")), 1e-3)
    assert set((x @ weight.T + bias).argmax(1)) == {0, 1}
    assert np.isfinite(weight).all() and np.isfinite(bias).all()


def test_constant_features_and_a_single_class_are_solved_all_the_same():
    space = Space(2, ("a", "b"))
    weight, bias = TASK.solve(np.ones((6, 4), np.float32), np.array([0, 0, 0, 0, 1, 1]), space, 1e-2)
    assert np.argmax(np.ones(4) @ weight.T + bias) == 0
    weight, bias = TASK.solve(np.ones((6, 4), np.float32), np.ones(6, int), space, 1e-2)
    assert np.argmax(np.ones(4) @ weight.T + bias) == 1


# ---- answers and names


def test_answers_are_the_likeliest_labels_with_their_probability():
    answers = TASK.answers(Space(2, ("no", "yes")), np.array([[0.0, np.log(3)], [1000.0, -1000.0]], np.float32))
    assert answers.values == ["yes", "no"]
    assert answers.confidence == pytest.approx([0.75, 1.0])


def test_no_rows_have_no_answers():
    answers = TASK.answers(Space(2, ("no", "yes")), np.zeros((0, 2), np.float32))
    assert answers.values == [] and len(answers.confidence) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("card_arrival", "card arrival"),
        ("AddToPlaylist", "add to playlist"),
        ("resetATMPin", "reset ATM pin"),
        ("Refund_not_showing_up", "Refund not showing up"),
        ("請求書", "請求書"),
        ("__", "__"),
    ],
)
def test_label_names_are_made_readable(name, words):
    assert TASK.describe(Space(2, (name, "other"))) == [words, "other"]


def test_labels_that_are_only_numbers_describe_nothing():
    assert TASK.describe(Space(2, ("0", "１"))) == []


def test_the_toy_rows_are_small_varied_and_learnable():
    toy = TASK.toy()
    targets, findings = TASK.clean(toy.targets)
    assert len(toy.inputs) == len(set(toy.inputs)) == 24 and findings == []
    assert TASK.space(targets).width == 3
    assert any(ord(c) > 0xFFFF for text in toy.inputs for c in text)
    assert any("ぁ" <= c <= "ん" for text in toy.inputs for c in text)


def test_hints_name_columns_in_english_and_japanese_and_no_name_twice():
    text, label = TASK.columns
    assert {"message", "本文"} <= set(text.hints) and {"department", "カテゴリ"} <= set(label.hints)
    both = text.hints + label.hints
    assert len(both) == len(set(both)) and all(hint == hint.lower() for hint in both)
