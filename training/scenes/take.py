"""A play of two people as it is filmed and told: surfaces, touches, the camera that shows them, ground truth."""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body import BodyModel
from hoi_motion.camera import Camera
from hoi_motion.frames import runs_of
from hoi_motion.motion import HoiMotion
from training.scenes.camera import Filming, corners_m, head_and_arms_m, sample_camera
from training.scenes.collisions import touching_frames
from training.scenes.conditions import CameraRange
from training.scenes.doings import HAND_OVER, TWO_VERBS, WHICH_ACTOR, Company, Doing
from training.scenes.drawing import Props, Stage
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE
from training.scenes.layout import Layout
from training.scenes.rasteriser import Mesh
from training.scenes.reach import Unreachable
from training.scenes.scene import (
    MIN_HAND_SHARE,
    TRIED_HEIGHT_PX,
    SceneSample,
    contacts_with_target,
    enlarged_to,
    object_motions,
    verb_end,
)
from training.scenes.together import Part, Person, Play, check_apart

BESIDE_VIEW = CameraRange(azimuth_std_rad=0.3, azimuth_limits_rad=(-0.6, 0.6))
VIEW_TRIES = 6
MIN_SILHOUETTE = 0.6  # of every object in the first frame
MIN_TAKING_HAND = 0.15  # of the hand that takes from another one


@dataclass(frozen=True)
class Take:
    """A play with what follows from it.

    Attributes:
        kind: one of doings.KINDS.
        people: actor and companion; targets: the object of each, None for somebody who does nothing; verbs: of each.
        posed: joint transforms (T, 55, 4, 4) and bare surfaces, (V, 3) a frame, of each.
        touching: (T,) bool of each, their hand is on their object.
    """

    kind: str
    layout: Layout
    people: tuple[Person, Person]
    play: Play
    targets: tuple[int, int | None]
    verbs: tuple[str, str]
    posed: list[tuple[np.ndarray, list[np.ndarray]]]
    touching: list[np.ndarray]

    @property
    def parts(self) -> tuple[Part, Part]:
        return self.play.actor, self.play.companion

    def meshes(self, t: int) -> list[Mesh]:
        """Actor and companion in a frame, ready to draw."""
        instances = ACTOR_INSTANCE, COMPANION_INSTANCE
        return [p.figure.mesh(s[t], i) for p, (_, s), i in zip(self.people, self.posed, instances)]

    def filmed(
        self, stage: Stage, body: BodyModel, camera: Camera, filming: Filming, seed: int, pair: int | None = None
    ) -> SceneSample:
        """The clip, of scene `seed` and perhaps of a pair of that number.

        People are drawn in the same order whoever acts, so that a pair's first frames are equal.
        """
        count, layout = len(self.touching[0]), self.layout
        order = slice(None, None, -1) if pair is not None and seed % 2 else slice(None)
        frames, ids, depths = stage.film_several((self.meshes(t)[order] for t in range(count)), self.play.moving)
        thing = layout.objects[self.targets[0]]
        motions = [self._ground_truth(n, body, camera, filming.fps) for n in range(len(self.people))]
        names = {0: "background", ACTOR_INSTANCE: "actor"}
        names |= {o.instance: f"{o.model.colour} {o.model.name}" for o in layout.objects}
        names[COMPANION_INSTANCE] = "companion"
        caption, doings = self._story()
        return SceneSample(
            frames=frames,
            fps=filming.fps,
            target_mask=ids[0] == thing.instance,
            instance_ids=ids,
            id_names=names,
            target_id=thing.instance,
            candidate_ids=tuple(layout.objects[c].instance for c in layout.candidates),
            depth_m=depths if filming.with_depth else None,
            motion=motions[0],
            contact_labels=np.where(self.touching[0], thing.instance, 0).astype(np.uint8),
            caption=caption,
            triplet=(self.people[0].figure.words, doings[0].verb, f"{thing.model.colour} {thing.model.name}"),
            seed=seed,
            company=Company(self.kind, COMPANION_INSTANCE, motions[1], self.touching[1], doings),
            pair=pair,
        )

    def _ground_truth(self, n: int, body: BodyModel, camera: Camera, fps: float) -> HoiMotion:
        """Motion of the actor (0) or the companion (1); the object they act on is their target."""
        person, part, touching = self.people[n], self.parts[n], self.touching[n]
        return HoiMotion(
            pose_rad=part.pose_rad,
            transl_m=part.transl_m,
            betas=person.figure.betas,
            fps=fps,
            body_model=body.name,
            camera=camera,
            objects=object_motions(self.layout, self.targets[n], self.play.moving, len(touching)),
            supports=self.layout.supports(),
            contacts=() if part.reach is None else contacts_with_target({part.reach.side: touching}),
        )

    def _story(self) -> tuple[str, tuple[Doing, ...]]:
        """The caption, and what is done by whom."""
        layout, (target, others_target) = self.layout, self.targets
        who = [f"{'A' if n == 0 else 'a'} {person.figure.words}" for n, person in enumerate(self.people)]
        nouns = [f"{o.model.colour} {o.model.name}" for o in layout.objects]
        instance = layout.objects[target].instance
        if self.kind == HAND_OVER:
            doing = Doing(ACTOR_INSTANCE, "hands", instance, self.touching[0], COMPANION_INSTANCE)
            return f"{who[0]} hands the [TGT] {nouns[target]} to {who[1]}.", (doing,)
        first = Doing(ACTOR_INSTANCE, self.verbs[0], instance, self.touching[0])
        sentence = f"{who[0]} {first.verb} the [TGT] {nouns[target]}{verb_end(first.verb, layout)}"
        if self.kind == WHICH_ACTOR:
            return f"{sentence}.", (first,)
        other = layout.objects[others_target]
        second = Doing(COMPANION_INSTANCE, self.verbs[1], other.instance, self.touching[1])
        return (
            f"{sentence} while {who[1]} {second.verb} the {nouns[others_target]}{verb_end(second.verb, layout)}.",
            (first, second),
        )


