"""The contract of a cheap truth, checked on every one that needs no base; files are found, not listed."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.svm import LinearSVC

from hasei.baselines import _lexical, _vocabulary
from hasei.engine import ragged
from hasei.engine.derivation import Context, Facts, proposals
from hasei.formats._ngrams import batches, normalise
from hasei.ground import plugins
from hasei.ground.errors import BaseError, NotSupported
from hasei.ground.events import DeadlineReached, Watch
from hasei.ground.files import hash_folder
from hasei.tasks import open_task
from toys import toy_task

DROPINS = Path(__file__).parents[1] / "dropins"
FACTS = Facts(rows=100, width=2, layers=4)


def tried_by_itself(name):
    plugin = plugins.load("baselines", name)
    return plugin.SUPPORTS.bases == 0 and bool(proposals(plugin, FACTS))


ALL = [n for n in plugins.names("baselines") if tried_by_itself(n)]
FIRST = ("text_classification", "text_regression", "multi_label_classification", "similarity")
TASKS = [toy_task(name) for name in dict.fromkeys((*FIRST, *plugins.names("tasks")))]
TASK = {n: next(t for t in TASKS if plugins.load("baselines", n).SUPPORTS.admits(t)) for n in ALL}
OF_LABELS = [n for n in ALL if TASK[n].name == "text_classification"]
LEXICAL = [n for n in OF_LABELS if "max_features" in plugins.load("baselines", n).Params.model_fields]
ODD = [
    "",
    "   ",
    "zzz qqq",
    "😱😱",
    "パスワードを忘れました",
    "ＰＡＳＳＷＯＲＤ",
    "a" * 30_000,
    "\ud800 broken",
    "nul \0 here",
]


def context_of(inputs, targets, task=None, **more):
    task = task or open_task("text_classification")
    space = task.space(targets)
    truth = task.truth(targets)
    return Context(task, space, list(inputs), task.encode(space, targets), truth, [str(i) for i in inputs], **more)


def toy_context(name="majority", **more):
    task = TASK[name]
    toy = task.toy()
    return context_of(toy.inputs, task.clean(toy.targets)[0], task, **more)


def odd_rows(name):
    """Odd texts; beside what the toy rows have beside theirs, where a row has several. Pictures are none of these."""
    if TASK[name].input_kind == "image":
        return list(TASK[name].toy().inputs[::-1])
    example = TASK[name].toy().inputs[0]
    return list(ODD) if isinstance(example, str) else [(text, *example[1:]) for text in ODD]


def derive(name, context, **params):
    plugin = plugins.load("baselines", name)
    return plugin.derive(context, plugin.Params(**params))


def same(one, other):
    """Whether outputs are the same bit for bit."""
    if one.dtype == object:
        return ragged.difference(one, other) == 0
    return one.tobytes() == other.tobytes()


def saved(derivation, folder):
    folder.mkdir()
    form = plugins.load("formats", derivation.format)
    form.save(derivation.predictor, folder, None)
    return form


@pytest.fixture(scope="module")
def learnt():
    """Every cheap truth, derived from the toy rows of a task that it supports: its context, and itself by its name."""
    contexts = {name: toy_context(name) for name in ALL}
    found = {name: derive(name, contexts[name]) for name in ALL}
    return lambda name: (contexts[name], found)


# ---- the contract


@pytest.mark.parametrize("name", ALL)
def test_its_docstring_names_source_what_is_trained_and_an_example(name):
    doc = plugins.docstring("baselines", name)
    for part in ("Source:", "Trains:", "Shapes:", "Relations:", ">>> "):
        assert part in doc, part
    assert len(plugins.summary("baselines", name)) > 20


@pytest.mark.parametrize("name", ALL)
def test_its_example_runs(name):
    import doctest

    module = plugins.load("baselines", name)
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ALL)
def test_its_settings_are_few_frozen_strict_and_survive_json(name, learnt):
    params = plugins.load("baselines", name).Params
    for settings_ in (params(), learnt(name)[1][name].frozen):
        assert params.model_validate(json.loads(json.dumps(settings_.model_dump(mode="json")))) == settings_
    assert len(params.model_fields) <= 7
    with pytest.raises(ValidationError):
        params(nonsense=1)


@pytest.mark.parametrize("name", ALL)
def test_its_settings_leave_nothing_to_choose_when_refitted(name, learnt):
    context, derived = learnt(name)
    frozen = derived[name].frozen
    assert None not in frozen.model_dump().values()
    again = plugins.load("baselines", name).derive(context, frozen)
    assert again.frozen == frozen
    assert same(again.predictor.outputs(context.inputs), derived[name].predictor.outputs(context.inputs))


@pytest.mark.parametrize("name", ALL)
def test_it_learns_its_toy_rows_or_says_the_majority(name, learnt):
    context, derived = learnt(name)
    outputs = derived[name].predictor.outputs(context.inputs)
    if outputs.dtype == object:
        assert outputs.shape == (len(context.inputs),)
    else:
        assert outputs.shape == (len(context.inputs), context.space.width) and outputs.dtype == np.float32
    quality = context.quality(outputs, np.arange(len(outputs)))
    if context.task.metrics[context.task.default_metric].direction == -1:
        constant = derive("majority", context).predictor.outputs(context.inputs)
        assert quality > context.quality(constant, np.arange(len(outputs)))
        return
    least = {
        "majority": 1 / 3, "lexical_overlap": 0.3, "mean_box": 0.0, "common_boxes": 0.0, "choice_overlap": 0.6,
        "answer_shape": 0.5,
    }.get(name, 0.95)  # fmt: skip
    assert quality == least if name == "majority" else quality > least


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_bytes(name, tmp_path, learnt):
    saved(learnt(name)[1][name], tmp_path / "one")
    saved(derive(name, toy_context(name)), tmp_path / "two")
    assert hash_folder(tmp_path / "one") == hash_folder(tmp_path / "two")


@pytest.mark.parametrize("name", ALL)
def test_what_is_saved_and_loaded_back_answers_the_same_bit_for_bit(name, tmp_path, learnt):
    context, derived = learnt(name)
    form = saved(derived[name], tmp_path / "m")
    back = form.load(tmp_path / "m", None)
    rows = context.inputs + odd_rows(name)
    assert back.width == derived[name].predictor.width == context.space.width
    assert same(back.outputs(rows), derived[name].predictor.outputs(rows))


@pytest.mark.parametrize("name", ALL)
def test_an_answer_does_not_depend_on_the_rows_beside_it(name, learnt):
    context, derived = learnt(name)
    rows = odd_rows(name) + context.inputs
    together = derived[name].predictor.outputs(rows)
    alone = np.concatenate([derived[name].predictor.outputs([row]) for row in rows])
    assert same(together, alone) and ragged.finite(together)
    nothing = derived[name].predictor.outputs([])
    assert len(nothing) == 0 and (nothing.dtype == object or nothing.shape == (0, context.space.width))


@pytest.mark.parametrize("name", ALL)
def test_the_parameters_it_counts_are_those_it_saves(name, tmp_path, learnt):
    derivation = learnt(name)[1][name]
    saved(derivation, tmp_path / "m")
    tensors = load_file(tmp_path / "m" / "model.safetensors")
    assert derivation.trainable_parameters == sum(tensors[part].size for part in derivation.trained)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("damage", ["missing", "truncated", "other tensors"])
def test_a_damaged_folder_is_refused_in_one_line(name, damage, tmp_path, learnt):
    form = saved(learnt(name)[1][name], tmp_path / "m")
    file = tmp_path / "m" / "model.safetensors"
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:-5])
    else:
        save_file({"other": np.zeros(2, np.float32)}, file)
    with pytest.raises(BaseError, match=r"model\.safetensors") as error:
        form.load(tmp_path / "m", None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", OF_LABELS)
def test_pairs_of_texts_and_classes_with_one_row_are_learnt_from(name):
    inputs = [("red apple", "fruit"), ("green apple", "fruit"), ("a blue car", "road"), ("odd one", "out")]
    context = context_of(inputs, ["a", "a", "b", "c"])
    outputs = derive(name, context).predictor.outputs(inputs)
    assert outputs[:2].argmax(1).tolist() == [0, 0] and np.isfinite(outputs).all()


@pytest.mark.parametrize("name", OF_LABELS)
def test_rows_of_one_text_over_and_over_do_not_break_it(name):
    context = context_of(["the same"] * 300, ["a", "b", "b"] * 100)
    outputs = derive(name, context).predictor.outputs(["the same", "other"])
    assert np.isfinite(outputs).all() and outputs.argmax(1).tolist() == [1, 1]


# ---- majority


def test_the_majority_is_as_confident_as_its_share_of_the_rows():
    context = context_of(list("abcd"), ["x", "y", "y", "y"])
    answers = context.task.answers(context.space, derive("majority", context).predictor.outputs(["new"]))
    assert answers.values == ["y"] and answers.confidence == pytest.approx([0.75])


def test_for_numbers_the_majority_is_the_mean():
    with plugins.extra("tasks", DROPINS / "tasks"):
        task = open_task("text_length")
        context = context_of(["a", "b", "c"], ["1.0", "2.0", "6.0"], task)
        answers = task.answers(context.space, derive("majority", context).predictor.outputs(["new"]))
        assert answers.values == pytest.approx([3.0], abs=1e-5)


# ---- the lexical ones


@pytest.mark.parametrize("name", LEXICAL)
def test_a_lexical_model_refuses_a_task_of_numbers(name):
    with plugins.extra("tasks", DROPINS / "tasks"):
        context = context_of(["a", "b"], ["1", "2"], open_task("text_length"))
        with pytest.raises(NotSupported, match=f"'{name}' can't be used for the task text_length"):
            derive(name, context)


@pytest.mark.parametrize("name", LEXICAL)
def test_japanese_without_spaces_is_learnt(name):
    inputs = [f"荷物が{n}日たっても届きません" for n in range(20)] + [
        f"{n}月分の請求書を送ってください" for n in range(20)
    ]
    context = context_of(inputs, ["delivery"] * 20 + ["billing"] * 20)
    outputs = derive(name, context).predictor.outputs(["まだ荷物が届かない", "請求書がほしい"])
    assert [context.space.names[i] for i in outputs.argmax(1)] == ["delivery", "billing"]


@pytest.mark.parametrize("name", LEXICAL)
def test_case_and_width_make_no_difference(name, learnt):
    outputs = learnt(name)[1][name].predictor.outputs(
        ["reset my password", "RESET MY PASSWORD", "ｒｅｓｅｔ ｍｙ　ｐａｓｓｗｏｒｄ"]
    )
    assert np.array_equal(outputs[0], outputs[1]) and np.array_equal(outputs[0], outputs[2])


@pytest.mark.parametrize("name", LEXICAL)
def test_a_text_of_unseen_words_gets_the_same_answer_as_an_empty_one(name, learnt):
    outputs = learnt(name)[1][name].predictor.outputs(["", "θθθ ψψψ"])
    assert np.array_equal(outputs[0], outputs[1])


@pytest.mark.parametrize("name", LEXICAL)
def test_rows_without_any_term_at_all_give_the_shares_of_the_classes(name):
    context = context_of(["", "", " ", "", "", ""], ["a", "a", "a", "a", "b", "a"])
    derivation = derive(name, context)
    assert derivation.predictor.outputs([""]).argmax() == 0


@pytest.mark.parametrize("name", [*LEXICAL, "lexical_ridge", "lexical_labels"])
def test_scikit_learn_reproduces_its_outputs_from_the_folder(name, tmp_path, learnt):
    context, derived = learnt(name)
    form = saved(derived[name], tmp_path / "m")
    assert form.LIBRARY == "scikit-learn"
    rows = [*context.inputs, "Password, password; PASSWORD!", "unseen", "荷物", "", "o é ﬁ  x\n\tparcel"]
    apart = np.abs(by_scikit_learn(tmp_path / "m", rows) - derived[name].predictor.outputs(rows))
    assert apart.max() <= 1e-5


def test_the_overlap_of_two_texts_is_the_cosine_that_scikit_learn_finds(tmp_path, learnt):
    context, derived = learnt("lexical_overlap")
    saved(derived["lexical_overlap"], tmp_path / "m")
    rows = [*context.inputs, ("Password, password", "PASSWORD!"), ("荷物", "荷物はどこ"), ("a parcel", "θθθ"), ("", "")]
    first, second = (features_by_scikit_learn(tmp_path / "m", [row[side] for row in rows]) for side in (0, 1))
    words = len(derived["lexical_overlap"].predictor.vectoriser.words)
    first, second = first[:, words:], second[:, words:]
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosine = (first * second).sum(1) / np.maximum(lengths, 1e-12)
    tensors = load_file(tmp_path / "m" / "model.safetensors")
    expected = cosine[:, None] * tensors["weight"] + tensors["bias"]
    assert np.abs(expected - derived["lexical_overlap"].predictor.outputs(rows)).max() <= 1e-5


@pytest.mark.parametrize("name", [n for n in ALL if TASK[n].target_kind == "number"])
def test_a_deadline_stops_what_learns_numbers_too(name):
    with pytest.raises(DeadlineReached):
        derive(name, toy_context(name, watch=Watch(deadline=0.0)))


def by_scikit_learn(folder, rows):
    tensors = load_file(folder / "model.safetensors")
    return features_by_scikit_learn(folder, rows) @ tensors["weight"] + tensors["bias"]


def features_by_scikit_learn(folder, rows):
    terms = json.loads((folder / "vectorizer.json").read_text("utf-8"))
    tensors = load_file(folder / "model.safetensors")
    parts = []
    for block, idf in (
        ("words", tensors["idf"][: len(terms["words"])]),
        ("grams", tensors["idf"][len(terms["words"]) :]),
    ):
        recipe = terms["recipe"][block]
        vectorizer = TfidfVectorizer(
            vocabulary=terms[block], analyzer=recipe["analyzer"], ngram_range=tuple(recipe["ngram_range"]),
            token_pattern=recipe.get("token_pattern"), sublinear_tf=True, dtype=np.float32,
            preprocessor=lambda text: unicodedata.normalize("NFKC", text).lower(),
        )  # fmt: skip
        vectorizer.idf_ = idf
        parts.append(vectorizer.transform(rows).toarray())
    return np.hstack(parts)


words = st.text(alphabet="ab é1.あイ漢😱\t\u3000", max_size=25)


@given(st.lists(words, min_size=1, max_size=12), st.lists(words, min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_any_texts_are_vectorised_as_scikit_learn_does(train, new):
    vectoriser = _vocabulary.learn(train, 100_000, Watch())

    def prepare(text):
        return unicodedata.normalize("NFKC", text).lower()

    blocks = []
    for options, own in (
        ({"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\w+"}, vectoriser.words),
        ({"analyzer": "char_wb", "ngram_range": (2, 4)}, vectoriser.grams),
    ):
        peer = TfidfVectorizer(preprocessor=prepare, sublinear_tf=True, **options)
        if not any(peer.build_analyzer()(text) for text in train):
            assert own == ()
            continue
        peer.fit(train)
        assert list(own) == peer.get_feature_names_out().tolist()
        blocks.append(peer.transform(new).toarray())
    found = np.concatenate([vectoriser.transform(texts).toarray() for texts in batches(new)])
    expected = np.hstack(blocks) if blocks else np.zeros((len(new), 0))
    assert found.shape == expected.shape and np.abs(found - expected).max(initial=0) < 1e-5


def test_the_vocabulary_keeps_the_most_frequent_terms_and_drops_those_of_one_row_in_large_data():
    rows = [f"common word{i}" for i in range(1200)]
    vectoriser = _vocabulary.learn(rows, 50, Watch())
    assert vectoriser.width <= 50
    assert "common" in vectoriser.words and "word7" not in vectoriser.words


def test_a_full_table_of_counts_loses_only_rare_terms(monkeypatch):
    rows = [f"common {i:05d}{i * 7:06d}" for i in range(6000)]
    monkeypatch.setattr(_vocabulary, "_WORD_TABLE", 500)
    monkeypatch.setattr(_vocabulary, "_GRAM_TABLE", 500)
    vectoriser = _vocabulary.learn(rows, 1000, Watch())
    assert vectoriser.words == ("common",) and {"comm", "mon "} <= set(vectoriser.grams)


@pytest.mark.parametrize("name", ["lexical_linear", "linear_svm"])
def test_typed_by_hand_labels_full_of_mistakes_are_met_with_a_stronger_penalty(name):
    rng = np.random.default_rng(0)
    kinds = np.array(["blue", "green", "red"])
    true = kinds[rng.integers(0, 3, 900)]
    texts = [" ".join([kind, *rng.choice([f"w{i}" for i in range(300)], 8)]) for kind in true]
    typed = np.where(rng.random(900) < 0.35, kinds[rng.integers(0, 3, 900)], true)
    clean = derive(name, context_of(texts[:600], true[:600].tolist()))
    noisy = derive(name, context_of(texts[:600], typed[:600].tolist()))
    assert noisy.frozen.c < clean.frozen.c
    assert np.mean(kinds[noisy.predictor.outputs(texts[600:]).argmax(1)] == true[600:]) > 0.93


@pytest.mark.parametrize("name", ["lexical_linear", "linear_svm"])
def test_settings_given_are_used_as_given(name):
    frozen = derive(name, toy_context(), c=2.5, sharpness=1.5).frozen
    assert (frozen.c, frozen.sharpness) == (2.5, 1.5)
    weights = [derive(name, toy_context(), c=c, sharpness=1.0).predictor.weight for c in (0.01, 1.0)]
    assert np.abs(weights[0]).max() < np.abs(weights[1]).max()


def cross_entropy(scores, y):
    return (
        np.log(np.exp(scores - scores.max(1, keepdims=True)).sum(1)) + scores.max(1) - scores[np.arange(len(y)), y]
    ).sum()


def squared_hinge(scores, y):
    sides = np.where(np.arange(scores.shape[1]) == y[:, None], 1.0, -1.0)
    return (np.maximum(0, 1 - sides * scores) ** 2).sum()


@pytest.mark.parametrize("c", [0.3, 2.0])
@pytest.mark.parametrize(
    ("name", "loss", "peer"),
    [
        ("lexical_linear", cross_entropy, lambda c: LogisticRegression(C=c, max_iter=2000)),
        ("linear_svm", squared_hinge, lambda c: LinearSVC(C=c, intercept_scaling=10, max_iter=50_000)),
    ],
)
def test_the_descent_ends_near_the_optimum_that_scikit_learn_finds(name, loss, peer, c):
    context = toy_context()
    model = derive(name, context, c=c, sharpness=1.0).predictor
    features = model.vectoriser.transform([normalise(row) for row in context.inputs]).toarray().astype(np.float64)
    solved = peer(c).fit(features, context.targets)

    def objective(weight, bias):
        return c * loss(features @ weight + bias, context.targets) + 0.5 * np.square(weight).sum()

    best = objective(solved.coef_.T, solved.intercept_)
    assert objective(model.weight.astype(np.float64), model.bias) < 1.05 * best


def test_naive_bayes_is_half_of_scikit_learns_log_probabilities():
    context = toy_context()
    model = derive("naive_bayes", context).predictor
    features = model.vectoriser.transform([normalise(row) for row in context.inputs])
    peer = MultinomialNB(alpha=0.03).fit(features, context.targets)
    twice = 2.0 * model.outputs(context.inputs)
    found = twice - np.log(np.exp(twice).sum(1, keepdims=True))
    assert np.abs(found - peer.predict_log_proba(features)).max() < 1e-4


def test_more_rows_than_fit_in_memory_are_left_out_and_that_is_said(monkeypatch):
    monkeypatch.setattr(_lexical, "_ENTRIES", 50)
    monkeypatch.setattr(_lexical, "batches", lambda rows: batches(rows, 4))
    said = []
    context = toy_context(watch=Watch(listener=lambda event: said.append(event.message)))
    used = sum(len(rows) for _, rows in _lexical.blocks(context, _lexical.vocabulary(context, 1000)))
    assert used == 4 and any("4 of 24 rows" in message for message in said)


@pytest.mark.parametrize("name", LEXICAL)
def test_it_stops_at_its_deadline(name):
    with pytest.raises(DeadlineReached):
        derive(name, toy_context(watch=Watch(deadline=0.0)))


@pytest.mark.parametrize("change", ["missing", "cut", "no words", "other version", "unsorted", "fewer"])
def test_a_damaged_vocabulary_is_refused_in_one_line(change, tmp_path, learnt):
    form = saved(learnt("naive_bayes")[1]["naive_bayes"], tmp_path / "m")
    file = tmp_path / "m" / "vectorizer.json"
    text = file.read_text("utf-8")
    value = json.loads(text)
    if change == "missing":
        file.unlink()
    elif change == "cut":
        file.write_text(text[: len(text) // 2], "utf-8")
    else:
        changed = {
            "no words": {k: v for k, v in value.items() if k != "words"},
            "other version": value | {"recipe": value["recipe"] | {"version": 2}},
            "unsorted": value | {"grams": value["grams"][::-1]},
            "fewer": value | {"words": value["words"][:-1]},
        }
        file.write_text(json.dumps(changed[change]), "utf-8")
    with pytest.raises(BaseError, match=r"vectorizer\.json") as error:
        form.load(tmp_path / "m", None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "floor"), [("naive_bayes", 0.92), ("lexical_linear", 0.95), ("linear_svm", 0.95)])
def test_on_real_intents_it_is_a_truth_hard_to_beat(name, floor, shared):
    with (shared / "clinc150" / "train_small.csv").open(encoding="utf-8", newline="") as file:
        rows = [(r["text"], r["label"]) for r in csv.DictReader(file) if r["domain"] in ("banking", "travel")]
    train, held = [r for i, r in enumerate(rows) if i % 5], rows[::5]
    context = context_of([t for t, _ in train], [label for _, label in train])
    answers = context.task.answers(context.space, derive(name, context).predictor.outputs([t for t, _ in held]))
    assert np.mean([a == label for a, (_, label) in zip(answers.values, held)]) > floor
