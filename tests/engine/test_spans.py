"""Places inside rows: windows over long contexts, answers read off them, and heads solved as conditional logits."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.engine import ragged
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context
from hasei.engine.pooled import linear
from hasei.engine.readings import reading_of
from hasei.engine.spans import LONGEST, SpanModel, SpanPredictor, best
from hasei.engine.windows import overlap, windows_of
from hasei.ground.errors import DataError, NotSupported
from hasei.inputs.base import Base
from hasei.tasks import open_task
from hasei.tasks._conditional import conditional, loss, marks

SPANS, CHOICES = open_task("question_answering"), open_task("multiple_choice")
LONG = " ".join(f"the parcel {n} is late and the card was declined again" for n in range(14))


@pytest.fixture(scope="module")
def base(toy_base):
    return Base.open(toy_base("bert"))


@pytest.fixture(scope="module")
def trunk(base, tmp_path_factory):
    return reading_of(SPANS).open(base, Store(tmp_path_factory.mktemp("store")))


def predictor(trunk, seed=0):
    rng = np.random.default_rng(seed)
    head = linear(rng.normal(0, 1, (2, trunk.hidden)), rng.normal(0, 1, 2))
    return SpanPredictor(SpanModel(trunk.fresh(), head), trunk.tokenizer, trunk.base.max_tokens)


# ---- windows


def tokens_of(trunk, context):
    """The characters of each of a context's tokens, by the tokenizer alone."""
    found = trunk.tokenizer(context, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return [list(span) for span in found["offset_mapping"]]


@pytest.mark.parametrize("context", ["my parcel", LONG, "荷物はどこですか " * 30, "", "\u200b"])
def test_every_token_of_a_context_is_one_place_in_order_and_the_question_is_never_cut(trunk, context):
    question = "where is my parcel"
    windows = windows_of(trunk.tokenizer, [(question, context)], trunk.base.max_tokens)
    assert windows.spans[1:].tolist() == tokens_of(trunk, context)
    assert windows.counts.tolist() == [len(windows.spans)]
    assert windows.tokens.lengths.max() <= trunk.base.max_tokens
    asked = trunk.tokenizer(question, add_special_tokens=False)["input_ids"]
    for low in windows.tokens.offsets[:-1]:
        assert windows.tokens.ids[low + 1 : low + 1 + len(asked)].tolist() == asked


def test_a_token_counts_where_it_has_the_most_context(trunk):
    windows = windows_of(trunk.tokenizer, [("where", LONG)], trunk.base.max_tokens)
    assert len(windows.tokens) > 2
    changes = np.flatnonzero(np.diff(windows.window[1:]))
    shared = overlap(trunk.base.max_tokens)
    for i in changes + 1:  # the last place of a window, and the first of the next
        last = windows.tokens.lengths[windows.window[i]] - 2 - windows.position[i]
        first = windows.position[i + 1] - 3
        assert abs(last - shared // 2) <= 1 and abs(first - shared // 2) <= 1
    assert (np.diff(windows.window[1:]) >= 0).all()


def test_a_question_that_leaves_no_room_is_refused_in_one_line(trunk):
    with pytest.raises(DataError, match="leaves no room for its context") as error:
        windows_of(trunk.tokenizer, [(LONG, "a parcel")], trunk.base.max_tokens)
    assert "\n" not in str(error.value)


@given(st.text(alphabet="ab parcel荷物です。\u3000\u200bé\n", max_size=60), st.data())
@settings(max_examples=60, deadline=None)
def test_the_places_of_any_piece_of_text_hold_it(trunk, context, data):
    windows = windows_of(trunk.tokenizer, [("where", context)], trunk.base.max_tokens)
    if not context.strip() or windows.counts[0] < 2:
        return
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    first, last = windows.place_of(0, start, end)
    assert 1 <= first <= last < windows.counts[0]
    covered = [i for i, (a, b) in enumerate(windows.spans[1:], 1) if a < end and b > start]
    assert not covered or (first, last) == (covered[0], covered[-1])


def test_a_long_context_is_answered_as_transformers_and_the_rule_of_the_card_say(trunk):
    model = predictor(trunk)
    (found,) = model.logits([("where is it", LONG)])
    batch = trunk.tokenizer(
        "where is it", LONG, truncation="only_second", max_length=trunk.base.max_tokens, padding=True, return_tensors="pt",
        stride=overlap(trunk.base.max_tokens), return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip
    batch.pop("overflow_to_sample_mapping")
    offsets = batch.pop("offset_mapping").tolist()
    with torch.no_grad():
        logits = model.model(dict(batch)).numpy()
    said = {}
    for window in range(len(logits)):
        inside = [i for i, side in enumerate(batch.sequence_ids(window)) if side == 1]
        for k, i in enumerate(inside):
            said.setdefault(tuple(offsets[window][i]), []).append(
                (min(k, len(inside) - 1 - k), -window, logits[window, i])
            )
    expected = [logits[0, 0], *(max(said[span], key=lambda one: one[:2])[2] for span in sorted(said))]
    assert np.abs(found - np.array(expected)).max() <= 1e-5


def test_features_are_the_states_that_the_whole_model_answers_by_also_in_several_windows(trunk, tmp_path):
    reading, model = reading_of(SPANS), predictor(trunk)
    rows = [
        ("where is it", LONG),
        ("what", "my card was declined"),
        ("where is it", LONG),
        ("what", "荷物はどこですか"),
    ]
    features = reading.features(trunk, rows, trunk.layers, "mean")
    head = model.model.head
    by_features = features @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    counts = reading.counts(trunk, rows)
    assert ragged.difference(ragged.split(by_features, counts.tolist()), model.logits(rows)) < 0.02  # kept in 16 bits
    nothing = reading.open(trunk.base, Store(tmp_path / "none", max_bytes=0))
    again = reading.features(nothing, rows, trunk.layers, "mean")  # nothing can be kept: run afresh
    assert np.abs(again - features).max() < 0.02
    assert reading.cut(trunk, rows) == []


# ---- answers


def test_the_best_answer_is_the_most_probable_pair_of_a_start_and_an_end_not_before_it():
    context, spans = "ab cd ef", np.array([[0, 0], [0, 2], [3, 5], [6, 8]])
    logits = np.array([[-5, -5], [-9, 9], [4, 0], [0, 3.0]], np.float32)
    found = best(logits, spans, context)
    assert found[0][0] == "cd ef" and found[-1][0] == "" and len({text for text, _ in found}) == len(found)
    start, end = (np.exp(logits[:, i]) / np.exp(logits[:, i]).sum() for i in (0, 1))
    assert np.exp(found[0][1]) == pytest.approx(start[2] * end[3], rel=1e-5)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=12))
def test_no_pair_is_better_than_the_one_that_is_answered(logits):
    outputs = np.array([(0, 0), *logits], np.float32)
    context = "abcdefghijklmnop"
    spans = np.array([[0, 0], *([i, i + 1] for i in range(len(logits)))])
    found = best(outputs, spans, context)
    log_p = outputs.astype(np.float64)
    log_p -= np.log(np.exp(log_p).sum(0))
    every = [log_p[i, 0] + log_p[j, 1] for i in range(1, len(outputs)) for j in range(i, len(outputs))]
    assert found[0][1] == pytest.approx(max(every), abs=1e-9) and found[0][0] in context
    assert found[-1] == ["", pytest.approx(log_p[0].sum(), abs=1e-9)]


def test_answers_are_never_longer_than_the_longest():
    outputs = np.full((200, 2), -9.0, np.float32)
    outputs[1, 0], outputs[199, 1] = 9, 9
    spans = np.array([[0, 0], *([i, i + 1] for i in range(199))])
    assert all(len(text) <= LONGEST for text, _ in best(outputs, spans, "x" * 199))


# ---- the head


def problem(seed=0, rows=40, features=5, asked=1):
    rng = np.random.default_rng(seed)
    counts = rng.integers(2, 7, rows)
    right = [marks(int(c), rng.integers(0, c, asked).tolist()) for c in counts]
    return rng.normal(0, 1, (int(counts.sum()), features)).astype(np.float32), right, counts


@pytest.mark.parametrize("asked", [1, 2])
def test_the_solved_head_is_the_optimum_of_the_loss_that_trains(asked):
    features, right, counts = problem(asked=asked)
    targets = ragged.padded(ragged.ragged(right))
    weight, bias = conditional(features, np.concatenate(right), 1e-2, tolerance=1e-7)
    assert weight.shape == (asked, 5) and not bias.any()
    parameter = torch.tensor(weight, requires_grad=True)
    scores = torch.from_numpy(features) @ parameter.T
    stacked = torch.nn.utils.rnn.pad_sequence(list(scores.split(counts.tolist())), batch_first=True)
    value = loss(stacked, targets).mean() + 0.5 * 1e-2 / asked * parameter.square().sum()
    value.backward()
    assert parameter.grad.abs().max() < 1e-4


def test_of_very_many_places_some_are_left_out_and_the_head_is_about_the_same(monkeypatch):
    from hasei.tasks import _conditional

    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (4000 * 8, 3)).astype(np.float32)
    scores = (features @ np.array([2.0, -1.0, 0.0])).reshape(4000, 8) + rng.gumbel(size=(4000, 8))
    flat = np.concatenate([marks(8, [int(i)]) for i in scores.argmax(1)])
    whole, _ = conditional(features, flat, 1e-6)
    monkeypatch.setattr(_conditional, "_MOST", 16000)
    kept, fewer = _conditional._fewer(flat)
    assert 15000 < len(kept) < 17000 and fewer[:, 1].sum() == fewer[:, 0].sum() == 4000
    part, _ = conditional(features, flat, 1e-6)
    assert np.abs(whole - [[2, -1, 0]]).max() < 0.15 and np.abs(part - whole).max() < 0.15


