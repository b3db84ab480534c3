"""The seat that a sitting body leaves no doubt of."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import ControlError
from hoi_motion.lift.seat import seat_under
from hoi_motion.progress import CancelToken
from hoi_motion.rigid import moved_back

FRAMES, FPS = 12, 8.0


def posed(body, hip_deg: float, knee_deg: float, forward_deg: float = 0.0, frames: int = FRAMES):
    """Skin, points and what makes them, of a person who faces -y: hips and knees bent, the trunk leant forward."""
    pose = np.zeros((frames, 55, 3))
    pose[:, 0, 0] = np.pi / 2 + np.deg2rad(forward_deg)
    for side in ("left", "right"):
        pose[:, JOINT_NAMES.index(f"{side}_hip"), 0] = -np.deg2rad(hip_deg + forward_deg)
        pose[:, JOINT_NAMES.index(f"{side}_knee"), 0] = np.deg2rad(knee_deg)
        pose[:, JOINT_NAMES.index(f"{side}_ankle"), 0] = np.deg2rad(hip_deg - knee_deg)
    transl, betas = np.zeros((frames, 3)), np.zeros(10)
    skin = body.vertices_and_joints(pose, transl, betas)[0].numpy()
    transl[:, 2] = -skin[0, :, 2].min()
    skin = body.vertices_and_joints(pose, transl, betas)[0].numpy()
    return skin, (body, pose, transl, betas, body.joints(pose, transl, betas).numpy(), FPS)


def test_who_sits_has_a_seat_right_under_the_skin_and_none_of_the_legs_in_it(body):
    skin, person = posed(body, hip_deg=90, knee_deg=90)
    seat = seat_under(*person)
    top_m = seat.T_world_box[2, 3] + seat.size_m[2] / 2
    buttocks = skin[0, body.part_vertices["left_hip"]]
    assert abs(top_m - buttocks[:, 2].min()) < 0.005 and 0.3 < top_m < 0.6
    inside = (np.abs(moved_back(seat.T_world_box, skin[0])) < seat.size_m / 2).all(1)
    assert not inside.any()


@pytest.mark.parametrize("turn_deg", [30, 170, 260])
def test_the_seat_turns_with_the_person(body, turn_deg):
    """A property of the geometry: where the person faces changes nothing but where the seat faces."""
    _, person = posed(body, hip_deg=90, knee_deg=90)
    one = seat_under(*person)
    body, pose, transl, betas, points, fps = person
    c, s = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    pose = pose.copy()
    pose[:, 0] = (Rotation.from_matrix(R) * Rotation.from_rotvec(pose[:, 0])).as_rotvec()
    root = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), betas)[0, 0].numpy()
    transl = (transl + root) @ R.T - root
    other = seat_under(body, pose, transl, betas, points @ R.T, fps)
    np.testing.assert_allclose(other.size_m, one.size_m, atol=1e-4)
    np.testing.assert_allclose(other.T_world_box[:3, 3], R @ one.T_world_box[:3, 3], atol=1e-3)
    np.testing.assert_allclose(other.T_world_box[:3, :3], R @ one.T_world_box[:3, :3], atol=1e-3)


@pytest.mark.parametrize(
    "hip_deg, knee_deg, forward_deg",
    [(0, 0, 0), (20, 30, 0), (100, 140, 25)],
    ids=["stands", "bends the knees", "squats"],
)
def test_who_is_carried_by_the_feet_has_none(body, hip_deg, knee_deg, forward_deg):
    assert seat_under(*posed(body, hip_deg, knee_deg, forward_deg)[1]) is None


def test_who_is_seated_for_a_moment_only_has_none(body):
    assert seat_under(*posed(body, hip_deg=90, knee_deg=90, frames=2)[1]) is None


def test_a_cancel_ends_it(body):
    cancelled = CancelToken()
    cancelled.cancel()
    with pytest.raises(ControlError):
        seat_under(*posed(body, hip_deg=90, knee_deg=90)[1], cancelled)


def test_frames_worked_out_apart_give_the_same_seat(body, monkeypatch):
    person = posed(body, hip_deg=90, knee_deg=90)[1]
    together = seat_under(*person)
    monkeypatch.setattr("hoi_motion.lift.seat.AT_ONCE", 5)
    np.testing.assert_allclose(seat_under(*person).T_world_box, together.T_world_box, atol=1e-6)
