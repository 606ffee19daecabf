"""How a model folder that answers with entries is used without hasei: the lines that a model card shows, by format."""

from __future__ import annotations

_RANKED = """order = scores.argsort(dim=1, descending=True, stable=True)[:, :10].tolist()
print([
    json.dumps([[entries[i]["_id"], round(float(row[i]), 4)] for i in best], ensure_ascii=False)
    for row, best in zip(scores, order)
])
```"""
_ENTRIES = """with (folder / "entries.jsonl").open(encoding="utf-8") as file:
    entries = [json.loads(line) for line in file]
"""
_RETRIEVER = (
    """```python
import json
from pathlib import Path

from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

folder = Path(".")
"""
    + _ENTRIES
    + """model = SentenceTransformer(str(folder))
scores = model.similarity(model.encode(["a text"]), load_file(folder / "embeddings.safetensors")["embeddings"])
"""
    + _RANKED
)
_BM25 = (
    """```python
import json
import re
import unicodedata
from itertools import pairwise
from pathlib import Path

import bm25s
import torch
from safetensors.numpy import load_file

folder = Path(".")
"""
    + _ENTRIES
    + """terms = json.loads((folder / "vocabulary.json").read_text("utf-8"))["terms"]
model = bm25s.BM25()
model.scores = load_file(folder / "model.safetensors") | {"num_docs": len(entries)}
model.nonoccurrence_array = None
place = {term: i for i, term in enumerate(terms)}
unspaced = "\\u0e00-\\u0eff\\u3040-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff"


def terms_of(text):
    runs = re.findall(f"[{unspaced}]+|[^\\\\W{unspaced}]+", unicodedata.normalize("NFKC", text).lower())
    cut = lambda run: [*run, *map("".join, pairwise(run))] if re.match(f"[{unspaced}]", run) else [run]
    return [place[term] for run in runs for term in cut(run) if term in place]


asked = [terms_of(text) for text in ["a text"]]
scores = torch.stack([
    torch.tensor(model.get_scores_from_ids(ids)) if ids else torch.zeros(len(entries)) for ids in asked
])
"""
    + _RANKED
)
_CONSTANT_RANKING = """```python
import json
from pathlib import Path

from safetensors.numpy import load_file

folder = Path(".")
ids = json.loads((folder / "ranking.json").read_text("utf-8"))
value = load_file(folder / "model.safetensors")["value"].tolist()
print([json.dumps([[name, round(v, 4)] for name, v in list(zip(ids, value))[:10]], ensure_ascii=False)])
```"""

OF_ENTRIES = {"retriever": _RETRIEVER, "bm25": _BM25, "constant_ranking": _CONSTANT_RANKING}
