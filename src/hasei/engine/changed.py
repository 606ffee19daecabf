"""A base whose weights were changed in memory, as a base of its own: what is kept of its activations never meets the old one's.

A store names what it keeps by the content of a base's files (:class:`hasei.inputs.base.Base`), so the changed weights are
written beside the base's own tokenizer and settings, and opened from there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from torch import nn

from hasei.engine.opening import quiet
from hasei.ground.files import write_json
from hasei.inputs.base import CONTENT, Base


def write_changed(base: Base, model: nn.Module, folder: Path) -> Base:
    """Write *model*, of the architecture of *base*, as a base into the new *folder*, and open it.

    What a base says of its files is read at once, so that it stays true when the folder is gone.
    """
    writer: Any = model
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        writer.save_pretrained(folder, max_shard_size="1000GB")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    # Which class its files were written by tells how a base pools (Base.pooling); a trunk alone opens under either name.
    write_json(folder / "config.json", config | {"architectures": base.config.get("architectures")})
    for path in sorted({p for pattern in CONTENT for p in base.folder.glob(pattern) if p.is_file()}):
        place = folder / path.relative_to(base.folder)
        if path.suffix == ".safetensors" or place.exists():
            continue
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, place)
    changed = Base.open(folder)
    _read = changed.content_hash, changed.config, changed.pooling, changed.max_tokens, changed.reads
    return changed
