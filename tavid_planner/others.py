"""What the people do who are marked beside the actor: whether one of them takes the target, in a generated video.

A video model may let another person act than the one who should. Nothing in the actor's own motion shows that: their
hand may reach the target, too, or an arm that reaches past them may be taken for theirs.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from hoi_motion.frames import runs_of
from hoi_motion.progress import silent
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.instances import other_people
from tavid_planner.request import InteractionRequest

if TYPE_CHECKING:
    from hoi_motion.keypoints.track import KeypointTrack
    from hoi_motion.lift.clip import Clip
    from hoi_motion.lift.config import LiftConfig
    from hoi_motion.lift.pipeline import Observation
    from hoi_motion.progress import CancelToken, OnProgress

_WHOM = r"(?:him|her|them|me|us|you|somebody|someone|another|an?|the|his|their|[A-Z]\w+)"
HANDS_OVER = re.compile(
    r"\b(?:hand(?:s|ing)?|giv(?:e|es|ing)|pass(?:es|ing)?|offer(?:s|ing)?)\s+(?:over\s+)?"
    rf"(?:(?:the|an?|it|his|her|their|this|that|\[TGT\]).*\bto\s+{_WHOM}\b|(?:him|her|them|me|us|you)\s+(?:the|an?)\b)"
)
"""To hand (give, pass, offer) something to somebody, or somebody something; not a hand that goes to something."""


def hands_over(instruction: str) -> bool:
    """Whether an instruction says that the object goes to somebody else."""
    return HANDS_OVER.search(instruction) is not None


def hands_seen(
    request: InteractionRequest,
    clip: "Clip",
    config: "LiftConfig",
    on_progress: "OnProgress" = silent,
    cancel: "CancelToken | None" = None,
) -> tuple["Observation", bool | None]:
    """What the actor's hands do in the video of a request, and whether the right people act (`right_people`).

    Raises:
        InputError, LiftError, ControlError: as in `hoi_motion.lift.observe_clip`.
    """
    from hoi_motion.lift import observe_clip

    seen = observe_clip(clip, config=config, on_progress=on_progress, cancel=cancel)
    return seen, right_people(request, who_takes(request, clip, seen, config, cancel), seen, clip.fps)


def who_takes(
    request: InteractionRequest, clip: "Clip", seen: "Observation", config: "LiftConfig", cancel: "CancelToken | None"
) -> tuple[tuple[str, float], ...]:
    """Names of the others who take the target in a hand, each with the second at which they do.

    Their hand touches it or, where it is to be handed over, meets the actor's: what both hold is hidden.

    Args:
        seen: the actor's keypoints and the target's track in this clip.

    Raises:
        ControlError: CANCELLED.
    """
    people = other_people(request.instances)
    if not people:
        return ()
    from hoi_motion.keypoints.actor import ON_MASK, share_on
    from hoi_motion.keypoints.sources import keypoint_source
    from hoi_motion.lift.contact import contact_intervals, has_left

    taking, source = [], keypoint_source(config.keypoints)
    for person in people:
        try:
            track = source.detect(clip.frames, actor_mask=person.mask, cancel=cancel)
        except TavidError as error:
            if error.code != ErrorCode.NO_ACTOR:
                raise
            continue  # somebody who is not found in the video takes nothing that could be seen
        if share_on(track.body_px[track.seen.argmax()], person.mask) < ON_MASK:
            continue  # somebody else was found
        touching = np.zeros(clip.num_frames, bool)
        if hands_over(request.instruction):
            touching |= hands_meet(seen.track, track, clip.target_mask, seen.target.camera)
        for contact in contact_intervals(track, seen.target, clip.fps):
            # what moves past a hand that stays where it was moves with the actor's
            touching[contact.start_frame : contact.end_frame] |= has_left(track, contact.hand, seen.target.camera)[
                contact.start_frame : contact.end_frame
            ].any()
        if touching.any():
            taking.append((person.name, int(touching.argmax()) / clip.fps))
    return tuple(taking)


def hands_meet(
    first: "KeypointTrack", second: "KeypointTrack", thing: np.ndarray, camera: np.ndarray | None = None
) -> np.ndarray:  # (T,) bool
    """Frames in which a hand of one person stays at a hand of another, both away from where they were at first.

    Two hands on one thing are no further apart than it is large.

    Args:
        thing: (H, W) bool, its mask in the first frame.
        camera: (T, 2, 3) of `ObjectTrack`; None stands still.
    """
    from hoi_motion.keypoints.hands import hand_centres_px
    from hoi_motion.lift.contact import MIN_CONTACT_FRAMES, has_left
    from hoi_motion.motion import HANDS

    centres = [hand_centres_px(track) for track in (first, second)]
    for track, places in zip((first, second), centres):
        for number, hand in enumerate(HANDS):
            places[~has_left(track, hand, camera), number] = np.nan
    apart = np.linalg.norm(centres[0][:, :, None] - centres[1][:, None], axis=-1)  # (T, 2, 2)
    near = (np.nan_to_num(apart, nan=np.inf) <= np.sqrt(thing.sum())).any((1, 2))
    for start, end in runs_of(near):
        near[start:end] = end - start >= MIN_CONTACT_FRAMES
    return near


def right_people(
    request: InteractionRequest, taking: tuple[tuple[str, float], ...], seen: "Observation", fps: float
) -> bool | None:
    """Whether the right people act: nobody but the actor takes the target or, in a hand-over, another one after them.

    Returns:
        None when nobody else is marked.
    """
    if not other_people(request.instances):
        return None
    if not hands_over(request.instruction):
        return not taking
    if not seen.contacts:
        return False
    first_s = min(c.start_frame for c in seen.contacts) / fps
    return any(at_s >= first_s for _, at_s in taking)
