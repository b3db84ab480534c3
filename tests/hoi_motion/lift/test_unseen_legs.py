"""A fitted body that glides along with its feet out of the picture walks."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, index_of
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.person.feet.planted import SOLE_M
from hoi_motion.lift.person.fit import BodyFit
from hoi_motion.lift.unseen_legs import UnseenWalk, unseen_walk, walk_notes, with_steps

FPS = 12.0
LEGS = (kp.L_KNEE, kp.R_KNEE, kp.L_ANKLE, kp.R_ANKLE, kp.L_HEEL, kp.R_HEEL, kp.L_TOE, kp.R_TOE)


@pytest.fixture(scope="module")
def gliding(body) -> BodyFit:
    """A person who stands, is pushed 1.3 m along -y in 1.2 s with knees a little bent, and stands again."""
    y = -np.r_[np.zeros(5), np.linspace(0, 1.3, 15), np.full(5, 1.3)]
    pose = np.zeros((len(y), 55, 3))
    pose[:, 0] = Rotation.from_euler("x", 90, degrees=True).as_rotvec()
    for side in ("left", "right"):
        for joint, bend in (("hip", -0.3), ("knee", 0.6), ("ankle", -0.3)):
            pose[:, JOINT_NAMES.index(f"{side}_{joint}"), 0] = bend
    transl = np.stack([0 * y, y, 0 * y], 1)
    points = body.joints(pose, transl, np.zeros(10)).numpy()
    soles = points[0, [index_of(f"left_{p}") for p in ("heel", "big_toe")], 2].min() - SOLE_M
    nothing = np.zeros((len(y), 2))
    return BodyFit(pose, transl, np.zeros(10), points, 0.0, float(soles), nothing[:, 0], nothing, 0.0)


def _track(frames: int, seen: float) -> SimpleNamespace:
    px = np.ones((frames, 33, 3))
    px[:, LEGS, 2] = seen
    return SimpleNamespace(body_px=px)


def _stepped(body, fit: BodyFit, track) -> BodyFit:
    return with_steps(body, fit, unseen_walk(fit, track, FPS), FPS)


def _feet(fit: BodyFit) -> np.ndarray:  # (T, 2, 3) the stillest of heel and toe
    return fit.points_m[:, [[index_of(f"{s}_{p}") for p in ("heel", "big_toe")] for s in ("left", "right")]]


def test_in_every_frame_a_foot_stands(body, gliding):
    fit = _stepped(body, gliding, _track(25, 0.0))
    slides = [np.linalg.norm(np.diff(_feet(f)[..., :2], axis=0), axis=-1).min((1, 2)).max() for f in (gliding, fit)]
    assert slides[0] > 0.08 and slides[1] < 0.003


def test_soles_do_not_sink(body, gliding):
    fit = _stepped(body, gliding, _track(25, 0.0))
    assert _feet(fit)[..., 2].min() - fit.floor_m > SOLE_M - 0.02


def test_the_body_above_the_legs_stays(body, gliding):
    fit = _stepped(body, gliding, _track(25, 0.0))
    legs = {f"{s}_{j}" for s in ("left", "right") for j in ("hip", "knee", "ankle")}
    changed = {JOINT_NAMES[j] for j in np.flatnonzero((fit.pose_rad != gliding.pose_rad).any((0, 2)))}
    assert changed == legs


@pytest.mark.parametrize("seen", [0.7, 1.0])
def test_legs_that_are_seen_stay_as_they_are_seen(body, gliding, seen):
    assert _stepped(body, gliding, _track(25, seen)) is gliding


def test_one_leg_that_is_seen_stays_and_the_other_steps(body, gliding):
    track = _track(25, 0.0)
    track.body_px[:, [kp.L_KNEE, kp.L_ANKLE, kp.L_HEEL, kp.L_TOE], 2] = 1
    fit = _stepped(body, gliding, track)
    assert np.array_equal(fit.pose_rad[:, JOINT_NAMES.index("left_hip")], gliding.pose_rad[:, 1])
    assert not np.array_equal(fit.pose_rad[:, JOINT_NAMES.index("right_hip")], gliding.pose_rad[:, 2])


def test_a_leg_that_is_seen_for_a_moment_goes_on_stepping(body, gliding):
    track = _track(25, 0.0)
    track.body_px[12:14, LEGS, 2] = 1
    fit, blind = (_stepped(body, gliding, t) for t in (track, _track(25, 0.0)))
    assert np.array_equal(fit.pose_rad, blind.pose_rad)


def test_feet_high_over_the_floor_are_left_there(body, gliding):
    seated = replace(gliding, floor_m=gliding.floor_m - 0.4)
    fit = _stepped(body, seated, _track(25, 0.0))
    assert _feet(fit)[..., 2].min() > fit.floor_m + 0.3


def test_the_note_counts_frames_and_says_what_is_done_there():
    hidden = np.ones((9, 2), bool)
    hidden[3] = False
    walk = UnseenWalk(hidden, [(2, 5)])
    assert "made-up steps in 3 of 9" in walk_notes(walk, True)[0]
    assert "glide along in 3 of 9" in walk_notes(walk, False)[0] and "--steps" in walk_notes(walk, False)[0]
    assert walk_notes(None, True) == walk_notes(UnseenWalk(hidden, []), True) == ()
