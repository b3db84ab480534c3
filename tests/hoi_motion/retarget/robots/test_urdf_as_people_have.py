"""URDFs as people have them: meshes in packages, xacro left in, shapes without a size."""

import numpy as np
import pinocchio
import pytest

from hoi_motion.errors import RetargetError
from hoi_motion.native_log import quiet_pybullet
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.robots.config import JawConfig
from hoi_motion.retarget.robots.in_bullet import load_robot
from hoi_motion.retarget.robots.urdf import links_without_collision, parse_urdf, read_urdf

MESH = (
    '<link name="a"><visual><geometry><mesh filename="package://arm_description/meshes/a.stl"/>'
    "</geometry></visual></link>"
)


def written(folder, inside: str):
    path = folder / "robot.urdf"
    path.write_text(f'<robot name="r" xmlns:xacro="http://ros.org/wiki/xacro">{inside}</robot>')
    return path


@pytest.mark.parametrize("scheme", ["package://", "model://", "package:///"])
def test_a_mesh_is_found_in_a_checkout_that_is_called_otherwise(tmp_path, scheme):
    (tmp_path / "checkout" / "meshes").mkdir(parents=True)
    (tmp_path / "checkout" / "urdf").mkdir()
    (tmp_path / "checkout" / "meshes" / "a.stl").write_text("solid")
    root = parse_urdf(written(tmp_path / "checkout" / "urdf", MESH.replace("package://", scheme)))
    assert root.find(".//mesh").get("filename") == str(tmp_path / "checkout" / "meshes" / "a.stl")


def test_a_mesh_is_found_in_an_installed_package(tmp_path, monkeypatch):
    shared = tmp_path / "ros" / "share" / "arm_description" / "meshes"
    shared.mkdir(parents=True)
    (shared / "a.stl").write_text("solid")
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path}/none:{tmp_path}/ros")
    root = parse_urdf(written(tmp_path / "mine", MESH))
    assert root.find(".//mesh").get("filename") == str(shared / "a.stl")


@pytest.mark.parametrize(
    "inside, words",
    [
        ('<xacro:include filename="hand.xacro"/>', "is xacro, not yet a URDF: <include>"),
        ('<link name="${prefix}base"/>', "is xacro.*<link> \\${prefix}base"),
        ('<link name="a"><collision><geometry><box size="0.1 -0.1 0.1"/></geometry></collision></link>', "'a'.*-0.1"),
        (
            '<link name="a"><collision><geometry><cylinder radius="0.1" length="0"/></geometry></collision></link>',
            "length",
        ),
        (
            '<link name="a"><visual><geometry><mesh filename="x" scale="1 0 1"/></geometry></visual></link>',
            "scale '1 0 1'",
        ),
    ],
)
def test_what_is_no_urdf_or_has_no_volume_is_named(tmp_path, inside, words):
    with pytest.raises(RetargetError, match=words):
        parse_urdf(written(tmp_path, inside))


def test_links_that_are_seen_but_never_felt_are_listed():
    felt = '<link name="b"><visual/><collision/></link>'
    assert links_without_collision(f'<robot><link name="a"><visual/></link>{felt}<link name="frame"/></robot>') == ["a"]


FINGERS = """<link name="base"/><link name="left"/><link name="right"/>
<joint name="l" type="prismatic"><parent link="base"/><child link="left"/><axis xyz="0 2 0"/>
<limit lower="0" upper="0.04"/></joint>
<joint name="r" type="prismatic"><parent link="base"/><child link="right"/><axis xyz="0 -0.3 0.4"/>
<limit lower="0" upper="0.04"/><mimic joint="l" multiplier="1"/></joint>"""


def test_fingers_move_by_their_joints_values_whatever_the_length_of_their_axes(tmp_path):
    text = read_urdf(written(tmp_path, FINGERS), JawConfig())
    wanted = {"left": [0, 0.04, 0], "right": [0, -0.024, 0.032]}
    model = pinocchio.buildModelFromXML(text)
    data = model.createData()
    pinocchio.framesForwardKinematics(model, data, np.full(model.nq, 0.04))
    for link, place in wanted.items():
        assert data.oMf[model.getFrameId(link)].translation == pytest.approx(place, abs=1e-9), f"pinocchio: {link}"
    assert in_pybullet(tmp_path, text, 0.04) == {k: pytest.approx(v, abs=1e-6) for k, v in wanted.items()}


def in_pybullet(folder, text: str, value: float) -> dict[str, list[float]]:
    """Where links are when every joint has this value."""
    (folder / "read.urdf").write_text(text)
    client = pybullet.connect(pybullet.DIRECT)
    try:
        with quiet_pybullet():
            robot = pybullet.loadURDF(str(folder / "read.urdf"), useFixedBase=True, physicsClientId=client)
        joints = range(pybullet.getNumJoints(robot, physicsClientId=client))
        for i in joints:
            pybullet.resetJointState(robot, i, value, physicsClientId=client)
        names = [pybullet.getJointInfo(robot, i, physicsClientId=client)[12].decode() for i in joints]
        states = [pybullet.getLinkState(robot, i, False, True, physicsClientId=client) for i in joints]
        return {name: list(state[4]) for name, state in zip(names, states)}
    finally:
        pybullet.disconnect(physicsClientId=client)


@pytest.mark.parametrize("inertia", ["", '<inertia ixx="0.1" iyy="0.1" izz="0.1"/>'])
def test_a_mass_whose_inertia_is_left_out_counts_for_both_readers(tmp_path, capfd, inertia):
    """Pinocchio leaves out mass and centre with an inertia that is not whole, and PyBullet refuses the robot."""
    inertial = f'<inertial><origin xyz="0 0 0.3"/><mass value="2"/>{inertia}</inertial>'
    joint = '<joint name="ab" type="continuous"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/></joint>'
    text = read_urdf(written(tmp_path, f'<link name="a"/><link name="b">{inertial}</link>{joint}'), JawConfig())
    model = pinocchio.buildModelFromXML(text)
    assert model.inertias[1].mass == 2 and model.inertias[1].lever[2] == 0.3
    client = pybullet.connect(pybullet.DIRECT)
    try:
        body = load_robot(text, "robot.urdf", client, False, True)
        assert pybullet.getDynamicsInfo(body, 0, physicsClientId=client)[0] == 2
    finally:
        pybullet.disconnect(client)
    assert not capfd.readouterr().err


@pytest.mark.parametrize("part", ['<safety_controller k_position="1"/>', '<calibration rising=""/>', "<dynamics/>"])
def test_a_joint_with_parts_that_an_exporter_has_half_filled_in_is_one_for_both_readers(tmp_path, capfd, part):
    text = read_urdf(written(tmp_path, FINGERS.replace("<axis", f"{part}<axis", 1)), JawConfig())
    assert pinocchio.buildModelFromXML(text).nq == 2
    assert len(in_pybullet(tmp_path, text, 0.0)) == 2
    assert not capfd.readouterr().err
