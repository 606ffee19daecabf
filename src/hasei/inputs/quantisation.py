"""How the linear layers of an opened base are held in memory where not as its files say: in 4 or 8 bits.

``quantization_config.json`` says it to others, in the words of transformers' ``BitsAndBytesConfig``. It has to be known: put on
the base as it is, what was trained on the rounded one gives other answers.

Source: Dettmers et al. 2023, "QLoRA: efficient finetuning of quantized LLMs" (nf4, double quantisation); Dettmers et al. 2022,
"LLM.int8(): 8-bit matrix multiplication for transformers at scale".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

FILE = "quantization_config.json"


@dataclass(frozen=True)
class Quantisation:
    """*bits* of a weight, 4 (nf4) or 8; *double*: the scales of 4-bit blocks are quantised too. *whole* layers are left out.

    Without *whole*, all linear layers beside the stack of layers are left out when the base is loaded.
    """

    bits: Literal[4, 8]
    double: bool = True
    whole: tuple[str, ...] = ()

    def options(self) -> dict[str, Any]:
        """Return the arguments of transformers' ``BitsAndBytesConfig``."""
        if self.bits == 8:
            return {"load_in_8bit": True, "llm_int8_skip_modules": list(self.whole)}
        return {
            "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": self.double,
            "llm_int8_skip_modules": list(self.whole),
        }  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write ``quantization_config.json`` into *folder*."""
        write_json(folder / FILE, self.options())


def read_quantisation(folder: Path) -> Quantisation | None:
    """Return how the base of the adapter in *folder* is held, None where as it is; raises BaseError where damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
        bits: Literal[4, 8] = 4 if found.get("load_in_4bit") is True else 8
        double = bool(found.get("bnb_4bit_use_double_quant", True))
        held = Quantisation(bits, double, tuple(found["llm_int8_skip_modules"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unsound(folder) from error
    if not all(isinstance(name, str) for name in held.whole) or held.options() != found:
        raise _unsound(folder)
    return held


_STORED = {
    "_load_in_4bit": True, "_load_in_8bit": False, "bnb_4bit_compute_dtype": "float32", "bnb_4bit_quant_storage": "uint8",
    "bnb_4bit_quant_type": "nf4", "llm_int8_enable_fp32_cpu_offload": False, "llm_int8_has_fp16_weight": False,
    "llm_int8_threshold": 6.0, "load_in_4bit": True, "load_in_8bit": False, "quant_method": "bitsandbytes",
}  # fmt: skip


def stored_quantisation(config: Any) -> Quantisation | None:
    """Return what ``quantization_config`` of a model whose files hold 4-bit weights says; None unless hasei wrote it so."""
    if not isinstance(config, dict):
        return None
    double, whole = config.get("bnb_4bit_use_double_quant"), config.get("llm_int8_skip_modules")
    if not isinstance(double, bool) or not isinstance(whole, list) or not all(isinstance(n, str) for n in whole):
        return None
    rest = {k: v for k, v in config.items() if k not in ("bnb_4bit_use_double_quant", "llm_int8_skip_modules")}
    return Quantisation(4, double, tuple(whole)) if rest == _STORED else None


def _unsound(folder: Path) -> BaseError:
    return BaseError(f"the model folder '{folder.name}' has no sound '{FILE}'", do="derive it again")
