"""Robots in PyBullet: no link loses its shape because of the file that its mesh is in."""

import os
import subprocess
import sys
import xml.etree.ElementTree as xml

import numpy as np
import pytest
import trimesh

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.lock import held_folder
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.world import bullet_client
from hoi_motion.retarget.robots.in_bullet import load_robot, weigh_links
from hoi_motion.retarget.robots.structure import INERTIA
from tests.hoi_motion.reading.collada_text import DAE, collada

BOX = trimesh.creation.box((0.2, 0.2, 0.2)).apply_translation([1.0, 0, 0])
URDF = """<robot name="r"><link name="base"><{tag}><geometry><box size="0.1 0.1 0.1"/></geometry></{tag}></link>
<link name="arm"><{tag}><geometry><mesh filename="{file}" scale="2 2 2"/></geometry></{tag}></link>
<joint name="j" type="fixed"><parent link="base"/><child link="arm"/></joint></robot>"""


def binary(file) -> None:
    BOX.export(file)


def in_text(file) -> None:
    file.write_text(trimesh.exchange.stl.export_stl_ascii(BOX))


def with_more_behind(file) -> None:
    file.write_bytes(trimesh.exchange.stl.export_stl(BOX) + b"written by a program")


def in_collada(file) -> None:
    """In centimetres, half of its way by a node."""
    shifted = BOX.copy().apply_translation([-0.5, 0, 0]).apply_scale(100)
    file.write_text(collada(shifted.vertices, shifted.faces, 0.01, "<translate>50 0 0</translate>"))


def with_slashes_and_comments(file) -> None:
    lines = trimesh.exchange.obj.export_obj(BOX, include_normals=False).splitlines()
    file.write_text(
        "".join(line.replace(" ", "\t") + ("/ # a face\n" if line.startswith("f") else "\n") for line in lines)
    )


@pytest.mark.parametrize(
    "name, write",
    [("a.stl", binary), ("a.stl", in_text), ("a.stl", with_more_behind), ("a.obj", binary), ("a.PLY", binary)]
    + [("a.dae", in_collada), ("a.obj", with_slashes_and_comments)]
    + [(f"a{ending}", binary) for ending in (".glb", ".off")],
)
def test_a_mesh_is_felt_and_seen_in_whatever_file_it_is(tmp_path, name, write):
    write(tmp_path / name)
    with bullet_client() as client:
        felt = load_robot(URDF.format(tag="collision", file=tmp_path / name), "r", client, seen=False, fixed_base=True)
        low, high = pybullet.getAABB(felt, 0, physicsClientId=client)
        assert np.allclose([low, high], [[1.8, -0.2, -0.2], [2.2, 0.2, 0.2]], atol=0.01)
        seen = load_robot(URDF.format(tag="visual", file=tmp_path / name), "r", client, seen=True, fixed_base=True)
        file = pybullet.getVisualShapeData(seen, physicsClientId=client)[1][4].decode()
    assert np.allclose(trimesh.load(file, force="mesh").bounds, BOX.bounds)


def test_the_solids_of_an_obj_stay_apart(tmp_path):
    """Simulators take a concave shape as several convex ones: one hull of all would fill what is between them."""
    boxes = [trimesh.creation.box((0.2, 0.2, 0.2)).apply_translation([x, 0, 0]) for x in (0.0, 1.0)]
    lines = [f"v {x} {y} {z}" for box in boxes for x, y, z in box.vertices]
    for name, first in (("a", 1), ("b", 9)):
        lines += [f"o {name} # one", *("f {} {} {}".format(*face) for face in boxes[0].faces + first)]
    (tmp_path / "two.obj").write_text("\n".join(lines))
    with bullet_client() as client:
        text = URDF.format(tag="collision", file=tmp_path / "two.obj")
        load_robot(text, "r", client, seen=False, fixed_base=True)
        pybullet.performCollisionDetection(physicsClientId=client)  # rays see links where they last were
        hits = [pybullet.rayTest([x, 0, 3], [x, 0, -3], physicsClientId=client)[0][1] for x in (0.15, 1.0, 2.0)]
    assert hits == [0, -1, 0]


def test_a_link_without_mass_weighs_the_same_whether_it_is_drawn_or_not(tmp_path):
    """Planned without what is drawn and carried out with it, an arm would have to lift another weight."""
    BOX.export(tmp_path / "a.stl")
    text, masses = URDF.format(tag="visual", file=tmp_path / "a.stl"), []
    for seen in (False, True):
        with bullet_client() as client:
            robot = load_robot(text, "r", client, seen=seen, fixed_base=True)
            masses.append(pybullet.getDynamicsInfo(robot, 0, physicsClientId=client)[0])
    assert masses[0] == masses[1]


@pytest.mark.parametrize("name", ["a.obj", "a.stl"])
def test_a_drawn_mesh_that_is_damaged_is_named(tmp_path, name):
    triangle = np.array([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, np.nan], "<f4").tobytes()
    (tmp_path / name).write_bytes(
        b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n" if name == "a.obj" else bytes(80) + b"\1\0\0\0" + triangle + b"\0\0"
    )
    with bullet_client() as client, pytest.raises(RetargetError, match=name):
        load_robot(URDF.format(tag="visual", file=tmp_path / name), "robot.urdf", client, seen=True, fixed_base=True)


