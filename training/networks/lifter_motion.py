"""Motion for training the lifter, without pictures: people who reach as in our scenes, people in random poses, people
who walk and turn, and people who move as somebody was recorded."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.skinning import ShapedBody
from hoi_motion.lift.person.priors import HIGHEST_RAD, LOWEST_RAD, REST_POSE_RAD, SPREAD_RAD, rest_hands_rad
from hoi_motion.rigid import minimum_jerk
from training.scenes.figure import sample_figure
from training.scenes.grasp import HandModel
from training.scenes.layout import Crowded, sample_layout
from training.scenes.posture import JOINT, R_WORLD_BODY, SIDES, standing_skeleton
from training.scenes.reach import VERBS, Unreachable, animate, plan_reach
from training.scenes.recorded_motion import Segment, followed, recorded
from training.scenes.scene import HELD_OUT_SEED, free_body

FRAMES = 49
CLIP_SECONDS = 3.2
LEG_M = 0.85
FLOOR_SHARE = 0.3
REACHES_OF_A_FIGURE = 8


@dataclass(frozen=True)
class Clip:
    """pose_rad (FRAMES, 55, 3), transl_m (FRAMES, 3), betas (10,) in a world with z up; the person faces about +x."""

    pose_rad: np.ndarray
    transl_m: np.ndarray
    betas: np.ndarray


def reaches(count: int, seed: int = 0):
    """Yields `count` clips of people who reach for things on tables and on the floor.

    Figures, layouts and grasps come from the scenes' own samplers, in streams that no scene uses.
    """
    rng, body, done = np.random.default_rng([seed, HELD_OUT_SEED, 1]), free_body(), 0
    while done < count:
        figure = sample_figure(body, rng)
        skeleton = standing_skeleton(figure.body, rng.uniform(0.09, 0.13))
        hands = {side: HandModel(body, figure.body, skeleton, side) for side in SIDES}
        for _ in range(REACHES_OF_A_FIGURE):
            try:
                layout = sample_layout(rng, figure.height_m, 1, 0, bool(rng.random() < FLOOR_SHARE))
                reach = plan_reach(skeleton, hands, layout, 0, str(rng.choice(list(VERBS))), rng)
                motion = animate(skeleton, layout, reach, FRAMES)
            except (Unreachable, Crowded):
                continue
            done += 1
            yield Clip(motion.pose_rad, motion.transl_m, figure.betas)
            if done == count:
                return


def random_poses(count: int, seed: int = 0):
    """Yields `count` clips that go smoothly through two to six random poses within the joint limits."""
    rng = np.random.default_rng([seed, HELD_OUT_SEED, 2])
    for _ in range(count):
        keys = int(rng.integers(2, 7))
        wild = rng.uniform(0.4, 1.1)
        body = np.clip(REST_POSE_RAD + wild * SPREAD_RAD * rng.normal(size=(keys, 21, 3)), LOWEST_RAD, HIGHEST_RAD)
        if rng.random() < 0.35:
            # crouching or sitting: both hips and knees bend alike
            deep = rng.uniform(0.3, 1.0, keys)
            body[:, [0, 1], 0] = -2.0 * deep[:, None] + 0.15 * rng.normal(size=(keys, 2))
            body[:, [3, 4], 0] = 2.1 * deep[:, None] + 0.15 * rng.normal(size=(keys, 2))
        lean = np.clip(rng.normal(0.1, 0.25, keys) + (rng.random() < 0.3) * rng.uniform(0, 1.2, keys), -0.4, 1.5)
        yaw = np.cumsum(rng.normal(0, 0.3, keys))
        angles = np.column_stack([yaw, lean, rng.normal(0, 0.1, keys)])
        root = Rotation.from_euler("zyx", angles).as_matrix() @ R_WORLD_BODY
        pose = np.zeros((keys, 55, 3))
        pose[:, 0], pose[:, 1:22] = _near_each_other(Rotation.from_matrix(root).as_rotvec()), body
        pose[:, 25:] = rest_hands_rad() * rng.uniform(0.3, 2.0)
        place = np.cumsum(rng.normal(0, 0.1, (keys, 3)) * [1, 1, 0.3], axis=0)
        at = np.linspace(0, keys - 1, FRAMES)
        low = np.minimum(at.astype(int), keys - 2)
        share = minimum_jerk(at - low)
        between = lambda v: v[low] + share.reshape(-1, *[1] * (v.ndim - 1)) * (v[low + 1] - v[low])  # noqa: E731
        yield Clip(between(pose), between(place), rng.normal(0, 0.7, 10))


def _near_each_other(turns_rad: np.ndarray) -> np.ndarray:  # (K, 3) -> (K, 3)
    """The same rotations as vectors of which each is as near as can be to the one before, for going from one to the
    next: of two that turn by nearly half a circle about opposite axes, the way between would lead through none."""
    near = turns_rad.copy()
    for i in range(1, len(near)):
        other = near[i] * (1 - 2 * np.pi / max(np.linalg.norm(near[i]), 1e-9))  # the other way round
        near[i] = min(near[i], other, key=lambda turn: np.linalg.norm(turn - near[i - 1]))
    return near


def walks(count: int, seed: int = 0):
    """Yields `count` clips of people who walk, set out, stop and turn, with swinging or busy arms."""
    rng = np.random.default_rng([seed, HELD_OUT_SEED, 4])
    time_s = np.linspace(0, CLIP_SECONDS, FRAMES)
    for _ in range(count):
        # how wide the steps are over time: who sets out or stops changes it
        width = np.deg2rad(rng.uniform(4, 32)) * np.ones(FRAMES)
        if rng.random() < 0.4:
            width *= np.clip((time_s - rng.uniform(-0.5, 1.5)) / 0.7, 0, 1)[:: rng.choice([-1, 1])]
        strides_s = rng.uniform(0.5, 1.1)
        phase = rng.uniform(0, 2 * np.pi) + 2 * np.pi * strides_s * time_s
        yaw = np.cumsum(np.full(FRAMES, rng.normal(0, 0.6) * (rng.random() < 0.6) * CLIP_SECONDS / FRAMES))
        yaw += rng.normal(0, 0.4) if rng.random() < 0.5 else rng.uniform(-np.pi, np.pi)
        body = np.tile(REST_POSE_RAD.astype(float), (FRAMES, 1, 1))
        body += 0.35 * SPREAD_RAD * rng.normal(size=(21, 3))
        swing = rng.uniform(0.2, 1.2)
        deep = rng.uniform(0, 0.6) * (rng.random() < 0.25)  # some walk with bent legs
        for side, sign, shift in (("left", 1, 0.0), ("right", -1, np.pi)):
            at = phase + shift
            hip = width * (np.sin(at) + rng.uniform(0.0, 0.35)) + deep
            lifted = np.exp(-(_wrapped(at + 0.6) ** 2) / (2 * 0.65**2))
            knee = 0.08 + 0.25 * width + 2.2 * width * lifted + 1.9 * deep
            body[:, JOINT[f"{side}_hip"] - 1, 0] = -hip + 0.05 * rng.normal()
            body[:, JOINT[f"{side}_knee"] - 1, 0] = knee
            body[:, JOINT[f"{side}_ankle"] - 1, 0] = 0.35 * width * np.cos(at) - 0.8 * deep
            if rng.random() < 0.75:
                down = Rotation.from_euler("z", -sign * rng.uniform(1.1, 1.4))
                turned = Rotation.from_euler("x", (swing * width * np.sin(at))[:, None]) * down
                body[:, JOINT[f"{side}_shoulder"] - 1] = turned.as_rotvec()
                body[:, JOINT[f"{side}_elbow"] - 1] = [0, -sign * rng.uniform(0.1, 0.7), 0]
        lean = np.full(FRAMES, rng.normal(0.06, 0.1))
        pose = np.zeros((FRAMES, 55, 3))
        sway = 0.12 * width * np.cos(phase)
        turned = Rotation.from_euler("zyx", np.column_stack([yaw + sway, lean, 0.3 * sway])).as_matrix() @ R_WORLD_BODY
        pose[:, 0], pose[:, 1:22] = Rotation.from_matrix(turned).as_rotvec(), body
        pose[:, 25:] = rest_hands_rad()
        speed = 4 * LEG_M * np.sin(width) * strides_s * rng.uniform(0.8, 1.1)
        way = np.cumsum(np.column_stack([np.cos(yaw), np.sin(yaw)]) * speed[:, None], axis=0) * CLIP_SECONDS / FRAMES
        bob = 0.03 * width / 0.4 * np.cos(2 * phase)
        yield Clip(pose, np.column_stack([way, bob]), rng.normal(0, 0.7, 10))


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def recordings(count: int, pieces: list[Segment], seed: int = 0):
    """Yields `count` clips of figures that move as in segments of recordings, each as often as it is long."""
    rng, model = np.random.default_rng([seed, HELD_OUT_SEED, 5]), free_body()
    for i in range(count):
        piece = pieces[i * len(pieces) // count]  # one after the other: a recording takes long to read
        motion = recorded(piece.path)
        length = min(round(CLIP_SECONDS * motion.fps), piece.count - 1)
        start = piece.start + int(rng.integers(piece.count - length))
        frames = start + np.round(np.linspace(0, length, FRAMES)).astype(int)
        betas = rng.normal(0, 0.7, 10)
        pose_rad, transl_m = followed(motion, ShapedBody(model, betas), frames)
        # as often about in front of the camera as anywhere
        ahead = Rotation.from_rotvec(pose_rad[:, 0]).as_matrix()[:, :2, 2].mean(0)
        wanted = rng.normal(0, 0.4) if rng.random() < 0.5 else rng.uniform(-np.pi, np.pi)
        turn = Rotation.from_euler("z", wanted - np.arctan2(ahead[1], ahead[0]))
        place = turn.apply(transl_m - transl_m[0])  # the pelvis' way; where the whole stands does not matter
        pose_rad[:, 0] = (turn * Rotation.from_rotvec(pose_rad[:, 0])).as_rotvec()
        yield Clip(pose_rad, place, betas)
