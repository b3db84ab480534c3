"""Motion for training the lifter, without pictures: people who reach as in our scenes, and people in random poses."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.lift.person.priors import HIGHEST_RAD, LOWEST_RAD, REST_POSE_RAD, SPREAD_RAD, rest_hands_rad
from hoi_motion.rigid import minimum_jerk
from training.scenes.figure import sample_figure
from training.scenes.grasp import HandModel
from training.scenes.layout import Crowded, sample_layout
from training.scenes.posture import R_WORLD_BODY, SIDES, standing_skeleton
from training.scenes.reach import VERBS, Unreachable, animate, plan_reach
from training.scenes.scene import HELD_OUT_SEED, free_body

FRAMES = 33
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
    """Yields `count` clips that go smoothly through two to four random poses within the joint limits."""
    rng = np.random.default_rng([seed, HELD_OUT_SEED, 2])
    for _ in range(count):
        keys = int(rng.integers(2, 5))
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
        pose[:, 0], pose[:, 1:22] = Rotation.from_matrix(root).as_rotvec(), body
        pose[:, 25:] = rest_hands_rad() * rng.uniform(0.3, 2.0)
        place = np.cumsum(rng.normal(0, 0.1, (keys, 3)) * [1, 1, 0.3], axis=0)
        at = np.linspace(0, keys - 1, FRAMES)
        low = np.minimum(at.astype(int), keys - 2)
        share = minimum_jerk(at - low)
        between = lambda v: v[low] + share.reshape(-1, *[1] * (v.ndim - 1)) * (v[low + 1] - v[low])  # noqa: E731
        yield Clip(between(pose), between(place), rng.normal(0, 0.7, 10))
