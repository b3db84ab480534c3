"""A wider world than training's: people walk up, put back, carry away, drink, sit down; others stand by; walls are hung
with pictures and windows; cameras stand anywhere and pan; pictures are blurred, dark or bright.

Each scene is a pure function of its seed and of the world's version. Version 2 has more kinds (people stand up again,
cross their legs, put a foot on a stool) and things with patterns; the scenes of version 1 stay what they are. All are
made of the same parts as those of `generate_scene`.
"""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body import VERTEX_LABELS, BodyModel
from hoi_motion.frames import runs_of
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion, SupportBox
from hoi_motion.rigid import standing_at
from training.scenes.afterwards import (
    CARRIES_AWAY,
    CROSSES,
    DRINKS,
    FOOT_UP,
    KINDS,
    LATER_KINDS,
    PUTS_BACK,
    SEAT_BACK_M,
    SITS,
    SITTING,
    STANDS_UP,
    WALKS_UP,
    Acted,
    having_taken,
    putting_back,
    reaching,
    standing_by,
    walking_up,
)
from training.scenes.conditions import Conditions
from training.scenes.drawing import Props, Stage, creased_mesh
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE, Figure, sample_figure
from training.scenes.foot_off_floor import stool
from training.scenes.grasp import HandModel
from training.scenes.layout import Crowded, Layout, sample_counts, sample_layout
from training.scenes.objects import box_mesh
from training.scenes.patterns import patterned_things
from training.scenes.posture import SIDES, standing_skeleton
from training.scenes.rasteriser import Mesh
from training.scenes.reach import VERBS, Reach, Unreachable, animate, plan_reach, reachable
from training.scenes.scene import (
    SceneError,
    SceneSample,
    check_collisions,
    free_body,
    one_thread,
    touching_frames,
)
from training.scenes.wall_things import wall_things
from training.scenes.wider_camera import as_filmed, framed, panned, roomy

VERSIONS = {1: KINDS, 2: KINDS + LATER_KINDS}
"""Kinds of scenes by version."""
STREAM = 3000  # of random numbers, which no other scene uses
MAX_ATTEMPTS = 400
MOST_CANDIDATES = 3
VERB_OF = {
    PUTS_BACK: "puts back",
    CARRIES_AWAY: "carries away",
    DRINKS: "drinks from",
    SITS: "sits down with",
    STANDS_UP: "sits down and stands up with",
    CROSSES: "sits down and crosses legs with",
    FOOT_UP: "puts a foot up on a stool with",
}
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
BYSTANDER_ROOM_M = 0.6
SEAT_M = (0.40, 0.48)
SEAT_SIZE_M = np.array([0.40, 0.46])
STOOL_M = (0.14, 0.30)


@dataclass(frozen=True)
class _Plot:
    """What a seed is about, the same in every attempt."""

    kind: str
    verb: str
    walks: bool
    bystander: bool
    pans: bool
    candidates: int
    others: int
    patterned: bool


@one_thread()
def generate_wider_scene(
    seed: int,
    height: int,
    width: int,
    num_frames: int,
    fps: float = 8.0,
    kind: str | None = None,
    version: int = 1,
    supersampling: int = 2,
    with_depth: bool = False,
    body: BodyModel | None = None,
) -> SceneSample:
    """The wider scene of a seed; its motion's camera is that of the first frame.

    Args:
        kind: one of VERSIONS[version]; None varies it.

    Raises:
        ValueError: for another kind or version.
        SceneError: when no arrangement worked in MAX_ATTEMPTS tries.
    """
    if version not in VERSIONS:
        raise ValueError(f"version is {version!r}; there are {', '.join(map(str, VERSIONS))}")
    if kind is not None and kind not in VERSIONS[version]:
        raise ValueError(f"kind is {kind!r}; there are {', '.join(VERSIONS[version])}")
    body = body or free_body()
    plot = _sample_plot(seed, kind, version)
    for attempt in range(MAX_ATTEMPTS):
        rng = np.random.default_rng([seed, STREAM, version, attempt])
        try:
            return _attempt(seed, plot, rng, body, (height, width), num_frames, fps, supersampling, with_depth)
        except (Unreachable, Crowded):
            continue
    raise SceneError(f"seed {seed}: no valid wider scene of kind {plot.kind!r} in {MAX_ATTEMPTS} attempts")


