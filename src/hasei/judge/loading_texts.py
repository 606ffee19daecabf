"""How a model folder that writes texts is used without hasei: the lines that a model card shows, by format."""

from __future__ import annotations

_WRITES = """import json
from pathlib import Path

{imports}

folder, prompts = Path("."), ["a text"]
tokenizer = AutoTokenizer.from_pretrained(folder)
{model}
shown = json.loads((folder / "prompting.json").read_text("utf-8"))
template = shown.get("template", "{}")
for prompt in prompts:
    turns = []
    for asked, answer in shown.get("examples", [])[: shown.get("count", 0)]:
        turns += [{"role": "user", "content": template.replace("{}", asked)}, {"role": "assistant", "content": answer}]
    turns.append({"role": "user", "content": template.replace("{}", prompt)})
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

_NEAREST_ANSWER = """```python
import json
import unicodedata
from pathlib import Path

from safetensors.numpy import load_file
from sklearn.feature_extraction.text import TfidfVectorizer

folder, prompts = Path("."), ["a text"]
rows = json.loads((folder / "rows.json").read_text("utf-8"))
texts = prompts + [prompt for prompt, _ in rows]
{blocks}
cosines = sum((block[: len(prompts)] @ block[len(prompts) :].T).toarray() for block in blocks) / 2
print([rows[row.round(6).argmax()][1] for row in cosines])
```"""

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

OF_TEXTS = {
    "causal_lm": _CAUSAL_LM, "causal_adapter": _CAUSAL_ADAPTER, "nearest_answer": _NEAREST_ANSWER,
    "constant_text": _CONSTANT_TEXT, "hosted": _HOSTED,
}  # fmt: skip
