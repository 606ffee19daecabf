"""How a model folder of entities is used without hasei: the lines that a model card shows, by format.

They hold the very functions that hasei reads texts with (:mod:`hasei.tasks._pieces`), so that what they print is its own answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from hasei.judge.loading_bottleneck import by_hand
from hasei.tasks import _named, _pieces

_TOKENS = """```python
from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
{imports}


{functions}


texts, found = ["a text"], []
{model}
for text in texts:  # what is longer than the base reads is cut here; hasei reads it in windows
    batch = tokenizer(plain(text), truncation=True, return_offsets_mapping=True, return_tensors="pt")
    seen = places(pieces(text), batch.pop("offset_mapping")[0].tolist())
    with torch.no_grad():
        logits = {logits}[[token for token, _, _ in seen]].numpy()
    at = np.array([place[1:] for place in seen], int).reshape(-1, 2)
    spans = spans_of(best_tags(logits), at, labels)
    found.append(json.dumps([{"start": a, "end": b, "label": label} for a, b, label in spans], ensure_ascii=False))
print(found)
```"""

_CLASSIFIER = {
    "imports": """import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForTokenClassification, AutoTokenizer""",
    "model": """tokenizer = AutoTokenizer.from_pretrained(".")
labels = [name[2:] for name in json.loads(Path("labels.json").read_text("utf-8"))[1::2]]
if Path("head.safetensors").is_file():  # the architecture has no class of its own for a linear head
    trunk, head = AutoModel.from_pretrained(".").eval(), load_file("head.safetensors")
    model = lambda **batch: trunk(**batch).last_hidden_state @ head["weight"].T + head["bias"]
else:
    whole = AutoModelForTokenClassification.from_pretrained(".").eval()
    model = lambda **batch: whole(**batch).logits""",
    "logits": "model(**batch)[0]",
}

_ADAPTER = {
    "imports": """import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer""",
    "model": """tokenizer = AutoTokenizer.from_pretrained(".")
model = PeftModel.from_pretrained(AutoModel.from_pretrained({base}), ".").eval()
head = load_file("head.safetensors")
labels = [name[2:] for name in json.loads(Path("labels.json").read_text("utf-8"))[1::2]]""",
    "logits": '(model(**batch).last_hidden_state[0, -batch["input_ids"].shape[1] :] @ head["weight"].T + head["bias"])',
}

_GAZETTEER = """```python
from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from pathlib import Path

from safetensors.numpy import load_file


{functions}


texts, found = ["a text"], []
listed = [tuple(entry) for entry in json.loads(Path("gazetteer.json").read_text("utf-8"))["entries"]]
names = [name[2:] for name in json.loads(Path("labels.json").read_text("utf-8"))[1::2]]
label = dict(zip(listed, load_file("model.safetensors")["label"].astype(int)))
longest = max(map(len, listed), default=0)
for text in texts:
    at = pieces(text)
    words = [unicodedata.normalize("NFKC", text[low:high]).casefold() for low, high in at]
    spans = [
        {"start": at[i][0], "end": at[i + len(entry) - 1][1], "label": names[label[entry]]}
        for i, entry in entries_at(words, label, longest)
    ]
    found.append(json.dumps(spans, ensure_ascii=False))
print(found)
```"""


def code(form: str) -> str:
    """Return Markdown code for a folder of the format *form*, "" where it holds no model of entities."""
    if form == "gazetteer":
        from hasei.formats._gazetteer import entries_at

        return _GAZETTEER.replace("{functions}", _sources(_pieces.kind, _pieces.pieces, entries_at))
    parts = {"token_classifier": _CLASSIFIER, "token_adapter": _ADAPTER, "bottleneck_words": _ADAPTER}.get(form)
    if parts is None:
        return ""
    text = _TOKENS.replace(
        "{functions}",
        _sources(_pieces.kind, _pieces.plain, _pieces.pieces, _pieces.places, _named.best_tags, _named.spans_of),
    )
    for name, lines in parts.items():
        text = text.replace(f"{{{name}}}", lines)
    return by_hand(text) if form == "bottleneck_words" else text


def _sources(*functions: Callable[..., Any]) -> str:
    return "\n\n".join(inspect.getsource(function) for function in functions).rstrip()
