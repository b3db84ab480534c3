"""What is measured against a guess: arms of the lifter that reach as far as what they touch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person import fit as fitting
from hoi_motion.lift.person import measured
from hoi_motion.lift.person.evidence import LiftedPoints, PersonSeen, Touch
from hoi_motion.lift.person.fit import fit_body
from hoi_motion.lift.person.measured import PALMS, further, reaching

T, FPS = 12, 8.0
LEFT, RIGHT = 0, 1
PERSON_M = 0.04


def _touch(centre_m: float, hands=(RIGHT,), spread_m: float = 0.01) -> Touch:
    at = np.zeros((T, 2), bool)
    at[5:7, list(hands)] = True
    return Touch(at, np.array([0.9, 0.9]), centre_m, spread_m)


def _further(touch: Touch, palms_m, lifted_m=(0.1, 0.1)) -> np.ndarray:
    return further(touch, np.tile(palms_m, (T, 1)), np.tile(lifted_m, (T, 1)), PERSON_M)


def test_an_arm_reaches_most_of_the_way_to_a_thing_whose_distance_is_known():
    left_m, right_m = _further(_touch(2.0), [1.5, 2.2])
    assert left_m == 0
    assert -0.2 < right_m < -0.1


def test_an_arm_of_which_the_lifter_is_sure_moves_less():
    doubted, sure = (_further(_touch(2.0), [1.5, 2.1], [0.1, s])[RIGHT] for s in (0.1, 0.03))
    assert abs(sure) < 0.4 * abs(doubted)


def test_a_thing_whose_distance_is_little_known_moves_an_arm_little():
    known, guessed = (_further(_touch(2.0, spread_m=s), [1.5, 2.1])[RIGHT] for s in (0.01, 0.4))
    assert abs(guessed) < 0.15 * abs(known)


def test_a_hand_that_cannot_be_there_only_looks_as_if_it_touched():
    """It stays, and the other hand reaches as if it were alone."""
    alone = _further(_touch(2.0), [2.7, 2.1], [0.05, 0.1])
    both = _further(_touch(2.0, (LEFT, RIGHT)), [2.7, 2.1], [0.05, 0.1])
    assert abs(both[LEFT]) < 0.01
    assert both[RIGHT] == pytest.approx(alone[RIGHT], abs=0.002)


@pytest.fixture
def reached() -> np.ndarray:  # (T, N)
    """By how much points of two arms moved, the right hand's palm by 10 cm."""
    points = torch.zeros(T, len(km.BODY_KEYPOINTS), 3)
    lifted = LiftedPoints(points, torch.eye(3), torch.ones_like(points), torch.zeros(T))
    rays = np.tile([0.0, 0.0, 1.0], (T, 2, 1))
    return reaching(lifted, _touch(2.0), np.array([0.0, 0.1]), rays, FPS).points_m[..., 2].numpy()


def test_hand_and_elbow_of_that_side_alone_reach_further(reached):
    moved = {km.BODY_KEYPOINTS[row] for row in np.flatnonzero(np.abs(reached[6]) > 1e-6)}
    assert moved == {kp.R_ELBOW, kp.R_WRIST, 18, 20, 22}
    assert reached[6].max() == pytest.approx(0.1)


def test_an_arm_that_has_taken_a_thing_still_reaches_as_far_while_it_did_not_before(reached):
    wrist = reached[:, km.BODY_KEYPOINTS.index(kp.R_WRIST)]
    assert wrist[0] < 0.02
    assert wrist[10] > 0.09


def test_a_hand_lifted_too_far_away_is_fitted_at_the_thing_that_it_takes(body, acted, monkeypatch):
    seen = acted(6)
    gather, hand = fitting.gather_evidence, [km.BODY_KEYPOINTS.index(k) for k in (kp.R_WRIST, 18, 20, 22)]

    def lifted_too_far(*given):
        evidence, start = gather(*given)
        points = evidence.lifted.points_m.clone()
        points[4:, hand, 2] += 0.2
        spread = evidence.lifted.spread_m.clone()
        spread[4:, hand, 2] = 0.06  # it knows that it may err
        return replace(evidence, lifted=replace(evidence.lifted, points_m=points, spread_m=spread)), start

    def from_pelvis_m(points_m, pitch_rad=0.0):  # (T,) of the palm, along the optical axis
        palm_m = points_m[:, PALMS[RIGHT]].mean(1) - points_m[:, 0]
        return palm_m @ R_level_camera(torch.tensor(pitch_rad, dtype=torch.float64)).numpy()[:, 2]

    true_m = (seen.joints_camera_m[:, PALMS[RIGHT]].mean(1) - seen.joints_camera_m[:, 0])[:, 2]

    def touch(points_m, pitch_rad, floor_m):
        pelvis_m = points_m[4:, 0] @ R_level_camera(torch.tensor(pitch_rad, dtype=torch.float64)).numpy()[:, 2]
        return Touch(np.arange(6)[:, None] >= [6, 4], np.array([0.9, 0.9]), (pelvis_m + true_m[4:]).mean(), 0.01)

    monkeypatch.setattr(fitting, "gather_evidence", lifted_too_far)
    monkeypatch.setattr(measured, "PERSON_SHARE", 0.01)
    given = PersonSeen(seen.track, seen.K, FPS)
    fits = (fit_body(body, given, LiftConfig(iterations=50), touch_of=t) for t in (None, touch))
    lifted_m, touching_m = (np.abs(from_pelvis_m(f.points_m, f.pitch_rad) - true_m)[4:].mean() for f in fits)
    assert touching_m < 0.75 * lifted_m
