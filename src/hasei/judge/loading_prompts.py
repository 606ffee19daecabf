"""How a model folder that was only prompted is used without hasei: the lines that a model card shows, by format.

``{meaning}`` and ``{said}`` stand for lines that all models of labels share, ``{blocks of examples}`` for those of a
vectoriser; see :mod:`loading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ENTAILMENT = """```python
import json
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, texts = Path("."), ["a text"]
{meaning}
asked = json.loads((folder / "hypotheses.json").read_text("utf-8"))
model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
place, rows = asked["entailment"], []
for text in texts:
    text, odds = text if isinstance(text, str) else "\\n".join(text), 0
    for hypotheses in asked["hypotheses"]:
        batch = tokenizer(
            [text] * len(hypotheses), hypotheses, padding=True, truncation=True, max_length=asked["max_tokens"],
            return_tensors="pt",
        )
        with torch.no_grad():
            scores = model(**batch).logits
        others = [i for i in range(scores.shape[1]) if i != place]
        odds = odds + (scores[:, place] - scores[:, others].logsumexp(1)) / len(asked["hypotheses"])
    rows.append(odds - torch.tensor(asked["prior"]))
outputs = asked["sharpness"] * (torch.stack(rows) - asked["threshold"])
{said}
```"""

_ASK = """import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(".")
{rows}
asked = json.loads((folder / "labelling.json").read_text("utf-8"))
model = AutoModelForCausalLM.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)

def examples_for(text):
    {examples}

def prompts(text):
    for template in asked["templates"]:
        earlier, ids = examples_for(text), None
        while ids is None or (len(ids) > asked["room"] and earlier):  # too long: without the first example
            earlier, turns = earlier if ids is None else earlier[1:], []
            for shown, label in earlier:
                turns += [{"role": "user", "content": template.replace("{}", shown)}, {"role": "assistant", "content": label}]
            turns.append({"role": "user", "content": template.replace("{}", text)})
            said = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            ids = tokenizer(said + asked["opening"], add_special_tokens=False)["input_ids"]
        yield ids

def likelihood(text, label):
    found = []
    for prompt in prompts(text):
        with torch.no_grad():
            scores = model(torch.tensor([prompt + label])).logits[0, len(prompt) - 1 : -1].log_softmax(1)
        one = scores.gather(1, torch.tensor(label)[:, None])
        found.append(float(one.mean() if asked["mean"] else one.sum()))
    return sum(found) / len(found)
"""
_OF_LABELS = f"""```python
{_ASK.replace("{rows}", 'texts = ["a text"]' + chr(10) + "{meaning}")}
whole = [text if isinstance(text, str) else "\\n".join(text) for text in texts]
rows = torch.tensor([[likelihood(text, label) for label in asked["tokens"]] for text in whole])
outputs = asked["sharpness"] * (rows - torch.tensor(asked["prior"] or [0.0]) - asked["threshold"])
{{said}}
```"""
_OF_CHOICES = f"""```python
{_ASK.replace("{rows}", 'rows = [("a question", ["a choice", "another choice"])]')}
def tokens(choice):
    ids = tokenizer(choice + asked["closing"], add_special_tokens=False)["input_ids"]
    ends = [i for i, token in enumerate(ids) if token in asked["stops"]]
    return ids[: ends[-1] + 1] if ends else [*ids, tokenizer.eos_token_id]

nothing = ("N/A", "", "[MASK]") if asked["calibrated"] else ()
for question, choices in rows:
    scores = []
    for choice in map(tokens, choices):
        prior = sum(likelihood(text, choice) for text in nothing) / max(1, len(nothing))
        scores.append(likelihood(question, choice) - prior)
    print(choices[scores.index(max(scores))])
```"""

_FIXED = 'return asked.get("examples", [])[: asked.get("count", 0)]'
_NEAREST = """import unicodedata

    from safetensors.numpy import load_file
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows, texts = asked["examples"], [text, *(shown for shown, _ in asked["examples"])]
    {blocks of examples}
    cosine = sum((block[:1] @ block[1:].T).toarray()[0] for block in blocks) / 2
    return [rows[i] for i in (-cosine.round(6)).argsort(kind="stable")[: asked["count"]][::-1]]"""


def code(form: str, target_kind: str, params: Mapping[str, Any]) -> str:
    """Return the lines for a folder of the format *form* derived with *params*, "" where it is none of these."""
    found = {"entailment": _ENTAILMENT, "label_likelihood": _OF_CHOICES if target_kind == "choice" else _OF_LABELS}.get(
        form, ""
    )
    return found.replace("{examples}", _NEAREST if params.get("chosen") == "nearest" else _FIXED)
