"""Licences that conflict stop a derivation before anything is trained or written; a reason to go on is kept."""

import json

import pytest

from hasei.derive.order import order, read_steps
from hasei.derive.run import run_step, write
from hasei.ground.errors import UserError
from made_up import ROWS, write_rows


@pytest.fixture
def base(toy_base, tmp_path):
    """A toy base that says it is share-alike."""
    import shutil

    place = shutil.copytree(toy_base("bert"), tmp_path / "shared-base")
    (place / "README.md").write_text("---\nlicense: cc-by-sa-4.0\n---\n")
    return place


@pytest.fixture
def rows(tmp_path):
    return write_rows(tmp_path / "rows.csv", ROWS, ("text", "label"))


def derive(rows, base, out, licence, override="", method="as_it_is"):
    return order(
        read_steps(method),
        rows,
        task="text_classification",
        base=base,
        out=out,
        licence=licence,
        licence_override=override,
    )


def test_a_conflicting_pair_is_refused_by_name_and_nothing_is_left(rows, base, tmp_path):
    with pytest.raises(UserError, match=r"CC-BY-SA-4\.0.*CC-BY-NC-4\.0.*--licence-override"):
        derive(rows, base, tmp_path / "out", "CC-BY-NC-4.0")
    with pytest.raises(UserError, match=r"CC-BY-ND-4\.0 does not allow"):
        derive(rows, base, tmp_path / "out", "CC-BY-ND-4.0")
    with pytest.raises(UserError, match=r"rows \(licence CC-BY-ND-4\.0\)"):
        derive(rows, base, tmp_path / "out", "CC-BY-ND-4.0", method="naive_bayes")
    assert not (tmp_path / "out").exists()


def test_a_reason_to_go_on_is_kept_in_the_lineage(rows, base, tmp_path):
    model = derive(rows, base, tmp_path / "out", "cc by-nc 4.0", "agreed in writing with the authors")
    assert model.identity["licence"] == "CC-BY-NC-4.0 AND CC-BY-SA-4.0"
    assert model.identity["licence_override"] == "agreed in writing with the authors"
    with pytest.raises(UserError, match="may not be released"):
        derive(rows, model.folder, tmp_path / "next", "MIT")  # the conflict goes down the lineage


def test_a_reason_that_was_not_needed_is_not_kept(rows, base, tmp_path):
    model = derive(rows, base, tmp_path / "out", "CC-BY-4.0", "just in case")
    assert (model.identity["licence"], model.identity["licence_override"]) == ("CC-BY-4.0 AND CC-BY-SA-4.0", "")
    assert derive(rows, base, tmp_path / "unknown", "unknown").identity["licence"].endswith("LicenseRef-unknown")


def test_the_commands_refuse_with_one_line_and_take_a_reason(hasei, rows, base, tmp_path):
    given = [
        "derive",
        "as_it_is",
        "--data",
        rows,
        "--base",
        base,
        "--licence",
        "CC-BY-NC-4.0",
        "--out",
        tmp_path / "made",
    ]
    refused = hasei(*given)
    assert refused.code == 2
    assert "CC-BY-NC-4.0" in refused.error
    assert hasei(*given, "--licence-override", "our own <rows>").code == 0
    card = (tmp_path / "made" / "README.md").read_text("utf-8")
    assert r"the reason given for going on: our own \<rows\>" in card
    assert (
        json.loads((tmp_path / "made" / "hasei.json").read_text())["identity"]["licence_override"] == "our own <rows>"
    )


def test_a_study_is_refused_before_anything_is_tried(hasei, base, tmp_path):
    many = [(f"{text} {number}", label) for number in range(5) for text, label in ROWS]
    rows = write_rows(tmp_path / "many.csv", many, ("text", "label"))
    given = ["try", rows, "--base", base, "--licence", "CC-BY-NC-4.0", "--out", tmp_path / "run", "--budget", "60s"]
    refused = hasei(*given)
    assert refused.code == 2
    assert "CC-BY-SA-4.0" in refused.error and "CC-BY-NC-4.0" in refused.error
    assert not (tmp_path / "run").exists()
    found = hasei(*given, "--plan", "--licence-override", "agreed in writing", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["candidates"]


def test_a_study_hands_the_reason_on_to_every_model_that_it_writes(base, tmp_path):
    from hasei.ground.events import Watch
    from hasei.judge.study.conduct import prepare
    from hasei.judge.study.config import make_config

    many = [(f"{text} {number}", label) for number in range(5) for text, label in ROWS]
    data = {"path": str(write_rows(tmp_path / "many.csv", many, ("text", "label"))), "licence": "CC-BY-ND-4.0"}
    asked = {"data": data, "base": str(base), "recipes": ("naive_bayes",)}
    with pytest.raises(UserError, match="CC-BY-ND"):
        prepare(make_config(asked), Watch(), tmp_path / "work")
    data["licence_override"] = "agreed in writing"
    lab, candidates = prepare(make_config(asked), Watch(), tmp_path / "work")
    step = next(c.step for c in candidates if c.step.name == "naive_bayes")
    rows = lab.data.where("train", "select")
    context = lab.context(step, rows, Watch())
    model = write(run_step(step, context), step, lab.recipe(step), context, lab.data, tmp_path / "model", {})
    assert model.identity["licence_override"] == "agreed in writing"
