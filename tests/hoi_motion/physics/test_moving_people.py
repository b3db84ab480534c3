"""People who walk, jump and lean while they move are possible; the same without what makes it possible is not."""

import numpy as np
import pytest

from benchmarks.faults import FAULTS
from hoi_motion.physics import CheckConfig, Verdict, check_motion
from hoi_motion.physics.geometry import MotionGeometry

GRAVITY_M_S2 = 9.81


def found(motion, body, name):
    return next(c for c in check_motion(motion, body=body).checks if c.name == name)


def moved(motion, offsets_m):
    return motion.replace(transl_m=motion.transl_m + np.asarray(offsets_m, np.float32))


@pytest.fixture(scope="module")
def stands(good_motion):
    """Nothing but a person, for 0.7 s at 24 fps."""
    return good_motion.replace(objects=(), contacts=(), supports=())


@pytest.fixture(scope="module")
def leans(stands, body):
    """25 degrees towards -y, off balance all the time."""
    pose = stands.pose_rad.copy()
    pose[:, 0] = [np.pi / 2 + np.radians(25), 0, 0]
    skin = body.vertices_and_joints(pose[:1], stands.transl_m[:1], stands.betas)[0].numpy()
    return moved(stands.replace(pose_rad=pose), [[0, 0, -skin[0, :, 2].min()]])


def seconds(motion):
    return np.arange(motion.num_frames) / motion.fps


def test_who_leans_and_gathers_speed_is_in_balance(leans, body):
    start = found(leans, body, "balance")
    assert start.verdict is Verdict.FAIL and "outside the support polygon" in start.reason
    gains = moved(leans, -3.0 / 2 * seconds(leans)[:, None] ** 2 * [0, 1, 0])
    assert found(gains, body, "balance").verdict is Verdict.PASS
    slows = moved(leans, 3.0 / 2 * seconds(leans)[:, None] ** 2 * [0, 1, 0])
    assert found(slows, body, "balance").verdict is Verdict.FAIL


def test_who_is_off_balance_for_an_instant_may_step_or_sit_down(stands, leans, body):
    both = [m.transl_m.copy() for m in (stands, leans)]
    pose, transl = stands.pose_rad.copy(), both[0]
    pose[6:10], transl[6:10] = leans.pose_rad[6:10], both[1][6:10]
    assert found(stands.replace(pose_rad=pose, transl_m=transl), body, "balance").verdict is Verdict.PASS


def test_who_jumps_does_not_float(stands, body):
    up = np.zeros((stands.num_frames, 3))
    t = np.arange(1, 8) / stands.fps
    up[5:12, 2] = GRAVITY_M_S2 / 2 * t * (8 / stands.fps - t)
    assert found(moved(stands, up), body, "floating").verdict is Verdict.PASS
    up[5:12, 2] = up[5:12, 2].max()
    assert found(moved(stands, up), body, "floating").verdict is Verdict.FAIL


def test_a_jump_is_only_one_with_its_take_off_and_landing(stands, body):
    t = seconds(stands)
    falls = 0.1 + GRAVITY_M_S2 / 2 * (t[-1] ** 2 - t**2)
    assert found(moved(stands, falls[:, None] * [0, 0, 1]), body, "floating").verdict is Verdict.FAIL


@pytest.mark.parametrize("up_m, verdict", [(0.015, Verdict.PASS), (0.002, Verdict.FAIL)])
def test_a_foot_that_swings_low_over_the_floor_does_not_skate(stands, body, up_m, verdict):
    offsets = np.zeros((stands.num_frames, 3))
    offsets[6:10, 2] = up_m
    offsets[:, 0] = np.interp(np.arange(stands.num_frames), [6, 9], [0, 0.4])
    assert found(moved(stands, offsets), body, "foot_skating").verdict is verdict


@pytest.mark.parametrize("strength, fails", [(1.1, True), (0.4, False)])
@pytest.mark.parametrize("name", ["leaning", "pivoting", "hanging", "folded_wrist"])
def test_a_fault_of_a_person_is_found_above_its_limit_alone(stands, body, name, strength, fails):
    faulty = FAULTS[name](MotionGeometry(stands, CheckConfig(), body), strength)
    assert (found(faulty, body, FAULTS[name].check).verdict is Verdict.FAIL) is fails
