"""The contract of a method, checked on every method that there is and every task's toy rows."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step
from hasei.engine import ragged
from hasei.engine.apart import ApartPredictor
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.readings import reading_of
from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
from hasei.ground import lineage, plugins
from hasei.ground.errors import NotSupported, RecipeError
from hasei.ground.files import hash_folder
from hasei.inputs.data.dataset import Dataset, Mapping
from hasei.judge import loading
from hasei.tasks import open_task
from hasei.tasks._pieces import pieces, places
from toys import toy_task

METHODS = plugins.names("methods")
TASKS = plugins.names("tasks")
TRAINED = [m for m in METHODS if plugins.load("methods", m).SUPPORTS.gradients]
QUICK = {"epochs": 2, "rows_per_step": 8, "min_steps": 0}


@pytest.fixture
def trunk(request, trunks):
    """The toy base of the task of this test's ``pair``, else one that reads texts."""
    named = "pair" in request.fixturenames
    return trunks(request.getfixturevalue("pair")[1] if named else open_task("text_classification"))


def toy_data(task):
    toy = task.toy()
    targets, _ = task.clean(toy.targets)
    units = [hashlib.sha256(repr(i).encode()).hexdigest() for i in toy.inputs]
    return Dataset(
        toy.inputs, targets, units, [f"{u}{t}" for u, t in zip(units, targets)], np.array(["train"] * len(units)),
        np.arange(len(units)), ["toy"] * len(units), mapping=Mapping({"text": "text"}), fingerprint="toy", licence="CC0-1.0",
    )  # fmt: skip


def step_of(method, **params):
    settings = plugins.load("methods", method).Params.model_fields
    quick = QUICK | {k: v for k, v in {"top_layers": 2}.items() if k in settings}
    return make_step(method, {k: v for k, v in (quick | params).items() if k in settings})


def context_of(task, trunk, seed=0):
    data = toy_data(task)
    return run.context_of(task, task.space(data.targets), data, (trunk,), seed=seed), data


def derive_to(folder: Path, task, trunk, step, seed=0):
    context, data = context_of(task, trunk, seed)
    recipe = Recipe((trunk.base.content_hash,), task.name, {"fingerprint": "toy"}, (step,))
    return run.run(recipe, context, data, folder), context


@pytest.fixture(params=[(m, t) for m in METHODS for t in TASKS], ids=lambda p: f"{p[0]}-{p[1]}")
def pair(request):
    method, task = request.param
    supports, opened = plugins.load("methods", method).SUPPORTS, toy_task(task)
    if not supports.admits(opened):
        pytest.skip("not supported, and says so (tested below)")
    return method, opened


@pytest.mark.parametrize("method", METHODS)
def test_its_docstring_names_source_what_is_trained_and_an_example(method):
    doc = plugins.docstring("methods", method)
    for part in ("Source:", "Trains:", "Shapes:", "Relations:", ">>> "):
        assert part in doc, part
    assert len(plugins.summary("methods", method)) > 20


@pytest.mark.parametrize("method", METHODS)
def test_its_settings_are_frozen_strict_and_survive_yaml(method, tmp_path):
    from ruamel.yaml import YAML

    from hasei.ground.files import read_yaml

    params = plugins.load("methods", method).Params
    with (tmp_path / "p.yaml").open("w") as file:
        YAML().dump({"recipe": params().model_dump(mode="json")}, file)
    again = params.model_validate(read_yaml(tmp_path / "p.yaml")["recipe"])
    assert again == params()
    assert hash(again) == hash(params())  # a study finds its trials by them
    with pytest.raises(RecipeError, match="no setting 'nonsense'"):
        make_step(method, {"nonsense": 1})
    with pytest.raises(ValidationError):
        setattr(params(), next(iter(params.model_fields)), 1)


@pytest.mark.parametrize("method", METHODS)
def test_an_unsupported_task_gives_the_stated_error(method, trunk):
    class Speech:
        name, input_kind, target_kind = "speech", "sound", "words"

    with pytest.raises(NotSupported, match=f"'{method}' can't be used for the task speech"):
        plugins.load("methods", method).SUPPORTS.refuse(method, Speech())


def test_what_is_saved_and_loaded_back_answers_the_same(pair, trunk, tmp_path):
    method, task = pair
    model, context = derive_to(tmp_path / "m", task, trunk, step_of(method))
    ran = run.run_step(step_of(method), context)
    before, after = ran.derivation.predictor.outputs(context.inputs), model.outputs(context.inputs)
    assert ragged.difference(before, after) <= 1e-5


