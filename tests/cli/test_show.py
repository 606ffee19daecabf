import json

import made_up


def test_a_method_is_shown_with_its_settings_and_defaults(hasei):
    done = hasei("methods", "lora")
    assert "Source: Hu et al. 2022" in done.out
    assert "rank" in done.out
    found = json.loads(hasei("methods", "lora", "--json").out)
    assert {s["name"]: s["default"] for s in found["settings"]}["rank"] == 8


def test_a_cheap_truth_without_settings_is_shown_too(hasei):
    assert hasei("methods", "majority").code == 0


def test_every_method_and_every_task_has_one_line(hasei):
    from hasei.ground import plugins

    for kind, command in (("methods", "methods"), ("baselines", "methods"), ("tasks", "tasks")):
        out = hasei(command).out
        for name in plugins.names(kind):
            assert f"  {name}" in out
            assert plugins.summary(kind, name) in out


def test_a_task_is_shown_whole(hasei):
    assert "label" in hasei("tasks", "text_classification").out


def test_a_base_is_shown_by_kind_of_parameter(hasei, toy_base):
    found = json.loads(hasei("base", toy_base("bert"), "--json").out)
    counted = sum(sum(kind.values()) for kind in found["parameters_by_kind"].values())
    assert counted == found["parameters"]
    text = hasei("base", toy_base("bert")).out
    assert "attention" in text
    assert f"{found['parameters']:,}" in text
    assert found["content_hash"] in text


def test_a_model_as_it_was_made_passes(hasei, model):
    done = hasei("verify", model)
    assert done.code == 0, done.err
    assert "as it was made" in done.out
    assert json.loads(hasei("verify", model, "--json").out)["differences"] == []


def test_a_changed_missing_or_added_file_is_named_and_fails(hasei, tmp_path):
    folder = made_up.folder(tmp_path / "model")
    (folder / "README.md").write_text("a card states scores: it may change")
    (folder / "labels.json").write_text('["x", "y"]')
    (folder / "new.bin").write_bytes(b"1")
    done = hasei("verify", folder)
    assert done.code == 1
    assert done.out.splitlines()[:2] == ["'new.bin' was added", "'labels.json' was changed"]
    (folder / "labels.json").unlink()
    assert "'labels.json' is missing" in hasei("verify", tmp_path).out


def test_a_changed_identity_fails(hasei, tmp_path):
    folder = made_up.folder(tmp_path / "model")
    path = folder / "hasei.json"
    path.write_text(path.read_text().replace('"seed":0', '"seed":1'))
    done = hasei("verify", folder)
    assert done.code == 1
    assert "identity" in done.out
