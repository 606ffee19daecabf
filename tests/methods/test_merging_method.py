"""Merged models: of members with their heads, of several bases with a head solved anew; what is refused, and how."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from hasei.cli import main
from hasei.derive import run
from hasei.derive.derived import open_model
from hasei.derive.order import order, read_steps
from hasei.derive.recipe import make_step
from hasei.engine import merging
from hasei.engine.readings import reading_of
from hasei.engine.splits import part
from hasei.ground import plugins
from hasei.ground.errors import NotSupported, RecipeError, UserError
from hasei.ground.settings import build
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset, Mapping
from hasei.methods import _merging
from hasei.methods._members import members_of
from hasei.methods._mergekit import read_mergekit
from hasei.tasks import open_task
from made_up import write_rows

TASK = open_task("text_classification")
TOY = TASK.toy()
QUICK = {"epochs": 2, "rows_per_step": 8, "min_steps": 0, "top_layers": 2, "learning_rate": 3e-3}
TUNED = {"partial_fine_tuning": QUICK}


def context_on(*trunks, seed=0):
    units = [str(i) for i in range(len(TOY.inputs))]
    data = Dataset(
        TOY.inputs, TOY.targets, units, units, np.array(["train"] * len(units)), np.arange(len(units)),
        ["toy"] * len(units), mapping=Mapping({"text": "text"}), fingerprint="toy", licence="CC0-1.0",
    )  # fmt: skip
    return run.context_of(TASK, TASK.space(TOY.targets), data, trunks, seed=seed)


@pytest.fixture(scope="module")
def trunk(trunks):
    return trunks(TASK)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_rows(
        tmp_path_factory.mktemp("rows") / "rows.csv", list(zip(TOY.inputs, TOY.targets)), ["text", "label"]
    )


@pytest.fixture(scope="module")
def family(toy_base, rows, tmp_path_factory):
    """A base and two models that were derived from it, as folders."""
    place, parent = tmp_path_factory.mktemp("family"), toy_base("bert")
    for seed, name in enumerate(("one", "two")):
        order(read_steps(TUNED), rows, task=TASK.name, base=parent, out=place / name, seed=seed)
    return parent, place / "one", place / "two"


def derived(context, **settings):
    return run.run_step(make_step("merging", settings), context).derivation


def weights_of(model):
    return dict(model.named_parameters())


def opened(*folders):
    return [reading_of(TASK).open(Base.open(folder)) for folder in folders]


def test_a_soup_is_the_mean_of_its_members_whose_seeds_differ(trunk):
    context = context_on(trunk)
    soup = derived(context, members=[TUNED, TUNED, TUNED])
    parts = [weights_of(m) for m, _ in _merging._derived(context, members_of([TUNED] * 3, {}))]
    assert not torch.equal(parts[0]["head.weight"], parts[1]["head.weight"])
    assert not torch.equal(parts[1]["head.weight"], parts[2]["head.weight"])
    for name, value in weights_of(soup.predictor.model).items():
        torch.testing.assert_close(value, torch.stack([p[name] for p in parts]).double().mean(0).float())
    assert "trunk.embeddings.word_embeddings.weight" not in soup.trained and "head.bias" in soup.trained


def test_one_member_by_its_whole_difference_is_that_member_and_by_none_of_it_the_base_with_a_solved_head(trunk):
    context = context_on(trunk)
    for member in (TUNED, {"lora": {k: v for k, v in QUICK.items() if k != "top_layers"}}):
        (model,) = [m for m, _ in _merging._derived(context, members_of([member], {}))]
        expected = reading_of(TASK).predictor(model, trunk).outputs(TOY.inputs)
        whole = derived(context, how="task_arithmetic", members=[member], weights=[1.0])
        np.testing.assert_allclose(whole.predictor.outputs(TOY.inputs), expected, atol=1e-5)
        none = derived(context, how="task_arithmetic", members=[member], weights=[0.0])
        assert none.trained == ("head.weight", "head.bias")
        start = reading_of(TASK).predictor(reading_of(TASK).begin(context, trunk.model, 0.1), trunk)
        assert np.array_equal(none.predictor.outputs(TOY.inputs), start.outputs(TOY.inputs))


@pytest.mark.parametrize("how", ["magnitude_prune", "ties", "dare_linear", "dare_ties", "slerp"])
def test_every_way_lies_between_its_members_and_is_the_same_again(trunk, how):
    context = context_on(trunk)
    settings = {"how": how, "members": [TUNED, TUNED], "density": 0.8}
    one, two = derived(context, **settings), derived(context, **settings)
    outputs = one.predictor.outputs(TOY.inputs)
    assert np.array_equal(outputs, two.predictor.outputs(TOY.inputs))
    assert context.quality(outputs, np.arange(len(TOY.inputs))) > 0.8
    again = derived(context, **one.frozen.model_dump())
    assert np.array_equal(outputs, again.predictor.outputs(TOY.inputs))


def test_a_greedy_soup_leaves_out_what_harms_it_and_a_refit_chooses_nothing(trunk):
    context = context_on(trunk)
    broken = {"partial_fine_tuning": QUICK | {"learning_rate": 0.9, "head_learning_rate": 9.0, "clip": 100.0}}
    soup = derived(context, how="greedy", members=[TUNED, broken, TUNED])
    assert soup.frozen.how == "average"
    rates = [member["partial_fine_tuning"]["learning_rate"] for member in soup.frozen.members]
    assert rates and set(rates) == {QUICK["learning_rate"]}
    again = derived(context, **soup.frozen.model_dump())
    assert np.array_equal(soup.predictor.outputs(TOY.inputs), again.predictor.outputs(TOY.inputs))


def test_the_greedy_order_is_best_first_and_equal_ones_are_let_in():
    asked = []

    def quality(chosen):
        asked.append(tuple(chosen))
        return {(0,): 0.5, (1,): 0.9, (2,): 0.7, (1, 2): 0.9, (0, 1, 2): 0.8}[tuple(chosen)]

    assert _merging.greedy(3, quality) == [1, 2]
    assert asked == [(0,), (1,), (2,), (1, 2), (0, 1, 2)]


def test_bases_are_merged_against_the_first_that_is_their_parent(family):
    parent, one, two = opened(*family)
    merged = derived(context_on(parent, one, two), how="task_arithmetic", weights=[0.5, 0.5])
    found = weights_of(merged.predictor.model.trunk)
    mean = merging.average([weights_of(one.model), weights_of(two.model)], [1, 1])
    for name, value in found.items():
        torch.testing.assert_close(value, mean[name], atol=1e-6, rtol=0)
    outputs = merged.predictor.outputs(TOY.inputs)
    np.testing.assert_allclose(merged.from_store(TOY.inputs), outputs, atol=0.05 * np.abs(outputs).max())
    assert merged.frozen.l2 is not None
    again = derived(context_on(parent, one, two), **merged.frozen.model_dump())
    assert np.array_equal(outputs, again.predictor.outputs(TOY.inputs))


def test_bases_can_be_averaged_greedily_and_those_left_out_count_nothing(family):
    parent, one, two = opened(*family)
    soup = derived(context_on(parent, one, two), how="greedy")
    assert soup.frozen.how == "average" and set(soup.frozen.weights) <= {0.0, 1.0}
    again = derived(context_on(parent, one, two), **soup.frozen.model_dump())
    assert np.array_equal(soup.predictor.outputs(TOY.inputs), again.predictor.outputs(TOY.inputs))


def test_a_common_parent_that_is_not_given_is_opened_by_its_lineage_or_missed(family, monkeypatch):
    parent, one, two = family
    context = context_on(*opened(one, two))
    with pytest.raises(NotSupported, match=r"all bases were derived from can't be found here.*Give it first"):
        derived(context, how="ties")
    monkeypatch.chdir(parent.parent)  # its lineage names it as it is called here
    found = derived(context, how="ties", weights=[1.0, 1.0], density=1.0, l2=0.01)
    expected = derived(context_on(*opened(parent, one, two)), how="ties", weights=[1.0, 1.0], density=1.0, l2=0.01)
    assert np.array_equal(found.predictor.outputs(TOY.inputs), expected.predictor.outputs(TOY.inputs))


def test_the_command_line_takes_several_bases_and_the_lineage_names_all(family, rows, tmp_path, capsys):
    _, one, two = family
    given = [
        "derive",
        "merging",
        "--data",
        str(rows),
        "--base",
        str(one),
        "--base",
        str(two),
        "--out",
        str(tmp_path / "m"),
    ]
    assert main([*given, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [parent["name"] for parent in said["parents"]] == ["one", "two"]
    hashes = [parent["content_hash"] for parent in open_model(tmp_path / "m").identity["parents"]]
    assert hashes == [Base.open(folder).content_hash for folder in (one, two)]
    assert main(["verify", str(tmp_path / "m")]) == 0
    card = (tmp_path / "m" / "README.md").read_text("utf-8")
    assert "- one" in card and "- two" in card and str(tmp_path) not in card
    assert "base_model_relation: merge" in card
    assert main(["derive", "lora", *given[2:-1], str(tmp_path / "n")]) == 2
    assert "'lora' derives from one base" in capsys.readouterr().err


def test_a_merge_of_mergekits_is_read_from_its_file(family, rows, tmp_path, capsys):
    parent, one, two = family
    models = [{"model": str(folder), "parameters": {"weight": 0.5, "density": 0.9}} for folder in (one, two)]
    merge = {"models": models, "merge_method": "ties", "base_model": str(parent), "dtype": "bfloat16"}
    with (tmp_path / "merge.yml").open("w") as file:
        YAML().dump(merge, file)
    assert main(["derive", str(tmp_path / "merge.yml"), "--data", str(rows), "--out", str(tmp_path / "m")]) == 0
    (step,) = open_model(tmp_path / "m").identity["steps"]
    assert (step["params"]["how"], step["params"]["divide"], step["params"]["density"]) == (
        "ties",
        "weights",
        [0.9, 0.9],
    )
    assert main(["try", str(rows), "--config", str(tmp_path / "merge.yml"), "--out", str(tmp_path / "t")]) == 2
    assert "a study compares methods on one base" in capsys.readouterr().err


M = {"models": [{"model": "a", "parameters": {"weight": 1}}, {"model": "b", "parameters": {"weight": 3}}]}


@pytest.mark.parametrize(("merge", "bases", "settings"), [
    (M | {"merge_method": "linear"}, ("a", "b"), {"how": "average", "weights": [1.0, 3.0]}),
    ({"models": [{"model": "b"}, {"model": "a"}], "base_model": "a", "parameters": {"t": 0.25}, "merge_method": "slerp"},
     ("a", "b"), {"how": "slerp", "weights": [0.75, 0.25]}),
    (M | {"merge_method": "task_arithmetic", "base_model": "p", "parameters": {"lambda": 0.5}}, ("p", "a", "b"),
     {"how": "task_arithmetic", "weights": [0.5, 1.5], "ancestor": "first"}),
    (M | {"merge_method": "dare_ties", "base_model": {"model": {"path": "p"}}, "parameters": {"density": 0.5}},
     ("p", "a", "b"),
     {"how": "dare_ties", "weights": [1.0, 3.0], "density": [0.5, 0.5], "divide": "none", "ancestor": "first"}),
    (M | {"merge_method": "dare_linear", "base_model": "a", "parameters": {"normalize": True, "density": 0.5}}, ("a", "b"),
     {"how": "dare_linear", "weights": [1.0], "density": [0.5], "ancestor": "first"}),
])  # fmt: skip
def test_what_mergekit_calls_its_merges_is_understood(merge, bases, settings):
    found = read_mergekit(merge, "'m.yml'")
    assert found == {"bases": bases, "recipes": ({"merging": settings},)}
    build(plugins.load("methods", "merging").Params, settings, "merging")


@pytest.mark.parametrize(("change", "said"), [
    ({"merge_method": "passthrough"}, "merge_method: passthrough"), ({"slices": []}, "'slices'"),
    ({"models": [{"model": "a", "parameters": {"weight": [0, 1]}}]}, r"weight: \[0, 1\]"),
    ({"models": [{"model": "a+lora", "parameters": {"weight": 1}}]}, "without an adapter beside it"),
    ({"models": [{"model": "a"}, {"model": "b"}]}, "weight: nothing"), ({"models": "a"}, "no list of models"),
    ({"merge_method": "ties"}, "'ties' without base_model"), ({"parameters": {"epsilon": 0.1}}, "'epsilon'"),
    ({"merge_method": "slerp"}, "slerp of 2 models"), ({"tokenizer_source": "union"}, "tokenizer_source: union"),
    ({"merge_method": "ties", "base_model": "p", "parameters": {"lambda": 0.5}}, "lambda: 0.5"),
    ({"merge_method": "dare_linear", "base_model": "p", "parameters": {"rescale": False}}, "rescale: false"),
    ({"parameters": {"normalize": False}}, "normalize: false"),
])  # fmt: skip
def test_what_of_mergekit_is_not_supported_is_said_in_one_line(change, said):
    with pytest.raises(RecipeError, match=said) as caught:
        read_mergekit(M | {"merge_method": "linear"} | change, "'m.yml'")
    assert "\n" not in str(caught.value) and "'m.yml' is a merge of mergekit's that can't be read here" in str(
        caught.value
    )


def remade(folder, to, change):
    """Copy the base in *folder* to *to*, without its lineage, its weights changed."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, to)
    (to / "hasei.json").unlink(missing_ok=True)
    tensors = load_file(to / "model.safetensors")
    save_file({name: change(tensor) for name, tensor in tensors.items()}, to / "model.safetensors", {"format": "pt"})
    return to


