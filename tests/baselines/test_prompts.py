"""Labels asked for by prompts alone: by features, by entailment, by the likelihood of a label; with and without examples."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from hasei.engine import ragged
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context, Facts, proposals
from hasei.engine.readings import reading_of
from hasei.ground import plugins
from hasei.ground.errors import BaseError, NotSupported, RecipeError
from hasei.ground.events import DeadlineReached, Watch
from hasei.ground.files import hash_folder
from hasei.inputs.base import DEFAULT, Base
from hasei.tasks import open_task
from toys import make_judge, make_writer

LABELS, MANY, CHOICE = "text_classification", "multi_label_classification", "multiple_choice"
MADE = {"bert": None, "judge": make_judge, "writer": lambda folder: make_writer("llama", folder)}


@pytest.fixture(scope="module")
def context_of(toy_base, tmp_path_factory):
    """Return a function that gives the context of a task's toy rows over a base of a kind."""
    opened = {}

    def make(kind, name=LABELS, **more):
        task = open_task(name)
        key = kind, getattr(task, "reading", "whole")
        if key not in opened:
            folder = tmp_path_factory.mktemp("prompts")
            base = toy_base("bert") if kind == "bert" else MADE[kind](folder / kind)
            opened[key] = reading_of(task).open(Base.open(base), Store(folder / "store"))
        toy, every = task.toy(), more.pop("every", 3)
        targets = task.clean(more.pop("targets", toy.targets[::every]))[0]
        inputs, space = more.pop("inputs", toy.inputs[::every]), task.space(targets)
        return Context(
            task, space, inputs, task.encode(space, targets), task.truth(targets), [str(i) for i in inputs],
            trunks=(opened[key],), **more,
        )  # fmt: skip

    return make


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The toy rows of text_classification over the base that comes with hasei, which knows what words mean."""
    task = open_task(LABELS)
    toy, space = task.toy(), task.space(task.toy().targets)
    trunk = reading_of(task).open(Base.open(DEFAULT), Store(tmp_path_factory.mktemp("real")))
    return Context(
        task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), list(toy.inputs), trunks=(trunk,)
    )  # fmt: skip


def derive(name, context, **params):
    kind = "baselines" if name in plugins.names("baselines") else "methods"
    plugin = plugins.load(kind, name)
    return plugin.derive(context, plugin.Params(**params))


ASKED = [
    ("bert", LABELS, "zero_shot", {}), ("bert", MANY, "zero_shot", {}), ("judge", LABELS, "zero_shot", {}),
    ("judge", MANY, "zero_shot", {}), ("writer", LABELS, "zero_shot", {}), ("writer", MANY, "zero_shot", {}),
    ("writer", CHOICE, "zero_shot", {}), ("writer", LABELS, "few_shot", {}),
    ("writer", LABELS, "few_shot", {"chosen": "nearest"}),
    ("writer", LABELS, "few_shot", {"chosen": "clusters"}), ("writer", CHOICE, "few_shot", {}),
    ("writer", "text_generation", "few_shot", {"chosen": "clusters", "max_new_tokens": 8}),
    ("writer", "text_generation", "zero_shot", {"templates": ("Say it shortly: {}",), "max_new_tokens": 8}),
]  # fmt: skip


@pytest.mark.parametrize(("base", "task", "name", "params"), ASKED, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_asked_is_saved_loaded_back_and_derived_again_the_same(base, task, name, params, context_of, tmp_path):
    context = context_of(base, task)
    folders = []
    for place in ("one", "two"):
        made = derive(name, context, **params)
        form = plugins.load("formats", made.format)
        (tmp_path / place).mkdir()
        form.save(made.predictor, tmp_path / place, context.trunk.base)
        folders.append(hash_folder(tmp_path / place))
    assert folders[0] == folders[1]
    assert made.trainable_parameters == 0 and made.predictor.width == context.space.width
    before = made.predictor.outputs(context.inputs)
    back = form.load(tmp_path / "one", lambda: context.trunk.base)
    assert back.width == context.space.width
    assert ragged.difference(before, back.outputs(context.inputs)) <= 1e-5
    again = plugins.load("baselines", name).derive(context, made.frozen)
    if task != "text_generation":
        assert None not in made.frozen.model_dump().values(), "nothing is left to choose"
    assert again.frozen == made.frozen and ragged.difference(again.predictor.outputs(context.inputs), before) <= 1e-6
    assert str(context.trunk.base.folder) not in "".join(p.read_text("utf-8") for p in tmp_path.rglob("*.json"))


ONCE = [one for one in ASKED if one[2] == "zero_shot" and not one[3]]


@pytest.mark.parametrize(("base", "task"), [one[:2] for one in ONCE])
def test_an_answer_does_not_depend_on_the_rows_beside_it(base, task, context_of):
    context = context_of(base, task, every=6)
    predictor = derive("zero_shot", context).predictor
    together = predictor.outputs(context.inputs)
    alone = [predictor.outputs([row]) for row in context.inputs]
    times = getattr(predictor, "sharpness", 1.0)  # what float32 rounds off is multiplied by it
    assert ragged.difference(together, np.concatenate(alone)) <= max(1e-5, 1e-6 * times)
    assert len(predictor.outputs([])) == 0 and ragged.finite(together)
    if task != CHOICE:
        assert ragged.finite(predictor.outputs(["", "荷物が届きません", "{}", "x " * 3000]))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen3"])
def test_a_likelihood_is_that_of_the_plain_model_and_the_prompt_is_read_once(kind, tmp_path, monkeypatch):
    from hasei.engine.labelling import likelihoods, read_tokens

    trunk = reading_of(open_task("text_generation")).open(
        Base.open(make_writer(kind, tmp_path / kind)), Store(tmp_path)
    )
    prompt, answers = list(range(20, 70)), [[7, 8, 9], [7], [30, 31], [7, 8, 9, 10, 11]]
    seen = []
    trunk.model.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    read = read_tokens(
        trunk.model, prompt, positions=True, before=read_tokens(trunk.model, prompt[:30], positions=True)
    )
    found = likelihoods(trunk.model, read, answers, mean=False, positions=True)
    assert sum(seen) == len(prompt) + 3 * 4, "the prompt once, then three labels of several tokens in one batch"
    means = likelihoods(trunk.model, read, answers, mean=True, positions=True)
    for answer, total, mean in zip(answers, found, means, strict=True):
        with torch.no_grad():
            scores = (
                trunk.model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].log_softmax(1)
            )
        expected = float(scores.gather(1, torch.tensor(answer)[:, None]).sum())
        assert total == pytest.approx(expected, abs=1e-4) and mean == pytest.approx(expected / len(answer), abs=1e-4)


@pytest.mark.parametrize("base", ["bert", "judge", "writer"])
def test_what_a_text_without_meaning_gets_is_taken_off(base, context_of):
    context = context_of(base)
    calibrated, plain = (
        derive("zero_shot", context, calibrated=on, sharpness=1.0).predictor for on in (True, False)
    )  # fmt: skip
    empty = ["N/A", "", "[MASK]"]
    if base != "bert":  # cosines of features are up to a row's length
        assert np.abs(calibrated.outputs(empty).mean(0)).max() < 1e-4
    assert np.abs(plain.outputs(empty).mean(0)).max() > 0.02
    apart = plain.outputs(context.inputs) - calibrated.outputs(context.inputs)
    assert np.abs(apart - apart[0]).max() < 1e-5


@pytest.mark.parametrize("base", ["bert", "judge", "writer"])
def test_the_sharpness_that_is_found_is_likelier_than_others_and_changes_no_answer(base, context_of):
    context = context_of(base)
    found = derive("zero_shot", context)

    def loss(outputs):
        return float(context.task.loss(torch.from_numpy(outputs), torch.from_numpy(context.targets)).mean())

    best = found.frozen.sharpness
    outputs = {
        s: derive("zero_shot", context, sharpness=s).predictor.outputs(context.inputs)
        for s in (best, max(1e-3, best / 3), min(1e3, best * 3))
    }
    assert loss(outputs[best]) <= min(loss(o) for o in outputs.values()) + 1e-6
    assert len({tuple(o.argmax(1)) for o in outputs.values()}) == 1


def test_descriptions_are_compared_by_meaning(real):
    said = {"delivery": "a parcel", "billing": "an invoice", "account": "a password"}
    wrong = {"delivery": "an invoice", "billing": "a password", "account": "a parcel"}
    right, astray = (derive("zero_shot", real, descriptions=d) for d in (said, wrong))
    qualities = [real.quality(made.predictor.outputs(real.inputs), np.arange(24)) for made in (right, astray)]
    assert qualities[0] > 0.9 and qualities[1] < 0.1
    assert right.frozen.descriptions == said and right.format == "sentence_transformers"
    assert 1 < right.frozen.sharpness < 200 and astray.frozen.sharpness == 0.001


@pytest.mark.parametrize("spread", [0.02, 1.0, 30.0])
def test_the_sharpness_is_that_of_least_loss_wherever_it_lies(spread, context_of):
    from hasei.baselines._asking import line

    rng = np.random.default_rng(0)
    context = context_of("bert", every=1)
    scores = rng.normal(size=(24, 3))
    scores[np.arange(24), context.targets] += 1.5
    found, _ = line(context, scores * spread, np.arange(24))
    tried = np.exp(np.linspace(-7, 7, 2000))
    losses = [
        float(
            context.task.loss(
                torch.from_numpy(s * spread * scores), torch.from_numpy(context.targets), smoothing=0.06
            ).mean()
        )
        for s in tried
    ]
    assert found == pytest.approx(tried[int(np.argmin(losses))], rel=0.02)


def test_labels_in_japanese_and_with_braces_are_asked_for(context_of):
    texts = ["荷物はどこですか", "荷物が届きません", "請求書をください", "請求書が違います"]
    context = context_of("writer", inputs=texts, targets=["配送", "配送", "請求 {}", "請求 {}"])
    made = derive("zero_shot", context)
    (template,) = made.predictor.templates
    assert template.count("{}") == 1 and "配送" in template
    assert np.isfinite(made.predictor.outputs(texts)).all()


def test_a_row_that_is_too_long_loses_its_examples_then_its_end_and_never_the_question(context_of):
    context = context_of("writer")
    predictor = derive("few_shot", context, examples=1, templates=("{}\n\nWhat is it about?",)).predictor
    short, long = (
        predictor.chat.tokenizer.decode(ids) for ids in predictor.prompts(predictor.templates[0], ["hello", "y " * 900])
    )
    assert predictor.labels[0] not in long and any(label in short for label in predictor.labels)
    assert long.count("What is it about?") == 1 and short.count("What is it about?") == 2 and "y y y" in long
    assert max(map(len, predictor.prompts(predictor.templates[0], ["z" * 5000]))) <= predictor.room


def test_examples_are_train_rows_chosen_as_was_asked(context_of):
    context = context_of("writer", every=1)
    rows = dict(zip(context.inputs, context.truth, strict=True))
    cover, clusters, nearest = (
        derive("few_shot", context, chosen=c, templates=("{}",), examples=3, sharpness=1.0).predictor.examples
        for c in ("cover", "clusters", "nearest")
    )
    for found in (cover, clusters):
        assert len(found.rows) == 3 and all(rows[text] == label for text, label in found.rows)
    assert {label for _, label in cover.rows} == {"account", "billing", "delivery"}
    assert len({label for _, label in clusters.rows}) >= 2
    assert nearest.shown(["I forgot my password!"])[0][-1] == ("I forgot my password", "account")


def test_nearest_examples_do_not_answer_the_rows_by_which_the_sharpness_is_found(context_of, monkeypatch):
    from hasei.baselines import few_shot

    shown = []
    real = few_shot.lined

    def lined(context, made, params, rows):
        known = {text for text, _ in made.made.examples.rows}
        shown.extend(context.inputs[i] in known for i in rows)
        return real(context, made, params, rows)

    monkeypatch.setattr(few_shot, "lined", lined)
    derive("few_shot", context_of("writer"), chosen="nearest", examples=1)
    assert shown and not any(shown)


def test_an_instruction_stands_around_the_last_turn_alone():
    from hasei.engine.writing import with_examples

    prompt = '[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]'
    turns = with_examples(prompt, [("q {}", "a")], "Say it: {}")
    assert [turn["content"] for turn in turns] == ["s", "Say it: q {}", "a", "Say it: u"]


def test_classes_are_asked_for_only_by_name_and_texts_are_written_by_default():
    for name, kinds in (("zero_shot", ("text", "likelihood")), ("few_shot", ("text",)), ("prompt_search", ())):
        plugin = plugins.load("methods" if name == "prompt_search" else "baselines", name)
        for kind in ("text", "likelihood", "category", "categories", "choice"):
            assert bool(proposals(plugin, Facts(100, 2, 4, target=kind))) == (kind in kinds)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("contradiction", "neutral", "entailment"), 2),
        (("ENTAILMENT", "not_entailment"), 0),
        (("LABEL_0", "LABEL_1"), None),
    ],
)
def test_a_classifier_knows_entailment_by_the_names_of_its_labels(labels, found, tmp_path):
    from hasei.engine.ways import entails, ways_of

    base = Base.open(make_judge(tmp_path / "judge", labels))
    assert entails(base) == found and ways_of(base)[0] == ("descriptions" if found is None else "entailment")


# ---- what is refused


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"descriptions": {"delivry": "x"}}, "'delivry', which the rows do not have.*Did you mean 'delivery'"),
        ({"descriptions": {"delivery": "a parcel"}}, "2 of 3 labels have no description.*'account', 'billing'"),
        ({"by": "entailment"}, "can't ask the base 'bert' by entailment.*'entailment'.*by: descriptions"),
        ({"by": "likelihood"}, "can't ask the base 'bert' by likelihood.*language model.*by: descriptions"),
        ({"templates": ("so long " * 90 + "{}",)}, "leaves no room.*at most 64 tokens.*[Ss]horten"),
    ],
)
def test_what_does_not_fit_rows_or_base_is_one_line(settings, words, context_of):
    context = context_of("bert")
    plugin = plugins.load("baselines", "zero_shot")
    with pytest.raises((RecipeError, NotSupported), match=words.replace("'bert'", ".*")) as error:
        plugin.derive(context, plugin.Params(**settings))
    assert "\n" not in str(error.value) and error.value.exit_code == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"templates": ["This is about it."]},
            "'templates' is wrong; expected a text with the place {} in it, once, unlike 'This is about it",
        ),
        ({"templates": ["{} or {}"]}, "with the place {} in it, once"),
        (
            {"descriptions": {"a": "  "}},
            "'descriptions' is wrong; expected a text for each label .that of 'a' is empty",
        ),
        ({"prompts": [""]}, "'prompts' is wrong; expected a text with the place"),
        ({"by": "magic"}, "'by' is wrong"),
        ({"sharpness": 0}, "'sharpness' is wrong"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_before_anything_runs(settings, words):
    from hasei.derive.recipe import make_step

    with pytest.raises(RecipeError, match=words) as error:
        make_step("prompt_search", settings)
    assert "\n" not in str(error.value)


def test_labels_that_are_numbers_need_descriptions(context_of):
    context = context_of("bert", inputs=["bad", "good", "worst", "best"], targets=["1", "2", "1", "2"])
    with pytest.raises(RecipeError, match=r"only numbers.*Give descriptions"):
        derive("zero_shot", context)
    assert derive("zero_shot", context, descriptions={"1": "bad", "2": "good"}).predictor.width == 2


@pytest.mark.parametrize(("base", "task", "words"), [
    ("bert", LABELS, "'few_shot' can't ask.*language model.*zero_shot or as_it_is"),
    ("bert", CHOICE, "'few_shot' can't ask.*choice_cosine"), ("judge", LABELS, "'few_shot' can't ask"),
])  # fmt: skip
def test_a_base_that_reads_no_examples_is_refused_with_what_is_possible(base, task, words, context_of):
    with pytest.raises(NotSupported, match=words):
        derive("few_shot", context_of(base, task))


@pytest.mark.parametrize("task", [LABELS, "text_generation"])
def test_more_examples_than_the_base_reads_are_refused_and_fewer_are_taken_by_default(task, context_of):
    context = context_of("writer", task, every=1)
    with pytest.raises(
        NotSupported, match=r"14 examples do not fit.*at most 256 tokens.*[Ss]et examples to at most \d"
    ):
        derive("few_shot", context, examples=14)
    assert 1 <= derive("few_shot", context, max_new_tokens=4).frozen.examples <= 3


@pytest.mark.parametrize("task", [LABELS, "text_generation"])
def test_a_prompt_that_leaves_no_room_is_refused(task, context_of):
    with pytest.raises(NotSupported, match="leaves no room"):
        derive("zero_shot", context_of("writer", task), templates=("say " * 200 + "{}",))


def test_several_templates_are_refused_where_a_text_is_written(context_of):
    with pytest.raises(NotSupported, match=r"several templates.*prompt_search"):
        derive("zero_shot", context_of("writer", "text_generation"), templates=("{}", "Say: {}"))


@pytest.mark.parametrize(("base", "file"), [("judge", "hypotheses.json"), ("writer", "labelling.json")])
@pytest.mark.parametrize("damage", ["missing", "cut", "fewer"])
def test_a_damaged_folder_is_refused_in_one_line(base, file, damage, context_of, tmp_path):
    context = context_of(base)
    made = derive("zero_shot", context, sharpness=1.0)
    form = plugins.load("formats", made.format)
    form.save(made.predictor, tmp_path, context.trunk.base)
    path = tmp_path / file
    text = path.read_text("utf-8")
    if damage == "missing":
        path.unlink()
    else:
        found = json.loads(text) | {"prior": [0.0]}
        path.write_text(text[:40] if damage == "cut" else json.dumps(found), "utf-8")
    with pytest.raises(BaseError, match=file) as error:
        form.load(tmp_path, None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("task", "settings"), [
    ("text_generation", {"descriptions": {"a": "b"}}), ("text_generation", {"by": "likelihood"}),
    ("language_modelling", {"templates": ("Say {}",)}), (CHOICE, {"descriptions": {"a": "b"}}),
])  # fmt: skip
def test_a_setting_that_the_task_has_no_use_for_is_refused(task, settings, context_of):
    with pytest.raises(NotSupported, match=r"[Ll]eave .*out"):
        derive("zero_shot", context_of("writer", task), **settings)


# ---- the search


def test_the_search_finds_words_that_tell(real):
    coded = {"delivery": "team one", "billing": "team two", "account": "team three"}
    context = replace(
        real, space=real.task.space(list(coded.values())), truth=[coded[label] for label in real.truth],
        targets=real.task.encode(real.task.space(list(coded.values())), [coded[label] for label in real.truth]),
    )  # fmt: skip
    found, plain = derive("prompt_search", context), derive("zero_shot", context)
    qualities = [context.quality(made.predictor.outputs(context.inputs), np.arange(24)) for made in (found, plain)]
    assert qualities[0] > 0.9 and qualities[1] < 0.7
    assert "parcel" in found.frozen.descriptions["team one"] and found.frozen.templates
    kept = {"templates", "descriptions", "sharpness"}
    same = derive("zero_shot", context, **{name: value for name, value in found.frozen if name in kept})
    assert np.array_equal(same.predictor.outputs(context.inputs), found.predictor.outputs(context.inputs))


@pytest.mark.parametrize(("base", "task"), [
    ("bert", LABELS), ("judge", LABELS), ("writer", LABELS), ("writer", MANY), ("writer", "text_generation"),
])  # fmt: skip
def test_the_search_keeps_the_best_of_the_prompts_it_scored_on_rows_held_out_of_train(
    base, task, context_of, monkeypatch
):
    from hasei.engine.splits import inner_split
    from hasei.methods import prompt_search

    context = context_of(base, task)
    tried, real = [], prompt_search._raced
    held = set(inner_split(context.units, 0.3, context.seed)[1].tolist())

    def raced(pool, rows, score, watch):
        assert set(rows.tolist()) <= held
        tried.extend((one.templates[0], score(one, rows)) for one in pool)
        return real(pool, rows, score, watch)

    monkeypatch.setattr(prompt_search, "_raced", raced)
    params = {"prompts": ("Mine: {}", "{} is mine"), "usual": False, "max_new_tokens": 4}
    frozen = derive("prompt_search", context, **params).frozen
    best = max(tried, key=lambda one: one[1])[0]
    assert [one for one, _ in tried] == ["Mine: {}", "{} is mine"] and frozen.templates[0] == best
    tried.clear()
    again = plugins.load("methods", "prompt_search").derive(context, frozen)
    assert again.frozen == frozen and not tried, "what was found is not searched again"


def test_the_search_tries_all_on_few_rows_and_the_better_half_on_all():
    from hasei.ground.events import Watch
    from hasei.methods.prompt_search import Params, _raced

    scored = []

    def score(params, rows):
        scored.append((params.templates[0], len(rows)))
        return float(params.templates[0][0]), 0.0

    pool = [Params(templates=(f"{n} {{}}",)) for n in (3, 1, 4, 2)]
    assert _raced(pool, np.arange(100), score, Watch()).templates == ("4 {}",)
    assert scored == [*((f"{n} {{}}", 32) for n in (3, 1, 4, 2)), ("4 {}", 100), ("3 {}", 100)]


@pytest.mark.parametrize("base", ["bert", "judge", "writer"])
def test_the_search_stops_at_its_deadline(base, context_of):
    with pytest.raises(DeadlineReached):
        derive("prompt_search", context_of(base, watch=Watch(deadline=0.0)))
