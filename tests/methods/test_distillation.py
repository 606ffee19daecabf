"""Distillation: what is asked of the teacher, kept with its rows; each kind of student; what is refused or said."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch.nn.functional import kl_div

from hasei.derive import run
from hasei.derive.derived import open_model
from hasei.derive.order import order, read_steps
from hasei.derive.recipe import Recipe, make_step
from hasei.engine import teaching
from hasei.engine.matching import Matched, plain_attention, spread
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.readings import reading_of
from hasei.engine.shortened import of_layers
from hasei.engine.static import Bags, bags_of, thinned
from hasei.formats import static_embedding
from hasei.ground import plugins
from hasei.ground.errors import BaseError, NotSupported
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.methods import _static
from hasei.tasks import open_task

TASK = open_task("text_classification")
QUICK = {
    "epochs": 2,
    "min_steps": 0,
    "rows_per_step": 8,
    "of": {"feature_extraction": {"layer": 4, "pooling": "mean", "l2": 0.01}},
}
EAGER = {"epochs": 20, "learning_rate": 3e-3, "head_learning_rate": 1e-2}


class Heard(Watch):
    """Keeps the findings."""

    def __init__(self):
        super().__init__()
        self.findings = []

    def report(self, stage, text="", *args, **options):
        if stage == "finding":
            self.findings.append(text)


@pytest.fixture(scope="module")
def trunk(toy_base):
    return reading_of(TASK).open(Base.open(toy_base("bert")))


@pytest.fixture
def context(trunk):
    toy = TASK.toy()
    targets, _ = TASK.clean(toy.targets)
    space = TASK.space(targets)
    units = [f"{i}" for i in range(len(toy.inputs))]
    return run.Context(
        TASK,
        space,
        list(toy.inputs),
        TASK.encode(space, targets),
        TASK.truth(targets),
        units,
        trunks=(trunk.copy(),),
        watch=Heard(),
    )


def derived(context, **params):
    return run.run_step(make_step("distillation", QUICK | params), context).derivation


def written(derivation, context, folder):
    """The model of *derivation* written and opened again, without a line of the lineage."""
    folder.mkdir()
    form = plugins.load("formats", derivation.format)
    form.save(derivation.predictor, folder, context.trunk.base)
    return form.load(folder, lambda: context.trunk.base)


def quality(context, predictor):
    return context.quality(predictor.outputs(context.inputs), np.arange(len(context.inputs)))


ASKED = []


class Teacher:
    """Notes in ASKED what it is asked."""

    width = 2

    def __init__(self, weight):
        self.weight = np.float32(weight)

    def outputs(self, inputs, watch=None):
        ASKED.extend(inputs)
        return np.array([[len(text) * self.weight, 1.0] for text in inputs], np.float32)


def test_a_teacher_is_asked_once_for_each_different_row_and_never_gives_another_rows_answer(context):
    ASKED.clear()
    teacher = Teacher(1.0)
    said = teaching.outputs_of(context, teacher, ["a", "bcd", "a"])
    assert ASKED == ["a", "bcd"]
    assert said[:, 0].tolist() == [1.0, 3.0, 1.0]
    changed = teaching.outputs_of(context, teacher, ["a", "bcde", "a "])
    assert ASKED == ["a", "bcd", "bcde", "a "]
    assert changed[:, 0].tolist() == [1.0, 4.0, 2.0]


def test_what_one_teacher_said_is_not_taken_for_anothers(context):
    one, other = Teacher(1.0), Teacher(2.0)
    teaching.outputs_of(context, one, ["abc"])
    assert teaching.outputs_of(context, other, ["abc"])[0, 0] == 6.0
    assert teaching.fingerprint(one) != teaching.fingerprint(other)
    again = Teacher(1.0)
    assert teaching.fingerprint(again) == teaching.fingerprint(Teacher(1.0))


def test_a_weight_or_a_longest_row_changes_the_hash_of_a_teacher(context):
    teacher = derived(context, student="layers").predictor
    before = teaching.fingerprint(teacher)
    assert before == teaching.fingerprint(teacher)
    with torch.no_grad():
        teacher.model.head.bias[0] += 1e-6
    assert (changed := teaching.fingerprint(teacher)) != before
    teacher.max_tokens -= 1
    assert teaching.fingerprint(teacher) != changed


def test_soft_targets_are_the_divergence_of_softened_probabilities_by_torch_itself():
    own, other = torch.randn(6, 5), torch.randn(6, 5) * 3
    expected = kl_div((own / 2.5).log_softmax(1), (other / 2.5).softmax(1), reduction="none").sum(1) * 2.5**2
    assert torch.allclose(teaching.soft_loss("category", own, other, 2.5), expected, atol=1e-5)
    for kind in ("category", "categories", "number"):
        assert teaching.soft_loss(kind, other, other, 2.5).abs().max() < 1e-5
        assert (teaching.soft_loss(kind, own, other, 2.5) > 0).all()


def test_rows_without_a_label_learn_from_the_teacher_alone():
    loss = teaching.lesson_loss(TASK, 3, 1, 1.0, 0.5)
    outputs = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    targets = torch.tensor([[1.0, 2.0, 0.0, 0.0], [float("nan"), 2.0, 0.0, 0.0]])
    one, other = loss(outputs, targets).tolist()
    assert other == pytest.approx(0.0, abs=1e-6)
    assert one == pytest.approx(0.5 * float(TASK.loss(outputs[:1], torch.tensor([1]))[0]), abs=1e-6)


def test_rows_without_a_label_are_taught_too(context):
    more = replace(context, unlabeled=["was my card declined", "was my card declined", "a parcel that never came"])
    lesson = teaching.lesson_of(more, Teacher(1.0), more, list(dict.fromkeys(more.unlabeled)))
    assert len(lesson.inputs) == len(context.inputs) + 2
    assert np.isnan(lesson.targets[len(context.inputs) :, 0]).all()
    assert not np.isnan(lesson.targets[: len(context.inputs)]).any()
    for student in ("static", "ngrams", "layers"):
        plain, helped = derived(context, student=student), derived(more, student=student)
        assert not np.array_equal(plain.predictor.outputs(context.inputs), helped.predictor.outputs(context.inputs)), (
            student
        )


def test_views_are_answered_by_the_teacher_as_they_are(context):
    found = derived(context, student="static", augment={"changes": ["deletion"], "views": 2, "share": 0.5}, **EAGER)
    assert found.frozen.augment.views == 2
    assert quality(context, found.predictor) > 0.5


def test_all_layers_at_temperature_1_and_no_strength_are_the_teacher_bit_for_bit(context):
    still = {"learning_rate": 1e-30, "head_learning_rate": 1e-30, "weight_decay": 0.0}
    found = derived(context, layers=4, temperature=1.0, labels=0.0, dropout=0.0, **still)
    teacher = run.run_step(make_step("feature_extraction", QUICK["of"]["feature_extraction"]), context).derivation
    assert np.array_equal(found.predictor.outputs(context.inputs), teacher.predictor.outputs(context.inputs))
    assert found.curve[-1]["loss"] == pytest.approx(0.0, abs=1e-6)


def test_a_static_student_is_reproduced_by_sentence_transformers_and_reads_back_the_same(context, tmp_path):
    found = derived(context, student="static", phrases=50, width=8, **EAGER)
    again = written(found, context, tmp_path / "m")
    said = found.predictor.outputs(context.inputs)
    assert quality(context, found.predictor) > 0.9
    assert np.array_equal(again.outputs(context.inputs), said)
    library = SentenceTransformer(str(tmp_path / "m"), device="cpu")
    asked = [*context.inputs, "", "荷物はどこ", "words-never Seen ｉn train 🙂", "x " * 400]
    np.testing.assert_allclose(library.encode(asked, show_progress_bar=False), again.outputs(asked), atol=1e-5)


def test_a_static_student_answers_in_order_whatever_stands_beside_a_row(context):
    predictor = derived(context, student="static").predictor
    alone = np.concatenate([predictor.outputs([text]) for text in context.inputs])
    np.testing.assert_allclose(predictor.outputs(context.inputs), alone, atol=1e-6)


def test_the_same_seed_gives_the_same_static_student(context, tmp_path):
    for name in ("one", "two"):
        written(derived(context, student="static", phrases=20), context, tmp_path / name)
    files = [p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file()]
    assert files
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)


def test_frequent_phrases_have_rows_of_their_own_that_begin_as_the_mean_of_their_tokens(trunk):
    texts = ["my card was declined"] * 3
    tokenizer = _static.tokenizer_of(trunk, texts, 3)
    phrases = _static.frequent(_static.tokenizer_of(trunk, (), 0), texts, 3)
    assert phrases == ["card was", "card was declined", "my card"]
    encoded = tokenizer.encode("My card was declined!", add_special_tokens=False)
    assert len(encoded.ids) < len(
        _static.tokenizer_of(trunk, (), 0).encode("My card was declined!", add_special_tokens=False).ids
    )
    table = _static.table_of(trunk, tokenizer, None)
    parts = bags_of(_static.tokenizer_of(trunk, (), 0), ["my card"]).ids
    np.testing.assert_allclose(table[tokenizer.token_to_id("my card")], table[parts].mean(0), atol=1e-5)


def test_principal_components_keep_the_distances_of_a_table_that_has_no_more_directions():
    table = np.random.default_rng(0).normal(size=(40, 3)) @ np.random.default_rng(1).normal(size=(3, 12))
    found, plain = (_static.components(table.astype(np.float32), width) for width in (3, None))
    apart = [np.linalg.norm(x[:, None] - x[None], axis=2) for x in (found, plain)]
    np.testing.assert_allclose(apart[0] / apart[0].max(), apart[1] / apart[1].max(), atol=1e-4)


def test_tokens_are_left_out_but_never_all_of_a_row():
    bags = Bags(np.arange(5), np.array([0, 2, 2, 5]))
    found = thinned(bags, np.array([False, False, True, False, True]))
    assert found.ids.tolist() == [0, 1, 2, 4]
    assert found.offsets.tolist() == [0, 2, 2, 4]


def test_a_damaged_static_folder_is_refused_in_one_line(context, tmp_path):
    written(derived(context, student="static"), context, tmp_path / "m")
    dense = tmp_path / "m" / "1_Dense" / "config.json"
    dense.write_text(json.dumps(json.loads(dense.read_text("utf-8")) | {"activation_function": "os.system"}))
    with pytest.raises(BaseError, match="does not hold a layer"):
        static_embedding.load(tmp_path / "m")
    (tmp_path / "m" / "tokenizer.json").write_text("{")
    dense.write_text(dense.read_text("utf-8").replace("os.system", "torch.nn.modules.activation.ReLU"))
    with pytest.raises(BaseError, match=r"tokenizer\.json"):
        static_embedding.load(tmp_path / "m")


def test_a_student_of_ngrams_says_about_what_its_teacher_says(context):
    found = derived(context, student="ngrams", temperature=2.0, labels=0.0)
    teacher = run.run_step(make_step("feature_extraction", QUICK["of"]["feature_extraction"]), context).derivation
    answers = [one.predictor.outputs(context.inputs).argmax(1) for one in (found, teacher)]
    assert found.format == "lexical"
    assert (answers[0] == answers[1]).mean() > 0.9


def test_layers_are_those_that_were_chosen(context):
    model = context.trunk.model
    short = of_layers(model, (1, 3))
    for i, chosen in enumerate((1, 3)):
        one, other = (m.encoder.layer[j].state_dict() for m, j in ((short, i), (model, chosen)))
        assert all(torch.equal(one[name], other[name]) for name in other)
    assert spread(3, 6) == (0, 2, 5)
    assert spread(1, 6) == (0,)
    assert len(derived(context).predictor.model.trunk.encoder.layer) == 2
    assert len(derived(context, layers=(0, 1, 3)).predictor.model.trunk.encoder.layer) == 3


@pytest.mark.parametrize("kind", ["bert", "distilbert", "gpt2", "llama", "albert", "qwen3"])
def test_layers_of_every_kind_of_base_can_be_taken(kind, toy_base):
    trunk = reading_of(TASK).open(Base.open(toy_base(kind)))
    chosen = spread((trunk.layers + 1) // 2, trunk.layers)
    short = of_layers(trunk.model, chosen)
    assert sum(p.numel() for p in short.parameters()) <= sum(p.numel() for p in trunk.model.parameters())
    plain = PooledModel(short, "mean", linear(np.eye(trunk.hidden), np.zeros(trunk.hidden)))
    with torch.no_grad():
        assert torch.isfinite(plain(trunk.probing_batch())).all()


def test_states_and_attention_of_the_same_layers_are_no_distance_apart(context):
    model = PooledModel(context.trunk.fresh(), "mean", linear(np.eye(32), np.zeros(32)))
    other, batch = context.trunk.fresh(), context.trunk.probing_batch()
    with plain_attention([model.trunk, other]), torch.no_grad():
        same = Matched(model, other, [(i, i) for i in range(4)], 1.0, 1.0)(batch)
        shifted = Matched(model, other, [(0, 3)], 1.0, 1.0)(batch)
    assert same[:, -1].abs().max() < 1e-5
    assert (shifted[:, -1] > 1e-4).all()
    assert model.trunk.config._attn_implementation != "eager"


def test_matching_brings_the_layers_nearer_to_the_teachers(context):
    given = {"layers": (0, 3), **EAGER, "dropout": 0.0, "labels": 0.0}
    teacher, batch = context.trunk.fresh(), context.trunk.probing_batch()

    def apart(found):
        model = found.predictor.model
        with plain_attention([model.trunk, teacher]), torch.no_grad():
            return float(Matched(model, teacher, [(0, 0), (1, 3)], 1.0, 1.0)(batch)[:, -1].mean())

    assert apart(derived(context, states_weight=3.0, attention_weight=3.0, **given)) < apart(derived(context, **given))


def test_a_narrower_student_says_that_it_begins_with_drawn_weights(context, tmp_path):
    found = derived(context, student="narrower", width=16, layers=2)
    assert found.predictor.model.trunk.config.hidden_size == 16
    assert any("weights that are drawn" in said for said in context.watch.findings)
    again = written(found, context, tmp_path / "m")
    assert np.array_equal(again.outputs(context.inputs), found.predictor.outputs(context.inputs))


def test_another_base_is_a_student_with_its_own_tokenizer_and_a_parent_in_the_lineage(context, toy_base, tmp_path):
    other = toy_base("distilbert")
    found = derived(context, student=str(other))
    step = make_step("distillation", QUICK | {"student": str(other)})
    recipe = Recipe((context.trunk.base.content_hash,), TASK.name, {"fingerprint": "toy"}, (step,))
    from test_every_method import toy_data

    model = run.write(run.Ran(found, 1.0), step, recipe, context, toy_data(TASK), tmp_path / "m", {})
    assert [p["content_hash"] for p in model.identity["parents"]] == [
        context.trunk.base.content_hash, Base.open(other).content_hash,
    ]  # fmt: skip
    assert np.array_equal(model.outputs(context.inputs), found.predictor.outputs(context.inputs))


def test_an_ensemble_can_teach_and_so_can_the_step_before(context, toy_base, tmp_path):
    pair = {
        "ensemble": {"members": ["lexical_linear", {"feature_extraction": {"layer": 4, "pooling": "mean", "l2": 0.01}}]}
    }
    assert quality(context, derived(context, student="static", of=pair, **EAGER).predictor) > 0.9
    toy = TASK.toy()
    rows = tmp_path / "rows.csv"
    lines = [f"{json.dumps(text)},{label}" for text, label in zip(toy.inputs, toy.targets)]
    rows.write_text("\n".join(["text,label", *lines]), "utf-8")
    quick = {"epochs": 1, "min_steps": 0}
    chain = [{"partial_fine_tuning": quick}, {"distillation": quick | {"student": "static", "compared": False}}]
    model = order(read_steps(chain), rows, task=TASK.name, base=toy_base("bert"), out=tmp_path / "m")
    assert model.identity["format"] == "static_embedding"
    assert model.identity["steps"][-1]["params"]["of"] is None
    teacher = open_model(tmp_path / "m.step-1")
    assert teacher.identity["steps"][-1]["name"] == "partial_fine_tuning"


def test_frozen_settings_choose_nothing_anew(context):
    found = derived(context, student="static", of=None)
    ((name, settings),) = found.frozen.of.items()
    assert name == "feature_extraction"
    assert None not in settings.values()
    assert not found.frozen.compared
    before = len(context.watch.findings)
    again = plugins.load("methods", "distillation").derive(context, found.frozen)
    assert np.array_equal(again.predictor.outputs(context.inputs), found.predictor.outputs(context.inputs))
    assert not any("held out of train" in said for said in context.watch.findings[before:])


def test_a_student_without_a_transformer_is_compared_with_words_alone_and_that_it_is_worth_less_is_said(context):
    derived(context, student="static")  # two epochs: worth nothing
    assert any("worth no more than words alone" in said for said in context.watch.findings)
    context.watch.findings.clear()
    derived(context, student="ngrams")
    assert any("is 1.000, not above the 1.000 of lexical_linear" in said for said in context.watch.findings)


def test_a_student_that_is_worth_more_than_words_is_said_beside_them(context, monkeypatch):
    words = plugins.load("baselines", "lexical_linear")
    real = words.derive

    def contrary(*given):
        made = real(*given)
        return replace(made, predictor=SimpleNamespace(outputs=lambda rows: -made.predictor.outputs(rows)))

    monkeypatch.setattr(words, "derive", contrary)
    derived(context, student="ngrams")
    assert any("is 1.000, that of lexical_linear 0.000" in said for said in context.watch.findings)


# What is refused or warned of


def test_a_student_that_is_larger_than_its_teacher_is_said_to_be(context):
    derived(context, student="static", of="lexical_linear", compared=False, width=32)
    small = [said for said in context.watch.findings if "larger than its teacher" in said]
    context.watch.findings.clear()
    derived(context, layers=1)
    assert small
    assert not [said for said in context.watch.findings if "larger than its teacher" in said]


@pytest.mark.parametrize("layers", [0, 5, (0, 4), (), (1, 1), (2, 0), -1])
def test_layers_that_the_teacher_does_not_have_are_refused(context, layers):
    with pytest.raises(NotSupported, match="layers are none of its teacher's"):
        derived(context, layers=layers)


def test_an_unknown_base_is_refused(context):
    with pytest.raises(BaseError, match="there is no base model 'statik'"):
        derived(context, student="statik")


@pytest.mark.parametrize(("given", "match"), [
    ({"student": "narrower"}, "needs its width"), ({"student": "narrower", "width": 17, "layers": 2}, "17 wide"),
    ({"student": "static", "width": 64}, "can't be wider"), ({"student": "static", "states_weight": 1.0}, "no layers to match"),
    ({"states_weight": 1.0, "of": "lexical_linear"}, "same tokens can be matched"),
    ({"student": "static", "loss": "focal"}, "has a loss of its own"), ({"of": "distillation"}, "another 'distillation'"),
])  # fmt: skip
def test_settings_that_do_not_fit_the_student_are_refused(context, given, match):
    with pytest.raises(NotSupported, match=match):
        derived(context, **given)


def test_pairs_have_no_static_student(toy_base):
    task = open_task("pair_classification")
    toy = task.toy()
    targets, _ = task.clean(toy.targets)
    space = task.space(targets)
    trunk = reading_of(task).open(Base.open(toy_base("bert")))
    units = [str(i) for i in range(len(toy.inputs))]
    pairs = run.Context(
        task, space, toy.inputs, task.encode(space, targets), task.truth(targets), units, trunks=(trunk,)
    )
    with pytest.raises(NotSupported, match="reads one text a row"):
        derived(pairs, student="static")


def test_no_step_goes_on_from_a_student_without_a_transformer(context):
    distillation = plugins.load("methods", "distillation")
    with pytest.raises(NotSupported, match="no step can go on"):
        distillation.as_a_base(distillation.Params(student="static"), context)
    assert distillation.as_a_base(distillation.Params(), context).student == "layers"


def test_a_teacher_of_no_use_is_refused(context):
    class Broken(Teacher):
        def outputs(self, inputs, watch=None):
            return super().outputs(inputs) * np.float32(np.nan)

    with pytest.raises(Exception, match="not numbers"):
        teaching.outputs_of(context, Broken(1.0), ["a"])


def test_a_solved_head_is_the_least_squares_one():
    rng = np.random.default_rng(0)
    features, weight = rng.normal(size=(60, 4)).astype(np.float32), rng.normal(size=(3, 4))
    head = teaching.head_on(features, (features @ weight.T + 2).astype(np.float32), 0.0)
    np.testing.assert_allclose(head.weight.detach().numpy(), weight, atol=1e-4)
