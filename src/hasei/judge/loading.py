"""How a model folder is loaded without hasei, by format: the lines that a model card shows.

What they print are hasei's own outputs; the highest is the label, and their softmax the confidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from hasei.engine.rounding import FILE as ROUNDED
from hasei.ground import plugins
from hasei.ground.language import _
from hasei.inputs.quantisation import FILE as QUANTISED
from hasei.judge import loading_entities, loading_exported, loading_prompts
from hasei.judge.loading_bottleneck import of_bottlenecks
from hasei.judge.loading_boxes import OF_BOXES
from hasei.judge.loading_documents import OF_DOCUMENTS
from hasei.judge.loading_entries import OF_ENTRIES
from hasei.judge.loading_parts import OF_PARTS
from hasei.judge.loading_quantised import held, in_four
from hasei.judge.loading_several import OF_SEVERAL, of_parts
from hasei.judge.loading_texts import OF_TEXTS
from hasei.tasks import open_task

_SENTENCE_TRANSFORMERS = """```python
import json
from pathlib import Path

from sentence_transformers import SentenceTransformer

folder = Path(".")
{meaning}
outputs = SentenceTransformer(str(folder)).encode(["a text"])
{said}
```"""

_PEFT = """```python
import json
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import {trunk}, AutoTokenizer

folder = Path(".")
{meaning}
limit = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
trunk = {trunk}.from_pretrained({base})
model = PeftModel.from_pretrained(trunk, folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
batch = tokenizer(["a text"], padding=True, truncation=True, max_length=limit, return_tensors="pt")
head = load_file(folder / "2_Dense" / "model.safetensors")
with torch.no_grad():
    states = model(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]  # of the texts' own tokens
    mask = batch["attention_mask"].unsqueeze(-1)
    pooled = {pooled}
    outputs = pooled @ head["linear.weight"].T + head["linear.bias"]
{said}
```"""

_RECURRENT = """```python
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

folder, texts = Path("."), ["a text"]
{meaning}
config = json.loads((folder / "config.json").read_text("utf-8"))
limit = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
modes = json.loads((folder / "1_Pooling" / "config.json").read_text("utf-8"))
mode = next(k.removeprefix("pooling_mode_") for k, used in modes.items() if used is True)
tensors, head = load_file(folder / "model.safetensors"), load_file(folder / "2_Dense" / "model.safetensors")
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(limit)
wide, kind = config["hidden_size"], {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[config["cell"]]
layers = []
for i in range(config["num_hidden_layers"]):
    half = wide // 2 if config["bidirectional"] else wide
    layers.append(kind(wide, half, batch_first=True, bidirectional=config["bidirectional"]))
    start = f"layers.{i}.rnn."
    layers[i].load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
pooled = []
with torch.no_grad():
    for text in texts:
        states = tensors["embeddings.weight"][tokenizer.encode(*([text] if isinstance(text, str) else text)).ids][None]
        for layer in layers:
            states, _ = layer(states)
        pooled.append({
            "mean_tokens": states.mean(1), "cls_token": states[:, 0], "max_tokens": states.amax(1), "lasttoken": states[:, -1],
        }[mode])
    outputs = torch.cat(pooled) @ head["linear.weight"].T + head["linear.bias"]
{said}
```"""

_BLOCKS = """terms = json.loads((folder / "vectorizer.json").read_text("utf-8"))
model = load_file(folder / "model.safetensors")
recipe, blocks, start = terms["recipe"], [], 0
for part in ("words", "grams"):
    how = recipe[part] | {"ngram_range": tuple(recipe[part]["ngram_range"])}
    vectorizer = TfidfVectorizer(
        vocabulary=terms[part], sublinear_tf=True, **how,
        preprocessor=lambda text: unicodedata.normalize("NFKC", text[: recipe["characters_read"]]).lower(),
    )
    vectorizer.idf_ = model["idf"][start : start + len(terms[part])]
    blocks.append(vectorizer.transform(texts))
    start += len(terms[part])
