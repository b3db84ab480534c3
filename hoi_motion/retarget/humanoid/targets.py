"""Where every body part of a humanoid should be: a person's motion at the robot's proportions."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from hoi_motion.body.joints import JOINT_NAMES, KEYPOINT_NAMES
from hoi_motion.motion import SIDE_OF_HAND, Contact, HoiMotion
from hoi_motion.retarget.arm.grip import surface_points
from hoi_motion.retarget.humanoid.feet import above_floor, nearness, planted_frames, planted_track
from hoi_motion.retarget.humanoid.humanoid import BodyTask, Humanoid, right_angled

RAMP_S = 0.5  # time in which a hand turns towards what it will touch
SIDES = ("left", "right")
PALM = ("wrist", "index1", "middle1", "ring1", "pinky1")
TOUCHING = ("index3", "middle3", "ring3", "thumb3", "index1", "middle1", "ring1", "pinky1", "wrist")
FOOT_POINTS = ("heel", "big_toe", "small_toe")
POINTS = ("pelvis", *(f"{s}_{p}" for s in SIDES for p in ("knee", "foot", "elbow", "palm")))
ROTATIONS = ("pelvis", "chest", "left_foot", "right_foot")
# weights in the inverse kinematics: of places, and, with TURN, of rotations; planted feet and touching palms hold
# against all others
PELVIS = 3.0
KNEE = 3.0
ELBOW = 1.0
FOOT_FREE = 12.0
FOOT_PLANTED = 60.0
PALM_FREE = 1.5
PALM_HELD = 40.0
TURN = {"pelvis": 1.0, "chest": 1.0, "head": 0.2}
FOOT_TURN_FREE = 2.0
FOOT_TURN_PLANTED = 10.0
HAND_TURN_FREE = 0.5
HAND_TURN_HELD = 5.0
SOFT_ELBOW = 0.1  # share of its weight that an elbow keeps while its hand is held


@dataclass(frozen=True)
class Touch:
    """A hand's contact with an object.

    Attributes:
        hand, object_name: what touches what; first, last: frames.
        out: (T, 3) out of the surface where it is touched, world; share: (T,) how much of the contact a frame has.
    """

    hand: str
    object_name: str
    first: int
    last: int
    out: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Targets:
    """Where a humanoid's body parts should be in every frame, in the scaled scene.

    Attributes:
        points_m: (T, P, 3) and point_weights (T, P) of POINTS; rotations: (T, R, 3, 3), rotation_weights (T, R).
        rotation_parts: names of the R body parts.
        planted: side -> (T,) bool; held_m: hand -> (T, 3) where the palm's middle touches, NaN without contact.
        robot_scale: robot over person; scene_scale: scene over real size.
        touches: contacts of the hands.
    """

    points_m: np.ndarray
    point_weights: np.ndarray
    rotations: np.ndarray
    rotation_weights: np.ndarray
    rotation_parts: tuple[str, ...]
    planted: dict[str, np.ndarray]
    held_m: dict[str, np.ndarray]
    robot_scale: float
    scene_scale: float
    touches: tuple[Touch, ...]

    def pressed(self, number: int, out_m: float) -> "Targets":
        """The same with one touch moved out of the object's surface, or into it."""
        touch, points = self.touches[number], self.points_m.copy()
        points[:, POINTS.index(f"{SIDE_OF_HAND[touch.hand]}_palm")] += out_m * touch.share[:, None] * touch.out
        held = self.held_m[touch.hand].copy()
        frames = slice(touch.first, touch.last + 1)
        held[frames] += out_m * touch.out[frames]
        return dataclasses.replace(self, points_m=points, held_m=self.held_m | {touch.hand: held})

    def give(self, task: BodyTask, frame: int) -> None:
        """Set a task to the targets of one frame."""
        task.points_m, task.point_weights = self.points_m[frame], self.point_weights[frame]
        task.rotations, task.rotation_weights = self.rotations[frame], self.rotation_weights[frame]


