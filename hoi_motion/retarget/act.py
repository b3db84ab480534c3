"""Act: what should happen to the object, as the instruction says; the video shows where and when.

A video is blurred, and a hand hides what it holds: often one cannot see whether an object is touched, slid or lifted,
but the instruction says it. Where the lifted path shows another act, it is changed as little as the act needs.
"""

import re
from dataclasses import replace

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, RetargetError
from hoi_motion.lift.object.pose import slid
from hoi_motion.motion import SIDE_OF_HAND, Contact, HoiMotion
from hoi_motion.retarget.arm.grasp import acting_contact
from hoi_motion.retarget.arm.timeline import MOVED_M, course_of
from hoi_motion.rigid import minimum_jerk

ACTS = ("touch", "slide", "lift")
VERBS = {
    "touch": "touch touches touching tap taps tapping press presses pressing pat pats patting poke pokes poking",
    "slide": "slide slides sliding push pushes pushing pull pulls pulling drag drags dragging shove shoves shoving",
    "lift": "pick picks picking lift lifts lifting raise raises raising grab grabs grabbing take takes taking "
    "fetch fetches fetching carry carries carrying hold holds holding put puts putting place places placing "
    "give gives giving",
}
ACT_OF_WORD = {word: act for act, words in VERBS.items() for word in words.split()}
RISES_M = 0.03  # a hand that rises by less does not show the lift's height
LIFT_M = 0.10  # height of a lift where nothing shows it: a hand's breadth


def act_of(words: str) -> str:
    """The act of the last verb in the words before the object, "touch", "slide" or "lift"; empty where none is known.

    "The man who touches his ear picks up the" is a lift. Verbs that may be more than one act ("moves") are not known.
    """
    known = [ACT_OF_WORD[word] for word in re.findall(r"[a-z]+", words.lower()) if word in ACT_OF_WORD]
    return known[-1] if known else ""


def checked_act(act: str) -> str:
    """Raises: InputError: CONFIG_INVALID for an unknown act; an empty one leaves it to the path."""
    if act and act not in ACTS:
        raise InputError(ErrorCode.CONFIG_INVALID, f"no act {act!r}", f"one of {', '.join(ACTS)}")
    return act


def with_act(motion: HoiMotion, act: str, body) -> HoiMotion:
    """The motion with its object's path changed to match an act, and a note on the change; unchanged if they agree.

    - touch: the object stays where it rests.
    - slide: it moves at its resting height as seen by the camera, also where it seemed to sink into its support; if it
      was seen to stay, as far as the hand moves.
    - lift: it follows the hand; if the hand does not rise, it is raised by LIFT_M.

    Args:
        act: one of ACTS; empty leaves the motion as it is. body: BodyModel of the motion, for where the hand is.

    Raises:
        InputError: FILE_INVALID for a motion without an object or a contact, CONFIG_INVALID for another act.
        RetargetError: UNREACHABLE for a slide when neither object nor hand shows where to.
    """
    if not checked_act(act):
        return motion
    contact = acting_contact(motion)
    seen = course_of(motion, contact).kind
    thing = motion.object_named(contact.object_name)
    T = thing.T_world_object.copy()
    if seen == act and not (act == "slide" and _sinks(motion, T[:, :3, 3])):
        return motion
    if act == "touch":
        T[:] = T[0]
    elif act == "slide":
        T[:, :3, :3] = T[0, :3, :3]
        T[:, :3, 3] = _along_the_support(motion, T[:, :3, 3], contact, body)
    else:
        T[:, :3, 3] = _upwards(motion, T[:, :3, 3], contact, body)
    contacts = list(motion.contacts)
    if act == "lift":  # an object in the air is held to the end
        contacts[contacts.index(contact)] = replace(contact, end_frame=motion.num_frames)
    objects = tuple(replace(o, T_world_object=T) if o is thing else o for o in motion.objects)
    note = f"the video shows a {seen} and the instruction says {act}: the object's path is changed to that"
    if seen == act:
        note = "the object seems to sink into what it is slid on: its path is changed to that height"
    return motion.replace(objects=objects, contacts=tuple(contacts), notes=(*motion.notes, note))


def _sinks(motion: HoiMotion, path_m: np.ndarray) -> bool:
    """Whether a slid object goes down into its support, and goes anywhere if it does not."""
    if (path_m[0, 2] - path_m[:, 2]).max() <= MOVED_M:
        return False
    level_m = slid(path_m, path_m[0, 2], motion.camera)
    return bool(np.linalg.norm(level_m[-1] - level_m[0]) > MOVED_M)


def _along_the_support(motion: HoiMotion, path_m: np.ndarray, contact: Contact, body) -> np.ndarray:  # (T, 3)
    level_m = slid(path_m, path_m[0, 2], motion.camera)
    level_m += path_m[0] - level_m[0]
    if np.linalg.norm(level_m[-1] - level_m[0]) > MOVED_M:
        return level_m
    level_m = path_m[0] + _hand_way_m(motion, contact, body) * [1.0, 1.0, 0.0]
    if np.linalg.norm(level_m[-1] - level_m[0]) > MOVED_M:
        return level_m
    raise RetargetError(
        ErrorCode.UNREACHABLE,
        f"{contact.object_name!r} should be slid, and neither it nor the hand goes anywhere in the video",
        "take another sample, or change the instruction",
    )


def _upwards(motion: HoiMotion, path_m: np.ndarray, contact: Contact, body) -> np.ndarray:  # (T, 3)
    way_m = _hand_way_m(motion, contact, body)
    if way_m[-1, 2] > RISES_M:
        return path_m[0] + way_m
    frames = np.arange(motion.num_frames) - contact.start_frame
    rise = minimum_jerk(frames / max(motion.num_frames - 1 - contact.start_frame, 1))
    path_m = path_m.copy()
    path_m[:, 2] = path_m[0, 2] + LIFT_M * rise
    return path_m


def _hand_way_m(motion: HoiMotion, contact: Contact, body) -> np.ndarray:  # (T, 3)
    """Displacement of the hand since it reached the object, world; 0 before, constant once it has left."""
    start, end = contact.start_frame, contact.end_frame
    points = body.joints(motion.pose_rad[start:end], motion.transl_m[start:end], motion.betas).numpy()
    hand = points[:, body.keypoint_names.index(f"{SIDE_OF_HAND[contact.hand]}_middle1")].astype(float)
    way_m = np.zeros((motion.num_frames, 3))
    way_m[start:end] = hand - hand[0]
    way_m[end:] = way_m[end - 1]
    return way_m
