"""A model's embedding, stack of layers and head, found by structure and not by name; parameters by kind.

The stack is the ModuleList or Sequential with at least two children that holds the most parameters, outermost on ties
("the longest list" and "children of one class" pick wrong ones in real architectures).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hasei.ground.errors import BaseError

if TYPE_CHECKING:
    from torch import nn

    from hasei.inputs.base import Base


@dataclass(frozen=True)
class Stack:
    """The stack of layers of a model: *path* is its name inside the model, *layers* its children in order."""

    path: str
    layers: tuple[nn.Module, ...]

    def __len__(self) -> int:
        return len(self.layers)


def parameters_of(module: nn.Module) -> int:
    """Number of parameters of *module*, shared ones counted once."""
    return sum(p.numel() for p in module.parameters())


def find_stack(model: nn.Module) -> Stack:
    """Return the stack of *model*; raises :class:`BaseError` where there is none or where two towers compete."""
    from torch import nn

    found = [(n, m) for n, m in model.named_modules() if isinstance(m, (nn.ModuleList, nn.Sequential)) and len(m) >= 2]
    if not found:
        raise BaseError(
            "this model has no stack of layers", expected="a list of at least two layers that share no weights",
            do="choose another base",
        )  # fmt: skip
    total = max(1, parameters_of(model))
    sized = sorted(((parameters_of(m), -n.count("."), n, m) for n, m in found), key=lambda s: (-s[0], -s[1]))
    _, _, path, module = sized[0]
    for size, _, other, _ in sized[1:]:
        nested = other.startswith(path + ".") or path.startswith(other + ".")
        if size >= 0.2 * total and not nested:
            raise BaseError(f"this model has two towers, '{path}' and '{other}'", do="choose a base with one tower")
    return Stack(path, tuple(module.children()))


def kind_of(path: str, module: nn.Module, stack: str) -> str:
    """Return the kind of the parameters that *module* (at *path*) itself holds."""
    from torch import nn

    name = type(module).__name__.lower()
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return "embedding"
    if "norm" in name:
        return "normalisation"
    if not (path + ".").startswith(stack + "."):
        return "embedding" if "embed" in path.lower() else "head"
    parts = path[len(stack) :].lower()
    if "attn" in parts or "attention" in parts:
        return "attention"
    if "router" in parts or parts.endswith(".gate"):
        return "router"
    return "expert" if "expert" in parts else "feed-forward"


def parameters_by_kind(model: nn.Module) -> dict[str, dict[str, int]]:
    """Return ``{kind: {"weights": n, "biases": n}}``; a parameter that two modules share is counted once."""
    stack = find_stack(model).path
    counts: dict[str, dict[str, int]] = {}
    seen: set[int] = set()
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            group = counts.setdefault(kind_of(path, module, stack), {"weights": 0, "biases": 0})
            group["biases" if "bias" in name else "weights"] += parameter.numel()
    return counts


def describe(base: Base) -> dict[str, Any]:
    """Return what ``hasei base`` prints: architecture, sizes and parameters by kind, without loading the weights.

    Raises BaseError where no model can be made of the base's configuration, or it has no stack of layers.
    """
    model = _empty(base)
    config, stack = model.config, find_stack(model)
    return {
        "name": base.name, "hub": base.hub, "revision": base.revision, "licence": base.licence,
        "content_hash": base.content_hash, "architecture": type(model).__name__, "model_type": config.model_type,
        "layers": len(stack), "hidden_size": _width(config), "max_tokens": base.max_tokens if base.reads == "text" else 0,
        "pooling": base.pooling,
        "parameters": parameters_of(model), "parameters_by_kind": parameters_by_kind(model),
        "size_bytes": base.size_bytes(), "parents": list(base.parents),
    }  # fmt: skip


def _width(config: Any) -> int:
    """The width of the last states, as the configuration names it: one width, or one for each stage."""
    widths = getattr(config, "hidden_sizes", None) or [getattr(config, "hidden_size", 0)]
    return int(widths[-1])


def _empty(base: Base) -> Any:
    """Return the model of *base* without numbers in it."""
    import torch
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(base.folder, trust_remote_code=False, local_files_only=True)
        with torch.device("meta"):
            return AutoModel.from_config(config, trust_remote_code=False)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise BaseError(
            f"no model can be made of the configuration of the base '{base.name}'", received=str(error),
            do="check where the model comes from",
        ) from error  # fmt: skip
