"""A training's state on disk, in one safetensors file without pickle: written atomically, read only by its own training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hasei.ground.files import new_file


@dataclass(frozen=True)
class Checkpoint:
    """*key* identifies the training (plan, rows, seed): a checkpoint of another one is ignored."""

    path: Path
    key: str

    def save(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Write tensors and plain state."""
        from safetensors.torch import save_file

        metadata = {"key": self.key, "state": json.dumps(state)}
        with new_file(self.path) as temporary:
            save_file({n: t.contiguous().clone() for n, t in tensors.items()}, temporary, metadata=metadata)

    def load(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return what :meth:`save` wrote, or None where there is none for this key."""
        from safetensors import safe_open

        if not self.path.is_file():
            return None
        with safe_open(self.path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("key") != self.key:
                return None
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(metadata["state"])  # noqa: SIM118

    def clear(self) -> None:
        """Remove the file: its training is over."""
        self.path.unlink(missing_ok=True)
