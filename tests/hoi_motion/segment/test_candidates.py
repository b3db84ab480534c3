"""Which mask is taken, and when another might as well be meant."""

import pytest

from hoi_motion.segment.answer import SegmentedMask
from hoi_motion.segment.candidates import Candidate, choose, outline
from hoi_motion.segment.doubts import OTHER_BELOW, doubts_of_box, doubts_of_choice, doubts_of_mask
from tests.hoi_motion.segment.pictures import region

SMALL = (40, 40, 49, 49)
LARGE = (30, 30, 89, 79)


def candidate(box, edge=20.0, misfit=0.0, radius_px=20.0) -> Candidate:
    return Candidate(region(box), radius_px, edge, misfit)


def taken(*candidates):
    return choose(list(candidates), OTHER_BELOW)


def test_of_masks_that_are_otherwise_alike_the_one_on_the_stronger_edges_is_taken():
    weak, strong = candidate(SMALL, edge=2.0), candidate(LARGE, edge=20.0)
    assert taken(weak, strong).best is strong


def test_a_mask_that_follows_the_frame_it_was_looked_for_in_is_not_taken():
    framed, free = candidate(LARGE, misfit=0.7), candidate(SMALL)
    assert taken(framed, free).best is free


def test_the_mask_that_other_sizes_agree_on_is_taken():
    agreed = [candidate(SMALL), candidate((40, 40, 49, 50)), candidate((40, 40, 50, 49))]
    alone = candidate(LARGE)
    assert taken(*agreed, alone).best in agreed


def test_one_candidate_alone_is_taken_without_a_rival():
    only = candidate(SMALL)
    choice = taken(only)
    assert choice.best is only and choice.rival is None and not doubts_of_choice(choice)


def test_two_things_that_fit_alike_are_doubted_and_three_that_agree_are_not():
    choice = taken(candidate(SMALL), candidate(SMALL), candidate(LARGE), candidate(LARGE))
    assert "two_answers" in [d.name for d in doubts_of_choice(choice)]
    assert not doubts_of_choice(taken(candidate(SMALL), candidate(SMALL), candidate(SMALL)))


def test_sizes_that_all_disagree_are_doubted_as_unsteady():
    boxes = [(40, 40, 45, 45), (40, 40, 55, 55), (40, 40, 79, 79), (20, 20, 119, 99)]
    assert "unsteady" in [d.name for d in doubts_of_choice(taken(*map(candidate, boxes)))]


def test_what_most_sizes_hold_within_different_larger_things_is_doubted_as_a_part():
    part = [candidate((30, 30, 50, 50), edge=20.0)] * 2
    larger = [candidate(box) for box in ((0, 25, 60, 55), (25, 0, 52, 90), (10, 10, 95, 95))]
    choice = taken(*part, *larger)
    assert (choice.agreeing, choice.larger) == (2, 3) and "part_of_larger" in names(choice)
    assert "part_of_larger" not in names(taken(*part, *larger[:2]))
    faint = [candidate(box, edge=10.0) for box in ((0, 25, 60, 55), (25, 0, 52, 90), (10, 10, 95, 95))]
    assert "part_of_larger" not in names(taken(*part, *faint))


def names(choice) -> list[str]:
    return [doubt.name for doubt in doubts_of_choice(choice)]


@pytest.mark.parametrize(
    "box, names",
    [
        (SMALL, []),
        ((0, 0, 179, 70), ["large", "cut_off"]),
        ((0, 20, 179, 60), []),
        ((0, 60, 179, 119), ["cut_off"]),
        ((1, 1, 170, 110), ["large"]),
    ],
)
def test_a_mask_over_half_of_the_picture_or_out_of_it_on_three_sides_is_doubted(box, names):
    assert [d.name for d in doubts_of_mask(region(box))] == names


def test_a_mask_that_leaves_a_side_of_its_box_free_is_doubted():
    assert [d.name for d in doubts_of_box(region(SMALL), (40, 40, 49, 79))] == ["part_of_box"]
    assert not doubts_of_box(region(SMALL), SMALL)


def test_every_doubt_says_what_to_do_and_stands_in_the_words():
    doubts = doubts_of_mask(region((0, 0, 179, 70)))
    assert all("--box" in d.hint for d in doubts)
    assert "doubtful: large, cut_off" in SegmentedMask(region(SMALL), doubts, "click 1,2 by grabcut").words


def test_the_outline_is_the_pixels_on_both_sides_of_the_edge():
    edge = outline(region(SMALL))
    assert edge[40, 40] and edge[39, 40] and not edge[45, 45] and not edge[37, 40]
