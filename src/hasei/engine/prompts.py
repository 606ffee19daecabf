"""Templates and descriptions: what stands around a text, or around what a label means, before a base reads it.

Source: label names and descriptions as hypotheses: Yin et al. 2019, "Benchmarking zero-shot text classification"; prompts of
several templates averaged: Radford et al. 2021, "Learning transferable visual models from natural language supervision"
(CLIP).

Shapes: k labels, m templates -> m * k texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hasei.ground.errors import RecipeError, nearest
from hasei.inputs.data.dataset import Input
from hasei.tasks import Space, Task

PLACE = "{}"
LABELS = "{labels}"
_SHOWN = 5


def check_template(template: str) -> str:
    """Return *template*; raises ValueError (for a field of settings) unless it has its place ``{}`` just once."""
    if template.count(PLACE) != 1:
        raise ValueError(f"a text with the place {PLACE} in it, once, unlike '{template[:40]}'")
    return template


def check_descriptions(found: Mapping[str, str]) -> dict[str, str]:
    """Return what labels mean, without white space at the ends; raises ValueError where one says nothing."""
    kept = {label: text.strip() for label, text in found.items()}
    empty = next((label for label, text in kept.items() if not text), None)
    if empty is not None:
        raise ValueError(f"a text for each label (that of '{empty}' is empty)")
    return kept


def fill(template: str, text: str) -> str:
    """Return *template* with *text* in its place; braces inside of *text* stay as they are."""
    before, _, after = template.partition(PLACE)
    return before + text + after


def with_labels(template: str, names: Sequence[str]) -> str:
    """Return *template* with all *names* where it says ``{labels}``; a name's own ``{}`` is no place."""
    return template.replace(LABELS, ", ".join(name.replace(PLACE, "{ }") for name in names))


def text_of(row: Input) -> str:
    """Return what is read of a row: the texts of a pair one after the other, a line each."""
    return row if isinstance(row, str) else "\n".join(str(part) for part in row)


def meanings(task: Task, space: Space, given: Mapping[str, str]) -> tuple[str, ...]:
    """Return what each output of *space* means, in words: as *given*, else its name made readable.

    Raises RecipeError where *given* names labels that there are not, or lacks some, or where names are numbers alone.
    """
    if given:
        unknown = [label for label in given if label not in space.names]
        if unknown:
            raise RecipeError(
                f"a description is for the label '{unknown[0][:60]}', which the rows do not have",
                expected="labels of the training rows", received=_some(unknown), do=nearest(unknown[0], space.names),
            )  # fmt: skip
        lacking = [name for name in space.names if name not in given]
        if lacking:
            raise RecipeError(
                f"{len(lacking)} of {len(space.names)} labels have no description",
                expected="one for every label, or none at all", received=f"none for {_some(lacking)}", do="describe these too",
            )  # fmt: skip
        return tuple(given[name] for name in space.names)
    names = task.describe(space)
    if not names:
        raise RecipeError(
            "the labels are only numbers, which say nothing of what they mean", expected="a description for each of them",
            received=_some(space.names), do="give descriptions: {'1': 'very bad', ...}",
        )  # fmt: skip
    return tuple(names)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name[:40]}'" for name in names[:_SHOWN]) + more


__all__ = ["LABELS", "PLACE", "check_descriptions", "check_template", "fill", "meanings", "text_of", "with_labels"]
