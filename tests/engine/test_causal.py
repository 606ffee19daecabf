"""Language models: packed rows, padding, decoding, heads that are tied, and copies that share what is not trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hasei.engine.activations.store import Store
from hasei.engine.causal import CausalModel, CausalSource, _shortened, packed_batch
from hasei.engine.decoding import Decoding, write
from hasei.engine.derivation import Context
from hasei.engine.pooled import last_states
from hasei.engine.readings import reading_of
from hasei.engine.writing import WritingPredictor, with_examples
from hasei.inputs.base import Base
from hasei.methods._tuning import top_layers
from hasei.tasks import open_task
from toys import make_writer

TASK = open_task("text_generation")
KINDS = ["llama", "gpt2", "qwen2", "qwen3"]


@pytest.fixture(scope="module")
def trunk(tmp_path_factory):
    """Return a function that opens a toy language model of a kind."""
    opened = {}

    def make(kind):
        if kind not in opened:
            folder = tmp_path_factory.mktemp("writes")
            opened[kind] = reading_of(TASK).open(Base.open(make_writer(kind, folder / kind)), Store(folder / "store"))
        return opened[kind]

    return make


def context(trunk):
    toy = TASK.toy()
    targets, _ = TASK.clean(toy.targets)
    space = TASK.space(targets)
    units = [str(i) for i in range(len(targets))]
    return Context(TASK, space, toy.inputs, TASK.encode(space, targets), TASK.truth(targets), units, trunks=(trunk,))


@pytest.mark.parametrize("kind", KINDS)
def test_logits_of_a_packed_row_are_those_of_the_row_alone(kind, trunk):
    opened = trunk(kind)
    assert opened.plain and opened.packs
    rows = [ids for ids, _ in opened.chat.rows([(p, a) for p, a in zip(TASK.toy().inputs[:5], TASK.toy().targets)])]
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    packed = packed_batch({"input_ids": ids, "attention_mask": mask}, opened.model)
    with torch.no_grad():
        together = opened.model(**packed, use_cache=False).logits[0]
        alone = torch.cat([opened.model(input_ids=torch.tensor([row]), use_cache=False).logits[0] for row in rows])
    assert float((together - alone).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_costs_the_same_packed_padded_and_alone_and_as_torch_counts_it(kind, trunk):
    opened = trunk(kind)
    model, found = CausalModel(opened.model, plain=True), context(opened)
    with reading_of(TASK).source(found, opened.stack, -1) as source:
        rows = np.arange(16)
        with torch.no_grad():
            packed = source.outputs(model, rows)
            source.packs = False
            padded, alone = (
                source.outputs(model, rows),
                torch.cat([source.outputs(model, rows[i : i + 1]) for i in rows]),
            )
    assert float((packed - padded).abs().max()) < 2e-4 and float((padded - alone).abs().max()) < 2e-4
    ids, learnt = opened.chat.rows([(str(found.inputs[3]), found.truth[3])])[0]
    labels = torch.tensor([[i if said else -100 for i, said in zip(ids, learnt)]])
    with torch.no_grad():
        expected = opened.model(input_ids=torch.tensor([ids]), labels=labels).loss
    assert float(alone[3, 0]) / sum(learnt) == pytest.approx(float(expected), abs=1e-5)
    assert reading_of(TASK).targets(found)[3] == sum(learnt)


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_answers_are_those_of_generate_one_by_one(kind, trunk):
    opened = trunk(kind)
    prompts = opened.chat.prompts([[{"role": "user", "content": text}] for text in TASK.toy().inputs[:6]])
    decoding = Decoding(max_new_tokens=12)
    together = write(opened.model, prompts, decoding, opened.chat.stops, opened.pad_id)
    for prompt, (ids, sure) in zip(prompts, together):
        with torch.no_grad():
            one = opened.model.generate(
                torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), do_sample=False,
                max_new_tokens=12, eos_token_id=list(opened.chat.stops), pad_token_id=opened.pad_id,
            )[0, len(prompt) :].tolist()  # fmt: skip
            scores = opened.model(torch.tensor([prompt + one])).logits[0, len(prompt) - 1 : -1].log_softmax(1)
        assert [i for i in one if i not in opened.chat.stops] == ids
        assert sure == pytest.approx(float(scores.gather(1, torch.tensor(one)[:, None]).mean()), abs=1e-4)


def test_drawn_answers_hang_on_the_seed_and_not_on_the_rows_beside(trunk):
    opened = trunk("llama")
    prompts = opened.chat.prompts([[{"role": "user", "content": text}] for text in TASK.toy().inputs[:4]])

    def drawn(seed, asked, top_p=0.9):
        decoding = Decoding(max_new_tokens=10, temperature=1.0, top_p=top_p, seed=seed)
        return [ids for ids, _ in write(opened.model, asked, decoding, opened.chat.stops, opened.pad_id)]

    assert drawn(0, prompts) == drawn(0, prompts) != drawn(1, prompts)
    assert drawn(0, prompts)[2:3] == drawn(0, prompts[2:3])
    greedy = write(opened.model, prompts, Decoding(max_new_tokens=10), opened.chat.stops, opened.pad_id)
    assert drawn(0, prompts, top_p=1e-9) == [ids for ids, _ in greedy]


def test_the_end_of_an_answer_is_learnt():
    assert _shortened([1, 2, 3, 4, 5, 6], [False] * 4 + [True] * 2, 4) == ([3, 4, 5, 6], [False, False, True, True])
    long = _shortened(list(range(12)), [False] * 4 + [True] * 8, 8)
    assert long == ([2, 3, 4, 5, 6, 7, 8, 9], [False] * 2 + [True] * 6), "a quarter of the room stays for the prompt"
    assert _shortened(list(range(9)), [False] * 9, 4) == ([5, 6, 7, 8], [False] * 4)


@pytest.mark.parametrize(("kind", "tied"), [("llama", False), ("gpt2", True), ("qwen3", True)])
def test_a_head_is_trained_with_upper_layers_unless_it_is_the_token_table(kind, tied, trunk):
    opened = trunk(kind)
    part = top_layers(opened, 2)
    assert ("lm_head.weight" in part.names) == (not tied)
    assert not any("embed_tokens" in name or "wte" in name for name in part.names)
    whole = top_layers(opened, opened.layers + 1)
    model = CausalModel(whole.trunk, plain=True)
    assert set(whole.trained(model)) == {name for name, _ in model.named_parameters()}


def test_a_copy_shares_what_is_not_trained(trunk):
    opened = trunk("llama")
    part = top_layers(opened, 1)
    own = dict(opened.model.named_parameters())
    shared = {name for name, p in part.trunk.named_parameters() if p is own[name]}
    assert shared == set(own) - part.names and part.names
    before = {name: p.detach().clone() for name, p in own.items()}
    with torch.no_grad():
        for name, p in part.trunk.named_parameters():
            if name in part.names:
                p.add_(1.0)
    assert all(torch.equal(p, before[name]) for name, p in own.items())


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_upper_layers_learn_the_same_from_kept_states_as_from_tokens(kind, trunk):
    opened = trunk(kind)
    found, reading = context(opened), reading_of(TASK)
    part = top_layers(opened, 2)
    model = reading.begin(found, part.trunk, 0.0)
    rows = np.arange(16)
    with reading.source(found, part.stack, part.lowest) as source:
        assert isinstance(source, CausalSource) and source.states is not None
        with torch.no_grad():
            replayed = source.outputs(model, rows)
    with reading.source(found, part.stack, -1) as source, torch.no_grad():
        plain = source.outputs(model, rows)
    assert float(((replayed - plain) / plain).abs().max()) < 2e-3


def test_examples_stand_before_a_prompt_and_go_where_there_is_no_room(trunk):
    opened = trunk("llama")

    class Many:
        def shown(self, prompts):
            return [[("a question " * 12, "an answer"), ("last", "one")] for _ in prompts]

    turns = with_examples('[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]', [("q", "a")])
    assert [t["content"] for t in turns] == ["s", "q", "a", "u"]
    model = CausalModel(opened.model, plain=True, decoding=Decoding(max_new_tokens=4))
    roomy, tight = (WritingPredictor(model, opened.chat, most, Many()) for most in (256, 80))
    shown = [opened.tokenizer.decode(p.prompts(["hello"])[0]) for p in (roomy, tight)]
    assert "a question" in shown[0] and "a question" not in shown[1] and "last" in shown[1]
    assert len(roomy.prompts(["x " * 900])[0]) <= 252


def test_states_of_padding_never_reach_an_answer(trunk):
    opened = trunk("gpt2")
    ids = torch.tensor([[9, 8, 7, 0, 0]])
    with torch.no_grad():
        padded = last_states(opened.model, {"input_ids": ids, "attention_mask": torch.tensor([[1, 1, 1, 0, 0]])})
        alone = last_states(
            opened.model, {"input_ids": ids[:, :3], "attention_mask": torch.ones(1, 3, dtype=torch.long)}
        )
    assert float((padded[:, :3] - alone).abs().max()) < 1e-5
