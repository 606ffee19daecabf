"""What folders of exported models share: what reads texts or pictures, how long an input may be, how the model was exported.

``sentence_bert_config.json`` holds the longest input, where sentence-transformers keeps it; ``exported.json`` what no library
needs: what the graph gives, the width of the outputs and the precision of the weights.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from hasei.engine import runtimes
from hasei.engine.exported import BATCH_TOKENS, PICTURES, RuntimePredictor
from hasei.engine.opening import quiet
from hasei.engine.pixels import Preparer
from hasei.formats._modules import copy_tokenizer
from hasei.ground import lineage
from hasei.ground.errors import BaseError
from hasei.ground.files import write_bytes, write_json
from hasei.inputs.base import Base

ABOUT = "exported.json"
LIMIT = "sentence_bert_config.json"
PREPARES = "preprocessor_config.json"
_CONFIG = "config.json"


def save(predictor: RuntimePredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*, else from where it was loaded."""
    source = base.folder if base is not None else predictor.content
    if not isinstance(source, Path):
        raise ValueError("an exported model is derived from a base")
    for name in runtimes.files(predictor.engine):
        if isinstance(predictor.content, Path):
            shutil.copyfile(predictor.content / name, folder / name)
        else:
            write_bytes(folder / name, predictor.content[name])
    if (source / _CONFIG).is_file():  # by which some libraries find the class of the tokenizer
        shutil.copyfile(source / _CONFIG, folder / _CONFIG)
    if predictor.kind == PICTURES:
        shutil.copyfile(source / PREPARES, folder / PREPARES)
    else:
        copy_tokenizer(folder, source)
        write_json(folder / LIMIT, {"max_seq_length": predictor.max_tokens, "do_lower_case": False})
    names = ("width", "precision", "kind", "hidden", "line")
    write_json(folder / ABOUT, {name: getattr(predictor, name) for name in names})


def load(folder: Path, engine: str) -> RuntimePredictor:
    """Load what :func:`save` wrote, to be run by *engine*; raises BaseError where a part is missing or damaged."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text("utf-8"))
        pictures = about["kind"] == PICTURES
        limit = 0 if pictures else int(json.loads((folder / LIMIT).read_text("utf-8"))["max_seq_length"])
        width, weight, bias = int(about["width"]), *map(float, about["line"])
        held: dict[str, Any] = {"precision": str(about["precision"]), "kind": str(about["kind"])}
        held |= {"hidden": int(about["hidden"]), "line": (weight, bias)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' is incomplete: {error}", do="export it again") from error
    threads, tokens = _chosen(folder)
    reads = Preparer(Base(folder.name, folder)) if pictures else _tokenizer(folder)
    return RuntimePredictor(reads, limit, width, folder, engine=engine, threads=threads, batch_tokens=tokens, **held)


def _chosen(folder: Path) -> tuple[int, int]:
    """Return with how many threads (0: the engine's choice) and tokens in a batch ``hasei optimise`` found it quickest."""
    found = lineage.read(folder)["record"] if (folder / lineage.FILE).is_file() else {}
    chosen = found.get("optimise", {}).get("chosen", {})
    threads, tokens = chosen.get("threads"), chosen.get("batch_tokens")
    return (
        min(threads, os.cpu_count() or 1) if isinstance(threads, int) and threads > 0 else 0,
        tokens if isinstance(tokens, int) and tokens > 0 else BATCH_TOKENS,
    )


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    with quiet():
        try:
            return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        except Exception as error:  # a damaged vocabulary raises what the library that reads it likes
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BaseError(
                f"the tokenizer in '{folder.name}' can't be loaded", received=said, do="export it again"
            ) from error
