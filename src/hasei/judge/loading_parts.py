"""How a model whose rows have parts (choices, words of a context) is loaded without hasei, by format: see :mod:`loading`.

``{blocks}``, ``{base}`` and ``{pooled}`` stand for lines that it shares with others.
"""

from __future__ import annotations

_CHOICES = 'rows = [("a question", ["a choice", "another choice"])]'

_MULTIPLE_CHOICE = f"""```python
from sentence_transformers import SentenceTransformer

{_CHOICES}
model = SentenceTransformer(".")
for question, choices in rows:
    scores = model.encode([(question, choice) for choice in choices])[:, 0]
    print(choices[scores.argmax()])
```"""

_ADAPTER = f"""```python
import json
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

folder = Path(".")
{_CHOICES}
limit = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
trunk = AutoModel.from_pretrained({{base}})
model = PeftModel.from_pretrained(trunk, folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
head = load_file(folder / "2_Dense" / "model.safetensors")
for question, choices in rows:
    pairs = [(question, choice) for choice in choices]
    batch = tokenizer(pairs, padding=True, truncation=True, max_length=limit, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        pooled = {{pooled}}
        scores = (pooled @ head["linear.weight"].T + head["linear.bias"])[:, 0]
    print(choices[scores.argmax()])
```"""

_COSINE = f"""```python
from sentence_transformers import SentenceTransformer

{_CHOICES}
model = SentenceTransformer(".")
for question, choices in rows:
    cosines = model.similarity(model.encode([question]), model.encode(choices))[0]
    print(choices[cosines.argmax()])
```"""

_OVERLAP = f"""```python
import json
import unicodedata
from pathlib import Path

from safetensors.numpy import load_file
from scipy.sparse.linalg import norm
from sklearn.feature_extraction.text import TfidfVectorizer

folder = Path(".")
{_CHOICES}
for question, choices in rows:
    texts = [question, *choices]
    {{blocks}}
    grams = blocks[1].tocsr()  # of character n-grams alone
    shared = (grams[1:] @ grams[0].T).toarray()[:, 0]
    print(choices[(shared / norm(grams[1:], axis=1).clip(1e-12)).argmax()])
```"""

_CONSTANT = f"""```python
from safetensors.numpy import load_file

{_CHOICES}
value = load_file("model.safetensors")["value"]
for question, choices in rows:
    print(choices[value[: len(choices)].argmax()])
```"""

OF_PARTS = {
    "multiple_choice": _MULTIPLE_CHOICE, "multiple_choice_adapter": _ADAPTER, "choice_cosine": _COSINE,
    "choice_overlap": _OVERLAP, "constant_choice": _CONSTANT,
}  # fmt: skip
