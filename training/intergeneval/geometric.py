"""A judge that answers from geometry: where hands and things are, and what touches what."""

import numpy as np

from hoi_motion.frames import runs_of
from tavid_planner.errors import ErrorCode, InputError
from training.intergeneval.evidence import Evidence
from training.intergeneval.judged_clip import JudgedClip
from training.intergeneval.questions import Interaction

TOWARDS_M = 0.08  # a hand that comes so much nearer moves towards a thing
CLOSE_M = 0.16  # from the middle of a hand to the middle of a thing
# the same in the picture, where what lies along the line of sight is not seen
TOWARDS_SEEN_M = 0.02
CLOSE_SEEN_M = 0.12
ACTING_M = 0.10  # how far a hand of who does something moves
STAYS_SHARE = 0.1  # of the clip
RAISED_M = 0.06  # in the picture: what is pushed away goes up in it, too, but less
SHIFTED_M = 0.03


class GeometricJudge:
    """Answers from a clip's evidence."""

    def answers(self, clip: JudgedClip, interaction: Interaction) -> np.ndarray:  # (10,) bool
        evidence = _evidence(clip)
        subject, other = interaction.subject_id, interaction.other_id
        touch = evidence.contact[subject, other]
        distance = hand_distance(evidence.hands_px[subject], evidence.centre_px[other][:, None]) / evidence.px_per_m
        moved = hand_travel(evidence.hands_px[subject]) / evidence.px_per_m
        return answers_from(
            touch,
            {person: c for (person, thing), c in evidence.contact.items() if thing == other and person != subject},
            [c for (person, thing), c in evidence.contact.items() if person == subject and thing != other],
            distance,
            moved,
            _outcome(evidence, interaction, touch),
            (TOWARDS_SEEN_M, CLOSE_SEEN_M),
        )

    def changes(self, clip: JudgedClip, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        evidence = _evidence(clip)
        return evidence.emerged[frames], evidence.vanished[frames]


def answers_from(
    touch: np.ndarray,
    others_touch: dict[int, np.ndarray],
    touches_else: list[np.ndarray],
    distance_m: np.ndarray,
    moved_m: float,
    outcome: bool,
    limits_m: tuple[float, float] = (TOWARDS_M, CLOSE_M),
) -> np.ndarray:  # (10,) bool
    """The ten answers.

    Args:
        touch: (T,) bool of subject and object; others_touch: of other people and the object; touches_else: of the
            subject and other things.
        distance_m: (T,) of the subject's nearer hand from the object; moved_m: how far a hand goes from where it was.
        outcome: whether the verb's result is there at the end; limits_m: see TOWARDS_M and CLOSE_M.
    """
    stay = longest_run(touch)
    first = np.argmax(touch) if touch.any() else len(touch)
    earlier = any(c[:first].any() for c in others_touch.values())
    known = distance_m[np.isfinite(distance_m)]
    nearest, start = (known.min(), known[0]) if len(known) else (np.inf, np.inf)
    return np.array(
        [
            not touch[0],
            start - nearest > limits_m[0] or (touch.any() and not touch[0]),
            nearest < limits_m[1] or touch.any(),
            touch.any(),
            stay >= max(2, STAYS_SHARE * len(touch)),
            outcome,
            moved_m > ACTING_M,
            touch.any() and not earlier,
            touch.any() or any(c.any() for c in others_touch.values()),
            touch.any() and stay > max((longest_run(c) for c in touches_else), default=0),
        ],
        bool,
    )


def longest_run(touch: np.ndarray) -> int:
    return max((end - start for start, end in runs_of(touch)), default=0)


def hand_distance(hands: np.ndarray, place: np.ndarray) -> np.ndarray:  # (T, 2, D), (T, 1, D) -> (T,)
    """From the nearer hand to a place; NaN where neither is seen."""
    distance = np.linalg.norm(hands - place, axis=-1)
    return np.where(np.isnan(distance).all(1), np.nan, np.nanmin(np.nan_to_num(distance, nan=np.inf), axis=1))


def hand_travel(hands: np.ndarray) -> float:  # (T, 2, D)
    """How far the hand that goes furthest gets from where it was first seen; 0 for hands that are not seen."""
    furthest = 0.0
    for hand in range(2):
        seen = hands[np.isfinite(hands[:, hand, 0]), hand]
        if len(seen):
            furthest = max(furthest, float(np.linalg.norm(seen - seen[0], axis=-1).max()))
    return furthest


def _outcome(evidence: Evidence, interaction: Interaction, touch: np.ndarray) -> bool:
    if not touch.any():
        return False
    if interaction.recipient_id is not None:
        return bool(evidence.contact[interaction.recipient_id, interaction.other_id][-1] and not touch[-1])
    centre = evidence.centre_px[interaction.other_id]
    seen = centre[np.isfinite(centre[:, 0])]
    if len(seen) < 2 or not touch[-1]:
        return False
    shift = (seen[-1] - seen[0]) / evidence.px_per_m
    raised, shifted = -shift[1] > RAISED_M, np.linalg.norm(shift) > SHIFTED_M
    return bool({"picks up": raised, "slides": shifted and not raised}.get(interaction.verb, not shifted))


def _evidence(clip: JudgedClip) -> Evidence:
    if clip.evidence is None:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            "the geometric judge knows nothing of this clip",
            "it judges clips of scenes; use a judge that looks at pictures",
        )
    return clip.evidence
