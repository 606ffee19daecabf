"""The breakages that the field knows, each planted in a sound folder whose hashes are right again: each is found and named."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import toys
from hasei.derive.order import order, read_steps
from hasei.engine.opening import quiet
from hasei.ground import lineage
from hasei.inputs.base import Base
from hasei.judge.parity import verify
from hasei.tasks import open_task
from made_up import write_rows

QUICK = {"epochs": 1, "min_steps": 0}
LABELS = open_task("text_classification")


@pytest.fixture(scope="module")
def made(tmp_path_factory, toy_base):
    """Return a function that derives a model of a base once and gives a fresh copy of its folder, and the base's folder."""
    place, kept = tmp_path_factory.mktemp("made"), {}

    def make(recipe, kind="bert", task="text_classification"):
        key = json.dumps([recipe, kind, task])
        if key not in kept:
            opened, base = open_task(task), place / f"base-{len(kept)}"
            shutil.copytree(toy_base(kind), base)
            if kind == "llama":  # reads the last token's state, as causal models do
                (base / "1_Pooling").mkdir()
                (base / "1_Pooling" / "config.json").write_text('{"pooling_mode_lasttoken": true}')
            toy, names = opened.toy(), [column.name for column in opened.columns]
            rows = [
                ((row,) if isinstance(row, str) else row) + (target,) for row, target in zip(toy.inputs, toy.targets)
            ]
            path = write_rows(place / f"rows-{len(kept)}.csv", rows, names)
            model = order(
                read_steps(recipe),
                path,
                task=task,
                columns={n: n for n in names},
                base=base,
                out=place / f"m-{len(kept)}",
            )
            kept[key] = model.folder, base
        folder, base = kept[key]
        copy = tmp_path_factory.mktemp("copy") / "model"
        shutil.copytree(folder, copy)
        return copy, base

    return make


def reseal(folder):
    """Hash the files of *folder* again, as if it had been made so."""
    content = lineage.read(folder)
    identity = {name: value for name, value in content["identity"].items() if name != "files"}
    lineage.write(folder, lineage.Identity(**identity), content["record"])
    assert lineage.differences(folder) == []


def broken(folder, base=""):
    """Verify *folder*, which must not pass though all its hashes are right; return what it says."""
    reseal(folder)
    found = verify(folder, str(base))
    assert not found.differences and not found.passes
    json.dumps(found.to_json(), allow_nan=False)
    return found


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values, ensure_ascii=False))


def reweigh(path, how):
    """Replace each tensor of a file by how(name, tensor)."""
    save_file(
        {name: how(name, tensor).contiguous() for name, tensor in load_file(path).items()}, path, {"format": "pt"}
    )


FEATURES, LORA, SOUP, QLORA = (
    "feature_extraction", {"lora": QUICK}, {"merging": {"members": [{"lora": QUICK}, {"lora": QUICK}]}},
    {"qlora": QUICK},
)  # fmt: skip


@pytest.mark.parametrize("recipe", [FEATURES, LORA, SOUP, QLORA], ids=["features", "lora", "soup", "qlora"])
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_a_folder_as_it_was_made_passes_by_hasei_and_by_its_library(made, recipe, kind):
    folder, base = made(recipe, kind)
    found = verify(folder, str(base))
    assert found.passes, (found.causes, [look.to_json() for look in found.looks])
    assert len(found.looks) == 2 and all(look.found.agreement == 1 for look in found.looks)


def test_a_merge_done_twice(made):
    folder, base = made(SOUP)
    start = load_file(base / "model.safetensors")
    reweigh(folder / "model.safetensors", lambda name, w: 2 * w - start[name])
    assert "what was learnt is 2 times in the weights: merged more than once" in broken(folder).causes


def test_a_merge_left_out(made):
    folder, base = made(SOUP)
    shutil.copyfile(base / "model.safetensors", folder / "model.safetensors")
    assert "the weights are those of the base: what was learnt is not in them" in broken(folder).causes


