"""A wider world than training's: people walk up, put back, carry away, drink, sit down; others stand by; walls are hung
with pictures and windows; cameras stand anywhere and pan; pictures are blurred, dark or bright.

Each scene is a pure function of its seed and of the world's version. Version 2 has more kinds (people stand up again,
cross their legs, put a foot on a stool) and things with patterns; in version 3 they also take large things with both
hands, and step up with both feet to take what stands higher. Scenes of earlier versions stay what they are. All are
made of the same parts as those of `generate_scene`.
"""

from dataclasses import replace

import numpy as np

from hoi_motion.body import VERTEX_LABELS, BodyModel
from hoi_motion.camera import Camera
from hoi_motion.motion import HoiMotion, SupportBox
from hoi_motion.rigid import standing_at
from training.scenes.acting import VERSIONS, Plot, sample_act, sample_plot
from training.scenes.afterwards import (
    BOTH_HANDS,
    CARRIES_AWAY,
    CROSSES,
    DRINKS,
    FOOT_UP,
    PUTS_BACK,
    SITS,
    STANDS_UP,
    STEPS_UP,
    Acted,
    standing_by,
)
from training.scenes.camera import Filming
from training.scenes.collisions import FLOOR_DEPTH_M, check_collisions, touching_frames
from training.scenes.drawing import Props, Stage, creased_mesh
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE, Figure, sample_figure
from training.scenes.layout import Crowded, Layout
from training.scenes.objects import BOX, box_mesh, least_distance
from training.scenes.patterns import patterned_things
from training.scenes.posture import standing_skeleton
from training.scenes.rasteriser import Mesh
from training.scenes.reach import Unreachable
from training.scenes.scene import (
    SceneError,
    SceneSample,
    contacts_with_target,
    free_body,
    object_motions,
    one_thread,
)
from training.scenes.wall_things import wall_things
from training.scenes.wider_camera import as_filmed, framed, panned, points_to_see, roomy

STREAM = 3000  # of random numbers, which no other scene uses
MAX_ATTEMPTS = 400
VERB_OF = {
    PUTS_BACK: "puts back",
    CARRIES_AWAY: "carries away",
    DRINKS: "drinks from",
    SITS: "sits down with",
    STANDS_UP: "sits down and stands up with",
    CROSSES: "sits down and crosses legs with",
    FOOT_UP: "puts a foot up on a stool with",
    BOTH_HANDS: "takes",
    STEPS_UP: "steps up and takes",
}
END_OF = {BOTH_HANDS: " with both hands"}
"""Of a sentence."""
BYSTANDER_ROOM_M = 0.6


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
    filming = Filming((height, width), num_frames, fps, supersampling, with_depth)
    plot = _plot_of(seed, kind, version)
    for attempt in range(MAX_ATTEMPTS):
        rng = np.random.default_rng([seed, STREAM, version, attempt])
        try:
            return _attempt(seed, plot, rng, body, filming)
        except (Unreachable, Crowded):
            continue
    raise SceneError(f"seed {seed}: no valid wider scene of kind {plot.kind!r} in {MAX_ATTEMPTS} attempts")


def kind_of(seed: int, version: int = 1) -> str:
    """Kind of the scene of a seed, one of VERSIONS[version]."""
    return _plot_of(seed, None, version).kind


def camera_pans(seed: int, version: int = 1) -> bool:
    """Whether the camera turns in the scene of a seed."""
    return _plot_of(seed, None, version).pans


def _plot_of(seed: int, kind: str | None, version: int) -> Plot:
    return sample_plot(np.random.default_rng([seed, STREAM, version]), kind, version)


