"""An image model in its architecture's own form: the native classifier without its last linear layer.

What that layer would read are the features, whatever the architecture makes them of (a mean of places, a class token, both,
a norm after them). So a head solved or trained on them is the native model, and a standard library reproduces it.

Shapes: pixels (b, 3, height, width) -> features (b, h).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutput

from hasei.engine.opening import quiet
from hasei.engine.pooled import PooledModel, last_states
from hasei.ground.errors import BaseError
from hasei.inputs.base import Base


class NativeTrunk(nn.Module):
    """A native classifier whose last linear layer, at *place*, is the identity: ``last_hidden_state`` are its features (b, h)."""

    base_model_prefix = ""  # what peft asks of everything that has a configuration

    def __init__(self, native: nn.Module, place: str) -> None:
        super().__init__()
        self.native, self.place = native, place

    @property
    def config(self) -> Any:
        """The architecture's configuration."""
        return self.native.config

    def forward(self, pixel_values: torch.Tensor) -> BaseModelOutput:
        """Features (b, h) of pixels (b, 3, height, width)."""
        return BaseModelOutput(last_hidden_state=self.native(pixel_values=pixel_values).logits)


class PictureModel(PooledModel):
    """Trunk and linear head; *pooling* is always the architecture's own."""

    def features(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Features (b, h) of a batch of pixels."""
        return last_states(self.trunk, batch)


def load_native(base: Base) -> tuple[NativeTrunk, int]:
    """Load *base* in float32, in eval mode, without its head; also how wide its features are.

    Raises :class:`BaseError` where the architecture has no classifier of pictures, or weights other than the head's are missing.
    """
    from transformers import AutoModelForImageClassification

    with quiet(), torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            native, report = AutoModelForImageClassification.from_pretrained(
                base.folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True,
                output_loading_info=True,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise BaseError(
                f"the base '{base.name}' can't be loaded as a classifier of pictures", received=str(error).splitlines()[0],
                do="choose a base such as a ResNet, ConvNeXt, MobileNet or ViT",
            ) from error  # fmt: skip
    path = head_path(native, base.name)
    missing = sorted(k for k in report["missing_keys"] if not k.startswith(path.split(".")[0] + "."))
    if missing:
        raise BaseError(
            f"the base '{base.name}' lacks {len(missing)} weights", received=f"no {missing[0]}", do="fetch it again"
        )
    width = int(native.get_submodule(path).in_features)
    native.set_submodule(path, nn.Identity())
    for parameter in native.parameters():
        parameter.requires_grad_(False)
    return NativeTrunk(native, path).eval(), width


def with_head(trunk: nn.Module, head: nn.Linear) -> Any:
    """Return a copy of the native classifier with *head* as its last linear layer, and as many labels.

    *trunk* is a :class:`NativeTrunk`, or one with low-rank adapters, which are merged into it.
    """
    merge = getattr(copy.deepcopy(trunk), "merge_and_unload", None)
    plain: Any = merge() if merge else copy.deepcopy(trunk)
    native = plain.native
    native.config.num_labels = head.out_features
    native.set_submodule(plain.place, copy.deepcopy(head))
    return native


def head_path(native: nn.Module, name: str) -> str:
    """Return the path of the last linear layer of a classifier of pictures; raises BaseError where it has none."""
    trunk = str(getattr(native, "base_model_prefix", ""))
    found = [p for p, m in native.named_modules() if isinstance(m, nn.Linear) and not p.startswith(trunk + ".")]
    if len(found) != 1:
        raise BaseError(
            f"the base '{name}' has no single linear layer as its classifier", received=f"{len(found)} of them",
            do="choose a base such as a ResNet, ConvNeXt, MobileNet or ViT",
        )  # fmt: skip
    return str(found[0])


def set_labels(config: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the configuration *config* with *names* as the labels of its outputs."""
    labels = {str(i): name for i, name in enumerate(names)}
    return config | {"id2label": labels, "label2id": {name: int(i) for i, name in labels.items()}}