class _Person:
    """Keypoints (T, 76, 3) and rotations (T, 55, 3, 3) of the person in the world."""

    def __init__(self, motion: HoiMotion, body):
        with torch.no_grad():
            self._points = body.joints(motion.pose_rad, motion.transl_m, motion.betas).double().numpy()
            pose = torch.tensor(motion.pose_rad)
            betas = torch.nn.functional.pad(torch.tensor(motion.betas), (0, body.num_betas - len(motion.betas)))
            self._rotations = body.skeleton.world_transforms(pose, betas.expand(len(pose), -1))[0].double().numpy()
            rest = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), motion.betas)[0].double().numpy()
        self._rest = rest
        self.sole_m = min(rest[KEYPOINT_NAMES.index(f"{s}_{p}")][1] for s in SIDES for p in FOOT_POINTS)

    def __getitem__(self, name: str) -> np.ndarray:  # (T, 3)
        return self._points[:, KEYPOINT_NAMES.index(name)]

    def rotation(self, name: str) -> np.ndarray:  # (T, 3, 3)
        return self._rotations[:, JOINT_NAMES.index(name)]

    def rest_height_m(self, name: str) -> float:
        """Over the soles in the zero pose, which is y up."""
        return float(self._rest[KEYPOINT_NAMES.index(name)][1] - self.sole_m)

    def hand_axes(self, side: str) -> np.ndarray:  # (3, 3)
        """Columns: along the fingers, out of the palm, and across, in the frame of the wrist."""
        wrist, index, middle, pinky = (
            self._rest[KEYPOINT_NAMES.index(f"{side}_{p}")] for p in ("wrist", "index1", "middle1", "pinky1")
        )
        out = np.cross(index - wrist, pinky - wrist) * (-1 if side == "left" else 1)
        return right_angled(middle - wrist, out)

    def leg_m(self) -> float:
        hip, knee, ankle = (self._rest[KEYPOINT_NAMES.index(f"left_{p}")] for p in ("hip", "knee", "ankle"))
        return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle) + self.rest_height_m("left_ankle"))

    def palm(self, side: str) -> np.ndarray:  # (T, 3)
        return np.mean([self[f"{side}_{p}"] for p in PALM], axis=0)


def humanoid_targets(motion: HoiMotion, robot: Humanoid, body) -> Targets:
    """Targets of every frame.

    Directions of the limbs are the person's, lengths the robot's. Feet are where the person's are at the robot's scale;
    those of a planted foot do not change. A palm in contact keeps its place on the object, which is scaled and moved
    with its scene.

    Args:
        body: BodyModel of the motion.
    """
    draft = _Draft(motion, robot, body)
    for side in SIDES:
        draft.add_leg(side)
        draft.add_arm(side)
    return draft.targets()


