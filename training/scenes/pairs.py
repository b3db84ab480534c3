"""Pairs of scenes that begin with the same picture: who acts in one stands by, or answers, in the other.

In the first frame nobody looks at anything or sways, so that nothing but the marks tells who will act. Hand-overs make
no pairs: what both could give to each other lies within the easy reach of neither.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from hoi_motion.body import BodyModel
from training.scenes.camera import Filming
from training.scenes.company import (
    MAX_COMPANY_ATTEMPTS,
    SPREAD_M,
    Plot,
    arranged,
    nearer_to_companion,
    sample_people,
)
from training.scenes.conditions import Conditions
from training.scenes.doings import TWO_VERBS, WHICH_ACTOR
from training.scenes.drawing import Props, Stage
from training.scenes.layout import Crowded, Layout, sample_layout
from training.scenes.reach import VERBS, Unreachable
from training.scenes.scene import SceneError, SceneSample, free_body, one_thread
from training.scenes.take import Take, choose_view, recorded
from training.scenes.together import Part, Person, Play, both_act, one_acts

PAIR_STREAM = 3000  # of random numbers, beside those of other scenes with company
KIND_SHARES = {WHICH_ACTOR: 0.8, TWO_VERBS: 0.2}
ALIKE_SHARE = 0.75  # of the pairs: the same noun and shirt, so that words do not tell who acts
SAME_M = 1e-9  # first frames are the same but for rounding before they are made equal


def generate_paired_scene(
    seed: int,
    height: int,
    width: int,
    num_frames: int,
    fps: float = 8.0,
    num_candidates: int | None = None,
    supersampling: int = 2,
    with_depth: bool = False,
    kind: str | None = None,
) -> SceneSample:
    """The scene of a seed; seeds 2n and 2n + 1 are the pair n. What happens does not depend on the size.

    Args:
        num_candidates: number of identical objects to choose from (1 or 2), None varies it.
        kind: one of KIND_SHARES, None varies it in those shares.

    Raises:
        SceneError: when no arrangement worked.
    """
    filming = Filming((height, width), num_frames, fps, supersampling, with_depth)
    return _pair(seed // 2, filming, num_candidates, kind)[seed % 2]


@lru_cache(maxsize=1)
def _pair(
    number: int, filming: Filming, num_candidates: int | None, kind: str | None
) -> tuple[SceneSample, SceneSample]:
    with one_thread():
        body = free_body()
        plot = _sample_plot(number, num_candidates, kind)
        for attempt in range(MAX_COMPANY_ATTEMPTS):
            rng = np.random.default_rng([number, PAIR_STREAM, attempt])
            try:
                takes, layout = _takes(plot, rng, body, filming.num_frames)
                props = Props(layout)
                camera = choose_view(rng, plot.kind, body, takes, props, filming.size_px)
            except (Unreachable, Crowded):
                continue
            light = int(rng.integers(2**31))
            stage = Stage(props, camera, filming.supersampling, light)
            return tuple(
                take.filmed(stage, body, camera, filming, 2 * number + n, number) for n, take in enumerate(takes)
            )
    raise SceneError(f"pair {number}: no valid scenes in {MAX_COMPANY_ATTEMPTS} attempts")


def _sample_plot(number: int, num_candidates: int | None, kind: str | None) -> Plot:
    rng = np.random.default_rng([number, PAIR_STREAM])
    drawn_kind = str(rng.choice(list(KIND_SHARES), p=list(KIND_SHARES.values())))
    kind = kind or drawn_kind
    alike, side = bool(rng.random() < ALIKE_SHARE), int(rng.choice([-1, 1]))
    candidates = num_candidates or int(rng.choice([1, 2], p=[0.35, 0.65]))
    others = max(int(rng.integers(0, 2)), 2 - candidates if kind == TWO_VERBS else 0)
    first = str(rng.choice(list(VERBS), p=list(VERBS.values())))
    second = str(rng.choice([verb for verb in VERBS if verb != first]))
    ranks = candidates - 1 if kind == TWO_VERBS and not others else candidates
    return Plot(kind, alike, side, candidates, others, int(rng.integers(ranks)), (first, second))


def _takes(plot: Plot, rng: np.random.Generator, body: BodyModel, num_frames: int) -> tuple[list[Take], Layout]:
    """Both plays of a pair on one stage.

    Raises:
        Unreachable, Crowded.
    """
    figures = sample_people(plot, rng, body)
    mean_height_m = (figures[0].height_m + figures[1].height_m) / 2
    conditions = Conditions(spread_m=SPREAD_M[plot.kind])
    layout = sample_layout(rng, mean_height_m, plot.candidates, plot.others, conditions=conditions)
    target = sorted(layout.candidates, key=lambda c: plot.side * layout.objects[c].T_world[1, 3])[plot.target_rank]
    layout, T_other = arranged(layout, plot, target, rng)
    one = Person.standing(body, figures[0], np.eye(4), rng)
    other = Person.standing(body, figures[1], T_other, rng)
    others_target = nearer_to_companion(layout, target, plot.side, rng) if plot.kind == TWO_VERBS else None
    draws = int(rng.integers(2**31))  # of both plays, so that they differ in who acts alone
    first = _play(plot, one, other, layout, (target, others_target), num_frames, np.random.default_rng(draws))
    # the same from where the other one stands, brought back afterwards
    there = other.seen(layout)
    here = replace(other, T_world=np.eye(4)), replace(one, T_world=np.linalg.inv(T_other))
    targets = (others_target, target) if plot.kind == TWO_VERBS else (target, None)
    second = _play(plot, *here, there, targets, num_frames, np.random.default_rng(draws))
    second = _from_the_same_start(_in_world(second, (other, one), T_other), first)
    takes = [
        recorded(body, layout, plot.kind, (one, other), first, (target, others_target), plot.verbs),
        recorded(body, layout, plot.kind, (other, one), second, targets, plot.verbs),
    ]
    return takes, layout


def _play(plot: Plot, actor: Person, companion: Person, layout: Layout, targets, num_frames: int, rng) -> Play:
    """Raises: Unreachable."""
    if plot.kind == WHICH_ACTOR:
        return one_acts(actor, companion, layout, targets[0], plot.verbs[0], num_frames, rng, looking=0)
    return both_act(actor, companion, layout, targets, plot.verbs, num_frames, rng, looking=0)


def _in_world(play: Play, people: tuple[Person, Person], T: np.ndarray) -> Play:
    """A play that was made in the frame of a pose T (4, 4)."""
    parts = [
        Part(*person.moved(T, part.pose_rad, part.transl_m), part.reach)
        for person, part in zip(people, (play.actor, play.companion))
    ]
    return Play(*parts, {index: T @ poses for index, poses in play.moving.items()})


def _from_the_same_start(play: Play, other: Play) -> Play:
    """The play with the first frame of the other, in which the parts are exchanged."""
    parts = []
    for part, start in ((play.actor, other.companion), (play.companion, other.actor)):
        if not np.allclose(part.transl_m[0], start.transl_m[0], rtol=0, atol=SAME_M):
            raise AssertionError("the plays of a pair begin differently")
        pose, transl = part.pose_rad.copy(), part.transl_m.copy()
        pose[0], transl[0] = start.pose_rad[0], start.transl_m[0]
        parts.append(replace(part, pose_rad=pose, transl_m=transl))
    return Play(*parts, {i: np.concatenate([p[:1], play.moving[i][1:]]) for i, p in other.moving.items()})
