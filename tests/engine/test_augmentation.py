"""Changes made to pictures at random: each alone, seeded, and of the size that they say."""

from __future__ import annotations

import pytest
import torch

from hasei.engine.augmentation import MOST_COLOUR, augment

ALL = ("flip", "rotation", "crop", "colour")


def pictures(count=64, height=24, width=32):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def changed(pixels, changes, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return augment(pixels, changes)


def test_no_changes_change_nothing():
    pixels = pictures()
    assert augment(pixels, ()) is pixels
    assert augment(pixels[:0], ALL).shape == pixels[:0].shape


@pytest.mark.parametrize("change", ALL)
def test_each_change_keeps_the_shape_and_is_the_same_for_the_same_seed(change):
    pixels = pictures()
    one, two, other = changed(pixels, (change,)), changed(pixels, (change,)), changed(pixels, (change,), 1)
    assert one.shape == pixels.shape and torch.equal(one, two) and not torch.equal(one, other)
    assert torch.isfinite(one).all() and not torch.equal(one, pixels)


def test_a_flip_mirrors_about_half_of_the_pictures_exactly():
    pixels = pictures(200)
    found = changed(pixels, ("flip",))
    mirrored = (found - pixels.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    kept = (found - pixels).abs().amax((1, 2, 3)) < 1e-4
    assert bool((mirrored | kept).all()) and 70 < int(mirrored.sum()) < 130


def test_a_rotation_turns_a_circle_into_itself_whatever_the_shape_of_the_picture():
    y, x = torch.meshgrid(torch.arange(48.0) - 23.5, torch.arange(80.0) - 39.5, indexing="ij")
    disc = torch.sigmoid(14 - (x**2 + y**2).sqrt())[None, None].expand(32, 3, -1, -1).contiguous()
    assert float((changed(disc, ("rotation",)) - disc).abs().max()) < 0.12
    bar = ((x.abs() < 3) & (y.abs() < 20)).float()[None, None].expand(32, 3, -1, -1).contiguous()
    turned = changed(bar, ("rotation",))
    assert float((turned - bar).abs().amax((1, 2, 3)).median()) > 0.5
    assert float((turned.sum((1, 2, 3)) / bar.sum((1, 2, 3)) - 1).abs().max()) < 0.1


def test_colours_move_by_no_more_than_they_say():
    grey = torch.zeros(500, 3, 2, 2)
    found = changed(grey, ("colour",))
    assert float(found.abs().max()) <= MOST_COLOUR and float(found.abs().max()) > 0.8 * MOST_COLOUR
