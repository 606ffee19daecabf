"""The base learns the language of texts without a target; what it becomes is never mixed up with what it was."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_every_method import context_of, toy_data

from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Facts
from hasei.engine.language import LanguageSource, is_causal
from hasei.engine.language_heads import own_head
from hasei.engine.masking import Masking, texts_of
from hasei.engine.readings import reading_of
from hasei.engine.reweighted import reweighted
from hasei.ground.errors import DataError, NotSupported, RecipeError
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.methods import domain_adaptive_pretraining as dapt
from hasei.tasks import open_task
from toys import TEXTS, make_config, make_tokenizer

NAME = "domain_adaptive_pretraining"
TASK = open_task("text_classification")
QUICK = {"epochs": 4, "min_steps": 0, "rows_per_step": 8, "precision": "fp32", "dropout": 0.0, "learning_rate": 3e-3}
MORE = [f"{text} {word}" for text in TEXTS for word in ("today", "again", "please")]


@pytest.fixture
def context(trunks):
    return replace(context_of(NAME, TASK, trunks(TASK))[0], unlabeled=MORE)


def derived(context, **settings):
    return run.run_step(make_step(NAME, QUICK | settings), context).derivation


def masking(trunk, *, whole_words=False, share=0.15):
    return Masking(share, whole_words, trunk.tokenizer.mask_token_id, np.arange(5, 20))


def opened(folder: Path, tmp_path, task=TASK):
    return reading_of(task).open(Base.open(folder), Store(tmp_path / "store"))


def test_unseen_texts_of_the_domain_cost_less_afterwards_and_it_says_so(context):
    said = []
    heard = replace(context, watch=Watch(listener=lambda e: said.append(e.message)))
    curve = derived(heard, epochs=12).curve
    assert curve[-1]["held_loss"] < curve[0]["held_before"]
    assert any("no head for that" in message for message in said)


def test_texts_that_teach_nothing_are_named(context):
    said = []
    heard = replace(context, watch=Watch(listener=lambda e: said.append(e.message)))
    derived(heard, learning_rate=0.5, head_learning_rate=1.0, clip=100.0, epochs=2)
    assert any("nothing of the domain" in message for message in said)


def test_a_share_of_each_texts_tokens_is_hidden_and_no_special_one(context):
    trunk = context.trunk
    texts = texts_of(trunk.tokenizer, [" ".join(TEXTS)] * 40, 64)
    source = LanguageSource(texts, 0, masking(trunk), seed=1)
    assert 0.13 < source.at.sum() / texts.free.sum() < 0.17
    assert not source.at[~texts.free].any()
    hidden = source.shown.ids[source.at]
    assert 0.7 < np.mean(hidden == trunk.tokenizer.mask_token_id) < 0.9
    assert 0.05 < np.mean(hidden == source.true[source.at]) < 0.2
    assert np.array_equal(source.shown.ids[~source.at], texts.tokens.ids[~source.at])


def test_a_word_is_hidden_as_a_whole_unless_it_is_a_sentence_without_spaces(context):
    trunk = context.trunk
    texts = texts_of(trunk.tokenizer, ["cab cab cab cab cab", "はどこですかはどこですか"], 64)
    rng = np.random.default_rng(0)
    for window, whole in ((0, True), (1, False)):
        places, _ = masking(trunk, whole_words=True, share=0.3).hide(texts, window, rng)
        words = texts.word[places]
        sizes = {w: int((texts.word == w).sum()) for w in words}
        assert all((words == w).sum() == sizes[w] for w in words) == whole


def test_a_long_text_is_read_to_its_end_and_one_without_a_token_is_left_out(context):
    texts = texts_of(context.trunk.tokenizer, ["a " * 200, "\u200b"], 16)
    assert texts.free.sum() == 200 and set(texts.row) == {0}
    assert texts.tokens.lengths.max() <= 16


def test_the_loss_of_a_step_is_the_mean_over_its_hidden_tokens_however_it_is_packed(context):
    trunk = context.trunk
    texts = texts_of(trunk.tokenizer, MORE, 64)
    source = LanguageSource(texts, 0, masking(trunk), seed=1)
    rows = np.arange(12)
    source.begin(rows, 5)
    model = dapt.LanguageModel(trunk.model, dapt.table_head(trunk, source, Watch())).train()
    with torch.no_grad():
        costs, counts = source.costs(model, rows)
        parts = torch.cat([source.outputs(model, rows[:5]), source.outputs(model, rows[5:])])
    assert float(parts.sum()) / len(rows) == pytest.approx(float(costs.sum() / counts.sum()), rel=1e-5)


def test_what_is_hidden_hangs_on_the_step_alone(context):
    texts = texts_of(context.trunk.tokenizer, MORE, 64)
    one, two = (LanguageSource(texts, 0, masking(context.trunk), seed=1) for _ in range(2))
    one.begin(np.arange(8), 1)
    for source in (one, two):
        source.begin(np.arange(8), 2)
    low, high = texts.tokens.offsets[[0, 8]]
    assert np.array_equal(one.shown.ids[low:high], two.shown.ids[low:high])
    assert not np.array_equal(one.shown.ids[low:high], texts.tokens.ids[low:high])


def masked_base(folder: Path) -> Path:
    """Write a toy encoder with its head for hidden tokens."""
    from transformers import BertForMaskedLM

    folder.mkdir()
    vocabulary = make_tokenizer(folder)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        BertForMaskedLM(make_config("bert", vocabulary)).save_pretrained(folder)
    return folder


def test_a_base_with_a_head_of_its_own_guesses_by_that(context, tmp_path):
    from transformers import AutoModelForMaskedLM

    folder = masked_base(tmp_path / "base")
    trunk = opened(folder, tmp_path)
    head = own_head(trunk, trunk.model, causal=False)
    batch = trunk.probing_batch()
    with torch.no_grad():
        expected = AutoModelForMaskedLM.from_pretrained(folder).eval()(**batch).logits[0]
        found = head(trunk.model(**batch).last_hidden_state[0])
    torch.testing.assert_close(found, expected)
    assert own_head(context.trunk, context.trunk.model, causal=False) is None
    said = []
    heard = replace(context, trunks=(trunk,), watch=Watch(listener=lambda e: said.append(e.message)))
    assert derived(heard, epochs=12).curve[-1]["held_loss"] > 0
    assert any("by its own head" in message for message in said)


def test_replay_below_the_top_layers_learns_what_a_plain_pass_does(context, monkeypatch):
    replayed = derived(context, top_layers=2, then="nothing")
    monkeypatch.setattr(type(context.trunk), "states", lambda *a, **k: None)
    plain = derived(context, top_layers=2, then="nothing")
    for one, two in zip(replayed.curve, plain.curve):
        assert one["loss"] == pytest.approx(two["loss"], rel=2e-3)  # kept states have 16 bits
    names = [n for n in plain.trained if n.startswith("trunk.")]
    assert names and all("layer.2" in n or "layer.3" in n or "pooler" in n for n in names)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_decoder_guesses_the_next_tokens(context, toy_base, tmp_path, kind):
    trunk = opened(toy_base(kind), tmp_path)
    assert is_causal(trunk.model, trunk.probing_batch()) and not is_causal(
        context.trunk.model, context.trunk.probing_batch()
    )
    curve = derived(replace(context, trunks=(trunk,)), epochs=12, top_layers=2).curve
    assert curve[-1]["held_loss"] < curve[0]["held_before"]


def test_kept_states_of_the_adapted_base_are_never_those_of_the_base(context):
    before = context.trunk.pooled(context.inputs, 4, "mean")
    seen = []
    listening = replace(context, watch=Watch(listener=lambda e: seen.append(e)))
    derivation = derived(listening, then={"feature_extraction": {"layer": 4, "pooling": "mean"}})
    adapted = derivation.from_store(context.inputs)
    np.testing.assert_allclose(adapted, derivation.predictor.outputs(context.inputs), atol=0.05)
    assert np.array_equal(context.trunk.pooled(context.inputs, 4, "mean"), before)
    head = derivation.predictor.model.head
    of_the_base = before @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert np.abs(of_the_base - adapted).max() > 0.5


def test_its_frozen_settings_choose_nothing_any_more(context):
    frozen = derived(context).frozen
    ((name, settings),) = frozen.then.items()
    assert name == "feature_extraction" and None not in settings.values()
    assert derived(context, **frozen.model_dump()).frozen == frozen


def chain(context, tmp_path, *steps):
    data = toy_data(TASK)
    recipe = Recipe((context.trunk.base.content_hash,), TASK.name, {"fingerprint": "toy"}, tuple(steps))
    return run.run(recipe, context, data, tmp_path / "m")


@pytest.mark.parametrize("method", ["partial_fine_tuning", "lora"])
def test_as_the_first_step_of_a_chain_it_leaves_the_whole_base_to_the_next(context, tmp_path, method):
    quick = {"epochs": 1, "min_steps": 0} | ({"top_layers": 2} if method == "partial_fine_tuning" else {})
    model = chain(context, tmp_path, make_step(NAME, QUICK), make_step(method, quick))
    first = tmp_path / "m.step-1"
    assert json.loads((first / "config.json").read_text("utf-8"))["num_hidden_layers"] == context.trunk.layers
    assert Base.open(first).pooling == context.trunk.base.pooling
    assert [step["name"] for step in model.identity["steps"]] == [NAME, method]
    assert Base.open(first).content_hash != context.trunk.base.content_hash
    assert np.isfinite(model.outputs(context.inputs)).all()


def test_a_method_that_writes_beside_its_base_is_sent_to_a_chain(context):
    with pytest.raises(NotSupported, match=r"run the chain \[domain_adaptive_pretraining, lora\]|Run the chain"):
        derived(context, then={"lora": {"epochs": 1, "min_steps": 0}})


@pytest.mark.parametrize(
    ("then", "error", "words"),
    [
        (NAME, NotSupported, "can't go on with itself"),
        ({NAME: {}}, NotSupported, "can't go on with itself"),
        ("partial_fine_tunning", RecipeError, "Did you mean 'partial_fine_tuning'"),
        ({"lora": {"rnk": 4}}, RecipeError, "no setting 'rnk'"),
        ("majority", RecipeError, "is a cheap truth"),
        ({"lora": {}, "ensemble": {}}, RecipeError, "which method"),
        ({"partial_fine_tuning": {"top_layers": 40}}, NotSupported, "no 40 layers"),
    ],
)
def test_what_can_not_follow_is_refused_before_anything_runs(context, then, error, words, monkeypatch):
    monkeypatch.setattr(dapt, "_adapt", lambda *a, **k: pytest.fail("it ran"))
    with pytest.raises(error, match=words) as caught:
        derived(context, then=then)
    assert "\n" not in str(caught.value)


def test_a_following_method_that_does_not_fit_the_task_is_refused(context):
    with pytest.raises(NotSupported, match="'pair_regression' can't be used for the task"):
        derived(context, then="pair_regression")


def test_without_texts_it_says_so(context):
    with pytest.raises(NotSupported, match="has no texts to learn from"):
        derived(replace(context, unlabeled=[]), with_rows=False)
    assert derived(replace(context, unlabeled=[]), epochs=1).curve  # the rows' own inputs are texts


@pytest.mark.parametrize("blank", ["", "  ", ("", " ")])
def test_a_blank_text_is_named_by_its_number(context, blank):
    with pytest.raises(DataError, match="number 2 is blank"):
        derived(replace(context, unlabeled=["a text", blank]))


def test_a_base_that_has_no_token_that_hides_others_is_refused(context, toy_base, tmp_path):
    folder = shutil.copytree(toy_base("bert"), tmp_path / "base")
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    config.pop("mask_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(NotSupported, match="no token that hides others"):
        derived(replace(context, trunks=(opened(folder, tmp_path),)))


def test_a_network_of_its_own_kind_is_refused(context, monkeypatch):
    monkeypatch.setattr(context.trunk.model, "formats", {"sentence_transformers": "recurrent"}, raising=False)
    with pytest.raises(NotSupported, match="has no head for tokens"):
        dapt.derive(context, dapt.Params())


def test_pictures_are_refused():
    with pytest.raises(NotSupported, match="can't be used for the task image_classification"):
        dapt.SUPPORTS.refuse(NAME, open_task("image_classification"))


def test_a_base_with_other_weights_is_told_from_the_old_one(context):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = context.trunk.fresh()
        with torch.no_grad():
            next(model.parameters()).add_(0.1)
    changed = reweighted(context.trunk, model).base
    same = reweighted(context.trunk, context.trunk.fresh()).base
    assert changed.content_hash != same.content_hash != context.trunk.base.content_hash
    assert (changed.pooling, changed.max_tokens) == (context.trunk.base.pooling, context.trunk.base.max_tokens)


def test_a_share_of_the_base_leads_back_towards_it(context):
    head = {"then": {"feature_extraction": {"layer": 4, "pooling": "mean", "l2": 0.01}}}
    base = run.run_step(make_step("feature_extraction", head["then"]["feature_extraction"]), context).derivation
    expected = base.predictor.outputs(context.inputs)
    far, near = (
        np.abs(derived(context, base_share=share, **head).predictor.outputs(context.inputs) - expected).mean()
        for share in (0.0, 0.99)
    )
    assert near < far / 3


def test_a_study_reckons_with_the_texts_that_have_no_target():
    few = Facts(rows=1000, width=3, layers=6)
    many = replace(few, unlabeled=9000)
    ratio = dapt.effort(dapt.Params(), many) / dapt.effort(dapt.Params(), few)
    assert ratio > 5, "nine times as many texts must not look as cheap as none"