def test_an_adapter_on_a_base_that_holds_it_already(made, tmp_path):
    from peft import PeftModel
    from transformers import AutoModel

    folder, base = made(LORA)
    merged = tmp_path / "merged"
    shutil.copytree(base, merged)
    with quiet():
        PeftModel.from_pretrained(AutoModel.from_pretrained(base), folder).merge_and_unload().save_pretrained(merged)
    content = lineage.read(folder)
    content["identity"]["parents"][0]["content_hash"] = Base.open(merged).content_hash
    (folder / "hasei.json").write_text(json.dumps(content))
    assert "what was learnt is 2 times in the weights: merged more than once" in broken(folder, merged).causes


def test_an_adapter_that_is_silently_not_loaded(made):
    folder, base = made(LORA)
    path = folder / "adapter_model.safetensors"
    some = dict(list(load_file(path).items())[:2])
    reweigh(path, lambda name, w: torch.zeros_like(w) if "lora_B" in name else w)
    found = broken(folder, base)
    assert any(cause.startswith("the adapter is not loaded: none of its") for cause in found.causes)
    save_file(some, path)
    assert any("is not whole: " in cause for cause in broken(folder, base).causes)


def test_an_adapter_of_which_a_layer_is_silently_not_loaded(made):
    folder, base = made(LORA)
    first = next(name for name in load_file(folder / "adapter_model.safetensors") if "lora_B" in name)
    reweigh(folder / "adapter_model.safetensors", lambda name, w: torch.zeros_like(w) if name == first else w)
    assert any("the adapter is loaded in part" in cause for cause in broken(folder, base).causes)


@pytest.mark.parametrize("content", ["{}", "[]", '{"peft_type": "LORA", "target_modules": ["nothing"]}'])
def test_settings_of_an_adapter_that_make_no_sense(made, content):
    folder, base = made(LORA)
    (folder / "adapter_config.json").write_text(content)
    assert any("can't be loaded" in cause or "damaged" in cause for cause in broken(folder, base).causes)


def test_another_architecture_in_its_configuration(made):
    folder, _ = made(FEATURES)
    change(folder / "config.json", hidden_act="relu")
    assert "config.json says hidden_act: relu, not gelu" in broken(folder).causes


def test_another_pooling(made):
    folder, _ = made(FEATURES)
    modes = json.loads((folder / "1_Pooling" / "config.json").read_text("utf-8"))
    turned = {name: name == "pooling_mode_max_tokens" for name in modes if name.startswith("pooling_mode_")}
    assert turned != {name: modes[name] for name in turned}
    change(folder / "1_Pooling" / "config.json", **turned)
    assert "token states are pooled by max, not by mean" in broken(folder).causes


def test_padding_on_the_wrong_side(made):
    folder, _ = made(FEATURES, "llama")
    change(folder / "tokenizer_config.json", padding_side="left")
    found = broken(folder)
    assert found.causes == ("texts are padded on the left, not on the right",)
    here, there = found.looks
    assert here.passes  # hasei pads by itself: only whoever follows the card is hit
    assert there.runtime == "sentence-transformers"


def test_padding_on_the_wrong_side_reaches_the_answers_of_an_adapter_by_its_card(made):
    folder, base = made(LORA, "llama")
    change(folder / "tokenizer_config.json", padding_side="left")
    found = broken(folder, base)
    assert found.causes == ("texts are padded on the left, not on the right",)
    assert [look.passes for look in found.looks] == [True, False]


def second_first_token(folder):
    path = folder / "tokenizer.json"
    found = json.loads(path.read_text("utf-8"))
    single = found["post_processor"]["single"]
    found["post_processor"]["single"] = [single[0], *single]
    path.write_text(json.dumps(found))


def test_a_second_first_token(made):
    folder, _ = made(FEATURES, "llama")
    second_first_token(folder)
    found = broken(folder)
    assert "texts begin with a second first token (BOS 2)" in found.causes
    assert not any(look.passes for look in found.looks)


