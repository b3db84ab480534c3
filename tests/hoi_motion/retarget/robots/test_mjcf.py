"""A humanoid given as MJCF: where its bodies are, what it does, and what is refused."""

import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pinocchio
import pybullet_data
import pytest
import yaml
from scipy.spatial.transform import Rotation

from hoi_motion.errors import RetargetError
from hoi_motion.native_log import quiet_pybullet
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.humanoid.humanoid import Humanoid
from hoi_motion.retarget.humanoid.motion import retarget_humanoid
from hoi_motion.retarget.humanoid.world import HumanoidWorld
from hoi_motion.retarget.robots.config import load_robot_config
from hoi_motion.retarget.robots.mjcf import mjcf_to_urdf
from hoi_motion.retarget.robots.urdf import parse_urdf

WALKER = Path(__file__).with_name("walker.xml")
SOLE = [[x, y, -0.06] for x in (-0.05, 0.17) for y in (-0.045, 0.045)]
FRAMES = {"pelvis": "pelvis", "chest": "torso"} | {
    f"{side}_{part}": f"{side}_{link}"
    for side in ("left", "right")
    for part, link in {
        "hip": "thigh",
        "knee": "shin",
        "foot": "foot",
        "shoulder": "upper_arm",
        "elbow": "forearm",
        "hand": "hand",
    }.items()
}


def walker(folder, text: str | None = None) -> Humanoid:
    (folder / "walker.xml").write_text(text or WALKER.read_text())
    data = dict(
        kind="humanoid", urdf="walker.xml", frames=FRAMES, left_sole_m=SOLE, right_sole_m=SOLE, palm_radius_m=0.04
    )
    (folder / "walker.yaml").write_text(yaml.safe_dump(data))
    return Humanoid(load_robot_config(str(folder / "walker.yaml")))


@pytest.fixture(scope="module")
def robot(tmp_path_factory):
    return walker(tmp_path_factory.mktemp("walker"))


def test_joints_and_limits_are_those_of_the_file_and_its_classes(robot):
    limits = dict(zip(robot.joint_names, np.degrees(np.stack([robot.lower_rad, robot.upper_rad], axis=1))))
    assert limits["left_knee"] == pytest.approx([0, 140]) and limits["right_elbow"] == pytest.approx([-140, 0])
    assert limits["left_hip_x"] == pytest.approx([-120, 120]) and limits["right_ankle_x"] == pytest.approx([-30, 30])
    assert {"left_shoulder_z", "left_shoulder_x", "left_shoulder_y"} <= set(limits)


def test_the_soles_are_on_the_floor_when_it_stands(robot):
    q = pinocchio.neutral(robot.model)
    q[2] = 0.92
    foot = robot.placements(q)["left_foot"]
    assert (np.array(SOLE) @ foot[:3, :3].T + foot[:3, 3])[:, 2] == pytest.approx(0)


def test_bodies_are_where_pybullet_puts_those_of_the_same_file(tmp_path):
    """Its reader of MJCF is another one; the file has several joints a body, away from the body's origin."""
    path = Path(pybullet_data.getDataPath()) / "mjcf" / "humanoid_symmetric_no_ground.xml"
    ours = xml.tostring(mjcf_to_urdf(xml.fromstring(path.read_text()), path), encoding="unicode")
    (tmp_path / "ours.urdf").write_text(ours)
    client = pybullet.connect(pybullet.DIRECT)
    try:
        with quiet_pybullet():
            theirs = max(pybullet.loadMJCF(str(path), physicsClientId=client), key=lambda b: len(_joints(b, client)))
            ours = pybullet.loadURDF(str(tmp_path / "ours.urdf"), physicsClientId=client)
        found = [_bodies(body, client) for body in (ours, theirs)]
    finally:
        pybullet.disconnect(physicsClientId=client)
    names = sorted(set(found[0]) & set(found[1]))
    assert len(names) == 12 and "right_foot" in names
    for name in names:
        assert found[0][name] == pytest.approx(found[1][name], abs=1e-5), name


def _bodies(body: int, client: int) -> dict[str, np.ndarray]:
    """Link -> its place against the pelvis, with the joints turned by amounts that depend on their names only."""
    for i, joint in enumerate(_joints(body, client)):
        if joint[2] == pybullet.JOINT_REVOLUTE:
            pybullet.resetJointState(body, i, 0.1 + 0.01 * (sum(joint[1]) % 40), physicsClientId=client)
    places = {
        joint[12].decode(): np.array(pybullet.getLinkState(body, i, False, True, physicsClientId=client)[4])
        for i, joint in enumerate(_joints(body, client))
    }
    return {name: place - places["pelvis"] for name, place in places.items() if "link" not in name}


