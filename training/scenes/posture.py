"""A whole-body posture from a few numbers: planted feet, bent trunk, gaze, two wrists, finger curls."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body import JOINT_NAMES, PARENTS, BodyModel
from hoi_motion.body.skinning import ShapedBody
from training.scenes.limbs import limb_rotations, middle_joint, unit

R_WORLD_BODY = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
"""SMPL-X body axes (x left, y up, z forward) in the world (x forward, y left, z up)."""
SIDES = {"left": 1, "right": -1}
FINGERS = ("index", "middle", "pinky", "ring", "thumb")
JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}
TWIST_IN_FOREARM = 0.6


@dataclass(frozen=True)
class Wrist:
    """Where a hand is: position (3,) metres and rotation (3, 3) of the wrist joint in the world, elbow pole (3,)."""

    position_m: np.ndarray
    rotation: np.ndarray
    pole: np.ndarray


@dataclass(frozen=True)
class Trunk:
    """How the trunk is bent.

    Attributes:
        lean_rad: forwards; turn_rad: to the left; side_rad: towards the left.
        pelvis_m: (3,) of the pelvis joint in the world.
        gaze_m: (3,) point to look at, with `attention` 0 (straight ahead) to 1.
    """

    lean_rad: float
    turn_rad: float
    side_rad: float
    pelvis_m: np.ndarray
    gaze_m: np.ndarray
    attention: float


@dataclass
class Skeleton:
    """The actor's proportions and planted feet.

    Attributes:
        shaped: body with fixed betas; rest: (55, 3) joints of the zero pose.
        ankles_m: world positions by side; feet_rotation: (3, 3) by side.
    """

    shaped: ShapedBody
    ankles_m: dict[str, np.ndarray]
    feet_rotation: dict[str, np.ndarray]
    standing_height_m: float
    curl_axis: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def rest(self) -> np.ndarray:
        return self.shaped.rest_joints_m

    def bone(self, name: str) -> np.ndarray:  # (3,)
        """Rest vector from the parent joint to `name`."""
        return self.rest[JOINT[name]] - self.rest[PARENTS[JOINT[name]]]

    def length(self, name: str) -> float:
        return float(np.linalg.norm(self.bone(name)))

    def arm_length(self, side: str) -> float:
        return self.length(f"{side}_elbow") + self.length(f"{side}_wrist")


def standing_skeleton(model: BodyModel, shaped: ShapedBody, stance_m: float) -> Skeleton:
    """Feet flat on the floor `stance_m` either side of the origin, knees a little bent."""
    rest = shaped.rest_joints_m
    sole = float(shaped.rest_vertices_m[:, 1].min())
    ankle_height = rest[JOINT["left_ankle"], 1] - sole
    ankles, feet = {}, {}
    for side, sign in SIDES.items():
        ankles[side] = np.array([-0.01, sign * stance_m, ankle_height])
        feet[side] = Rotation.from_euler("z", sign * 8, degrees=True).as_matrix() @ R_WORLD_BODY
    hip = rest[JOINT["left_hip"]]
    knee, ankle = rest[JOINT["left_knee"]], rest[JOINT["left_ankle"]]
    leg = np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee)
    aside = stance_m - hip[0]
    height = ankle_height + np.sqrt((0.988 * leg) ** 2 - aside**2) - hip[1]
    axes = {}
    for side, sign in SIDES.items():
        for finger in FINGERS:
            for i in (1, 2, 3):
                axes[f"{side}_{finger}{i}"] = np.array([0.0, 0.0, -sign])
        along = unit(rest[JOINT[f"{side}_thumb3"]] - rest[JOINT[f"{side}_thumb2"]])
        palm = rest[JOINT[f"{side}_middle1"]] + [0, -0.05, 0] - rest[JOINT[f"{side}_thumb2"]]
        for i in (1, 2, 3):
            axes[f"{side}_thumb{i}"] = unit(np.cross(along, palm))
    return Skeleton(shaped, ankles, feet, float(height), axes)


def pose_body(skeleton: Skeleton, trunk: Trunk, wrists: dict[str, Wrist], curls: dict[str, dict[str, float]]):
    """SMPL-X pose (55, 3) rad and translation (3,) of one frame.

    Args:
        wrists, curls: by side; a curl is the bend of each finger joint in rad, by finger.

    Raises:
        ValueError: when a limb cannot reach.
    """
    world = np.tile(np.eye(3), (55, 1, 1))
    at = np.zeros((55, 3))
    _bend_trunk(skeleton, trunk, world, at)
    for side, sign in SIDES.items():
        _place_leg(skeleton, side, world, at)
        _place_arm(skeleton, side, wrists[side], world, at)
    local = np.einsum("jba,jbc->jac", world[np.maximum(PARENTS, 0)], world)
    local[0] = world[0]
    pose = Rotation.from_matrix(local).as_rotvec()
    for side in SIDES:
        for finger in FINGERS:
            for i in (1, 2, 3):
                name = f"{side}_{finger}{i}"
                bend = curls[side][finger] * (1.0 if finger != "thumb" else (0.35, 0.6, 0.8)[i - 1])
                pose[JOINT[name]] = bend * skeleton.curl_axis[name]
    return pose, at[0] - skeleton.rest[0]


def trunk_joints(skeleton: Skeleton, trunk: Trunk) -> tuple[np.ndarray, np.ndarray]:
    """World rotations (55, 3, 3) and positions (55, 3), filled in from the pelvis to the shoulders and the head."""
    world, at = np.tile(np.eye(3), (55, 1, 1)), np.zeros((55, 3))
    _bend_trunk(skeleton, trunk, world, at)
    return world, at


def _bend_trunk(skeleton: Skeleton, trunk: Trunk, world: np.ndarray, at: np.ndarray) -> None:
    def bent(share_lean: float, share_turn: float) -> np.ndarray:
        turn = Rotation.from_euler(
            "ZYX",
            [trunk.turn_rad * share_turn, trunk.lean_rad * share_lean, -trunk.side_rad * share_turn],
        )
        return turn.as_matrix() @ R_WORLD_BODY

    world[0] = bent(0.45, 0.25)
    at[0] = trunk.pelvis_m
    for name, lean, turn in (("spine1", 0.6, 0.4), ("spine2", 0.8, 0.7), ("spine3", 1.0, 1.0)):
        _attach(skeleton, name, bent(lean, turn), world, at)
    for side in SIDES:
        _attach(skeleton, f"{side}_collar", world[JOINT["spine3"]], world, at)
        _attach(skeleton, f"{side}_shoulder", world[JOINT["spine3"]], world, at)
    _attach(skeleton, "neck", world[JOINT["spine3"]], world, at)
    ahead = at[JOINT["neck"]] + np.array([2.0, 0.0, 0.05])
    to_gaze = unit(trunk.gaze_m - at[JOINT["neck"]])
    aim = unit((1 - trunk.attention) * unit(ahead - at[JOINT["neck"]]) + trunk.attention * to_gaze)
    yaw = np.clip(np.arctan2(aim[1], aim[0]), -0.8, 0.8)
    pitch = np.clip(np.arcsin(-aim[2]) - 0.15 * trunk.attention, -0.3, 0.75)
    look = Rotation.from_euler("ZY", [yaw, pitch]).as_matrix() @ R_WORLD_BODY
    chest = Rotation.from_matrix(world[JOINT["spine3"]])
    turn = (chest.inv() * Rotation.from_matrix(look)).as_rotvec()
    world[JOINT["neck"]] = (chest * Rotation.from_rotvec(0.45 * turn)).as_matrix()
    _attach(skeleton, "head", (chest * Rotation.from_rotvec(0.95 * turn)).as_matrix(), world, at)
    for name in ("jaw", "left_eye_ball", "right_eye_ball"):
        _attach(skeleton, name, world[JOINT["head"]], world, at)


def _attach(skeleton: Skeleton, name: str, rotation: np.ndarray, world: np.ndarray, at: np.ndarray) -> None:
    joint, parent = JOINT[name], PARENTS[JOINT[name]]
    at[joint] = at[parent] + world[parent] @ skeleton.bone(name)
    world[joint] = rotation


def _place_leg(skeleton: Skeleton, side: str, world: np.ndarray, at: np.ndarray) -> None:
    hip, ankle = at[0] + world[0] @ skeleton.bone(f"{side}_hip"), skeleton.ankles_m[side]
    pole = np.array([1.0, 0.18 * SIDES[side], 0.0])
    knee = middle_joint(hip, ankle, skeleton.length(f"{side}_knee"), skeleton.length(f"{side}_ankle"), pole)
    thigh, shin = limb_rotations(
        hip, knee, ankle, pole, skeleton.bone(f"{side}_knee"), skeleton.bone(f"{side}_ankle")
    )
    _attach(skeleton, f"{side}_hip", thigh, world, at)
    _attach(skeleton, f"{side}_knee", shin, world, at)
    _attach(skeleton, f"{side}_ankle", skeleton.feet_rotation[side], world, at)
    _attach(skeleton, f"{side}_foot", skeleton.feet_rotation[side], world, at)


def _place_arm(skeleton: Skeleton, side: str, wrist: Wrist, world: np.ndarray, at: np.ndarray) -> None:
    shoulder = at[JOINT[f"{side}_shoulder"]]
    elbow = middle_joint(
        shoulder, wrist.position_m, skeleton.length(f"{side}_elbow"), skeleton.length(f"{side}_wrist"), wrist.pole
    )
    upper, fore = limb_rotations(
        shoulder, elbow, wrist.position_m, -wrist.pole, skeleton.bone(f"{side}_elbow"), skeleton.bone(f"{side}_wrist")
    )
    # The hand's roll about the forearm is shared between forearm and wrist, as radius and ulna do.
    roll = Rotation.from_matrix(fore.T @ wrist.rotation).as_quat()
    angle = 2 * np.arctan2(roll[0], roll[3])
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    fore = fore @ Rotation.from_euler("x", TWIST_IN_FOREARM * angle).as_matrix()
    _attach(skeleton, f"{side}_shoulder", upper, world, at)
    _attach(skeleton, f"{side}_elbow", fore, world, at)
    _attach(skeleton, f"{side}_wrist", wrist.rotation, world, at)
    for finger in FINGERS:
        for i in (1, 2, 3):
            _attach(skeleton, f"{side}_{finger}{i}", wrist.rotation, world, at)
