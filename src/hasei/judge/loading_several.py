"""How a folder that holds several heads or several models is loaded without hasei, by format: see :mod:`loading`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

_JOINED = """```python
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

folder = Path(".")
plan = json.loads((folder / "ensemble.json").read_text("utf-8"))
for number, form in enumerate(plan["formats"], 1):
    print(folder / f"member-{number}", form)  # a whole folder, loaded as others of this format


def join(outputs):
    \"\"\"Join the outputs of the members, a list of arrays (rows, labels).\"\"\"
    scores = np.asarray(outputs, np.float64)
    logs = scores - np.logaddexp.reduce(scores, axis=2, keepdims=True)
    if (folder / "stacking.safetensors").is_file():
        head = load_file(folder / "stacking.safetensors")
        read = {"mean": scores, "probabilities": logs.clip(-12, 12), "odds": scores.clip(-12, 12)}[plan["join"]]
        return np.concatenate(list(read), axis=1) @ head["weight"].T + head["bias"]
    if plan["join"] == "mean":
        return scores.mean(0)
    if plan["join"] == "odds":
        shares = (1 / (1 + np.exp(-scores))).mean(0).clip(1e-12, 1 - 1e-12)
        return np.log(shares / (1 - shares))
    return np.log(np.exp(logs).mean(0).clip(1e-12))
```"""

_MANY_HEADS = """```python
import json
from pathlib import Path

from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

folder = Path(".")
{meaning}
modules = SentenceTransformer(str(folder))
trunk = SentenceTransformer(modules=[modules[0], modules[1]])
features = trunk.encode(["a text"])  # once, for all heads
head = load_file(folder / "2_Dense" / "model.safetensors")
outputs = features @ head["linear.weight"].T + head["linear.bias"]
{said}
for other in json.loads((folder / "heads.json").read_text("utf-8")):
    head = load_file(folder / other["folder"] / "model.safetensors")
    outputs = features @ head["linear.weight"].T + head["linear.bias"]
    names, scale = other["space"]["names"], dict(other["space"]["extra"])
    if other["kind"] == "number":
        answers = (outputs[:, 0] * scale.get("deviation", 1) + scale.get("mean", 0)).tolist()
    elif other["kind"] == "categories":
        answers = ["; ".join(n for n, odds in zip(names, row) if odds > 0) or "[]" for row in outputs.tolist()]
    else:
        answers = [names[i] for i in outputs.argmax(1).tolist()]
    print([other["name"], answers])
```"""

_PARTS = """for part, form in plan["formats"].items():
    print(folder / part, form)  # a whole folder, loaded as others of this format


"""
_OPENED = """```python
import json
from pathlib import Path

import numpy as np

folder = Path(".")
plan = json.loads((folder / "cascade.json").read_text("utf-8"))
names = json.loads((folder / "labels.json").read_text("utf-8"))
"""
_ANSWERS = """def answers(texts, student, teacher):
    \"\"\"Answer texts, where student and teacher return the outputs (rows, labels) of the two folders.\"\"\"
    first = np.asarray(student(texts), np.float64) / plan["temperatures"]["student"]
    outputs = first - np.logaddexp.reduce(first, axis=1, keepdims=True)
    unsure = np.flatnonzero(np.exp(outputs.max(1)) <= plan["threshold"])
    if len(unsure):
        second = np.asarray(teacher([texts[i] for i in unsure]), np.float64) / plan["temperatures"]["teacher"]
        outputs[unsure] = second - np.logaddexp.reduce(second, axis=1, keepdims=True)
    return [names[i] for i in outputs.argmax(1)]
```"""
_CASCADE = _OPENED + _PARTS + _ANSWERS


def parts_in(folder: Path) -> dict[str, str]:
    """Return the formats of student and teacher by the names of their folders, of a cascade; {} of any other folder."""
    path = folder / "cascade.json"
    return dict(json.loads(path.read_text("utf-8"))["formats"]) if path.is_file() else {}


def of_parts(codes: Mapping[str, str]) -> str:
    """Return the lines for a cascade whose student and teacher are loaded by *codes*, each lines that make ``outputs`` of texts.

    Where one of them can't be told in this way, whoever reads them has to write how it answers.
    """
    if not codes or any('["a text"]' not in code or "{base}" in code for code in codes.values()):
        return _CASCADE
    imports, functions = {"import json", "from pathlib import Path", "import numpy as np"}, []
    for name, code in codes.items():
        lines = code.strip().removeprefix("```python").removesuffix("```").strip().splitlines()
        imports |= {line for line in lines if line.startswith(("import ", "from "))}
        rest = [
            line for line in lines if not line.startswith(("import ", "from ")) and line not in ("{meaning}", "{said}")
        ]
        body = "\n".join(rest).strip().replace('folder, texts = Path("."), ["a text"]', 'folder = Path(".")')
        body = body.replace('folder = Path(".")', f'folder = Path("{name}")').replace('["a text"]', "texts")
        functions.append(f"def {name}(texts):\n{indent(body, '    ')}\n    return outputs\n\n\n")
    plain = sorted(line for line in imports if line.startswith("import "))
    others = sorted(line for line in imports if line.startswith("from "))
    whole = _OPENED + "\n\n" + "".join(functions) + _ANSWERS
    start = whole.index('folder = Path(".")')
    head = "\n".join(["```python", *plain, *others, "", ""])
    return head + whole[start:].removesuffix("```") + '\n\nprint(answers(["a text"], student, teacher))\n```'


OF_SEVERAL = {"cascaded": _CASCADE, "joined": _JOINED, "many_heads": _MANY_HEADS}