"""
_LEXICAL = (
    """```python
import json
import unicodedata
from pathlib import Path

from safetensors.numpy import load_file
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer

folder, texts = Path("."), ["a text"]
{meaning}
"""
    + _BLOCKS
    + """outputs = hstack(blocks) @ model["weight"] + model["bias"]
{said}
```"""
)

_CONSTANT = """```python
import json
from pathlib import Path

from safetensors.numpy import load_file

folder = Path(".")
{meaning}
outputs = load_file(folder / "model.safetensors")["value"][None]
{said}
```"""

_BI_ENCODER = """```python
import json
from pathlib import Path

from sentence_transformers import SentenceTransformer

folder = Path(".")
model = SentenceTransformer(str(folder))
line = json.loads((folder / "similarity.json").read_text("utf-8"))
scale = dict(json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["extra"])
cosine = model.similarity_pairwise(model.encode(["a text"]), model.encode(["another text"]))
outputs = line["weight"] * cosine + line["bias"]
print((outputs * scale["deviation"] + scale["mean"]).tolist())
```"""

_LEXICAL_OVERLAP = (
    """```python
import json
import unicodedata
from pathlib import Path

from safetensors.numpy import load_file
from scipy.sparse.linalg import norm
from sklearn.feature_extraction.text import TfidfVectorizer

folder, texts = Path("."), ["a text", "another text"]
scale = dict(json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["extra"])
"""
    + _BLOCKS
    + """grams = blocks[1].tocsr()  # of character n-grams alone
cosine = grams[0].multiply(grams[1]).sum() / max(norm(grams[0]) * norm(grams[1]), 1e-12)
print(float((model["weight"].item() * cosine + model["bias"].item()) * scale["deviation"] + scale["mean"]))
```"""
)

_PAIR_KERNEL = (
    """```python
import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import TfidfVectorizer

folder, texts = Path("."), ["a text", "another text"]
scale = dict(json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["extra"])
"""
    + _BLOCKS.replace("model =", "machine =").replace('model["', 'machine["').replace("model.safe", "machine.safe")
    + r"""encoder = SentenceTransformer(str(folder), device="cpu")
batch = encoder.tokenize(texts)
with torch.no_grad():
    states = encoder[0].auto_model(**batch, output_hidden_states=True).hidden_states
mask, figures = batch["attention_mask"].unsqueeze(-1), []
marks = torch.tensor([i for i in encoder.tokenizer.all_special_ids if i != encoder.tokenizer.unk_token_id])
words = [row if row.any() else seen for row, seen in zip(
    batch["attention_mask"].bool() & ~torch.isin(batch["input_ids"], marks), batch["attention_mask"].bool()
)]
for state in states:  # how alike the texts are at every layer: as wholes, then each token and its nearest in the other
    for pooled in ((state * mask).sum(1) / mask.sum(1), state.masked_fill(mask == 0, -1e9).amax(1)):
        figures.append(torch.cosine_similarity(pooled[0], pooled[1], dim=0).item())
    one, other = (torch.nn.functional.normalize(s[w], dim=1) for s, w in zip(state, words))
    near = [(one @ other.T).amax(1), (one @ other.T).amax(0)]
    means = [x.mean().item() for x in near]
    figures += [min(means), max(means), min(x.min().item() for x in near)]
    figures.append(sum(x.quantile(0.25).item() for x in near) / 2)
for block in blocks:  # and in their words and character n-grams
    one, other = block.tocsr()
    a, b = set(one.indices), set(other.indices)
    figures += [one.multiply(other).sum(), len(a & b) / max(1, len(a | b)), len(a & b) / max(1, min(len(a), len(b)))]
plain = [unicodedata.normalize("NFKC", text[: recipe["characters_read"]]).lower() for text in texts]
a, b = (set(re.findall(r"\d+", text)) for text in plain)
figures += [len(a & b) / len(a | b) if a | b else 1.0]
lengths = np.array([len(text) + 1 for text in plain])
figures += [abs(np.log(lengths[0] / lengths[1])), np.log(lengths).sum()]
x = (np.array(figures) - machine["centre"]) / machine["scale"]
kernel = np.exp(-machine["gamma"] * ((x - machine["support"]) ** 2).sum(1))
output = float(kernel @ machine["weight"] + machine["bias"].item())
print(output * scale["deviation"] + scale["mean"])
```"""
)

_IMAGE_CLASSIFICATION = """```python
import json
from pathlib import Path

import torch
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoModelForImageClassification

folder = Path(".")
{meaning}
model = AutoModelForImageClassification.from_pretrained(folder).eval()
processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
pictures = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in ["a picture.jpg"]]
with torch.no_grad():
    outputs = model(**processor(pictures, return_tensors="pt")).logits
{said}
```"""

_PIXEL_LINEAR = """```python
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from safetensors.numpy import load_file

folder = Path(".")
{meaning}
model = load_file(folder / "model.safetensors")
side = math.isqrt(len(model["weight"]))
pictures = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in ["a picture.jpg"]]
small = [picture.convert("L").resize((side, side), Image.Resampling.BOX) for picture in pictures]
grey = np.stack([np.asarray(picture, np.float32).ravel() / 255 for picture in small])
features = (grey - grey.mean(1, keepdims=True)) / np.maximum(grey.std(1, keepdims=True), 0.01)
outputs = features @ model["weight"] + model["bias"]
{said}
```"""

_CODE = {
    "sentence_transformers": _SENTENCE_TRANSFORMERS, "lexical": _LEXICAL, "constant": _CONSTANT,
    "peft_adapter": _PEFT, "bi_encoder": _BI_ENCODER, "lexical_overlap": _LEXICAL_OVERLAP,
    "pair_kernel": _PAIR_KERNEL, **OF_BOXES, **OF_ENTRIES, **OF_PARTS, **OF_DOCUMENTS, **OF_TEXTS, **OF_SEVERAL,
    "recurrent": _RECURRENT, "static_embedding": _SENTENCE_TRANSFORMERS,
    "image_classification": _IMAGE_CLASSIFICATION, "pixel_linear": _PIXEL_LINEAR,
}  # fmt: skip
_CODE |= of_bottlenecks(_CODE)
_NAMES = 'names = json.loads((folder / "labels.json").read_text("utf-8"))'
_SCALE = 'scale = dict(json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["extra"])'
_MEANING = {
    "category": (_NAMES, "print([names[i] for i in outputs.argmax(1).tolist()])"),
    "categories": (
        _NAMES, 'print(["; ".join(n for n, odds in zip(names, row) if odds > 0) or "[]" for row in outputs.tolist()])',
    ),
    "spans": ("", 'print(["[]"])'),
    "number": (_SCALE, 'print((outputs[:, 0] * scale["deviation"] + scale["mean"]).tolist())'),
}  # fmt: skip
"""By the kind of target: what is read to understand the outputs, and how they are said."""
_SCOPED = (
    """names = json.loads((folder / "labels.json").read_text("utf-8"))