def _attempt(seed: int, plot: Plot, rng: np.random.Generator, body: BodyModel, filming: Filming) -> SceneSample:
    """Raises: Unreachable, Crowded when chance does not make it work."""
    figure = _patterned(sample_figure(body, rng), body.vertex_labels, rng)
    act = sample_act(plot, rng, body, figure, filming.num_frames)
    layout, reach, done, target = act.layout, act.reach, act.done, act.reach.target
    reached = figure.body.joint_transforms(act.reached.pose_rad, act.reached.transl_m)
    reached_surfaces = [figure.body.vertices(T) for T in reached]
    for hand in reach.by_hand().values():
        check_collisions(body, layout, hand, act.reached, reached_surfaces)
    transforms = figure.body.joint_transforms(done.pose_rad, done.transl_m)
    surfaces = [figure.body.vertices(T) for T in transforms]
    _check_step(act.blocks, surfaces)
    moving = {target: done.T_world_target}
    touching = {side: touching_frames(body, layout, hand, moving, surfaces) for side, hand in reach.by_hand().items()}
    by = _bystander(plot, rng, body, layout, done)
    props = Props(layout)
    if plot.patterned:
        props.objects = patterned_things(layout, rng)
    props.table = [*props.table, *(_block_mesh(*block, 0.8 * layout.floor_albedo) for block in act.blocks.values())]
    at_first = [figure.mesh(surfaces[0]), *([] if by is None else [by])]
    to_see_m = points_to_see(rng, layout.objects[target], transforms, surfaces, done)
    camera = framed(rng, props, at_first, target, to_see_m, filming.size_px)
    layout = roomy(layout, camera, surfaces)
    props.layout = layout
    props.table = [*props.table, *wall_things(layout, rng)]
    cameras = panned(camera, filming.num_frames, rng) if plot.pans else [camera] * filming.num_frames
    light = int(rng.integers(2**31))
    people = [[figure.mesh(surface), *([] if by is None else [by])] for surface in surfaces]
    frames, ids, depths = _filmed(props, cameras, filming.supersampling, light, people, {target: done.T_world_target})
    thing = layout.objects[target]
    blocks = (SupportBox(name, size, standing_at(at)) for name, (size, at) in act.blocks.items())
    names = {0: "background", ACTOR_INSTANCE: "actor"} | ({COMPANION_INSTANCE: "bystander"} if by else {})
    names |= {o.instance: f"{o.model.colour} {o.model.name}" for o in layout.objects}
    noun, verb = f"{thing.model.colour} {thing.model.name}", VERB_OF.get(plot.kind, plot.verb)
    return SceneSample(
        frames=as_filmed(frames, rng),
        fps=filming.fps,
        target_mask=ids[0] == thing.instance,
        instance_ids=ids,
        id_names=names,
        target_id=thing.instance,
        candidate_ids=tuple(layout.objects[c].instance for c in layout.candidates),
        depth_m=depths if filming.with_depth else None,
        motion=HoiMotion(
            pose_rad=done.pose_rad,
            transl_m=done.transl_m,
            betas=figure.betas,
            fps=filming.fps,
            body_model=body.name,
            camera=camera,
            objects=object_motions(layout, target, moving, len(done.progress)),
            supports=(*layout.supports(), *blocks),
            contacts=contacts_with_target(touching),
        ),
        contact_labels=np.where(np.any(list(touching.values()), axis=0), thing.instance, 0).astype(np.uint8),
        caption=f"A {figure.words} {verb} the [TGT] {noun}{END_OF.get(plot.kind, '')}.",
        triplet=(figure.words, verb, noun),
        seed=seed,
    )


def _check_step(blocks: dict[str, tuple[np.ndarray, np.ndarray]], surfaces: list[np.ndarray]) -> None:
    """Raises: Unreachable when a body goes through the step that it goes up."""
    if "step" not in blocks:
        return
    size, centre = blocks["step"]
    for surface in surfaces:
        ids = np.flatnonzero(surface[:, 2] < size[2] + 0.1)
        bottom = centre - [0, 0, size[2] / 2]
        if len(ids) and least_distance(surface, ids, np.eye(3), bottom, BOX, size / 2) < -FLOOR_DEPTH_M:
            raise Unreachable("a foot goes through the step")


def _bystander(plot: Plot, rng: np.random.Generator, body: BodyModel, layout: Layout, done: Acted) -> Mesh | None:
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


def _filmed(
    props: Props,
    cameras: list[Camera],
    supersampling: int,
    light_seed: int,
    people: list[list[Mesh]],
    moving: dict[int, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, instance ids and depth as `Stage.film_several` gives them; of a camera that moves frame by frame."""
    first = Stage(props, cameras[0], supersampling, light_seed)
    if all(camera is cameras[0] for camera in cameras):
        return first.film_several(people, moving)
    parts = []
    for t, camera in enumerate(cameras):
        stage = Stage(props, camera, supersampling, light_seed)
        stage.light = first.light
        parts.append(stage.film_several([people[t]], {index: T[t : t + 1] for index, T in moving.items()}))
    return tuple(np.concatenate(column) for column in zip(*parts))
