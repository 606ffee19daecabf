"""How the base under an adapter is loaded without hasei where it has to be rounded to 4 or 8 bits first: see :mod:`loading`."""

from __future__ import annotations

import re

_BASE = re.compile(r"([\w{}]+)\.from_pretrained\(\{base\}\)")
_WHOLE = re.compile(r"""(AutoModelForCausalLM\.from_pretrained\((?:folder|"\.")\))""")
_HOW = """how = BitsAndBytesConfig(**json.loads(Path("quantization_config.json").read_text("utf-8")))
"""


def held(code: str) -> str:
    """Return the lines *code* with ``{base}`` rounded as ``quantization_config.json`` says, and computing in float32.

    Without ``dequantize()`` it takes less memory and answers by bitsandbytes' own arithmetic, which differs between processors.
    """
    lines = _BASE.sub(r'\1.from_pretrained({base}, dtype="float32", quantization_config=how).dequantize()', code)
    at = _BASE.search(code)
    if at is None:
        return code
    start = code.rfind("\n", 0, at.start()) + 1
    lines = lines[:start] + _HOW + lines[start:]
    lines = re.sub(
        r"from transformers import ([\w{])", r"from transformers import BitsAndBytesConfig, \1", lines, count=1
    )
    missing = [line for line in ("import json", "from pathlib import Path") if f"{line}\n" not in lines]
    return lines.replace("```python\n", "```python\n" + "".join(f"{line}\n" for line in missing), 1)


def in_four(code: str) -> str:
    """Return the lines *code* with the language model in the folder, whose weights are in 4 bits, computing in float32."""
    return _WHOLE.sub(r"\1.dequantize()", code)
