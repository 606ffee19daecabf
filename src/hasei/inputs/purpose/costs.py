"""What a row costs, opened and checked: one price for every error, a table of them, or a user's own function.

A table is a CSV file with the columns truth, answer and cost. ``*`` stands for any label that is not the right one: a
line that names both labels comes first, then ``truth,*``, then ``*,answer``, then ``*,*``. What no line names costs
``prices.cost_of_an_error`` where the answer is wrong and nothing where it is right. A negative cost is a benefit.

>>> costs = open_costs(Prices(cost_of_an_error=2.0))
>>> costs.of(["fraud", "card"], ["card", "card"]).tolist()
[2.0, 0.0]
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError, RecipeError, nearest
from hasei.inputs.purpose.prices import Prices

Floats = npt.NDArray[np.float64]
_COLUMNS = ("truth", "answer", "cost")
_ANY = "*"


@dataclass(frozen=True)
class RowCosts:
    """What rows cost. *error*: any error that the *table* does not name, None where it names all; *function* stands alone.

    *name*: how a message calls the table or the function.
    """

    error: float | None = None
    table: Mapping[tuple[str, str], float] = field(default_factory=dict)
    function: Callable[[list[str], list[str]], Any] | None = None
    name: str = ""

    def of(self, truths: Sequence[Any], answers: Sequence[Any], weights: npt.ArrayLike | None = None) -> Floats:
        """Return the cost (n,) of giving *answers* (n,) where *truths* (n,) are right, times *weights* (n,).

        Where targets are numbers an error costs its distance times *error*. Raises RecipeError where the function
        fails or returns anything but n finite numbers.
        """
        if self.function is not None:
            costs = self._by_function([str(t) for t in truths], [str(a) for a in answers])
        elif not self.table and len(truths) and _is_number(truths[0]):
            distance = np.abs(np.asarray(answers, np.float64) - np.asarray(truths, np.float64))
            costs = distance * (self.error or 0.0)
        else:
            pairs = zip(map(str, truths), map(str, answers), strict=True)
            costs = np.fromiter((self._of_pair(t, a) for t, a in pairs), np.float64, len(truths))
        return costs if weights is None else costs * np.asarray(weights, np.float64)

    def _of_pair(self, truth: str, answer: str) -> float:
        exact = self.table.get((truth, answer))
        if exact is not None or truth == answer:
            return exact or 0.0
        for pair in ((truth, _ANY), (_ANY, answer), (_ANY, _ANY)):
            if pair in self.table:
                return self.table[pair]
        return self.error or 0.0

    def _by_function(self, truths: list[str], answers: list[str]) -> Floats:
        if self.function is None:
            return np.zeros(len(truths))
        try:
            found = np.asarray(list(self.function(truths, answers)), dtype=np.float64)
        except (Exception, SystemExit) as error:
            raise RecipeError(
                f"the function '{self.name}' failed: {type(error).__name__}: {error}",
                expected="a list of one number for each row", do="correct it, and try it on a few rows first",
            ) from error  # fmt: skip
        if found.shape != (len(truths),):
            raise RecipeError(
                f"the function '{self.name}' must return one cost for each row", expected=f"{len(truths)} numbers",
                received="numbers in rows" if found.ndim != 1 else f"{len(found)}",
            )  # fmt: skip
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            raise RecipeError(
                f"the function '{self.name}' must return finite numbers", expected="a cost",
                received=f"{found[bad[0]]} for truth '{truths[bad[0]]}' and answer '{answers[bad[0]]}'",
            )  # fmt: skip
        return found


def open_costs(
    prices: Prices, names: Sequence[str] = (), spell: Callable[[Sequence[str]], list[str]] | None = None
) -> RowCosts | None:
    """Return what rows cost by *prices*, None where they do not say.

    *names* are the labels of the data: a table that names others is refused, and a function is tried on them. *spell*
    returns labels in the spelling of the data. Raises RecipeError or DataError, before anything is trained.
    """
    given = prices.costs
    if given is None:
        return None if prices.cost_of_an_error is None else RowCosts(prices.cost_of_an_error)
    if given.function is not None:
        costs = RowCosts(function=_import(given.function), name=given.function)
        if names:
            costs.of(list(names), [*names[1:], names[0]])
        return costs
    if given.table is not None:
        return _table(Path(given.table), prices.cost_of_an_error, names, spell)
    # Without a price of its own the weight is the money that an error in this row costs.
    return RowCosts(1.0 if prices.cost_of_an_error is None else prices.cost_of_an_error)


def read_weights(cells: Sequence[str], column: str) -> Floats:
    """Read the *cells* (n,) of the column of weights; raises DataError at the first that is no number from 0 on."""
    weights = np.array([_number(cell) for cell in cells], np.float64)
    bad = np.flatnonzero(~(weights >= 0))
    if len(bad):
        raise DataError(
            f"the column '{column}' can't weigh rows", expected="a number from 0 on in every row",
            received=f"'{cells[bad[0]]}'", do="correct it, or leave prices.costs.weight out",
        )  # fmt: skip
    return weights


def _table(
    path: Path, error: float | None, names: Sequence[str], spell: Callable[[Sequence[str]], list[str]] | None
) -> RowCosts:
    from hasei.inputs.data.reading import read, refuse_ragged

    read_in = read(path)
    at = [_place(path, read_in.columns, name) for name in _COLUMNS]
    refuse_ragged(read_in)
    rows = [(line, *(cells[i].strip() for i in at)) for line, cells in zip(read_in.lines.tolist(), read_in.cells)]
    labels = sorted({label for _, truth, answer, _ in rows for label in (truth, answer)} - {_ANY, ""})
    known = dict(zip(labels, spell(labels) if spell else labels)) | {_ANY: _ANY}
    there = {*names, _ANY} if names else set(known.values())
    found: dict[tuple[str, str], float] = {}
    for line, truth, answer, cost in rows:
        where = f"'{path.name}', line {line}"
        if not (truth and answer):
            raise DataError(f"{where} lacks a label", expected="a label or * as truth and as answer")
        for label in (truth, answer):
            if known[label] not in there:
                raise DataError(f"{where}: there is no label '{label}' in the data", do=nearest(label, names))
        if not math.isfinite(_number(cost)):
            raise DataError(f"{where}: the cost is no number", expected="a number such as 12.5", received=f"'{cost}'")
        if (known[truth], known[answer]) in found:
            raise DataError(f"{where} prices '{truth}' answered as '{answer}' again", do="remove one of the two lines")
        found[known[truth], known[answer]] = _number(cost)
    if error is None and (_ANY, _ANY) not in found:
        raise RecipeError(
            f"'{path.name}' does not say what an error costs that it does not list", expected="a line *,*,COST",
            do="add that line, or set prices.cost_of_an_error",
        )  # fmt: skip
    return RowCosts(error, found, name=path.name)


def _place(path: Path, columns: Sequence[str], name: str) -> int:
    there = [column.strip().casefold() for column in columns]
    if name not in there:
        raise DataError(
            f"'{path.name}' has no column '{name}'", expected="the columns truth, answer and cost",
            received=", ".join(columns), do="name them so in the first line",
        )  # fmt: skip
    return there.index(name)


def _number(cell: str) -> float:
    """Return the number in *cell*, NaN where there is none that is finite."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _import(name: str) -> Callable[[list[str], list[str]], Any]:
    """Import ``module:function``, which the user has named, from the current folder or an installed package."""
    module, _, function = name.partition(":")
    try:
        with _current_folder():
            found = getattr(importlib.import_module(module), function, None)
            there = dir(sys.modules[module])
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise _not_imported(module, error) from error
        raise RecipeError(
            f"there is no module '{error.name}' in this folder or among the installed packages",
            expected=f"{module.replace('.', '/')}.py here, or an installed package", do="correct prices.costs",
        ) from error  # fmt: skip
    except (Exception, SystemExit) as error:
        raise _not_imported(module, error) from error
    if not callable(found):
        hint = nearest(function, [n for n in there if not n.startswith("_")])
        raise RecipeError(f"the module '{module}' has no function '{function}'", do=hint)
    try:
        inspect.signature(found).bind([], [])
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"the function '{name}' can't be called with the true labels and the answers",
            expected="two lists of text", received=f"{function}{_signature(found)}", do="give it two parameters",
        ) from error  # fmt: skip
    return found  # type: ignore[no-any-return]


def _not_imported(module: str, error: BaseException) -> RecipeError:
    return RecipeError(f"the module '{module}' can't be imported: {type(error).__name__}: {error}", do="correct it")


def _signature(function: Any) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "()"


@contextlib.contextmanager
def _current_folder() -> Iterator[None]:
    """Look for modules in the current folder first, and leave nothing there."""
    place, before = str(Path.cwd()), sys.dont_write_bytecode
    sys.path.insert(0, place)
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
        sys.path.remove(place)
