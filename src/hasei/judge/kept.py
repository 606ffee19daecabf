"""``predictions.parquet`` read back: the sheet and the case of a verdict, from which it is ruled again.

One line per row and candidate; the case lies in the file's metadata. Nothing else of a run is needed, and no model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hasei.ground.errors import DataError, HaseiError
from hasei.ground.files import canonical_json, plain
from hasei.ground.language import speaking
from hasei.judge.evaluation import score
from hasei.judge.ruling import Case, Fitted, Sheet, rule
from hasei.tasks import Task, open_task

FILE = "predictions.parquet"
VERDICT = "verdict.json"
CASE = "hasei.case"
SLICE = "slice:"
ROLE, WINNER, BEFORE = "kept", "the winner", "what was there before"
"""Role and names of rows not to be forgotten."""


def recompute(run: Path) -> str:
    """Return the bytes of ``verdict.json``, as text, made again from the predictions in the folder *run* alone."""
    case, sheet = read_sheet(run / FILE)
    with _whole(run / FILE), speaking(case.language):
        return canonical_json(rule(case, sheet).to_json()) + "\n"


def read_sheet(path: Path) -> tuple[Case, Sheet]:
    """Return the case and the sheet in a file of predictions; raises DataError where it holds none."""
    with _whole(path):
        case, table = _read(path)
        return case, _sheet(table, case, open_task(case.task))


def selected(run: Path) -> dict[str, dict[str, float]]:
    """Return what each candidate reaches on the select rows (value, low, high), by name, reckoned again from its answers."""
    with _whole(run / FILE):
        case, table = _read(run / FILE)
        task = open_task(case.task)
        found = {}
        for (role, name), part in _parts(table).items():
            if role == "select":
                scored = score(
                    task.metrics[case.metric], task.truth(part["answer"]), task.truth(part["truth"]), part["unit"]
                )
                found[name] = {"value": scored.value, "low": scored.low, "high": scored.high}
        return plain(found)  # type: ignore[no-any-return]


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Say in one line that *path* is not whole, whatever is missing in it."""
    import pyarrow as pa

    if not path.is_file():
        raise DataError(f"there is no '{path}'", expected="the predictions that hasei try left", do="check the folder")
    try:
        yield
    except HaseiError:
        raise
    except (pa.ArrowException, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError) as error:
        raise DataError(
            f"'{path.name}' does not hold what a verdict is judged by", do="run the study again with this version"
        ) from error


def _read(path: Path) -> tuple[Case, Any]:
    """Return the case and the rows, in the order in which the study had them."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    case = Case.model_validate_json((table.schema.metadata or {})[CASE.encode()])
    return case, table.sort_by("place") if "place" in table.column_names else table


def _sheet(table: Any, case: Case, task: Task) -> Sheet:
    parts = _parts(table)
    winner = parts["confirm", case.winner]
    if task.target_kind == "category" and any(s and len(s) != len(case.names) for s in winner["scores"]):
        raise ValueError("a score for each name")
    chosen = parts.get(("select", case.winner))
    fitted = None
    if chosen is not None and case.se_factor == 1.0:
        fitted = Fitted(
            _outputs(chosen), task.truth(chosen["answer"]), task.truth(chosen["truth"]), chosen["unit"],
            _known(chosen["cost"]),
        )  # fmt: skip
    return Sheet(
        units=winner["unit"], truth=task.truth(winner["truth"]),
        answers={name: task.truth(part["answer"]) for (role, name), part in parts.items() if role == "confirm"},
        costs={n: c for (role, n), part in parts.items() if role == "confirm" and (c := _known(part["cost"])) is not None},
        stakes=_known(winner["stake"]),
        outputs=_outputs(winner) if winner["scores"] and len(winner["scores"][0]) else None,
        slices={n.removeprefix(SLICE): winner[n] for n in winner if n.startswith(SLICE)}, fitted=fitted,
        chosen_by=(_outputs(chosen), task.truth(chosen["truth"])) if chosen and case.out_of_scope else None,
        kept=_not_forgotten(parts, task),
    )  # fmt: skip


def _parts(table: Any) -> dict[tuple[str, str], dict[str, list[Any]]]:
    """Return the columns of the rows of each role and candidate."""
    pairs = sorted(set(zip(*(table[c].to_pylist() for c in ("role", "candidate")))))
    return {(role, name): _part(table, role, name) for role, name in pairs}


def _known(values: list[float]) -> Any:
    found = np.array(values, np.float64)
    return found if np.isfinite(found).all() else None


def _not_forgotten(parts: dict[tuple[str, str], dict[str, list[Any]]], task: Task) -> Any:
    if (ROLE, WINNER) not in parts:
        return None
    winner, before = parts[ROLE, WINNER], parts[ROLE, BEFORE]
    return winner["unit"], task.truth(winner["truth"]), task.truth(winner["answer"]), task.truth(before["answer"])


def _part(table: Any, role: str, candidate: str) -> dict[str, list[Any]]:
    import pyarrow.compute as pc

    rows = table.filter(pc.and_(pc.equal(table["role"], role), pc.equal(table["candidate"], candidate)))
    return {name: rows[name].to_pylist() for name in rows.column_names}


def _outputs(part: dict[str, list[Any]]) -> Any:
    return np.array(part["scores"], dtype=np.float32)


def confirmed_scores(path: Path) -> dict[str, Any]:
    """Return the outputs (w,) of the winner for each confirm row, by the row's hash; empty where rows were cross-fitted.

    Those of cross-fitting are of other models than the one that is shipped.
    """
    with _whole(path):
        case, table = _read(path)
        part = _parts(table).get(("confirm", case.winner))
        if part is None or case.se_factor != 1.0:
            return {}
        return {
            key: np.array(scores, np.float32) for key, scores in zip(part["row_hash"], part["scores"]) if len(scores)
        }
