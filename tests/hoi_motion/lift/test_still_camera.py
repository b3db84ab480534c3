"""What a turning camera saw, as a still one would have seen it."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.ground.still_world import in_still_world
from hoi_motion.lift import Clip, lift_video
from hoi_motion.lift.pipeline import Observation
from hoi_motion.lift.still_camera import TurningCamera
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack

SIZE_PX = (480, 640)
K = np.array([[700.0, 0, 320], [0, 700, 240], [0, 0, 1]])


def turning(*degrees) -> TurningCamera:
    """Yaw, pitch and roll of one frame after the first."""
    path = np.tile(np.eye(4), (2, 1, 1))
    path[1, :3, :3] = Rotation.from_euler("yxz", degrees, degrees=True).as_matrix()
    return TurningCamera(K, path)


def filmed_px(camera: TurningCamera, t: int, points_px: np.ndarray) -> np.ndarray:  # (N, 2)
    """Where frame t shows what the first frame's camera sees at these places."""
    ends = np.column_stack([points_px, np.ones(len(points_px))]) @ np.linalg.inv(camera.to_still(t)).T
    return ends[:, :2] / ends[:, 2:]


@pytest.mark.parametrize("degrees", [(5, 0, 0), (0, -3, 0), (0, 0, 4), (-4, 2, 1)])
def test_how_a_camera_has_turned_is_told_by_its_background(degrees):
    true = turning(*degrees)
    x, y = np.meshgrid(np.linspace(40, 600, 12), np.linspace(40, 440, 12))
    then = np.column_stack([x.ravel(), y.ravel()])
    now = filmed_px(true, 1, then)
    # the similarity that fits best, as the tracker finds it
    (a, b), c = ((p - p.mean(0)) @ [1, 1j] for p in (then, now)), now.mean(0)
    z = np.vdot(a, b) / np.vdot(a, a)
    turn = np.array([[z.real, -z.imag], [z.imag, z.real]])
    background = np.stack([IDENTITY, np.column_stack([turn, c - turn @ then.mean(0)])])
    found = TurningCamera.of(background, K, SIZE_PX)
    off = Rotation.from_matrix(found.T_first_camera[:, :3, :3].transpose(0, 2, 1) @ true.T_first_camera[:, :3, :3])
    assert np.rad2deg(off.magnitude()).max() < 0.3


def test_what_rests_stays_and_what_moves_is_where_a_still_camera_sees_it():
    camera = turning(4, 1, 0)
    mask = np.zeros(SIZE_PX, bool)
    mask[200:240, 300:350] = True
    corners = np.array([[300.0, 200], [349, 200], [300, 239], [349, 239]])
    moved = corners + [60, -30]
    shift = filmed_px(camera, 1, moved).mean(0) - corners.mean(0)
    seen = np.stack([IDENTITY, np.column_stack([np.eye(2), shift])])
    for resting, place in ((True, corners), (False, moved)):
        track = ObjectTrack(mask, seen, np.ones(2), np.array([True, resting]), camera=seen)
        found = camera.object(track)
        ends = np.column_stack([corners, np.ones(4)]) @ found.similarity[1].T
        assert np.abs(ends.mean(0) - place.mean(0)).max() < 1.0
        assert found.camera is None and not found.camera_moves


def test_a_person_filmed_by_a_turning_camera_is_lifted_as_by_a_still_one(body, acted):
    seen, T = acted(6), 6
    path = np.tile(np.eye(4), (T, 1, 1))
    path[:, :3, :3] = Rotation.from_euler("y", np.linspace(0, 6, T)[:, None], degrees=True).as_matrix()
    camera = TurningCamera(seen.K, path)
    mask = np.zeros((240, 360), bool)
    mask[150:170, 60:80] = True
    background = np.tile(IDENTITY, (T, 1, 1))
    background[:, :, 2] = [filmed_px(camera, t, np.array([[180.0, 120]]))[0] - [180, 120] for t in range(T)]
    filmed = {
        name: np.stack([np.column_stack([filmed_px(camera, t, p[:, :2]), p[:, 2:]]) for t, p in enumerate(points)])
        for name, points in ((n, getattr(seen.track, n)) for n in ("body_px", "left_hand_px", "right_hand_px"))
    }
    moved = type(seen.track)(**filmed, body_hint_m=seen.track.body_hint_m, seen=seen.track.seen)
    clip = Clip(np.zeros((T, 240, 360, 3), np.uint8), 8.0, mask, intrinsics=seen.K)
    found = {}
    for name, track, similarity in (("still", seen.track, None), ("turning", moved, background)):
        where = np.tile(IDENTITY, (T, 1, 1)) if similarity is None else similarity
        thing = ObjectTrack(mask, where, np.ones(T), np.ones(T, bool), camera=similarity)
        found[name] = lift_video(clip, observation=Observation(track, thing, (), {}), body=body)
    back = in_still_world(found["turning"], body)
    assert found["turning"].T_first_camera is not None and "turns by up to" in " ".join(found["turning"].notes)
    assert np.abs(back.transl_m - found["still"].transl_m).max() < 0.03
    # as filmed it is seen where the clip shows it
    joints = body.joints(found["turning"].pose_rad.copy(), found["turning"].transl_m.copy(), back.betas.copy()).numpy()
    shoulders = found["turning"].camera.project(joints[:, 16:18])
    assert np.abs(shoulders - filmed["body_px"][:, 11:13, :2]).max() < 6
    still = body.joints(back.pose_rad.copy(), back.transl_m.copy(), back.betas.copy()).numpy()
    assert np.abs(back.camera.project(still[-1:, 16:18]) - filmed["body_px"][-1:, 11:13, :2]).max() > 15