def kind_of(seed: int, version: int = 1) -> str:
    """Kind of the scene of a seed, one of VERSIONS[version]."""
    return _sample_plot(seed, None, version).kind


def _sample_plot(seed: int, kind: str | None, version: int) -> _Plot:
    rng = np.random.default_rng([seed, STREAM, version])
    drawn = str(rng.choice(VERSIONS[version]))
    verb = str(rng.choice(list(VERBS), p=list(VERBS.values())))
    walks, bystander, pans = (bool(c) for c in rng.random(3) < [WALK_UP_SHARE, BYSTANDER_SHARE, PAN_SHARE])
    kind = kind or drawn
    candidates, others = sample_counts(rng, None)
    verb = verb if kind == WALKS_UP else "picks up"
    # the seat stands where people come from
    walks = kind == WALKS_UP or (walks and kind not in SITTING)
    return _Plot(kind, verb, walks, bystander, pans, min(candidates, MOST_CANDIDATES), others, version > 1)


def _attempt(seed, plot, rng, body, size, num_frames, fps, supersampling, with_depth) -> SceneSample:
    figure = _patterned(sample_figure(body, rng), body.vertex_labels, rng)
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
    how = dict(seat_m=seat_m, leg=leg, stool_m=stool_m)
    done = _acted(plot, rng, skeleton, layout, reach, body, figure, num_frames, how)
    blocks = {"seat": _seat(seat_m)} if plot.kind in SITTING else {}
    blocks |= {"stool": stool(leg, stool_m)} if plot.kind == FOOT_UP else {}
    transforms = figure.body.joint_transforms(done.pose_rad, done.transl_m)
    surfaces = [figure.body.vertices(T) for T in transforms]
    touching = touching_frames(body, layout, reach, {target: done.T_world_target}, surfaces)
    by = _bystander(plot, rng, body, layout, done)
    props = Props(layout)
    if plot.patterned:
        props.objects = patterned_things(layout, rng)
    props.table = [*props.table, *(_block_mesh(*block, 0.8 * layout.floor_albedo) for block in blocks.values())]
    camera = framed(rng, figure, props, by, target, transforms, surfaces, done, size)
    layout = roomy(layout, camera, surfaces)
    props.layout = layout
    props.table = [*props.table, *wall_things(layout, rng)]
    cameras = panned(camera, num_frames, rng) if plot.pans else [camera] * num_frames
    light = int(rng.integers(2**31))
    frames, ids, depths = _filmed(props, cameras, supersampling, light, figure, surfaces, by, target, done)
    thing = layout.objects[target]
    names = {0: "background", ACTOR_INSTANCE: "actor"} | ({COMPANION_INSTANCE: "bystander"} if by else {})
    names |= {o.instance: f"{o.model.colour} {o.model.name}" for o in layout.objects}
    noun, verb = f"{thing.model.colour} {thing.model.name}", VERB_OF.get(plot.kind, plot.verb)
    return SceneSample(
        frames=as_filmed(frames, rng),
        fps=fps,
        target_mask=ids[0] == thing.instance,
        instance_ids=ids,
        id_names=names,
        target_id=thing.instance,
        candidate_ids=tuple(layout.objects[c].instance for c in layout.candidates),
        depth_m=depths if with_depth else None,
        motion=_truth(body, figure, layout, reach, done, touching, camera, fps, blocks),
        contact_labels=np.where(touching, thing.instance, 0).astype(np.uint8),
        caption=f"A {figure.words} {verb} the [TGT] {noun}.",
        triplet=(figure.words, verb, noun),
        seed=seed,
    )


def _acted(plot, rng, skeleton, layout, reach: Reach, body, figure: Figure, num_frames: int, how: dict) -> Acted:
    """Walking up, reaching, and what comes after, in as many frames as the clip has."""
    before = round(WALK_SHARE * num_frames) if plot.walks else 0
    after = 0 if plot.kind == WALKS_UP else round(AFTER_SHARE * (num_frames - before))
    motion = animate(skeleton, layout, reach, num_frames - before - after)
    surfaces = [figure.body.vertices(T) for T in figure.body.joint_transforms(motion.pose_rad, motion.transl_m)]
    check_collisions(body, layout, reach, motion, surfaces)
    done = reaching(skeleton, motion)
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
    return done


