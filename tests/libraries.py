"""Outputs of a model folder as anyone computes them with the standard libraries alone, by the code of nobody else."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import torch

from hasei.engine import ragged
from hasei.engine.readings import reading_of
from hasei.ground import lineage, plugins
from hasei.judge import loading
from hasei.tasks._pieces import pieces, places


def outputs_by_library(form, folder, trunk, task, inputs):
    """Outputs of the *inputs* by the folder of format *form*, in the shape of the model's own."""
    kind, adapter = getattr(task, "reading", "whole"), is_adapter(folder)
    if kind == "running":
        return by_likelihood(folder, trunk, inputs, adapter=adapter)
    if kind == "causal":
        return by_generate(folder, trunk, inputs, adapter=adapter)
    reading = reading_of(task)
    if reading.adapter_format == "question_answering_adapter":
        return by_question_answering(folder, trunk, inputs)
    read = reading.expand(inputs)
    found = by_library(form, folder, trunk, read)
    return found if len(read) == len(inputs) else reading.rows(trunk, inputs, found)


def is_adapter(folder):
    """Whether *folder* holds parts that are put on a base."""
    return (folder / "adapter_config.json").is_file() or (folder / "adapter.json").is_file()


def of_base(kind, trunk, folder):
    """The base of the adapter in *folder* by transformers' class *kind*, rounded where the folder says that it is to be."""
    how = folder / "quantization_config.json"
    if not how.is_file():
        return kind.from_pretrained(trunk.base.folder)
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(**json.loads(how.read_text("utf-8")))
    return kind.from_pretrained(trunk.base.folder, dtype="float32", quantization_config=config).dequantize()


def on_its_base(model, folder):
    """The *model* of the base with the adapter in *folder*: PEFT's, or two small layers at each of some places."""
    from peft import PeftModel
    from safetensors.torch import load_file
    from torch.nn.functional import linear, relu

    if (folder / "adapter_config.json").is_file():
        return PeftModel.from_pretrained(model, str(folder)).eval()
    how, tensors = json.loads((folder / "adapter.json").read_text("utf-8")), load_file(folder / "adapter.safetensors")
    for first, last in how["places"]:
        given, part = {}, [tensors[f"{last}.{name}"] for name in ("down.weight", "down.bias", "up.weight", "up.bias")]

        def hear(_module, x, _output, given=given):
            given["x"] = x[0]

        def add(_module, _x, y, given=given, part=part):
            read = y if how["placement"] == "serial" else given["x"]
            return y + how["scale"] * linear(relu(linear(read, *part[:2])), *part[2:])

        model.get_submodule(first).register_forward_hook(hear)
        model.get_submodule(last).register_forward_hook(add)
    return model.eval()


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
    if form == "cascaded":
        return by_cascade(folder, trunk, inputs)
    if is_adapter(folder):
        return by_adapter(folder, trunk, inputs)
    library = plugins.load("formats", form).LIBRARY
    libraries = {
        "sentence-transformers": by_sentence_transformers, "transformers": by_transformers,
        "scikit-learn": by_the_features_of_scikit_learn, "pillow": by_thumbnails,
    }  # fmt: skip
    return libraries[library](folder, trunk, inputs)


