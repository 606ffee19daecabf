"""docs/report-json.md lists every kind of finding that the source can make, and no other."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import hasei
from hasei.judge.checks._personal import KINDS

SOURCE = Path(hasei.__file__).parent
TEXT = (SOURCE.parents[1] / "docs" / "report-json.md").read_text("utf-8")
PLACES = {"Finding": (0, 6), "by_file": (1, 2)}
"""Where the kind and the variant stand among the arguments of what makes findings."""


def findings() -> Iterator[tuple[str, str]]:
    """Yield kind and variant ("" where there is none, or where it hangs on the data) of every finding in the source."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name == "_sides.py":
            continue  # by_file itself
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        for call in calls:
            if isinstance(call.func, ast.Name) and call.func.id in PLACES:
                kind, variant = (argument(call, place) for place in PLACES[call.func.id])
                variant = next((k.value for k in call.keywords if k.arg == "variant"), variant)
                found = value(path, kind)
                assert found, f"{path}:{call.lineno}"
                yield found, value(path, variant)


def argument(call: ast.Call, place: int) -> ast.expr | None:
    return call.args[place] if place < len(call.args) else None


def value(path: Path, said: ast.expr | None) -> str:
    if isinstance(said, ast.Constant):
        return str(said.value)
    if isinstance(said, ast.Name):
        module = importlib.import_module(".".join(("hasei", *path.relative_to(SOURCE).with_suffix("").parts)))
        return str(getattr(module, said.id, ""))
    return ""


def listed() -> dict[str, str]:
    """Return the kinds of the table in the contract, each with what is said of it."""
    table = TEXT.partition("## Kinds of findings")[2]
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", table, re.M)
    return {kind: about for kinds, about in rows if kinds != "`kind`" for kind in re.findall(r"`(\w+)`", kinds)}


def test_the_contract_lists_every_kind_of_finding_and_no_other():
    assert set(listed()) == {kind for kind, _ in findings()}


def test_the_contract_lists_every_variant_that_the_source_names():
    missing = [(kind, variant) for kind, variant in findings() if variant and f"`{variant}`" not in listed()[kind]]
    assert not missing
    assert "email" in KINDS