def recorded(
    body: BodyModel,
    layout: Layout,
    kind: str,
    people: tuple[Person, Person],
    play: Play,
    targets: tuple[int, int | None],
    verbs: tuple[str, str],
) -> Take:
    """The take of a play.

    Raises:
        Unreachable: when somebody enters something, or it is not what the kind says.
    """
    parts = play.actor, play.companion
    posed = [person.surfaces(part.pose_rad, part.transl_m) for person, part in zip(people, parts)]
    surfaces = posed[0][1], posed[1][1]
    touching = [_touching(body, layout, play, part, shown) for part, shown in zip(parts, surfaces)]
    check_apart(layout, play, surfaces, touching)
    _check_story(kind, touching)
    return Take(kind, layout, people, play, targets, verbs, posed, touching)


def choose_view(
    rng: np.random.Generator, kind: str, body: BodyModel, takes: list[Take], props: Props, size: tuple[int, int]
) -> Camera:
    """A view of both people in which every object is visible at the start and each hand when it touches.

    Args:
        takes: of the same people and things, all to be filmed from there.

    Raises:
        Unreachable: when no view was found.
    """
    points = np.stack([point for take in takes for point in _to_be_seen(take)])
    where = BESIDE_VIEW
    if kind == HAND_OVER:
        side = float(rng.choice([-1, 1]))
        limits = tuple(sorted((1.05 * side, 1.75 * side)))
        where = CameraRange(azimuth_mean_rad=1.4 * side, azimuth_std_rad=0.15, azimuth_limits_rad=limits)
    for _ in range(VIEW_TRIES):
        camera = sample_camera(points, TRIED_HEIGHT_PX, round(TRIED_HEIGHT_PX * size[1] / size[0]), rng, where)
        stage = Stage(props, camera, 1, 0)
        if (stage.silhouette_shares(takes[0].meshes(0)) < MIN_SILHOUETTE).any():
            continue
        if all(_hands_seen(take, stage, body) for take in takes):
            return enlarged_to(camera, size)
    raise Unreachable("no view shows the objects and the hands")


def _to_be_seen(take: Take) -> list[np.ndarray]:
    """World points that must be in the picture: heads, arms and things."""
    points = []
    for transforms, surfaces in take.posed:
        points += head_and_arms_m(transforms, surfaces[0], (0, -1))
    return points + [point for thing in take.layout.objects for point in corners_m(thing)]


def _hands_seen(take: Take, stage: Stage, body: BodyModel) -> bool:
    seen = True
    for part, (_, surfaces), hand, least in zip(
        take.parts, take.posed, take.touching, (MIN_HAND_SHARE, MIN_TAKING_HAND)
    ):
        if part.reach is not None:
            t = int(np.argmax(hand))
            points_of_hand = surfaces[t][body.part_vertices[f"{part.reach.side}_hand"]]
            seen &= stage.visible_share(take.meshes(t), points_of_hand) >= least
    return seen


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
