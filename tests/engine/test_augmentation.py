"""Changes made to pictures at random: each alone, seeded, and of the size that they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hasei.engine.augmentation import MOST_COLOUR, MOST_ZOOM, augment
from hasei.engine.mixing import Mixing

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


def test_zoom_brings_what_is_in_the_middle_nearer():
    bar = torch.zeros(200, 3, 40, 40)
    bar[:, :, :, 15:25] = 1
    found = changed(bar, ("zoom",))
    share = found.mean((1, 2, 3)) / bar.mean((1, 2, 3))
    assert (
        float(share.min()) >= 0.98 and float(share.max()) <= 1 / (1 - MOST_ZOOM) + 0.05 and float(share.mean()) > 1.15
    )


def test_what_mixes_pictures_is_left_to_the_step():
    pixels = pictures()
    assert augment(pixels, ("mixup", "cutmix")) is pixels


def mixing(way, rows, key=(0, 0)):
    found = Mixing([way], (24, 32))
    found.begin(key, rows)
    return found


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_a_mixed_picture_shows_both_in_the_shares_that_its_loss_counts(way):
    rows = np.arange(200)
    found = mixing(way, rows)
    own, other = torch.ones(200, 3, 24, 32), torch.zeros(200, 3, 24, 32)
    mixed = found.mixed(rows, own, other)
    assert torch.allclose(mixed.mean((1, 2, 3)), found.shares(rows), atol=1e-5)
    assert set(mixed.unique().tolist()) <= {0.0, 1.0} or way == "mixup"
    assert sorted(found.partners(rows)) == rows.tolist()
    shares = found.shares(rows)
    if way == "mixup":  # beta(0.2, 0.2): most pictures are nearly one of the two
        assert float(((shares - 0.5).abs() > 0.4).float().mean()) > 0.5
    else:  # the box is cut at the edges, so that more than half is left on average
        assert 0.5 < float(shares.mean()) < 0.75


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_who_is_mixed_with_whom_hangs_on_the_rows_of_the_step_and_not_on_their_order(way):
    rows = np.array([5, 3, 9, 20, 1])
    one, two, other = mixing(way, rows), mixing(way, rows[::-1].copy()), mixing(way, rows, (0, 1))
    assert np.array_equal(one.partners(rows), two.partners(rows)) and torch.equal(one.shares(rows), two.shares(rows))
    assert not torch.equal(one.shares(rows), other.shares(rows))
    both = [Mixing(["cutmix", "mixup"], (24, 32)) for _ in range(20)]
    for step, found in enumerate(both):
        found.begin((0, step), rows)
    assert {found.way for found in both} == {"mixup", "cutmix"}
