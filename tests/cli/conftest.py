"""What the tests of the command line share: a way to run it, rows, and a small model folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hasei.cli import main
from made_up import ROWS, write_rows


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of the error."""
        lines = [line for line in self.err.splitlines() if "error" in line]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


@pytest.fixture
def hasei(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return a function that runs a command line in this process: ``hasei("try", path)``."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of twelve labelled rows."""
    return write_rows(tmp_path_factory.mktemp("rows") / "tickets.csv", ROWS, ("message", "team"))


@pytest.fixture(scope="session")
def model(rows_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that answers without a base."""
    from hasei.derive.order import order, read_steps

    place = tmp_path_factory.mktemp("model") / "model"
    columns = {"text": "message", "label": "team"}
    order(read_steps("naive_bayes"), rows_file, task="text_classification", columns=columns, out=place)
    return place