def _bystander(plot: _Plot, rng: np.random.Generator, body: BodyModel, layout: Layout, done: Acted) -> Mesh | None:
    """Somebody who stands by, out of everybody's way, or nobody.

    Raises:
        Unreachable: when there is no room for them.
    """
    if not plot.bystander:
        return None
    figure = sample_figure(body, rng)
    skeleton = standing_skeleton(figure.body, rng.uniform(0.09, 0.13))
    place = np.array([rng.uniform(-1.4, 0.4), rng.uniform(0.9, 1.6) * rng.choice([-1, 1])])
    heading = float(np.arctan2(-place[1], 0.5 - place[0]) + rng.normal(0, 0.7))
    beside_table = (np.abs(place - layout.area_centre_m) - layout.area_size_m / 2).max()
    ways = done.path.T_world_body[:, :2, 3]
    if np.linalg.norm(ways - place, axis=1).min() < BYSTANDER_ROOM_M or beside_table < 0.3:
        raise Unreachable("no room for a bystander")
    stands = standing_by(skeleton, layout, place, heading)
    surface = figure.body.vertices(figure.body.joint_transforms(stands.pose_rad, stands.transl_m)[0])
    return figure.mesh(surface, COMPANION_INSTANCE)


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


def _block_mesh(size: np.ndarray, centre: np.ndarray, albedo: np.ndarray) -> Mesh:
    vertices, faces = box_mesh(size)
    return creased_mesh(vertices + [centre[0], centre[1], 0.0], faces, albedo, 0)


def _patterned(figure: Figure, labels: np.ndarray, rng: np.random.Generator) -> Figure:
    """Half of the figures wear stripes or checks."""
    if rng.random() < 0.5:
        return figure
    rest, width = figure.body.rest_vertices_m, rng.uniform(0.025, 0.08)
    pattern = np.sin(2 * np.pi * rest[:, 1] / width) > 0
    if rng.random() < 0.5:
        pattern ^= np.sin(2 * np.pi * rest[:, 0] / width) > 0
    clothes = np.isin(labels, [VERTEX_LABELS.index(name) for name in ("shirt", "trousers")])
    albedo = figure.albedo.copy()
    albedo[pattern & clothes] *= rng.uniform(0.35, 0.85)
    return replace(figure, albedo=albedo)


def _filmed(props, cameras, supersampling, light_seed, figure, surfaces, by, target, done: Acted):
    """Frames, instance ids and depth as `Stage.film` gives them; of a camera that moves frame by frame."""
    people = [[figure.mesh(s), *([] if by is None else [by])] for s in surfaces]
    first = Stage(props, cameras[0], supersampling, light_seed)
    if all(camera is cameras[0] for camera in cameras):
        return first.film_several(people, {target: done.T_world_target})
    parts = []
    for t, camera in enumerate(cameras):
        stage = Stage(props, camera, supersampling, light_seed)
        stage.light = first.light
        parts.append(stage.film_several([people[t]], {target: done.T_world_target[t : t + 1]}))
    return tuple(np.concatenate(column) for column in zip(*parts))


def _truth(body, figure, layout, reach, done: Acted, touching, camera, fps, blocks: dict) -> HoiMotion:
    objects = []
    for index, thing in enumerate(layout.objects):
        is_target = index == reach.target
        objects.append(
            ObjectMotion(
                name="target" if is_target else f"{thing.model.name}_{thing.instance}",
                vertices_m=thing.model.vertices_m,
                faces=thing.model.faces,
                T_world_object=done.T_world_target if is_target else np.tile(thing.T_world, (len(touching), 1, 1)),
                shape="mesh",
                is_target=is_target,
            )
        )
    supports = layout.supports()
    supports = (*supports, *(SupportBox(name, size, standing_at(at)) for name, (size, at) in blocks.items()))
    return HoiMotion(
        pose_rad=done.pose_rad,
        transl_m=done.transl_m,
        betas=figure.betas,
        fps=fps,
        body_model=body.name,
        camera=camera,
        objects=tuple(objects),
        supports=supports,
        contacts=tuple(Contact(f"{reach.side}_hand", "target", *run) for run in runs_of(touching)),
    )
