"""The marked instances of a request: actor, target and others, each with a mask in the first frame.

The single target mask of a plain request is the special case of one instance (TaViD); actor and target correspond to
[SRC] and [TGT]; up to five instances make MATRIX's first-frame ID map.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.arrays import odd_character
from hoi_motion.errors import counted, shown
from hoi_motion.masks import checked_mask
from hoi_motion.progress import CancelToken
from tavid_planner.errors import ErrorCode, InputError

ACTOR = "actor"
TARGET = "target"
OTHER = "other"
ROLES = (ACTOR, TARGET, OTHER)
ID_ORDER = (TARGET, ACTOR, OTHER)
MAX_INSTANCES = 5
MAX_NAME = 60
# neighbouring masks touch at their edges; an overlap above this share of the smaller one is one thing marked twice
MOST_OVERLAP = 0.1
# share of a person's confident body points that must be inside the actor mask; nearly all are inside a right one
LEAST_OF_BODY = 0.2
# another mask of at least this share of the actor's is taken for a person's, a smaller one for a thing's: of people at
# a table, by how much they hide each other, it is 0.37 or more, of what they take 0.18 or less
PERSON_SHARE = 0.25
SURE_POINT = 0.5
MASK_MARGIN = 0.02  # share of the picture's height by which a mask may be too tight


@dataclass(frozen=True)
class Instance:
    """One marked object or person.

    Attributes:
        name: as in the instruction, "red mug"; unique in a request.
        role: "actor", "target" or "other".
        mask: (H, W) bool, its visible pixels in the first frame.
    """

    name: str
    role: str
    mask: np.ndarray  # (H, W)


def checked_instances(instances: Iterable[Instance], size_px: tuple[int, int]) -> tuple[Instance, ...]:
    """Instances in the order of their IDs: target, actor, others in the order given.

    Raises:
        InputError: CONFIG_INVALID for an unknown role, no target or two, two actors, too many, or a bad name;
            MASK_INVALID for overlapping masks; errors of `checked_mask`. All name the instance.
    """
    instances = tuple(instances)
    for instance in instances:
        if instance.role not in ROLES:
            raise _invalid(f"instance {instance.name!r} has the role {shown(instance.role)}", f"use {', '.join(ROLES)}")
        if not isinstance(instance.name, str) or not instance.name.strip() or len(instance.name) > MAX_NAME:
            raise _invalid(
                f"an instance's name is {str(instance.name)[:MAX_NAME]!r}", f"give 1 to {MAX_NAME} characters"
            )
        if (odd := odd_character(instance.name)) is not None:
            raise _invalid(f"an instance's name, {instance.name!a}, holds {odd!a}", "give characters of a text")
    if len(instances) > MAX_INSTANCES:
        raise _invalid(f"{len(instances)} instances are marked", f"mark at most {MAX_INSTANCES}")
    names = [instance.name for instance in instances]
    if len(set(names)) < len(names):
        raise _invalid(
            f"two instances have the same name: {', '.join(map(repr, sorted(names)))}", "give each its own name"
        )
    for role, most in ((TARGET, 1), (ACTOR, 1)):
        found = [instance.name for instance in instances if instance.role == role]
        if len(found) > most:
            raise _invalid(f"{len(found)} instances have the role {role}: {', '.join(found)}", f"mark one {role}")
    if not any(instance.role == TARGET for instance in instances):
        raise _invalid("no instance has the role target", "mark the object that the actor interacts with")
    checked = []
    for instance in sorted(instances, key=lambda instance: ID_ORDER.index(instance.role)):
        mask = np.array(checked_mask(instance.mask, size_px, f"mask of {instance.name!r}"))
        mask.setflags(write=False)
        checked.append(Instance(instance.name, instance.role, mask))
    _check_overlap(checked)
    return tuple(checked)


def with_another_actor(instances: tuple[Instance, ...]) -> tuple[Instance, ...] | None:
    """The same instances with the actor's and another instance's marks exchanged.

    Of several other people, the one closest in size to the actor.

    Args:
        instances: as `checked_instances` orders them.

    Returns:
        None when no actor or no other person is marked.
    """
    actor = next((i for i in instances if i.role == ACTOR), None)
    others = other_people(instances)
    if actor is None or not others:
        return None
    size = np.log(actor.mask.sum())
    other = min(others, key=lambda i: abs(np.log(i.mask.sum()) - size))
    there = {actor.name: other.mask, other.name: actor.mask}
    return tuple(replace(i, mask=there.get(i.name, i.mask)) for i in instances)


def other_people(instances: tuple[Instance, ...]) -> tuple[Instance, ...]:
    """Those of the others that are people next to the actor, by their size; none when no actor is marked."""
    least = PERSON_SHARE * min((i.mask.sum() for i in instances if i.role == ACTOR), default=np.inf)
    return tuple(i for i in instances if i.role == OTHER and i.mask.sum() >= least)


def id_map(masks: Iterable[np.ndarray]) -> np.ndarray:  # of (H, W) bool -> (H, W) u8
    """0 for the background, else the instance's number from 1 on; where two overlap, that of the later one."""
    result = None
    for number, mask in enumerate(masks, start=1):
        result = np.zeros(mask.shape, np.uint8) if result is None else result
        result[mask] = number
    if result is None:
        raise ValueError("an ID map needs at least one mask")
    return result


