"""The GLB is read back by an independent little evaluator and by trimesh."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from hoi_motion.errors import InputError
from hoi_motion.io import write_glb
from hoi_motion.motion import ObjectMotion

COMPONENTS = {5120: np.int8, 5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": (), "VEC2": (2,), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


class Glb:
    def __init__(self, path):
        data = path.read_bytes()
        magic, version, size = struct.unpack("<4sII", data[:12])
        assert (magic, version, size) == (b"glTF", 2, len(data))
        length, kind = struct.unpack("<I4s", data[12:20])
        assert kind == b"JSON"
        self.document = json.loads(data[20 : 20 + length])
        self.binary = data[28 + length :]
        assert struct.unpack("<I4s", data[20 + length : 28 + length]) == (len(self.binary), b"BIN\0")

    def array(self, index):
        accessor = self.document["accessors"][index]
        view = self.document["bufferViews"][accessor["bufferView"]]
        raw = self.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        array = np.frombuffer(raw, COMPONENTS[accessor["componentType"]])
        array = array.reshape(accessor["count"], *WIDTHS[accessor["type"]])
        return np.swapaxes(array, 1, 2) if accessor["type"] == "MAT4" else array

    def transforms(self, frame):
        """World matrix of every node with the animation at a key."""
        nodes = [dict(node) for node in self.document["nodes"]]
        animation = self.document["animations"][0]
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            nodes[channel["target"]["node"]][channel["target"]["path"]] = self.array(sampler["output"])[frame]
        matrices = {}

        def visit(index, above):
            node, local = nodes[index], np.eye(4)
            local[:3, :3] = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix()
            local[:3, 3] = node.get("translation", [0, 0, 0])
            matrices[index] = above @ local
            for child in node.get("children", ()):
                visit(child, matrices[index])

        for root in self.document["scenes"][0]["nodes"]:
            visit(root, np.eye(4))
        return matrices

    def node(self, name):
        return next(i for i, n in enumerate(self.document["nodes"]) if n["name"] == name)


@pytest.fixture(scope="session")
def glb(motion, body, tmp_path_factory):
    path = tmp_path_factory.mktemp("glb") / "motion.glb"
    write_glb(motion, path, body)
    return Glb(path)


def to_world(points_gltf):
    """y up to z up."""
    return np.stack([points_gltf[:, 0], -points_gltf[:, 2], points_gltf[:, 1]], axis=1)


@pytest.mark.parametrize("frame", [0, 7])
def test_the_skinned_mesh_is_the_body(glb, motion, body, frame):
    skin = glb.document["skins"][0]
    matrices = glb.transforms(frame)
    joints = np.stack([matrices[n] for n in skin["joints"]]) @ glb.array(skin["inverseBindMatrices"])
    mesh = glb.document["meshes"][glb.document["nodes"][glb.node("body")]["mesh"]]["primitives"][0]["attributes"]
    rest = glb.array(mesh["POSITION"])
    weights, indices = glb.array(mesh["WEIGHTS_0"]), glb.array(mesh["JOINTS_0"])
    blended = np.einsum("vk,vkab->vab", weights, joints[indices])
    found = to_world(np.einsum("vab,vb->va", blended[:, :3, :3], rest) + blended[:, :3, 3])
    expected = body.vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)[0][frame].numpy()
    distance = np.linalg.norm(found - expected, axis=1)
    assert np.quantile(distance, 0.99) < 0.005 and distance.max() < 0.03


@pytest.mark.parametrize("frame", [0, 7])
def test_objects_follow_their_poses(glb, motion, frame):
    found = glb.transforms(frame)[glb.node("box")]
    T = motion.objects[0].T_world_object[frame]
    corner = np.array([[0.05, 0.1, 0.15]])
    assert np.allclose(to_world(corner @ found[:3, :3].T + found[:3, 3]), corner @ T[:3, :3].T + T[:3, 3], atol=1e-5)


def test_keys_are_at_the_frames_times(glb, motion):
    times = glb.array(glb.document["animations"][0]["samplers"][0]["input"])
    assert np.allclose(times, np.arange(8) / 12.5)


def test_a_joint_that_never_moves_has_no_channel(glb):
    still = glb.document["skins"][0]["joints"][30]
    targets = [c["target"]["node"] for c in glb.document["animations"][0]["channels"]]
    assert still not in targets


def test_quaternions_take_the_short_way(glb):
    for channel in glb.document["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            keys = glb.array(glb.document["animations"][0]["samplers"][channel["sampler"]]["output"])
            assert ((keys[1:] * keys[:-1]).sum(axis=1) > 0).all()


def test_every_view_lies_in_the_buffer_and_is_aligned(glb):
    size = glb.document["buffers"][0]["byteLength"]
    assert size == len(glb.binary)
    for view in glb.document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= size


def test_all_normals_have_length_one_also_of_faces_without_an_area(motion, body, tmp_path):
    box = motion.objects[0]
    tiny = 1e-7 * box.vertices_m[box.faces[0]] / 0.1
    points = np.concatenate([box.vertices_m, tiny])
    count = len(box.vertices_m)
    faces = np.concatenate([box.faces, [[0, 0, 1], [2, 2, 2], [count, count + 1, count + 2]]])
    thing = ObjectMotion("box", points, faces, box.T_world_object)
    write_glb(motion.replace(objects=(thing,)), tmp_path / "m.glb", body)
    file = Glb(tmp_path / "m.glb")
    for mesh in file.document["meshes"]:
        normals = file.array(mesh["primitives"][0]["attributes"]["NORMAL"])
        assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5), mesh["name"]


def test_a_scene_that_stands_still_has_no_times_that_nothing_uses(motion, body, tmp_path):
    still = motion.replace(
        pose_rad=motion.pose_rad[:1],
        transl_m=motion.transl_m[:1],
        objects=(replace(motion.objects[0], T_world_object=motion.objects[0].T_world_object[:1]),),
        contacts=(),
    )
    write_glb(still, tmp_path / "m.glb", body)
    document = Glb(tmp_path / "m.glb").document
    parts = [part for mesh in document["meshes"] for part in mesh["primitives"]]
    used = {part["indices"] for part in parts} | {index for part in parts for index in part["attributes"].values()}
    used |= {skin["inverseBindMatrices"] for skin in document["skins"]}
    assert used == set(range(len(document["accessors"]))) and "animations" not in document


def test_trimesh_loads_it(motion, body, tmp_path):
    write_glb(motion, tmp_path / "motion.glb", body)
    names = set(trimesh.load(tmp_path / "motion.glb").geometry)
    assert {"body", "box", "table", "floor"} <= names
    assert (tmp_path / "motion.glb").stat().st_size < 3e6


def test_another_body_is_refused(motion, body, tmp_path):
    with pytest.raises(InputError, match="smplx-neutral"):
        write_glb(motion.replace(body_model="smplx-neutral"), tmp_path / "motion.glb", body)


def test_a_place_that_cannot_be_written_leaves_nothing(motion, body, tmp_path):
    with pytest.raises(InputError, match="OUTPUT_INVALID"):
        write_glb(motion, tmp_path / "missing" / "motion.glb", body)
    assert list(tmp_path.iterdir()) == []
