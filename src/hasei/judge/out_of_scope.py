"""Texts that no label is for: the threshold from which on a text is turned away, and what it does on the confirm rows.

The threshold is chosen on select rows alone: the one with most right answers, texts out of scope being right where they are
turned away; among equals the lowest, which turns most of them away. Where no select row is out of scope, nothing says how
many right answers turning one away is worth: a class learnt for them is then answered like any other (threshold 0), and
without one 5 % of the select rows are turned away.

Source: Larson et al. 2019, "An evaluation dataset for intent classification and out-of-scope prediction"; Hendrycks & Gimpel
2017 (AUROC); Liu et al. 2020, "Energy-based out-of-distribution detection" (95 % of the rows in scope kept).
Shapes: outputs (n, width) as a model gives them, or as read (n, k) with the threshold worked in (``tasks/_scope.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import NotSupported, RecipeError, nearest
from hasei.ground.language import _
from hasei.ground.statistics import Interval
from hasei.judge.evaluation import score
from hasei.judge.wording import percent, sentences
from hasei.tasks import Floats, Metric, Scope, Space, Task
from hasei.tasks._known import as_known
from hasei.tasks._scope import scores

TURNED_AWAY = 0.05
"""Share of the select rows that is turned away where none of them is out of scope and no class was learnt for that."""
_CURVE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_OUT, _IN = "out", "in"


@dataclass(frozen=True)
class OutOfScope:
    """What turning texts away at *threshold* does; the last five are None where there are no rows to tell it.

    *learnt*: train rows of *label* made it a class. *rows_out* and *rows_in* count the rows out of and in scope. *auroc*: how
    often a row out of scope has a higher score than one in scope. *caught*: rows out of scope that are turned away,
    *turned_away*: rows in scope that are. *in_scope*: rows in scope that are answered rightly; *overall*: all rows that are.
    *curve*: caught by turned away, at other thresholds.
    """

    label: str
    threshold: float
    learnt: bool
    rows_out: int
    rows_in: int
    auroc: Interval | None
    caught: Interval | None
    turned_away: Interval | None
    in_scope: Interval | None
    overall: Interval
    curve: tuple[tuple[float, float, float], ...] = ()

    def words(self) -> str:
        """Say it in a few sentences."""
        if self.auroc is None or self.caught is None:
            known = _("No row to judge by is labelled '{label}': how many texts out of scope are caught is not known.",
                      label=self.label)  # fmt: skip
        else:
            known = _(
                "A text out of scope ('{label}') is told from another with an AUROC of {auroc} ({low} to {high}); {caught} of"
                " them are caught ({caught_low} to {caught_high}).",
                label=self.label, auroc=f"{self.auroc.value:.3f}", low=f"{self.auroc.low:.3f}", high=f"{self.auroc.high:.3f}",
                caught=percent(self.caught.value), caught_low=percent(self.caught.low), caught_high=percent(self.caught.high),
            )  # fmt: skip
        if self.turned_away is None or self.in_scope is None:
            return sentences(known, _("No row to judge by is in scope."))
        return sentences(known, _(
            "Of the texts in scope {away} are wrongly turned away and {right} are answered rightly; of all texts {all}.",
            away=percent(self.turned_away.value), right=percent(self.in_scope.value), all=percent(self.overall.value),
        ))  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        figures = ("auroc", "caught", "turned_away", "in_scope", "overall")
        return {
            "label": self.label, "threshold": self.threshold, "learnt": self.learnt, "rows_out": self.rows_out,
            "rows_in": self.rows_in, **{name: _plain(getattr(self, name)) for name in figures},
            "curve": [{"threshold": t, "turned_away": away, "caught": caught} for t, away, caught in self.curve],
            "words": self.words(),
        }  # fmt: skip


def _plain(found: Interval | None) -> dict[str, Any] | None:
    return None if found is None else {
        "value": found.value, "low": found.low, "high": found.high, "too_few": found.too_few,
    }  # fmt: skip


def named(label: str | None, task: Task, targets: Sequence[str]) -> Scope | None:
    """Return the scope of rows labelled *label* in the spelling of *targets*, all labels of all roles; None without label.

    Raises NotSupported where *task* gives no single label, and RecipeError where no row has this one.
    """
    if label is None:
        return None
    if not getattr(task, "heeds_scope", False):
        raise NotSupported(
            f"--out-of-scope has no meaning for the task {task.name}", expected="a task whose answer is one label of a text",
            do="leave it out, or give --task text_classification",
        )  # fmt: skip
    names = tuple(sorted(set(targets)))
    if not label.strip():
        raise RecipeError("the label out of scope is blank", expected="a label of the rows", do=nearest(label, names))
    spelt = as_known(task, Space(len(names), names), [label])[0][0]
    if spelt not in names:
        raise RecipeError(f"no row has the label '{label}' of --out-of-scope", do=nearest(label, names))
    return Scope(spelt)


def settled(space: Space, outputs: Floats, truth: Sequence[Any]) -> Space:
    """Return *space* with the threshold that is best on select *outputs* (n, width) with *truth* (n,); as it is without scope.

    Outputs are taken at the precision in which they are kept, so that the choice can be made again from what was kept.
    """
    if space.scope is None or not len(outputs):
        return space
    kept = np.asarray(outputs, np.float32)
    out = np.array([t == space.scope.label for t in truth], np.bool_)
    far = scores(space, kept)
    if out.any():
        threshold = _best(far, out, _inside(space, kept, truth))
    elif space.scope.label in space.names:
        threshold = 0.0
    else:
        threshold = float(np.quantile(far, 1 - TURNED_AWAY))
    return replace(space, scope=replace(space.scope, threshold=threshold))


def chosen_again(names: tuple[str, ...], label: str | None, by: tuple[Floats, Sequence[Any]] | None) -> Space:
    """Return how raw outputs are read whose answers are *names*, the threshold for *label* chosen *by* outputs and truth."""
    if label is None or by is None:
        return Space(len(names), names)
    width = by[0].shape[1]  # a label that no output stands for is the last of the names
    return settled(Space(width, names[:width], scope=Scope(label)), *by)


def _inside(space: Space, outputs: Floats, truth: Sequence[Any]) -> npt.NDArray[np.bool_]:
    """Whether each row is answered rightly if it is not turned away (n,)."""
    label = space.scope.label if space.scope else ""
    allowed = np.where([name != label for name in space.names], outputs, -np.inf)
    return np.array([space.names[i] == t for i, t in zip(allowed.argmax(axis=1), truth)], np.bool_)


def _best(far: Floats, out: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]) -> float:
    """Return the lowest threshold above which turning rows away leaves most answers right; between two scores."""
    order = np.argsort(-far, kind="stable")
    ordered = far[order]
    right = (
        np.concatenate([[0], np.cumsum(out[order])]) + inside.sum() - np.concatenate([[0], np.cumsum(inside[order])])
    )
    # Rows of one score are turned away together.
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1, [len(far)]])
    best = int(cuts[right[cuts] == right[cuts].max()][-1])
    if best == 0:
        return float(ordered[0]) + 1.0
    return float(ordered[-1]) - 1.0 if best == len(far) else float((ordered[best - 1] + ordered[best]) / 2)


def measure(
    space: Space, read: Floats, answers: Sequence[Any], truth: Sequence[Any], units: Sequence[str], *,
    alpha: float = 0.025, se_factor: float = 1.0, draws: int = 1000,
) -> OutOfScope | None:  # fmt: skip
    """Return what the threshold of *space* does to rows with *read* outputs (n, k) and *answers* (n,); None without one."""
    scope = space.scope
    if scope is None or scope.threshold is None or not len(truth):
        return None
    how: dict[str, Any] = {"alpha": alpha, "se_factor": se_factor}
    places = np.array([t == scope.label for t in truth], np.bool_)
    away = [a == scope.label for a in answers]
    far = scores(Space(len(space.said), space.said, scope=scope), read)

    def share(right: Sequence[bool], rows: npt.NDArray[np.bool_]) -> Interval | None:
        chosen = np.flatnonzero(rows).tolist()
        if not chosen:
            return None
        return score(_SHARE, [right[i] for i in chosen], [True] * len(chosen), [units[i] for i in chosen], **how)

    right = [a == t for a, t in zip(answers, truth, strict=True)]
    both = places.any() and not places.all()
    told = [_OUT if out else _IN for out in places]
    return OutOfScope(
        scope.label, scope.threshold, scope.label in space.names, int(places.sum()), int((~places).sum()),
        auroc=score(AUROC, far.tolist(), told, units, draws=draws, **how) if both else None,
        caught=share(away, places), turned_away=share(away, ~places), in_scope=share(right, ~places),
        overall=score(_SHARE, right, [True] * len(right), units, **how),
        curve=_curve(far, places, scope.threshold) if both else (),
    )  # fmt: skip


def _curve(far: Floats, out: npt.NDArray[np.bool_], threshold: float) -> tuple[tuple[float, float, float], ...]:
    """Return (threshold, share of rows in scope turned away, share of rows out of scope caught) at other thresholds."""
    inside, found = far[~out], []
    for share in _CURVE:
        at = float(np.quantile(inside, 1 - share))
        found.append((at + threshold, float((inside > at).mean()), float((far[out] > at).mean())))
    return tuple(found)


def _auroc(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    from sklearn.metrics import roc_auc_score

    out = np.array([t == _OUT for t in true])
    return float(roc_auc_score(out, np.asarray(predicted))) if out.any() and not out.all() else float("nan")


def _auroc_weighted(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    """AUROC of resamples (d,) whose rows count *weights* (d, n) times: pairs in order, equal scores half."""
    _values, group = np.unique(np.asarray(predicted, np.float64), return_inverse=True)
    out = np.array([t == _OUT for t in true])
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(group[order]) > 0]))
    above = np.add.reduceat((weights * out)[:, order], starts, axis=1)
    below = np.add.reduceat((weights * ~out)[:, order], starts, axis=1)
    won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
    pairs = above.sum(axis=1) * below.sum(axis=1)
    return np.asarray(np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0))


AUROC = Metric("auroc", 1, _auroc, weighted=_auroc_weighted)
_SHARE = Metric(
    "share", 1, value=lambda predicted, true: float(np.mean([p == t for p, t in zip(predicted, true)])),
    rowwise=lambda predicted, true: np.array([float(p == t) for p, t in zip(predicted, true)]),
)  # fmt: skip
