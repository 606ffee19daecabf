"""A file in a folder is a plug-in: found by its name, read about without being run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hasei.ground import plugins
from hasei.ground.errors import RecipeError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shouting.py").write_text('"""Answers in capitals.\n\nAnd more of it.\n"""\n\nLOUD = True\n')
    (tmp_path / "broken.py").write_text('"""Can not be imported."""\n\nraise RuntimeError("run")\n')
    (tmp_path / "_shared.py").write_text('"""A shared body."""\n')
    (tmp_path / "notes.txt").write_text("no plug-in")
    return tmp_path


def test_files_are_plug_ins_by_their_name_and_shared_bodies_are_not(folder: Path) -> None:
    with plugins.extra("methods", folder):
        found = plugins.names("methods")
    assert {"broken", "shouting", "lora"} <= set(found)
    assert found == sorted(found)
    assert not [name for name in found if name.startswith("_") or name == "notes"]


def test_a_plug_in_is_read_about_without_being_run(folder: Path) -> None:
    with plugins.extra("methods", folder):
        assert plugins.summary("methods", "broken") == "Can not be imported."
        assert plugins.docstring("methods", "shouting") == "Answers in capitals.\n\nAnd more of it."


def test_an_added_plug_in_is_loaded_once_and_gone_after_its_block(folder: Path) -> None:
    with plugins.extra("methods", folder):
        module = plugins.load("methods", "shouting")
        assert module.LOUD
        assert plugins.load("methods", "shouting") is module
    assert "shouting" not in plugins.names("methods")
    assert module.__name__ not in sys.modules
    with pytest.raises(RecipeError):
        plugins.load("methods", "shouting")


def test_a_file_of_the_package_is_not_replaced_by_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "majority.py").write_text('"""Another one."""\n')
    with plugins.extra("baselines", tmp_path):
        assert plugins.load("baselines", "majority").__name__ == "hasei.baselines.majority"
        assert plugins.names("baselines").count("majority") == 1


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("methods", "loraa", "no method called 'loraa'. Did you mean 'lora'?"),
        ("methods", "LORA", "Did you mean 'lora'?"),
        ("tasks", "text-classification", "Did you mean 'text_classification'?"),
        ("baselines", "_lexical", "no baseline called '_lexical'"),
        ("methods", "zzz", "Use one of: adapter, cascade, continual_learning"),
        ("methods", "../methods/lora", "no method called"),
        ("methods", "", "no method called ''"),
    ],
)
def test_a_name_that_is_none_is_said_with_the_nearest(kind: str, name: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        plugins.load(kind, name)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("up", ["", "../", "../../"])
def test_a_name_with_a_path_in_it_runs_no_file(tmp_path: Path, up: str) -> None:
    (tmp_path / "hostile.py").write_text('raise RuntimeError("run")\n')
    (tmp_path / "inner" / "most").mkdir(parents=True)
    with plugins.extra("formats", tmp_path / "inner" / "most"):
        for name in (f"{up}hostile", f"{tmp_path}/hostile", f"../../../../../../../../../..{tmp_path}/hostile"):
            with pytest.raises(RecipeError, match="no format called"):
                plugins.load("formats", name)
