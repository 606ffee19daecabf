"""How a model folder is loaded without hasei, by format: the lines that a model card shows.

What they print are hasei's own outputs; the highest is the label, and their softmax the confidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hasei.ground import plugins
from hasei.ground.language import _
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
from transformers import AutoModel, AutoTokenizer

folder = Path(".")
{meaning}
limit = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
trunk = AutoModel.from_pretrained({base})
model = PeftModel.from_pretrained(trunk, folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
batch = tokenizer(["a text"], padding=True, truncation=True, max_length=limit, return_tensors="pt")
head = load_file(folder / "2_Dense" / "model.safetensors")
with torch.no_grad():
    states = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    pooled = {pooled}
    outputs = pooled @ head["linear.weight"].T + head["linear.bias"]
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

_WRITES = """import json
from pathlib import Path

{imports}

folder, prompts = Path("."), ["a text"]
tokenizer = AutoTokenizer.from_pretrained(folder)
{model}
shown = json.loads((folder / "prompting.json").read_text("utf-8"))
for prompt in prompts:
    turns = []
    for asked, answer in shown.get("examples", [])[: shown.get("count", 0)]:
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    turns.append({"role": "user", "content": prompt})
    batch = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    ids = model.generate(**batch)[0, batch["input_ids"].shape[1] :]
    print([tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip()])
"""
_CAUSAL_LM = "```python\n" + _WRITES.replace(
    "{imports}", "from transformers import AutoModelForCausalLM, AutoTokenizer"
).replace("{model}", "model = AutoModelForCausalLM.from_pretrained(folder).eval()") + "```"  # fmt: skip
_CAUSAL_ADAPTER = "```python\n" + _WRITES.replace(
    "{imports}",
    "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig",
).replace(
    "{model}",
    "model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained({base}), folder).eval()\n"
    "model.get_base_model().generation_config = GenerationConfig.from_pretrained(folder)",
) + "```"  # fmt: skip

_NEAREST_ANSWER = (
    """```python
import json
import unicodedata
from pathlib import Path

from safetensors.numpy import load_file
from sklearn.feature_extraction.text import TfidfVectorizer

folder, prompts = Path("."), ["a text"]
rows = json.loads((folder / "rows.json").read_text("utf-8"))
texts = prompts + [prompt for prompt, _ in rows]
"""
    + _BLOCKS
    + """cosines = sum((block[: len(prompts)] @ block[len(prompts) :].T).toarray() for block in blocks) / 2
print([rows[row.round(6).argmax()][1] for row in cosines])
```"""
)

_CONSTANT_TEXT = """```python
import json
from pathlib import Path

print([json.loads(Path("answer.json").read_text("utf-8"))["answer"]])
```"""

_HOSTED = """```python
import json
import os
from pathlib import Path

from openai import OpenAI

endpoint, prompts = json.loads(Path("endpoint.json").read_text("utf-8")), ["a text"]
client = OpenAI(base_url=endpoint["url"], api_key=os.environ[endpoint["key_variable"]])
for prompt in prompts:
    answer = client.chat.completions.create(
        model=endpoint["model"], messages=[{"role": "user", "content": prompt}], temperature=0, seed=0,
        max_tokens=endpoint["max_new_tokens"],
    )
    print([answer.choices[0].message.content.strip()])
```"""

_SCORES = """import torch

{imports}

texts = ["a text"]
tokenizer = AutoTokenizer.from_pretrained(".")
{model}
first = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
for text in texts:  # a text longer than the model reads is cut into windows that begin with the first token
    ids = torch.tensor([[first, *tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]])
    with torch.no_grad():
        nats = model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
    print([f"{nats:.4g} nats"])
