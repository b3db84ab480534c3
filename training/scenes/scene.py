"""One procedural scene: a clip with full ground truth, a pure function of its seed."""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hoi_motion.body import BodyModel, load_body
from hoi_motion.camera import Camera
from hoi_motion.frames import runs_of
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion
from training.scenes.camera import WHOLE_BODY_SHARE, Filming, corners_m, head_and_arms_m, sample_camera
from training.scenes.conditions import TRAINING, Conditions
from training.scenes.doings import Company, Doing
from training.scenes.drawing import Props, Stage
from training.scenes.figure import ACTOR_INSTANCE, Figure, sample_figure
from training.scenes.grasp import HandModel
from training.scenes.layout import FLOOR_SHARE, Crowded, Layout, Table, sample_counts, sample_layout, with_occluder
from training.scenes.objects import BOX, least_distance
from training.scenes.posture import SIDES, standing_skeleton
from training.scenes.reach import VERBS, Motion, Reach, Unreachable, animate, plan_reach, reachable

HELD_OUT_SEED = 1_000_000
"""Seeds from here on are held out: training never uses them, evaluation uses nothing else."""
CONTACT_M = 0.01  # a hand this close touches
TABLE_CLEARANCE_M = 0.003
OBJECT_CLEARANCE_M = 0.01  # to what is not the target
FLOOR_DEPTH_M = 0.005  # soles give way a little
GRIP_DEPTH_M = 0.008  # soft skin may sink this deep into the target
MAX_ATTEMPTS = 200
FLOOR_STREAM = 1000  # of random numbers, beside those of the attempts
TRIED_HEIGHT_PX = 72  # of the pictures in which a view is tried
MIN_HAND_SHARE = 0.3  # of the hand's vertices that must be visible at the touch


class SceneError(RuntimeError):
    """No valid scene was found for a seed."""


@dataclass(frozen=True)
class SceneSample:
    """A clip and everything known about it.

    Attributes:
        frames: (T, H, W, 3) u8; fps: frames per second.
        target_mask: (H, W) bool, the target in the first frame.
        instance_ids: (T, H, W) u8, see id_names: 0 background, 1 actor, 2.. objects.
        target_id: id of the target; candidate_ids: ids of the objects identical to it, itself included.
        depth_m: (T, H, W) f32 along the optical axis, or None.
        motion: SMPL-X motion, object poses, contacts, supports and camera in the world frame.
        contact_labels: (T,) u8, 0 none, else the id of the touched object.
        caption: sentence with [TGT] before the target's noun; triplet: (subject, verb, object).
        seed: what made it; K: (3, 3) intrinsics in pixels.
        company: of a clip with two people, the second one and what both do; else None.
        doings: who does what to what.
    """

    frames: np.ndarray
    fps: float
    target_mask: np.ndarray
    instance_ids: np.ndarray
    id_names: dict[int, str]
    target_id: int
    candidate_ids: tuple[int, ...]
    depth_m: np.ndarray | None
    motion: HoiMotion
    contact_labels: np.ndarray
    caption: str
    triplet: tuple[str, str, str]
    seed: int
    company: Company | None = None

    @property
    def doings(self) -> tuple[Doing, ...]:
        if self.company is not None:
            return self.company.doings
        return (Doing(ACTOR_INSTANCE, self.triplet[1], self.target_id, self.contact_labels == self.target_id),)

    @property
    def marked_ids(self) -> list[int]:
        """What a request marks: target, actor and, if there is one, the companion and the object that they take."""
        if self.company is None:
            return [self.target_id, ACTOR_INSTANCE]
        theirs = [d.object_id for d in self.doings if d.subject_id == self.company.companion_id]
        own = [thing for thing in theirs if thing != self.target_id]
        return [self.target_id, ACTOR_INSTANCE, self.company.companion_id, *own]

    def first_frame_ids(self) -> np.ndarray:  # (H, W) u8
        """The ID map of a request that marks all of `marked_ids`, numbered from 1."""
        ids = np.zeros(self.target_mask.shape, np.uint8)
        for number, instance in enumerate(self.marked_ids, start=1):
            ids[self.instance_ids[0] == instance] = number
        return ids

    @property
    def K(self) -> np.ndarray:
        return self.motion.camera.K


