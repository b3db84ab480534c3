"""Scenes with two people, of whom the marked one acts: clips with full ground truth, a pure function of their seeds."""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body import BodyModel
from hoi_motion.rigid import standing_at
from training.scenes.camera import Filming
from training.scenes.conditions import Conditions
from training.scenes.doings import HAND_OVER, KINDS, TWO_VERBS, WHICH_ACTOR
from training.scenes.drawing import Props, Stage
from training.scenes.figure import SHIRT_COLOURS, Figure, sample_figure
from training.scenes.layout import Crowded, Layout, sample_layout
from training.scenes.reach import VERBS, Unreachable, reachable
from training.scenes.scene import SceneError, SceneSample, free_body, one_thread
from training.scenes.take import choose_view, recorded
from training.scenes.together import Person, both_act, hand_over, one_acts

MAX_COMPANY_ATTEMPTS = 1000
MOST_CANDIDATES = 2  # more are seldom all within reach of somebody who shares a table
COMPANY_STREAM = 2000  # of random numbers, beside those of scenes with one person
ALIKE_SHARE = 0.5  # of the scenes: the same noun and shirt, so that words do not tell who acts
APART_M = 0.78, 0.90  # two people side by side
MIN_BETWEEN_M = 0.1  # across, of two things that two people reach for at once
SPREAD_M = {WHICH_ACTOR: 0.78, TWO_VERBS: 0.96, HAND_OVER: 1.12}  # so that both can reach what they should


