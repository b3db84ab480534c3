"""What a thing is called says which shapes it may have."""

import numpy as np
import pytest

from hoi_motion.lift.object.family import BOTTLE, CUP, MUG, NOUNS, UNNAMED, families_of


@pytest.mark.parametrize(
    "noun, family", [("blue mug", MUG), ("Bottle", BOTTLE), ("cup of coffee", CUP), ("orange cup", CUP)]
)
def test_the_last_word_that_is_known_counts(noun, family):
    assert families_of(noun) == (family,)


@pytest.mark.parametrize("noun", ["", "thingamajig", "cupboard"])
def test_a_thing_of_an_unknown_name_may_be_any_plain_shape(noun):
    assert families_of(noun) == UNNAMED


def test_every_profile_rises_from_foot_to_top_and_is_nowhere_wider_than_its_widest():
    for family in {id(f): f for f in NOUNS.values()}.values():
        if family.profile is not None:
            radii, heights = family.profile(*family.starts).T
            assert heights[0] == 0 and heights[-1] == 1 and (np.diff(heights) > 0).all()
            assert radii.max() == pytest.approx(1) and radii.min() > 0
