"""A foot goes where it is asked to, or as far as the leg reaches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, index_of
from hoi_motion.lift.leg_ik import with_foot

BETAS = np.zeros(10)
UPRIGHT = Rotation.from_euler("x", 90, degrees=True)  # the rest pose's y points up z


def _standing(frames: int) -> np.ndarray:
    pose = np.zeros((frames, 55, 3))
    pose[:, 0] = UPRIGHT.as_rotvec()
    return pose


def _points(body, pose) -> np.ndarray:
    return body.joints(pose, np.zeros((len(pose), 3)), BETAS).numpy()


def _put(body, side, shift_m, turn_deg=0.0):
    pose = _standing(1)
    ankle = _points(body, pose)[:, index_of(f"{side}_ankle")] + shift_m
    R = (Rotation.from_euler("z", turn_deg, degrees=True) * UPRIGHT).as_matrix()[None]
    return with_foot(body, pose, np.zeros((1, 3)), BETAS, side, np.array([0]), ankle, R), ankle, R


@pytest.mark.parametrize("side", ["left", "right"])
@settings(deadline=None, max_examples=25)
@given(ahead=st.floats(-0.25, 0.25), aside=st.floats(-0.1, 0.1), up=st.floats(0.06, 0.4), turn=st.floats(-40, 40))
def test_ankle_and_foot_are_where_they_are_asked_to_be(body, side, ahead, aside, up, turn):
    pose, ankle, R = _put(body, side, [aside, -ahead, up], turn)
    assert _points(body, pose)[:, index_of(f"{side}_ankle")] == pytest.approx(ankle, abs=2e-3)
    whole = Rotation.identity()
    for name in ("pelvis", f"{side}_hip", f"{side}_knee", f"{side}_ankle"):
        whole = whole * Rotation.from_rotvec(pose[0, JOINT_NAMES.index(name)])
    assert (whole.inv() * Rotation.from_matrix(R[0])).magnitude() < 1e-5


def test_the_knee_bends_forward_alone(body):
    pose, _, _ = _put(body, "left", [0, 0, 0.2])
    assert pose[0, JOINT_NAMES.index("left_knee"), 0] > 0.5
    assert pose[0, JOINT_NAMES.index("left_knee"), 1:] == pytest.approx([0, 0], abs=1e-9)


def test_only_the_leg_that_is_asked_for_changes_and_only_in_its_frames(body):
    pose = _standing(3)
    ankle = _points(body, pose)[1:2, index_of("left_ankle")] + [0, 0, 0.1]
    moved = with_foot(body, pose, np.zeros((3, 3)), BETAS, "left", np.array([1]), ankle, UPRIGHT.as_matrix()[None])
    changed = [(t, JOINT_NAMES[j]) for t, j in zip(*np.nonzero((moved != pose).any(-1)))]
    assert set(changed) <= {(1, "left_hip"), (1, "left_knee"), (1, "left_ankle")} and len(changed) >= 2


@pytest.mark.parametrize("behind_m, stays, rises", [(0.4, "big_toe", "heel"), (-0.2, "heel", "big_toe")])
def test_a_foot_out_of_reach_rolls_over_toes_or_heel(body, behind_m, stays, rises):
    pose, _, _ = _put(body, "left", [0, behind_m, 0])
    rest = _points(body, _standing(1))[0] + [0, behind_m, 0]
    moved = _points(body, pose)[0] - rest
    assert abs(moved[index_of(f"left_{stays}"), 2]) < 0.02
    assert moved[index_of(f"left_{rises}"), 2] > 0.02


def test_a_foot_turned_aside_turns_hip_and_ankle_by_halves(body):
    pose, _, _ = _put(body, "left", [0, 0, 0.05], 60)
    hip, ankle = (Rotation.from_rotvec(pose[0, JOINT_NAMES.index(f"left_{n}")]) for n in ("hip", "ankle"))
    assert hip.as_euler("YXZ", degrees=True)[0] == pytest.approx(30, abs=8)
    assert ankle.as_euler("YXZ", degrees=True)[0] == pytest.approx(30, abs=8)
