"""What all tests share: offline, few threads, an own cache and ledger, and real architectures at toy size."""

from __future__ import annotations

import os

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    TOKENIZERS_PARALLELISM="false",
    OMP_NUM_THREADS="1",
    OMP_WAIT_POLICY="PASSIVE",
    NO_COLOR="1",
    TORCHDYNAMO_DISABLE="1",  # nothing is compiled here; some libraries else load the compiler when they are imported
)

import gc
import sys
import tempfile
from pathlib import Path

import pytest

_STATE = tempfile.TemporaryDirectory(prefix="hasei-tests-")
os.environ["HASEI_CACHE"] = f"{_STATE.name}/cache"
os.environ["HASEI_STATE"] = f"{_STATE.name}/state"

sys.path.insert(0, str(Path(__file__).parent))

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_finish() -> None:
    """What is imported by now stays: looking for garbage in it, again and again, is a tenth of the time of the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 10)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets beside the checkout; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real data sets are not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def toy_base(tmp_path_factory):
    """Return a function that makes a base folder of a real architecture at toy size: ``toy_base("bert")``."""
    import toys

    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            made[kind] = toys.make_base(kind, tmp_path_factory.mktemp("base") / kind)
        return made[kind]

    return make


@pytest.fixture(scope="module")
def trunks(toy_base, tmp_path_factory):
    """Return a function that opens the toy base of a task, once for all tasks that read the same way."""
    from hasei.engine.activations.store import Store
    from hasei.engine.readings import reading_of
    from hasei.inputs.base import Base
    from toys import toy_kind

    opened = {}

    def trunk_for(task):
        key = toy_kind(task), getattr(task, "reading", "whole")
        if key not in opened:
            base = Base.open(toy_base(key[0]))
            opened[key] = reading_of(task).open(base, Store(tmp_path_factory.mktemp("store")))
        return opened[key]

    return trunk_for
