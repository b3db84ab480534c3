"""Files for trackers: bodies, joints and quaternions in each layout's order, compared with PyBullet's kinematics."""

import dataclasses

import numpy as np
import pybullet
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.humanoid.humanoid import Humanoid
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.retarget.robots.config import load_robot_config
from hoi_motion.retarget.tracking import LAYOUTS, RATE_HZ, WXYZ, body_order, tracking_arrays, write_tracking

SAMPLES = 9
FPS = 30.0
TREE = """<robot name="tree"><link name="root"/><link name="a"/><link name="plate"/><link name="b"/><link name="c"/>
<link name="d"/>
<joint name="to_a" type="revolute"><parent link="root"/><child link="a"/></joint>
<joint name="glued" type="fixed"><parent link="root"/><child link="plate"/></joint>
<joint name="to_d" type="revolute"><parent link="a"/><child link="d"/></joint>
<joint name="to_b" type="revolute"><parent link="plate"/><child link="b"/></joint>
<joint name="to_c" type="revolute"><parent link="b"/><child link="c"/></joint></robot>"""


@pytest.mark.parametrize("breadth_first, bodies", [(False, "root a d b c"), (True, "root a b d c")])
def test_bodies_stand_depth_first_or_breadth_first_and_what_is_fixed_is_none(breadth_first, bodies):
    found, joints = body_order(TREE, breadth_first)
    assert found == bodies.split() and joints == [f"to_{body}" for body in found[1:]]


@pytest.fixture(scope="module")
def robot():
    return Humanoid(load_robot_config("humanoid"))


@pytest.fixture(scope="module")
def moving(robot) -> RobotMotion:
    """Joints and root that turn evenly, and an object that goes along."""
    rng, share = np.random.default_rng(3), np.linspace(0, 1, SAMPLES)[:, None]
    names = [robot.joint_names[i] for i in robot.file_order]
    home = robot.home[7:][robot.file_order]
    turn = Rotation.from_rotvec(share * [0.2, -0.3, 0.5]) * Rotation.from_quat(robot.home[3:7])
    root = np.concatenate([share * [0.3, 0.1, 0.05] + [0, 0, 0.9], turn.as_quat()], axis=1)
    thing = np.concatenate([share * [0.1, 0.2, 0.3], Rotation.from_rotvec(share * [0, 0, 0.6]).as_quat()], axis=1)
    positions = home + 0.02 * share * rng.standard_normal(len(names))
    return RobotMotion("humanoid", names, positions, root, FPS, np.arange(SAMPLES) / FPS, object_pose=thing)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_body_is_where_pybullet_has_the_link_of_its_name(robot, moving, layout, tmp_path):
    write_tracking(moving, robot, tmp_path / "a.npz", layout)
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    sample = len(arrays["body_pos_w"]) - 1
    root = 7 if layout == "holosoma" else 0
    joints = dict(zip(arrays["joint_names"].tolist(), arrays["joint_pos"][sample, root:].tolist()))
    (tmp_path / "robot.urdf").write_text(robot.urdf_text)
    client = pybullet.connect(pybullet.DIRECT)
    body = pybullet.loadURDF(str(tmp_path / "robot.urdf"), physicsClientId=client)
    info = [pybullet.getJointInfo(body, i, physicsClientId=client) for i in range(pybullet.getNumJoints(body))]
    for i, joint in enumerate(info):
        if joint[1].decode() in joints:
            pybullet.resetJointState(body, i, joints[joint[1].decode()], physicsClientId=client)
    links = {joint[12].decode(): i for i, joint in enumerate(info)}
    T_root = pose(arrays["body_pos_w"][sample, 0], arrays["body_quat_w"][sample, 0])
    first, *others = arrays["body_names"].tolist()
    place = pybullet.getDynamicsInfo(body, -1, physicsClientId=client)[3:5]
    T_mass = pose(place[0], np.array(place[1])[WXYZ])
    T = T_root @ T_mass
    turn = Rotation.from_matrix(T[:3, :3]).as_quat()
    pybullet.resetBasePositionAndOrientation(body, T[:3, 3], turn, physicsClientId=client)
    assert first not in links and len(others) == len(joints)
    for b, name in enumerate(others, 1):
        state = pybullet.getLinkState(body, links[name], computeForwardKinematics=True, physicsClientId=client)
        there = pose(state[4], np.array(state[5])[WXYZ])
        mine = pose(arrays["body_pos_w"][sample, b], arrays["body_quat_w"][sample, b])
        np.testing.assert_allclose(mine, there, atol=2e-4, err_msg=name)
    pybullet.disconnect(client)


def pose(place_m, turn_wxyz) -> np.ndarray:  # (3,), (4,) -> (4, 4)
    T = np.eye(4)
    T[:3, :3] = Rotation.from_quat(np.roll(turn_wxyz, -1)).as_matrix()
    T[:3, 3] = place_m
    return T


@pytest.mark.parametrize("layout", LAYOUTS)
def test_velocities_are_those_of_the_places_and_the_object_is_there(robot, moving, layout):
    arrays = tracking_arrays(moving, robot, layout)
    seconds = (SAMPLES - 1) / FPS
    np.testing.assert_allclose(
        arrays["object_lin_vel_w"], np.tile(np.array([0.1, 0.2, 0.3]) / seconds, (14, 1)), atol=1e-4
    )
    np.testing.assert_allclose(arrays["object_ang_vel_w"], np.tile([0, 0, 0.6 / seconds], (14, 1)), atol=1e-4)
    np.testing.assert_allclose(
        arrays["body_ang_vel_w"][:, 0], np.tile(np.array([0.2, -0.3, 0.5]) / seconds, (14, 1)), atol=1e-3
    )
    assert arrays["fps"].tolist() == [RATE_HZ]
    if layout == "holosoma":
        n = len(moving.joint_names)
        assert arrays["joint_pos"].shape == (14, 7 + n) and arrays["joint_vel"].shape == (14, 6 + n)
        np.testing.assert_allclose(arrays["joint_vel"][:, :3], arrays["body_lin_vel_w"][:, 0], atol=1e-4)


def test_another_layout_and_another_robot_are_refused(robot, moving, result):
    for motion, layout in ((moving, "gmr"), (result, "mjlab")):
        with pytest.raises(TavidError) as error:
            tracking_arrays(motion, robot, layout)
        assert error.value.code in (ErrorCode.CONFIG_INVALID, ErrorCode.FILE_INVALID)


def test_the_last_sample_is_there_where_its_time_is_a_step(robot, moving):
    still = {name: np.repeat(getattr(moving, name)[:1], 70, axis=0) for name in ("positions_rad", "root_pose")}
    long = dataclasses.replace(moving, **still, source_time_s=np.arange(70) / FPS, object_pose=np.zeros((0, 7)))
    assert len(tracking_arrays(long, robot, "mjlab")["joint_pos"]) == 69 * RATE_HZ // 30 + 1
