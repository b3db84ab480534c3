"""A robot at work as moving parts: what each of them is, and where."""

import json
import struct

import numpy as np
import pytest
import trimesh

from hoi_motion.errors import InputError
from hoi_motion.execute.recording import executed_scene, planned_scene
from hoi_motion.execute.robot_scene import CELL_M, MovingPart, RobotScene, SceneRecorder, _smooth
from hoi_motion.io.glb_document import box_mesh, flat_sides
from hoi_motion.physics.world import bullet_client
from hoi_motion.retarget.robots.in_bullet import load_robot


def test_the_scene_shows_the_gripper_where_the_joints_say_it_is(panda, motion, result):
    """Compared with pinocchio's forward kinematics: PyBullet, which is looked at, is another program."""
    scene = planned_scene(result, panda, motion)
    n = len(panda.joint_names)
    sample = len(result.positions_rad) - 1 - (len(result.positions_rad) - 1) % round(result.fps / scene.fps)
    tool = result.T_world_root() @ panda.forward(result.positions_rad[sample, :n])
    corners = np.concatenate(
        [p.vertices_m @ p.T_world_part[-1, :3, :3].T + p.T_world_part[-1, :3, 3] for p in scene.parts if p.is_robot]
    )
    assert np.linalg.norm(corners - tool[:3, 3], axis=1).min() < 0.03


def test_what_is_executed_ends_where_the_execution_says(panda, motion, result):
    execution, scene = executed_scene(result, panda, motion)
    target = next(part for part in scene.parts if part.name == execution.object_name)
    assert np.allclose(target.T_world_part[-1, :3, 3], execution.T_world_object[-1, :3, 3], atol=5e-3)
    assert np.all(np.diff(scene.source_time_s) >= -1e-9) and scene.to_scale


def test_the_file_holds_every_part_and_the_persons_time(tmp_path):
    mesh = flat_sides(*box_mesh(np.ones(3)))
    T = np.tile(np.eye(4), (3, 1, 1))
    T[:, 0, 3] = [0, 1, 2]
    scene = RobotScene((MovingPart("robot 0", *mesh, (1, 1, 1), T),), 10.0, np.array([0, 0.5, 1.0]), False)
    scene.save_glb(tmp_path / "robot.glb")
    data = (tmp_path / "robot.glb").read_bytes()
    document = json.loads(data[20 : 20 + struct.unpack("<I", data[12:16])[0]])
    assert [node["name"] for node in document["nodes"]] == ["world", "robot 0"]
    assert document["asset"]["extras"] == {"fps": 10.0, "to_scale": False, "source_time_s": [0.0, 0.5, 1.0]}
    assert len(document["animations"][0]["channels"]) == 1


def test_an_obj_is_drawn_in_the_colours_of_its_material_file(tmp_path, motion):
    box = trimesh.creation.box((0.2, 0.2, 0.2))
    lines = ["mtllib my colours.mtl", *(f"v {x} {y} {z}" for x, y, z in box.vertices)]
    for name, faces in (("red #1", box.faces[:4]), ("unknown", box.faces[4:])):
        lines += [f"usemtl {name}", *("f {}/ {}/ {}/".format(*face) for face in faces + 1)]
    (tmp_path / "a.obj").write_text("\n".join(lines))
    (tmp_path / "my colours.mtl").write_text(
        "newmtl\tred #1\n  Kd\t1 0 0 # red\nmap_Kd /dev/zero\nnewmtl other\nKd 0 0 1\n"
    )
    shape = f'<geometry><mesh filename="{tmp_path / "a.obj"}"/></geometry><material name="m"><color rgba="0 1 0 1"/>'
    with bullet_client() as client:
        urdf = f'<robot name="r"><link name="base"><visual>{shape}</material></visual></link></robot>'
        recorder = SceneRecorder(client, load_robot(urdf, "r", client, seen=True, fixed_base=True), {}, motion)
        recorder.look()
    parts = recorder.scene(10.0, np.zeros(1)).parts
    assert {part.rgb: len(part.faces) for part in parts} == {(1.0, 0.0, 0.0): 4, (0.0, 1.0, 0.0): 8}


def test_parts_of_another_length_are_refused():
    mesh = flat_sides(*box_mesh(np.ones(3)))
    part = MovingPart("link", *mesh, (1, 1, 1), np.tile(np.eye(4), (3, 1, 1)))
    with pytest.raises(InputError, match="link"):
        RobotScene((part,), 10.0, np.zeros(4))


def test_a_fine_mesh_gets_fewer_corners_none_of_which_moves():
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.05)
    vertices, normals, faces = _smooth(ball)
    assert len(faces) < len(ball.faces) / 2 and len(normals) == len(vertices)
    assert np.allclose(np.linalg.norm(vertices, axis=1), 0.05) and faces.max() < len(vertices)
    assert np.abs(vertices.min(0) + 0.05).max() < CELL_M


def test_beside_a_humanoid_things_are_where_its_scaled_scene_has_them(motion, body):
    from hoi_motion.retarget.humanoid.humanoid import Humanoid
    from hoi_motion.retarget.humanoid.motion import retarget_humanoid
    from hoi_motion.retarget.robots.config import load_robot_config

    humanoid = Humanoid(load_robot_config("humanoid"))
    plan = retarget_humanoid(motion, humanoid, body)
    scene = planned_scene(plan, humanoid, motion)
    scale, name = plan.facts["scene_scale"], motion.target.name
    target = next(part for part in scene.parts if part.name == name)
    stride = round(plan.fps / scene.fps)
    places_m = scale * motion.target.T_world_object[::stride, :3, 3]
    assert np.allclose(target.T_world_part[:, :3, 3], places_m, atol=1e-4)
    assert scene.to_scale == (scale == 1.0)
