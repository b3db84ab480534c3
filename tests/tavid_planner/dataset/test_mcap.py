"""A recording, read back."""

import numpy as np
import pytest

pytest.importorskip("mcap_ros2", reason="mcap-ros2-support is not installed: pip install 'tavid_planner[dataset]'")

from mcap_ros2.reader import read_ros2_messages  # noqa: E402

from tavid_planner.dataset.episode import read_episode  # noqa: E402
from tavid_planner.dataset.mcap import write_mcap  # noqa: E402


def test_a_recording_holds_every_step_in_time(tmp_path, write_bundle):
    episode = read_episode(write_bundle(), fps=8)
    write_mcap(episode, tmp_path / "mug.mcap")
    heard: dict[str, list] = {}
    for message in read_ros2_messages(str(tmp_path / "mug.mcap")):
        heard.setdefault(message.channel.topic, []).append((message.log_time_ns, message.ros_msg))
    assert '"task": "picks up the mug"' in heard["/plan/instruction"][0][1].data
    times_ns, joints = zip(*heard["/joint_states"])
    assert np.allclose(np.diff(times_ns), 1e9 / 8)
    assert np.allclose([j.position for j in joints], episode.state)
    assert tuple(joints[0].name) == episode.state_names
    last_ns, pose = heard["/plan/target"][-1]
    assert pose.header.stamp.sec * 10**9 + pose.header.stamp.nanosec == last_ns == 10**9
    assert pose.header.frame_id == "world"
    assert np.allclose([getattr(pose.pose.position, a) for a in "xyz"], episode.object_pose[-1, :3])
    assert heard["/plan/image/compressed"][0][1].data[:2] == b"\xff\xd8"