class _Draft:
    """Targets in the making, part by part: places (T, 3), rotations (T, 3, 3) and the weights (T,) of both."""

    def __init__(self, motion: HoiMotion, robot: Humanoid, body):
        self._motion, self._robot, self._person = motion, robot, _Person(motion, body)
        self._scale = robot.leg_m / self._person.leg_m()
        self._scene_scale = robot.config.scene_scale or self._scale
        self._moved = (self._scene_scale - self._scale) * _centre_of_action(motion)
        joint_of = {"pelvis": "pelvis", "chest": "spine3", "head": "head"} | {f"{s}_foot": f"{s}_ankle" for s in SIDES}
        parts = (*ROTATIONS, "head") if "head" in robot.config.frames else ROTATIONS
        self._turned = {
            p: self._person.rotation(joint_of[p]) @ robot.body_axes.T @ robot.rest_rotations[p] for p in parts
        }
        self._turn_weights = {p: np.full(motion.num_frames, TURN.get(p, 0.0)) for p in parts}
        hips = (robot.rest_offset_m("left_hip", "pelvis") + robot.rest_offset_m("right_hip", "pelvis")) / 2
        middle = self._placed((self._person["left_hip"] + self._person["right_hip"]) / 2)
        self._points = {"pelvis": middle - self._turned["pelvis"] @ hips}
        self._chest_m = self._points["pelvis"] + self._turned["pelvis"] @ robot.rest_offset_m("chest", "pelvis")
        self._weights = {"pelvis": np.full(motion.num_frames, PELVIS)}
        self._planted, self._held, self._touches = {}, {}, []

    def _placed(self, points_m: np.ndarray) -> np.ndarray:
        """Points of the person in the robot's scene."""
        return self._scale * points_m + self._moved

    def add_leg(self, side: str) -> None:
        """Knee and foot."""
        person, robot, fps = self._person, self._robot, self._motion.fps
        hip, knee, ankle = (person[f"{side}_{p}"] for p in ("hip", "knee", "ankle"))
        hip_m = self._points["pelvis"] + self._turned["pelvis"] @ robot.rest_offset_m(f"{side}_hip", "pelvis")
        length_m = robot.length_m(f"{side}_hip", f"{side}_knee")
        self._points[f"{side}_knee"] = hip_m + length_m * _direction(hip, knee)
        self._weights[f"{side}_knee"] = np.full(self._motion.num_frames, KNEE)
        under = np.stack([person[f"{side}_{p}"] for p in FOOT_POINTS], axis=1)
        rest = np.array([person.rest_height_m(f"{side}_{p}") for p in FOOT_POINTS])
        planted = self._planted[side] = planted_frames(under, rest, fps)
        foot, sole = f"{side}_foot", robot.soles_m[side]
        flat = np.stack([[0, 1, 0], [0, 0, 1], [1, 0, 0]], axis=1) @ robot.body_axes.T  # world <- root, ahead is x
        stand = flat @ robot.rest_rotations[foot]
        height = -float((stand @ sole.T)[2].min())
        place = self._placed(ankle)
        place[:, 2] = height + self._scale * (ankle[:, 2] - person.rest_height_m(f"{side}_ankle"))
        place, self._turned[foot] = planted_track(place, self._turned[foot], planted, stand, height, fps)
        self._points[foot] = above_floor(place, self._turned[foot], sole)
        stands = nearness(planted, fps)
        self._weights[foot] = FOOT_FREE + (FOOT_PLANTED - FOOT_FREE) * stands
        self._turn_weights[foot] = FOOT_TURN_FREE + (FOOT_TURN_PLANTED - FOOT_TURN_FREE) * stands

    def add_arm(self, side: str) -> None:
        """Elbow, palm and hand; a palm in contact goes to where it touches."""
        person, robot = self._person, self._robot
        shoulder_m = self._chest_m + self._turned["chest"] @ robot.rest_offset_m(f"{side}_shoulder", "chest")
        upper_m = robot.length_m(f"{side}_shoulder", f"{side}_elbow")
        lower_m = robot.length_m(f"{side}_elbow", f"{side}_palm")
        elbow, palm = person[f"{side}_elbow"], person.palm(side)
        self._points[f"{side}_elbow"] = shoulder_m + upper_m * _direction(person[f"{side}_shoulder"], elbow)
        self._points[f"{side}_palm"] = self._points[f"{side}_elbow"] + lower_m * _direction(elbow, palm)
        share = self._touch(side, palm)
        self._weights[f"{side}_palm"] = PALM_FREE + (PALM_HELD - PALM_FREE) * share
        self._weights[f"{side}_elbow"] = ELBOW * (1 - (1 - SOFT_ELBOW) * share)
        hand_axes = robot.hand_axes(side)
        if hand_axes is not None:
            hand = f"{side}_hand"
            self._turned[hand] = person.rotation(f"{side}_wrist") @ person.hand_axes(side) @ hand_axes.T
            self._turn_weights[hand] = HAND_TURN_FREE + (HAND_TURN_HELD - HAND_TURN_FREE) * share

    def _touch(self, side: str, palm: np.ndarray) -> np.ndarray:  # (T, 3) of the person -> (T,)
        """Draws the palm's target to what it touches; how much of a contact each frame has."""
        motion, radius_m = self._motion, self._robot.config.palm_radius_m
        share = np.zeros(motion.num_frames)
        self._held[f"{side}_hand"] = np.full((motion.num_frames, 3), np.nan)
        for contact in motion.contacts:
            if contact.hand == f"{side}_hand":
                at, out = _on_object(motion, contact, self._person, palm, self._scene_scale, radius_m)
                ramp = _ramp(contact, motion)
                self._points[f"{side}_palm"] += ramp[:, None] * (at - self._points[f"{side}_palm"])
                share = np.maximum(share, ramp)
                frames = slice(contact.start_frame, contact.end_frame)
                self._held[contact.hand][frames] = at[frames]
                first, last = contact.start_frame, contact.end_frame - 1
                self._touches.append(Touch(contact.hand, contact.object_name, first, last, out, ramp))
        return share

    def targets(self) -> Targets:
        return Targets(
            np.stack([self._points[p] for p in POINTS], axis=1),
            np.stack([self._weights[p] for p in POINTS], axis=1),
            np.stack([self._turned[p] for p in self._turn_weights], axis=1),
            np.stack([self._turn_weights[p] for p in self._turn_weights], axis=1),
            tuple(self._turn_weights),
            self._planted,
            self._held,
            self._scale,
            self._scene_scale,
            tuple(self._touches),
        )


