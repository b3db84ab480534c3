"""Scenes with two people, of whom the marked one acts: clips with full ground truth, a pure function of their seeds."""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body import BodyModel
from hoi_motion.camera import Camera
from hoi_motion.frames import runs_of
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion
from hoi_motion.rigid import standing_at
from training.scenes.camera import sample_camera
from training.scenes.conditions import CameraRange, Conditions
from training.scenes.doings import HAND_OVER, KINDS, TWO_VERBS, WHICH_ACTOR, Company, Doing
from training.scenes.drawing import Props, Stage
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE, SHIRT_COLOURS, sample_figure
from training.scenes.layout import Crowded, Layout, sample_layout
from training.scenes.posture import JOINT, SIDES
from training.scenes.reach import VERBS, Unreachable, reachable
from training.scenes.scene import (
    MIN_HAND_SHARE,
    SceneError,
    SceneSample,
    enlarged_to,
    free_body,
    one_thread,
    touching_frames,
    verb_end,
)
from training.scenes.together import Part, Person, Play, both_act, check_apart, hand_over, one_acts

MAX_COMPANY_ATTEMPTS = 1000
MOST_CANDIDATES = 2  # more are seldom all within reach of somebody who shares a table
COMPANY_STREAM = 2000  # of random numbers, beside those of scenes with one person
ALIKE_SHARE = 0.5  # of the scenes: the same noun and shirt, so that words do not tell who acts
APART_M = 0.78, 0.90  # two people side by side
MIN_BETWEEN_M = 0.1  # across, of two things that two people reach for at once
SPREAD_M = {WHICH_ACTOR: 0.78, TWO_VERBS: 0.96, HAND_OVER: 1.12}  # so that both can reach what they should
BESIDE_VIEW = CameraRange(azimuth_std_rad=0.3, azimuth_limits_rad=(-0.6, 0.6))
VIEW_TRIES = 6
VIEW_HEIGHT_PX = 72
MIN_SILHOUETTE = 0.6  # of every object in the first frame
MIN_TAKING_HAND = 0.15  # of the hand that takes from another one


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
        plot = _sample_plot(seed, kind, num_candidates, alike)
        for attempt in range(MAX_COMPANY_ATTEMPTS):
            rng = np.random.default_rng([seed, COMPANY_STREAM, attempt])
            try:
                return _attempt(seed, plot, rng, body, (height, width), num_frames, fps, supersampling, with_depth)
            except (Unreachable, Crowded):
                continue
    raise SceneError(f"seed {seed}: no valid scene with company in {MAX_COMPANY_ATTEMPTS} attempts")


@dataclass(frozen=True)
class _Plot:
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


def _sample_plot(seed: int, kind: str | None, num_candidates: int | None, alike: bool | None) -> _Plot:
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
    return _Plot(kind, alike, side, candidates, others, rank, (verbs[first], verbs[second]))


