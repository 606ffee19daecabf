"""How a model with bottleneck adapters is loaded without hasei: the lines that a model card shows, by format.

They are those of adapters through PEFT, with the adapters put on the base's layers by hand. ``{base}`` and the like stand for
lines shared with others.
"""

from __future__ import annotations

from collections.abc import Mapping

_ADD = """def add(model):  # two small layers at each of some places of the base
    how, tensors = json.loads(Path("adapter.json").read_text("utf-8")), load_file("adapter.safetensors")
    linear = torch.nn.functional.linear
    for first, last in how["places"]:
        heard, part = {}, [tensors[f"{last}.{name}"] for name in ("down.weight", "down.bias", "up.weight", "up.bias")]

        def adapt(_, x, y, heard=heard, part=part):
            read = y if how["placement"] == "serial" else heard["x"]
            return y + how["scale"] * linear(linear(read, *part[:2]).relu(), *part[2:])

        model.get_submodule(first).register_forward_hook(lambda _, x, y, heard=heard: heard.update(x=x[0]))
        model.get_submodule(last).register_forward_hook(adapt)
    return model.eval()


"""
_PICTURES = """```python
import json
from pathlib import Path

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoModelForImageClassification

{add}folder = Path(".")
{meaning}
head, place = load_file("head.safetensors"), json.loads((folder / "head.json").read_text("utf-8"))["place"]
model = add(AutoModelForImageClassification.from_pretrained({base}))
model.set_submodule(place, torch.nn.Linear(head["weight"].shape[1], len(head["weight"])))
model.get_submodule(place).load_state_dict(head)
processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
pictures = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in ["a picture.jpg"]]
with torch.no_grad():
    outputs = model(**processor(pictures, return_tensors="pt")).logits
{said}
```"""
_ANSWERS = (
    "base = AutoModelForQuestionAnswering.from_pretrained({base})\nmodel = PeftModel.from_pretrained(base, folder).eval()",
    'model, head = add(AutoModel.from_pretrained({base})), load_file(folder / "head.safetensors")',
)


def by_hand(code: str) -> str:
    """Return the lines *code*, which load an adapter through PEFT, with its small layers added by hand."""
    code = code.replace(*_ANSWERS).replace("AutoModelForQuestionAnswering", "AutoModel")
    code = code.replace(
        "        found = model(**batch)\n    logits = torch.stack([found.start_logits, found.end_logits], -1)",
        '        logits = model(**batch).last_hidden_state @ head["weight"].T + head["bias"]',
    )
    for model in ("trunk", "AutoModel.from_pretrained({base})", "AutoModelForCausalLM.from_pretrained({base})"):
        for place in ("folder", '"."'):
            code = code.replace(f"PeftModel.from_pretrained({model}, {place}).eval()", f"add({model})")
    code = code.replace("model.get_base_model().generation_config", "model.generation_config")
    own = "from safetensors.torch import load_file\n"
    code = code.replace("from peft import PeftModel\n", "" if own in code else own)
    code = code if "import torch\n" in code else code.replace(own, f"import torch\n{own}")
    for needed in ("from pathlib import Path\n", "import json\n"):
        code = code if needed in code else code.replace("```python\n", f"```python\n{needed}", 1)
    start = code.index("\n\n", code.index("from transformers import")) + 2
    return code[:start] + _ADD + code[start:]


def of_bottlenecks(adapters: Mapping[str, str]) -> dict[str, str]:
    """Return the lines of every format of bottlenecks but that of words, from those of *adapters* through PEFT."""
    names = {
        "bottleneck": "peft_adapter", "bottleneck_choices": "multiple_choice_adapter",
        "bottleneck_answers": "question_answering_adapter", "bottleneck_writer": "causal_adapter",
    }  # fmt: skip
    found = {form: by_hand(adapters[other]) for form, other in names.items() if other in adapters}
    return found | {"bottleneck_pictures": _PICTURES.replace("{add}", _ADD)}
