"""Which part of a recording is a clip: the actor is there and does not touch the target yet, and touches it later.

The rule by which TaViD chose its clips of BEHAVE and Ego-Exo4D.
"""

import numpy as np


class NoClip(Exception):
    """No part of a recording is a clip; the message says why."""


def clip_start(known: np.ndarray, touching: np.ndarray, usable: np.ndarray, num_frames: int) -> int:
    """First frame of a clip of `num_frames` frames with the touch as near its middle as can be.

    Args:
        known: (T,) bool, frames for which it is known whether the actor touches the target.
        touching: (T,) bool, whether it does.
        usable: (T,) bool, frames with the actor in view and a mask of the target.

    Raises:
        NoClip: too short, no actor and target seen together, never touching, touching from the start.
    """
    count = len(known)
    if count < num_frames:
        raise NoClip(f"it has {count} frames, {num_frames} are needed")
    if not usable.any():
        raise NoClip("actor and target are never seen together")
    touches = np.flatnonzero(known & touching)
    if not len(touches):
        never = "the actor never touches the target"
        raise NoClip(never if known.any() else "nothing tells when the actor touches the target")
    free = np.flatnonzero(known & ~touching & usable)
    starts = {}
    for touch in touches:
        for start in free[(free < touch) & (free > touch - num_frames) & (free + num_frames <= count)]:
            if not (known & touching)[start:touch].any():
                starts[int(start)] = abs(int(touch - start) - num_frames // 2)
    if not starts:
        if touches[0] == np.flatnonzero(known)[0]:
            raise NoClip("the actor touches the target from the first frame on")
        raise NoClip(f"no {num_frames} frames begin with the actor in view and off the target, then touching it")
    return min(starts, key=lambda start: (starts[start], start))