def _attempt(seed, plot, rng, body, size, num_frames, fps, supersampling, with_depth) -> SceneSample:
    figure = sample_figure(body, rng)
    if plot.alike:
        other = sample_figure(body, rng, figure.noun, figure.shirt)
    else:
        other = sample_figure(body, rng, shirt=str(rng.choice([s for s in SHIRT_COLOURS if s != figure.shirt])))
    mean_height_m = (figure.height_m + other.height_m) / 2
    conditions = Conditions(spread_m=SPREAD_M[plot.kind])
    layout = sample_layout(rng, mean_height_m, plot.candidates, plot.others, conditions=conditions)
    target = sorted(layout.candidates, key=lambda c: plot.side * layout.objects[c].T_world[1, 3])[plot.target_rank]
    layout, T_companion = _arranged(layout, plot, target, rng)
    actor = Person.standing(body, figure, np.eye(4), rng)
    companion = Person.standing(body, other, T_companion, rng)
    for candidate in layout.candidates:
        reachable(actor.skeleton, actor.hands, layout, candidate)
    others_target = None
    if plot.kind == WHICH_ACTOR:
        play = one_acts(actor, companion, layout, target, plot.verbs[0], num_frames, rng)
    elif plot.kind == TWO_VERBS:
        others_target = _nearer_to_companion(layout, target, plot.side, rng)
        play = both_act(actor, companion, layout, (target, others_target), plot.verbs, num_frames, rng)
    else:
        others_target = target
        play = hand_over(actor, companion, layout, target, num_frames, rng)
    people = actor, companion
    parts = play.actor, play.companion
    posed = [person.surfaces(part.pose_rad, part.transl_m) for person, part in zip(people, parts)]
    surfaces = posed[0][1], posed[1][1]
    touching = [_touching(body, layout, play, part, shown) for part, shown in zip(parts, surfaces)]
    check_apart(layout, play, surfaces, touching)
    _check_story(plot.kind, touching)

    props = Props(layout)
    camera = _choose_view(rng, plot, body, people, posed, props, parts, touching, size)
    stage = Stage(props, camera, supersampling, int(rng.integers(2**31)))
    meshes = ([figure.mesh(a), other.mesh(b, COMPANION_INSTANCE)] for a, b in zip(*surfaces))
    frames, ids, depths = stage.film_several(meshes, play.moving)

    thing = layout.objects[target]
    motions = [
        _ground_truth(body, person, part, play, layout, at, hand, camera, fps)
        for person, part, at, hand in zip(people, parts, (target, others_target), touching)
    ]
    names = {0: "background", ACTOR_INSTANCE: "actor"}
    names |= {o.instance: f"{o.model.colour} {o.model.name}" for o in layout.objects}
    names[COMPANION_INSTANCE] = "companion"
    caption, doings = _story(plot, people, layout, target, others_target, touching)
    return SceneSample(
        frames=frames,
        fps=fps,
        target_mask=ids[0] == thing.instance,
        instance_ids=ids,
        id_names=names,
        target_id=thing.instance,
        candidate_ids=tuple(layout.objects[c].instance for c in layout.candidates),
        depth_m=depths if with_depth else None,
        motion=motions[0],
        contact_labels=np.where(touching[0], thing.instance, 0).astype(np.uint8),
        caption=caption,
        triplet=(figure.words, doings[0].verb, f"{thing.model.colour} {thing.model.name}"),
        seed=seed,
        company=Company(plot.kind, COMPANION_INSTANCE, motions[1], touching[1], doings),
    )


def _arranged(layout: Layout, plot: _Plot, target: int, rng: np.random.Generator) -> tuple[Layout, np.ndarray]:
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


def _nearer_to_companion(layout: Layout, target: int, side: int, rng: np.random.Generator) -> int:
    """Another object, on the companion's side of the target, so that arms need not cross.

    Raises:
        Unreachable: when there is none.
    """
    here = side * layout.objects[target].T_world[1, 3]
    free = [i for i, o in enumerate(layout.objects) if i != target and side * o.T_world[1, 3] > here + MIN_BETWEEN_M]
    if not free:
        raise Unreachable("nothing is left on the companion's side")
    return int(rng.choice(free))


def _touching(body: BodyModel, layout: Layout, play: Play, part: Part, surfaces: list[np.ndarray]) -> np.ndarray:
    """(T,) bool: the part's hand is on its object. Raises: Unreachable."""
    if part.reach is None:
        nobody = Part(part.pose_rad, part.transl_m, replace(play.actor.reach, target=-1))
        return touching_frames(body, layout, nobody.reach, play.moving, surfaces)
    return touching_frames(body, layout, part.reach, play.moving, surfaces)


def _check_story(kind: str, touching: list[np.ndarray]) -> None:
    """Raises: Unreachable when a hand does not hold what it should, or touches too early."""
    actor, companion = touching
    early = len(actor) // 5
    if not actor.any() or actor[:early].any() or companion[:early].any():
        raise Unreachable("a hand touches too early or never")
    if max(len(runs_of(actor)), len(runs_of(companion))) > 1:
        raise Unreachable("a hand loses what it holds")
    if kind == HAND_OVER:
        if actor[-1] or not companion[-1] or not (actor & companion).any() or np.argmax(companion) <= np.argmax(actor):
            raise Unreachable("it is not handed over")
    elif not actor[-1] or companion[-1] != (kind == TWO_VERBS):
        raise Unreachable("a hand does not hold on")


