"""Build the free SMPL-X-format body from Anny: `python -m hoi_motion.body.from_anny.free_body`.

Needs the `anny` package (Apache-2.0 code, CC0 assets). Its default MakeHuman topology is used, never the one derived
from SMPL-X. The result is the compact `anny_free.npz` one folder up and, with --golden, a few posed skeletons of
Anny itself for the tests.
"""

import argparse
import json
import logging
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from hoi_motion.body.from_anny.anny_tpose import AXES_SMPLX_FROM_ANNY, joint_of_bone, tpose_rotations, unpose
from hoi_motion.body.from_anny.shape_space import mirrored_name, regressor_of, shape_space
from hoi_motion.body.joints import JOINT_NAMES, PARENTS, SURFACE_POINTS, VERTEX_LABELS

NUM_BETAS = 10
NUM_SAMPLES = 600
MAX_INFLUENCES = 6
PHENOTYPE_RANGE = {  # adults only; the ranges keep every body between 1.4 m and 2.0 m
    "gender": (0.0, 1.0),
    "age": (0.6, 0.85),
    "muscle": (0.25, 0.75),
    "weight": (0.25, 0.7),
    "height": (0.3, 0.6),
    "proportions": (0.3, 0.8),
}
_MAKEHUMAN = "data/mpfb2"


