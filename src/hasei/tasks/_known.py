"""Targets that come from elsewhere (a file of rules, an older model) in the spelling that the data's own labels have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from hasei.inputs.data.dataset import Finding
from hasei.tasks import Space, Task


def as_known(task: Task, space: Space, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Clean *targets* as *task* does, but into the spelling of *space*: ``1``, not ``1.0``; say what was done.

    What is no label of *space* is only cleaned. Raises DataError where one is no target at all.
    """
    own = getattr(task, "known", None)  # where names of outputs are no targets
    if own is not None:
        return cast(tuple[list[str], list[Finding]], own(space, targets))
    names = space.said
    cleaned, findings = task.clean([*names, *targets])
    known = dict(zip(cleaned, names))
    return [known.get(target, target) for target in cleaned[len(names) :]], findings
