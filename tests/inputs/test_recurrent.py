"""Recurrent bases: an LSTM or GRU is opened, replayed, fine-tuned and reported like any other base, and runs on plain torch."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hasei.cli import main
from hasei.derive.order import order, read_steps
from hasei.engine.activations import replay
from hasei.engine.activations.store import Store
from hasei.engine.pooled import last_states
from hasei.engine.trunk import TOLERANCE, Trunk
from hasei.ground.errors import BaseError, NotSupported
from hasei.inputs.base import Base
from hasei.inputs.recurrent import RecurrentConfig, RecurrentModel, from_torch
from hasei.judge.card import write_card
from made_up import ROWS, write_rows
from toys import TEXTS

CELLS = ("lstm", "gru")


@pytest.fixture(params=CELLS)
def trunk(request, toy_base, tmp_path):
    return Trunk(Base.open(toy_base(request.param)), Store(tmp_path / "store"))


def padded(trunk):
    return trunk.tokenize(TEXTS).pad(np.arange(len(TEXTS)), trunk.pad_id)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("width", [10, 16])
def test_a_network_of_torch_becomes_a_base_with_exactly_its_states(cell, bidirectional, width):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        table, rnn = nn.Embedding(50, width), cell(width, 16, 3, batch_first=True, bidirectional=bidirectional)
        ids = torch.randint(0, 50, (3, 9))
    mask = torch.tensor([[1] * 9, [1] * 4 + [0] * 5, [1] * 7 + [0] * 2])
    with torch.no_grad():
        packed = pack_padded_sequence(table(ids), mask.sum(1), batch_first=True, enforce_sorted=False)
        expected = pad_packed_sequence(rnn(packed)[0], batch_first=True)[0]
        assert torch.equal(from_torch(table, rnn)(ids, mask).last_hidden_state, expected)


@pytest.mark.parametrize(("table", "rnn", "words"), [
    (nn.Embedding(5, 9), nn.LSTM(9, 8), "at most as wide"), (nn.Embedding(5, 8), nn.LSTM(8, 8, proj_size=4), "projections"),
    (nn.Embedding(5, 8), nn.GRU(8, 8, bias=False), "biases"),
])  # fmt: skip
def test_a_network_that_would_not_be_the_same_is_refused(table, rnn, words):
    with pytest.raises(ValueError, match=words):
        from_torch(table, rnn)


def test_pads_never_change_a_state_and_the_way_back_begins_at_the_last_token(trunk):
    batch = padded(trunk)
    with torch.no_grad():
        together = last_states(trunk.model, batch)
        for row, length in enumerate(batch["attention_mask"].sum(1).tolist()):
            alone = trunk.model(batch["input_ids"][row : row + 1, :length]).last_hidden_state[0]
            assert (together[row, :length] - alone).abs().max() <= 1e-6
            assert not together[row, length:].any()


def test_rows_padded_on_the_left_are_refused(trunk):
    with pytest.raises(ValueError, match="padded on the right"):
        trunk.model(torch.ones(1, 3, dtype=torch.long), torch.tensor([[0, 1, 1]]))


def test_every_layer_is_replayed_and_can_be_the_last(trunk):
    batch = padded(trunk)
    for layer in range(1, trunk.layers):
        assert replay.self_check(trunk.model, trunk.stack, trunk.probe, batch, layer) <= TOLERANCE
        assert trunk.can_end_at(layer)
    assert trunk.states(TEXTS, 2) is not None
    assert all(".layers" in f".{name}" for name in trunk.probe.trainable_from(0))


def columns():
    return {"text": "message", "label": "team"}


def with_torch_alone(folder, texts, monkeypatch):
    """What the code on the model's card says, which imports nothing of hasei and no transformers."""
    code = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.S)[0]
    assert "hasei" not in code.replace("hasei.json", "") and "transformers" not in code
    said: list[str] = []
    monkeypatch.chdir(folder)
    exec(compile(code.replace('["a text"]', repr(texts)), "card", "exec"), {"print": said.extend})
    return said


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("recipe", [
    {"feature_extraction": {"layer": 3, "pooling": "max", "l2": 0.01}},
    {"partial_fine_tuning": {"top_layers": 2, "epochs": 2, "min_steps": 0}},
    {"full_fine_tuning": {"epochs": 2, "min_steps": 0, "precision": "bf16"}},
])  # fmt: skip
def test_a_model_of_a_recurrent_base_answers_on_plain_torch_as_here(toy_base, tmp_path, monkeypatch, cell, recipe):
    rows = write_rows(tmp_path / "rows.csv", ROWS, ("message", "team"))
    model = order(
        read_steps(recipe), rows, task="text_classification", columns=columns(), base=toy_base(cell), out=tmp_path / "m"
    )
    assert model.identity["format"] == "recurrent"
    write_card(model.folder, None, Base.open(toy_base(cell)), model.task)
    texts = [row[0] for row in ROWS[:6]] + ["荷物はどこ", "word " * 300]
    assert with_torch_alone(model.folder, texts, monkeypatch) == [a.value for a in model.predict(texts)]
    again = Base.open(model.folder)
    assert [p["content_hash"] for p in again.parents] == [Base.open(toy_base(cell)).content_hash]


def test_what_no_folder_holds_is_refused_before_anything_is_trained(toy_base, tmp_path):
    rows = write_rows(tmp_path / "rows.csv", ROWS, ("message", "team"))
    with pytest.raises(NotSupported, match="no plain linear layer"):
        order(read_steps("lora"), rows, task="text_classification", columns=columns(), base=toy_base("lstm"),
              out=tmp_path / "m")  # fmt: skip


def test_a_recurrent_base_is_shown_as_any_other(toy_base, capsys):
    assert main(["base", str(toy_base("gru")), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model_type"], found["architecture"], found["layers"]) == ("hasei_recurrent", "RecurrentModel", 4)
    assert set(found["parameters_by_kind"]) == {"embedding", "recurrent"}
    assert found["not_replayed"] == ""


@pytest.mark.parametrize(("changes", "words"), [
    ({"cell": "rnn"}, "cell"), ({"hidden_size": 7}, "even"), ({"num_hidden_layers": 0}, "whole number above 0"),
    ({"hiden_size": 8}, "'hiden_size'"), ({"num_hidden_layers": 5}, "lacks"),
    ({"auto_map": {"AutoModel": "theirs.Model"}}, "run code of its own"),
])  # fmt: skip
def test_a_damaged_recurrent_base_is_one_line(toy_base, tmp_path, changes, words):
    folder = shutil.copytree(toy_base("lstm"), tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(BaseError, match=words) as caught:
        Trunk(Base.open(folder))
    assert "\n" not in str(caught.value) and caught.value.do


def test_sizes_of_a_new_one_are_checked():
    with pytest.raises(ValueError, match="above 0"):
        RecurrentModel(RecurrentConfig(vocab_size=0))
