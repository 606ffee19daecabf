"""Places in every kind of tokenizer, texts longer than a base reads, and states of the last layer."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context
from hasei.engine.ragged import difference
from hasei.engine.readings import reading_of
from hasei.engine.tagged import stacked
from hasei.engine.words import flatten, layouts
from hasei.inputs.base import Base
from hasei.tasks import open_task
from hasei.tasks._pieces import GAP, pieces
from toys import TEXTS

TASK = open_task("token_classification")
MORE = [*TEXTS, "Tom Smith lives in New York.", "東京タワーは高い。", "naïve café 🙂👍🏽", "ﬁne ㌔ ｶﾞ １２"]
SIGNS = "aBTom 1é\u0301.,'-_@東京タワーのガ🙂👍\U0001f3fd\u200d\ufe0f\u200b\u3000ก็नमस्ﬁ㌔ｶﾞ１\n"
KINDS = ("word pieces", "bytes", "unigram", "metaspace with bytes", "characters")


def trained(kind):
    special = ["<pad>", "<unk>", "<s>", "</s>"]
    if kind == "word pieces":  # BERT
        found, trainer = Tokenizer(models.WordPiece(unk_token="<unk>")), trainers.WordPieceTrainer
        found.normalizer, found.pre_tokenizer = (
            normalizers.BertNormalizer(lowercase=True),
            pre_tokenizers.BertPreTokenizer(),
        )
    elif kind == "bytes":  # GPT-2, RoBERTa, Llama 3
        found, trainer = Tokenizer(models.BPE()), trainers.BpeTrainer
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    elif kind == "unigram":  # XLM-R, T5: NFKC first
        found, trainer = Tokenizer(models.Unigram()), trainers.UnigramTrainer
        found.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        found.pre_tokenizer = pre_tokenizers.Metaspace()
    elif kind == "metaspace with bytes":  # Llama 2: spaces are signs of the vocabulary, unknown ones single bytes
        found, trainer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>")), trainers.BpeTrainer
        found.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        special += [f"<0x{i:02X}>" for i in range(256)]
        found.pre_tokenizer = pre_tokenizers.Split(
            "▁", "merged_with_next"
        )  # no merge passes a space, as in the real ones
    else:
        found, trainer = Tokenizer(models.BPE(unk_token="<unk>")), trainers.BpeTrainer
        found.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    options = {"unk_token": "<unk>"} if kind == "unigram" else {}
    if kind == "bytes":
        options["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    found.train_from_iterator(MORE, trainer(vocab_size=700, special_tokens=special, show_progress=False, **options))
    if kind == "bytes":
        found.post_processor, found.decoder = processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()
    elif kind != "metaspace with bytes":
        found.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
        )
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=found, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


@cache
def tokenizer_of(kind):
    return trained(kind)


@pytest.fixture
def tokenizers():
    return tokenizer_of


def places_of(tokenizer, text, limit=512):
    (found,) = layouts(tokenizer, [text], limit)
    return [text[a:b] for a, b in found.at.tolist()]


@pytest.mark.parametrize("kind", KINDS)
def test_words_and_signs_are_places_in_every_tokenizer(kind, tokenizers):
    text, expected = "Tom  Smith, in York (New).", ["Tom", "Smith", ",", "in", "York", "(", "New", ")", "."]
    assert places_of(tokenizers(kind), text) == expected
    assert places_of(tokenizers(kind), f"\n {text} ") == expected


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_stay_whole_whatever_they_hold(kind, tokenizers):
    tokens = ["New\u00a0York", "'s", "O'Hare", "http://a.b/c", "東京タワー"]
    assert places_of(tokenizers(kind), GAP.join(tokens)) == tokens


@pytest.mark.parametrize("kind", KINDS)
def test_japanese_is_cut_where_the_tokenizer_cuts_it(kind, tokenizers):
    text = "高い東京の駅、ガ行"
    found = places_of(tokenizers(kind), text)
    assert "".join(found) == text and len(found) > 1


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet=SIGNS, max_size=30))
def test_places_of_any_text_are_in_order_made_of_pieces_and_point_at_their_own_characters(kind, text):
    tokenizer = tokenizer_of(kind)
    (found,) = layouts(tokenizer, [text], 512)
    at, parts = found.at.tolist(), pieces(text)
    assert all(a < b for a, b in at) and all(one[1] <= other[0] for one, other in itertools.pairwise(at))
    assert {a for a, _ in at} <= {a for a, _ in parts} and {b for _, b in at} <= {b for _, b in parts}
    assert (np.diff(found.token) > 0).all()
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    for token, (a, b) in zip(found.token.tolist(), at):
        low, high = offsets[token]
        assert low < high and low < b and high > a
    covered = [i for low, high in offsets for i in range(low, high)]
    for a, b in parts:  # what the tokenizer reads of a piece is at some place
        assert not set(covered) & set(range(a, b)) or any(low <= a and b <= high for low, high in at)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [8, 16, 33])
def test_a_text_in_windows_has_the_places_that_it_has_at_once(kind, limit, tokenizers):
    text = " ".join(f"Tom {i} lives in New York, not in 東京." for i in range(12))
    (at_once,), (found,) = layouts(tokenizers(kind), [text], 100_000), layouts(tokenizers(kind), [text], limit)
    assert len(at_once.windows) == 1 and len(found.windows) > 3
    assert all(len(tokenizers(kind)(window)["input_ids"]) <= limit for window in found.windows)
    words = [tuple(at) for at in at_once.at.tolist() if text[at[0]].isascii()]
    assert [tuple(at) for at in found.at.tolist() if text[at[0]].isascii()] == words
    assert "".join(text[a:b] for a, b in found.at.tolist()) == "".join(text.split())


def test_a_place_near_a_cut_is_read_where_more_stands_around_it(tokenizers):
    text = " ".join(["parcel"] * 60)
    (found,) = layouts(tokenizers("word pieces"), [text], 22)
    assert len(found.windows) >= 3
    for i in range(1, len(found.windows) - 1):
        tokens = found.token[found.window == i]
        assert tokens.min() > 2 and tokens.max() < 20  # neither the first nor the last of what is read there


@pytest.mark.parametrize("kind", KINDS)
def test_one_piece_longer_than_all_that_is_read_is_one_place(kind, tokenizers):
    text = GAP.join(["in", "xq1" * 60, "Rome"])
    found = places_of(tokenizers(kind), text, 12)
    assert found[0] == "in" and found[-1] == "Rome" and len(found) == 3


def test_texts_without_anything_to_read_have_no_places(tokenizers):
    found = layouts(tokenizers("word pieces"), ["", " ", "\u200b", "Tom"], 16)
    flat = flatten(found)
    assert flat.counts.tolist() == [0, 0, 0, 1] and flat.spread.tolist() == [1, 1, 1, 1]
    assert flat.first.tolist() == [0, 0, 0, 0, 1] and flat.places_in(np.array([3, 0])).tolist() == [0]
    assert flatten([]).counts.tolist() == []


def test_stacked_outputs_are_filled_up_and_carry_gradients():
    outputs = torch.arange(6.0).reshape(3, 2).requires_grad_()
    found = stacked(outputs, np.array([2, 0, 1]))
    assert found.tolist() == [[[0, 1], [2, 3]], [[0, 0], [0, 0]], [[4, 5], [0, 0]]]
    (found * found).sum().backward()
    assert torch.equal(outputs.grad, 2 * outputs.detach())


# ---- the reading


@pytest.fixture(scope="module", params=["bert", "gpt2", "llama", "distilbert"])
def trunk(request, toy_base, tmp_path_factory):
    return reading_of(TASK).open(Base.open(toy_base(request.param)), Store(tmp_path_factory.mktemp("store")))


LONG = "send it to Anna Smith, " * 20 + "東京"


def context_of(trunk):
    toy = TASK.toy()
    inputs, targets = [*toy.inputs, LONG], [*toy.targets, '[{"start": 11, "end": 21, "label": "person"}]']
    space = TASK.space(targets)
    units = [str(i) for i in range(len(inputs))]
    return Context(TASK, space, inputs, TASK.encode(space, targets), TASK.truth(targets), units, trunks=(trunk,))


def test_features_are_the_states_at_places_of_every_layer(trunk):
    reading, context = reading_of(TASK), context_of(trunk)
    for layer in (1, trunk.layers):
        kept = reading.features(trunk, context.inputs, layer, "mean")
        assert kept.shape == (reading.counts(trunk, context.inputs).sum(), trunk.hidden)
        full = Store(trunk.store.folder, max_bytes=0)  # no room: everything is computed
        other = reading.open(trunk.base, full)
        np.testing.assert_allclose(
            kept, reading.features(other, context.inputs, layer, "mean"), atol=4e-3 * np.abs(kept).max()
        )


def test_states_replayed_train_as_the_whole_model_does(trunk):
    reading, context = reading_of(TASK), context_of(trunk)
    model = reading.begin(context, trunk.fresh(), 0.1)
    from hasei.inputs.architecture import Stack

    stack = Stack(trunk.stack.path, tuple(model.trunk.get_submodule(trunk.stack.path).children()))
    rows = np.arange(len(context.inputs))
    with torch.no_grad():
        with reading.source(context, stack, -1) as plain:
            expected = plain.outputs(model, rows)
        with reading.source(context, stack, 2) as replayed:
            assert replayed.windows.states is not None
            found = replayed.outputs(model, rows)
    assert (expected - found).abs().max() <= 0.01 * expected.abs().max()


def test_a_text_in_windows_answers_place_by_place_as_its_windows_do(trunk):
    reading, context = reading_of(TASK), context_of(trunk)
    model = reading.begin(context, trunk.fresh(), 0.1)
    predictor = reading.predictor(model, trunk)
    (found,) = predictor.outputs([LONG])
    (layout,) = trunk.layouts([LONG])
    assert len(layout.windows) > 1 and len(found) == len(layout.token)
    for i, window in enumerate(layout.windows):
        batch = trunk.tokenizer([window], return_tensors="pt")
        with torch.no_grad():
            states = trunk.model(batch["input_ids"]).last_hidden_state[0]
            logits = model.head(states[layout.token[layout.window == i]]).numpy()
        np.testing.assert_allclose(found[layout.window == i, 2:], logits, atol=1e-4)
    alone = np.concatenate([predictor.outputs([text]) for text in context.inputs])
    assert difference(predictor.outputs(context.inputs), alone) <= 1e-5


def test_how_rows_are_packed_changes_no_loss(trunk):
    reading, context = reading_of(TASK), context_of(trunk)
    model, targets = reading.begin(context, trunk.fresh(), 0.1).double(), reading.targets(context)
    from hasei.engine.ragged import padded

    with torch.no_grad(), reading.source(context, trunk.stack, -1) as source:
        rows = np.arange(len(targets))
        together = TASK.loss(source.outputs(model, rows), padded(targets), smoothing=0.1)
        alone = torch.cat(
            [TASK.loss(source.outputs(model, rows[i : i + 1]), padded(targets[i : i + 1]), smoothing=0.1) for i in rows]
        )
    assert (together - alone).abs().max() <= 1e-6


def test_an_architecture_with_more_than_a_linear_head_of_its_own_is_written_as_a_plain_model_and_its_head(
    tmp_path, toy_base
):
    import transformers
    from safetensors.torch import load_file

    from hasei.formats import token_classifier
    from toys import make_tokenizer

    folder = tmp_path / "base"
    folder.mkdir()
    config = transformers.ModernBertConfig(
        vocab_size=make_tokenizer(folder), hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, pad_token_id=0, attn_implementation="sdpa", reference_compile=False,
        cls_token_id=2, sep_token_id=3,
    )  # fmt: skip
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    trunk = reading_of(TASK).open(Base.open(folder), Store(tmp_path / "store"))
    context = context_of(trunk)
    reading = reading_of(TASK)
    predictor = reading.predictor(reading.begin(context, trunk.fresh(), 0.1), trunk)
    out = tmp_path / "out"
    out.mkdir()
    token_classifier.save(predictor, out, trunk.base)
    token_classifier.label(out, context.space.names)
    back = token_classifier.load(out, lambda: trunk.base)
    assert difference(predictor.outputs(context.inputs), back.outputs(context.inputs)) <= 1e-5
    head, model = load_file(out / "head.safetensors"), transformers.AutoModel.from_pretrained(out).eval()
    batch = trunk.tokenizer(["Tom in Rome"], return_tensors="pt")
    with torch.no_grad():
        logits = model(batch["input_ids"]).last_hidden_state[0] @ head["weight"].T + head["bias"]
    (row,) = predictor.outputs(["Tom in Rome"])
    (layout,) = trunk.layouts(["Tom in Rome"])
    np.testing.assert_allclose(row[:, 2:], logits[layout.token].numpy(), atol=1e-5)
