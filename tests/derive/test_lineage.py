from __future__ import annotations

import json

import pytest

from hasei.ground import lineage
from hasei.ground.errors import OutputError
from hasei.ground.files import alone


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    identity = lineage.Identity("constant", "text_classification", {"width": 2, "names": ["a", "b"], "extra": []}, [], "r", "t",
                                0, [], {}, "unknown", {})  # fmt: skip
    lineage.write(tmp_path, identity, {"verdict": "do not adopt", "value": 0.5})
    (tmp_path / "README.md").write_text("Verdict: do not adopt\n")
    lineage.seal(tmp_path)
    return tmp_path


def test_a_folder_as_it_was_made_has_no_differences(folder):
    assert lineage.differences(folder) == []


@pytest.mark.parametrize("name", ["model.safetensors", "README.md"])
def test_a_changed_or_removed_file_is_named(folder, name):
    (folder / name).write_bytes(b"Verdict: adopt\n")
    assert any(name in words for words in lineage.differences(folder))
    (folder / name).unlink()
    assert any(name in words for words in lineage.differences(folder))


def test_an_added_file_is_named(folder):
    (folder / "extra.py").write_text("")
    assert lineage.differences(folder) == ["'extra.py' was added"]


@pytest.mark.parametrize(("part", "key", "value"), [("record", "verdict", "adopt"), ("identity", "seed", 1)])
def test_an_edited_figure_or_identity_is_noticed(folder, part, key, value):
    content = json.loads((folder / lineage.FILE).read_text())
    content[part][key] = value
    (folder / lineage.FILE).write_text(json.dumps(content))
    assert any(part in words for words in lineage.differences(folder))


def test_two_runs_never_write_one_place_at_once(tmp_path):
    with alone(tmp_path / "run"):
        with pytest.raises(OutputError, match="another run is writing"), alone(tmp_path / "run"):
            pass
        with alone(tmp_path / "other"):
            pass
    with alone(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []
