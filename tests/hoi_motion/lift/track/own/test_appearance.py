"""What an object looks like, wherever it has been moved to."""

import cv2
import numpy as np
import pytest

from hoi_motion.lift.track.own.appearance import LIGHT, Template
from hoi_motion.lift.track.similarity import IDENTITY

CENTRE = (slice(20, 40), slice(30, 50))


@pytest.fixture
def image():
    """A patterned square in Lab, before a calm background."""
    rng = np.random.default_rng(0)
    image = np.full((60, 80, 3), (120, 128, 128), np.float32)
    pattern = rng.uniform((70, 110, 110), (160, 150, 150), (4, 4, 3)).astype(np.float32)
    image[CENTRE] = cv2.resize(pattern, (20, 20), interpolation=cv2.INTER_NEAREST)
    return image


@pytest.fixture
def template(image):
    mask = np.zeros((60, 80), bool)
    mask[CENTRE] = True
    return Template(image, mask)


def _changed(image, by):
    changed = image.copy()
    changed[CENTRE] += by
    return changed


@pytest.mark.parametrize("lighter", [-20.0, 20.0])
def test_an_object_in_another_light_looks_like_itself(template, image, lighter):
    changed = _changed(image, (lighter, 0, 0))
    template.see_light(changed, IDENTITY)
    assert template.score(changed, IDENTITY) > 0.9
    template.see_light(image, IDENTITY)
    assert template.score(changed, IDENTITY) < 0.6


@pytest.mark.parametrize("by", [(0, 25, 0), (0, 0, -25), (2 * LIGHT + 20, 0, 0)])
def test_one_of_another_colour_or_far_from_its_light_does_not(template, image, by):
    changed = _changed(image, by)
    template.see_light(changed, IDENTITY)
    assert template.score(changed, IDENTITY) < 0.5


def test_around_a_darker_object_lies_what_is_not_like_it(template, image):
    """Where it has grown beyond the place, what is around it is: in the light in which it is now."""
    darker = _changed(image, (-20.0, 0, 0))
    larger = cv2.copyMakeBorder(darker[CENTRE], 6, 6, 6, 6, cv2.BORDER_REPLICATE)
    spilled = darker.copy()
    spilled[14:46, 24:56] = larger
    template.see_light(darker, IDENTITY)
    assert template.spilled(darker, IDENTITY) < 0.5 < 0.8 < template.spilled(spilled, IDENTITY)


WALL = (210.0, 128, 124)


@pytest.fixture
def pale():
    """A plain square before a wall that is a little darker."""
    image = np.full((60, 80, 3), WALL, np.float32)
    image[CENTRE] += (14.0, 0, 4)
    return image


@pytest.fixture
def pale_template(pale):
    mask = np.zeros((60, 80), bool)
    mask[CENTRE] = True
    return Template(pale, mask)


def test_the_wall_behind_is_not_taken_for_a_thing_of_about_its_colour(pale, pale_template):
    wall = np.full_like(pale, WALL)
    assert pale_template.emptied(pale) == 0
    assert pale_template.emptied(wall) > 0.95


def test_the_remembered_colours_do_not_become_those_of_the_wall_behind(pale, pale_template):
    wall = np.full_like(pale, WALL)
    before = pale_template.score_at_rest(wall)
    for _ in range(20):
        pale_template.adapt_at_rest(wall)
    assert pale_template.score_at_rest(wall) < before + 0.05


@pytest.mark.parametrize("rows", [slice(15, 34), slice(10, 60)])
def test_an_arm_in_front_of_a_thing_says_not_that_it_is_gone(pale, pale_template, rows):
    covered = pale.copy()
    covered[rows, 34:60] = (150, 150, 145)
    assert pale_template.emptied(covered) == 0


def test_a_light_that_goes_out_says_not_that_a_thing_is_gone(pale, pale_template):
    assert pale_template.emptied(pale - (60.0, 0, 0)) == 0