def test_with_two_choices_it_is_logistic_regression_on_their_difference():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    features = rng.normal(0, 1, (200, 4)).astype(np.float32)
    first = rng.random(100) < 1 / (1 + np.exp(-3 * (features[0::2] - features[1::2])[:, 0]))
    flat = np.concatenate([marks(2, [0 if one else 1]) for one in first])
    weight, _ = conditional(features, flat, 0.05, tolerance=1e-7)
    peer = LogisticRegression(C=1 / (0.05 * 100), fit_intercept=False, tol=1e-9).fit(
        features[0::2] - features[1::2], first
    )
    assert np.abs(weight - peer.coef_).max() < 1e-3


def test_the_loss_of_a_row_does_not_depend_on_the_rows_beside_it():
    features, right, counts = problem()
    scores = torch.from_numpy(features[:, :1])
    parts = list(scores.split(counts.tolist()))
    stacked = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
    for smoothing in (0.0, 0.1):
        together = loss(stacked, ragged.padded(ragged.ragged(right)), smoothing)
        alone = [loss(part[None], torch.from_numpy(one)[None], smoothing)[0] for part, one in zip(parts, right)]
        assert torch.allclose(together, torch.stack(alone), atol=1e-6)
        assert together.shape == (len(right),) and together.dtype == torch.float32
    expected = torch.nn.functional.cross_entropy(parts[0].T, torch.tensor([int(right[0][:, 0].argmax())]))
    assert loss(parts[0][None], torch.from_numpy(right[0])[None])[0] == pytest.approx(float(expected), abs=1e-6)