def by_cascade(folder, trunk, inputs):
    """Outputs of the small model in *folder*, and of the large one where the small one is not sure."""
    plan = json.loads((folder / "cascade.json").read_text("utf-8"))
    parts = []
    for part in ("student", "teacher"):
        scores = np.asarray(by_library(plan["formats"][part], folder / part, trunk, inputs), np.float64)
        scores = scores / plan["temperatures"][part]
        parts.append(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    sure = np.exp(parts[0].max(1, keepdims=True)) > plan["threshold"]
    return np.where(sure, *parts)


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
        batch = tokenizer(text, return_offsets_mapping=True, return_token_type_ids=False, return_tensors="pt")
        seen = places(pieces(text), batch.pop("offset_mapping")[0].tolist())
        with torch.no_grad():
            logits = logits_of(batch)[[token for token, _, _ in seen]].numpy()
        found.append(np.concatenate([np.array([place[1:] for place in seen], np.float32), logits], 1))
    return ragged.ragged(found)


def by_adapted_words(folder, trunk, inputs):
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    model = on_its_base(of_base(AutoModel, trunk, folder), folder)
    head = load_file(folder / "head.safetensors")
    return tagged(
        AutoTokenizer.from_pretrained(folder),
        lambda batch: (
            model(**batch).last_hidden_state[0, -batch["input_ids"].shape[1] :] @ head["weight"].T + head["bias"]
        ),
        inputs,
    )


def found_by_sentence_transformers(folder, model, inputs):
    """Rankings by the library alone, the entries read anew; only scores may differ, by rounding."""
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


def by_adapter(folder, trunk, inputs):
    if (folder / "preprocessor_config.json").is_file():
        return by_adapted_pictures(folder, trunk, inputs)
    if (folder / "head.safetensors").is_file():
        return by_adapted_words(folder, trunk, inputs)

    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    model = on_its_base(of_base(AutoModel, trunk, folder), folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    head = load_file(folder / "2_Dense" / "model.safetensors")
    assert json.loads((folder / "1_Pooling" / "config.json").read_text())["pooling_mode_mean_tokens"]
    batch = tokenizer(list(inputs), padding=True, return_tensors="pt")
    if hasattr(model, "prompt_encoder"):
        batch.pop("token_type_ids", None)  # PEFT leaves them out, with a warning
    with torch.no_grad():
        states = model(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]
        mask = batch["attention_mask"].unsqueeze(-1).float()
        features = (states * mask).sum(1) / mask.sum(1)
        return (features @ head["linear.weight"].T + head["linear.bias"]).numpy()


def by_adapted_pictures(folder, trunk, inputs):
    from safetensors.torch import load_file
    from transformers import AutoModelForImageClassification

    model = on_its_base(AutoModelForImageClassification.from_pretrained(trunk.base.folder), folder)
    head = load_file(folder / "head.safetensors")
    place, last = (
        json.loads((folder / "head.json").read_text("utf-8"))["place"],
        torch.nn.Linear(*head["weight"].T.shape),
    )
    last.load_state_dict(head)
    model.set_submodule(place, last)
    return of_pictures(model, folder, inputs)


def of_pictures(model, folder, inputs):
    from PIL import Image
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    batch = processor([Image.open(picture.path).convert("RGB") for picture in inputs], return_tensors="pt")
    with torch.no_grad():
        return model(**batch).logits.numpy()


def by_transformers(folder, trunk, inputs):
    if "ForTokenClassification" in (folder / "config.json").read_text("utf-8"):
        return entities_by_transformers(folder, inputs)
    if "ObjectDetection" in (folder / "config.json").read_text("utf-8"):
        return boxes_by_transformers(folder, inputs)
    from transformers import AutoModelForImageClassification

    return of_pictures(AutoModelForImageClassification.from_pretrained(folder).eval(), folder, inputs)


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
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoModelForQuestionAnswering, AutoTokenizer

    adapter, tokenizer = is_adapter(folder), AutoTokenizer.from_pretrained(folder)
    if (folder / "head.safetensors").is_file():
        model, head = of_base(AutoModel, trunk, folder), load_file(folder / "head.safetensors")
    else:
        model, head = (
            of_base(AutoModelForQuestionAnswering, trunk, folder)
            if adapter
            else AutoModelForQuestionAnswering.from_pretrained(folder),
            None,
        )
    model = on_its_base(model, folder) if adapter else model.eval()
    found = []
    for question, context in inputs:
        batch = tokenizer(question, context, return_tensors="pt")
        inside = [0, *(i for i, side in enumerate(batch.encodings[0].sequence_ids) if side == 1)]
        with torch.no_grad():
            said = model(**batch)
        if head is None:
            found.append(torch.stack([said.start_logits[0, inside], said.end_logits[0, inside]], 1).numpy())
        else:
            found.append((said.last_hidden_state[0, inside] @ head["weight"].T + head["bias"]).numpy())
    return ragged.ragged(found)


def whole(kind, folder):
    """The model in *folder* by transformers' class *kind*; one in 4 bits with its numbers put back into float32."""
    model = kind.from_pretrained(folder).eval()
    return model.dequantize() if "quantization_config" in (folder / "config.json").read_text("utf-8") else model


def by_generate(folder, trunk, inputs, *, adapter):
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = of_base(AutoModelForCausalLM, trunk, folder) if adapter else whole(AutoModelForCausalLM, folder)
    model.generation_config = GenerationConfig.from_pretrained(folder)
    if adapter:
        model = on_its_base(model, folder)
    template = json.loads((folder / "prompting.json").read_text("utf-8")).get("template", "{}")
    found = []
    for text in inputs:
        turns = [{"role": "user", "content": template.replace("{}", text)}]
        batch = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            ids = model.eval().generate(**batch)[0, batch["input_ids"].shape[1] :]
        found.append(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip())
    return found


def by_likelihood(folder, trunk, inputs, *, adapter):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = of_base(AutoModelForCausalLM, trunk, folder) if adapter else whole(AutoModelForCausalLM, folder)
    model = on_its_base(model, folder) if adapter else model
    found = []
    for text in inputs:
        ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss
        found.append([float(loss), len(ids) - 1])
    return np.array(found)


def by_the_features_of_scikit_learn(folder, trunk, inputs):
    """Outputs of a linear model over the terms of texts."""
    from safetensors.numpy import load_file
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    terms = json.loads((folder / "vectorizer.json").read_text("utf-8"))
    model, blocks, start = load_file(folder / "model.safetensors"), [], 0
    texts = [row if isinstance(row, str) else " ".join(row) for row in inputs]
    for part in ("words", "grams"):
        how = terms["recipe"][part] | {"ngram_range": tuple(terms["recipe"][part]["ngram_range"])}
        vectorizer = TfidfVectorizer(
            vocabulary=terms[part], sublinear_tf=True, preprocessor=lambda t: unicodedata.normalize("NFKC", t).lower(),
            **how,
        )  # fmt: skip
        vectorizer.idf_ = model["idf"][start : start + len(terms[part])]
        blocks.append(vectorizer.transform(texts))
        start += len(terms[part])
    return hstack(blocks) @ model["weight"] + model["bias"]


def by_thumbnails(folder, trunk, inputs):
    """Outputs of a linear model over small grey pictures."""
    import math

    from PIL import Image
    from safetensors.numpy import load_file

    model = load_file(folder / "model.safetensors")
    side = math.isqrt(len(model["weight"]))
    small = [Image.open(i.path).convert("RGB").convert("L").resize((side, side), Image.Resampling.BOX) for i in inputs]
    grey = np.stack([np.asarray(picture, np.float32).ravel() / 255 for picture in small])
    features = (grey - grey.mean(1, keepdims=True)) / np.maximum(grey.std(1, keepdims=True), 0.01)
    return features @ model["weight"] + model["bias"]