scope = json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["scope"]
away = names.index(scope["label"]) if scope["label"] in names else None""",
    """for row in outputs.tolist():
    own = 0.0 if away is None else row[away]
    best, most = max((p for p in enumerate(row) if p[0] != away), key=lambda p: p[1])
    print([scope["label"] if own - most > scope["threshold"] else names[best]])""",
)
"""The same for labels of which one is given where the others are not sure enough."""
_POOLED = {
    "mean": "(states * mask).sum(1) / mask.sum(1)", "cls": "states[:, 0]",
    "max": "states.masked_fill(mask == 0, -1e9).amax(1)",
    "last": 'states[torch.arange(len(states)), batch["attention_mask"].sum(1) - 1]',
}  # fmt: skip


def snippet(
    identity: Mapping[str, Any], pooling: str = "mean", trunk: str = "AutoModel", parts: Mapping[str, str] | None = None
) -> str:  # fmt: skip
    """Return Markdown that says how to load a model of *identity* with the library that its format is native to.

    *pooling* is how an adapter's base makes one vector of token states, *trunk* the class that opens it; *parts* are the
    formats of the folders within, by their names.
    """
    library = plugins.load("formats", identity["format"]).LIBRARY
    head = f"### {_('With {library}', library=library)}\n\n"
    task = open_task(identity["task"])
    of_documents = OF_DOCUMENTS if task.target_kind == "likelihood" else {}
    if of_documents:
        of_documents = of_documents | {"bottleneck_writer": of_bottlenecks(of_documents)["bottleneck_writer"]}
    code = loading_entities.code(identity["format"]) or {**_CODE, **of_documents}.get(identity["format"], "")
    params = (identity.get("steps") or [{}])[-1].get("params", {})
    code = code or loading_prompts.code(identity["format"], task.target_kind, params)
    pair = sum(column.kind == "input" for column in task.columns) > 1
    code = code or loading_exported.code(
        identity["format"], task.target_kind, pair=pair, pictures=task.input_kind == "image"
    )  # fmt: skip
    if parts:
        exported = {form: loading_exported.code(form, task.target_kind, pair=pair) for form in parts.values()}
        code = of_parts({name: _CODE.get(form) or exported[form] for name, form in parts.items()})
    if not code:
        return head + plugins.docstring("formats", identity["format"])
    meaning, said = _MEANING.get(task.target_kind, ("", ""))
    if (identity["space"].get("scope") or {}).get("threshold") is not None:
        meaning, said = _SCOPED
    if task.target_kind == "number" and not identity["space"].get("extra"):
        meaning, said = "", "print(outputs[:, 0].tolist())"
    parent = _base(identity["parents"][0]) if identity["parents"] else '""'
    if QUANTISED in identity.get("files", ()):
        code = held(code)
    if params.get("bits") == 4 and ROUNDED in identity.get("files", ()):
        code = in_four(code)
    shared = {
        "    {blocks}": indent(_BLOCKS.strip(), "    "), "{blocks}": _BLOCKS.strip(), "{base}": parent, "{trunk}": trunk,
        "{pooled}": _POOLED.get(pooling, ""), "{meaning}": meaning, "{said}": said,
        "    {blocks of examples}": indent(_BLOCKS.replace('"model.safe', '"examples.safe').strip(), "    "),
    }  # fmt: skip
    for name, lines in shared.items():
        code = code.replace(name, lines)
    if '"another text"' not in code and pair:
        code = code.replace('["a text"]', '[("a text", "another text")]')
    return head + code


def _base(parent: Mapping[str, Any]) -> str:
    revision = str(parent.get("revision", ""))
    # Only a commit of the hub is a revision to the hub.
    commit = len(revision) == 40 and all(c in "0123456789abcdef" for c in revision)
    return json.dumps(parent["name"], ensure_ascii=False) + (f', revision="{revision}"' if commit else "")
