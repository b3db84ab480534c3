"""What is known of a clip with two people: the second one, and who does what to what, when."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.motion import HoiMotion

WHICH_ACTOR = "which_actor"
HAND_OVER = "hand_over"
TWO_VERBS = "two_verbs"
KINDS = (WHICH_ACTOR, HAND_OVER, TWO_VERBS)
"""One of two acts and the other stands by; one hands something to the other; each does something of their own."""


@dataclass(frozen=True)
class Doing:
    """One interaction.

    Attributes:
        subject_id: instance that does it; verb: as in the caption; object_id: instance it is done to.
        touching: (T,) bool, the subject's hand is on the object.
        recipient_id: instance that gets the object, None unless it is handed over.
    """

    subject_id: int
    verb: str
    object_id: int
    touching: np.ndarray
    recipient_id: int | None = None


@dataclass(frozen=True)
class Company:
    """The second figure, and what both do; the marked actor's own doing comes first.

    Attributes:
        kind: one of KINDS; companion_id: instance of the second figure; motion: theirs, in the actor's world frame.
        companion_touching: (T,) bool, their hand is on an object.
    """

    kind: str
    companion_id: int
    motion: HoiMotion
    companion_touching: np.ndarray
    doings: tuple[Doing, ...]
