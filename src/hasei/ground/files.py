"""The only place that writes: temporary name, fsync, rename; hashing; strict YAML; named fail-points.

Nothing half-written is ever seen under its final name: a file or a folder is made beside its place and renamed into it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import math
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hasei.ground.errors import HaseiError, OutputError, RecipeError

_FAIL_POINTS: dict[str, Callable[[], None]] = {}


@contextlib.contextmanager
def fail_at(name: str, action: Callable[[], None]) -> Iterator[None]:
    """Run *action* (which may raise) whenever the fail-point *name* is passed; for tests of crashes."""
    _FAIL_POINTS[name] = action
    try:
        yield
    finally:
        del _FAIL_POINTS[name]


def fail_point(name: str) -> None:
    """Mark a place where a crash must lose nothing."""
    if name in _FAIL_POINTS:
        _FAIL_POINTS[name]()


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal bytes. NaN is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Return *value* with numpy scalars made plain and non-finite numbers made null, fit for JSON."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def hash_text(text: str) -> str:
    """SHA-256 of *text* in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_json(value: Any) -> str:
    """SHA-256 of the canonical JSON of *value*, in hexadecimal."""
    return hash_text(canonical_json(value))


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_folder(folder: Path, leave_out: tuple[str, ...] = ()) -> dict[str, str]:
    """SHA-256 of every file below *folder*, keyed by its relative POSIX path, sorted."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    relative = {p.relative_to(folder).as_posix(): p for p in files}
    return {name: hash_file(path) for name, path in relative.items() if name not in leave_out}


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except HaseiError:
        raise
    except Exception as error:
        number = _error_number(error)
        if number in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"the disk is full: '{path.name}' was not written and nothing else was changed",
                do="free some space and run the same command again",
            ) from error
        if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise OutputError(
                f"'{path}' can't be written ({os.strerror(number).lower()})", do="choose another place for it"
            ) from error
        raise


def _error_number(error: Exception) -> int:
    """Return the system's number of *error*, 0 where it has none; libraries written in Rust have it in their text."""
    if isinstance(error, OSError):
        return error.errno or 0
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else 0


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside *path*; on success it is fsynced and renamed to *path*, else removed."""
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.partial"
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            fail_point(f"before-rename:{path.name}")
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside *path*; on success it is renamed to *path*, which must not exist; else removed."""
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.partial"
    with _disk_errors(path), no_empty_parents(path):
        refuse_existing(path)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            fail_point(f"before-rename:{path.name}")
            for file in temporary.rglob("*"):
                if file.is_file():
                    file.chmod(0o644)  # some libraries write weights for their own user alone
                    with file.open("rb") as opened:
                        os.fsync(opened.fileno())
            refuse_existing(path)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def no_empty_parents(path: Path) -> Iterator[None]:
    """Remove at the end those parents of *path* that were not there before and in which nothing was left."""
    absent = [folder for folder in path.absolute().parents if not folder.exists()]
    try:
        yield
    finally:
        for folder in absent:
            with contextlib.suppress(OSError):  # not empty, or never made
                folder.rmdir()


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process at a time make *path*; raises :class:`OutputError` where another one is at it.

    The lock lies in the machine's folder for temporary files, so that a refused request leaves nothing beside *path*.
    """
    lock = Path(tempfile.gettempdir()) / f"hasei-{hash_text(str(path.absolute()))[:24]}.lock"
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise OutputError(f"another run is writing '{path}' now", do="wait for it, or choose another --out") from error
    try:
        yield
    finally:
        os.close(handle)


def refuse_existing(path: Path, option: str = "--out") -> None:
    """Raise :class:`OutputError` when *path*, given as *option*, exists: results are never silently overwritten."""
    if path.exists():
        raise OutputError(
            f"'{path}' exists already and is never overwritten", do=f"choose another {option}, or move it away"
        )


def refuse_unwritable(path: Path, option: str = "--out") -> None:
    """Raise :class:`OutputError` when the new folder *path*, given as *option*, exists or can't be made; before work is done."""
    refuse_existing(path, option)
    above = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".hasei-", dir=above):
            pass
    except OSError as error:
        raise OutputError(
            f"'{path}' can't be written ({(error.strerror or str(error)).lower()})", do=f"choose another {option}"
        ) from error


