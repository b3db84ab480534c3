"""The files other tools read."""

import json
import pickle

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.retarget.export import write_robot_motion
from hoi_motion.retarget.robot_motion import RobotMotion


def test_npz_round_trip(result, tmp_path):
    result.save(tmp_path / "a.npz")
    back = RobotMotion.load(tmp_path / "a.npz")
    assert np.array_equal(back.positions_rad, result.positions_rad)
    assert (back.facts, back.joint_names, back.fps) == (result.facts, result.joint_names, result.fps)


def test_gmr_pickle_has_its_keys(result, tmp_path):
    write_robot_motion(result, tmp_path / "a.pkl")
    data = pickle.loads((tmp_path / "a.pkl").read_bytes())
    assert set(data) == {"fps", "root_pos", "root_rot", "dof_pos", "local_body_pos", "link_body_list"}
    assert np.array_equal(data["root_rot"], result.root_pose[:, 3:]) and data["dof_pos"].shape == (
        len(result.root_pose),
        9,
    )


def test_csv_rows_are_root_then_joints(result, tmp_path):
    write_robot_motion(result, tmp_path / "a.csv")
    rows = np.loadtxt(tmp_path / "a.csv", delimiter=",")
    assert rows == pytest.approx(np.concatenate([result.root_pose, result.positions_rad], axis=1), abs=1e-8)


def test_joint_trajectory_times_and_rest(result, tmp_path):
    write_robot_motion(result, tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text())
    last = data["points"][-1]
    seconds = last["time_from_start"]["sec"] + last["time_from_start"]["nanosec"] * 1e-9
    assert seconds == pytest.approx((len(result.positions_rad) - 1) / result.fps)
    assert not any(last["velocities"]) and len(last["accelerations"]) == len(data["joint_names"])


def test_an_unknown_ending_lists_the_known_ones(result, tmp_path):
    with pytest.raises(InputError) as caught:
        write_robot_motion(result, tmp_path / "a.bag")
    assert caught.value.code == ErrorCode.OUTPUT_INVALID and ".csv" in caught.value.hint