def test_the_same_seed_gives_the_same_bytes(pair, trunk, tmp_path):
    method, task = pair
    for name in ("one", "two"):
        derive_to(tmp_path / name, task, trunk, step_of(method), seed=3)
    skip = ("README.md", lineage.FILE)
    assert hash_folder(tmp_path / "one", skip) == hash_folder(tmp_path / "two", skip)
    identities = [lineage.read(tmp_path / n)["identity_hash"] for n in ("one", "two")]
    assert identities[0] == identities[1]


def test_it_learns_its_toy_rows(pair, trunk):
    method, task = pair
    if method not in TRAINED:
        context, _ = context_of(task, trunk)
        quality = []
        for step in (step_of(method, l2=1e-3), make_step("majority")):
            ran = run.run_step(step, context).derivation
            quality.append(context.quality(ran.predictor.outputs(context.inputs), np.arange(len(context.inputs))))
        assert quality[0] > quality[1]
        return
    context, _ = context_of(task, trunk)
    rates = {
        "learning_rate": 3e-3,
        "head_learning_rate": 3e-3,
        "dropout": 0.0,
        "epochs": 12,
        "smoothing": 0.0,
        "precision": "fp32",
    }
    curve = run.run_step(step_of(method, **rates), context).derivation.curve
    assert curve[-1]["loss"] < curve[0]["loss"]


def test_only_the_declared_parameters_differ_from_the_base(pair, trunk):
    method, task = pair
    context, _ = context_of(task, trunk)
    derivation = run.run_step(step_of(method), context).derivation
    model = derivation.predictor.model
    base = {f"trunk.{n}": p for n, p in trunk.model.named_parameters()}
    for name, parameter in model.named_parameters():
        plain = name.replace("trunk.base_model.model.", "trunk.").replace(".base_layer", "")
        plain = re.sub(r"^member-\d+\.", "", plain)
        if plain in base and name not in derivation.trained:
            assert torch.equal(parameter, base[plain]), f"{name} changed although it is not declared"
    assert derivation.trainable_parameters == sum(
        p.numel() for n, p in model.named_parameters() if n in derivation.trained
    )


STARTS_AS_BASE = [m for m in TRAINED if plugins.load("methods", m).SUPPORTS.starts_as_base]


@pytest.mark.parametrize("method", STARTS_AS_BASE)
def test_at_zero_strength_it_is_its_base_with_the_solved_head_bit_for_bit(method, trunks):
    supports = plugins.load("methods", method).SUPPORTS
    task = next(task for task in map(toy_task, ["text_classification", *TASKS]) if supports.admits(task))
    trunk = trunks(task)
    context, _ = context_of(task, trunk)
    still = {"learning_rate": 1e-30, "head_learning_rate": 1e-30, "weight_decay": 0.0}
    ran = run.run_step(step_of(method, **still), context).derivation.predictor
    if isinstance(ran, RetrieverPredictor):  # has no head, and is compared with the base on its own entries
        plain = ran.of(RetrieverModel(trunk.fresh(), trunk.base.pooling))
        assert ragged.difference(ran.outputs(context.inputs), plain.outputs(context.inputs)) == 0
        return
    head = ran.model.head
    kind, model = (type(ran), type(ran.model)) if isinstance(ran, ApartPredictor) else (PooledPredictor, PooledModel)
    plain = model(trunk.fresh(), trunk.base.pooling, linear(head.weight.detach(), head.bias.detach()))
    expected = kind(plain, trunk.tokenizer, trunk.base.max_tokens).outputs(context.inputs)
    assert np.array_equal(ran.outputs(context.inputs), expected)


def test_lineage_is_complete_and_names_no_path_of_this_machine(pair, trunk, tmp_path):
    method, task = pair
    model, _ = derive_to(tmp_path / "m", task, trunk, step_of(method))
    identity = model.identity
    assert identity["parents"][0]["content_hash"] == trunk.base.content_hash
    assert identity["steps"][-1]["name"] == method
    assert identity["recipe_id"] and identity["trial_id"] and identity["licence"] and identity["files"]
    assert model.record["train_seconds"] > 0
    for path in model.folder.rglob("*.json"):
        text = path.read_text("utf-8")
        assert str(trunk.base.folder) not in text and str(tmp_path) not in text, path.name
    assert lineage.differences(model.folder) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
