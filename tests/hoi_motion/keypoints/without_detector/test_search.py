"""Who is likeliest of those whom the landmark model comes to, and whether they are to be believed."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import PALM
from hoi_motion.keypoints.without_detector.regions import Look, Region
from hoi_motion.keypoints.without_detector.search import (
    anchored,
    credibility,
    doubted,
    likeliest,
    out_of_reach,
    takes_over,
    worth_believing,
)

SIZE_PX = (240, 360)


@pytest.fixture
def track(acted):
    return acted(5).track


def look(body: np.ndarray) -> Look:
    return Look(body, np.zeros((kp.NUM_BODY, 3)), Region(body[list(kp.TORSO[2:]), :2].mean(0), 100.0))


def small(body: np.ndarray) -> np.ndarray:
    """A figure a third as large, where its left hand is."""
    wrist = body[kp.L_WRIST, :2]
    return np.column_stack([wrist + (body[:, :2] - body[:, :2].mean(0)) / 3, body[:, 2]])


def hand(wrist_px: np.ndarray, palm_px: float) -> np.ndarray:  # (21, 2)
    points = np.tile(wrist_px[:2], (21, 1))
    points[9, 1] += palm_px
    return points


def test_who_is_come_to_from_more_starts_is_likelier(track):
    body = track.body_px[0]
    chance = [look(small(body)), look(body + [90, 0, 0])]
    score, best = likeliest([*chance, look(body), look(body + [1, 0, 0]), look(body + [0, 1, 0])], [], SIZE_PX)
    assert best is not None and np.abs(best.body_px - body).max() <= 1 and 0 < score <= 1


def test_hands_that_are_too_large_for_a_figure_are_not_its(track):
    body = track.body_px[0]
    figure, tall = look(small(body)), replace(track, body_px=track.body_px[:1], seen=track.seen[:1]).person_height_px()
    hands = [hand(body[kp.L_WRIST], PALM * tall), hand(body[kp.R_WRIST], PALM * tall)]
    _, best = likeliest([figure, figure, look(body)], hands, SIZE_PX)
    assert best is not None and best.body_px is body


def test_of_two_people_the_one_at_the_target_acts(track):
    body = track.body_px[0]
    here, there = look(body), look(body + [60, 0, 0])
    for one in (here, there):
        assert likeliest([here, there], [], SIZE_PX, near_px=one.body_px[kp.R_WRIST, :2])[1] is one
        mask = np.zeros(SIZE_PX, bool)
        rows, columns = np.clip(one.body_px[:, [1, 0]].astype(int), 0, [239, 359]).T
        mask[rows, columns] = True
        assert likeliest([here, there], [], SIZE_PX, actor_mask=mask)[1] is one


def test_an_actors_mask_on_which_nobody_is_leaves_nobody(track):
    mask = np.zeros(SIZE_PX, bool)
    mask[:4, :4] = True
    assert likeliest([look(track.body_px[0])], [], SIZE_PX, actor_mask=mask) == (0.0, None)
    assert likeliest([], [], SIZE_PX) == (0.0, None)


def test_anchors_are_the_same_person_as_the_best(track):
    body = track.body_px[0]
    best, again, other = look(body), look(body + [8, 0, 0]), look(small(body))
    found = [(0.8, best), (0.5, again), (0.7, other), (0.1, look(body)), (0.0, None)]
    assert anchored(found) == [best, again, None, None, None]
    assert anchored(found, on_mask=True) == [best, again, None, None, None]
    assert anchored([(0.0, None), (0.9, best)], on_mask=True) == [None, None]
    assert anchored([(0.0, None)] * 3) == [None] * 3


def test_views_that_disagree_and_hands_that_do_not_fit_make_nobody_credible(track):
    apart = replace(track, body_px=track.body_px + [80, 0, 0])
    fitting = np.full(2, PALM * track.person_height_px())
    agreed = credibility([track, track], fitting, SIZE_PX)
    assert credibility([track, apart], fitting, SIZE_PX) == 0 < agreed <= 1
    assert credibility([track, track], 3 * fitting, SIZE_PX) < 0.5 * agreed
    outside = replace(track, body_px=track.body_px + [0, 300, 0])
    assert credibility([outside, outside], fitting, SIZE_PX) < 0.5 * agreed


@pytest.mark.parametrize(
    ("undetected", "detected", "seen_share", "num_hands", "believed"),
    [
        (0.8, 0.2, 1.0, 0, True),  # somebody from behind
        (0.4, 0.1, 0.0, 2, True),  # a trunk without a head
        (0.8, 0.9, 1.0, 2, False),  # more speaks for the detector's
        (0.3, 0.1, 1.0, 2, False),  # little speaks for either
        (0.4, 0.2, 1.0, 0, False),  # a red square on a wall, which is nobody by either
        (0.8, 0.0, 0.0, 0, False),  # a cat: nobody is detected, and there are no hands
    ],
)
def test_who_is_believed(undetected, detected, seen_share, num_hands, believed):
    assert worth_believing(undetected, detected, seen_share, num_hands) is believed


def test_somebody_whose_hands_are_too_large_or_who_is_beside_the_mask_is_doubted(track):
    palms = np.full(3, PALM * track.person_height_px())
    on_them, beside = np.ones(SIZE_PX, bool), np.zeros(SIZE_PX, bool)
    beside[:, :4] = True
    assert not doubted([track, track], palms, None) and not doubted([track, track], palms, on_them)
    assert doubted([track, track], 3 * palms, None)
    assert not doubted([track, track], 3 * palms[:1], None)  # one hand may be anything
    assert doubted([track, track], palms, beside)


def test_who_never_comes_within_an_arms_length_of_the_target_is_out_of_reach(track):
    wrist, tall = track.body_px[0, kp.L_WRIST, :2], track.person_height_px()
    assert not out_of_reach([track, track], wrist + [0.2 * tall, 0])
    assert out_of_reach([track, track], track.body_px[..., :2].max((0, 1)) + 0.5 * tall)
    assert not out_of_reach([track, track], None)


def test_who_comes_to_the_target_later_is_not_out_of_reach(track):
    away = track.body_px.copy()
    away[:-1, :, :2] -= 5 * track.person_height_px()
    walker = replace(track, body_px=away)
    assert not out_of_reach([walker, walker], track.body_px[-1, kp.L_WRIST, :2])


def test_somebody_at_the_target_takes_over_from_a_surer_one_out_of_reach(track):
    wrist, tall = track.body_px[0, kp.L_WRIST, :2], track.person_height_px()
    far = replace(track, body_px=track.body_px + [3 * tall, 0, 0])
    palms, size_px = np.full(2, PALM * tall), (SIZE_PX[0], round(SIZE_PX[1] + 3 * tall))
    unsure = replace(track, body_px=track.body_px * [1, 1, 0.8])
    assert takes_over([unsure] * 2, [far] * 2, palms, size_px, wrist)
    assert not takes_over([unsure] * 2, [far] * 2, palms, size_px)