def _joints(body: int, client: int) -> list:
    return [pybullet.getJointInfo(body, i, physicsClientId=client) for i in range(pybullet.getNumJoints(body, client))]


def test_it_follows_a_person_with_planted_feet_and_its_hand_at_the_object(robot, stepping, body):
    result = retarget_humanoid(stepping, robot, body)
    assert result.facts["foot_slide_m"] < 0.005 and result.facts["hand_error_m"]["right_hand"] < 0.03
    with HumanoidWorld(robot, stepping, result) as world:
        world.show(stepping.num_frames - 1)
        assert world.depth_m("floor") < 0.005


def test_what_is_replicated_stands_there_so_often_each_copy_from_the_one_before(tmp_path):
    inner = '<body name="finger" pos="0.1 0 0"><joint name="bend"/><geom size="0.01"/></body>'
    ring = f'<replicate count="4" euler="0 0 90" offset="0.2 0 0" sep="_">{inner}</replicate>'
    made = mjcf_to_urdf(
        xml.fromstring(f'<mujoco><worldbody><body name="palm">{ring}</body></worldbody></mujoco>'), tmp_path / "a.xml"
    )
    joints = {j.get("name"): j for j in made.findall("joint") if j.get("name").startswith("bend")}
    places = [np.array(joints[f"bend_{i}"].find("origin").get("xyz").split(), float) for i in range(4)]
    # a square: along x, then along y, back along x, back along y, and a finger's base 0.1 ahead in each
    np.testing.assert_allclose(places, [[0.1, 0, 0], [0.2, 0.1, 0], [0.1, 0.2, 0], [0, 0.1, 0]], atol=1e-9)
    assert [j.find("child").get("link") for j in joints.values()] == [f"finger_{i}" for i in range(4)]


HAND = """<mujoco model="hand">
  <compiler angle="radian"/>
  <default><default class="hand"><geom type="sphere" size="0.04"/></default></default>
  <worldbody>
    <body name="other"/>
    <body name="hand" pos="0 0 -0.25">
      <joint name="wrist" axis="1 0 0" range="-1.0471975512 1.0471975512"/><geom class="hand"/>
    </body>
  </worldbody>
</mujoco>"""


def with_attached_hands(text: str, attach: str) -> str:
    """The walker whose hands are another file's, in radians, with classes of that file's own."""
    root = xml.fromstring(text)
    for side in ("left", "right"):
        forearm = next(body for body in root.iter("body") if body.get("name") == f"{side}_forearm")
        forearm.remove(next(body for body in forearm if body.get("name") == f"{side}_hand"))
        forearm.append(xml.fromstring(attach.format(side=side)))
    root.insert(0, xml.fromstring('<asset><model name="palm" file="hand.xml"/></asset>'))
    return xml.tostring(root, encoding="unicode")


def test_what_is_attached_from_another_file_stands_and_moves_as_if_it_were_written_there(tmp_path, robot):
    (tmp_path / "hand.xml").write_text(HAND)
    attach = '<attach model="palm" body="hand" prefix="{side}_"/>'
    attached = walker(tmp_path, with_attached_hands(WALKER.read_text(), attach))
    assert attached.joint_names == robot.joint_names
    np.testing.assert_allclose(attached.lower_rad, robot.lower_rad, atol=1e-9)
    theirs = placed(robot)
    for name, T in placed(attached).items():
        np.testing.assert_allclose(T, theirs[name], atol=1e-9)


