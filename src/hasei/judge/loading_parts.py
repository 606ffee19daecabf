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
        states = model(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]
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

_CONTEXTS = 'rows = [("a question", "a context in which the answer stands")]'

_ANSWERING = """import json
from pathlib import Path

import torch
{imports}

folder = Path(".")
{rows}
cut = json.loads((folder / "question_answering.json").read_text("utf-8"))
may_be_none = dict(json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["extra"])["no answer"] > 0
{model}
tokenizer = AutoTokenizer.from_pretrained(folder)
for question, context in rows:
    asked = len(tokenizer(question, "").input_ids)
    stride = min(cut["overlap"], (cut["max_tokens"] - asked) // 2)
    batch = tokenizer(
        question, context, truncation="only_second", max_length=cut["max_tokens"], stride=stride,
        return_overflowing_tokens=True, return_offsets_mapping=True, padding=True, return_tensors="pt",
    )
    batch.pop("overflow_to_sample_mapping")
    offsets = batch.pop("offset_mapping").tolist()
    with torch.no_grad():
        found = model(**batch)
    logits = torch.stack([found.start_logits, found.end_logits], -1)
    places, begin = {-1: (0, logits[0, 0], (0, 0))}, 0  # the first token stands for no answer
    for window in range(len(logits)):
        inside = [i for i, side in enumerate(batch.sequence_ids(window)) if side == 1]
        for k, i in enumerate(inside):  # a token counts where it stands furthest from an edge
            room = min(k, len(inside) - 1 - k)
            if begin + k not in places or room > places[begin + k][0]:
                places[begin + k] = (room, logits[window, i], offsets[window][i])
        begin += len(inside) - stride
    spans = [span for _, (_, _, span) in sorted(places.items())]
    start, end = torch.stack([one for _, (_, one, _) in sorted(places.items())]).log_softmax(0).T.tolist()
    answers = [
        (start[i] + end[j], context[spans[i][0] : spans[j][1]].strip())
        for i in range(1, len(spans)) for j in range(i, min(i + cut["longest"], len(spans)))
    ]
    answers = [one for one in answers if one[1]]
    if may_be_none or not answers:
        answers.append((start[0] + end[0], "[]"))
    print(max(answers, key=lambda one: one[0])[1])
"""


def _answering(imports: str, model: str) -> str:
    code = _ANSWERING.replace("{imports}", imports).replace("{model}", model).replace("{rows}", _CONTEXTS)
    return f"```python\n{code}```"


_QUESTION_ANSWERING = _answering(
    "from transformers import AutoModelForQuestionAnswering, AutoTokenizer",
    "model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()",
)
_QUESTION_ANSWERING_ADAPTER = _answering(
    "from peft import PeftModel\nfrom transformers import AutoModelForQuestionAnswering, AutoTokenizer",
    "base = AutoModelForQuestionAnswering.from_pretrained({base})\nmodel = PeftModel.from_pretrained(base, folder).eval()",
)
_CONSTANT_ANSWER = f"""```python
import json
from pathlib import Path

{_CONTEXTS}
text = json.loads(Path("answer.json").read_text("utf-8"))["text"]
for question, context in rows:
    print(text or "[]")
```"""
_ANSWER_SHAPE = rf"""```python
import json
import re
from itertools import groupby
from math import log, log1p
from pathlib import Path
from unicodedata import normalize

from safetensors.numpy import load_file

folder = Path(".")
{_CONTEXTS}
looks = json.loads((folder / "looks.json").read_text("utf-8"))
weight = load_file(folder / "model.safetensors")["weight"].tolist()
may_be_none = dict(json.loads((folder / "hasei.json").read_text("utf-8"))["identity"]["space"]["extra"])["no answer"] > 0
kinds = [
    ("9", r"\d+(?:[.,:/]\d+)*"), ("k", "[々〆\u3400-\u9fff\uf900-\ufaff]+"), ("h", "[\u3041-\u309f]+"),
    ("c", "[\u30a0-\u30ff\uff66-\uff9f]+"), ("a", r"[^\W\d_]+(?:['’][^\W\d_]+)?"), ("", r"\S"),
]
piece = re.compile("|".join(f"({{pattern}})" for _, pattern in kinds))
fold = lambda text: normalize("NFKC", text).casefold()

def cut(text):
    for match in list(piece.finditer(text))[:300]:
        kind = kinds[match.lastindex - 1][0] or match[0]
        yield "A" if kind == "a" and match[0][0].isupper() else kind, *match.span()

for question, context in rows:
    asked = {{fold(question[a:b]) for kind, a, b in cut(question) if kind in tuple("9khcaA")}}
    rarity = {{word: looks["rarity"].get(word, 1.0) for word in asked}}
    total, pieces, answers = sum(rarity.values()) or 1.0, list(cut(context)), []
    near = [rarity.get(fold(context[a:b]), 0.0) for _, a, b in pieces]
    for i in range(len(pieces)):
        for j in range(i, min(i + 6, len(pieces))):
            text = context[pieces[i][1] : pieces[j][2]]
            look = "".join(kind for kind, _ in groupby(kind for kind, _, _ in pieces[i : j + 1]))
            facts = (
                log((looks["looks"].get(look, 0) + 0.1) / (looks["answers"] + 1)), log1p(looks["texts"].get(fold(text), 0)),
                (sum(near[j + 1 : j + 9]) + sum(near[max(0, i - 8) : i])) / total, fold(text) in fold(question), j - i + 1,
            )
            answers.append((sum(w * fact for w, fact in zip(weight, facts)), text))
    if may_be_none or not answers:
        answers.append((weight[5], "[]"))
    print(max(answers, key=lambda one: one[0])[1])
```"""

OF_PARTS = {
    "multiple_choice": _MULTIPLE_CHOICE, "multiple_choice_adapter": _ADAPTER, "choice_cosine": _COSINE,
    "choice_overlap": _OVERLAP, "constant_choice": _CONSTANT, "question_answering": _QUESTION_ANSWERING,
    "question_answering_adapter": _QUESTION_ANSWERING_ADAPTER, "constant_answer": _CONSTANT_ANSWER,
    "answer_shape": _ANSWER_SHAPE,
}  # fmt: skip