def test_strangers_are_refused_unless_that_is_wished(toy_base, tmp_path):
    generator = torch.Generator().manual_seed(1)
    parent = toy_base("bert")
    far = remade(parent, tmp_path / "far", lambda t: torch.randn(t.shape, generator=generator) * 0.02)
    near = remade(parent, tmp_path / "near", lambda t: t * 1.01)
    with pytest.raises(NotSupported, match="have no common parent, and their weights are not near") as caught:
        derived(context_on(*opened(parent, far)))
    assert "unrelated" in str(caught.value)
    derived(context_on(*opened(parent, far)), unrelated=True)
    derived(context_on(*opened(parent, near)))


def test_bases_of_other_shapes_kinds_and_tokenizers_are_refused(toy_base, tmp_path, monkeypatch):
    import toys

    parent, other = toy_base("bert"), toy_base("distilbert")
    with pytest.raises(NotSupported, match=r"not of one shape.*received bert and distilbert"):
        derived(context_on(*opened(parent, other)))
    monkeypatch.setitem(toys.SIZES, "hidden", 16)
    narrow = toys.make_base("bert", tmp_path / "narrow")
    with pytest.raises(NotSupported, match=r"not of one shape.*x32 in one and .*x16 in another"):
        derived(context_on(*opened(parent, narrow)))
    words = remade(parent, tmp_path / "words", lambda t: t * 1.01)
    text = (words / "tokenizer.json").read_text("utf-8")
    (words / "tokenizer.json").write_text(text.replace('"parcel":', '"parcels":'), "utf-8")
    with pytest.raises(NotSupported, match="for their tokenizers differ"):
        derived(context_on(*opened(parent, words)))
    with pytest.raises(NotSupported, match="the same base is given twice"):
        derived(context_on(*opened(parent, parent)))


