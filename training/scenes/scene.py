"""One procedural scene: a clip with full ground truth, a pure function of its seed."""

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hoi_motion.body import BodyModel, load_body
from hoi_motion.camera import Camera
from hoi_motion.frames import runs_of
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion
from training.scenes.camera import WHOLE_BODY_SHARE, Filming, corners_m, head_and_arms_m, sample_camera
from training.scenes.collisions import check_collisions
from training.scenes.conditions import TRAINING, Conditions
from training.scenes.doings import Company, Doing
from training.scenes.drawing import Props, Stage
from training.scenes.figure import ACTOR_INSTANCE, Figure, sample_figure
from training.scenes.grasp import HandModel
from training.scenes.layout import FLOOR_SHARE, Crowded, Layout, sample_counts, sample_layout, with_occluder
from training.scenes.posture import SIDES, Skeleton, standing_skeleton
from training.scenes.reach import LOOKING, VERBS, Motion, Reach, Unreachable, animate, plan_reach, reachable

HELD_OUT_SEED = 1_000_000
"""Seeds from here on are held out: training never uses them, evaluation uses nothing else."""
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
        pair: of clips with the same first frame in which something else is marked, the number of the pair; else None.
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
    pair: int | None = None

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
    plot = sample_plot(seed, num_candidates, conditions)
    for attempt in range(MAX_ATTEMPTS):
        rng = np.random.default_rng([seed, attempt])
        try:
            return _attempt(seed, plot, conditions, rng, body, filming)
        except (Unreachable, Crowded):
            continue
    raise SceneError(f"seed {seed}: no valid scene in {MAX_ATTEMPTS} attempts")


@dataclass(frozen=True)
class Plot:
    """What a seed is about, the same in every attempt, so that rejected attempts do not favour easy scenes."""

    num_candidates: int
    others: int
    target_rank: int  # among the candidates from right to left
    verb: str
    on_floor: bool


def sample_plot(seed: int, num_candidates: int | None, conditions: Conditions = TRAINING) -> Plot:
    rng = np.random.default_rng([seed])
    candidates, others = sample_counts(rng, num_candidates)
    others = others if conditions.others is None else conditions.others
    verb = str(rng.choice(list(VERBS), p=list(VERBS.values())))
    # a stream of its own: scenes on tables are the same whatever the share of scenes on the floor
    on_floor = bool(np.random.default_rng([seed, FLOOR_STREAM]).random() < FLOOR_SHARE) and not conditions.on_table
    return Plot(candidates, others, int(rng.integers(candidates)), verb, on_floor)


def _attempt(
    seed: int, plot: Plot, conditions: Conditions, rng: np.random.Generator, body: BodyModel, filming: Filming
) -> SceneSample:
    """Raises: Unreachable, Crowded when chance does not make it work."""
    among = among_things(plot, conditions, rng, body)
    target = among.from_right[plot.target_rank]
    if conditions.occluder:
        among = replace(among, layout=with_occluder(among.layout, target, rng))
    solo = among.acting(target, plot.verb, rng, filming.num_frames)
    camera = choose_view([solo], rng, conditions, filming.size_px)
    stage = Stage(solo.props, camera, filming.supersampling, int(rng.integers(2**31)))
    return solo.filmed(stage, camera, filming, seed)


def among_things(plot: Plot, conditions: Conditions, rng: np.random.Generator, body: BodyModel) -> "AmongThings":
    """Somebody new before new things, of which every candidate can be reached.

    Raises:
        Unreachable, Crowded.
    """
    figure = sample_figure(body, rng)
    layout = sample_layout(rng, figure.height_m, plot.num_candidates, plot.others, plot.on_floor, conditions)
    skeleton = standing_skeleton(figure.body, rng.uniform(0.09, 0.13))
    hands = {side: HandModel(body, figure.body, skeleton, side) for side in SIDES}
    for candidate in layout.candidates:
        reachable(skeleton, hands, layout, candidate)
    return AmongThings(body, figure, layout, skeleton, hands)


