"""Walking on level ground: where the body goes, and feet that stand, are lifted and set down one after the other."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.change import turned
from hoi_motion.rigid import R_about_z, minimum_jerk, moved_back, standing_at
from training.scenes.posture import SIDES, Skeleton

STEP_M = 0.38
STEP_RAD = 0.55
"""One step goes or turns by this at most."""
LIFT_M = 0.07
BENT_M = 0.045
"""The pelvis is this much lower while walking: a leg that is ahead is further from it."""


@dataclass(frozen=True)
class Walk:
    """The path of a body and of its feet.

    Attributes:
        T_world_body: (T, 4, 4) of the body, on the ground under the pelvis, x ahead.
        ankles_m: (T, 3) by side, in the world; feet_yaw_rad: (T,) by side; bent: (T,) 0..1 how much they walk.
    """

    T_world_body: np.ndarray
    ankles_m: dict[str, np.ndarray]
    feet_yaw_rad: dict[str, np.ndarray]
    bent: np.ndarray

    def __len__(self) -> int:
        return len(self.T_world_body)

    def then(self, other: "Walk") -> "Walk":
        return Walk(
            np.concatenate([self.T_world_body, other.T_world_body]),
            {side: np.concatenate([self.ankles_m[side], other.ankles_m[side]]) for side in SIDES},
            {side: np.concatenate([self.feet_yaw_rad[side], other.feet_yaw_rad[side]]) for side in SIDES},
            np.concatenate([self.bent, other.bent]),
        )

    def raised(self, height_m: float) -> "Walk":
        """The same on ground that is so much higher."""
        up = np.array([0.0, 0.0, height_m])
        T = self.T_world_body.copy()
        T[:, :3, 3] += up
        return replace(self, T_world_body=T, ankles_m={side: at + up for side, at in self.ankles_m.items()})


def stand(skeleton: Skeleton, count: int, place_m=(0.0, 0.0), heading_rad: float = 0.0) -> Walk:
    """Standing still for some frames."""
    T = np.tile(standing_at((*place_m, 0.0), heading_rad), (count, 1, 1))
    ankles = {side: T[:, :3, :3] @ skeleton.ankles_m[side] + T[:, :3, 3] for side in SIDES}
    return Walk(T, ankles, {side: np.full(count, heading_rad) for side in SIDES}, np.zeros(count))


def walk(skeleton: Skeleton, count: int, start_m, start_rad: float, end_m, end_rad: float, first: str = "left") -> Walk:
    """From one place and heading to another, in frames whose last one is the end: turn, go, turn.

    Args:
        start_m, end_m: (2,); first: side of the foot that steps first.
    """
    start_m, end_m = np.array(start_m, float), np.array(end_m, float)
    way_m = end_m - start_m
    along = float(np.arctan2(way_m[1], way_m[0])) if np.linalg.norm(way_m) > 0.05 else start_rad
    turns = np.array([_short(along - start_rad), _short(end_rad - along)])
    weights = np.array([abs(turns[0]) / STEP_RAD, np.linalg.norm(way_m) / STEP_M, abs(turns[1]) / STEP_RAD])
    knots = np.concatenate([[0], np.cumsum(weights)]) / max(weights.sum(), 1e-9)

    def body(share) -> tuple[np.ndarray, np.ndarray]:
        """Places (N, 2) and headings (N,) after shares (N,) of the way; turns overlap with going."""
        share = np.atleast_1d(np.clip(share, 0, 1))
        part = [_smooth((share - a) / max(b - a, 1e-6)) if b > a else np.ones(len(share)) for a, b in _pairs(knots)]
        gone = (share - knots[1]) / max(knots[2] - knots[1], 1e-6)
        place = start_m + np.clip(gone, 0, 1)[:, None] * way_m
        return place, start_rad + part[0] * turns[0] + part[2] * turns[1]

    steps = max(2, int(np.ceil(weights.sum())) + 1)
    time = (np.arange(count) + 1) / count
    eased = 0.5 * time + 0.5 * minimum_jerk(time)
    place, heading = body(eased)
    T = np.stack([standing_at((*p, 0.0), h) for p, h in zip(place, heading)])
    ankles, yaws = {}, {}
    for side in SIDES:
        begins = range(0 if side == first else 1, steps, 2)
        at, yaw = np.tile(start_m, (count, 1)), np.full(count, start_rad)
        lift = np.zeros(count)
        for k in begins:
            share = np.clip(eased * steps - k, 0, 1)
            # a foot is set down ahead of where the body is then
            target, target_yaw = body((k + 1.5) / steps if k < steps - 2 else 1.0)
            moves = minimum_jerk(share)
            at = at + moves[:, None] * (target[0] - at)
            yaw = yaw + moves * (target_yaw[0] - yaw)
            lift = lift + LIFT_M * np.sin(np.pi * share) * (share > 0) * (share < 1)
        feet = np.stack([R_about_z(a) for a in yaw]) @ skeleton.ankles_m[side]
        ankles[side] = feet + np.column_stack([at, lift])
        yaws[side] = yaw
    bent = np.minimum(minimum_jerk(time / 0.15), 1 - minimum_jerk((time - 0.85) / 0.15))
    return Walk(T, ankles, yaws, bent)


def striding(skeleton: Skeleton, path: Walk) -> Skeleton:
    """The skeleton with the feet of every frame, in the body's own frame."""
    ankles, feet = {}, {}
    for side in SIDES:
        ankles[side] = np.stack([moved_back(T, p) for T, p in zip(path.T_world_body, path.ankles_m[side])])
        yaw = path.feet_yaw_rad[side] - np.arctan2(path.T_world_body[:, 1, 0], path.T_world_body[:, 0, 0])
        feet[side] = np.stack([R_about_z(a) for a in yaw]) @ skeleton.feet_rotation[side]
    return replace(skeleton, ankles_m=ankles, feet_rotation=feet)


def in_world(
    pose_rad: np.ndarray, transl_m: np.ndarray, rest_pelvis_m: np.ndarray, T_world_body: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses (T, 55, 3) and translations (T, 3) of the body's own frame, in the world."""
    pose = pose_rad.copy()
    pelvis = transl_m + rest_pelvis_m
    for t, T in enumerate(T_world_body):
        pose[t, :1] = turned(pose_rad[t, :1], T[:3, :3])
        pelvis[t] = T[:3, :3] @ pelvis[t] + T[:3, 3]
    return pose, pelvis - rest_pelvis_m


def _pairs(knots: np.ndarray):
    return zip(knots[:-1], knots[1:])


def _smooth(x):
    return minimum_jerk(np.asarray(x, float))


def _short(angle: float) -> float:
    return float(Rotation.from_euler("z", angle).as_rotvec()[2])
