"""lift_video: from a clip and the mask of one object to 3D."""

import time
from dataclasses import dataclass

import numpy as np

from hoi_motion.body import BodyModel, load_body
from hoi_motion.body.change import on_body
from hoi_motion.camera import Camera, intrinsics_notes
from hoi_motion.errors import ErrorCode, LiftError, counted
from hoi_motion.ground.still_world import as_filmed
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.sources import keypoint_source
from hoi_motion.keypoints.track import KeypointSource, KeypointTrack
from hoi_motion.lift.camera import clip_intrinsics, world_camera
from hoi_motion.lift.clip import Clip
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.contact import contact_intervals
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.object.distance import Distance, Scene
from hoi_motion.lift.object.doubt import depth_notes
from hoi_motion.lift.object.doubt import size_notes as object_size_notes
from hoi_motion.lift.object.fingers import Fingers
from hoi_motion.lift.object.grip import hand_motion
from hoi_motion.lift.object.pose import lifted_object
from hoi_motion.lift.object.sight import Sight
from hoi_motion.lift.person.doubt import actor_notes, doubt_notes, hand_notes
from hoi_motion.lift.person.evidence import PersonSeen
from hoi_motion.lift.person.feet.planted import rise_to_floor
from hoi_motion.lift.person.fit import BodyFit, fit_body
from hoi_motion.lift.person.given_human import check_human, place_human
from hoi_motion.lift.person.picture_edges import PictureEdges
from hoi_motion.lift.seat import seat_under
from hoi_motion.lift.still_camera import TurningCamera
from hoi_motion.lift.straight_lines import SOURCE, TOLD_FOCAL, StraightLines, where_person_is
from hoi_motion.lift.touch import TouchSeen
from hoi_motion.lift.track.sources import track_source
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.lift.unseen_legs import UnseenWalk, unseen_walk, walk_notes, with_steps
from hoi_motion.lift.upright_camera import UprightCamera, roll_notes, seen_up
from hoi_motion.motion import HANDS, Contact, HoiMotion
from hoi_motion.progress import CancelToken, OnProgress, silent


@dataclass(frozen=True)
class Observation:
    """What is seen in the picture, before anything is fitted.

    Attributes:
        track: the actor's keypoints; target: the masked object's track.
        contacts: where a hand is on the object in the picture.
        seconds: that each part took.
    """

    track: KeypointTrack
    target: ObjectTrack
    contacts: tuple[Contact, ...]
    seconds: dict[str, float]