def test_all_that_the_world_of_an_attached_model_holds_is_attached_where_no_body_is_named(tmp_path):
    (tmp_path / "hand.xml").write_text(HAND)
    text = with_attached_hands(WALKER.read_text(), '<attach model="palm" prefix="{side}_"/>')
    made = mjcf_to_urdf(xml.fromstring(text), tmp_path / "walker.xml")
    assert {"left_hand", "left_other", "right_hand", "right_other"} <= {link.get("name") for link in made.iter("link")}


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("<freejoint/>", "", "fixed base"),
        ('<geom class="foot"/>', '<geom class="shoe"/>', "unknown class 'shoe'"),
        ("<worldbody>", '<include file="other.xml"/><worldbody>', "includes 'other.xml', and there is no file"),
        ('name="left_knee"', 'name="left_knee" ref="10"', "'left_knee' a ref"),
        ('name="waist_yaw" axis="0 0 1"', 'name="waist_yaw" axis="0 0 0"', "'waist_yaw' .* axis '0.0 0.0 0.0'"),
        ('name="left_knee"', 'name="left_knee" type="screw"', "is broken: 'screw'"),
        ('type="sphere"', 'type="mesh" mesh="palm"', "unknown mesh 'palm'"),
        ('<geom class="hand"/>', '<geom class="hand" mesh="palm"/>', "fits a sphere to the mesh 'palm'"),
        ('name="right_wrist"', 'name="left_wrist"', "2 joints called 'left_wrist'"),
        ('<body name="right_thigh"', '<body name="left_shin"', "2 links called 'left_shin'"),
        ("body", "thing", "has no body"),
        ("<freejoint/>", '<freejoint/><attach model="hand" prefix="l_"/>', "attaches an unknown model 'hand'"),
        (
            "<worldbody>",
            '<asset><model name="me" file="walker.xml"/></asset><worldbody><attach model="me" prefix="a_"/>',
            "attaches 'me', which attaches it",
        ),
        (
            "<worldbody>",
            '<asset><model name="up" file="../walker.xml"/></asset><worldbody><attach model="up" prefix="a_"/>',
            "attaches 'up', and there is no file",
        ),
        ('euler="0 0 0"', 'euler="0 0 0" zaxis="0 0 1"', "one element has euler and zaxis"),
        ('size="0.11 0.045 0.02"', 'size="0.11 -0.045 0.02"', "'left_foot' of .* has a box with size"),
        (
            '<geom type="sphere" size="0.04"/>',
            '<geom type="sphere" size="0"/>',
            "'left_hand' of .* has a sphere with radius",
        ),
    ],
)
def test_what_is_not_read_is_named(tmp_path, old, new, said):
    with pytest.raises(RetargetError, match=said):
        walker(tmp_path, WALKER.read_text().replace(old, new))


def test_a_missing_mesh_is_named(tmp_path):
    text = WALKER.read_text().replace("<worldbody>", '<asset><mesh name="palm" file="palm.stl"/></asset><worldbody>')
    with pytest.raises(RetargetError, match="1 meshes of .* the first is palm.stl"):
        walker(tmp_path, text.replace('<geom class="hand"/>', '<geom type="mesh" mesh="palm"/>'))


def placed(robot) -> dict[str, np.ndarray]:
    q = pinocchio.neutral(robot.model)
    q[7:] = np.linspace(-0.3, 0.3, len(robot.joint_names))
    return robot.placements(q)


LEG = '<body name="left_thigh" pos="0 0.1 -0.02">'


@pytest.mark.parametrize(
    "changes",
    [
        {'<geom class="hand"/>': '<frame pos="0 0 0"><geom class="hand"/></frame>'},
        {"<freejoint/>": "<frame><freejoint/></frame>"},
        {
            LEG: '<frame pos="0 0.1 0" euler="0 0 90"><frame euler="0 0 -90"><body name="left_thigh" pos="0 0 -0.02">',
            '<body name="right_thigh"': '</frame></frame><body name="right_thigh"',
        },
        {
            LEG: '<frame euler="0 0 90"><frame axisangle="0 0 2 -90"><body name="left_thigh" pos="0 0.1 -0.02">',
            '<body name="right_thigh"': '</frame></frame><body name="right_thigh"',
        },
        {'<joint name="left_elbow"/>': '<frame childclass="elbow"><joint name="left_elbow"/></frame>'},
        {'<compiler angle="degree"/>': '<compiler angle="degree"/><compiler meshdir="meshes"/>'},
        {"</default>\n  <worldbody>": '</default>\n  <default><site size="0.1"/></default>\n  <worldbody>'},
        {"<default>\n    <joint": '<default class="walker">\n    <joint'},
        {
            "<default>\n    <joint": '<default class="walker">\n    <joint',
            "</default>\n  <worldbody>": '</default>\n  <default><site size="0.1"/></default>\n  <worldbody>',
        },
        {'<joint name="left_wrist"': '<joint name="joint1"'},
        {'<body name="pelvis"': '<body name="table" pos="1 0 0.4"><geom size="0.3"/></body><body name="pelvis"'},
    ],
    ids=[
        "around a shape",
        "around a joint",
        "around a leg",
        "one in another",
        "a class handed down",
        "a second compiler",
        "a second default",
        "a root class with a name",
        "a root class with a name, and a second default",
        "a name that unnamed ones might get",
        "a table first",
    ],
)
def test_frames_and_furniture_do_not_change_the_robot(tmp_path, robot, changes):
    text = WALKER.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    changed = walker(tmp_path, text)
    for part, T in placed(robot).items():
        assert placed(changed)[part] == pytest.approx(T, abs=1e-9), part
    assert changed.urdf_text.count("<collision>") == robot.urdf_text.count("<collision>")


