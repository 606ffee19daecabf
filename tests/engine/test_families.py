"""Every text family goes the way of any base: opened, a head solved, upper layers trained, saved and reproduced without hasei."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step
from hasei.engine.activations import replay
from hasei.engine.activations.store import Store
from hasei.engine.pooled import last_states, pool
from hasei.engine.source import TextSource
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.inputs.architecture import Stack, auto_class
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset, Mapping
from hasei.judge.card import write_card
from hasei.tasks import open_task
from toy_families import REPLAYED, RUN
from toys import TEXTS

OPENED = (*REPLAYED, *RUN)
QUICK = {"epochs": 2, "rows_per_step": 8, "min_steps": 0}
TASK = open_task("text_classification")
EXPERTS = ("mixtral", "qwen2_moe", "qwen3_moe")


@pytest.fixture(scope="module")
def trunks(toy_base, tmp_path_factory):
    """Return a function that opens the toy base of a family once."""
    opened = {}

    def open_one(kind):
        if kind not in opened:
            opened[kind] = Trunk(Base.open(toy_base(kind)), Store(tmp_path_factory.mktemp("store")))
        return opened[kind]

    return open_one


def derive(trunk, folder, method, **params):
    toy = TASK.toy()
    units = [f"{i:064x}" for i in range(len(toy.inputs))]
    data = Dataset(
        toy.inputs, toy.targets, units, units, np.array(["train"] * len(units)), np.arange(len(units)),
        ["toy"] * len(units), mapping=Mapping({"text": "text"}), fingerprint="toy", licence="CC0-1.0",
    )  # fmt: skip
    context = run.context_of(TASK, TASK.space(data.targets), data, (trunk,))
    step = make_step(method, params)
    recipe = Recipe((trunk.base.content_hash,), TASK.name, {"fingerprint": "toy"}, (step,))
    return run.run(recipe, context, data, folder), toy.inputs


def without_hasei(folder, inputs):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(list(inputs), show_progress_bar=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
@pytest.mark.parametrize("kind", OPENED)
def test_a_head_solved_on_a_family_is_reproduced_by_sentence_transformers(trunks, tmp_path, kind):
    model, inputs = derive(trunks(kind), tmp_path / "m", "feature_extraction", l2=0.01)
    assert np.abs(without_hasei(tmp_path / "m", inputs) - model.outputs(inputs)).max() <= 1e-5


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", [kind for kind in OPENED if kind != "albert"])
def test_upper_layers_of_a_family_learn_and_are_reproduced(trunks, tmp_path, kind, monkeypatch):
    trunk, replayed = trunks(kind), []
    plain = TextSource.outputs
    monkeypatch.setattr(TextSource, "outputs", lambda s, *a: (replayed.append(s.replay is not None), plain(s, *a))[1])
    model, inputs = derive(trunk, tmp_path / "m", "partial_fine_tuning", top_layers=2, precision="fp32", **QUICK)
    assert set(replayed) == {kind in REPLAYED}
    assert np.abs(without_hasei(tmp_path / "m", inputs) - model.outputs(inputs)).max() <= 1e-5
    base, trained = dict(trunk.model.named_parameters()), set(model.identity["trained"])
    after = dict(model.predictor.model.trunk.named_parameters())
    changed = {f"trunk.{name}" for name, p in base.items() if not torch.equal(p, after[name])}
    assert changed and changed <= trained
    below = {f"trunk.{n}" for n in base if any(f"{trunk.stack.path}.{i}." in n for i in range(trunk.layers - 2))}
    assert below and not below & trained


def test_shared_layers_refuse_to_be_trained_apart_and_say_what_to_do(trunks, tmp_path):
    with pytest.raises(
        NotSupported, match=r"can't be trained apart.*shared.*Use feature_extraction or full_fine_tuning"
    ):
        derive(trunks("albert"), tmp_path / "m", "partial_fine_tuning", top_layers=1)


@pytest.mark.parametrize("kind", ["albert", "deberta", "t5", "mixtral", "gemma4"])
def test_the_whole_of_a_family_can_be_trained(trunks, tmp_path, kind):
    trunk = trunks(kind)
    model, _ = derive(trunk, tmp_path / "m", "full_fine_tuning", precision="fp32", **QUICK)
    named = {f"trunk.{name}" for name, _ in trunk.model.named_parameters()}
    assert named | {"head.weight", "head.bias"} == set(model.identity["trained"])


@pytest.mark.parametrize("kind", REPLAYED)
def test_adapters_on_upper_layers_are_replayed_as_they_are_run(trunks, kind):
    from hasei.methods._low_rank import low_rank
    from hasei.methods.lora import Params

    trunk = trunks(kind)
    part = low_rank(trunk, Params(first_layer=2), 0, "lora")
    with torch.random.fork_rng(), torch.no_grad():  # adapters start at zero: move them
        torch.manual_seed(0)
        for name, parameter in part.trunk.named_parameters():
            parameter.requires_grad_(name in part.names)
            if name in part.names:
                parameter.normal_(std=0.1)
    tokens = trunk.tokenize(TEXTS)
    batch = tokens.pad(np.arange(len(TEXTS)), trunk.pad_id)
    mask = batch["attention_mask"].unsqueeze(-1)
    states = replay.capture(trunk.model, trunk.stack, batch, {2})[2] * mask
    adapters = [p for n, p in part.trunk.named_parameters() if n in part.names]
    plain = last_states(part.trunk, batch) * mask
    with replay.replaying(part.stack, trunk.probe, 2) as replayed:
        replayed.states = states
        again = last_states(part.trunk, batch) * mask
        assert float((plain - again).detach().abs().max() / plain.detach().std()) <= 1e-5
        found = torch.autograd.grad(again.square().sum(), adapters, allow_unused=True)
    for one, other in zip(torch.autograd.grad(plain.square().sum(), adapters, allow_unused=True), found):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, rtol=1e-4, atol=1e-5 * float(one.abs().max()) + 1e-8)
    assert not torch.equal(plain, last_states(trunk.model, batch) * mask)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["gpt2_bytes", "t5", "deberta", *EXPERTS])
def test_an_adapter_of_a_family_is_reproduced_by_peft(trunks, tmp_path, kind):
    from peft import PeftModel
    from safetensors.torch import load_file

    trunk = trunks(kind)
    rates = {"learning_rate": 3e-2, "precision": "fp32"} | QUICK
    model, inputs = derive(trunk, tmp_path / "m", "lora", first_layer=2, **rates)
    opened = auto_class(trunk.base.config["model_type"]).from_pretrained(trunk.base.folder)
    adapted = PeftModel.from_pretrained(opened, str(tmp_path / "m")).eval()
    head = load_file(tmp_path / "m" / "2_Dense" / "model.safetensors")
    batch = AutoTokenizer.from_pretrained(tmp_path / "m")(list(inputs), padding=True, return_tensors="pt")
    with torch.no_grad():
        pooled = pool(adapted(**batch).last_hidden_state, batch["attention_mask"], trunk.base.pooling)
        outputs = (pooled @ head["linear.weight"].T + head["linear.bias"]).numpy()
    assert np.abs(outputs - model.outputs(inputs)).max() <= 1e-5
    experts = [name for name in model.identity["trained"] if "experts" in name]
    assert bool(experts) == (kind in EXPERTS)
    assert not any(".gate." in name or "expert_gate" in name for name in model.identity["trained"]), "routers stay"
    assert any(float(p.abs().max()) > 0 for n, p in adapted.named_parameters() if n.endswith("lora_B.default.weight"))


@pytest.mark.parametrize("kind", ["gpt2_bytes", "qwen2", "t5", "llama_bytes", "gemma2", "roberta"])
def test_a_family_reads_japanese_odd_letters_and_nothing_at_all(trunks, kind):
    trunk = trunks(kind)
    texts = ["荷物はどこですか", "ｆｕｌｌ ｗｉｄｔｈ", "🙂 mañana", "", " ", "a" * 500]
    found = trunk.pooled(texts, trunk.layers, "mean")
    assert np.isfinite(found).all()
    assert trunk.tokenize(texts).lengths.max() <= trunk.base.max_tokens
    assert len({row.tobytes() for row in found[:3]}) == 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["gpt2_bytes", "qwen2", "llama_bytes"])
def test_a_saved_folder_pads_on_the_right_and_can_pad(trunks, tmp_path, kind):
    derive(trunks(kind), tmp_path / "m", "feature_extraction", l2=0.01)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    assert (tokenizer.padding_side, tokenizer.pad_token is None) == ("right", False)
    assert tokenizer(["a", "a longer text"], padding=True)["attention_mask"][0][-1] == 0


@pytest.mark.parametrize("kind", ["roberta", "mpnet"])
def test_the_longest_text_fits_where_positions_are_counted_from_the_padding_token(toy_base, tmp_path, kind):
    folder = shutil.copytree(toy_base(kind), tmp_path / "base")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({k: v for k, v in config.items() if k != "model_max_length"})
    )
    trunk = Trunk(Base.open(folder), Store(tmp_path / "store"))
    assert trunk.base.max_tokens == 64  # of 66 positions
    assert np.isfinite(trunk.pooled(["parcel " * 200], trunk.layers, "mean")).all()


def test_a_stack_of_one_layer_is_a_base(toy_base, tmp_path):
    folder = shutil.copytree(toy_base("bert"), tmp_path / "one")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    trunk = Trunk(Base.open(folder), Store(tmp_path / "store"))
    assert trunk.layers == 1 and trunk.probe.refusal == ""
    assert isinstance(trunk.stack, Stack)


@pytest.mark.parametrize(("kind", "opened"), [("t5", "AutoModelForTextEncoding"), ("llama_bytes", "AutoModel")])
def test_the_card_of_an_adapter_opens_what_the_adapter_fits(trunks, tmp_path, kind, opened):
    trunk = trunks(kind)
    model, _ = derive(trunk, tmp_path / "m", "lora", first_layer=3, precision="fp32", **QUICK)
    write_card(model.folder, None, trunk.base, TASK)
    card = (model.folder / "README.md").read_text("utf-8")
    assert f"from transformers import {opened}, AutoTokenizer" in card
    assert f"trunk = {opened}.from_pretrained(" in card
