"""glTF export: the body skinned to its 55 joints and animated, objects, supports and the floor.

Pose-dependent corrections of the body and more than four skinning weights a vertex have no place in the format and are
left out.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, LABEL_RGB, PARENTS, SKIN_RGB, VERTEX_LABELS
from hoi_motion.body.posed import check_body, vertex_normals
from hoi_motion.files import write_whole
from hoi_motion.io.glb_document import ARRAY_BUFFER, GlbDocument, box_mesh, linear
from hoi_motion.motion import HoiMotion

FLOOR_SIZE_M = 4.0
COLOURS = {
    "target": (0.93, 0.45, 0.13),
    "object": (0.55, 0.6, 0.68),
    "support": (0.62, 0.47, 0.33),
    "floor": (0.8, 0.8, 0.8),
}


def write_glb(motion: HoiMotion, path, body=None) -> None:
    """Write an animated scene as one binary glTF file.

    Args:
        body: the BodyModel the motion was made with; None loads the free body.

    Raises:
        InputError: FILE_INVALID for a body of another name, OUTPUT_INVALID when the file cannot be written.
    """
    if body is None:
        from hoi_motion.body import load_body

        body = load_body(num_betas=len(motion.betas))
    check_body(body, motion)
    write_whole(path, _GlbScene(motion, body).pack("interaction"))


class _GlbScene(GlbDocument):
    """Builds the glTF document node by node."""

    def __init__(self, motion: HoiMotion, body):
        super().__init__(motion.num_frames, motion.fps)
        self.motion = motion
        self._add_body(body)
        for item in motion.objects:
            colour = COLOURS["target" if item.is_target else "object"]
            self.move(self.solid(item.name, item.vertices_m, item.faces, colour), item.T_world_object)
        for support in motion.supports:
            node = self.solid(support.name, *box_mesh(support.size_m), COLOURS["support"])
            self.place(node, support.T_world_box)
        half = FLOOR_SIZE_M / 2
        corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
        self.solid("floor", corners, np.array([[0, 1, 2], [0, 2, 3]]), COLOURS["floor"])

    def _add_body(self, body) -> None:
        """Joints as nodes, the skinned mesh, and the animation of both."""
        motion = self.motion
        rest = body.vertices_and_joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), np.array(motion.betas))
        vertices, joints = (np.asarray(array[0], np.float64) for array in rest)
        nodes = [self.node(name) for name in JOINT_NAMES]
        quaternions = Rotation.from_rotvec(motion.pose_rad.reshape(-1, 3)).as_quat().reshape(-1, 55, 4)
        for joint, (node, parent) in enumerate(zip(nodes, PARENTS)):
            self.child(self.world if parent < 0 else nodes[parent], node)
            offset = joints[0] + motion.transl_m if parent < 0 else (joints[joint] - joints[parent])[None]
            self.animate(node, "translation", offset)
            self.turn(node, quaternions[:, joint])
        top = np.argsort(-body.weights, axis=1)[:, :4]
        weights = np.take_along_axis(body.weights, top, axis=1).astype(np.float32)
        top = np.where(weights > 0, top, 0).astype(np.uint8)  # an unused slot names joint 0
        attributes = {
            "POSITION": self.buffer.add(vertices.astype(np.float32), ARRAY_BUFFER),
            "NORMAL": self.buffer.add(_vertex_normals(vertices, body.faces), ARRAY_BUFFER),
            "JOINTS_0": self.buffer.add(top, ARRAY_BUFFER),
            "WEIGHTS_0": self.buffer.add(weights / weights.sum(axis=1, keepdims=True), ARRAY_BUFFER),
        }
        color = (1.0, 1.0, 1.0)
        if body.vertex_labels is None:
            color = tuple(c / 255 for c in SKIN_RGB)
        else:
            seen = np.array([LABEL_RGB[label] for label in VERTEX_LABELS]) / 255
            palette = np.c_[linear(seen), np.ones(len(seen))].astype(np.float32)
            attributes["COLOR_0"] = self.buffer.add(palette[body.vertex_labels], ARRAY_BUFFER)
        mesh = self.mesh("body", attributes, np.asarray(body.faces), color)
        self.roots.append(self.node("body", mesh=mesh, skin=0))
        bind = np.tile(np.eye(4, dtype=np.float32), (55, 1, 1))
        bind[:, :3, 3] = -joints
        self.skins.append({"joints": nodes, "skeleton": nodes[0], "inverseBindMatrices": self.buffer.add(bind)})


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:  # (V, 3) float32
    normals = vertex_normals(vertices, faces)
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0, 1, 0)  # a vertex without a face has none
    return normals.astype(np.float32)