def observe_clip(
    clip: Clip,
    *,
    config: LiftConfig = LiftConfig(),
    keypoints: KeypointSource | None = None,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> Observation:
    """The first half of `lift_video`, with the same arguments: enough to tell whether a hand goes to the object.

    Raises:
        InputError: a 1xx code for a keypoint file that cannot be used.
        LiftError: FILE_INVALID for a clip that is too long, NO_ACTOR, NO_TARGET_TRACK, or MODEL_MISSING for a keypoint
            model that is not there.
        ControlError: CANCELLED.
    """
    _check_length(clip, config)
    clock = _Clock()
    near_px = np.argwhere(clip.target_mask).mean(0)[::-1]
    how = dict(on_progress=on_progress, cancel=cancel)
    source = keypoints or keypoint_source(config.keypoints)
    track = source.detect(clip.frames, near_px=near_px, actor_mask=clip.actor_mask, **how)
    clock.lap("keypoints")
    target = track_source(config.track).track(clip.frames, clip.target_mask, track, **how)
    clock.lap("object")
    return Observation(track, target, contact_intervals(track, target, clip.fps), clock.seconds)


def lift_video(
    clip: Clip,
    *,
    config: LiftConfig = LiftConfig(),
    keypoints: KeypointSource | None = None,
    human: HoiMotion | None = None,
    known: KnownScene | None = None,
    body: BodyModel | None = None,
    observation: Observation | None = None,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> HoiMotion:
    """Lift a clip to 3D: body, hands, object, contacts and camera, in metres.

    Args:
        keypoints: where keypoints come from; None is the source that the config names.
        human: the person's motion from elsewhere, one frame for each frame of the clip: its poses are kept, only its
            heading and place are found; object and contacts are lifted as usual. None fits the body here.
        known: what is known besides the video: the camera against gravity, heights of floor and support.
        body: the body to fit; None is the one that the config names.
        observation: what `observe_clip` returned for this clip; None calls it.

    Returns:
        The motion in the world frame (z up, floor under the actor's first-frame pelvis). Its diagnostics hold
        seconds per part and the reprojection error.

    Raises:
        InputError: a 1xx code for a keypoint file or a human that cannot be used.
        LiftError: FILE_INVALID for a clip that is too long, NO_ACTOR, NO_TARGET_TRACK, FIT_DIVERGED,
            BODY_MODEL_MISSING or MODEL_MISSING (keypoints).
        ControlError: CANCELLED.
    """
    _check_length(clip, config)
    if human is not None:
        check_human(human, clip.num_frames, clip.fps)
    clock = _Clock()

    # 1. the body model
    if body is None:
        body = load_body(config.body_model, num_betas=0 if human is None else len(human.betas))
    human = human and on_body(human, body)
    clock.lap("load")

    # 2. what is seen in the picture, and by which camera
    how = dict(on_progress=on_progress, cancel=cancel)
    if observation is None:
        observation = observe_clip(clip, config=config, keypoints=keypoints, **how)
    clock.start()
    view = _View.of(clip, observation, known or KnownScene(), config, human_is_given=human is not None)
    clock.lap("edges")

    # 3. the person, all frames at once
    if human is None:
        person = _fitted_person(body, view, observation.contacts, config, how)
    else:
        person = _Person(place_human(body, human, view.person, config))
    fit, points_m, transl_m = person.fit, person.points_m, person.transl_m
    camera = world_camera(view.K, view.focal_source, clip.size_px, fit.pitch_rad, person.origin_m)
    clock.lap("fit")

    # 4. the object's shape and poses, contacts in space, the person's fingers and seat
    sight = Sight(view.target.mask, camera, clip.target_noun, view.clip.depth_m)
    hands = {hand: hand_motion(points_m, hand) for hand in HANDS}
    scene = Scene(view.target, sight, observation.contacts, hands, points_m, view.known)
    fingers = None if human else Fingers(body, fit.pose_rad, transl_m, fit.betas)
    target = lifted_object(scene, clip.fps, fingers, cancel)
    pose_rad = fit.pose_rad if target.fingers is None else target.fingers.pose_rad
    seat = seat_under(body, pose_rad, transl_m, fit.betas, points_m, clip.fps, cancel)
    clock.lap("contact")
    on_progress("lift", 1.0)

    # 5. the motion, with what is to be said of it
    from_elsewhere = (*human.notes, "the human is from a file, placed by the video's keypoints") if human else ()
    doubts = _doubts(clip, view, person, cancel) + object_size_notes(target.thing, view.target, camera)
    doubts += (
        depth_notes(scene) + intrinsics_notes(clip.intrinsics, clip.size_px) + walk_notes(person.walk, config.steps)
    )
    motion = HoiMotion(
        pose_rad=pose_rad,
        transl_m=transl_m,
        betas=fit.betas,
        fps=clip.fps,
        body_model=body.name,
        camera=view.real(camera),
        objects=(target.thing,),
        supports=tuple(box for box in (target.support, seat) if box is not None),
        contacts=target.contacts,
        diagnostics=_diagnostics(view, fit, target.distance) | observation.seconds | clock.seconds,
        notes=(*from_elsewhere, *doubts, *view.notes),
    )
    if human is not None:  # what its camera did, the object does in the picture, too
        return motion.replace(T_first_camera=human.T_first_camera)
    return as_filmed(motion, view.T_first_camera, body)


@dataclass(frozen=True)
class _Person:
    """A fitted or placed person, moved from the level frame to the world (z up, floor at 0).

    Attributes:
        fit: in the level frame; walk: where unseen legs glide, None for a human from a file.
        rise_m: (T,) by which the person rises onto the floor; None is nowhere.
    """

    fit: BodyFit
    walk: UnseenWalk | None = None
    rise_m: np.ndarray | None = None

    @property
    def origin_m(self) -> np.ndarray:  # (3,)
        """The world's origin in the level frame: on the floor, under the pelvis in the first frame."""
        return np.array([*self.fit.points_m[0, 0, :2], self.fit.floor_m])

    @property
    def points_m(self) -> np.ndarray:  # (T, 76, 3)
        return self.fit.points_m - self.origin_m + self._up_m[:, None]

    @property
    def transl_m(self) -> np.ndarray:  # (T, 3)
        return self.fit.transl_m - self.origin_m + self._up_m

    @property
    def _up_m(self) -> np.ndarray:  # (T, 3)
        rise_m = np.zeros(len(self.fit.transl_m)) if self.rise_m is None else self.rise_m
        return rise_m[:, None] * [0.0, 0.0, 1.0]


@dataclass(frozen=True)
class _View:
    """The clip as a camera that stands still and upright would have seen it.

    Attributes:
        clip, known, track, target: of that camera; the clip's frames are still the real one's.
        K: (3, 3) px; focal_source: where the focal length is from; lines: straight edges of the first frame.
        turning: how the real camera turns; None when it stands still.
        upright: how the real camera rolls; None when no roll is taken out.
        notes: what is to be said of the real camera.
    """

    clip: Clip
    known: KnownScene
    track: KeypointTrack
    target: ObjectTrack
    K: np.ndarray
    focal_source: str
    lines: StraightLines
    turning: TurningCamera | None = None
    upright: UprightCamera | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, clip: Clip, seen: Observation, known: KnownScene, config: LiftConfig, human_is_given: bool) -> "_View":
        """A given human may be in the axes of each frame's camera: then turn and roll stay as they are."""
        track, target = seen.track, seen.target
        K, focal_source, lines = _camera_by_edges(clip, track, config)
        if human_is_given:
            return cls(clip, known, track, target, K, focal_source, lines)
        turning, notes = None, ()
        if target.camera is not None:
            turning = TurningCamera.of(target.camera, K, clip.size_px)
            track, target, notes = turning.keypoints(track), turning.object(target), (turning.note(),)
        up = seen_up(clip, track, K, known, lines, config.min_keypoint_confidence)
        upright = UprightCamera.of(up, K, clip)
        notes += roll_notes(up, upright)
        if upright is not None:
            clip, known, lines = upright.first_frame(clip), upright.known(known), upright.lines(lines)
            track, target = upright.keypoints(track), upright.object(target)
        return cls(clip, known, track, target, K, focal_source, lines, turning, upright, notes)

    @property
    def person(self) -> PersonSeen:
        clip, edges = self.clip, PictureEdges(self.clip.size_px, self._to_picture)
        return PersonSeen(self.track, self.K, clip.fps, clip.depth_m, clip.actor_mask, self.lines, self.known, edges)

    @property
    def _to_picture(self) -> np.ndarray:  # (T, 3, 3)
        """Homographies from the pixels of the still and upright camera to those of the clip's frames."""
        moved = np.tile(np.eye(3), (self.track.num_frames, 1, 1))
        if self.turning is not None:
            moved = np.stack([self.turning.to_still(t) for t in range(len(moved))])
        return np.linalg.inv(moved if self.upright is None else self.upright.to_upright @ moved)

    @property
    def roll_deg(self) -> float:
        """Of the real camera, as far as it was taken out."""
        return 0.0 if self.upright is None else float(np.rad2deg(self.upright.roll_rad))

    @property
    def T_first_camera(self) -> np.ndarray | None:  # (T, 4, 4)
        """How the real camera turns; None when it stands still."""
        return None if self.turning is None else self.turning.T_first_camera

    def real(self, camera: Camera) -> Camera:
        """The real camera of the first frame, from the upright one."""
        return camera if self.upright is None else self.upright.real(camera)


def _fitted_person(
    body: BodyModel, view: _View, contacts: tuple[Contact, ...], config: LiftConfig, how: dict
) -> _Person:
    """The body fitted to the keypoints, with steps where its unseen legs glide, on the floor."""
    touch_of = TouchSeen(view.clip, view.K, view.focal_source, view.known, view.target, contacts)
    fit = fit_body(body, view.person, config, touch_of=touch_of, **how)
    walk = unseen_walk(fit, view.track, view.clip.fps)
    fit = with_steps(body, fit, walk, view.clip.fps) if config.steps else fit
    return _Person(fit, walk, rise_to_floor(_lowest_m(body, fit) - fit.floor_m))


def _doubts(clip: Clip, view: _View, person: _Person, cancel: CancelToken | None) -> tuple[str, ...]:
    """What may be wrong with the person, a sentence each."""
    doubts = doubt_notes(person.fit.off)
    if doubts and view.track.detector == km.MEDIAPIPE:  # hands are measured only where something is wrong
        doubts += hand_notes(clip.frames, view.track.person_height_px(), cancel)
    return doubts + (actor_notes(view.track, view.target) if clip.actor_mask is None else ())


def _diagnostics(view: _View, fit: BodyFit, distance: Distance) -> dict[str, float | str]:
    """How well the fit explains the keypoints, how far away the target is by what, and how the camera stands."""
    return {
        "reprojection_error_mean": float(fit.error.mean()),
        "reprojection_error_worst_frame": float(fit.error.max()),
        "frames_within_5_percent": float(1 - fit.off[:, 0].mean()),
        "wrong_probability": float(fit.off[:, 1].max()),
        "target_visibility_mean": float(view.target.visibility.mean()),
        "target_distance_m": distance.centre_m,
        "target_distance_spread_m": distance.spread_m,
        "target_distance_source": distance.source,
        "target_distance_why": distance.why,
        "camera_pitch_deg": float(np.rad2deg(fit.pitch_rad)),
        "camera_roll_deg": view.roll_deg,
    }


def _camera_by_edges(clip: Clip, track: KeypointTrack, config: LiftConfig) -> tuple[np.ndarray, str, StraightLines]:
    """Intrinsics (3, 3), where the focal length is from, and the first frame's edges without people and the object."""
    K, focal_source = clip_intrinsics(clip.size_px, clip.intrinsics, clip.intrinsics_source)
    without = clip.target_mask | where_person_is(track, config.min_keypoint_confidence, clip.size_px)
    for mask in (clip.actor_mask, clip.others_mask):
        without = without if mask is None else without | mask
    lines = StraightLines.of(clip.frames[0], K, without)
    if clip.intrinsics is not None:
        return K, focal_source, lines
    focal_px, spread = lines.focal()
    K[0, 0] = K[1, 1] = focal_px
    return K, SOURCE if spread < TOLD_FOCAL else focal_source, lines.seen_by(K)


def _check_length(clip: Clip, config: LiftConfig) -> None:
    if clip.num_frames > config.max_frames:
        raise LiftError(
            ErrorCode.FILE_INVALID,
            f"the clip has {counted(clip.num_frames, 'frame')}, expected 2 to {config.max_frames}",
            "cut the clip, or raise lift.max_frames",
        )


def _lowest_m(body: BodyModel, fit: BodyFit) -> np.ndarray:  # (T,)
    """Height of the lowest skin point in the level frame."""
    vertices, _ = body.vertices_and_joints(fit.pose_rad, fit.transl_m, fit.betas)
    return vertices[..., 2].amin(1).numpy()


class _Clock:
    """Seconds that each part takes."""

    def __init__(self):
        self.seconds = {}
        self.start()

    def start(self) -> None:
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[f"seconds_{part}"] = now - self._last
        self._last = now
