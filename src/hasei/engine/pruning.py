"""Units of a transformer that can be taken out: neurons of a feed-forward part, attention heads, layers, single weights.

A *unit* is a run of columns of one matrix (``out``) with the rows of those before it that make these columns: a neuron is one
column, a head as many as it is wide, with grouped keys (Llama) all heads that read the same key. Parts are found by structure.

Source: Michel et al. 2019, "Are sixteen heads really better than one?"; McCarley et al. 2019, "Structured pruning of a BERT-based
question answering model"; n:m: Mishra et al. 2021, "Accelerating sparse deep neural networks".
Shapes: hidden h, columns c of ``out`` (h, c), u units of c / u columns each.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints
from hasei.engine.opening import quiet, unset
from hasei.engine.pooled import inner
from hasei.ground.errors import BaseError, NotSupported
from hasei.inputs.architecture import Stack, find_stack

WIDTHS = ("intermediate_size", "hidden_dim", "ffn_dim", "d_ff", "encoder_ffn_dim", "n_inner")
QUERIES, KEYS, VALUES = ({f"{a}", f"{a}_proj", f"{a}_lin", long, f"{long}_proj"} for a, long in
                         (("q", "query"), ("k", "key"), ("v", "value")))  # fmt: skip
SAME = 1e-5
"""How far outputs of a smaller model may lie from those of the one it is to equal, against their largest."""


@dataclass(frozen=True)
class Block:
    """The units of one part of one layer: *ins* are (name, rows a unit, how many such runs are packed) of the matrices before,
    *out* is the name of the one whose *size* columns a unit has, *count* how many units there are. Names are of modules.
    """

    ins: tuple[tuple[str, int, int], ...]
    out: str
    size: int
    count: int

    def columns(self, units: Ints) -> Ints:
        """The columns of ``out`` that *units* have."""
        return _runs(units, self.size)

    def rows(self, units: Ints) -> dict[str, Ints]:
        """The rows of each matrix before that *units* have."""
        found = {}
        for name, each, packed in self.ins:
            one = _runs(units, each)
            found[name] = np.concatenate([one + part * each * self.count for part in range(packed)])
        return found


def _runs(units: Ints, size: int) -> Ints:
    return (np.asarray(units, np.int64)[:, None] * size + np.arange(size)).ravel()


def width_of(config: Any) -> tuple[str, int]:
    """The name that *config* has for the width of its feed-forward parts, and that width; ("", 0) where it names none."""
    for name in WIDTHS:
        value = getattr(config, name, None)
        if isinstance(value, int) and value:
            return name, value
    return "", 0


def feed_forward(model: nn.Module, stack: Stack) -> list[Block]:
    """Return the neurons of each layer; raises NotSupported where they can't be told, or are those of experts."""
    refuse_experts(model)
    hidden, (_, width) = _hidden(model), width_of(model.config)
    width = width or -1
    found = []
    for i, layer in enumerate(stack.layers):
        linear = {n: m for n, m in layer.named_modules() if isinstance(m, nn.Linear) and not _of_attention(n)}
        outs = [n for n, m in linear.items() if (m.in_features, m.out_features) == (width, hidden)]
        others = {n: m for n, m in linear.items() if n not in outs and m.in_features == hidden}
        ins = [(n, m.out_features // width) for n, m in others.items() if m.out_features in (width, 2 * width)]
        if len(outs) != 1 or not 1 <= len(ins) <= 2:
            raise NotSupported(
                f"the neurons of the feed-forward parts of a '{model.config.model_type}' can't be told",  # type: ignore[union-attr]
                expected="two linear layers, or three of a gated one", do="use width 0",
            )  # fmt: skip
        path = f"{stack.path}.{i}."
        found.append(Block(tuple((path + n, 1, packed) for n, packed in ins), path + outs[0], 1, width))
    return found


def heads(model: nn.Module, stack: Stack) -> list[Block]:
    """Return the attention heads of each layer; raises NotSupported where they can't be told."""
    hidden, config = _hidden(model), model.config
    count = int(getattr(config, "num_attention_heads", 0) or 0)
    groups = int(getattr(config, "num_key_value_heads", None) or count)
    found = []
    for i, layer in enumerate(stack.layers):
        linear = {n: m for n, m in layer.named_modules() if isinstance(m, nn.Linear) and _of_attention(n)}
        named = [[n for n in linear if n.rpartition(".")[2] in names] for names in (QUERIES, KEYS, VALUES)]
        others = [n for n in linear if all(n not in one for one in named)]
        outs = [n for n in others if linear[n].out_features == hidden]
        if not count or any(len(one) != 1 for one in named) or len(others) != 1 or len(outs) != 1:
            raise NotSupported(
                f"the attention heads of a '{config.model_type}' can't be told",  # type: ignore[union-attr]
                expected="one linear layer each for queries, keys, values and what comes out", do="use heads 0",
            )  # fmt: skip
        path, size = f"{stack.path}.{i}.", linear[outs[0]].in_features // groups
        ins = tuple((path + n, linear[n].out_features // groups, 1) for (n,) in named)
        found.append(Block(ins, path + outs[0], size, groups))
    return found


def refuse_experts(model: nn.Module) -> None:
    """Raise NotSupported where *model* has a mixture of experts."""
    if any("expert" in name for name, _ in model.named_modules()):
        raise NotSupported(
            "a base with a mixture of experts can't be pruned: which expert reads a token hangs on all of them",
            do="choose a base without experts",
        )  # fmt: skip


def without_neurons(model: nn.Module, blocks: Sequence[Block], kept: Sequence[Ints]) -> nn.Module:
    """Return *model* with the *kept* neurons (as many in each layer) of each of *blocks* only, in a smaller architecture."""
    name, _ = width_of(model.config)
    return resized(model, {name: len(kept[0])}, cut(model.state_dict(), blocks, kept))


def without_heads(model: nn.Module, blocks: Sequence[Block], kept: Sequence[Ints], batch: Any) -> nn.Module:
    """Return *model* with the *kept* heads of each of *blocks* only.

    They are gone where the architecture has a width of heads of its own and as many are kept in each layer; else their numbers
    are zero, and :func:`without_dead_heads` leaves them out when it runs. *batch* is what this is tried on.
    """
    zeroed = copy.deepcopy(model)
    with torch.no_grad():
        for block, units in zip(blocks, kept):
            gone = np.setdiff1d(np.arange(block.count), units)
            for name, rows in block.rows(gone).items():
                for parameter in zeroed.get_submodule(name).parameters():
                    parameter[torch.from_numpy(rows)] = 0.0
            zeroed.get_parameter(f"{block.out}.weight")[:, torch.from_numpy(block.columns(gone))] = 0.0
    config, groups = model.config, len(kept[0])
    if not groups or len({len(units) for units in kept}) > 1 or groups == blocks[0].count:
        return zeroed
    each = int(config.num_attention_heads) // blocks[0].count  # type: ignore[union-attr, arg-type]
    fewer = {"num_attention_heads": groups * each, "head_dim": blocks[0].size // each}
    if getattr(config, "num_key_value_heads", None):
        fewer["num_key_value_heads"] = groups
    try:
        smaller = resized(model, fewer, cut(model.state_dict(), blocks, kept))
        return smaller if same(smaller, zeroed, batch) else zeroed
    except Exception:  # whatever the architecture's own checks raise: it has no such model
        return zeroed


def without_layers(model: nn.Module, stack: Stack, kept: Sequence[int]) -> nn.Module:
    """Return *model* with its layers *kept* only, in order."""
    place, prefix = {old: new for new, old in enumerate(kept)}, stack.path + "."
    state = {}
    for name, tensor in model.state_dict().items():
        if name.startswith(prefix):
            number, _, rest = name[len(prefix) :].partition(".")
            if int(number) not in place:
                continue
            name = f"{prefix}{place[int(number)]}.{rest}"
        state[name] = tensor
    changes: dict[str, Any] = {"num_hidden_layers": len(kept)}
    for key, value in model.config.to_dict().items():  # type: ignore[union-attr, operator]
        if isinstance(value, list) and len(value) == len(stack) and key.startswith("layer"):
            changes[key] = [value[i] for i in kept]
    return resized(model, changes, state)


def resized(model: nn.Module, changes: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> nn.Module:
    """Return a model of the class of *model*, its configuration *changed*, that holds *state*."""
    config: Any = copy.deepcopy(model.config)
    for key, value in changes.items():
        setattr(config, key, value)
    with quiet(), unset():
        made: Any = type(model)(config).eval()
    if getattr(model, "pooler", 0) is None:
        made.pooler = None
    made.load_state_dict(state)
    found: nn.Module = made
    return found


def cut(state: Mapping[str, torch.Tensor], blocks: Sequence[Block], kept: Sequence[Ints]) -> dict[str, torch.Tensor]:
    """Return *state* with only the *kept* units of each of *blocks*."""
    found = dict(state)
    for block, units in zip(blocks, kept):
        for name, rows in block.rows(units).items():
            for end in ("weight", "bias"):
                if f"{name}.{end}" in found:
                    found[f"{name}.{end}"] = found[f"{name}.{end}"][torch.from_numpy(rows)]
        columns = torch.from_numpy(block.columns(units))
        found[f"{block.out}.weight"] = found[f"{block.out}.weight"][:, columns]
    return found


def without_dead_heads(model: nn.Module) -> nn.Module:
    """Return a copy of *model* to run, without heads whose numbers are zero; *model* itself where there are none.

    Its answers are those of *model* but for the order in which numbers are added. It can't be written to a folder: the
    configuration of an architecture without a width of heads of its own can't say what it is.
    """
    try:
        blocks = heads(model, find_stack(model))
    except (BaseError, NotSupported):
        return model
    kept = []
    for block in blocks:
        weight = model.get_parameter(f"{block.out}.weight").detach()
        kept.append(weight.abs().amax(0).view(block.count, block.size).amax(1).nonzero().ravel().numpy())
    if all(len(units) == block.count for units, block in zip(kept, blocks)):
        return model
    slim = copy.deepcopy(model, {id(p): p for p in model.parameters()})
    narrow(slim, blocks, kept)
    batch = {"input_ids": torch.arange(2, 12).view(2, 5), "attention_mask": torch.ones(2, 5, dtype=torch.long)}
    try:
        return slim if same(slim, model, batch) else model
    except RuntimeError:  # it counts its heads, and not by what comes out of the queries
        return model


def narrow(model: nn.Module, blocks: Sequence[Block], kept: Sequence[Ints]) -> None:
    """Leave the *kept* units of each of *blocks* alone in *model*, in place, whatever its configuration says."""
    for block, units in zip(blocks, kept):
        units = units if len(units) else np.arange(1)  # an attention of no head can't be run
        state = cut({f"{n}.{k}": t for n in (*(i[0] for i in block.ins), block.out)
                     for k, t in model.get_submodule(n).state_dict().items()}, [block], [units])  # fmt: skip
        for name in (*(i[0] for i in block.ins), block.out):
            model.set_submodule(name, _linear(state[f"{name}.weight"], state.get(f"{name}.bias")))


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    made.weight = nn.Parameter(weight.clone(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.clone(), requires_grad=False)
    return made


def same(one: nn.Module, other: nn.Module, batch: Any) -> bool:
    """Whether both give equal states where *batch* has tokens, but for rounding."""
    with torch.no_grad():
        a, b = (inner(m)(**batch).last_hidden_state[batch["attention_mask"].bool()] for m in (one, other))
    return bool((a - b).abs().max() <= SAME * max(1.0, float(b.abs().max())))


def smallest(weight: torch.Tensor, scores: torch.Tensor, share: float, pattern: tuple[int, int] | None) -> torch.Tensor:
    """Return which numbers of *weight* (r, c) stay (bool): all but *share* of the lowest *scores*, or n of every m in a row."""
    if pattern is None:
        gone = int(weight.numel() * share)
        keep = torch.ones(weight.numel(), dtype=torch.bool)
        keep[scores.reshape(-1).argsort(stable=True)[:gone]] = False
        return keep.view_as(weight)
    n, m = pattern
    order = scores.reshape(-1, m).argsort(dim=1, descending=True, stable=True)[:, :n]
    keep = torch.zeros(scores.numel() // m, m, dtype=torch.bool)
    return keep.scatter_(1, order, True).view_as(weight)


def _of_attention(name: str) -> bool:
    return "att" in name.lower()


def _hidden(model: nn.Module) -> int:
    return int(model.config.hidden_size)  # type: ignore[union-attr, arg-type]
