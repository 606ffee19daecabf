"""Parts of a base that are smaller than layers: parameters of one kind, rows of the token table, rows of the head.

Shapes: token table (vocabulary, h); head weight (w, h) and bias (w,).
Relations: :mod:`hasei.methods._tuning` trains them; what is no part stays as it is, bit for bit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported, nearest
from hasei.inputs.architecture import Stack, kind_of
from hasei.methods._tuning import Part
from hasei.tasks import Space


def of_kind(trunk: Trunk, names: Collection[str], kind: str) -> frozenset[str]:
    """Return those of the parameters *names* that are ``"biases"`` or of ``"normalisations"``; raises NotSupported for none."""
    if kind == "biases":
        found = frozenset(name for name in names if "bias" in name.rpartition(".")[2])
    else:
        norms = {
            path for path, module in trunk.model.named_modules()
            if kind_of(path, module, trunk.stack.path) == "normalisation"
        }  # fmt: skip
        found = frozenset(name for name in names if name.rpartition(".")[0] in norms)
    if not found:
        raise NotSupported(
            f"the chosen layers of '{trunk.base.name}' have no {kind}", do="set parameters to all, or use lora"
        )
    return found


def token_rows(trunk: Trunk, texts: Sequence[str]) -> Part:
    """Return the rows of the token table for *texts* as a part of a copy of *trunk*.

    Raises NotSupported where the base has no such table or its tokenizer does not know a text.
    """
    table: Any = getattr(trunk.model, "get_input_embeddings", lambda: None)()
    if table is None or not callable(trunk.tokenizer) or not hasattr(trunk.tokenizer, "unk_token_id"):
        raise NotSupported(
            f"the base '{trunk.base.name}' has no table of tokens", do="leave tokens out, or use a base of texts"
        )
    rows = _ids_of(trunk.tokenizer, texts)
    name = next(n for n, p in trunk.model.named_parameters() if p is table.weight)
    copy: Any = trunk.fresh((name,))
    stack = Stack(trunk.stack.path, tuple(copy.get_submodule(trunk.stack.path).children()))
    return Part(copy, stack, frozenset((name,)), -1, only={f"trunk.{name}": rows})


def _ids_of(tokenizer: Any, texts: Sequence[str]) -> tuple[int, ...]:
    found, unknown = set(), []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if not ids or tokenizer.unk_token_id in ids:
            unknown.append(text)
        found |= set(ids)
    if unknown:
        raise NotSupported(
            f"the base's tokenizer does not know {len(unknown)} of the chosen tokens",
            received=", ".join(map(repr, unknown))[:80], do="leave them out, or use another base",
        )  # fmt: skip
    return tuple(sorted(found))


def head_rows(space: Space, categories: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the rows of the head's parameters for *categories*; raises NotSupported where one does not exist."""
    if not space.names:
        raise NotSupported("this task has no categories to choose from", do="leave categories out")
    missing = [name for name in categories if name not in space.names]
    if missing:
        raise NotSupported(f"there is no category '{missing[0]}'", do=nearest(missing[0], space.names))
    rows = tuple(sorted({space.names.index(name) for name in categories}))
    return {"head.weight": rows, "head.bias": rows}
