"""The whole lift: on a scene whose truth is known, and on real clips."""

import cv2
import numpy as np
import pytest

from benchmarks.lift import compare
from hoi_motion.errors import ErrorCode, InputError, LiftError
from hoi_motion.io import read_motion, write_amass
from hoi_motion.keypoints.file import SavedKeypoints
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
from hoi_motion.lift import Clip, LiftConfig, lift_video
from hoi_motion.media.video_file import read_video


@pytest.fixture(scope="module")
def scene():
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    return generate_scene(HELD_OUT_SEED, 192, 288, 11)


def clip_of(scene) -> Clip:
    return Clip(scene.frames, scene.fps, scene.target_mask, intrinsics=scene.K)


@pytest.fixture(scope="module")
def keypoint_file(tmp_path_factory):
    """Where the keypoints of `lifted` are saved."""
    return tmp_path_factory.mktemp("keypoints") / "k.npz"


@pytest.fixture(scope="module")
def lifted(scene, keypoint_file):
    source = SavedKeypoints(MediaPipeKeypoints(), keypoint_file)
    return lift_video(clip_of(scene), keypoints=source)


def test_a_scene_is_lifted_close_to_its_truth(scene, lifted):
    error = compare(lifted, scene.motion)
    assert error["mpjpe_mm"] < 200 and error["pa_mpjpe_mm"] < 110, error
    assert error["swapped"] == 0


def test_what_is_lifted_can_be_saved_and_says_how_good_it_is(lifted, tmp_path):
    lifted.save(tmp_path / "motion.npz")
    again = type(lifted).load(tmp_path / "motion.npz")
    assert again.diagnostics["reprojection_error_mean"] < 0.05
    assert again.target.is_target and again.camera.focal_source == "camera_info"


def test_the_world_stands_under_the_first_frame_pelvis(body, lifted):
    joints = body.joints(lifted.pose_rad.copy(), lifted.transl_m.copy(), lifted.betas.copy()).numpy()
    np.testing.assert_allclose(joints[0, 0, :2], 0, atol=1e-3)
    assert 0.6 < joints[0, 0, 2] < 1.2


def test_the_same_clip_gives_the_same_motion(scene, lifted):
    again = lift_video(clip_of(scene))
    np.testing.assert_array_equal(again.pose_rad, lifted.pose_rad)
    np.testing.assert_array_equal(again.target.T_world_object, lifted.target.T_world_object)


def test_saved_keypoints_give_the_same_motion(scene, lifted, keypoint_file):
    config = LiftConfig(keypoints=str(keypoint_file))
    again = lift_video(clip_of(scene), config=config)
    np.testing.assert_array_equal(again.pose_rad, lifted.pose_rad)
    np.testing.assert_array_equal(again.target.T_world_object, lifted.target.T_world_object)
    assert again.contacts == lifted.contacts


@pytest.mark.parametrize("steps", [True, False])
def test_unseen_legs_step_only_if_asked_to(scene, lifted, keypoint_file, monkeypatch, steps):
    asked = []
    monkeypatch.setattr("hoi_motion.lift.pipeline.with_steps", lambda body, fit, *_: asked.append(1) or fit)
    config = LiftConfig(keypoints=str(keypoint_file), iterations=2, steps=steps)
    lift_video(clip_of(scene), config=config)
    assert bool(asked) == steps


def test_a_human_from_a_file_keeps_its_poses_and_gets_object_and_contact(scene, body, tmp_path):
    write_amass(scene.motion, tmp_path / "human.npz")
    turning = np.tile(np.eye(4), (len(scene.frames), 1, 1))
    turning[-1, :3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    human = read_motion(tmp_path / "human.npz").replace(T_first_camera=turning)
    motion = lift_video(clip_of(scene), human=human)
    np.testing.assert_array_equal(motion.T_first_camera, turning)
    np.testing.assert_array_equal(motion.pose_rad[:, 1:], human.pose_rad[:, 1:])

    def seen(m):
        return m.camera.to_camera(body.joints(m.pose_rad, m.transl_m, m.betas).numpy())

    # heading, place and camera are found: the joints lie before the camera as in the truth
    assert np.linalg.norm(seen(motion) - seen(scene.motion), axis=-1).mean() < 0.06
    truth = scene.motion.contacts[0]
    assert [c.hand for c in motion.contacts] == [truth.hand]
    assert abs(motion.contacts[0].start_frame - truth.start_frame) <= 2
    assert compare(motion, scene.motion)["object_cm"] < 25
    assert any("from a file" in note for note in motion.notes)


def test_two_frames_are_enough(scene):
    motion = lift_video(Clip(scene.frames[:2], scene.fps, scene.target_mask))
    assert motion.num_frames == 2


def test_edges_of_the_room_tell_the_focal_length_that_nobody_gives(scene):
    camera = lift_video(Clip(scene.frames[:2], scene.fps, scene.target_mask)).camera
    assert camera.focal_source == "straight lines" and camera.K[0, 0] == pytest.approx(scene.K[0, 0], rel=0.12)


def test_where_no_edges_tell_it_the_focal_length_is_assumed(scene):
    # the person and the object before an even wall
    frames, wall = scene.frames[:2].copy(), np.median(scene.frames[0], axis=(0, 1)).astype(np.uint8)
    frames[scene.instance_ids[:2] == 0] = wall
    assert lift_video(Clip(frames, scene.fps, scene.target_mask)).camera.focal_source == "assumed"


@pytest.mark.parametrize(
    "change, code",
    [
        ({"frames": np.zeros((1, 20, 20, 3), np.uint8)}, ErrorCode.FILE_INVALID),
        ({"frames": np.zeros((4, 20, 20, 3), np.float32)}, ErrorCode.IMAGE_INVALID),
        ({"fps": 0.0}, ErrorCode.FILE_INVALID),
        ({"target_mask": np.zeros((20, 20), bool)}, ErrorCode.MASK_EMPTY),
        ({"target_mask": np.ones((20, 21), bool)}, ErrorCode.SIZE_MISMATCH),
        ({"others_mask": np.ones((20, 21), bool)}, ErrorCode.SIZE_MISMATCH),
    ],
)
def test_bad_input_is_named(change, code):
    mask = np.zeros((20, 20), bool)
    mask[5:9, 5:9] = True
    call = {"frames": np.zeros((4, 20, 20, 3), np.uint8), "fps": 8.0, "target_mask": mask} | change
    with pytest.raises((InputError, LiftError)) as caught:
        Clip(**call)
    assert caught.value.code == code


@pytest.mark.slow
@pytest.mark.parametrize("clip", ["ir", "ta_coke"])
def test_real_clips(real_clips, clip):
    video = read_video(real_clips / clip / "tavid.mp4", 512)
    mask = cv2.imread(str(real_clips / clip / "mask.png"), cv2.IMREAD_GRAYSCALE) > 127
    motion = lift_video(Clip(video.frames, video.fps, mask))
    assert motion.diagnostics["frames_within_5_percent"] >= 0.9
    held = {hand: motion.contact_mask(hand, "target").sum() for hand in ("left_hand", "right_hand")}
    assert held["right_hand"] > 2 * held["left_hand"]


def test_many_others_may_cover_nearly_everything(scene):
    others = ~scene.target_mask
    assert np.array_equal(Clip(scene.frames, 8.0, scene.target_mask, others_mask=others).others_mask, others)