# ---- choices


def test_each_choice_is_read_beside_its_question_and_its_score_does_not_depend_on_the_others(base, tmp_path):
    reading = reading_of(CHOICES)
    trunk = reading.open(base, Store(tmp_path / "store"))
    head = linear(np.random.default_rng(0).normal(0, 1, (1, trunk.hidden)), np.zeros(1))
    model = reading.predictor(reading.model(trunk.fresh(), "mean", head), trunk)
    rows = [("where is my parcel", json.dumps(["here", "there", "荷物"])), ("what", json.dumps(["a card", "a parcel"]))]
    found = model.outputs(rows)
    assert [[choice for choice, _ in row] for row in found] == [["here", "there", "荷物"], ["a card", "a parcel"]]
    (turned,) = model.outputs([(rows[0][0], json.dumps(["荷物", "here"]))])
    assert dict(map(tuple, turned)) == pytest.approx({k: v for k, v in map(tuple, found[0]) if k != "there"}, abs=1e-6)
    assert ragged.difference(reading.rows(trunk, rows, reading.features(trunk, rows, trunk.layers, "mean")
                                          @ head.weight.detach().numpy().T), found) < 0.02  # fmt: skip
    long = [("where", json.dumps(["here", LONG]))]
    assert reading.cut(trunk, [*rows, *long]) == [2]