def generate_company_scene(
    seed: int,
    height: int,
    width: int,
    num_frames: int,
    fps: float = 8.0,
    kind: str | None = None,
    num_candidates: int | None = None,
    alike: bool | None = None,
    supersampling: int = 2,
    with_depth: bool = False,
    body: BodyModel | None = None,
) -> SceneSample:
    """The scene of a seed. What happens does not depend on the size.

    Args:
        kind: one of doings.KINDS; None varies it.
        num_candidates: number of identical objects to choose from (1 or 2), None varies it.
        alike: whether both people are described by the same words, None varies it.

    Raises:
        ValueError: for another kind, or more than MOST_CANDIDATES.
        SceneError: when no arrangement worked.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind of company is {kind!r}; there are {', '.join(KINDS)}")
    if num_candidates is not None and not 1 <= num_candidates <= MOST_CANDIDATES:
        raise ValueError(f"num_candidates is {num_candidates}, expected 1 to {MOST_CANDIDATES} with company")
    with one_thread():
        body = body or free_body()
        filming = Filming((height, width), num_frames, fps, supersampling, with_depth)
        plot = _sample_plot(seed, kind, num_candidates, alike)
        for attempt in range(MAX_COMPANY_ATTEMPTS):
            rng = np.random.default_rng([seed, COMPANY_STREAM, attempt])
            try:
                return _attempt(seed, plot, rng, body, filming)
            except (Unreachable, Crowded):
                continue
    raise SceneError(f"seed {seed}: no valid scene with company in {MAX_COMPANY_ATTEMPTS} attempts")


@dataclass(frozen=True)
class Plot:
    """What a seed is about, the same in every attempt.

    Attributes:
        side: +1 when the companion stands to the actor's left.
        target_rank: among the candidates, from the actor's side on.
    """

    kind: str
    alike: bool
    side: int
    candidates: int
    others: int
    target_rank: int
    verbs: tuple[str, str]


def _sample_plot(seed: int, kind: str | None, num_candidates: int | None, alike: bool | None) -> Plot:
    rng = np.random.default_rng([seed, COMPANY_STREAM])
    drawn_kind, drawn_alike = str(rng.choice(KINDS)), bool(rng.random() < ALIKE_SHARE)
    side = int(rng.choice([-1, 1]))
    drawn_candidates, others = int(rng.choice([1, 2], p=[0.35, 0.65])), int(rng.integers(0, 2))
    candidates = num_candidates or drawn_candidates
    kind = kind or drawn_kind
    verbs = list(VERBS)
    first = int(rng.choice(len(verbs), p=list(VERBS.values())))
    second = (first + int(rng.integers(1, len(verbs)))) % len(verbs)
    if kind == TWO_VERBS and candidates + others < 2:
        others = 1
    # somebody else needs a thing of their own
    ranks = candidates - 1 if kind == TWO_VERBS and not others else candidates
    rank = int(rng.integers(ranks))
    alike = drawn_alike if alike is None else alike
    return Plot(kind, alike, side, candidates, others, rank, (verbs[first], verbs[second]))


def _attempt(seed: int, plot: Plot, rng: np.random.Generator, body: BodyModel, filming: Filming) -> SceneSample:
    """Raises: Unreachable, Crowded when chance does not make it work."""
    figure, other = sample_people(plot, rng, body)
    mean_height_m = (figure.height_m + other.height_m) / 2
    conditions = Conditions(spread_m=SPREAD_M[plot.kind])
    layout = sample_layout(rng, mean_height_m, plot.candidates, plot.others, conditions=conditions)
    target = sorted(layout.candidates, key=lambda c: plot.side * layout.objects[c].T_world[1, 3])[plot.target_rank]
    layout, T_companion = arranged(layout, plot, target, rng)
    actor = Person.standing(body, figure, np.eye(4), rng)
    companion = Person.standing(body, other, T_companion, rng)
    for candidate in layout.candidates:
        reachable(actor.skeleton, actor.hands, layout, candidate)
    num_frames, others_target = filming.num_frames, None
    if plot.kind == WHICH_ACTOR:
        play = one_acts(actor, companion, layout, target, plot.verbs[0], num_frames, rng)
    elif plot.kind == TWO_VERBS:
        others_target = nearer_to_companion(layout, target, plot.side, rng)
        play = both_act(actor, companion, layout, (target, others_target), plot.verbs, num_frames, rng)
    else:
        others_target = target
        play = hand_over(actor, companion, layout, target, num_frames, rng)
    take = recorded(body, layout, plot.kind, (actor, companion), play, (target, others_target), plot.verbs)

    props = Props(layout)
    camera = choose_view(rng, plot.kind, body, [take], props, filming.size_px)
    stage = Stage(props, camera, filming.supersampling, int(rng.integers(2**31)))
    return take.filmed(stage, body, camera, filming, seed)


def sample_people(plot: Plot, rng: np.random.Generator, body: BodyModel) -> tuple[Figure, Figure]:
    """Two figures, described by the same words or by others."""
    figure = sample_figure(body, rng)
    if plot.alike:
        return figure, sample_figure(body, rng, figure.noun, figure.shirt)
    return figure, sample_figure(body, rng, shirt=str(rng.choice([s for s in SHIRT_COLOURS if s != figure.shirt])))


def arranged(layout: Layout, plot: Plot, target: int, rng: np.random.Generator) -> tuple[Layout, np.ndarray]:
    """The layout moved to where both can reach it, and where the companion stands (4, 4)."""
    if plot.kind == HAND_OVER:
        far = layout.near_edge_m + layout.area_size_m[0]
        # on the side of the hand with which both reach, so that the hands come from two sides
        y = float(layout.objects[target].T_world[1, 3])
        aside = rng.uniform(0.02, 0.16) * (1 if y > 0 else -1)
        return layout, standing_at((far + rng.uniform(0.25, 0.31), y + aside, 0.0), np.pi)
    apart = plot.side * rng.uniform(*APART_M)
    shift = np.array([0.0, apart / 2, 0.0])
    objects = tuple(replace(o, T_world=o.T_world + _translation(shift)) for o in layout.objects)
    size = layout.table.size_m + [0, max(0.0, 1.7 - layout.table.size_m[1]), 0]
    table = replace(layout.table, size_m=size, centre_m=layout.table.centre_m + shift)
    area = layout.area_centre_m + shift[:2]
    moved = replace(layout, objects=objects, table=table, area_centre_m=area, area_size_m=size[:2])
    return moved, standing_at((0.0, apart, 0.0), 0.0)


def _translation(shift_m: np.ndarray) -> np.ndarray:  # (3,) -> (4, 4), to be added to a pose
    T = np.zeros((4, 4))
    T[:3, 3] = shift_m
    return T


def nearer_to_companion(layout: Layout, target: int, side: int, rng: np.random.Generator) -> int:
    """Another object, on the companion's side of the target, so that arms need not cross.

    Raises:
        Unreachable: when there is none.
    """
    here = side * layout.objects[target].T_world[1, 3]
    free = [i for i, o in enumerate(layout.objects) if i != target and side * o.T_world[1, 3] > here + MIN_BETWEEN_M]
    if not free:
        raise Unreachable("nothing is left on the companion's side")
    return int(rng.choice(free))
