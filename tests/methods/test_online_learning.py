"""Rows that go on coming: a folder is continued with new rows alone, exactly; what it can't be continued with is said."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hasei.derive.order import order, read_steps
from hasei.engine.online_state import FILE, OnlineState
from hasei.ground import lineage
from hasei.ground.errors import BaseError, DataError, NotSupported
from hasei.tasks import open_task

TASK = open_task("text_classification")
STEPS = read_steps({"online_learning": {"layer": 4, "pooling": "mean", "l2": 0.1, "sharpness": 1}})
AGAIN = read_steps("online_learning")


def write(path, texts, labels, names=("text", "label")):
    lines = [json.dumps(dict(zip(names, row)), ensure_ascii=False) for row in zip(texts, labels)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def learn(tmp_path, name, rows, base, steps=STEPS, task="text_classification"):
    texts, labels = zip(*rows)
    data = write(tmp_path / f"{name}.jsonl", texts, labels)
    return order(steps, data, task=task, out=tmp_path / name, base=base, licence="CC0-1.0")


@pytest.fixture(scope="module")
def rows():
    toy = TASK.toy()
    return list(zip(toy.inputs, toy.targets))


@pytest.fixture(scope="module")
def begun(rows, toy_base, tmp_path_factory):
    """A model of deliveries and bills; accounts come later."""
    place = tmp_path_factory.mktemp("begun")
    return learn(place, "october", [r for r in rows[:20] if r[1] != "account"], toy_base("bert"))


def state(model):
    return OnlineState.read(model.folder)


def test_new_rows_alone_give_the_model_of_all_rows(begun, rows, toy_base, tmp_path):
    second, third = rows[16:20], rows[20:]
    model = learn(tmp_path, "november", second, begun.folder, AGAIN)
    model = learn(tmp_path, "december", third, model.folder, AGAIN)
    whole = learn(tmp_path, "whole", rows, toy_base("bert"))
    assert model.space == whole.space
    one, other = state(model), state(whole)
    assert one.moments.rows == len(rows)
    assert np.array_equal(one.moments.moment[-1], other.moments.moment[-1])
    # The base reads a row in another batch: the last bits of its features differ, which 16 bits may round to either side.
    assert np.abs(one.moments.gram - other.moments.gram).max() <= 2e-3 * np.abs(other.moments.gram).max()
    answers = [m.answers([text for text, _ in rows]).values for m in (model, whole)]
    assert answers[0] == answers[1]


def test_with_the_same_features_it_is_the_same_to_the_last_digits(rows, trunks):
    from dataclasses import replace

    from hasei.derive.run import context_of
    from hasei.inputs.data.dataset import Dataset
    from hasei.methods import online_learning as method
    from hasei.methods._solved import features_of, targets_of

    texts, labels = map(list, zip(*rows))
    data = Dataset(
        texts, labels, texts, texts, np.array(["train"] * len(texts)), np.arange(len(texts)), ["x"] * len(texts)
    )
    context = context_of(TASK, TASK.space(labels), data, (trunks(TASK),))
    params = STEPS[0].params
    empty = method._begun(context, params)
    features, targets = features_of(context, 4, "mean"), targets_of(context)
    parts, whole = (replace(empty, moments=empty.moments.copy()) for _ in range(2))
    order_ = np.random.default_rng(5).permutation(len(texts))
    for part in np.array_split(order_, 4):
        parts.moments.learn(features[part], targets[part])
    method._learn(context, whole, features, targets)
    for one, other in zip(method._head(parts), method._head(whole)):
        assert np.abs(one - other).max() <= 1e-8 * max(1.0, np.abs(other).max())


def test_a_class_seen_for_the_first_time_gets_an_output_and_a_month_may_hold_one_class_only(begun, rows, tmp_path):
    model = learn(tmp_path, "november", rows[20:], begun.folder, AGAIN)
    assert model.space.names == ("account", "billing", "delivery")
    assert [a.value for a in model.predict([text for text, _ in rows[20:]])].count("account") >= 3
    assert state(model).moments.rows == 20


def test_its_parent_is_the_model_that_was_continued(begun, rows, tmp_path):
    from hasei.inputs.base import Base

    model = learn(tmp_path, "november", rows[20:], begun.folder, AGAIN)
    parent = model.identity["parents"][0]
    assert parent["content_hash"] == Base.open(begun.folder).content_hash
    assert FILE in model.identity["files"]
    assert lineage.differences(model.folder) == []
    assert model.identity["steps"][-1]["params"]["l2"] == 0.1


def test_labels_and_numbers_continue_too(toy_base, tmp_path):
    for name in ("multi_label_classification", "text_regression"):
        task = open_task(name)
        toy = task.toy()
        pairs = list(zip(toy.inputs, toy.targets))
        half = len(pairs) // 2
        first = learn(tmp_path, f"{name}-1", pairs[:half], toy_base("bert"), STEPS, name)
        both = learn(tmp_path, f"{name}-2", pairs[half:], first.folder, AGAIN, name)
        whole = learn(tmp_path, f"{name}-0", pairs, toy_base("bert"), STEPS, name)
        assert both.space.names == whole.space.names
        raw = [np.array(m.answers(list(toy.inputs)).values) for m in (both, whole)]
        if name == "text_regression":
            assert np.abs(raw[0] - raw[1]).max() <= 0.02 * np.std([float(t) for t in toy.targets])
        else:
            assert (raw[0] == raw[1]).mean() >= 0.95


def test_each_tenth_is_answered_before_it_is_learnt(rows, trunks, tmp_path, toy_base):
    from test_every_method import toy_data

    from hasei.derive.run import context_of, run_step

    data = toy_data(TASK)
    context = context_of(TASK, TASK.space(data.targets), data, (trunks(TASK),))
    derivation = run_step(STEPS[0], context).derivation
    assert [p["rows"] for p in derivation.curve][:2] == [3.0, 6.0]
    assert all(0 <= p["before"] <= 1 for p in derivation.curve)


def test_rows_that_fade_count_less(rows, trunks):
    from test_every_method import toy_data

    from hasei.derive.run import context_of, run_step

    data = toy_data(TASK)
    context = context_of(TASK, TASK.space(data.targets), data, (trunks(TASK),))
    step = read_steps({"online_learning": {"layer": 4, "pooling": "mean", "l2": 10, "forget": 0.5}})[0]
    derivation = run_step(step, context).derivation
    assert derivation.frozen.forget == 0.5
    values = context.task.answers(context.space, derivation.predictor.outputs(context.inputs)).values
    assert values[-1] == context.truth[-1]
    assert sum(v == context.truth[-1] for v in values) > len(values) / 2


def copied(model, tmp_path, name="copy"):
    return shutil.copytree(model.folder, tmp_path / name)


@pytest.mark.parametrize("harm", ["cut short", "no tensors", "other numbers", "text", "32 bits", "not finite"])
def test_a_damaged_state_is_said_in_one_line(begun, rows, tmp_path, harm):
    folder = copied(begun, tmp_path)
    path = folder / FILE
    tensors = load_file(path)
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        metadata = file.metadata()
    if harm == "cut short":
        path.write_bytes(path.read_bytes()[:-100])
    elif harm == "text":
        path.write_text("not a state")
    elif harm == "no tensors":
        save_file({"x": np.zeros(2)}, path)
    elif harm == "32 bits":
        save_file({k: v.astype(np.float32) for k, v in tensors.items()}, path, metadata)
    else:
        tensors["gram"][0, 0] = np.nan if harm == "not finite" else tensors["gram"][0, 0] + 1
        save_file(tensors, path, metadata)
    with pytest.raises(BaseError) as caught:
        learn(tmp_path, "november", rows[20:], folder, AGAIN)
    assert "is damaged" in str(caught.value) or "state.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "november").exists()


def test_a_state_beside_another_base_is_refused(begun, rows, toy_base, tmp_path):
    other = shutil.copytree(toy_base("distilbert"), tmp_path / "other")
    (other / "online").mkdir()
    shutil.copy(begun.folder / FILE, other / FILE)
    with pytest.raises(BaseError, match="other features; expected the very base"):
        learn(tmp_path, "november", rows[20:], other, AGAIN)


def test_a_state_whose_model_pools_otherwise_now_is_refused(begun, rows, tmp_path):
    folder = copied(begun, tmp_path)
    path = folder / "1_Pooling" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True}))
    with pytest.raises(BaseError, match=r"expected pooling mean .* received pooling max"):
        learn(tmp_path, "november", rows[20:], folder, AGAIN)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [({"layer": 2}, BaseError, "expected layer 4 .* received layer 2"),
     ({"pooling": "max"}, BaseError, "expected pooling mean .* received pooling max"),
     ({"l2": 3.0}, NotSupported, "l2 can't change"), ({"forget": 0.9}, NotSupported, "forget can't change")],
)  # fmt: skip
def test_other_settings_than_it_was_begun_with_are_refused(begun, rows, tmp_path, settings, error, said):
    with pytest.raises(error, match=said):
        learn(tmp_path, "november", rows[20:], begun.folder, read_steps({"online_learning": settings}))


def test_a_model_of_fewer_layers_than_the_state_is_refused(begun, rows, toy_base, tmp_path):
    short = learn(tmp_path, "short", rows, toy_base("bert"), read_steps({"feature_extraction": {"layer": 2}}))
    (short.folder / "online").mkdir()
    shutil.copy(begun.folder / FILE, short.folder / FILE)
    with pytest.raises(BaseError, match=r"expected layer 4 .* received layer 2"):
        learn(tmp_path, "november", rows[20:], short.folder, AGAIN)


def test_another_task_does_not_continue_it(begun, tmp_path):
    toy = open_task("text_regression").toy()
    with pytest.raises(NotSupported, match="learnt online for another task"):
        learn(tmp_path, "numbers", list(zip(toy.inputs, toy.targets)), begun.folder, AGAIN, "text_regression")


def test_a_layer_that_does_not_exist_is_refused(rows, toy_base, tmp_path):
    with pytest.raises(NotSupported, match="no layer 9"):
        learn(tmp_path, "x", rows, toy_base("bert"), read_steps({"online_learning": {"layer": 9}}))


def test_the_first_rows_of_one_class_alone_are_refused(rows, toy_base, tmp_path):
    with pytest.raises(DataError, match="nothing to tell apart"):
        learn(tmp_path, "x", rows[:8], toy_base("bert"))


def test_a_study_whose_rows_lack_a_known_class_is_told_how_to_continue(begun, rows, toy_base):
    from test_every_method import toy_data

    from hasei.derive.run import context_of
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base
    from hasei.methods import online_learning as method

    data = toy_data(TASK)
    few = data.take(np.arange(8, 24))
    context = context_of(TASK, TASK.space(few.targets), few, (Trunk(Base.open(begun.folder)),))
    with pytest.raises(NotSupported, match="also the label 'delivery'"):
        method.derive(context, method.Params())


def test_a_shallower_model_continues_by_its_own_layer(rows, toy_base, tmp_path):
    steps = read_steps({"online_learning": {"layer": 2, "pooling": "mean", "l2": 10, "sharpness": 1}})
    first = learn(tmp_path, "first", rows[:16], toy_base("bert"), steps)
    both = learn(tmp_path, "both", rows[16:], first.folder, AGAIN)
    whole = learn(tmp_path, "whole", rows, toy_base("bert"), steps)
    assert state(both).layer == 2
    texts = [text for text, _ in rows]
    assert both.answers(texts).values == whole.answers(texts).values
