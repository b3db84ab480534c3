"""What a wider scene's person does: what a seed is about, and the act itself, without anything drawn."""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body import BodyModel
from training.scenes.afterwards import (
    BOTH_HANDS,
    DRINKS,
    FOOT_UP,
    KINDS,
    LATER_KINDS,
    LATEST_KINDS,
    PUTS_BACK,
    SEAT_BACK_M,
    SITTING,
    STEPS_UP,
    WALKS_UP,
    Acted,
    Afterwards,
    having_taken,
    having_taken_with_both,
    putting_back,
    reaching,
    walking_up,
)
from training.scenes.both_hands import FURTHER_M, LARGER, NAMES, plan_reach_of_both
from training.scenes.conditions import Conditions
from training.scenes.figure import Figure
from training.scenes.foot_off_floor import stool
from training.scenes.grasp import HandModel
from training.scenes.layout import Layout, sample_counts, sample_layout
from training.scenes.posture import SIDES, Skeleton, standing_skeleton
from training.scenes.reach import VERBS, Motion, Reach, Unreachable, animate, plan_reach, reachable
from training.scenes.steps import BEFORE_M, step_block, stepping_up
from training.scenes.walking import Walk, stand, walk

VERSIONS = {1: KINDS, 2: KINDS + LATER_KINDS, 3: KINDS + LATER_KINDS + LATEST_KINDS}
"""Kinds of scenes by version."""
MOST_CANDIDATES = 3
DRINKABLE = ("mug", "can", "bottle", "jar")
# shares of a clip's frames: walking up; of the rest, what comes after the reach
WALK_SHARE = 0.4
AFTER_SHARE = 0.42
# shares of the scenes in which the person walks up, somebody stands by, the camera pans
WALK_UP_SHARE = 0.5
BYSTANDER_SHARE = 0.4
PAN_SHARE = 0.4
# where people come from who walk up, and where they carry things: distance, and angle from straight ahead
START_M = (0.9, 1.5)
START_RAD = (1.9, np.pi)
AWAY_M = (0.8, 1.2)
AWAY_RAD = (1.7, 2.7)
# share of the things taken with both hands that are carried away
CARRIED_SHARE = 0.5
# heights of a seat, a stool and a step, and a seat's sides
SEAT_M = (0.40, 0.48)
SEAT_SIZE_M = np.array([0.40, 0.46])
STOOL_M = (0.14, 0.30)
STEP_M = (0.14, 0.32)
# shares of a clip's frames: going to a step and up; of the rest, what comes after the reach, for people who stay up and
# for those who go down again, for which shorter clips have no time
STEP_SHARE = 0.4
STAND_SHARE = 0.4
DOWN_SHARE = 0.5
DOWN_FRAMES = 36
# where people come from who walk to a step: distance from it, and angle from straight behind it
STEP_START_M = (0.3, 0.6)
STEP_START_RAD = 0.6


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
        reach: to its target, an index into the layout's objects, above the ground that the person stands on then;
            reached: that part of the act, before the walk up and what comes after.
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
    if kind == BOTH_HANDS:
        candidates, others = 1, min(others, 1)  # large things need room
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
    conditions = Conditions(names=DRINKABLE if plot.kind == DRINKS else None)
    if plot.kind == BOTH_HANDS:
        larger = (float(rng.uniform(*LARGER)),) * 3
        conditions = Conditions(names=NAMES, target_factors=larger, further_m=FURTHER_M)
    layout = sample_layout(rng, figure.height_m, plot.candidates, plot.others, conditions=conditions)
    skeleton = standing_skeleton(figure.body, rng.uniform(0.09, 0.13))
    hands = {side: HandModel(body, figure.body, skeleton, side) for side in SIDES}
    target = int(rng.choice(layout.candidates))
    if plot.kind == BOTH_HANDS:
        reach = plan_reach_of_both(skeleton, hands, layout, target, rng)
    else:
        for candidate in layout.candidates:
            reachable(skeleton, hands, layout, candidate)
        reach = plan_reach(skeleton, hands, layout, target, plot.verb, rng)
    if plot.kind == STEPS_UP:
        return _on_a_step(plot, rng, skeleton, layout, reach, num_frames)
    seat_m = float(rng.uniform(*SEAT_M))
    leg, stool_m = _leg_and_stool(rng, layout) if plot.kind in LATER_KINDS else ("left", 0.0)
    blocks = {"seat": _seat(seat_m)} if plot.kind in SITTING else {}
    blocks |= {"stool": stool(leg, stool_m)} if plot.kind == FOOT_UP else {}
    afterwards = Afterwards(plot.kind, seat_m=seat_m, stool_m=stool_m, leg=leg)
    reached, done = _acted(plot, rng, skeleton, layout, reach, num_frames, afterwards)
    return Act(layout, reach, reached, done, blocks)


