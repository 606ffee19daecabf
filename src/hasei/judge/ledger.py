"""What was committed to before confirm rows were opened, and how often they were opened: a ledger per user.

Every look at confirm rows spends a part of the 5 % of wrong adoptions that are allowed in all, so looks are counted,
over all runs of this user whose confirm units overlap by at least one unit. An opening is recorded **before** any
confirm row is read: a crash between the two still counts, for nobody can know whether the rows were seen. Only the same
run going on (same *run_id*, same commitment, same units) is not counted twice.

::

    $HASEI_STATE or the user's state folder
    ├── openings.jsonl     one line per opening, only ever appended to
    ├── openings.lock      held while counting and recording, so that two processes can't both be first
    └── units/HASH.units   the confirm units of an opening: first 8 bytes of each unit's key, sorted
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hasei.ground import files
from hasei.ground.errors import DataError, OutputError, RecipeError
from hasei.ground.statistics import alpha_at

Keys: TypeAlias = npt.NDArray[np.uint64]

_KEY = np.dtype(">u8")
_HEX = frozenset("0123456789abcdef")
_THE_RULE = ("metric", "at_least", "delta", "alpha")


@dataclass(frozen=True)
class Commitment:
    """What is fixed before confirm is opened.

    *metric*; the KPI *at_least*, or None; *delta*, the smallest gain worth having; W and R by name; *alpha*, the share
    of wrong adoptions allowed over all openings; *asked* stands for the prices that *delta* follows from, "" without.
    """

    metric: str
    at_least: float | None
    delta: float
    winner: str
    reference: str
    alpha: float = 0.05
    asked: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the commitment as plain JSON, numbers as floats so that 1 and 1.0 are one commitment."""
        kept = {k: v for k, v in asdict(self).items() if k != "asked" or v}
        return {k: float(v) if isinstance(v, (int, float)) else v for k, v in kept.items()}

    def hash(self) -> str:
        """SHA-256 of the canonical JSON of the fields."""
        return files.hash_json(self.fields())

    def write(self, path: Path) -> None:
        """Write the commitment and its hash to *path* (``commitment.json``)."""
        files.write_json(path, {**self.fields(), "hash": self.hash()})

    @classmethod
    def read(cls, path: Path) -> Commitment:
        """Read a commitment; raises RecipeError when it is missing, malformed or not what its hash says."""
        if not path.is_file():
            raise RecipeError(f"there is no commitment '{path}'", do="check the folder of the run")
        try:
            values = json.loads(path.read_text("utf-8"))
            stated = values.pop("hash")
            commitment = cls(**values)
            actual = commitment.hash()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            expected = ", ".join(f.name for f in fields(cls)) + " and hash"
            raise RecipeError(
                f"'{path.name}' is not a commitment", expected=expected, do="run the study again"
            ) from error
        if stated != actual:
            raise RecipeError(
                f"'{path.name}' was changed after the confirm rows were opened",
                expected=f"hash {actual[:12]}", received=str(stated)[:12], do="run the study again",
            )  # fmt: skip
        return commitment


@dataclass(frozen=True)
class Opening:
    """One look at confirm rows: the *number*-th at rows that overlap, to be judged at the one-sided level *alpha*.

    *alpha_next* is the level of the look after it. *exploratory*: an earlier look at overlapping rows was committed to
    another metric, KPI, delta or alpha. *notes* say what in the ledger could not be read and was therefore counted as a
    look.
    """

    number: int
    alpha: float
    alpha_next: float
    exploratory: bool
    commitment_hash: str
    entry: str
    notes: tuple[str, ...] = ()


def state_folder() -> Path:
    """Return the folder of the ledger: ``HASEI_STATE``, else the user's state folder."""
    import platformdirs

    return Path(os.environ.get("HASEI_STATE") or platformdirs.user_state_dir("hasei"))


def opening_number(units: Sequence[str], folder: Path | None = None) -> int:
    """Return which opening the next one of *units* would be: 1 + earlier openings that share at least one unit."""
    folder = folder or state_folder()
    with _locked(folder):
        earlier, _ = _overlapping(folder, _keys(units))
        return 1 + len(earlier)