@contextmanager
def one_thread():
    """Sums over several threads round differently: a scene must not depend on how many there are."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=1)
@one_thread()
def free_body() -> BodyModel:
    return load_body()


@one_thread()
def generate_scene(
    seed: int,
    height: int,
    width: int,
    num_frames: int,
    fps: float = 8.0,
    num_candidates: int | None = None,
    supersampling: int = 2,
    with_depth: bool = False,
    body: BodyModel | None = None,
    conditions: Conditions = TRAINING,
) -> SceneSample:
    """The scene of a seed. What happens does not depend on the size; the framing depends on the aspect only.

    Args:
        num_candidates: number of identical objects to choose from (1..5); None varies it, 1..4.
        conditions: what else the scene should be like; training scenes have none.

    Raises:
        SceneError: when no arrangement worked in MAX_ATTEMPTS tries.
    """
    body = body or free_body()
    filming = Filming((height, width), num_frames, fps, supersampling, with_depth)
    plot = _sample_plot(seed, num_candidates, conditions)
    for attempt in range(MAX_ATTEMPTS):
        rng = np.random.default_rng([seed, attempt])
        try:
            return _attempt(seed, plot, conditions, rng, body, filming)
        except (Unreachable, Crowded):
            continue
    raise SceneError(f"seed {seed}: no valid scene in {MAX_ATTEMPTS} attempts")


@dataclass(frozen=True)
class _Plot:
    """What a seed is about, the same in every attempt, so that rejected attempts do not favour easy scenes."""

    num_candidates: int
    others: int
    target_rank: int  # among the candidates from right to left
    verb: str
    on_floor: bool


def _sample_plot(seed: int, num_candidates: int | None, conditions: Conditions = TRAINING) -> _Plot:
    rng = np.random.default_rng([seed])
    candidates, others = sample_counts(rng, num_candidates)
    others = others if conditions.others is None else conditions.others
    verb = str(rng.choice(list(VERBS), p=list(VERBS.values())))
    # a stream of its own: scenes on tables are the same whatever the share of scenes on the floor
    on_floor = bool(np.random.default_rng([seed, FLOOR_STREAM]).random() < FLOOR_SHARE) and not conditions.on_table
    return _Plot(candidates, others, int(rng.integers(candidates)), verb, on_floor)


def _attempt(
    seed: int, plot: _Plot, conditions: Conditions, rng: np.random.Generator, body: BodyModel, filming: Filming
) -> SceneSample:
    """Raises: Unreachable, Crowded when chance does not make it work."""
    figure = sample_figure(body, rng)
    layout = sample_layout(rng, figure.height_m, plot.num_candidates, plot.others, plot.on_floor, conditions)
    skeleton = standing_skeleton(figure.body, rng.uniform(0.09, 0.13))
    hands = {side: HandModel(body, figure.body, skeleton, side) for side in SIDES}
    for candidate in layout.candidates:
        reachable(skeleton, hands, layout, candidate)
    from_right = sorted(layout.candidates, key=lambda c: layout.objects[c].T_world[1, 3])
    if conditions.occluder:
        layout = with_occluder(layout, from_right[plot.target_rank], rng)
    reach = plan_reach(skeleton, hands, layout, from_right[plot.target_rank], plot.verb, rng)
    motion = animate(skeleton, layout, reach, filming.num_frames)
    transforms = figure.body.joint_transforms(motion.pose_rad, motion.transl_m)
    vertices = [figure.body.vertices(T) for T in transforms]
    touching = check_collisions(body, layout, reach, motion, vertices)

    props = Props(layout)
    seen = _ToSee(figure, props, reach, vertices, transforms, first_touch=int(np.argmax(touching)))
    camera = _choose_camera(rng, conditions, seen, body.part_vertices[f"{reach.side}_hand"], filming.size_px)
    stage = Stage(props, camera, filming.supersampling, int(rng.integers(2**31)))
    frames, ids, depths = stage.film(figure, vertices, reach.target, motion.T_world_target)
    hoi = HoiMotion(
        pose_rad=motion.pose_rad,
        transl_m=motion.transl_m,
        betas=figure.betas,
        fps=filming.fps,
        body_model=body.name,
        camera=camera,
        objects=object_motions(layout, reach.target, {reach.target: motion.T_world_target}, filming.num_frames),
        supports=layout.supports(),
        contacts=contacts_with_target({reach.side: touching}),
    )
    target = layout.objects[reach.target]
    names = {0: "background", ACTOR_INSTANCE: "actor"}
    names |= {o.instance: f"{o.model.colour} {o.model.name}" for o in layout.objects}
    caption, triplet = _words(figure, reach, layout)
    return SceneSample(
        frames=frames,
        fps=filming.fps,
        target_mask=ids[0] == target.instance,
        instance_ids=ids,
        id_names=names,
        target_id=target.instance,
        candidate_ids=tuple(layout.objects[c].instance for c in layout.candidates),
        depth_m=depths if filming.with_depth else None,
        motion=hoi,
        contact_labels=np.where(touching, target.instance, 0).astype(np.uint8),
        caption=caption,
        triplet=triplet,
        seed=seed,
    )


def check_collisions(
    body: BodyModel, layout: Layout, reach: Reach, motion: Motion, vertices: list[np.ndarray]
) -> np.ndarray:
    """Frames in which the reaching hand touches the target, (T,) bool.

    Raises:
        Unreachable: when the body enters the table or an object, or the moved target hits another one.
    """
    target = layout.objects[reach.target]
    for thing in layout.objects:
        gap = np.linalg.norm(motion.T_world_target[:, :2, 3] - thing.T_world[:2, 3], axis=1).min()
        if thing is not target and gap < thing.model.footprint_m + target.model.footprint_m + 0.01:
            raise Unreachable("the target hits another object")
    touching = touching_frames(body, layout, reach, {reach.target: motion.T_world_target}, vertices)
    if not touching[-1]:
        raise Unreachable("the hand does not hold on to the target")
    if touching[motion.progress < 0.5].any():
        raise Unreachable("the hand touches too early")
    return touching


def touching_frames(
    body: BodyModel, layout: Layout, reach: Reach, moving: dict[int, np.ndarray], vertices: list[np.ndarray]
) -> np.ndarray:  # (T,) bool
    """Frames in which the reaching hand touches the target.

    Args:
        moving: poses (T, 4, 4) of what moves, by index of the object; the rest stays; vertices: (V, 3) a frame.

    Raises:
        Unreachable: when the body enters the table or an object.
    """
    hand_ids, body_ids = body.part_vertices[f"{reach.side}_hand"], _collision_ids(body)
    touching = np.zeros(len(vertices), bool)
    for t, surface in enumerate(vertices):
        if layout.table and _table_distance(surface, body_ids, layout.table) < TABLE_CLEARANCE_M:
            raise Unreachable("the body enters the table")
        if surface[body_ids, 2].min() < -FLOOR_DEPTH_M:
            raise Unreachable("the body enters the floor")
        for index, thing in enumerate(layout.objects):
            T_world = moving[index][t] if index in moving else thing.T_world
            if index != reach.target:
                if thing.model.least_distance(surface, body_ids, T_world) < OBJECT_CLEARANCE_M:
                    raise Unreachable("the body enters another object")
                continue
            if thing.model.least_distance(surface, body_ids, T_world) < -GRIP_DEPTH_M:
                raise Unreachable("the body enters the target")
            touching[t] = thing.model.least_distance(surface, hand_ids, T_world) < CONTACT_M
    return touching


def _table_distance(surface: np.ndarray, ids: np.ndarray, table: Table) -> float:
    half = table.size_m / 2
    return least_distance(surface, ids, np.eye(3), table.centre_m - [0, 0, half[2]], BOX, half)


@lru_cache(maxsize=1)
def _collision_ids(body: BodyModel) -> np.ndarray:
    """Vertices to test: all of the hands and forearms, every third of the rest."""
    arms = [body.part_vertices[f"{side}_{part}"] for side in SIDES for part in ("hand", "elbow")]
    return np.unique(np.concatenate([*arms, np.arange(0, len(body.vertex_joint), 3)]))


@dataclass(frozen=True)
class _ToSee:
    """What a view should show: a figure that reaches for a thing.

    Attributes:
        vertices: (V, 3) bare surface a frame; transforms: (T, 55, 4, 4) of the joints; first_touch: frame.
    """

    figure: Figure
    props: Props
    reach: Reach
    vertices: list[np.ndarray]
    transforms: np.ndarray
    first_touch: int


def _choose_camera(
    rng: np.random.Generator, conditions: Conditions, seen: _ToSee, hand_ids: np.ndarray, size_px: tuple[int, int]
) -> Camera:
    """A view in which every object is visible at the start and the hand, vertices `hand_ids`, at the touch.

    Raises:
        Unreachable: when no view was found.
    """
    layout, figure = seen.props.layout, seen.figure
    points = head_and_arms_m(seen.transforms, seen.vertices[0], (0, seen.first_touch))
    points += [point for thing in layout.objects for point in corners_m(thing)]
    if rng.random() < WHOLE_BODY_SHARE or layout.table is None:
        points += [np.array([0.0, y, 0.02]) for y in (-0.2, 0.2)]
    touch = seen.vertices[seen.first_touch]
    for _ in range(conditions.camera_tries):
        width = round(TRIED_HEIGHT_PX * size_px[1] / size_px[0])
        camera = sample_camera(np.stack(points), TRIED_HEIGHT_PX, width, rng, conditions.camera)
        stage = Stage(seen.props, camera, 1, 0)
        if not conditions.shows(stage.silhouette_shares([figure.mesh(seen.vertices[0])]), seen.reach.target):
            continue
        if stage.visible_share([figure.mesh(touch)], touch[hand_ids]) < MIN_HAND_SHARE:
            continue
        return enlarged_to(camera, size_px)
    raise Unreachable("no view shows the objects and the hand")


def enlarged_to(camera: Camera, size: tuple[int, int]) -> Camera:
    """The same view at another (height, width) of about the same aspect."""
    K = camera.K * (size[0] / camera.height)
    K[:2, 2] = (np.array([size[1], size[0]]) - 1) / 2
    K[2, 2] = 1
    return Camera(K, camera.T_world_camera, size[1], size[0], "scene")


def object_motions(
    layout: Layout, target: int | None, moving: dict[int, np.ndarray], num_frames: int
) -> tuple[ObjectMotion, ...]:
    """Ground truth of a layout's objects.

    Args:
        target: index of the one that is acted on; moving: poses (T, 4, 4) of what moves, by index; the rest stays.
    """
    return tuple(
        ObjectMotion(
            name="target" if index == target else f"{thing.model.name}_{thing.instance}",
            vertices_m=thing.model.vertices_m,
            faces=thing.model.faces,
            T_world_object=moving[index] if index in moving else np.tile(thing.T_world, (num_frames, 1, 1)),
            shape="mesh",
            is_target=index == target,
        )
        for index, thing in enumerate(layout.objects)
    )


def contacts_with_target(touching: dict[str, np.ndarray]) -> tuple[Contact, ...]:
    """Ground truth of the hands, by side: (T,) bool when each is on the target."""
    return tuple(Contact(f"{side}_hand", "target", *run) for side, on in touching.items() for run in runs_of(on))


def _words(figure: Figure, reach: Reach, layout: Layout) -> tuple[str, tuple[str, str, str]]:
    thing = layout.objects[reach.target].model
    noun = f"{thing.colour} {thing.name}"
    triplet = (figure.words, reach.verb, noun)
    return f"A {figure.words} {reach.verb} the [TGT] {noun}{verb_end(reach.verb, layout)}.", triplet


def verb_end(verb: str, layout: Layout) -> str:
    """What stands behind the object in a sentence with that verb."""
    return f" across the {'table' if layout.table else 'floor'}" if verb == "slides" else ""
