"""What a wider scene's person does: what a seed is about, and the act itself, without anything drawn."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.body import BodyModel
from training.scenes.afterwards import (
    DRINKS,
    FOOT_UP,
    KINDS,
    LATER_KINDS,
    PUTS_BACK,
    SEAT_BACK_M,
    SITTING,
    WALKS_UP,
    Acted,
    having_taken,
    putting_back,
    reaching,
    walking_up,
)
from training.scenes.conditions import Conditions
from training.scenes.figure import Figure
from training.scenes.foot_off_floor import stool
from training.scenes.grasp import HandModel
from training.scenes.layout import Layout, sample_counts, sample_layout
from training.scenes.posture import SIDES, standing_skeleton
from training.scenes.reach import VERBS, Motion, Reach, Unreachable, animate, plan_reach, reachable

VERSIONS = {1: KINDS, 2: KINDS + LATER_KINDS}
"""Kinds of scenes by version."""
MOST_CANDIDATES = 3
DRINKABLE = ("mug", "can", "bottle", "jar")
WALK_SHARE = 0.4
AFTER_SHARE = 0.42
"""Of the frames, for walking up and for what comes after the reach."""
WALK_UP_SHARE = 0.5
BYSTANDER_SHARE = 0.4
PAN_SHARE = 0.4
"""Of the scenes."""
START_M = (0.9, 1.5)
START_RAD = (1.9, np.pi)
AWAY_M = (0.8, 1.2)
AWAY_RAD = (1.7, 2.7)
SEAT_M = (0.40, 0.48)
SEAT_SIZE_M = np.array([0.40, 0.46])
STOOL_M = (0.14, 0.30)


@dataclass(frozen=True)
class Plot:
    """What a scene is about, the same in every attempt at it."""

    kind: str
    verb: str
    walks: bool
    bystander: bool
    pans: bool
    candidates: int
    others: int
    patterned: bool


@dataclass(frozen=True)
class Act:
    """What one person does among things.

    Attributes:
        reach: to its target, an index into the layout's objects; reached: that part of the act, before the walk up and
            what comes after.
        done: all of it.
        blocks: size and centre (3,) of what the person sits or steps on.
    """

    layout: Layout
    reach: Reach
    reached: Motion
    done: Acted
    blocks: dict[str, tuple[np.ndarray, np.ndarray]]


def sample_plot(rng: np.random.Generator, kind: str | None, version: int) -> Plot:
    """A plot of a kind, or of any kind that the version of the wider world has."""
    drawn = str(rng.choice(VERSIONS[version]))
    verb = str(rng.choice(list(VERBS), p=list(VERBS.values())))
    walks, bystander, pans = (bool(c) for c in rng.random(3) < [WALK_UP_SHARE, BYSTANDER_SHARE, PAN_SHARE])
    kind = kind or drawn
    candidates, others = sample_counts(rng, None)
    verb = verb if kind == WALKS_UP else "picks up"
    # the seat stands where people come from
    walks = kind == WALKS_UP or (walks and kind not in SITTING)
    return Plot(kind, verb, walks, bystander, pans, min(candidates, MOST_CANDIDATES), others, version > 1)


def sample_act(plot: Plot, rng: np.random.Generator, body: BodyModel, figure: Figure, num_frames: int) -> Act:
    """An arrangement of things, and what the figure does there in so many frames. Collisions are not looked for.

    Raises:
        Crowded: when the things find no room.
        Unreachable: when the figure cannot do it.
    """
    names = DRINKABLE if plot.kind == DRINKS else None
    layout = sample_layout(rng, figure.height_m, plot.candidates, plot.others, conditions=Conditions(names=names))
    skeleton = standing_skeleton(figure.body, rng.uniform(0.09, 0.13))
    hands = {side: HandModel(body, figure.body, skeleton, side) for side in SIDES}
    target = int(rng.choice(layout.candidates))
    for candidate in layout.candidates:
        reachable(skeleton, hands, layout, candidate)
    reach = plan_reach(skeleton, hands, layout, target, plot.verb, rng)
    seat_m = float(rng.uniform(*SEAT_M))
    leg, stool_m = _leg_and_stool(rng, layout) if plot.kind in LATER_KINDS else ("left", 0.0)
    blocks = {"seat": _seat(seat_m)} if plot.kind in SITTING else {}
    blocks |= {"stool": stool(leg, stool_m)} if plot.kind == FOOT_UP else {}
    how = dict(seat_m=seat_m, leg=leg, stool_m=stool_m)
    reached, done = _acted(plot, rng, skeleton, layout, reach, num_frames, how)
    return Act(layout, reach, reached, done, blocks)


def _acted(plot, rng, skeleton, layout, reach: Reach, num_frames: int, how: dict) -> tuple[Motion, Acted]:
    """The reach; and walking up, reaching, and what comes after, in as many frames as the clip has."""
    before = round(WALK_SHARE * num_frames) if plot.walks else 0
    after = 0 if plot.kind == WALKS_UP else round(AFTER_SHARE * (num_frames - before))
    reached = animate(skeleton, layout, reach, num_frames - before - after)
    done = reaching(skeleton, reached)
    if plot.kind == PUTS_BACK:
        done = done.then(putting_back(done, after))
    elif plot.kind != WALKS_UP:
        angle = rng.uniform(*AWAY_RAD) * rng.choice([-1, 1])
        away = rng.uniform(*AWAY_M) * np.array([np.cos(angle), np.sin(angle)])
        done = done.then(having_taken(skeleton, layout, reach, plot.kind, after, away_m=away, **how))
    if before:
        angle = rng.uniform(*START_RAD) * rng.choice([-1, 1])
        start = rng.uniform(*START_M) * np.array([np.cos(angle), np.sin(angle)])
        first = str(rng.choice(list(SIDES)))
        done = walking_up(skeleton, layout, reach.target, before, start, first).then(done)
    return reached, done


def _seat(seat_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Size and centre (3,) of a block to sit on, behind the person."""
    size = np.array([*SEAT_SIZE_M, seat_m])
    return size, np.array([-SEAT_BACK_M - 0.02, 0.0, seat_m / 2])


def _leg_and_stool(rng: np.random.Generator, layout: Layout) -> tuple[str, float]:
    """Which leg goes up, and how high a stool beside the person is.

    Raises:
        Unreachable: when the table stands where the stool would.
    """
    leg, height_m = str(rng.choice(list(SIDES))), float(rng.uniform(*STOOL_M))
    size, centre = stool(leg, height_m)
    apart = np.abs(centre[:2] - layout.area_centre_m) - (layout.area_size_m + size[:2]) / 2
    if apart.max() < 0:
        raise Unreachable("no room for a stool")
    return leg, height_m
