"""What a plan teaches, step by step."""

import json

import numpy as np
import pytest

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
    from dataclasses import replace

    brightness = np.linspace(10, 240, len(video.frames)).astype(np.uint8)
    frames = np.broadcast_to(brightness[:, None, None, None], video.frames.shape).copy()
    bundle = write_bundle(robot=RobotPlan("two-joints", robot_motion), video=replace(video, frames=frames))
    episode = read_episode(bundle, fps=8)
    assert len(episode.state) == 25  # three seconds
    assert episode.state[12] == pytest.approx([0.5, 0.5], abs=0.02)
    assert episode.frames.mean((1, 2, 3))[::3] == pytest.approx(brightness, abs=4)


def test_the_task_is_a_plain_sentence(write_bundle):
    assert read_episode(write_bundle(), fps=8).task == "picks up the mug"


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
