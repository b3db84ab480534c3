"""Whole-body postures from a few numbers: planted feet, bent trunk, gaze, two wrists, finger curls.

Everything is computed for T frames at once.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body import JOINT_NAMES, PARENTS
from hoi_motion.body.skinning import ShapedBody
from training.scenes.limbs import limb_rotations, middle_joint, turn_about, unit

R_WORLD_BODY = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
"""SMPL-X body axes (x left, y up, z forward) in the world (x forward, y left, z up)."""
SIDES = {"left": 1, "right": -1}
FINGERS = ("index", "middle", "pinky", "ring", "thumb")
THUMB_SHARES = (0.35, 0.6, 0.8)  # of a curl, by joint from the base
JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}
TWIST_IN_FOREARM = 0.6


@dataclass(frozen=True)
class Wrist:
    """Where a hand is: wrist position (T, 3) metres and rotation (T, 3, 3) in the world, elbow pole (T, 3)."""

    position_m: np.ndarray
    rotation: np.ndarray
    pole: np.ndarray


@dataclass(frozen=True)
class Trunk:
    """How the trunk is bent.

    Attributes:
        lean_rad: (T,) forwards; turn_rad: to the left; side_rad: towards the left.
        pelvis_m: (T, 3) of the pelvis joint in the world.
        gaze_m: (T, 3) point to look at, with `attention` (T,) from 0 (straight ahead) to 1.
    """

    lean_rad: np.ndarray
    turn_rad: np.ndarray
    side_rad: np.ndarray
    pelvis_m: np.ndarray
    gaze_m: np.ndarray
    attention: np.ndarray

    def __len__(self) -> int:
        return len(self.lean_rad)

    def frame(self, index: int) -> "Trunk":
        """One frame, as a trunk of length 1."""
        return Trunk(*(value[index : index + 1] for value in vars(self).values()))


@dataclass
class Skeleton:
    """The actor's proportions and planted feet.

    Attributes:
        shaped: body with fixed betas.
        ankles_m: (3,) world positions by side; feet_rotation: (3, 3) by side.
        standing_height_m: of the pelvis.
        curl_axis: (3,) axis of positive bending by finger joint.
        knee_pole: (3,) or (T, 3) where a knee points to, by side, if not ahead.
    """

    shaped: ShapedBody
    ankles_m: dict[str, np.ndarray]
    feet_rotation: dict[str, np.ndarray]
    standing_height_m: float
    curl_axis: dict[str, np.ndarray]
    knee_pole: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def rest(self) -> np.ndarray:  # (55, 3)
        return self.shaped.rest_joints_m

    def bone(self, name: str) -> np.ndarray:  # (3,)
        """Rest vector from the parent joint to `name`."""
        return self.rest[JOINT[name]] - self.rest[PARENTS[JOINT[name]]]

    def length(self, name: str) -> float:
        return float(np.linalg.norm(self.bone(name)))

    def arm_length(self, side: str) -> float:
        return self.length(f"{side}_elbow") + self.length(f"{side}_wrist")


def standing_skeleton(shaped: ShapedBody, stance_m: float) -> Skeleton:
    """Feet flat on the floor `stance_m` either side of the origin, knees a little bent."""
    rest = shaped.rest_joints_m
    sole = float(shaped.rest_vertices_m[:, 1].min())
    ankle_height = rest[JOINT["left_ankle"], 1] - sole
    ankles, feet = {}, {}
    for side, sign in SIDES.items():
        ankles[side] = np.array([-0.01, sign * stance_m, ankle_height])
        feet[side] = turn_about(2, np.deg2rad(8 * sign)) @ R_WORLD_BODY
    hip, knee, ankle = (rest[JOINT[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    leg = np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee)
    height = ankle_height + np.sqrt((0.988 * leg) ** 2 - (stance_m - hip[0]) ** 2) - hip[1]
    axes = {}
    for side, sign in SIDES.items():
        axes |= {f"{side}_{finger}{i}": np.array([0.0, 0.0, -sign]) for finger in FINGERS for i in (1, 2, 3)}
        along = unit(rest[JOINT[f"{side}_thumb3"]] - rest[JOINT[f"{side}_thumb2"]])
        palm = rest[JOINT[f"{side}_middle1"]] + [0, -0.05, 0] - rest[JOINT[f"{side}_thumb2"]]
        axes |= {f"{side}_thumb{i}": unit(np.cross(along, palm)) for i in (1, 2, 3)}
    return Skeleton(shaped, ankles, feet, float(height), axes)


def pose_body(
    skeleton: Skeleton, trunk: Trunk, wrists: dict[str, Wrist], curls: dict[str, dict[str, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """SMPL-X poses (T, 55, 3) rad and translations (T, 3).

    Args:
        wrists, curls: by side; a curl is the bend of each finger joint in rad (T,), by finger.

    Raises:
        ValueError: when a limb cannot reach.
    """
    world, at = trunk_joints(skeleton, trunk)
    for side in SIDES:
        _place_leg(skeleton, side, world, at)
        _place_arm(skeleton, side, wrists[side], world, at)
    local = np.swapaxes(world[:, np.maximum(PARENTS, 0)], 2, 3) @ world
    local[:, 0] = world[:, 0]
    pose = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_rotvec().reshape(-1, 55, 3)
    for side in SIDES:
        for finger in FINGERS:
            for i in (1, 2, 3):
                name = f"{side}_{finger}{i}"
                share = THUMB_SHARES[i - 1] if finger == "thumb" else 1.0
                pose[:, JOINT[name]] = np.multiply.outer(share * curls[side][finger], skeleton.curl_axis[name])
    return pose, at[:, 0] - skeleton.rest[0]


def trunk_joints(skeleton: Skeleton, trunk: Trunk) -> tuple[np.ndarray, np.ndarray]:
    """World rotations (T, 55, 3, 3) and positions (T, 55, 3), filled in for trunk, shoulders and head."""
    world, at = np.tile(np.eye(3), (len(trunk), 55, 1, 1)), np.zeros((len(trunk), 55, 3))

    def bent(share_lean: float, share_turn: float) -> np.ndarray:
        turn = turn_about(2, trunk.turn_rad * share_turn) @ turn_about(1, trunk.lean_rad * share_lean)
        return turn @ turn_about(0, -trunk.side_rad * share_turn) @ R_WORLD_BODY

    world[:, 0] = bent(0.45, 0.25)
    at[:, 0] = trunk.pelvis_m
    for name, lean, turn in (("spine1", 0.6, 0.4), ("spine2", 0.8, 0.7), ("spine3", 1.0, 1.0)):
        _attach(skeleton, name, bent(lean, turn), world, at)
    chest = world[:, JOINT["spine3"]]
    for side in SIDES:
        _attach(skeleton, f"{side}_collar", chest, world, at)
        _attach(skeleton, f"{side}_shoulder", chest, world, at)
    _attach(skeleton, "neck", chest, world, at)
    to_gaze = unit(trunk.gaze_m - at[:, JOINT["neck"]])
    ahead = np.array([1.0, 0.0, 0.03])
    aim = unit((1 - trunk.attention)[:, None] * ahead + trunk.attention[:, None] * to_gaze)
    yaw = np.clip(np.arctan2(aim[:, 1], aim[:, 0]), -0.8, 0.8)
    pitch = np.clip(np.arcsin(-aim[:, 2]) - 0.15 * trunk.attention, -0.3, 0.75)
    look = turn_about(2, yaw) @ turn_about(1, pitch) @ R_WORLD_BODY
    relative = Rotation.from_matrix(np.swapaxes(chest, 1, 2) @ look).as_rotvec()
    world[:, JOINT["neck"]] = chest @ Rotation.from_rotvec(0.45 * relative).as_matrix()
    _attach(skeleton, "head", chest @ Rotation.from_rotvec(0.95 * relative).as_matrix(), world, at)
    for name in ("jaw", "left_eye_ball", "right_eye_ball"):
        _attach(skeleton, name, world[:, JOINT["head"]], world, at)
    return world, at


def _attach(skeleton: Skeleton, name: str, rotation: np.ndarray, world: np.ndarray, at: np.ndarray) -> None:
    joint, parent = JOINT[name], PARENTS[JOINT[name]]
    at[:, joint] = at[:, parent] + world[:, parent] @ skeleton.bone(name)
    world[:, joint] = rotation


def knee_ahead(side: str) -> np.ndarray:  # (3,)
    """Where the knee of a person who stands or sits points."""
    return np.array([1.0, 0.18 * SIDES[side], 0.0])


def _leg(skeleton: Skeleton, side: str, world: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, ...]:
    """Hip, knee, ankle and pole, (T, 3) each."""
    hip = at[:, 0] + world[:, 0] @ skeleton.bone(f"{side}_hip")
    ankle = np.broadcast_to(skeleton.ankles_m[side], hip.shape)
    pole = np.broadcast_to(skeleton.knee_pole.get(side, knee_ahead(side)), hip.shape)
    lengths = skeleton.length(f"{side}_knee"), skeleton.length(f"{side}_ankle")
    return hip, middle_joint(hip, ankle, *lengths, pole), ankle, pole


def _place_leg(skeleton: Skeleton, side: str, world: np.ndarray, at: np.ndarray) -> None:
    upper, lower = f"{side}_knee", f"{side}_ankle"
    hip, knee, ankle, pole = _leg(skeleton, side, world, at)
    thigh, shin = limb_rotations(hip, knee, ankle, pole, skeleton.bone(upper), skeleton.bone(lower))
    _attach(skeleton, f"{side}_hip", thigh, world, at)
    _attach(skeleton, upper, shin, world, at)
    for name in (lower, f"{side}_foot"):
        _attach(skeleton, name, skeleton.feet_rotation[side], world, at)


def _place_arm(skeleton: Skeleton, side: str, wrist: Wrist, world: np.ndarray, at: np.ndarray) -> None:
    shoulder, end = at[:, JOINT[f"{side}_shoulder"]], wrist.position_m
    first, second = f"{side}_elbow", f"{side}_wrist"
    elbow = middle_joint(shoulder, end, skeleton.length(first), skeleton.length(second), wrist.pole)
    upper, fore = limb_rotations(shoulder, elbow, end, -wrist.pole, skeleton.bone(first), skeleton.bone(second))
    # The hand's roll about the forearm is shared between forearm and wrist, as radius and ulna do.
    x, _, _, w = Rotation.from_matrix(np.swapaxes(fore, 1, 2) @ wrist.rotation).as_quat().T
    roll = (2 * np.arctan2(x, w) + np.pi) % (2 * np.pi) - np.pi
    _attach(skeleton, f"{side}_shoulder", upper, world, at)
    _attach(skeleton, first, fore @ turn_about(0, TWIST_IN_FOREARM * roll), world, at)
    _attach(skeleton, second, wrist.rotation, world, at)
    for finger in FINGERS:
        for i in (1, 2, 3):
            _attach(skeleton, f"{side}_{finger}{i}", wrist.rotation, world, at)


def bend_axis_angles(skeleton: Skeleton, side: str, finger: str, curl_rad: float) -> np.ndarray:  # (3, 3)
    """Axis-angle of the three joints of a finger at a curl."""
    shares = THUMB_SHARES if finger == "thumb" else (1.0, 1.0, 1.0)
    return np.stack([curl_rad * s * skeleton.curl_axis[f"{side}_{finger}{i}"] for i, s in zip((1, 2, 3), shares)])


def knee_of(skeleton: Skeleton, trunk: Trunk, side: str) -> np.ndarray:  # (T, 3)
    return _leg(skeleton, side, *trunk_joints(skeleton, trunk))[1]


def shoulder_of(skeleton: Skeleton, trunk: Trunk, side: str) -> np.ndarray:  # (T, 3)
    return trunk_joints(skeleton, trunk)[1][:, JOINT[f"{side}_shoulder"]]
