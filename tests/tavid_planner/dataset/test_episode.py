"""What a plan teaches, step by step."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.body import load_body
from hoi_motion.ground.still_world import as_filmed
from tavid_planner.dataset.episode import STATE_OF_PERSON, read_episode
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.robot_stage import RobotPlan


def test_a_person_s_episode_is_the_motion_frame_by_frame(write_bundle, motion):
    episode = read_episode(write_bundle(), fps=8)
    assert episode.state.shape == (motion.num_frames, len(STATE_OF_PERSON)) and len(STATE_OF_PERSON) == 168
    assert np.array_equal(episode.state[:, :3], motion.transl_m)
    assert np.array_equal(episode.state[:, 3:], motion.pose_rad.reshape(motion.num_frames, -1))
    assert np.allclose(episode.object_pose[:, :3], motion.target.T_world_object[:, :3, 3])


def test_the_action_is_the_next_state_and_the_last_one_stays(write_bundle, robot_motion):
    episode = read_episode(write_bundle(robot=RobotPlan("two-joints", robot_motion)), fps=8)
    assert np.array_equal(episode.action[:-1], episode.state[1:])
    assert np.array_equal(episode.action[-1], episode.state[-1])


def test_a_slower_robot_sees_the_video_as_slowly(write_bundle, robot_motion, video):
    brightness = np.linspace(10, 240, len(video.frames)).astype(np.uint8)
    frames = np.broadcast_to(brightness[:, None, None, None], video.frames.shape).copy()
    bundle = write_bundle(robot=RobotPlan("two-joints", robot_motion), video=replace(video, frames=frames))
    episode = read_episode(bundle, fps=8)
    assert len(episode.state) == 25  # three seconds
    assert episode.state[12] == pytest.approx([0.5, 0.5], abs=0.02)
    assert episode.frames.mean((1, 2, 3))[::3] == pytest.approx(brightness, abs=4)


def test_a_robot_s_target_is_where_its_plan_has_it(write_bundle, robot_motion):
    heights_m = np.linspace(0.5, 1, len(robot_motion.positions_rad))
    poses = np.zeros((len(heights_m), 7))
    poses[:, 2], poses[:, 6] = heights_m, 1
    planned = replace(robot_motion, object_pose=poses)
    episode = read_episode(write_bundle(robot=RobotPlan("two-joints", planned)), fps=8)
    assert len(episode.object_pose) == len(episode.state)
    assert np.allclose(episode.object_pose[:, 2], np.linspace(0.5, 1, len(episode.state)), atol=0.01)


def test_more_steps_than_frames_are_between_the_frames(write_bundle, motion):
    transl_m = motion.transl_m + np.linspace(0, 1, motion.num_frames)[:, None] * [1, 0, 0]
    things = motion.target.T_world_object.copy()
    things[:, 0, 3] = np.linspace(0, 1, motion.num_frames)
    walking = motion.replace(transl_m=transl_m, objects=(replace(motion.target, T_world_object=things),))
    episode = read_episode(write_bundle(motion=walking), fps=32)  # of 8 frames a second
    assert np.allclose(np.diff(episode.object_pose[:, 0]), 1 / (len(episode.object_pose) - 1), atol=1e-6)
    assert np.allclose(episode.state[::4, :3], walking.transl_m, atol=1e-6)
    assert (np.abs(np.diff(episode.state[:, 0])) > 0).all()


def test_the_task_is_a_plain_sentence(write_bundle):
    assert read_episode(write_bundle(), fps=8).task == "picks up the mug"


def test_rotations_of_an_episode_do_not_jump(write_bundle, motion):
    angles = np.linspace(2.5, 4.5, motion.num_frames)  # past half a turn
    things = motion.target.T_world_object.copy()
    things[:, :3, :3] = Rotation.from_rotvec(np.outer(angles, [0, 0, 1])).as_matrix()
    pose_rad = motion.pose_rad.copy()
    pose_rad[:, 0] = Rotation.from_rotvec(np.outer(angles, [0.6, 0, 0.8])).as_rotvec()
    turned = motion.replace(pose_rad=pose_rad, objects=(replace(motion.target, T_world_object=things),))
    episode = read_episode(write_bundle(motion=turned), fps=8)
    assert np.abs(np.diff(episode.object_pose[:, 3:], axis=0)).max() < 0.3
    assert np.abs(np.diff(episode.state[:, 3:6], axis=0)).max() < 0.3
    found = Rotation.from_rotvec(episode.state[:, 3:6].astype(float)) * Rotation.from_rotvec(pose_rad[:, 0]).inv()
    assert found.magnitude().max() < 1e-5


def _seen_by_a_camera_that_turns(motion, body):
    angles = np.linspace(0, 0.5, motion.num_frames)
    turning = np.tile(np.eye(4), (motion.num_frames, 1, 1))
    turning[:, 0, 0], turning[:, 0, 2], turning[:, 2, 0], turning[:, 2, 2] = (
        np.cos(angles),
        np.sin(angles),
        -np.sin(angles),
        np.cos(angles),
    )
    return as_filmed(motion, turning, body)


def test_what_the_camera_does_is_in_no_episode(write_bundle, motion):
    filmed = _seen_by_a_camera_that_turns(motion, load_body())
    assert not np.allclose(filmed.target.T_world_object, motion.target.T_world_object, atol=1e-2)
    still, episode = read_episode(write_bundle(), fps=8), read_episode(write_bundle("turned", motion=filmed), fps=8)
    assert np.allclose(episode.object_pose, still.object_pose, atol=1e-5)
    assert np.allclose(episode.state, still.state, atol=1e-5)


def test_a_turning_camera_before_a_body_that_is_not_here_is_said(write_bundle, motion):
    filmed = _seen_by_a_camera_that_turns(motion, load_body()).replace(body_model="smplx-neutral")
    with pytest.raises(InputError, match="turns, which can be taken out of motions of anny-free only"):
        read_episode(write_bundle(motion=filmed), fps=8)


@pytest.mark.parametrize(
    "changes",
    [{"request": {"instruction": "picks up"}}, {"provenance": {}}, {"request": None}, {"robot": {"name": "../motion"}}],
)
def test_a_list_that_lacks_what_an_episode_needs_is_damaged(write_bundle, changes):
    path = write_bundle() / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(InputError) as error:
        read_episode(path.parent, fps=8)
    assert error.value.code is ErrorCode.FILE_INVALID and str(path.parent) in error.value.message
