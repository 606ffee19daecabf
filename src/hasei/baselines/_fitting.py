"""How many examples a base reads before a prompt."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from hasei.baselines._asking import settled
from hasei.baselines._prompted import Prompted, rows_of
from hasei.engine.derivation import Context
from hasei.engine.prompts import meanings, with_labels
from hasei.engine.ways import writer
from hasei.engine.writing import with_examples
from hasei.ground.errors import NotSupported


def fitting(context: Context, params: Prompted, wanted: int, *, exact: bool) -> int:
    """Return how many examples of usual length fit before a prompt of usual length, at most *wanted*.

    Raises NotSupported where *exact* as many as *wanted* were asked for and fewer fit, or none does.
    """
    trunk, settings = writer(context.trunk), cast(Any, params)
    rows = rows_of(context, settings.descriptions)
    lengths = np.array([len(prompt) + len(answer) for prompt, answer in rows])
    usual = rows[int(np.argsort(lengths, kind="stable")[len(rows) // 2])]
    template = settings.templates[0] if settings.templates else ""
    if context.task.target_kind == "category":
        names = meanings(context.task, context.space, settings.descriptions)
        asking = settled(context, "likelihood", settings)
        template = max((with_labels(one, names) for one in asking.templates), key=len)
    turns = [with_examples(usual[0], [usual] * n, template) for n in (0, 1)]
    bare, one = (len(ids) for ids in trunk.chat.prompts(turns))
    answer = max(len(trunk.chat._ids(usual[1])), params.max_new_tokens or 1)
    fits = (trunk.max_tokens - answer - bare) // max(1, one - bare)
    if fits >= min(wanted, len(rows)):
        return min(wanted, len(rows))
    if exact or fits < 1:
        raise NotSupported(
            f"{wanted} examples do not fit before a prompt",
            expected=f"at most {trunk.max_tokens} tokens, which '{trunk.base.name}' reads",
            received=f"about {bare + answer + wanted * (one - bare)} tokens",
            do=f"set examples to at most {fits}" if fits > 0 else "use zero_shot, or a base that reads longer texts",
        )  # fmt: skip
    return int(fits)
