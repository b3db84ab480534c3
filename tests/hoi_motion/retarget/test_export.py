"""The files other tools read."""

import json
import pickle

import numpy as np
import pytest
from scipy.interpolate import BPoly, CubicSpline

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.retarget.controller_goals import ARM_ACTION, GRIPPER_ACTION, controller_goals
from hoi_motion.retarget.export import write_robot_motion
from hoi_motion.retarget.robot_motion import GripperCommand, RobotMotion


def test_npz_round_trip(result, tmp_path):
    result.save(tmp_path / "a.npz")
    back = RobotMotion.load(tmp_path / "a.npz")
    assert np.array_equal(back.positions_rad, result.positions_rad)
    assert (back.gripper, back.finger_names) == (result.gripper, result.finger_names)
    assert np.array_equal(back.object_pose, result.object_pose)
    assert (back.facts, back.joint_names, back.fps) == (result.facts, result.joint_names, result.fps)


def test_gmr_pickle_has_its_keys(result, tmp_path):
    write_robot_motion(result, tmp_path / "a.pkl")
    data = pickle.loads((tmp_path / "a.pkl").read_bytes())
    assert set(data) >= {"fps", "root_pos", "root_rot", "dof_pos", "local_body_pos", "link_body_list"}
    assert data["joint_names"] == list(result.joint_names)
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


def test_a_trajectory_has_the_arms_joints_alone_and_the_grippers_goals_stand_beside_it(result, panda, tmp_path):
    write_robot_motion(result, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["joint_names"] == list(panda.joint_names)
    opens, closes = json.loads((tmp_path / "a_gripper.json").read_text())
    assert opens["command"] == {"position": pytest.approx(0.04), "max_effort": panda.gripper.force_n}
    assert closes["command"]["position"] == 0 and closes["joint"] == panda.fingers.names[0]


def test_a_controllers_spline_through_the_points_keeps_the_limits(result, panda, tmp_path):
    """Quintic between points, as joint_trajectory_controller does with positions, velocities and accelerations."""
    write_robot_motion(result, tmp_path / "a.json")
    points = json.loads((tmp_path / "a.json").read_text())["points"]
    at = [p["time_from_start"]["sec"] + 1e-9 * p["time_from_start"]["nanosec"] for p in points]
    values = [[p["positions"], p["velocities"], p["accelerations"]] for p in points]
    spline = BPoly.from_derivatives(at, np.array(values))
    fine = np.linspace(0, at[-1], 20 * len(at))
    assert (np.abs(spline.derivative(1)(fine)).max(axis=0) <= 1.005 * panda.velocity_rad_s).all()
    assert (np.abs(spline.derivative(2)(fine)).max(axis=0) <= 1.005 * panda.acceleration_rad_s2).all()


def test_a_cubic_through_the_points_keeps_the_limits_at_every_millisecond(result, panda, tmp_path):
    write_robot_motion(result, tmp_path / "a.json")
    points = json.loads((tmp_path / "a.json").read_text())["points"]
    at = [p["time_from_start"]["sec"] + 1e-9 * p["time_from_start"]["nanosec"] for p in points]
    spline = CubicSpline(at, np.array([p["positions"] for p in points]))
    fine = np.arange(0, at[-1], 0.001)
    assert (np.abs(spline(fine, 1)).max(axis=0) <= panda.velocity_rad_s).all()
    assert (np.abs(spline(fine, 2)).max(axis=0) <= panda.acceleration_rad_s2).all()


def test_the_columns_of_a_csv_are_named_beside_it(result, tmp_path):
    write_robot_motion(result, tmp_path / "a.csv")
    names = (tmp_path / "a.columns.txt").read_text().split()
    assert (
        names[7:] == list(result.joint_names) and len(names) == np.loadtxt(tmp_path / "a.csv", delimiter=",").shape[1]
    )


def test_an_unknown_ending_lists_the_known_ones(result, tmp_path):
    with pytest.raises(InputError) as caught:
        write_robot_motion(result, tmp_path / "a.bag")
    assert caught.value.code == ErrorCode.OUTPUT_INVALID and ".csv" in caught.value.hint


def test_goals_of_both_controllers_have_the_fields_of_their_actions(result, panda):
    """Field names are those of control_msgs; the gripper closes when the arm is there."""
    arm, opens, closes = controller_goals(result)
    assert (arm["action"], arm["time_s"]) == (ARM_ACTION, 0.0)
    assert set(arm["goal"]) == {"trajectory", "goal_time_tolerance"}
    assert arm["goal"]["trajectory"]["joint_names"] == list(panda.joint_names)
    for goal in (opens, closes):
        assert goal["action"] == GRIPPER_ACTION and set(goal["goal"]["command"]) == {"position", "max_effort"}
    assert closes["time_s"] == pytest.approx(result.facts["touch_s"]) and opens["time_s"] == 0


@pytest.mark.parametrize(
    "change, words",
    [
        ({"root_pose": np.zeros((2, 7))}, "root_pose has a quaternion of length 0"),
        ({"object_pose": np.full((2, 7), 2.0)}, "object_pose has a quaternion of length 4"),
        ({"joint_names": ("a", "a")}, "names a joint twice"),
        ({"finger_names": ("c",)}, "finger 'c' of a robot motion is none of its joints"),
        ({"gripper": (GripperCommand(0, 0.1, 0.1, 1),)}, "commands for a gripper and no fingers"),
    ],
)
def test_a_motion_that_no_robot_can_do_is_refused(change, words):
    good = {"joint_names": ("a", "b"), "positions_rad": np.zeros((2, 2)), "fps": 30, "source_time_s": np.zeros(2)}
    good["root_pose"] = np.tile([0, 0, 0, 0, 0, 0, 1.0], (2, 1))
    with pytest.raises(InputError, match=words) as caught:
        RobotMotion("r", **good | change)
    assert caught.value.code == ErrorCode.FILE_INVALID