def open_confirm(
    units: Sequence[str], commitment: Commitment, *, fingerprint: str = "", run_id: str = "", folder: Path | None = None
) -> Opening:
    """Record that the confirm rows of *units* are about to be read, and say at which level they may be judged.

    *units* are the keys of the confirm units, *fingerprint* that of the data, *run_id* what stays the same when a run
    is resumed. Raises OutputError when the ledger can't be written: then no confirm row may be read.
    """
    if not units:
        raise DataError("there are no confirm rows to open", expected="at least one row held out")
    folder, keys = folder or state_folder(), _keys(units)
    with _locked(folder):
        earlier, notes = _overlapping(folder, keys)
        mine = {"units": _name(keys), "commitment": commitment.hash(), "run_id": run_id}
        for position, entry in enumerate(earlier):
            if run_id and all(entry.get(k) == v for k, v in mine.items()):
                return _opening(str(entry.get("id")), commitment, earlier[:position], notes)
        path = folder / "units" / f"{mine['units']}.units"
        if not path.is_file():
            with files.new_file(path) as temporary:
                temporary.write_bytes(keys.astype(_KEY).tobytes())
        entry = {
            "id": uuid.uuid4().hex, "time": datetime.now(UTC).isoformat(timespec="seconds"), "fingerprint": fingerprint,
            **mine, **{f"committed_{k}": v for k, v in commitment.fields().items()},
        }  # fmt: skip
        _append(folder / "openings.jsonl", files.canonical_json(entry))
        return _opening(entry["id"], commitment, earlier, notes)


def _opening(entry: str, commitment: Commitment, earlier: list[dict[str, Any]], notes: tuple[str, ...]) -> Opening:
    number = 1 + len(earlier)
    rule = commitment.fields()
    # An entry that can't be read tells nothing of its rule; it is counted, but changes nobody's.
    changed = any(_changed(e, rule) for e in earlier)
    levels = alpha_at(number, commitment.alpha), alpha_at(number + 1, commitment.alpha)
    return Opening(number, *levels, changed, commitment.hash(), entry, notes)


def _changed(entry: dict[str, Any], rule: dict[str, Any]) -> bool:
    """Whether *rule* is another than that of an earlier *entry*; a smallest gain that prices tell is as its prices."""
    priced = bool(rule.get("asked")) and bool(entry.get("committed_asked"))
    names = [("asked" if priced and name == "delta" else name) for name in _THE_RULE]
    return any(entry.get(f"committed_{name}", rule[name]) != rule[name] for name in names)


def _keys(units: Sequence[str]) -> Keys:
    """Sorted first 8 bytes of each key; what is no hexadecimal hash is hashed first."""
    short = {u[:16] if len(u) >= 16 and _HEX.issuperset(u[:16]) else files.hash_text(u)[:16] for u in units}
    return np.array(sorted(int(s, 16) for s in short), dtype=np.uint64)


def _name(keys: Keys) -> str:
    return files.hash_text(keys.astype(_KEY).tobytes().hex())


def _overlapping(folder: Path, keys: Keys) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the entries whose units share one with *keys*, oldest first; what can't be read counts, and is noted."""
    known: dict[str, bool] = {}
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    for number, entry in _entries(folder / "openings.jsonl"):
        name = str(entry.get("units", ""))
        if name not in known:
            known[name] = _share(folder / "units" / f"{name}.units", name, keys, notes, number)
        if known[name]:
            found.append(entry)
    return found, tuple(notes)


def _share(path: Path, name: str, keys: Keys, notes: list[str], number: int) -> bool:
    raw = path.read_bytes() if path.is_file() else b""
    if not raw or files.hash_text(raw.hex()) != name:
        notes.append(f"opening {number} in the ledger can't be read: it is counted as a look at these rows")
        return True
    return bool(np.isin(keys, np.frombuffer(raw, dtype=_KEY).astype(np.uint64), assume_unique=True).any())


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, entry); a line that is not an entry (torn by a crash) is an empty one."""
    if not path.is_file():
        return
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {}
        yield number, entry if isinstance(entry, dict) else {}


def _append(path: Path, line: str) -> None:
    """Append *line*, on a line of its own even where a crash has torn the one before."""
    torn = path.is_file() and path.read_bytes()[-1:] not in (b"\n", b"")
    files.append_line(path, ("\n" if torn else "") + line)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the ledger for this process; others wait."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "openings.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(
            f"the ledger of openings can't be kept in '{folder}' ({(error.strerror or '').lower()})",
            do="set HASEI_STATE to a folder that can be written",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