def test_a_second_first_token_in_the_tokenizer_beside_an_adapter(made):
    folder, base = made(LORA)
    second_first_token(folder)
    found = broken(folder, base)
    assert found.causes == ("texts begin with a second first token (BOS 2)",)
    assert [look.passes for look in found.looks] == [True, False]


@pytest.mark.parametrize("where", ["beside", "inside", "both"])
def test_labels_in_another_order(made, where):
    folder, _ = made(FEATURES)
    names = json.loads((folder / "labels.json").read_text("utf-8"))
    if where != "inside":
        (folder / "labels.json").write_text(json.dumps([*names[1:], names[0]]))
    if where != "beside":
        content = lineage.read(folder)
        content["identity"]["space"]["names"] = [*names[1:], names[0]]
        (folder / "hasei.json").write_text(json.dumps(content))
    found = broken(folder)
    assert found.causes == ("the labels stand in another order than the outputs",)
    assert where == "both" or not any(look.passes for look in found.looks)


def test_another_chat_template(made):
    folder, _ = made("zero_shot", "llama-writes", "text_generation")
    assert verify(folder).passes
    kept = folder / "chat_template.jinja"
    if kept.is_file():
        kept.write_text(toys.CHATML.replace("assistant", "bot"))
    else:
        change(folder / "tokenizer_config.json", chat_template=toys.CHATML.replace("assistant", "bot"))
    found = broken(folder)
    assert "the chat template is another one" in found.causes


def test_a_head_begun_anew_on_load(made):
    folder, _ = made(FEATURES)
    torch.manual_seed(1)
    reweigh(folder / "2_Dense" / "model.safetensors", lambda name, w: 0.02 * torch.randn_like(w))
    found = broken(folder)
    assert found.causes == ("the head is another one: begun anew, or that of another model",)
    assert not any(look.passes for look in found.looks)


def test_the_tokenizer_of_another_model(made, tmp_path):
    folder, _ = made(FEATURES)
    path = folder / "tokenizer.json"
    found = json.loads(path.read_text("utf-8"))
    words = sorted(found["model"]["vocab"], key=found["model"]["vocab"].get)
    turned = [*words[:5], *reversed(words[5:])]
    found["model"]["vocab"] = {word: i for i, word in enumerate(turned)}
    path.write_text(json.dumps(found))
    assert "the tokenizer is that of another model: other tokens stand behind the same numbers" in broken(folder).causes


def test_texts_cut_elsewhere(made):
    folder, _ = made(FEATURES)
    change(folder / "sentence_bert_config.json", max_seq_length=16)
    found = broken(folder)
    assert "texts are cut at 16 tokens, not at 64" in found.causes
    assert not any(look.passes for look in found.looks)


def test_a_quantiser_that_skips_layers(made):
    folder, base = made(QLORA)
    path = folder / "quantization_config.json"
    skipped = json.loads(path.read_text("utf-8"))["llm_int8_skip_modules"]
    change(path, llm_int8_skip_modules=[*skipped, "query", "key"])
    (cause,) = [cause for cause in broken(folder, base).causes if cause.startswith("the quantiser skipped layers")]
    assert "not 24 with" in cause


def test_the_step_whose_folder_broke_is_named(made, tmp_path, toy_base):
    toy = LABELS.toy()
    path = write_rows(tmp_path / "rows.csv", list(zip(toy.inputs, toy.targets)), ["text", "label"])
    chain = read_steps([{"partial_fine_tuning": QUICK}, FEATURES])
    model = order(chain, path, task=LABELS.name, base=toy_base("bert"), out=tmp_path / "m")
    first = tmp_path / "m.step-1"
    assert verify(model.folder).passes and first.is_dir()
    for folder in (first, model.folder):
        reweigh(folder / "model.safetensors", lambda name, w: 1.5 * w if "layer.0" in name and w.ndim > 1 else w)
        reseal(folder)
    found = verify(model.folder)
    assert not found.passes
    assert found.broken == "1: partial_fine_tuning ('m.step-1')"
    shutil.rmtree(first)
    assert verify(model.folder).broken == ""
