"""Files that hold activations: memory-mapped, content-addressed, filled row by row, bounded, shared between processes.

A slab is a folder named by the hash of its key (weights, tokenizer and truncation, rows, layer, dtype). ``data.bin`` is
sparse until filled; ``done.bin`` holds one byte per row, set after the row's data; a lock file lets one process fill
while others read. Nothing here is needed to load or trust a model: deleting the cache only costs time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.files import hash_json, new_folder, write_json

_KEEP_FREE = 500_000_000


def cache_folder() -> Path:
    """Where activations are kept: ``HASEI_CACHE``, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("HASEI_CACHE") or platformdirs.user_cache_dir("hasei")) / "activations"


@dataclass
class Slab:
    """One array of activations, row i at elements ``starts[i]:starts[i+1]`` of ``data``."""

    folder: Path
    data: npt.NDArray[Any]
    done: npt.NDArray[np.uint8]

    def missing(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return those of *rows* that are not filled yet."""
        left: npt.NDArray[np.int64] = rows[self.done[rows] == 0]
        return left

    @contextlib.contextmanager
    def filling(self) -> Iterator[None]:
        """Hold the slab's lock, so that one process fills at a time; flush before rows are marked done elsewhere."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)


class Store:
    """Slabs below one folder, together at most *max_bytes*; the least recently opened go first."""

    def __init__(self, folder: Path | None = None, max_bytes: int | None = None) -> None:
        self.folder = folder or cache_folder()
        gigabytes = float(os.environ.get("HASEI_CACHE_GB", "8"))
        self.max_bytes = int(gigabytes * 1e9) if max_bytes is None else max_bytes

    def slab(self, key: dict[str, Any], rows: int, elements: int, dtype: str) -> Slab | None:
        """Open or make the slab of *key* with *elements* numbers in all; None when it would pass the bound."""
        size = elements * np.dtype(dtype).itemsize
        self.folder.mkdir(parents=True, exist_ok=True)
        # Writing to a sparse file on a full disk kills the process, so the room is asked for before.
        if size + rows > min(self.max_bytes, shutil.disk_usage(self.folder).free - _KEEP_FREE):
            return None
        folder = self.folder / hash_json({"key": key, "count": rows, "elements": elements, "dtype": dtype})[:32]
        if not self._whole(folder, size, rows):
            shutil.rmtree(folder, ignore_errors=True)
            self._make_room(size)
            self._create(folder, key, size, rows)
        os.utime(folder / "key.json")
        data = np.memmap(folder / "data.bin", dtype=dtype, mode="r+", shape=(elements,))
        done = np.memmap(folder / "done.bin", dtype=np.uint8, mode="r+", shape=(rows,))
        return Slab(folder, data, done)

    @staticmethod
    def _whole(folder: Path, size: int, rows: int) -> bool:
        expected = {"data.bin": size, "done.bin": rows}
        return all((folder / n).is_file() and (folder / n).stat().st_size == s for n, s in expected.items())

    @staticmethod
    def _create(folder: Path, key: dict[str, Any], size: int, rows: int) -> None:
        from hasei.ground.errors import OutputError

        try:
            with new_folder(folder) as temporary:
                for name, length in (("data.bin", size), ("done.bin", rows)):
                    with (temporary / name).open("wb") as file:
                        file.truncate(length)
                (temporary / "lock").touch()
                write_json(temporary / "key.json", key)
        except OutputError:
            if not folder.exists():  # another process may have made it between our look and our rename
                raise

    def _make_room(self, size: int) -> None:
        slabs = [p for p in self.folder.glob("*") if (p / "key.json").is_file()] if self.folder.is_dir() else []
        slabs.sort(key=lambda p: (p / "key.json").stat().st_mtime)
        # Counted as if full: a file that is still being filled will grow.
        used = {p: sum(f.stat().st_size for f in p.iterdir()) for p in slabs}
        total = sum(used.values())
        for slab in slabs:
            if total + size <= self.max_bytes:
                return
            total -= used[slab]
            shutil.rmtree(slab, ignore_errors=True)
