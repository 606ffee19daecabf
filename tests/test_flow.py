"""The flow is the architecture: a file may import only what stands above it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "hasei"
ROOMS = (
    "ground",
    "inputs",
    "tasks",
    "engine",
    "formats",
    "baselines",
    "methods",
    "derive",
    "judge",
    "deliver",
    "cli",
    "web",
)
FORBIDDEN = {"pickle", "joblib", "dill", "marshal", "shelve", "torchvision"}
PLUGINS = {"baselines", "methods", "formats"}
"""Rooms of one-file plug-ins: they are found by name, so nobody may import one of them by its own."""


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
            found += [(node.lineno, f"{node.module}.{a.name}") for a in node.names]
    return found


def upstream(source: Path) -> list[str]:
    """Return every import below *source* that points against the flow, in words."""
    wrong = []
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).parts
        if len(parts) == 1:
            continue  # the package's own door
        here = ROOMS.index(parts[0])
        for line, name in imports(path):
            target = name.split(".")
            if target[0] == "hasei" and len(target) > 1 and target[1] in ROOMS and ROOMS.index(target[1]) > here:
                wrong.append(f"{path.relative_to(source)}:{line} imports {name}, which stands below it")
    return wrong


def test_no_import_points_against_the_flow():
    assert upstream(SOURCE) == []


def test_a_planted_upstream_import_is_found_and_named(tmp_path):
    for room in ("ground", "judge"):
        (tmp_path / room).mkdir()
    (tmp_path / "ground" / "files.py").write_text("from hasei.judge.decision import decide\n")
    (tmp_path / "judge" / "decision.py").write_text("from hasei.ground.files import write_json\n")
    assert [w.split(", ")[0] for w in upstream(tmp_path)] == [
        "ground/files.py:1 imports hasei.judge.decision",
        "ground/files.py:1 imports hasei.judge.decision.decide",
    ]


def test_every_room_is_known_to_the_flow():
    assert {p.name for p in SOURCE.iterdir() if p.is_dir() and not p.name.startswith("__")} <= set(ROOMS)


def test_nobody_imports_a_method_a_baseline_or_a_format_by_name():
    wrong = []
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0]
        for line, name in imports(path):
            target = name.split(".")
            named = len(target) > 2 and target[0] == "hasei" and target[1] in PLUGINS and not target[2].startswith("_")
            if named and room != target[1]:
                wrong.append(f"{path.relative_to(SOURCE)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("room", ["derive", "judge", "cli"])
def test_nothing_below_tasks_and_methods_knows_of_classification_or_of_a_list_of_methods(room):
    from hasei.ground import plugins

    names = set(plugins.names("methods")) | {"text_classification", "sklearn"}
    # "adapter" is also the word that the hub has for a model beside its base.
    allowed = {
        ("judge", "adapter"),
        ("judge", "feature_extraction"),
        ("judge", "text_classification"),
        ("cli", "text_classification"),
    }
    for path in (SOURCE / room).rglob("*.py"):
        strings = {n.value for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant)}
        found = {s for s in strings if isinstance(s, str) and s in names and (room, s) not in allowed}
        assert not found, f"{path.name} names {found}"


def test_no_file_imports_what_can_run_code_when_opened_or_breaks_torch():
    for path in SOURCE.rglob("*.py"):
        named = {name.split(".")[0] for _, name in imports(path)}
        assert not named & FORBIDDEN, f"{path.name} imports {named & FORBIDDEN}"


def test_torchvision_is_not_installed():
    import importlib.util

    assert importlib.util.find_spec("torchvision") is None


def test_library_code_has_no_assert_and_no_file_grows_past_400_lines():
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Assert)], path
        assert text.count("\n") <= 400, f"{path.name} has {text.count(chr(10))} lines"


def test_the_readme_tree_names_every_room_and_nothing_else():
    readme = (ROOT / "README.md").read_text("utf-8")
    tree = re.search(r"```\nsrc/hasei/\n(.*?)```", readme, re.S)
    assert tree, "README has no tree"
    shown = set(re.findall(r"^  (\w+)/", tree[1], re.M))
    real = {p.name for p in SOURCE.iterdir() if p.is_dir() and not p.name.startswith("__")}
    assert shown == real