def _direction(start_m: np.ndarray, end_m: np.ndarray) -> np.ndarray:  # (T, 3)
    along = end_m - start_m
    return along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)


def _centre_of_action(motion: HoiMotion) -> np.ndarray:  # (3,)
    """Floor under the object at the first touch: the fixed point when robot and scene differ in scale."""
    if not motion.contacts:
        return np.zeros(3)
    first = min(motion.contacts, key=lambda c: c.start_frame)
    thing = motion.object_named(first.object_name)
    return thing.T_world_object[first.start_frame, :3, 3] * [1, 1, 0]


def _ramp(contact: Contact, motion: HoiMotion) -> np.ndarray:  # (T,)
    """1 during the contact, smoothly to 0 within RAMP_S of it."""
    t = np.arange(motion.num_frames)
    away = np.maximum(contact.start_frame - t, t - (contact.end_frame - 1)).clip(0) / (RAMP_S * motion.fps)
    x = np.clip(1 - away, 0, 1)
    return x * x * (3 - 2 * x)


def _on_object(
    motion, contact: Contact, person: _Person, palm_m, scene_scale: float, radius_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the robot's palm (T, 3) that touches the scaled object where the person does; the way out there (T, 3).

    The touched point is the one nearest to the hand on the side of the surface that the person's palm is on.
    """
    thing = motion.object_named(contact.object_name)
    side = SIDE_OF_HAND[contact.hand]
    T = thing.T_world_object
    surface, normals = surface_points(thing.vertices_m, thing.faces)
    frames = np.arange(contact.start_frame, contact.end_frame)
    hand = np.stack([person[f"{side}_{p}"][frames] for p in TOUCHING], axis=1)
    local = np.einsum("tpj,tjk->tpk", hand - T[frames, None, :3, 3], T[frames, :3, :3])
    gaps = np.linalg.norm(local[len(frames) // 2, :, None] - surface, axis=-1)
    nearest = gaps.min(axis=1)
    close = nearest < nearest.min() + 0.01  # the parts of the hand that touch
    touch = np.median(local[:, close].mean(axis=1), axis=0)
    palm = np.median(np.einsum("tj,tjk->tk", palm_m[frames] - T[frames, :3, 3], T[frames, :3, :3]), axis=0)
    hidden = ((palm - surface) * normals).sum(axis=1) <= 0
    nearest = np.linalg.norm(surface - touch, axis=1) + np.where(hidden, 1.0, 0.0)
    which = nearest.argmin()
    centre = scene_scale * surface[which] + radius_m * normals[which]
    return scene_scale * T[:, :3, 3] + T[:, :3, :3] @ centre, T[:, :3, :3] @ normals[which]
