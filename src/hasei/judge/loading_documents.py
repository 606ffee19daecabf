"""How a model folder that knows running text is used without hasei: the lines that a model card shows, by format."""

from __future__ import annotations

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

OF_DOCUMENTS = {
    "causal_lm": "```python\n" + _SCORES.replace(
        "{imports}", "from transformers import AutoModelForCausalLM, AutoTokenizer"
    ).replace("{model}", 'model = AutoModelForCausalLM.from_pretrained(".").eval()') + "```",
    "causal_adapter": "```python\n" + _SCORES.replace(
        "{imports}", "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer"
    ).replace("{model}", 'model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained({base}), ".").eval()')
    + "```",
    "byte_model": _BYTE_MODEL,
}  # fmt: skip
