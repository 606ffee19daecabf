"""Members of an ensemble: methods and cheap truths, joined by probabilities, written and read as folders of their own."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import log_softmax

from hasei.cli import main
from hasei.derive.derived import open_model
from hasei.derive.order import order, read_steps
from hasei.ground import plugins
from hasei.ground.errors import NotSupported, RecipeError
from hasei.ground.settings import build
from hasei.tasks import open_task

TOY = open_task("text_classification").toy()
MEMBERS = {"members": ["lexical_linear", {"feature_extraction": {"pooling": "mean"}}]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    lines = [f"{json.dumps(text)},{label}" for text, label in zip(TOY.inputs, TOY.targets)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]), "utf-8")
    return folder


def test_a_cheap_truth_and_a_method_are_joined_by_their_probabilities(place, toy_base, tmp_path):
    made = order(
        read_steps({"ensemble": MEMBERS}),
        place / "rows.csv",
        task="text_classification",
        columns={},
        base=toy_base("bert"),
        out=tmp_path / "m",
    )
    again = open_model(made.folder)
    assert json.loads((made.folder / "ensemble.json").read_text("utf-8"))["formats"][0] == "lexical"
    outputs = again.outputs(TOY.inputs)
    shares = [np.exp(log_softmax(member.outputs(TOY.inputs), axis=1)) for _, member in again.predictor.members]
    np.testing.assert_allclose(outputs, np.log(np.mean(shares, 0)), atol=1e-5)
    assert main(["verify", str(made.folder)]) == 0


def test_what_can_not_be_a_member_is_refused():
    ensemble = plugins.load("methods", "ensemble")
    settings = build(ensemble.Params, {"members": ["lexical_linear", "ensemble"]}, "method 'ensemble'")
    with pytest.raises(NotSupported, match="an ensemble can't be a member of another"):
        ensemble.check(settings, 2)
    with pytest.raises(RecipeError):
        build(ensemble.Params, {"members": ["lexical_linear"]}, "method 'ensemble'")


def test_its_name_in_a_table_tells_its_members_and_their_settings():
    (step,) = read_steps(
        {"ensemble": {"members": ["lexical_linear", {"lora": {"rank": 4, "learning_rate": 0.001}}, {"lora": {}}]}}
    )
    assert step.label == "ensemble (members lexical_linear + lora (rank 4, learning_rate 0.001) + lora)"
