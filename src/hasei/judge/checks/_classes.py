"""Classes too small to learn or to judge, one class nearly everywhere: from labels and roles alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from hasei.ground.language import _
from hasei.ground.statistics.power import LEAST_OF_A_CLASS
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._saying import listed, percent, short

Severity = Literal["warning", "note"]

LEAST_TO_LEARN = 5
_NEARLY_ALL = 0.9
_MOST_OF_THEM = 0.75
_HALF = 0.5
_SEVERAL = 4
_SHOWN = 50


def class_findings(
    targets: Sequence[str], roles: Sequence[str], lines: Sequence[int], files: Sequence[str], *, all_judged: bool
) -> list[Finding]:
    """Return what makes the classes of n rows hard to learn or to judge.

    *roles* as in a data set, "" for a dropped row; *all_judged*: cross-fitting will judge every row, not confirm only.
    """
    learnt = Counter(t for t, role in zip(targets, roles, strict=True) if role in ("train", "select"))
    judged = Counter(t for t, role in zip(targets, roles, strict=True) if role == "confirm" or (role and all_judged))
    names = sorted(set(learnt) | set(judged))
    barely = [name for name in names if learnt[name] < LEAST_TO_LEARN]
    unjudged = [name for name in names if judged[name] < LEAST_OF_A_CLASS and name not in barely]
    if len(names) == 1:
        message = _("every row of '{file}' has the label '{label}': there is nothing to tell apart", file=files[0],
                    label=short(names[0]))  # fmt: skip
        return [
            Finding(
                "imbalance", "error", message, files[0], do=_("add rows with other labels, or choose another --label")
            )
        ]
    found = _lists(targets, files, len(names)) + _imbalance(learnt)
    if barely:
        message = _(
            "classes with fewer than {least} rows to learn from: {n} of {of} ({names})", least=LEAST_TO_LEARN,
            n=len(barely), of=len(names), names=listed(barely, 8),
        )  # fmt: skip
        do = _("collect rows of these classes, merge them with others, or leave them out")
        found.append(_small("learn", "warning", message, do, barely, learnt, targets, lines, files))
    if unjudged:
        message = _(
            "classes with fewer than {least} rows to be judged by: {n} of {of} ({names}); together they count, singly"
            " nothing sure can be said of them", least=LEAST_OF_A_CLASS, n=len(unjudged), of=len(names),
            names=listed(unjudged, 8),
        )  # fmt: skip
        do = _("collect rows of these classes, or take their own figures as hints only")
        found.append(_small("judge", "note", message, do, unjudged, judged, targets, lines, files))
    return found


def _lists(targets: Sequence[str], files: Sequence[str], classes: int) -> list[Finding]:
    """Return the finding for labels that hold several answers each, as a JSON list does."""
    lists = sum(target.startswith("[") and target.endswith("]") for target in targets)
    if not targets or lists < _HALF * len(targets):
        return []
    message = _(
        "{n} of {rows} labels of '{file}' are lists of answers: every combination counts as a class of its own, {classes}"
        " in all", n=lists, rows=len(targets), file=files[0], classes=classes,
    )  # fmt: skip
    do = _("give each row one answer, in a column of its own (--label)")
    return [Finding("label_list", "warning", message, files[0], do=do)]


def _imbalance(learnt: Counter[str]) -> list[Finding]:
    """Return the finding for a class that makes a constant answer look good, if there is one."""
    rows = sum(learnt.values())
    name, most = min(learnt.items(), key=lambda c: (-c[1], c[0]), default=("", 0))
    many = _HALF if len(learnt) >= _SEVERAL else _MOST_OF_THEM
    if len(learnt) < 2 or most < many * rows:
        return []
    message = _(
        "{n} of {rows} rows to learn from are '{name}': always answering so is right in {share} of all cases, and accuracy"
        " says little", n=most, rows=rows, name=short(name), share=percent(most / rows),
    )  # fmt: skip
    do = _("aim at macro_f1, which counts every class alike, or collect rows of the other classes")
    evidence = {"class": name, "rows": most, "of": rows, "constant_accuracy": round(most / rows, 4)}
    severity: Severity = "warning" if most >= _NEARLY_ALL * rows else "note"
    return [Finding("imbalance", severity, message, do=do, evidence=evidence)]


def _small(
    variant: str, severity: Severity, message: str, do: str, names: Sequence[str], counts: Counter[str],
    targets: Sequence[str], lines: Sequence[int], files: Sequence[str],
) -> Finding:  # fmt: skip
    """Return the finding with the rows of *names* in the first file that has any."""
    small = set(names)
    rows = [i for i, target in enumerate(targets) if target in small]
    file = files[rows[0]]
    here = tuple(sorted(int(lines[i]) for i in rows if files[i] == file))
    evidence = {"classes": {name: counts[name] for name in names[:_SHOWN]}}
    return Finding("small_class", severity, message, file, here, do, variant, evidence)