def refuse_no_place(path: Path, option: str = "--out") -> None:
    """Raise :class:`OutputError` when the new file *path*, given as *option*, exists or has no folder to lie in.

    A folder that a result is made as may bring its parents along (``runs/NAME``); beside a file's name a folder that is
    not there is a slip.
    """
    refuse_existing(path, option)
    if not path.parent.is_dir():
        raise OutputError(
            f"there is no folder '{path.parent}' for '{path.name}'", do=f"make it first, or choose another {option}"
        )


def write_text(path: Path, text: str) -> None:
    """Write *text* in UTF-8, atomically."""
    with new_file(path) as temporary:
        fail_point("write")
        temporary.write_bytes(text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write *content*, atomically."""
    with new_file(path) as temporary:
        fail_point("write")
        temporary.write_bytes(content)


def write_json(path: Path, value: Any, *, canonical: bool = False) -> None:
    """Write *value* as JSON, atomically; *canonical* gives the bytes of :func:`canonical_json`."""
    value = plain(value)
    text = canonical_json(value) if canonical else json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def append_line(path: Path, line: str) -> None:
    """Append one line to a log and fsync it; the write is a single call, so that processes do not interleave."""
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, (line.rstrip("\n") + "\n").encode("utf-8"))
            os.fsync(handle)
        finally:
            os.close(handle)


def parse_yaml(text: str, where: str) -> Any:
    """Return the value that *text*, given as *where*, is in YAML 1.2; raises :class:`RecipeError` when it is none."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(
            f"{where} can't be read", expected="a value as in YAML, e.g. [a, b] or {key: value}", received=f"'{text}'"
        ) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from YAML 1.2, safely and strictly: ``no`` is a string, ``1e-5`` a number, no key twice.

    Raises :class:`RecipeError` naming the line when the file is not such a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if not path.is_file():
        raise RecipeError(f"there is no file '{path}'", do="check the path")
    try:
        value = YAML(typ="safe", pure=True).load(path.read_text("utf-8-sig"))
        if _circular(value, frozenset(), set()):
            raise ValueError("it contains itself")
    except UnicodeDecodeError as error:
        raise RecipeError(f"'{path.name}' is not UTF-8 text (byte {error.start})") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"'{path.name}'{where} is not valid YAML: {error.problem}") from error
    except RecursionError as error:
        raise RecipeError(f"'{path.name}' is not valid YAML: it is nested too deeply") from error
    except (YAMLError, ValueError) as error:
        raise RecipeError(f"'{path.name}' is not valid YAML: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RecipeError(f"'{path.name}' must hold named settings", received=type(value).__name__)
    return value


def yaml_text(value: Mapping[str, Any]) -> str:
    """Return plain settings as YAML, one a line, that :func:`read_yaml` reads as the same again."""
    from ruamel.yaml import YAML

    writer, text = YAML(typ="safe", pure=True), io.StringIO()
    for name, setting in (
        ("default_flow_style", False),
        ("allow_unicode", True),
        ("sort_base_mapping_type_on_output", False),
    ):
        setattr(writer, name, setting)
    writer.dump(dict(value), text)
    return text.getvalue()


def _circular(value: Any, above: frozenset[int], done: set[int]) -> bool:
    """Whether *value* contains itself, as an alias inside its own anchor makes it; *above* are the ids it lies in."""
    if not isinstance(value, (dict, list)) or id(value) in done:
        return False
    inside = above | {id(value)}
    found = id(value) in above or any(
        _circular(part, inside, done) for part in (value.values() if isinstance(value, dict) else value)
    )
    done.add(id(value))
    return found
