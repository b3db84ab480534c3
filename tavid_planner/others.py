"""What the people do who are marked beside the actor: whether one of them takes the target, in a generated video.

A video model may let another person act than the one who shall. Nothing in the actor's own motion shows that: their
hand may reach the target, too, or an arm that reaches past them may be taken for theirs.
"""

import re
from typing import TYPE_CHECKING

from hoi_motion.progress import silent
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.instances import other_people
from tavid_planner.request import InteractionRequest

if TYPE_CHECKING:
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
    """What the actor's hands do in the video of a request, and whether those act who shall (`right_people`).

    Raises:
        of hoi_motion.lift.observe_clip.
    """
    from hoi_motion.lift import observe_clip

    seen = observe_clip(clip, config=config, on_progress=on_progress, cancel=cancel)
    return seen, right_people(request, who_takes(request, clip, seen, config, cancel), seen, clip.fps)


def who_takes(
    request: InteractionRequest, clip: "Clip", seen: "Observation", config: "LiftConfig", cancel: "CancelToken | None"
) -> tuple[tuple[str, float], ...]:
    """Names of the others whose hand touches the target, each with the second at which it first does.

    Args:
        seen: the actor's keypoints and the target's track in this clip.

    Raises:
        ControlError: CANCELLED.
    """
    people = other_people(request.instances)
    if not people:
        return ()
    from hoi_motion.keypoints.sources import keypoint_source
    from hoi_motion.lift.contact import contact_intervals

    taking, source = [], keypoint_source(config.keypoints)
    for person in people:
        try:
            track = source.detect(clip.frames, actor_mask=person.mask, cancel=cancel)
        except TavidError as error:
            if error.code != ErrorCode.NO_ACTOR:
                raise
            continue  # who is not found in the video takes nothing that could be seen
        contacts = contact_intervals(track, seen.target, clip.fps)
        if contacts:
            taking.append((person.name, min(c.start_frame for c in contacts) / clip.fps))
    return tuple(taking)


def right_people(request: InteractionRequest, taking: tuple[tuple[str, float], ...], seen: "Observation", fps: float):
    """Whether those act who shall: nobody but the actor takes the target, or one other after them who is handed it.

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
