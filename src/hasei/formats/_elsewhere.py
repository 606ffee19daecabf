"""Model folders answered by the libraries that the model card names, by nothing of hasei's own reading, padding or cutting.

A format that has such a library has ``elsewhere(folder, inputs, open_base)``: the outputs (n, w) of the *inputs* as anyone gets
them who follows the card, or the texts (n,) that a language model writes; None where these are not what the library reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hasei.engine.opening import quiet
from hasei.engine.ragged import ragged
from hasei.ground.errors import BaseError
from hasei.inputs.architecture import auto_class
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.inputs.quantisation import read_quantisation
from hasei.tasks import Array

_BATCH = 32


def by_sentence_transformers(folder: Path, inputs: Sequence[Input]) -> Array:
    """Return what ``SentenceTransformer(folder).encode`` gives (n, w); raises BaseError where the folder names other code."""
    kinds = [str(module["type"]) for module in json.loads((folder / "modules.json").read_text("utf-8"))]
    if any(not kind.startswith("sentence_transformers.") for kind in kinds):
        raise BaseError(f"'{folder.name}' names code that is none of sentence-transformers'", received=", ".join(kinds))
    with quiet():
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu", trust_remote_code=False, local_files_only=True)
        found: Any = model.encode(list(inputs), batch_size=_BATCH, show_progress_bar=False)
    return np.asarray(found, np.float32)


def by_peft(folder: Path, inputs: Sequence[Input], open_base: Callable[[], Base]) -> Array | None:
    """Return the outputs (n, w) of an adapter with pooling and dense head, padded and cut as the folder's tokenizer says."""
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file

    if not (folder / "adapter_config.json").is_file():
        return None
    base = open_base()
    with quiet():
        trunk = _held(auto_class(base.config["model_type"]), base, folder)
        model = PeftModel.from_pretrained(trunk, str(folder)).eval()
    tokenizer, limit = _tokenizer(folder), _limit(folder)
    head, pooling = load_file(folder / "2_Dense" / "model.safetensors"), _pooling(folder)
    rows = []
    for start in range(0, len(inputs), _BATCH):
        part: list[Any] = list(inputs[start : start + _BATCH])
        batch = tokenizer(part, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        if hasattr(model, "prompt_encoder"):
            batch.pop("token_type_ids", None)
        with torch.no_grad():
            states = model(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]
            pooled = _pool(states, batch["attention_mask"], pooling)
            rows.append((pooled @ head["linear.weight"].T + head["linear.bias"]).numpy())
    return np.concatenate(rows).astype(np.float32)


def by_writing(folder: Path, inputs: Sequence[Input], open_base: Callable[[], Base] | None) -> Array | None:
    """Return the texts (n,) that ``model.generate`` writes after the prompts as ``apply_chat_template`` makes them."""
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    from hasei.tasks._messages import messages_of

    how = json.loads((folder / "prompting.json").read_text("utf-8"))
    adapter = (folder / "adapter_config.json").is_file()
    if how.get("scores") or how.get("examples") or (open_base is not None and not adapter):
        return None
    with quiet():
        if open_base is None:
            model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="float32", **_LOCAL)
        else:
            model = _held(AutoModelForCausalLM, open_base(), folder)
        model.generation_config = GenerationConfig.from_pretrained(folder)
        if adapter:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(folder))
        tokenizer = _tokenizer(folder)
    template, found = str(how.get("template", "")), []
    for row in inputs:
        turns = messages_of(row if isinstance(row, str) else row[0])
        turns = [
            *turns[:-1],
            {**turns[-1], "content": template.replace("{}", turns[-1]["content"]) or turns[-1]["content"]},
        ]
        with quiet(), torch.no_grad():
            batch = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            ids = model.eval().generate(**batch)[0, batch["input_ids"].shape[1] :]
        found.append(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip())
    return ragged(found)


_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}


def _held(kind: Any, base: Base, folder: Path) -> Any:
    """Return *base* opened by transformers' class *kind*, rounded where the adapter in *folder* says that it is to be."""
    held = read_quantisation(folder)
    if held is None:
        return kind.from_pretrained(base.folder, dtype="float32", **_LOCAL)
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(**held.options())
    return kind.from_pretrained(base.folder, dtype="float32", quantization_config=config, **_LOCAL).dequantize()


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _limit(folder: Path) -> int:
    return int(json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"])


def _pooling(folder: Path) -> str:
    modes: dict[str, Any] = json.loads((folder / "1_Pooling" / "config.json").read_text("utf-8"))
    return next(name.removeprefix("pooling_mode_") for name, used in modes.items() if used is True)


def _pool(states: Any, mask: Any, how: str) -> Any:
    """Pool states (b, t, h) as the card's code does, which trusts that texts are padded on the right."""
    import torch

    wide = mask.unsqueeze(-1).to(states.dtype)
    if how == "cls_token":
        return states[:, 0]
    if how == "max_tokens":
        return states.masked_fill(wide == 0, -1e9).amax(1)
    if how == "lasttoken":
        return states[torch.arange(len(states)), mask.sum(1) - 1]
    return (states * wide).sum(1) / wide.sum(1)