def test_its_standard_library_reproduces_its_outputs_without_hasei(pair, trunk, tmp_path):
    method, task = pair
    model, context = derive_to(tmp_path / "m", task, trunk, step_of(method))
    reading = reading_of(task)
    if getattr(task, "reading", "whole") == "running":
        adapter = plugins.load("formats", model.identity["format"]).LIBRARY == "peft"
        outputs = by_likelihood(model.folder, trunk, context.inputs, adapter=adapter)
        assert np.abs(outputs - model.outputs(context.inputs)).max() <= 1e-5
        return
    if getattr(task, "reading", "whole") == "causal":
        adapter = plugins.load("formats", model.identity["format"]).LIBRARY == "peft"
        said = by_generate(model.folder, trunk, context.inputs, adapter=adapter)
        assert said == [item[0] for item in model.outputs(context.inputs)]
        return
    if reading.adapter_format == "question_answering_adapter":
        outputs = by_question_answering(model.folder, trunk, context.inputs)
        assert ragged.difference(outputs, model.predictor.logits(context.inputs)) <= 1e-5
        return
    read = reading.expand(context.inputs)
    found = by_library(model.identity["format"], model.folder, trunk, read)
    outputs = found if len(read) == len(context.inputs) else reading.rows(trunk, context.inputs, found)
    expected = model.outputs(context.inputs)
    # Scores of a solved toy head reach a hundred, where two neighbours in float32 already lie 8e-6 apart.
    largest = (
        max((abs(float(x)) for row in expected for _, x in row), default=1.0) if task.name == "multiple_choice" else 1.0
    )
    assert ragged.difference(outputs, expected) <= 1e-5 * max(1.0, largest)


def by_library(form, folder, trunk, inputs):
    """Outputs of *folder* without hasei; those of an ensemble are its members', joined here."""
    if form == "joined":
        found = json.loads((folder / "ensemble.json").read_text("utf-8"))
        parts = [by_library(f, folder / f"member-{i}", trunk, inputs) for i, f in enumerate(found["formats"], 1)]
        scores = torch.from_numpy(np.stack(parts)).double()
        joined = {
            "mean": lambda x: x.mean(0), "odds": lambda x: x.sigmoid().mean(0).logit(),
            "probabilities": lambda x: x.softmax(2).mean(0).log(),
        }  # fmt: skip
        return joined[found["join"]](scores).numpy()
    library = plugins.load("formats", form).LIBRARY
    libraries = {"sentence-transformers": by_sentence_transformers, "peft": by_peft, "transformers": by_transformers}
    return libraries[library](folder, trunk, inputs)


def by_sentence_transformers(folder, trunk, inputs):

    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    if (folder / "machine.safetensors").is_file():
        return by_the_code_of_the_card(folder, inputs)
    if (folder / "entries.jsonl").is_file():
        return found_by_sentence_transformers(folder, model, inputs)
    if not (folder / "similarity.json").is_file():
        return model.encode(inputs, show_progress_bar=False)
    line = json.loads((folder / "similarity.json").read_text("utf-8"))
    first, second = (model.encode([pair[side] for pair in inputs], show_progress_bar=False) for side in (0, 1))
    return line["weight"] * model.similarity_pairwise(first, second).numpy()[:, None] + line["bias"]


def by_the_code_of_the_card(folder, inputs):
    """Outputs by the lines that the model card shows, run once for each pair."""
    code = loading.snippet(lineage.read(folder)["identity"]).partition("```python")[2].partition("```")[0]
    assert "import hasei" not in code
    found = []
    for pair in inputs:
        names = {"print": lambda *_: None}
        shown = code.replace('Path(".")', f"Path({str(folder)!r})").replace(
            '["a text", "another text"]', repr(list(pair))
        )
        exec(shown, names)
        found.append([names["output"]])
    return np.array(found)


def entities_by_transformers(folder, inputs):
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.id2label[0] == "O" and model.config.id2label[1].startswith("B-")
    return tagged(tokenizer, lambda batch: model(**batch).logits[0], inputs)


def tagged(tokenizer, logits_of, inputs):
    """Start, end and logits of every place of short texts, one at a time, as anyone would compute them."""
    found = []
    for text in inputs:
        batch = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
        seen = places(pieces(text), batch.pop("offset_mapping")[0].tolist())
        with torch.no_grad():
            logits = logits_of(batch)[[token for token, _, _ in seen]].numpy()
        found.append(np.concatenate([np.array([place[1:] for place in seen], np.float32), logits], 1))
    return ragged.ragged(found)


def by_peft_words(folder, trunk, inputs):
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    model = PeftModel.from_pretrained(AutoModel.from_pretrained(trunk.base.folder), str(folder)).eval()
    head = load_file(folder / "head.safetensors")
    return tagged(
        AutoTokenizer.from_pretrained(folder),
        lambda batch: model(**batch).last_hidden_state[0] @ head["weight"].T + head["bias"],
        inputs,
    )