"""
_OF_DOCUMENTS = {
    "causal_lm": "```python\n" + _SCORES.replace(
        "{imports}", "from transformers import AutoModelForCausalLM, AutoTokenizer"
    ).replace("{model}", 'model = AutoModelForCausalLM.from_pretrained(".").eval()') + "```",
    "causal_adapter": "```python\n" + _SCORES.replace(
        "{imports}", "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer"
    ).replace("{model}", 'model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained({base}), ".").eval()')
    + "```",
}  # fmt: skip
_BYTE_MODEL = """```python
import math

from safetensors.numpy import load_file

tensors = load_file("model.safetensors")
order = max(int(name.removeprefix("keys_")) for name in tensors if name.startswith("keys_"))
counts = [dict(zip(tensors[f"keys_{k}"].tolist(), tensors[f"counts_{k}"].tolist())) for k in range(order + 1)]
after = [{} for _ in counts]
for k, table in enumerate(counts):
    for key, count in table.items():
        total, kinds = after[k].get(key >> 8, (0, 0))
        after[k][key >> 8] = total + count, kinds + 1
for text in ["a text"]:
    data, nats = b"\\0" * order + text.encode() + b"\\0", 0.0
    for place in range(order, len(data)):
        share = 1 / 256
        for k, table in enumerate(counts):
            key = int.from_bytes(data[place - k : place + 1], "big")
            total, kinds = after[k].get(key >> 8, (0, 0))
            share = (table.get(key, 0) + kinds * share) / (total + kinds) if total else share
        nats -= math.log(share)
    print([f"{nats:.4g} nats"])
```"""

_OF_TEXTS = {
    "causal_lm": _CAUSAL_LM, "causal_adapter": _CAUSAL_ADAPTER, "nearest_answer": _NEAREST_ANSWER,
    "constant_text": _CONSTANT_TEXT, "byte_model": _BYTE_MODEL, "hosted": _HOSTED,
}  # fmt: skip
_AS_THEY_ARE = {
    "sentence_transformers": _SENTENCE_TRANSFORMERS, "lexical": _LEXICAL, "constant": _CONSTANT,
}  # fmt: skip
_NAMES = 'names = json.loads((folder / "labels.json").read_text("utf-8"))'
_SCALE = 'scale = dict(json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["extra"])'
_MEANING = {
    "category": (_NAMES, "print([names[i] for i in outputs.argmax(1).tolist()])"),
    "categories": (
        _NAMES, 'print(["; ".join(n for n, odds in zip(names, row) if odds > 0) or "[]" for row in outputs.tolist()])',
    ),
    "number": (_SCALE, 'print((outputs[:, 0] * scale["deviation"] + scale["mean"]).tolist())'),
}  # fmt: skip
"""By the kind of target: what is read to understand the outputs, and how they are said."""
_OF_PAIRS = {"bi_encoder": _BI_ENCODER, "lexical_overlap": _LEXICAL_OVERLAP}
_POOLED = {
    "mean": "(states * mask).sum(1) / mask.sum(1)", "cls": "states[:, 0]",
    "max": "states.masked_fill(mask == 0, -1e9).amax(1)",
    "last": 'states[torch.arange(len(states)), batch["attention_mask"].sum(1) - 1]',
}  # fmt: skip


def snippet(identity: Mapping[str, Any], pooling: str = "mean") -> str:
    """Return Markdown that says how to load a model of *identity* with the library that its format is native to.

    *pooling* is how an adapter's base makes one vector of token states.
    """
    library = plugins.load("formats", identity["format"]).LIBRARY
    head = f"### {_('With {library}', library=library)}\n\n"
    if identity["format"] in _OF_PAIRS:
        return head + _OF_PAIRS[identity["format"]]
    of_texts = _OF_TEXTS | (_OF_DOCUMENTS if open_task(identity["task"]).target_kind == "likelihood" else {})
    if identity["format"] in of_texts:
        parents = identity["parents"]
        return head + of_texts[identity["format"]].replace("{base}", _base(parents[0]) if parents else "")
    code = _AS_THEY_ARE.get(identity["format"], "")
    if identity["format"] == "peft_adapter" and identity["parents"]:
        code = _PEFT.replace("{base}", _base(identity["parents"][0])).replace("{pooled}", _POOLED[pooling])
    if not code:
        return head + plugins.docstring("formats", identity["format"])
    task = open_task(identity["task"])
    meaning, said = _MEANING[task.target_kind]
    if task.target_kind == "number" and not identity["space"].get("extra"):
        meaning, said = "", "print(outputs[:, 0].tolist())"
    code = code.replace("{meaning}", meaning).replace("{said}", said)
    if sum(column.kind == "input" for column in task.columns) > 1:
        code = code.replace('["a text"]', '[("a text", "another text")]')
    return head + code


def _base(parent: Mapping[str, Any]) -> str:
    revision = str(parent.get("revision", ""))
    # Only a commit of the hub is a revision to the hub.
    commit = len(revision) == 40 and all(c in "0123456789abcdef" for c in revision)
    return json.dumps(parent["name"], ensure_ascii=False) + (f', revision="{revision}"' if commit else "")