@pytest.mark.parametrize(("settings", "said"), [
    ({"how": "slerp", "members": [TUNED] * 3}, "'slerp' can't merge so many models; expected exactly 2; received 3"),
    ({"members": [TUNED]}, "'average' can't merge so many models; expected at least 2"),
    ({"members": [TUNED] * 2, "weights": [1.0]}, "weights do not fit the models to be merged; expected 2 of them"),
    ({"members": [TUNED] * 2, "how": "ties", "density": [0.1, 0.2, 0.3]}, "density do not fit"),
    ({"members": [TUNED] * 2, "weights": [1.0, -1.0]}, "these weights leave nothing of the models"),
    ({"members": [TUNED] * 2, "how": "greedy", "weights": [1.0, 1.0]}, "a greedy soup counts its parts the same"),
    ({"members": ["lexical_linear", TUNED]}, "'lexical_linear' can't be merged; expected methods that leave a base"),
    ({"members": ["ensemble", TUNED]}, "an ensemble has no weights of one model to merge"),
    ({"members": ["merging", TUNED]}, "a merge can't be a member of another"),
    ({"members": [{"feature_extraction": {"layer": 2}}, {"feature_extraction": {"layer": 4}}]}, "not of one shape.*'trunk"),
    ({"members": [{"feature_extraction": {"layer": 4, "pooling": "mean"}},
                  {"feature_extraction": {"layer": 4, "pooling": "max"}}]}, "the poolings mean and max"),
])  # fmt: skip
def test_members_that_do_not_go_together_are_refused_in_one_line(trunk, settings, said):
    with pytest.raises(UserError, match=said) as caught:
        derived(context_on(trunk), **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("density", [0, -0.1, 1.5, [0.5, 2], True, "half"])
def test_a_density_out_of_range_is_refused(density):
    with pytest.raises(RecipeError, match="'density"):
        make_step("merging", {"density": density})


def test_members_and_several_bases_at_once_are_refused(family):
    with pytest.raises(NotSupported, match="merging takes members or several bases; received both"):
        derived(context_on(*opened(*family)), members=[TUNED, TUNED])


def test_base_and_bases_at_once_are_refused(rows):
    from hasei.judge.study import make_config

    several = make_config({"data": {"path": str(rows)}, "bases": [str(rows.parent), "c"]})
    assert several.asked()["bases"] == [rows.parent.name, "c"]
    with pytest.raises(RecipeError, match="one base or several; received both base and bases"):
        make_config({"data": {"path": str(rows)}, "base": "a", "bases": ["b", "c"]})


def test_a_part_of_the_rows_keeps_everything_of_them_together(trunk):
    from hasei.engine.derivation import Also

    context = context_on(trunk)
    also = Also("x", TASK, context.space, np.array([1, 3, 5]), context.targets[[1, 3, 5]])
    some = part(replace(context, stages=tuple(map(str, range(len(TOY.inputs)))), also=(also,)), np.array([5, 0, 1]))
    assert some.inputs == [TOY.inputs[i] for i in (5, 0, 1)] and some.stages == ("5", "0", "1")
    assert some.truth == [TOY.targets[i] for i in (5, 0, 1)]
    (one,) = some.also
    assert one.rows.tolist() == [2, 0] and one.targets.tolist() == context.targets[[1, 5]].tolist()