def found_by_sentence_transformers(folder, model, inputs):
    """Rankings by the library alone, the entries read anew; only scores may differ, by rounding."""
    import json

    entries = [json.loads(line) for line in (folder / "entries.jsonl").read_text("utf-8").split("\n") if line]
    searched = json.loads((folder / "retriever.json").read_text("utf-8"))["searched"]
    both = [f"{e['title']}\n{e['text']}".strip() for e in entries]
    texts = {"title": [[e["title"] for e in entries]], "whole": [both], "both": [[e["title"] for e in entries], both]}
    vectors = sum(model.encode(part, normalize_embeddings=True) for part in texts[searched])
    scores = model.similarity(model.encode(inputs), vectors).numpy()
    found = []
    for row in scores:
        order = np.argsort(-row, kind="stable")
        found.append([[entries[i]["_id"], float(row[i])] for i in order])
    return ragged.ragged(found)


def by_peft(folder, trunk, inputs):

    if (folder / "head.safetensors").is_file():
        return by_peft_words(folder, trunk, inputs)

    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    model = PeftModel.from_pretrained(AutoModel.from_pretrained(trunk.base.folder), str(folder)).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    head = load_file(folder / "2_Dense" / "model.safetensors")
    assert json.loads((folder / "1_Pooling" / "config.json").read_text())["pooling_mode_mean_tokens"]
    batch = tokenizer(list(inputs), padding=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).float()
        features = (states * mask).sum(1) / mask.sum(1)
        return (features @ head["linear.weight"].T + head["linear.bias"]).numpy()


def by_transformers(folder, trunk, inputs):
    if "ForTokenClassification" in (folder / "config.json").read_text("utf-8"):
        return entities_by_transformers(folder, inputs)
    if "ObjectDetection" in (folder / "config.json").read_text("utf-8"):
        return boxes_by_transformers(folder, inputs)
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    batch = processor([Image.open(picture.path).convert("RGB") for picture in inputs], return_tensors="pt")
    with torch.no_grad():
        return model(**batch).logits.numpy()


def boxes_by_transformers(folder, inputs):
    """Boxes of pictures as (label, corners, score), by the library's own classes alone."""
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    processor, model = AutoImageProcessor.from_pretrained(folder), AutoModelForObjectDetection.from_pretrained(folder)
    found = []
    for path in inputs:
        with Image.open(path.path) as image, torch.no_grad():
            outputs = model.eval()(**processor(images=image.convert("RGB"), return_tensors="pt"))
            size = [(image.height, image.width)]
        boxes = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=size)[0]
        rows = torch.cat([boxes["labels"][:, None], boxes["boxes"], boxes["scores"][:, None]], 1)
        found.append(rows.numpy())
    return ragged.ragged(found)


def by_question_answering(folder, trunk, inputs):
    """Start and end outputs of "no answer" and of the context's tokens, as transformers (and peft) give them."""
    from peft import PeftModel
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    adapter = (folder / "adapter_config.json").is_file()
    model = AutoModelForQuestionAnswering.from_pretrained(trunk.base.folder if adapter else folder)
    model = (PeftModel.from_pretrained(model, str(folder)) if adapter else model).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for question, context in inputs:
        batch = tokenizer(question, context, return_tensors="pt")
        inside = [0, *(i for i, side in enumerate(batch.encodings[0].sequence_ids) if side == 1)]
        with torch.no_grad():
            said = model(**batch)
        found.append(torch.stack([said.start_logits[0, inside], said.end_logits[0, inside]], 1).numpy())
    return ragged.ragged(found)


def by_generate(folder, trunk, inputs, *, adapter):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(trunk.base.folder if adapter else folder)
    if adapter:
        from transformers import GenerationConfig

        model = PeftModel.from_pretrained(model, str(folder))
        model.generation_config = model.base_model.model.generation_config = GenerationConfig.from_pretrained(folder)
    found = []
    for text in inputs:
        turns = [{"role": "user", "content": text}]
        batch = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            ids = model.eval().generate(**batch)[0, batch["input_ids"].shape[1] :]
        found.append(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip())
    return found


def by_likelihood(folder, trunk, inputs, *, adapter):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(trunk.base.folder if adapter else folder).eval()
    model = PeftModel.from_pretrained(model, str(folder)) if adapter else model
    found = []
    for text in inputs:
        ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss
        found.append([float(loss), len(ids) - 1])
    return np.array(found)