def _acted(
    plot: Plot,
    rng: np.random.Generator,
    skeleton: Skeleton,
    layout: Layout,
    reach: Reach,
    num_frames: int,
    afterwards: Afterwards,
) -> tuple[Motion, Acted]:
    """The reach; and walking up, reaching, and what comes after, in as many frames as the clip has."""
    before = round(WALK_SHARE * num_frames) if plot.walks else 0
    after = 0 if plot.kind == WALKS_UP else round(AFTER_SHARE * (num_frames - before))
    reached = animate(skeleton, layout, reach, num_frames - before - after)
    done = reaching(skeleton, reached)
    if plot.kind == PUTS_BACK:
        done = done.then(putting_back(done, after))
    elif plot.kind == BOTH_HANDS:
        goes = rng.random() < CARRIED_SHARE
        done = done.then(having_taken_with_both(skeleton, layout, reach, after, _away(rng) if goes else None))
    elif plot.kind != WALKS_UP:
        afterwards = replace(afterwards, away_m=_away(rng))
        done = done.then(having_taken(skeleton, layout, reach, afterwards, after))
    if before:
        angle = rng.uniform(*START_RAD) * rng.choice([-1, 1])
        start = rng.uniform(*START_M) * np.array([np.cos(angle), np.sin(angle)])
        first = str(rng.choice(list(SIDES)))
        heading = float(np.arctan2(-start[1], -start[0]))
        path = walk(skeleton, before, start, heading, (0.0, 0.0), 0.0, first)
        done = walking_up(skeleton, layout, reach.target, path).then(done)
    return reached, done


def _on_a_step(
    plot: Plot, rng: np.random.Generator, skeleton: Skeleton, layout: Layout, reach: Reach, num_frames: int
) -> Act:
    """Up a step, from which the reach is as from the floor, and perhaps down again."""
    step_m, first = float(rng.uniform(*STEP_M)), str(rng.choice(list(SIDES)))
    down = bool(rng.random() < 0.5) and num_frames >= DOWN_FRAMES
    before = round(STEP_SHARE * num_frames)
    after = round((DOWN_SHARE if down else STAND_SHARE) * (num_frames - before))
    reached = animate(skeleton, layout, reach, num_frames - before - after)
    way = _way_up(plot, rng, skeleton, before, step_m, first)
    done = walking_up(skeleton, layout, reach.target, way).then(reaching(skeleton, reached))
    afterwards = Afterwards(STEPS_UP, step_m=step_m if down else 0.0, leg=first)
    done = done.then(having_taken(skeleton, layout, reach, afterwards, after)).raised(step_m)
    up = reaching(skeleton, reached).raised(step_m)
    reached = replace(reached, transl_m=up.transl_m, T_world_target=up.T_world_target)
    return Act(layout.raised(step_m), reach, reached, done, {"step": step_block(step_m)})


def _way_up(plot: Plot, rng, skeleton: Skeleton, count: int, step_m: float, first: str) -> Walk:
    """To a step and up; in the frame of its top."""
    place = np.array([-BEFORE_M, 0.0])
    still = 2
    path = stand(skeleton, still, place)
    if plot.walks:
        still = round(0.4 * count)
        angle = np.pi + rng.uniform(-STEP_START_RAD, STEP_START_RAD)
        start = place + rng.uniform(*STEP_START_M) * np.array([np.cos(angle), np.sin(angle)])
        path = walk(skeleton, still, start, float(rng.uniform(-0.3, 0.3)), place, 0.0, first)
    return path.raised(-step_m).then(stepping_up(skeleton, count - still, step_m, first))


def _away(rng: np.random.Generator) -> np.ndarray:  # (2,)
    """A place that something is carried to."""
    angle = rng.uniform(*AWAY_RAD) * rng.choice([-1, 1])
    return rng.uniform(*AWAY_M) * np.array([np.cos(angle), np.sin(angle)])


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