def test_what_is_not_drawn_needs_no_mesh_that_can_be_read_unless_its_mass_is_to_be_known(tmp_path):
    (tmp_path / "a.glb").write_text("broken")
    text = URDF.format(tag="visual", file=tmp_path / "a.glb")
    moments = " ".join(f'{name}="1"' for name in INERTIA)
    inertial = f'<inertial><mass value="1"/><inertia {moments}/></inertial>'
    weighed = text.replace('<link name="arm">', f'<link name="arm">{inertial}')
    with bullet_client() as client:
        assert load_robot(weighed, "r", client, False, True) >= 0
    with bullet_client() as client, pytest.raises(RetargetError, match="a.glb"):
        load_robot(text, "r", client, False, True)


def test_links_without_mass_weigh_what_water_of_their_volume_does_about_their_middle(tmp_path):
    """PyBullet takes 1 kg at the link's origin, for a finger of 13 g as for a forearm of 2 kg."""
    BOX.export(tmp_path / "a.stl")
    robot = xml.fromstring(URDF.format(tag="collision", file=tmp_path / "a.stl"))
    assert weigh_links(robot) == {"arm": pytest.approx(64.0)}  # the root does not move
    with bullet_client() as client:
        body = load_robot(xml.tostring(robot, encoding="unicode"), "r", client, seen=False, fixed_base=True)
        dynamics = pybullet.getDynamicsInfo(body, 0, physicsClientId=client)
    assert dynamics[0] == pytest.approx(64.0) and dynamics[3] == pytest.approx([2.0, 0, 0])


def test_round_shapes_sheets_and_given_masses_are_weighed_as_such():
    def link(name: str, inside: str) -> str:
        joint = f'<joint name="{name}" type="fixed"><parent link="base"/><child link="{name}"/></joint>'
        return f'<link name="{name}">{inside}</link>{joint}'

    shape = "<visual><origin xyz='{}'/><geometry><{}/></geometry></visual>".format
    ball = shape("0 0 1", 'sphere radius="0.05"') + shape("0 0 0", 'sphere radius="0.05"')
    given = '<inertial><mass value="0.3"/></inertial>' + ball
    links = link("frame", "") + link("balls", ball) + link("given", given)
    robot = xml.fromstring(f'<robot name="r"><link name="base"/>{links}</robot>')
    assert weigh_links(robot) == {"balls": pytest.approx(2 * 4 / 3 * np.pi * 0.05**3 * 1000, rel=0.05)}
    origin = next(a for a in robot.findall("link") if a.get("name") == "balls").find("inertial/origin")
    np.testing.assert_allclose(np.array(origin.get("xyz").split(), float), [0, 0, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.stl", b"solid cut off"),
        ("a.stl", bytes(80) + b"\1\0\0\0" + np.full(12, np.nan, "<f4").tobytes() + b"\0\0"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 nan 0\nf 1 2 3\n"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1e300 0\nf 1 2 3\n"),  # its box would be inside out, and touched by nothing
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n"),
        ("a.obj", b"nothing of this kind"),
        ("a.dae", b"<COLLADA/>"),
        ("a.dae", b"<COLL"),
        ("a.dae", DAE.replace(' id="s"', "").encode()),  # these two would end this process
        ("a.dae", DAE.replace("2 3</p>", "2 90000000</p>").encode()),
    ],
)
def test_a_mesh_of_which_there_would_be_no_shape_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with bullet_client() as client, pytest.raises(RetargetError, match=name) as caught:
        load_robot(URDF.format(tag="collision", file=tmp_path / name), "robot.urdf", client, False, True)
    assert caught.value.code == ErrorCode.ROBOT_UNKNOWN


def test_converted_meshes_of_a_killed_process_are_removed_by_the_next_one(tmp_path):
    write, temporary = tmp_path / "a.off", tmp_path / "temporary"
    BOX.export(write)
    temporary.mkdir()

    def process(*then: str) -> list:
        loads = f"load_robot({URDF.format(tag='collision', file=write)!r}, 'r', client, False, True)"
        lines = [
            "import os",
            "from hoi_motion.physics.world import bullet_client",
            "from hoi_motion.retarget.robots.in_bullet import load_robot",
            "with bullet_client() as client:",
            *(f"    {line}" for line in (loads, *then)),
        ]
        here = os.environ | {"TMPDIR": str(temporary)}
        subprocess.run([sys.executable, "-c", "\n".join(lines)], env=here, check=not then, timeout=120)
        return list(temporary.glob("*/*.obj"))

    (left,) = process("os.kill(os.getpid(), 9)")
    os.utime(left.parent, (0, 0))
    used = temporary / left.parent.name.replace(left.parent.name[-8:], "another")
    used.mkdir()
    os.utime(used, (0, 0))
    with held_folder(used):
        assert process() == [] and list(temporary.iterdir()) == [used]
