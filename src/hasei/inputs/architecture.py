"""A model's embedding, stack of layers and head, found by structure and not by name; parameters by kind.

The stack is the ModuleList or Sequential with at least two children that holds the most parameters, outermost on ties
("the longest list" and "children of one class" pick wrong ones in real architectures). A model of one layer, used once or
many times over (ALBERT), has a list of one.
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

    lists = [(n, m) for n, m in model.named_modules() if isinstance(m, (nn.ModuleList, nn.Sequential))]
    sized = sorted(((parameters_of(m), -n.count("."), n, m) for n, m in lists), key=lambda s: (-s[0], -s[1]))
    sized = [s for s in sized if len(s[3]) >= 2 and s[0]] or [s for s in sized if len(s[3]) == 1 and s[0]]
    if not sized:
        raise BaseError("this model has no stack of layers", expected="a list of layers", do="choose another base")
    total = max(1, parameters_of(model))
    _, _, path, module = sized[0]
    for size, _, other, _ in sized[1:]:
        nested = other.startswith(path + ".") or path.startswith(other + ".")
        if size >= 0.2 * total and not nested:
            raise BaseError(f"this model has two towers, '{path}' and '{other}'", do="choose a base with one tower")
    return Stack(path, tuple(module.children()))


def kind_of(path: str, module: nn.Module, stack: str, *, experts: bool = False) -> str:
    """Return the kind of the parameters that *module* (at *path*) itself holds; *experts*: its model has some.

    What decides which expert reads a token is the router: a gate of a layer with experts, also of one that all tokens read.
    """
    from torch import nn

    name = type(module).__name__.lower()
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return "embedding"
    if "norm" in name:
        return "normalisation"
    if not (path + ".").startswith(stack + "."):
        if "embed" in path.lower():
            return "embedding"
        beside = (path + ".").startswith(stack.rpartition(".")[0] + ".")  # DeBERTa's, between two layers
        return "convolution" if beside and "conv" in name else "head"
    parts = path[len(stack) :].lower()
    if "attn" in parts or "attention" in parts:
        return "attention"
    if experts and ("router" in parts or parts.rpartition(".")[2] in ("gate", "shared_expert_gate")):
        return "router"
    if isinstance(module, nn.RNNBase):
        return "recurrent"
    return "expert" if "expert" in parts else "feed-forward"


def parameters_by_kind(model: nn.Module) -> dict[str, dict[str, int]]:
    """Return ``{kind: {"weights": n, "biases": n}}``; a parameter that two modules share is counted once."""
    stack = find_stack(model).path
    experts = any("expert" in path for path, _ in model.named_modules())
    counts: dict[str, dict[str, int]] = {}
    seen: set[int] = set()
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            group = counts.setdefault(kind_of(path, module, stack, experts=experts), {"weights": 0, "biases": 0})
            group["biases" if "bias" in name else "weights"] += parameter.numel()
    return counts


def auto_class(model_type: str) -> Any:
    """Return the class of transformers that opens the trunk of a model of *model_type*.

    Of an encoder-decoder whose encoder is published as a model of its own (T5) it is the encoder.
    """
    from transformers import CONFIG_MAPPING, MODEL_FOR_TEXT_ENCODING_MAPPING, AutoModel, AutoModelForTextEncoding

    encoder = MODEL_FOR_TEXT_ENCODING_MAPPING.get(CONFIG_MAPPING[model_type], None)
    return AutoModelForTextEncoding if encoder and encoder.__name__.endswith("EncoderModel") else AutoModel


def describe(base: Base) -> dict[str, Any]:
    """Return what ``hasei base`` prints: architecture, sizes and parameters by kind, without loading the weights.

    Raises BaseError where no model can be made of the base's configuration, or it has no stack of layers.
    """
    model = empty_model(base)
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


def empty_model(base: Base) -> Any:
    """Return the model of *base* without numbers in it (on torch's meta device); raises BaseError where there is none."""
    import torch
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(base.folder, trust_remote_code=False, local_files_only=True)
        with torch.device("meta"):
            return auto_class(config.model_type).from_config(config, trust_remote_code=False)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise BaseError(
            f"no model can be made of the configuration of the base '{base.name}'", received=str(error),
            do="check where the model comes from",
        ) from error  # fmt: skip