class AnnyFigure:
    """Anny's surface and skeleton in SMPL-X axes with its bones folded onto 55 joints."""

    def __init__(self):
        import anny
        import torch
        from anny.keypoints import KeypointsRegressor
        from anny.paths import get_anny_root_dir

        self._torch = torch
        self.model = anny.Anny(skinning_method="lbs")
        self.root = Path(get_anny_root_dir())
        self.faces = self.model.faces.numpy()
        self.bone_joint = np.array([JOINT_NAMES.index(joint_of_bone(b)) for b in self.model.bone_labels])
        first = {}
        for bone, joint in enumerate(self.bone_joint):
            first.setdefault(int(joint), []).append(bone)
        # A joint sits at the head of its first bone; the ball of the foot is the mean of the five toe roots.
        self.joint_bones = {
            j: [b for b in bones if "toe" not in self.model.bone_labels[b] or "-1." in self.model.bone_labels[b]]
            if any("toe" in self.model.bone_labels[b] for b in bones)
            else bones[:1]
            for j, bones in first.items()
        }
        self.coco = KeypointsRegressor.coco(self.model)
        self.mean_kwargs = {name: float(np.mean(r)) for name, r in PHENOTYPE_RANGE.items()}
        vertices, self.mean_joints = self.rest(self.mean_kwargs)
        self.mirror = KDTree(vertices).query(vertices * [-1, 1, 1])[1]
        self.weights = self._folded_weights()

    def rest(self, phenotypes: dict) -> tuple[np.ndarray, np.ndarray]:  # (V, 3), (55, 3)
        """Surface and joints at Anny's rest pose, pelvis at the origin."""
        with self._torch.no_grad():
            out = self.model(phenotype_kwargs=phenotypes)
        vertices = out["rest_vertices"][0].numpy() @ AXES_SMPLX_FROM_ANNY.T
        heads = out["rest_bone_poses"][0, :, :3, 3].numpy() @ AXES_SMPLX_FROM_ANNY.T
        joints = self.joints_from_bones(heads)
        return vertices - joints[0], joints - joints[0]

    def joints_from_bones(self, heads: np.ndarray) -> np.ndarray:  # (104, 3) -> (55, 3)
        joints = np.zeros((55, 3))
        for j, bones in self.joint_bones.items():
            joints[j] = heads[bones].mean(0)
        head, eyes = joints[JOINT_NAMES.index("head")], joints[[23, 24]].mean(0)
        # Anny has no jaw bone: the hinge lies below and behind the eyes, in front of the ears.
        joints[JOINT_NAMES.index("jaw")] = [0, 0.6 * head[1] + 0.4 * eyes[1], 0.72 * head[2] + 0.28 * eyes[2]]
        return joints

    def _folded_weights(self) -> np.ndarray:  # (V, 55)
        indices = self.model.vertex_bone_indices.numpy()
        values = self.model.vertex_bone_weights.numpy()
        weights = np.zeros((len(indices), 55))
        for k in range(indices.shape[1]):
            np.add.at(weights, (np.arange(len(indices)), self.bone_joint[indices[:, k]]), values[:, k])
        jaw, head = self._jaw_weight(), JOINT_NAMES.index("head")
        moved = np.minimum(jaw, weights[:, head])
        weights[:, JOINT_NAMES.index("jaw")] += moved
        weights[:, head] -= moved
        left_right = np.array([JOINT_NAMES.index(mirrored_name(n)) for n in JOINT_NAMES])
        weights = (weights + weights[self.mirror][:, left_right]) / 2
        smallest_kept = np.sort(weights, 1)[:, -MAX_INFLUENCES][:, None]
        weights = np.where(weights >= smallest_kept, weights, 0)
        return weights / weights.sum(1, keepdims=True)

    def _jaw_weight(self) -> np.ndarray:  # (V,)
        """Skinning weight of the jaw and what hangs on it in MakeHuman's default rig."""
        rig = json.loads((self.root / _MAKEHUMAN / "rigs/standard/rig.default.json").read_text())
        rig = rig.get("bones", rig)
        table = json.loads((self.root / _MAKEHUMAN / "rigs/standard/weights.default.json").read_text())["weights"]

        def hangs_on_jaw(bone: str) -> bool:
            return bone == "jaw" or (rig[bone]["parent"] in rig and hangs_on_jaw(rig[bone]["parent"]))

        base = np.zeros(int(max(i for rows in table.values() for i, _ in rows)) + 1)
        for bone, rows in table.items():
            if bone in rig and hangs_on_jaw(bone):
                for index, weight in rows:
                    base[int(index)] += weight
        return base[self.model.base_mesh_vertex_indices.numpy()]

    def texture_mask(self, name: str) -> np.ndarray:  # (V,) bool
        """Vertices inside one of MakeHuman's texture masks, for example "lips"."""
        image = cv2.imread(str(self.root / _MAKEHUMAN / f"textures/mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE)
        uv = np.zeros((len(self.weights), 2))
        uv[self.faces.ravel()] = self.model.texture_coordinates.numpy()[
            self.model.face_texture_coordinate_indices.numpy().ravel()
        ]
        rows = np.clip((1 - uv[:, 1]) * image.shape[0], 0, image.shape[0] - 1).astype(int)
        columns = np.clip(uv[:, 0] * image.shape[1], 0, image.shape[1] - 1).astype(int)
        inside = image[rows, columns] > 128
        return inside | inside[self.mirror]

    def posed_joints(self, phenotypes: dict, world_rotations: np.ndarray) -> np.ndarray:  # (55, 3, 3) -> (55, 3)
        """Joints of Anny's own skeleton when every bone turns with the world rotation of its joint."""
        with self._torch.no_grad():
            rest = self.model(phenotype_kwargs=phenotypes)["rest_bone_poses"][0].numpy()
        back = AXES_SMPLX_FROM_ANNY.T
        pose = np.tile(np.eye(4), (1, len(rest), 1, 1))
        turned = back @ world_rotations[self.bone_joint] @ AXES_SMPLX_FROM_ANNY
        pose[0, :, :3, :3] = turned @ rest[:, :3, :3]
        with self._torch.no_grad():
            out = self.model(
                self._torch.as_tensor(pose), phenotype_kwargs=phenotypes, pose_parameterization="world-orient"
            )
        heads = out["bone_poses"][0, :, :3, 3].numpy() @ AXES_SMPLX_FROM_ANNY.T
        joints = self.joints_from_bones(heads)
        return joints - joints[0]


def fingertips(figure: AnnyFigure, vertices: np.ndarray, joints: np.ndarray) -> dict[str, int]:
    """Vertex at the end of every last phalanx, by joint name."""
    tips = {}
    for j, name in enumerate(JOINT_NAMES):
        if j >= 25 and name.endswith("3") and name.startswith("left"):
            own = np.flatnonzero(figure.weights[:, j] > 0.5)
            along = joints[j] - joints[PARENTS[j]]
            tips[name] = int(own[np.argmax((vertices[own] - joints[j]) @ along)])
            tips[mirrored_name(name)] = int(figure.mirror[tips[name]])
    return tips


def surface_vertices(figure: AnnyFigure, rest: np.ndarray, tips: dict[str, int]) -> dict[str, int]:
    """Vertex of the figure for every name in SURFACE_POINTS, left ones found and right ones mirrored."""
    anny_rest = (rest @ AXES_SMPLX_FROM_ANNY)[None]
    coco = figure.coco({"vertices": figure._torch.as_tensor(anny_rest)})[0].numpy() @ AXES_SMPLX_FROM_ANNY.T
    skin = figure.weights[:, [22, 23, 24]].sum(1) < 0.5
    chosen = {}
    for name in SURFACE_POINTS:
        if name.startswith("right_"):
            continue
        if name.endswith("_tip"):
            chosen[name] = tips[name.removesuffix("_tip") + "3"]
        elif name == "left_eye":
            ball = np.flatnonzero(figure.weights[:, JOINT_NAMES.index("left_eye_ball")] > 0.5)
            chosen[name] = int(ball[np.argmax(rest[ball, 2])])
        elif name == "nose":
            middle = np.flatnonzero((figure.mirror == np.arange(len(rest))) & skin)
            face = middle[np.abs(rest[middle, 1] - coco[figure.coco.labels.index("nose"), 1]) < 0.03]
            chosen[name] = int(face[np.argmax(rest[face, 2])])
        else:
            point = coco[figure.coco.labels.index(name)]
            outer = np.flatnonzero(skin)
            chosen[name] = int(outer[np.argmin(np.linalg.norm(rest[outer] - point, axis=1))])
    for name, vertex in list(chosen.items()):
        if name.startswith("left_"):
            chosen[mirrored_name(name)] = int(figure.mirror[vertex])
    return chosen


def vertex_labels(figure: AnnyFigure, rest: np.ndarray, joints: np.ndarray) -> np.ndarray:  # (V,) u1
    """Colour region of every vertex, see VERTEX_LABELS."""
    at = {name: joints[i] for i, name in enumerate(JOINT_NAMES)}
    weight = {name: figure.weights[:, i] for i, name in enumerate(JOINT_NAMES)}
    label = np.full(len(rest), VERTEX_LABELS.index("skin"), np.uint8)

    def paint(name: str, where: np.ndarray) -> None:
        label[where] = VERTEX_LABELS.index(name)

    dominant = np.array(JOINT_NAMES)[figure.weights.argmax(1)]
    torso = np.isin(dominant, ["spine1", "spine2", "spine3", "left_collar", "right_collar", "pelvis", "neck"])
    waist = at["pelvis"][1] + 0.3 * (at["spine2"][1] - at["pelvis"][1])
    neckline = at["neck"][1] - 0.035 + 0.25 * np.minimum(0.05 - rest[:, 2], 0.05)
    paint("shirt", torso & (rest[:, 1] >= waist) & (rest[:, 1] < neckline))
    for side in ("left", "right"):
        along = at[f"{side}_elbow"] - at[f"{side}_shoulder"]
        share = (rest - at[f"{side}_shoulder"]) @ along / (along @ along)
        arm = np.isin(dominant, [f"{side}_shoulder"])
        paint("shirt", arm & (share < 0.62))
        fore = at[f"{side}_wrist"] - at[f"{side}_elbow"]
        lower = (rest - at[f"{side}_elbow"]) @ fore / (fore @ fore)
        paint("sleeve", (arm & (share >= 0.62)) | ((dominant == f"{side}_elbow") & (lower < 0.93)))
    legs = np.isin(dominant, ["left_hip", "right_hip", "left_knee", "right_knee"])
    paint("trousers", legs | (torso & (rest[:, 1] < waist)))
    paint("shoe", np.isin(dominant, ["left_ankle", "right_ankle", "left_foot", "right_foot"]))
    paint("trousers", (weight["left_knee"] + weight["right_knee"] > 0.5) & (rest[:, 1] > at["left_ankle"][1] + 0.03))
    head = weight["head"] + weight["jaw"] > 0.6
    eye_y, eye_x = at["left_eye_ball"][1], at["left_eye_ball"][0]
    top, face = rest[head, 1].max(), figure.texture_mask("face")
    brow_line = eye_y + 0.30 * (top - eye_y)
    hairline = np.where(rest[:, 2] > at["head"][2] + 0.035, brow_line + 0.035, eye_y - 0.055)
    scalp = head & (rest[:, 1] > hairline) & ~figure.texture_mask("ears")
    scalp |= head & (rest[:, 2] < at["head"][2] - 0.01) & (rest[:, 1] > at["head"][1] - 0.01)
    paint("hair", scalp & ~figure.texture_mask("ears") & ~figure.texture_mask("inside-mouth"))
    height, aside = rest[:, 1] - eye_y, np.abs(rest[:, 0])
    brow = face & head & (height > 0.016) & (height < 0.030) & (aside > 0.3 * eye_x) & (aside < 1.75 * eye_x)
    paint("brow", brow & (rest[:, 2] > at["left_eye_ball"][2] - 0.01))
    paint("lips", figure.texture_mask("lips"))
    paint("mouth", figure.texture_mask("inside-mouth"))
    paint("nail", figure.texture_mask("fingernails"))
    for side in ("left", "right"):
        ball = weight[f"{side}_eye_ball"] > 0.5
        paint("sclera", ball)
        radius = np.hypot(*(rest[:, :2] - rest[ball, :2].mean(0)).T)
        paint("iris", ball & (radius < 0.0075) & (rest[:, 2] > rest[ball, 2].mean()))
    return label


def build(figure: AnnyFigure, seed: int = 0) -> dict[str, np.ndarray]:
    """All arrays of the compact file.

    Args:
        seed: of the sampled bodies, which span the shape space.
    """
    rest, rest_joints = figure.rest(figure.mean_kwargs)
    tips = fingertips(figure, rest, rest_joints)
    rotations = tpose_rotations(rest_joints, {name: rest[v] for name, v in tips.items()})
    rng = np.random.default_rng(seed)
    phenotypes = np.stack([rng.uniform(lo, hi, NUM_SAMPLES) for lo, hi in PHENOTYPE_RANGE.values()], 1)
    bodies, joints = sampled_bodies(figure, phenotypes, rotations)
    space = shape_space(bodies, NUM_BETAS)
    regressor = regressor_of(space, joints, figure.mirror)

    order = vertex_order(figure, rest, tips)
    new_index = np.argsort(order)
    weight_joints = np.argsort(-figure.weights[order], 1)[:, :MAX_INFLUENCES]
    weight_values = np.take_along_axis(figure.weights[order], weight_joints, 1)
    regressor = regressor[:, order].astype(np.float32)
    rows, columns = np.nonzero(regressor)
    design = np.concatenate([np.ones((NUM_SAMPLES, 1)), phenotypes], 1)
    return {
        "v_template": space.template_m[order],
        "shapedirs": space.directions_m[order],
        "faces": new_index[figure.faces].astype(np.uint16),
        "weight_joints": weight_joints.astype(np.uint8),
        "weight_values": np.round(weight_values * 65535).astype(np.uint16),
        "regressor_rows": rows.astype(np.uint8),
        "regressor_columns": columns.astype(np.uint16),
        "regressor_values": regressor[rows, columns],
        "vertex_labels": vertex_labels(figure, rest, rest_joints)[order],
        "mirror_vertices": new_index[figure.mirror[order]].astype(np.uint16),
        "phenotype_names": np.array(list(PHENOTYPE_RANGE)),
        "phenotype_range": np.array(list(PHENOTYPE_RANGE.values()), np.float32),
        "betas_from_phenotypes": np.linalg.lstsq(design, space.betas, rcond=None)[0].astype(np.float32),
        "tpose_rotations": rotations.astype(np.float32),
    }


def sampled_bodies(
    figure: AnnyFigure,
    phenotypes: np.ndarray,  # (S, P)
    rotations: np.ndarray,  # (55, 3, 3)
) -> tuple[np.ndarray, np.ndarray]:  # (S, V, 3), (S, 55, 3)
    """Vertices and joints, metres, of bodies in the T-pose, each made the mirror image of itself.

    Args:
        phenotypes: of every body, in the order of PHENOTYPE_RANGE.
        rotations: see `tpose_rotations`.
    """
    bodies, joints = [], []
    for row in phenotypes:
        shape = unpose(*figure.rest(dict(zip(PHENOTYPE_RANGE, map(float, row)))), figure.weights, rotations)
        bodies.append(shape.vertices_m)
        joints.append(shape.joints_m)
    bodies, joints = np.stack(bodies), np.stack(joints)
    bodies = (bodies + bodies[:, figure.mirror] * [-1, 1, 1]) / 2
    left_right = np.array([JOINT_NAMES.index(mirrored_name(n)) for n in JOINT_NAMES])
    return bodies, (joints + joints[:, left_right] * [-1, 1, 1]) / 2


def vertex_order(figure: AnnyFigure, rest: np.ndarray, tips: dict[str, int]) -> np.ndarray:  # (V,) new -> old
    """Order in which every vertex of SURFACE_POINTS has the number that it has in SMPL-X."""
    order = np.arange(len(rest))
    for name, vertex in surface_vertices(figure, rest, tips).items():
        slot, now = SURFACE_POINTS[name], int(np.flatnonzero(order == vertex)[0])
        order[[slot, now]] = order[[now, slot]]
    return order


def golden_poses(figure: AnnyFigure, arrays: dict[str, np.ndarray], count: int = 12, seed: int = 1) -> dict:
    """Random poses and the joints of Anny's own posed skeleton, with the betas closest to each shape."""
    rng = np.random.default_rng(seed)
    rotations = arrays["tpose_rotations"].astype(np.float64)
    directions = arrays["shapedirs"].astype(np.float64).reshape(-1, NUM_BETAS)
    golden = {"pose_rad": [], "betas": [], "joints_m": []}
    order = _permutation(figure, arrays)
    for _ in range(count):
        phenotypes = {name: float(rng.uniform(lo, hi)) for name, (lo, hi) in PHENOTYPE_RANGE.items()}
        pose = rng.normal(0, 0.35, (55, 3))
        pose[22] = 0
        world = np.zeros((55, 3, 3))
        for j, parent in enumerate(PARENTS):
            local = Rotation.from_rotvec(pose[j]).as_matrix()
            world[j] = local if parent < 0 else world[parent] @ local
        rest = figure.rest(phenotypes)
        shape = unpose(*rest, figure.weights, rotations).vertices_m[order]
        betas = np.linalg.lstsq(directions, (shape - arrays["v_template"]).reshape(-1), rcond=None)[0]
        golden["pose_rad"].append(pose)
        golden["betas"].append(betas)
        golden["joints_m"].append(figure.posed_joints(phenotypes, world @ rotations))
    return {name: np.array(value, np.float32) for name, value in golden.items()}


def _permutation(figure: AnnyFigure, arrays: dict[str, np.ndarray]) -> np.ndarray:  # (V,) new -> old
    order = np.zeros(len(arrays["v_template"]), int)
    order[arrays["faces"].ravel()] = figure.faces.ravel()
    return order


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "anny_free.npz")
    parser.add_argument("--golden", type=Path, help="also write Anny's own posed skeletons here, for the tests")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    figure = AnnyFigure()
    arrays = build(figure)
    np.savez_compressed(arguments.out, **arrays)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB, {len(arrays['v_template'])} vertices")
    if arguments.golden:
        np.savez_compressed(arguments.golden, **golden_poses(figure, arrays))


if __name__ == "__main__":
    main()