def check_somebody_is_marked(
    rgb: np.ndarray, actor_mask: np.ndarray, source=None, cancel: CancelToken | None = None
) -> None:
    """Refuse an actor mask that is not on a person, according to a detector.

    If it sees nobody at all, nothing is refused: the detector may be wrong.

    Args:
        rgb: (H, W, 3) u8; actor_mask: (H, W) bool; source: a KeypointSource, None for MediaPipe.

    Raises:
        InputError: MASK_INVALID.
        ControlError: CANCELLED.
    """
    import cv2

    from hoi_motion.keypoints.sources import keypoint_source

    source = source or keypoint_source("mediapipe")
    body = _body_points(source, rgb, actor_mask, cancel)
    if body is None:
        # nobody near the mask: is there a person elsewhere?
        body = _body_points(source, rgb, None, cancel)
    if body is None:
        return
    height, width = actor_mask.shape
    sure = body[body[:, 2] >= SURE_POINT, :2].round().astype(int)
    sure = sure[((sure >= 0) & (sure < (width, height))).all(1)]
    if not len(sure):
        return
    side = 2 * max(1, round(MASK_MARGIN * height)) + 1
    marked = cv2.dilate(actor_mask.astype(np.uint8), np.ones((side, side))).astype(bool)
    inside = int(marked[sure[:, 1], sure[:, 0]].sum())
    if inside < LEAST_OF_BODY * len(sure):
        raise InputError(
            ErrorCode.MASK_INVALID,
            f"the actor mask of {counted(int(actor_mask.sum()), 'pixel')} is not on a person: {inside} of {len(sure)} "
            "body points of the nearest person are in it",
            "mark the person who should act, or leave the actor out",
        )


def _body_points(
    source, rgb: np.ndarray, actor_mask: np.ndarray | None, cancel: CancelToken | None
) -> np.ndarray | None:  # (33, 3)
    """Body points of one person in a picture, None if there is no person."""
    from hoi_motion.errors import LiftError

    try:
        # the tracker needs to see a person more than once
        return source.detect(np.repeat(rgb[None], 2, axis=0), actor_mask=actor_mask, cancel=cancel).body_px[0]
    except LiftError as error:
        if error.code is not ErrorCode.NO_ACTOR:
            raise
        return None


def _check_overlap(instances: list[Instance]) -> None:
    for i, first in enumerate(instances):
        for second in instances[i + 1 :]:
            common = int((first.mask & second.mask).sum())
            if common > MOST_OVERLAP * min(first.mask.sum(), second.mask.sum()):
                raise InputError(
                    ErrorCode.MASK_INVALID,
                    f"masks of {first.name!r} and {second.name!r} have {counted(common, 'pixel')} in common",
                    "mark each instance's own visible pixels",
                )


def _invalid(message: str, hint: str) -> InputError:
    return InputError(ErrorCode.CONFIG_INVALID, message, hint)