@dataclass(frozen=True)
class AmongThings:
    """A person before things, of which they will take one."""

    body: BodyModel
    figure: Figure
    layout: Layout
    skeleton: Skeleton
    hands: dict[str, HandModel]

    @property
    def from_right(self) -> list[int]:
        """The candidates from right to left."""
        return sorted(self.layout.candidates, key=lambda c: self.layout.objects[c].T_world[1, 3])

    def acting(
        self, target: int, verb: str, rng: np.random.Generator, num_frames: int, looking: float = LOOKING
    ) -> "Solo":
        """What they do to a target, an index into the layout's objects; looking: see `reach.animate`.

        Raises:
            Unreachable.
        """
        reach = plan_reach(self.skeleton, self.hands, self.layout, target, verb, rng)
        motion = animate(self.skeleton, self.layout, reach, num_frames, looking=looking)
        transforms = self.figure.body.joint_transforms(motion.pose_rad, motion.transl_m)
        vertices = [self.figure.body.vertices(T) for T in transforms]
        touching = check_collisions(self.body, self.layout, reach, motion, vertices)
        return Solo(self.body, self.figure, Props(self.layout), reach, motion, transforms, vertices, touching)


@dataclass(frozen=True)
class Solo:
    """What one person does to a thing.

    Attributes:
        transforms: (T, 55, 4, 4) of the joints; vertices: (V, 3) bare surface a frame; touching: (T,) bool.
    """

    body: BodyModel
    figure: Figure
    props: Props
    reach: Reach
    motion: Motion
    transforms: np.ndarray
    vertices: list[np.ndarray]
    touching: np.ndarray

    @property
    def first_touch(self) -> int:
        return int(np.argmax(self.touching))

    @property
    def head_and_arms_m(self) -> list[np.ndarray]:
        """Points to frame, at the start and at the touch."""
        return head_and_arms_m(self.transforms, self.vertices[0], (0, self.first_touch))

    def shown_by(self, stage: Stage, conditions: Conditions) -> bool:
        """Whether every object is visible at the start, and the hand at the touch."""
        if not conditions.shows(stage.silhouette_shares([self.figure.mesh(self.vertices[0])]), self.reach.target):
            return False
        touch, hand_ids = self.vertices[self.first_touch], self.body.part_vertices[f"{self.reach.side}_hand"]
        return stage.visible_share([self.figure.mesh(touch)], touch[hand_ids]) >= MIN_HAND_SHARE

    def filmed(self, stage: Stage, camera: Camera, filming: Filming, seed: int, pair: int | None = None) -> SceneSample:
        """The clip of scene `seed`, and perhaps of a pair of that number."""
        reach, motion, layout = self.reach, self.motion, self.props.layout
        frames, ids, depths = stage.film(self.figure, self.vertices, reach.target, motion.T_world_target)
        hoi = HoiMotion(
            pose_rad=motion.pose_rad,
            transl_m=motion.transl_m,
            betas=self.figure.betas,
            fps=filming.fps,
            body_model=self.body.name,
            camera=camera,
            objects=object_motions(layout, reach.target, {reach.target: motion.T_world_target}, filming.num_frames),
            supports=layout.supports(),
            contacts=contacts_with_target({reach.side: self.touching}),
        )
        target = layout.objects[reach.target]
        names = {0: "background", ACTOR_INSTANCE: "actor"}
        names |= {o.instance: f"{o.model.colour} {o.model.name}" for o in layout.objects}
        caption, triplet = _words(self.figure, reach, layout)
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
            contact_labels=np.where(self.touching, target.instance, 0).astype(np.uint8),
            caption=caption,
            triplet=triplet,
            seed=seed,
            pair=pair,
        )


def choose_view(
    solos: Sequence[Solo], rng: np.random.Generator, conditions: Conditions, size_px: tuple[int, int]
) -> Camera:
    """A view that shows all of these acts on one stage.

    Raises:
        Unreachable: when no view was found.
    """
    props = solos[0].props
    points = [point for solo in solos for point in solo.head_and_arms_m]
    points += [point for thing in props.layout.objects for point in corners_m(thing)]
    if rng.random() < WHOLE_BODY_SHARE or props.layout.table is None:
        points += [np.array([0.0, y, 0.02]) for y in (-0.2, 0.2)]
    for _ in range(conditions.camera_tries):
        width = round(TRIED_HEIGHT_PX * size_px[1] / size_px[0])
        camera = sample_camera(np.stack(points), TRIED_HEIGHT_PX, width, rng, conditions.camera)
        stage = Stage(props, camera, 1, 0)
        if all(solo.shown_by(stage, conditions) for solo in solos):
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
