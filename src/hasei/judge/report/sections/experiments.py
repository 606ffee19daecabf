"""The three small experiments of the study: the base as it is, parts of it trained, and what it costs."""

from __future__ import annotations

from typing import Any

from hasei.ground import plugins
from hasei.ground.language import _
from hasei.judge.report.figures import NONE
from hasei.judge.report.lines import Line
from hasei.judge.report.view import View
from hasei.judge.wording import percent

PLACE = 50
_MOST_PARTS = 5


def title() -> str:
    """Return the heading."""
    return _("Three experiments: as it is, parts only, cost")


def content(view: View) -> dict[str, Any] | None:
    """Return the lines of each experiment, where the base was tried as it is."""
    if view.base is None:
        return None
    derived = [line for line in view.lines if line.role == "derived"]
    parts = [line for line in derived if line.done and not _whole(view, line)]
    whole = [line for line in derived if line.done and _whole(view, line)]
    constants = (n for n in plugins.names("baselines") if getattr(plugins.load("baselines", n), "CONSTANT", False))
    constant = next((line for line in map(view.line, constants) if line), None)
    return {
        "base": view.base, "constant": constant if constant and constant.done else None, "parts": parts[:_MOST_PARTS],
        "whole": whole[:1], "undone": [line for line in derived if not line.done][:1], "currency": view.currency,
        "shares": {line.whole_name: _share(view, line) for line in parts + whole}, "better": _better(view, parts),
        "bought": view.chosen or view.derived,
    }  # fmt: skip


def _trained(view: View, line: Line) -> float | None:
    value = view.candidate(line.whole_name).get("trainable_parameters")
    return None if value is None else float(value)


def _whole(view: View, line: Line) -> bool:
    """Whether the whole base was trained, as far as the counts tell."""
    trained, total = _trained(view, line), view.base_parameters
    return trained is not None and total is not None and trained >= 0.9 * total


def _share(view: View, line: Line) -> str:
    trained, total = _trained(view, line), view.base_parameters
    return NONE if trained is None or not total else percent(min(1.0, trained / total), 2)


def _better(view: View, parts: list[Line]) -> str:
    """Say in one sentence what training parts brought."""
    if not parts:
        return _("No way of training parts of the base was finished in this run.")
    best = parts[0]
    gain = view.candidate(best.whole_name).get("gain_over_base")
    values = {"name": best.whole_name, "share": _share(view, best)}
    if gain is None:
        return _("Best of those that train a part: {name}, with {share} of the base's parameters.", **values)
    points = view.words.points(abs(gain))
    if gain < 0:
        return _(
            "Best of those that train a part: {name}, {points} worse than the base as it is, with {share} of its parameters.",
            points=points, **values,
        )  # fmt: skip
    return _(
        "Best of those that train a part: {name}, {points} better than the base as it is, with {share} of its parameters.",
        points=points, **values,
    )  # fmt: skip
