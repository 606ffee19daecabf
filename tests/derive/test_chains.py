"""A chain as one row of a study's table."""

from __future__ import annotations

import pytest

from hasei.derive.recipe import folded, read_steps
from hasei.ground.errors import RecipeError


def test_steps_that_go_on_from_a_model_become_one_with_what_came_before_inside() -> None:
    chain = read_steps(
        [{"partial_fine_tuning": {"top_layers": 2}}, {"distillation": {"layers": 3}}, {"quantization": {"bits": 8}}]
    )
    step = folded(chain)
    assert step.name == "quantization"
    before = step.params.model_dump()["of"]["distillation"]
    assert before["layers"] == 3
    assert before["of"]["partial_fine_tuning"]["top_layers"] == 2


def test_one_step_stays_as_it_is() -> None:
    (step,) = read_steps("feature_extraction")
    assert folded([step]) == step


def test_a_step_that_starts_from_a_base_of_its_own_is_refused_with_its_name() -> None:
    with pytest.raises(RecipeError, match=r"partial_fine_tuning -> lora can't be part of a study.*hasei derive"):
        folded(read_steps(["partial_fine_tuning", "lora"]))


def test_a_step_that_names_its_start_already_does_not_get_another() -> None:
    with pytest.raises(RecipeError, match="can't be part of a study"):
        folded(read_steps(["partial_fine_tuning", {"distillation": {"of": "feature_extraction"}}]))
