"""Histograms of colours."""

import numpy as np
import pytest

from hoi_motion.lift.track.own.colours import EVEN, Colours, bins_of

RED = np.array([110, 190, 170], np.uint8)
BLUE = np.array([80, 140, 60], np.uint8)


def test_a_colour_that_is_shown_is_common_and_one_far_from_it_is_not():
    red = Colours.of(np.tile(RED, (50, 1)))
    seen, unseen = red.at(bins_of(np.array([RED, BLUE])))
    assert seen > 50 * EVEN and unseen < 1e-6
    assert red.at(bins_of(RED + np.uint8(12))) > EVEN, "a shade of it"


def test_shares_add_up_to_one_mixed_too():
    red, blue = (Colours.of(np.tile(colour, (50, 1))) for colour in (RED, BLUE))
    assert red.shares.sum() == pytest.approx(1, abs=1e-5)
    mixed = red.mixed(blue, 0.25)
    assert mixed.shares.sum() == pytest.approx(1, abs=1e-5)
    assert mixed.at(bins_of(BLUE)) == pytest.approx(0.25 * blue.at(bins_of(BLUE)), rel=1e-4)
