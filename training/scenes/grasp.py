"""Where the hand goes on an object: approach direction, palm contact, finger closing."""

from dataclasses import dataclass, field

import numpy as np

from hoi_motion.body import BodyModel
from hoi_motion.body.skinning import ShapedBody, rotation_matrices
from training.scenes.limbs import turn_about, unit
from training.scenes.objects import ObjectModel, signed_distance
from training.scenes.posture import FINGERS, JOINT, SIDES, Skeleton, bend_axis_angles

UP = np.array([0.0, 0.0, 1.0])
SKIN_GAP_M = 0.001  # the palm stops this far from the surface
MAX_CURL_RAD = 1.25
OPEN_CURL = {"index": 0.15, "middle": 0.15, "pinky": 0.18, "ring": 0.16, "thumb": 0.0}
RELAXED_CURL = {"index": 0.32, "middle": 0.38, "pinky": 0.45, "ring": 0.42, "thumb": 0.2}


@dataclass(frozen=True)
class Grasp:
    """Hand on an object: wrist (3,) metres and rotation (3, 3) in the world, palm normal (3,), curls by finger; those
    of the open hand that goes there."""

    wrist_m: np.ndarray
    rotation: np.ndarray
    palm_normal: np.ndarray
    azimuth: np.ndarray
    curls: dict[str, float]
    opened: dict[str, float] = field(default_factory=lambda: OPEN_CURL)


class HandModel:
    """Surface of one hand in the wrist frame, with bendable fingers."""

    def __init__(self, model: BodyModel, shaped: ShapedBody, skeleton: Skeleton, side: str):
        self.side, self.sign = side, SIDES[side]
        self._skeleton = skeleton
        ids = model.part_vertices[f"{side}_hand"][::3]
        wrist = shaped.rest_joints_m[JOINT[f"{side}_wrist"]]
        self._points = shaped.rest_vertices_m[ids].astype(np.float64) - wrist
        joint = model.vertex_joint[ids]
        self._vertices_of = {j: np.flatnonzero(joint == j) for j in range(25, 55)}
        self._rest = shaped.rest_joints_m - wrist
        self.finger = {
            f: np.concatenate([self._vertices_of[JOINT[f"{side}_{f}{i}"]] for i in (1, 2, 3)]) for f in FINGERS
        }
        palm = shaped.rest_vertices_m[model.part_vertices[f"{side}_palm"]].astype(np.float64) - wrist
        knuckles = self._rest[[JOINT[f"{side}_{f}1"] for f in ("index", "middle", "ring")]].mean(0)
        middle = 0.72 * knuckles
        self.palm_point = np.array([middle[0], palm[np.argmin(np.abs(palm[:, 0] - middle[0])), 1], middle[2]])

    def points(self, curls: dict[str, float]) -> np.ndarray:  # (N, 3) in the wrist frame
        """Every third vertex of the hand; the fingers in `curls` bent (each vertex follows its main joint)."""
        out = self._points.copy()
        for finger in curls:
            rotation, offset = np.eye(3), np.zeros(3)
            bends = rotation_matrices(bend_axis_angles(self._skeleton, self.side, finger, curls[finger]))
            for i, local in zip((1, 2, 3), bends):
                joint = JOINT[f"{self.side}_{finger}{i}"]
                pivot = self._rest[joint]
                offset = offset + rotation @ (pivot - local @ pivot)
                rotation = rotation @ local
                own = self._vertices_of[joint]
                out[own] = self._points[own] @ rotation.T + offset
        return out


def hand_rotation(fingers: np.ndarray, palm_normal: np.ndarray, sign: int) -> np.ndarray:  # -> (3, 3)
    """World rotation of a wrist whose fingers point along `fingers` and whose palm faces `palm_normal`."""
    x = sign * unit(fingers)
    y = -unit(palm_normal - (palm_normal @ x) * x)
    return np.stack([x, y, np.cross(x, y)], 1)


def hanging_rotation(sign: int) -> np.ndarray:
    """Hand of a hanging arm: fingers down and a little forwards, palm to the thigh."""
    return hand_rotation(np.array([0.12, 0.05 * sign, -1.0]), np.array([-0.25, -1.0 * sign, 0.0]), sign)


def plan_grasp(
    hand: HandModel,
    thing: ObjectModel,
    T_world_object: np.ndarray,
    shoulder_m: np.ndarray,
    pitch_rad: float,
    yaw_rad: float,
    close: bool = True,
    opened: dict[str, float] = OPEN_CURL,
) -> Grasp:
    """Hand that touches `thing` with its palm from the outer side, fingers closed as far as the surface allows.

    Args:
        close: whether to close the fingers too; else they stay open; opened: curls of the open hand.
        shoulder_m: (3,) where the arm comes from; pitch_rad: how far the fingers point down;
        yaw_rad: turn of the approach towards the middle of the body.
    """
    centre = T_world_object[:3, 3] + [0, 0, thing.grasp_height * thing.height_m]
    azimuth = unit((centre - shoulder_m) * [1, 1, 0])
    azimuth = turn_about(2, -hand.sign * yaw_rad) @ azimuth
    inward = -hand.sign * np.cross(UP, azimuth)
    fingers = np.cos(pitch_rad) * azimuth - np.sin(pitch_rad) * UP
    above = np.cos(pitch_rad) * UP + np.sin(pitch_rad) * azimuth
    tilt = thing.palm_down * np.pi / 2
    palm_normal = np.cos(tilt) * inward - np.sin(tilt) * above
    rotation = hand_rotation(fingers, palm_normal, hand.sign)
    to_object = T_world_object[:3, :3].T

    def distance(wrist: np.ndarray, points: np.ndarray) -> np.ndarray:
        world = points @ rotation.T + wrist
        return signed_distance((world - T_world_object[:3, 3]) @ to_object.T, thing.shape, thing.half_size_m)

    open_points = hand.points(opened)
    wrist = centre - rotation @ hand.palm_point - 0.5 * palm_normal
    for _ in range(40):  # sphere tracing: the closest point of the hand moves in until it touches
        gap = float(distance(wrist, open_points).min()) - SKIN_GAP_M
        wrist = wrist + gap * palm_normal
        if abs(gap) < 2e-4:
            break
    curls = dict(opened)
    for finger in FINGERS if close else ():
        low, high = opened[finger], MAX_CURL_RAD if finger != "thumb" else 0.9
        for _ in range(6):
            middle = (low + high) / 2
            bent = hand.points({finger: middle})[hand.finger[finger]]
            low, high = (middle, high) if distance(wrist, bent).min() > 0.5 * SKIN_GAP_M else (low, middle)
        curls[finger] = low
    return Grasp(wrist, rotation, palm_normal, azimuth, curls, opened)
