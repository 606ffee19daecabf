"""Weights of several models made into one: as peft does it, as the papers say, and the same every time."""

from __future__ import annotations

import math

import pytest
import torch
from peft.utils import merge_utils as peft

from hasei.engine import merging

SHAPES = {"layer.weight": (6, 8), "layer.bias": (8,), "embed.weight": (11, 4)}
WEIGHTS, DENSITIES = (0.7, 1.3, -0.4), (0.4, 0.4, 0.4)


def state(seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return {name: scale * torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


BASE = state(0)
STATES = [{n: t + d for (n, t), d in zip(BASE.items(), state(seed, 0.1).values())} for seed in (1, 2, 3)]


def deltas(name):
    return [one[name] - BASE[name] for one in STATES]


def of_peft(how, **given):
    weights = torch.tensor(WEIGHTS)
    found = {}
    for name in SHAPES:
        with torch.random.fork_rng():
            torch.manual_seed(merging.draw_seed(5, name))
            found[name] = BASE[name] + getattr(peft, how)(deltas(name), weights, **given)
    return found


@pytest.mark.parametrize("how", ["task_arithmetic", "magnitude_prune", "ties", "dare_linear", "dare_ties"])
def test_it_gives_what_peft_gives_for_the_same_inputs(how):
    settings = () if how == "task_arithmetic" else (DENSITIES,)
    drawn = (5,) if how.startswith("dare") else ()
    ours = getattr(merging, how)(BASE, STATES, WEIGHTS, *settings, *drawn)
    theirs = of_peft(how, **({} if how == "task_arithmetic" else {"density": DENSITIES[0]}))
    for name in SHAPES:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-5, rtol=0)
        assert not torch.equal(ours[name], BASE[name])


def test_an_average_counts_each_model_as_its_weight():
    found = merging.average(STATES, (1.0, 1.0, 2.0))
    expected = (STATES[0]["layer.bias"] + STATES[1]["layer.bias"] + 2 * STATES[2]["layer.bias"]) / 4
    torch.testing.assert_close(found["layer.bias"], expected)
    with pytest.raises(ValueError, match="must not add up to 0"):
        merging.average(STATES, (1.0, -2.0, 1.0))


def test_what_is_equal_in_all_models_stays_bit_for_bit():
    third = [1 / 3, 1 / 3, 1 / 3]
    same = [dict(BASE, **{"layer.bias": one["layer.bias"]}) for one in STATES]
    for found in (merging.average(same, third), merging.ties(BASE, same, third, DENSITIES)):
        assert torch.equal(found["layer.weight"], BASE["layer.weight"])
        assert not torch.equal(found["layer.bias"], BASE["layer.bias"])


def test_many_small_steps_do_not_drown_in_rounding():
    start = {"w": torch.full((3, 3), 1e4)}
    moved = [{"w": start["w"] + 2.0**-9 * i} for i in range(64)]
    exact = 1e4 + 2.0**-9 * 31.5
    assert float(merging.average(moved, [1.0] * 64)["w"][0, 0]) == torch.tensor(exact).item()


def test_signs_are_elected_by_weight_and_divided_by_it_where_that_is_asked_for():
    base = {"w": torch.zeros(3)}
    states = [{"w": torch.tensor([1.0, 1.0, 0.0])}, {"w": torch.tensor([-2.0, 3.0, 0.0])}]
    count = merging.ties(base, states, (3.0, 1.0), (1.0, 1.0))["w"]
    assert count.tolist() == [-2.0, 3.0, 0.0]  # sign by -2 + 1; (3 * 1 + 1 * 3) / 2
    weights = merging.ties(base, states, (3.0, 1.0), (1.0, 1.0), "weights")["w"]
    assert weights.tolist() == [1.0, 1.5, 0.0]  # sign by -2 + 3; 6 / 4
    none = merging.ties(base, states, (3.0, 1.0), (1.0, 1.0), "none")["w"]
    assert none.tolist() == [3.0, 6.0, 0.0]


def test_each_model_can_have_a_density_of_its_own_and_of_equal_values_the_first_stay():
    base, states = {"w": torch.zeros(4)}, [{"w": torch.ones(4)}, {"w": torch.tensor([1.0, 4.0, 3.0, 2.0])}]
    found = merging.magnitude_prune(base, states, (1.0, 1.0), (0.5, 0.25))["w"]
    assert found.tolist() == [1.0, 5.0, 0.0, 0.0]
    assert merging.magnitude_prune(base, states, (1.0, 1.0), (0.1, 0.1))["w"].tolist() == [0.0] * 4


def test_dropped_differences_keep_their_expectation_and_hang_on_seed_and_name_alone():
    base, states = {"w": torch.zeros(200, 200), "v": torch.zeros(9)}, [{"w": torch.ones(200, 200), "v": torch.ones(9)}]
    one = merging.dare_linear(base, states, (1.0,), (0.25,), 3)
    assert set(one["w"].unique().tolist()) == {0.0, 4.0}
    assert abs(float(one["w"].mean()) - 1.0) < 0.05
    alone = merging.dare_linear({"w": base["w"]}, [{"w": states[0]["w"]}], (1.0,), (0.25,), 3)
    assert torch.equal(one["w"], alone["w"])
    assert not torch.equal(one["w"], merging.dare_linear(base, states, (1.0,), (0.25,), 4)["w"])


def test_an_arc_begins_and_ends_at_the_models_and_keeps_their_length():
    one, other = {"w": torch.tensor([2.0, 0.0])}, {"w": torch.tensor([0.0, 2.0])}
    for share in (0.0, 0.25, 0.5, 1.0):
        found = merging.slerp(one, other, share)["w"]
        angle = share * math.pi / 2
        torch.testing.assert_close(found, 2 * torch.tensor([math.cos(angle), math.sin(angle)]))
        torch.testing.assert_close(found, merging.slerp(other, one, 1 - share)["w"])
    for a, b in ((BASE, STATES[0]), (STATES[1], state(9))):
        for name in SHAPES:
            torch.testing.assert_close(merging.slerp(a, b, 0.0)[name], a[name])
            torch.testing.assert_close(merging.slerp(a, b, 1.0)[name], b[name])


def test_between_parallel_opposite_and_empty_directions_an_arc_is_a_line():
    one = {"w": torch.tensor([1.0, 2.0])}
    for factor in (3.0, -1.0, 0.0):
        other = {"w": factor * one["w"]}
        torch.testing.assert_close(merging.slerp(one, other, 0.5)["w"], one["w"] * (1 + factor) / 2)


def test_models_of_one_origin_lie_near_each_other_and_strangers_do_not():
    assert merging.apart(BASE, BASE) == 0.0
    assert merging.apart(STATES[0], STATES[1]) < 0.05
    assert merging.apart(BASE, state(9)) > 0.5


def test_what_does_not_fit_is_named():
    assert merging.unlike(BASE, STATES[0]) == ""
    wider = dict(BASE, **{"layer.bias": torch.zeros(9)})
    assert merging.unlike(BASE, wider) == "'layer.bias' is 8 in one and 9 in another"
    fewer = {"layer.weight": BASE["layer.weight"]}
    assert merging.unlike(BASE, fewer) == "only one of them has 'embed.weight'"


def test_half_precision_comes_back_as_it_was():
    half = [{n: t.bfloat16() for n, t in one.items()} for one in STATES]
    assert merging.average(half, (1.0, 1.0, 1.0))["layer.bias"].dtype == torch.bfloat16
