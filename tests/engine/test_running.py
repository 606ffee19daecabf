"""Documents in windows: no window holds two, every token is scored once, and counts of bytes are probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.engine.activations.store import Store
from hasei.engine.causal import CausalModel
from hasei.engine.derivation import Context
from hasei.engine.readings import reading_of
from hasei.engine.running import LikelihoodPredictor, windows
from hasei.engine.trunk import load_tokenizer
from hasei.formats._bytes import BytePredictor
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.tasks import open_task
from toys import make_writer

TASK = open_task("language_modelling")
LONG = "the parcel is late and the card was declined " * 30


@pytest.fixture(scope="module")
def trunk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("running")
    return reading_of(TASK).open(Base.open(make_writer("llama", folder / "base")), Store(folder / "store"))


def context(trunk, texts):
    space = TASK.space(texts)
    return Context(TASK, space, texts, TASK.encode(space, texts), TASK.truth(texts), texts, trunks=(trunk,))


def test_windows_hold_every_token_of_a_document_once_and_of_no_other(trunk):
    texts = [LONG, "short", "", LONG + "!"]
    found = windows(trunk.tokenizer, texts, 64)
    for text, rows in zip(texts, found):
        assert all(row[0] == 2 and len(row) <= 64 for row in rows)
        assert [i for row in rows for i in row[1:]] == [
            *trunk.tokenizer(text, add_special_tokens=False)["input_ids"],
            3,
        ]


def test_a_training_sees_what_a_predictor_scores(trunk):
    texts = [LONG, *TASK.toy().inputs[:5]]
    found, reading = context(trunk, texts), reading_of(TASK)
    model = CausalModel(trunk.model, plain=True)
    with reading.source(found, trunk.stack, -1) as source, torch.no_grad():
        sums = source.outputs(model, np.arange(len(texts)))[:, 0].numpy()
    counts = reading.targets(found)
    assert counts.tolist() == [
        sum(len(w) - 1 for w in rows) for rows in windows(trunk.tokenizer, texts, trunk.max_tokens)
    ]
    assert len(source.lengths) == len(texts) and source.lengths[0] > trunk.max_tokens
    outputs = LikelihoodPredictor(model, trunk.tokenizer, trunk.max_tokens).outputs(texts)
    assert outputs[:, 0] == pytest.approx(sums / counts, abs=1e-5) and outputs[:, 1].tolist() == counts.tolist()


def test_upper_layers_see_the_same_from_kept_states(trunk):
    texts = [LONG, *TASK.toy().inputs[:5]]
    found, reading = context(trunk, texts), reading_of(TASK)
    model, sums = CausalModel(trunk.model, plain=True), []
    for lowest in (-1, 2):
        with reading.source(found, trunk.stack, lowest) as source, torch.no_grad():
            sums.append(source.outputs(model, np.arange(len(texts)))[:, 0])
    assert float(((sums[0] - sums[1]) / sums[0]).abs().max()) < 2e-3


def test_bits_per_byte_are_those_of_the_answers(trunk):
    texts = TASK.toy().inputs
    outputs = LikelihoodPredictor(CausalModel(trunk.model, plain=True), trunk.tokenizer, 256).outputs(texts)
    answers = TASK.answers(TASK.space(texts), outputs)
    expected = (
        float((outputs[:, 0].astype(float) * outputs[:, 1]).sum()) / sum(len(t.encode()) for t in texts) / math.log(2)
    )
    assert TASK.metrics["bits_per_byte"].value(answers.values, texts) == pytest.approx(expected, rel=1e-6)
    assert TASK.metrics["byte_perplexity"].value(answers.values, texts) == pytest.approx(2**expected, rel=1e-6)
    assert TASK.truth(answers.values) == answers.values


def test_a_column_of_documents_needs_no_answers(tmp_path):
    from hasei.inputs import data as rooms
    from hasei.tasks import arranged

    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "1", "text": "荷物は"}\n{"id": "2", "text": "other"}\n', "utf-8")
    table = arranged(TASK, rooms.read(path))
    assert rooms.guess(table, TASK.columns).columns == {"text": "text", "document": "document"}
    assert [row[-1] for row in table.cells] == ["荷物は", "other"]


@given(st.lists(st.text(alphabet="abあ\n", max_size=12), min_size=1, max_size=6), st.text(alphabet="abcあ", max_size=6))
@settings(max_examples=40, deadline=None)
def test_what_may_follow_has_probability_one_in_all(texts, start):
    model = BytePredictor.of(texts, 3, Watch())
    before = np.frombuffer(b"\0\0\0" + start.encode(), np.uint8).astype(np.uint64)[-3:]
    context_key = sum(int(byte) << 8 * (3 - k) for k, byte in enumerate(before))
    every = np.arange(256, dtype=np.uint64)
    keys = [every | np.uint64(context_key % 2 ** (8 * (k + 1)) >> 8 << 8) for k in range(4)]
    assert model._shares(keys).sum() == pytest.approx(1.0)


def test_no_first_token_of_its_own_is_the_end_token(tmp_path):
    tokenizer = load_tokenizer(Base.open(make_writer("gpt2", tmp_path / "base")))
    tokenizer.bos_token = None
    assert windows(tokenizer, ["ab"], 64)[0][0][0] == tokenizer.eos_token_id