def test_an_architecture_without_a_model_for_question_answering_is_refused_in_one_line():
    from hasei.formats import _answering

    class Strange(torch.nn.Module):
        config = type("Config", (), {"model_type": "strange", "vocab_size": 9})()

    with pytest.raises(NotSupported, match="no model for question answering") as error:
        _answering.with_head(Strange(), linear(np.zeros((2, 4)), np.zeros(2)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["distilbert", "gpt2", "llama"])
def test_other_architectures_have_native_folders_too(kind, toy_base, tmp_path):
    from hasei.ground import plugins

    trunk = reading_of(SPANS).open(Base.open(toy_base(kind)), Store(tmp_path / "store"))
    model, form = predictor(trunk), plugins.load("formats", "question_answering")
    (tmp_path / "m").mkdir()
    form.save(model, tmp_path / "m", trunk.base)
    rows = [("where", "my parcel is late"), ("what", LONG)]
    back = form.load(tmp_path / "m", lambda: trunk.base)
    assert ragged.difference(back.logits(rows), model.logits(rows)) <= 1e-5


def test_a_training_packs_its_windows_as_it_likes(trunk):
    rows = [("where is it", LONG), ("what", "my card was declined"), ("who", "a short one")]
    targets = ['[{"start":4,"text":"parcel"}]', '[{"start":3,"text":"card"}]', "[]"]
    space, reading = SPANS.space(targets), reading_of(SPANS)
    context = Context(
        SPANS, space, rows, SPANS.encode(space, targets), SPANS.truth(targets), ["a", "b", "c"], trunks=(trunk,)
    )
    model = predictor(trunk).model
    with torch.no_grad(), reading.source(context, trunk.stack, -1) as source:
        marked = reading.targets(context)
        together = SPANS.loss(source.outputs(model, np.array([2, 0, 1])), ragged.padded(marked[[2, 0, 1]]))
        alone = [SPANS.loss(source.outputs(model, np.array([i])), ragged.padded(marked[[i]]))[0] for i in (2, 0, 1)]
    assert torch.allclose(together, torch.stack(alone), atol=1e-5)
    assert marked[2][0].tolist() == [1, 1, 1] and source.lengths[0] > trunk.base.max_tokens


@pytest.mark.parametrize("damage", ["no settings", "other settings", "no head"])
def test_a_damaged_folder_is_refused_in_one_line(damage, trunk, tmp_path):
    from safetensors.torch import load_file, save_file

    from hasei.ground import plugins
    from hasei.ground.errors import BaseError

    form, folder = plugins.load("formats", "question_answering"), tmp_path / "m"
    folder.mkdir()
    form.save(predictor(trunk), folder, trunk.base)
    settings_file = folder / "question_answering.json"
    if damage == "no settings":
        settings_file.unlink()
    elif damage == "other settings":
        settings_file.write_text(settings_file.read_text().replace("64", "63"))
    else:
        tensors = load_file(folder / "model.safetensors")
        kept = {name: value for name, value in tensors.items() if "qa_outputs" not in name}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseError) as error:
        form.load(folder, lambda: trunk.base)
    assert "\n" not in str(error.value)
