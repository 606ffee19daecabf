"""Every error that a user may see, in one tree; the class decides the exit code of the command line.

::

    HaseiError            exit 1   something failed although the request was sound
    ├── UserError         exit 2   the request or its input must change
    │   ├── DataError              a file of rows: unreadable, empty, malformed, unfit for the task
    │   ├── BaseError              a base model: missing, unsafe, truncated, mismatched
    │   ├── RecipeError            hasei.yaml, a recipe, a parameter, a name of a method or metric
    │   ├── NotSupported           sound in itself, but this method can't do it for this base or task
    │   ├── BudgetError            the budget is too small for anything
    │   └── OutputError            the place to write: exists already, not writable, full
    ├── RunFailed         exit 1   a training diverged or an artefact did not reproduce itself
    └── Stopped           exit 130 Ctrl-C; what was done is saved
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HaseiError(Exception):
    """One line for a person: what happened, what was expected, what was received, what to do."""

    exit_code = 1

    def __init__(self, happened: str, *, expected: str = "", received: str = "", do: str = "") -> None:
        self.happened, self.expected, self.received, self.do = happened, expected, received, do
        parts = [happened.rstrip(".")]
        if expected:
            parts.append(f"expected {expected}")
        if received:
            parts.append(f"received {received}")
        advice = f"{do[0].upper()}{do[1:].rstrip('.')}" if do else ""
        line = "; ".join(parts) + "." + (f" {advice}" + ("" if advice.endswith("?") else ".") if advice else "")
        super().__init__(" ".join(line.split()))


class UserError(HaseiError):
    """The request or its input must change."""

    exit_code = 2


class DataError(UserError):
    """A file of rows is unreadable, empty, malformed or unfit for the task; *cell* is the one at fault, where it is known."""

    def __init__(
        self, happened: str, *, expected: str = "", received: str = "", do: str = "", cell: str | None = None
    ) -> None:
        super().__init__(happened, expected=expected, received=received, do=do)
        self.cell = cell


class BaseError(UserError):
    """A base model is missing, unsafe, truncated or mismatched."""


class RecipeError(UserError):
    """A configuration, recipe, parameter or name is wrong."""


class NotSupported(UserError):
    """Sound in itself, but this method can't do it for this base or task."""


class BudgetError(UserError):
    """The budget is too small for anything."""


class OutputError(UserError):
    """The place to write exists already, can't be written or is full."""


class RunFailed(HaseiError):
    """A training diverged or an artefact did not reproduce itself."""


class Stopped(HaseiError):
    """Ctrl-C; what was done is saved."""

    exit_code = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint ``did you mean 'x'?`` (or the list of what there is) for a misspelt *name*."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if not close:
        folded = {n.casefold(): n for n in names}
        close = [folded[name.casefold()]] if name.casefold() in folded else []
    if close:
        return f"did you mean '{close[0]}'?"
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"use one of: {shown}" if names else ""