def _choose_view(rng, plot, body, people, posed, props, parts, touching, size) -> Camera:
    """A view of both people in which every object is visible at the start and each hand when it touches.

    Raises:
        Unreachable: when no view was found.
    """
    points = []
    for transforms, surfaces in posed:
        head = JOINT["head"]
        crown = np.array([0, 0, surfaces[0][:, 2].max() - transforms[0][head][2, 3] + 0.03])
        points += [transforms[t][head][:3, 3] + crown for t in (0, -1)]
        points += [
            transforms[t][JOINT[f"{s}_{n}"]][:3, 3] for t in (0, -1) for s in SIDES for n in ("shoulder", "elbow")
        ]
    for thing in props.layout.objects:
        at, r = thing.T_world[:3, 3], thing.model.footprint_m + 0.02
        points += [
            at + [dx * r, dy * r, dz] for dx in (-1, 1) for dy in (-1, 1) for dz in (-0.04, thing.model.height_m)
        ]
    where = BESIDE_VIEW
    if plot.kind == HAND_OVER:
        side = float(rng.choice([-1, 1]))
        limits = tuple(sorted((1.05 * side, 1.75 * side)))
        where = CameraRange(azimuth_mean_rad=1.4 * side, azimuth_std_rad=0.15, azimuth_limits_rad=limits)
    for _ in range(VIEW_TRIES):
        camera = sample_camera(np.stack(points), VIEW_HEIGHT_PX, round(VIEW_HEIGHT_PX * size[1] / size[0]), rng, where)
        stage = Stage(props, camera, 1, 0)

        def meshes(t: int):
            instances = ACTOR_INSTANCE, COMPANION_INSTANCE
            return [p.figure.mesh(s[t], i) for p, (_, s), i in zip(people, posed, instances)]

        if (stage.silhouette_shares(meshes(0)) < MIN_SILHOUETTE).any():
            continue
        seen = True
        for part, (_, surfaces), hand, least in zip(parts, posed, touching, (MIN_HAND_SHARE, MIN_TAKING_HAND)):
            if part.reach is not None:
                t = int(np.argmax(hand))
                points_of_hand = surfaces[t][body.part_vertices[f"{part.reach.side}_hand"]]
                seen &= stage.visible_share(meshes(t), points_of_hand) >= least
        if seen:
            return enlarged_to(camera, size)
    raise Unreachable("no view shows the objects and the hands")


def _ground_truth(body, person, part, play, layout, target, touching, camera, fps) -> HoiMotion:
    """Motion of one person; the object they act on is their target."""
    objects = []
    for index, thing in enumerate(layout.objects):
        still = np.tile(thing.T_world, (len(touching), 1, 1))
        objects.append(
            ObjectMotion(
                name="target" if index == target else f"{thing.model.name}_{thing.instance}",
                vertices_m=thing.model.vertices_m,
                faces=thing.model.faces,
                T_world_object=play.moving.get(index, still),
                shape="mesh",
                is_target=index == target,
            )
        )
    contacts = () if part.reach is None else runs_of(touching)
    return HoiMotion(
        pose_rad=part.pose_rad,
        transl_m=part.transl_m,
        betas=person.figure.betas,
        fps=fps,
        body_model=body.name,
        camera=camera,
        objects=tuple(objects),
        supports=layout.supports(),
        contacts=tuple(Contact(f"{part.reach.side}_hand", "target", *run) for run in contacts),
    )


def _story(plot, people, layout, target, others_target, touching) -> tuple[str, tuple[Doing, ...]]:
    """The caption, and what is done by whom."""
    who = [f"{'A' if n == 0 else 'a'} {person.figure.words}" for n, person in enumerate(people)]
    nouns = [f"{o.model.colour} {o.model.name}" for o in layout.objects]
    instance = layout.objects[target].instance
    if plot.kind == HAND_OVER:
        doing = Doing(ACTOR_INSTANCE, "hands", instance, touching[0], COMPANION_INSTANCE)
        return f"{who[0]} hands the [TGT] {nouns[target]} to {who[1]}.", (doing,)
    first = Doing(ACTOR_INSTANCE, plot.verbs[0], instance, touching[0])
    sentence = f"{who[0]} {first.verb} the [TGT] {nouns[target]}{verb_end(first.verb, layout)}"
    if plot.kind == WHICH_ACTOR:
        return f"{sentence}.", (first,)
    other = layout.objects[others_target]
    second = Doing(COMPANION_INSTANCE, plot.verbs[1], other.instance, touching[1])
    return (
        f"{sentence} while {who[1]} {second.verb} the {nouns[others_target]}{verb_end(second.verb, layout)}.",
        (first, second),
    )
