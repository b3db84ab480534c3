"""Pairs of scenes of one person that begin with the same picture: in each they take another one of equal objects.

Words and first frame are the same, and nobody looks at anything in it, so that nothing but the mask tells what will be
taken.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from training.scenes.camera import Filming
from training.scenes.conditions import TRAINING
from training.scenes.drawing import Stage
from training.scenes.layout import Crowded
from training.scenes.reach import Unreachable
from training.scenes.scene import (
    Plot,
    SceneError,
    SceneSample,
    Solo,
    among_things,
    choose_view,
    free_body,
    one_thread,
    sample_plot,
)

TARGETS_STREAM = 4000  # of random numbers, beside those of other scenes
CANDIDATES = {2: 0.3, 3: 0.35, 4: 0.35}  # numbers of equal objects, and their shares of the pairs
MAX_PAIR_ATTEMPTS = 1000
SAME_M = 1e-9  # first frames are the same but for rounding before they are made equal


def generate_pair_of_targets(
    seed: int,
    height: int,
    width: int,
    num_frames: int,
    fps: float = 8.0,
    num_candidates: int | None = None,
    supersampling: int = 2,
    with_depth: bool = False,
) -> SceneSample:
    """The scene of a seed; seeds 2n and 2n + 1 are the pair n. What happens does not depend on the size.

    Args:
        num_candidates: number of identical objects, at least 2; None varies it.

    Raises:
        SceneError: when no arrangement worked. ValueError: for one object, where there is nothing to choose.
    """
    if num_candidates == 1:
        raise ValueError("num_candidates is 1: a pair needs two objects to choose from")
    filming = Filming((height, width), num_frames, fps, supersampling, with_depth)
    return _pair(seed // 2, filming, num_candidates)[seed % 2]


@lru_cache(maxsize=1)
def _pair(number: int, filming: Filming, num_candidates: int | None) -> tuple[SceneSample, SceneSample]:
    rng = np.random.default_rng([number, TARGETS_STREAM])
    drawn = int(rng.choice(list(CANDIDATES), p=list(CANDIDATES.values())))
    plot = sample_plot(2 * number, num_candidates or drawn)
    ranks = rng.choice(plot.num_candidates, size=2, replace=False)
    with one_thread():
        for attempt in range(MAX_PAIR_ATTEMPTS):
            try:
                return _attempt(number, plot, ranks, np.random.default_rng([number, TARGETS_STREAM, attempt]), filming)
            except (Unreachable, Crowded):
                continue
    raise SceneError(f"pair {number}: no valid scenes in {MAX_PAIR_ATTEMPTS} attempts")


def _attempt(
    number: int, plot: Plot, ranks: np.ndarray, rng: np.random.Generator, filming: Filming
) -> tuple[SceneSample, SceneSample]:
    """Raises: Unreachable, Crowded."""
    among = among_things(plot, TRAINING, rng, free_body())
    targets = [among.from_right[rank] for rank in ranks]
    one, other = (among.acting(target, plot.verb, rng, filming.num_frames, looking=0) for target in targets)
    other = _from_the_same_start(other, one)
    camera = choose_view([one, other], rng, TRAINING, filming.size_px)
    light = int(rng.integers(2**31))
    first, second = (
        solo.filmed(Stage(solo.props, camera, filming.supersampling, light), camera, filming, 2 * number + n, number)
        for n, solo in enumerate((one, other))
    )
    return first, second


def _from_the_same_start(solo: Solo, other: Solo) -> Solo:
    """The act with the first frame of the other."""
    if not np.allclose(solo.vertices[0], other.vertices[0], rtol=0, atol=SAME_M):
        raise AssertionError("the acts of a pair begin differently")
    pose, transl, transforms = (a.copy() for a in (solo.motion.pose_rad, solo.motion.transl_m, solo.transforms))
    pose[0], transl[0], transforms[0] = other.motion.pose_rad[0], other.motion.transl_m[0], other.transforms[0]
    motion = replace(solo.motion, pose_rad=pose, transl_m=transl)
    vertices = [other.vertices[0], *solo.vertices[1:]]
    return replace(solo, motion=motion, transforms=transforms, vertices=vertices)
