"""Texts said otherwise: what each change does, in spaced and unspaced scripts, and what it never does."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from hasei.engine.activations.store import Store
from hasei.engine.augmentation import MOST_GROUPS, Augment
from hasei.engine.derivation import Context
from hasei.engine.rewriting import Writer, has_words, with_views
from hasei.engine.trunk import Trunk
from hasei.ground.errors import DataError, NotSupported, RecipeError, RunFailed
from hasei.ground.settings import build
from hasei.inputs.base import Base
from hasei.tasks import open_task
from toys import TEXTS, toy_task

WAYS = ("synonym", "insertion", "swap", "deletion")
TABLE = {"parcel": ["package", "box"], "荷物": "小包", "card payment": ["payment"]}
ODD = ["a", "1", "?!", "", "  ", "!?a", "カード", "👩‍👩‍👧", "é", "ok ok ok", "e-mail", "don't", "  two   spaces  "]


@pytest.fixture(scope="module")
def trunk(toy_base, tmp_path_factory):
    return Trunk(Base.open(toy_base("bert")), Store(tmp_path_factory.mktemp("store")))


def writer(trunk, **settings):
    return Writer(trunk, Augment.model_validate({"changes": WAYS, "neighbours": 0, "synonyms": TABLE} | settings))


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("text", [*TEXTS, *ODD])
def test_a_text_in_parts_is_the_text(trunk, text):
    parts = writer(trunk).parts(text)
    assert parts.joined() == text.strip() and all(map(has_words, parts.words))
    assert len(parts.gaps) == len(parts.words) + 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_no_change_leaves_a_text_without_a_word(trunk, way, share):
    for text in [*TEXTS, *ODD]:
        for seed in range(8):
            found = writer(trunk, share=share).rewritten(text, way, generator(seed))
            assert has_words(found) or found == text


@pytest.mark.parametrize("text", ["ok", "カ", "?!", ""])
def test_a_text_of_one_word_or_none_can_lose_nothing_and_stays_as_it_is(trunk, text):
    for way in ("deletion", "swap"):
        assert writer(trunk).rewritten(text, way, generator()) == text


def test_synonyms_stand_where_the_word_stood_in_its_case_and_only_for_whole_words(trunk):
    found = {writer(trunk).rewritten("Parcel, where are you?", "synonym", generator(s)) for s in range(20)}
    assert found == {"Package, where are you?", "Box, where are you?"}
    assert writer(trunk).rewritten("parcels are late", "synonym", generator()) == "parcels are late"
    assert writer(trunk).rewritten("the CARD PAYMENT failed", "synonym", generator()) == "the PAYMENT failed"


def test_japanese_needs_no_spaces(trunk):
    text = "荷物はどこですか"
    assert writer(trunk).rewritten(text, "synonym", generator()) == "小包はどこですか"
    shorter = writer(trunk).rewritten(text, "deletion", generator())
    assert len(shorter) < len(text) and not (Counter(shorter) - Counter(text))
    mixed = writer(trunk, share=0.5).rewritten(text, "swap", generator())
    assert mixed != text and Counter(mixed) == Counter(text)
    longer = writer(trunk).rewritten(text, "insertion", generator())
    assert len(longer) == len(text) + 2 and "小包" in longer and " " not in longer


def test_swapped_words_are_the_same_words_and_what_is_between_them_stays(trunk):
    found = writer(trunk, share=0.5).rewritten("one, two three.", "swap", generator(1))
    assert found != "one, two three." and sorted(found.replace(",", "").replace(".", "").split()) == [
        "one",
        "three",
        "two",
    ]
    assert found[-1] == "." and found.count(",") == 1


def test_deleted_words_leave_no_double_spaces(trunk):
    for seed in range(20):
        found = writer(trunk, share=0.5).rewritten("where is my parcel now?", "deletion", generator(seed))
        assert "  " not in found and " ?" not in found and found[-1] == "?" and len(found.split()) == 3


def test_an_inserted_word_is_one_that_may_stand_for_a_word_of_the_text(trunk):
    for seed in range(20):
        found = writer(trunk).rewritten("where is my parcel?", "insertion", generator(seed))
        assert len(found.split()) == 5 and ("package" in found or "box" in found) and found[-1] == "?"


def test_more_of_a_long_text_is_changed(trunk):
    text = " ".join(f"word{i}" for i in range(40))
    assert len(writer(trunk, share=0.25).rewritten(text, "deletion", generator()).split()) == 30


def test_neighbours_are_near_whole_words_of_the_same_script(trunk, monkeypatch):
    table = trunk.model.get_input_embeddings().weight
    ids = trunk.tokenizer.convert_tokens_to_ids(["parcel", "card", "login", "##a", "[SEP]", "は"])
    kept = table.detach().clone()
    with torch.no_grad():
        for token, near in zip(ids[1:], (0.01, 0.02, 0.0, 0.0, 0.0)):
            table[token] = table[ids[0]] + near * torch.randn(
                table.shape[1], generator=torch.Generator().manual_seed(3)
            )
    try:
        found = Writer(trunk, Augment(changes=("synonym",))).near.of("parcel", 5)
        assert found[:2] == ("card", "login") and not {"a", "は"} & set(found)
        own = Writer(trunk, Augment(changes=("synonym",)))
        assert own.near.of("unheardof", 5) == () and own.near.of("parcel", 1) == ("card",)
        assert own.rewritten("Parcel", "synonym", generator()) in {w.title() for w in found}
    finally:
        with torch.no_grad():
            table.copy_(kept)


def test_views_are_the_same_for_the_same_seed_whatever_stands_beside_a_text(trunk):
    one = writer(trunk).views(TEXTS, 0, 0)
    assert one == writer(trunk).views(TEXTS, 0, 0) == writer(trunk).views(TEXTS[::-1], 0, 0)[::-1]
    assert one != writer(trunk).views(TEXTS, 1, 0) and one != writer(trunk).views(TEXTS, 0, 1)


def test_of_several_texts_one_is_changed(trunk):
    pairs = [(a, b) for a, b in zip(TEXTS, TEXTS[::-1])]
    found = writer(trunk, share=0.5, changes=("swap",)).views(pairs, 0, 0)
    changed = [sum(a != b for a, b in zip(one, other)) for one, other in zip(pairs, found)]
    assert max(changed) == 1 and sum(changed) >= len(pairs) // 2


def context_of(trunk, name="text_classification"):
    task = toy_task(name)
    toy = task.toy()
    targets, _ = task.clean(toy.targets)
    space = task.space(targets)
    units = [str(i) for i in range(len(targets))]
    return Context(task, space, toy.inputs, task.encode(space, targets), task.truth(targets), units, trunks=(trunk,))


def test_views_stand_after_the_rows_with_target_and_unit_of_theirs_on_a_copy_of_the_base(trunk):
    context = context_of(trunk)
    before, count = trunk.corpus_of(context.inputs), len(context.inputs)
    found = with_views(context, "lora", Augment(changes=WAYS, views=2))
    assert found.inputs[:count] == context.inputs and len(found.inputs) == 3 * count
    assert np.array_equal(found.targets, np.tile(context.targets, 3)) and found.units == context.units * 3
    assert found.trunk is not trunk and trunk.corpus is before and len(found.truth) == 3 * count
    assert with_views(context, "lora", Augment()) is context


def test_changes_that_change_no_text_are_said_to_be_none(trunk):
    with pytest.raises(NotSupported, match=r"none of the .* texts could be changed; received synonym") as error:
        with_views(context_of(trunk), "lora", Augment(changes=("synonym",), neighbours=0))
    assert "'synonyms'" in str(error.value)


@pytest.mark.parametrize("name", ["token_classification", "question_answering", "multiple_choice", "text_generation"])
def test_texts_that_targets_stand_in_or_point_into_are_not_changed(trunk, name):
    with pytest.raises(NotSupported, match=f"'lora' can't change the texts of the task {name}") as error:
        with_views(context_of(trunk, name), "lora", Augment(changes=("swap",)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name, changes, said", [
    ("image_classification", ["swap"], "can change only texts"), ("text_classification", ["mixup"], "only pictures by mixup"),
    ("text_classification", ["swap", "cutmix", "flip"], r"only pictures by cutmix \+ flip"),
])  # fmt: skip
def test_changes_of_other_rows_are_refused(trunk, name, changes, said):
    with pytest.raises(NotSupported, match=said) as error:
        with_views(context_of(trunk, name), "lora", Augment.model_validate(changes))
    assert "\n" not in str(error.value)


def test_a_translator_of_one_s_own_is_asked_once_and_known_by_its_source(trunk):
    settings = Augment(changes=("back_translation",), translator="own_options:shout").stated()
    assert Writer(trunk, settings).views(TEXTS, 0, 0) == [f"{text}!" for text in TEXTS]
    assert len(settings.source) == 64
    with pytest.raises(RecipeError, match="is not that of this recipe"):
        settings.model_copy(update={"source": "0" * 64}).stated()


@pytest.mark.parametrize("name, said", [
    ("own_options:silence", "leaves nothing of a text"), ("own_options:one_for_all", "expected 10 texts; received 1 answers"),
    ("own_options:broken", "failed: TypeError"),
])  # fmt: skip
def test_a_wrong_translator_is_one_line(trunk, name, said):
    settings = Augment(changes=("back_translation",), translator=name)
    with pytest.raises(RunFailed, match=f"the translator '{name}'.*{said}") as error:
        Writer(trunk, settings).views(TEXTS, 0, 0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("settings, said", [
    ({"changes": ["rotaton"]}, "'augment.changes.0' is wrong|'changes.0.* is wrong"),
    ({"changes": ["back_translation"]}, "back_translation and translator together"),
    ({"changes": ["swap"], "translator": "a.b:c"}, "back_translation and translator together"),
    ({"changes": ["back_translation"], "translator": "/home/me/code.py"}, "package.module:function"),
    ({"views": 0}, "'views' is wrong"), ({"synonyms": [["alone"]]}, "a word and what may stand for it"),
    ({"synonyms": {"word": ["", "x"]}}, "none of them empty"), ({"change": ["swap"]}, "Did you mean 'changes'"),
])  # fmt: skip
def test_wrong_settings_are_one_line(settings, said):
    with pytest.raises(RecipeError, match=said) as error:
        build(Augment, settings, "augment")
    assert "\n" not in str(error.value)


def test_a_table_of_synonyms_is_read_once_and_kept_in_the_settings(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("荷物,小包\n\nparcel, package ,box\n", "utf-8-sig")
    found = Augment.model_validate({"changes": ["synonym"], "synonyms": str(path)})
    assert found.synonyms == (("荷物", "小包"), ("parcel", "package", "box"))
    path.unlink()
    assert Augment.model_validate(found.model_dump(mode="json")) == found and hash(found)


@pytest.mark.parametrize("content, said", [
    (None, "can't be read.*No such file"), (b"\xff\xfe\x00a", "can't be read.*utf-8"), (b"", "has 0 lines"),
    (b"parcel,box\nalone\n", "line 2 of the table.*says nothing.*received alone"),
    (b"a,b\n" * (MOST_GROUPS + 1), "has 5,001 lines"), (b'"a\x00b,c', "."),
])  # fmt: skip
def test_a_table_of_synonyms_that_can_t_be_read_is_one_line(tmp_path, content, said):
    path = tmp_path / "words.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said) as error:
        build(Augment, {"changes": ["synonym"], "synonyms": str(path)}, "augment")
    assert "\n" not in str(error.value) and error.value.exit_code == 2


def test_the_task_that_texts_are_changed_for_may_have_numbers(trunk):
    assert len(with_views(context_of(trunk, "similarity"), "lora", Augment(changes=("swap",))).inputs) == 2 * len(
        open_task("similarity").toy().inputs
    )