@pytest.mark.parametrize("sequence", ["xyz", "XYZ", "zyx", "xYz", "Zyx"])
def test_angles_turn_in_the_order_of_the_file(tmp_path, robot, sequence):
    """Lower case turns about the axes that turn along, upper case about those that stand still."""
    turn = np.eye(3)
    for letter, degrees in zip(sequence, (20.0, 30.0, 40.0)):
        one = Rotation.from_euler(letter.lower(), degrees, degrees=True).as_matrix()
        turn = turn @ one if letter.islower() else one @ turn
    text = WALKER.read_text().replace('angle="degree"', f'angle="degree" eulerseq="{sequence}"')
    changed = walker(tmp_path, text.replace('name="torso" pos="0 0 0.2" euler="0 0 0"', TURNED))
    assert changed.rest_rotations["chest"] == pytest.approx(turn, abs=1e-9)


TURNED = 'name="torso" pos="0 0 0.2" euler="20 30 40"'


def test_z_straight_down_is_half_a_turn_about_x(tmp_path):
    text = WALKER.read_text().replace('name="torso" pos="0 0 0.2" euler="0 0 0"', 'name="torso" zaxis="0 0 -1"')
    assert walker(tmp_path, text).rest_rotations["chest"] == pytest.approx(np.diag([1.0, -1, -1]), abs=1e-9)


def test_an_empty_range_is_no_limit(tmp_path):
    changed = walker(tmp_path, WALKER.read_text().replace('name="left_elbow"', 'name="left_elbow" range="0 0"'))
    assert changed.upper_rad[changed.joint_names.index("left_elbow")] > 3


def test_a_box_between_two_points_is_where_they_are(tmp_path):
    box = '<geom type="box" fromto="0 0 0 0.2 0 0" size="0.02"/>'
    urdf = xml.fromstring(walker(tmp_path, WALKER.read_text().replace('<geom class="hand"/>', box, 1)).urdf_text)
    shape = next(link for link in urdf.findall("link") if link.get("name") == "left_hand").find("collision")
    sizes = sorted(map(float, shape.find("geometry/box").get("size").split()))
    assert sizes == pytest.approx([0.04, 0.04, 0.2])
    assert list(map(float, shape.find("origin").get("xyz").split())) == pytest.approx([0.1, 0, 0])


def test_an_ellipsoid_is_told_as_seen_but_never_felt(tmp_path):
    text = WALKER.read_text().replace('<geom class="hand"/>', '<geom type="ellipsoid" size="0.02 0.03 0.04"/>')
    assert walker(tmp_path, text).unfelt_links == ["left_hand", "right_hand"]


def test_columns_are_in_the_order_of_the_file(robot, stepping, body):
    names = [joint.get("name") for joint in xml.parse(WALKER).getroot().find("worldbody").iter("joint")]
    found = retarget_humanoid(stepping, robot, body).joint_names
    starts = [next(i for i, name in enumerate(found) if name.startswith(wanted)) for wanted in names]  # balls are three
    assert starts == sorted(starts) and found[0] == "waist_yaw"


def test_a_slides_axis_has_length_1(tmp_path):
    slide = '<body name="palm"><joint name="slide" type="slide" axis="0 0 2" range="0 0.1"/></body>'
    (tmp_path / "a.xml").write_text(f"<mujoco><worldbody>{slide}</worldbody></mujoco>")
    assert parse_urdf(tmp_path / "a.xml").find("joint[@name='slide']/axis").get("xyz") == "0.0 0.0 1.0"


def test_a_body_weighs_what_its_geoms_do_where_it_has_no_inertial_and_else_has_no_mass(tmp_path):
    """MuJoCo takes the volume of bodies without either, and so does whoever reads the URDF."""
    body = '<body name="{}"><joint axis="0 0 1"/><geom size="0.1" pos="0 0 0.2" {}/><geom size="0.1" {}/></body>'.format
    bodies = body("told", 'mass="0.3"', 'mass="0.1"') + body("untold", "", "")
    text = f'<mujoco><worldbody><body name="base">{bodies}</body></worldbody></mujoco>'
    links = {a.get("name"): a for a in mjcf_to_urdf(xml.fromstring(text), tmp_path / "r.xml").findall("link")}
    told = links["told"].find("inertial")
    assert float(told.find("mass").get("value")) == pytest.approx(0.4) and links["untold"].find("inertial") is None
    assert float(told.find("origin").get("xyz").split()[2]) == pytest.approx(0.15)
