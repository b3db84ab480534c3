"""Who takes what, of two people, in a clip that begins with a scene's first frame: right actor and right object."""

from dataclasses import replace

import numpy as np

from hoi_motion.errors import LiftError
from hoi_motion.keypoints.hands import hand_centres_px
from hoi_motion.keypoints.track import KeypointSource, KeypointTrack
from hoi_motion.lift.contact import tolerance_px
from hoi_motion.motion import HANDS
from training.bench.candidates import acting_hand, first_candidate, taken_candidate, touched_candidates
from training.bench.scoring import VideoScore, candidate_masks, score
from training.scenes.doings import HAND_OVER, TWO_VERBS, WHICH_ACTOR
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.scene import SceneSample

# hands so near each other, in units of what counts as touching, are one
SAME_HAND = 3.5
# who changes this many times less than the other one did not do what the other did
BYSTANDS = 0.5
CHANGED_LEVELS = 25


def score_company(frames: np.ndarray, scene: SceneSample, keypoints: KeypointSource) -> VideoScore:
    """Judge a clip (T, H, W, 3) u8 of a scene with company.

    "hit": the marked actor takes the target, and the companion does what the caption says of them: nothing, takes
    their own object, or has a hand at the actor's when the object is handed over. "wrong": somebody takes something
    else, or the companion acts for the actor. "none": too little happens. "lost": one of them is not found.
    """
    masks = candidate_masks(scene)
    first, companion = scene.instance_ids[0], scene.company.companion_id
    own = [d.object_id for d in scene.doings if d.subject_id == companion]
    things = masks + [first == thing for thing in own if thing not in scene.candidate_ids]
    numbers = [scene.target_id, *(i for i in scene.candidate_ids if i != scene.target_id)]
    numbers += [thing for thing in own if thing not in scene.candidate_ids]
    wanted = numbers.index(own[0]) if own else None
    plain = score(frames, scene.frames[0], masks, scene.fps, keypoints)
    try:
        tracks = [
            keypoints.detect(frames, actor_mask=first == person) for person in (ACTOR_INSTANCE, companion)
        ]
    except LiftError:
        return replace(plain, outcome="lost", target_share=0.0)
    touched = [touched_candidates(track, things, scene.fps) for track in tracks]
    taken = [taken_candidate(t) for t in touched]
    if scene.company.kind == HAND_OVER:  # what is handed over may then be held before another one
        taken[0] = first_candidate(touched[0])
    changed = [changed_share(frames, first == person) for person in (ACTOR_INSTANCE, companion)]
    calm = int(np.argmin(changed))
    if scene.company.kind != HAND_OVER and changed[calm] < BYSTANDS * changed[1 - calm]:
        taken = _without_bystander(
            scene.company.kind, taken, touched, calm, same_hand(*tracks, tolerance_px(tracks[0], masks[0]))
        )
    share = float((touched[0] == 0).mean())
    return replace(plain, outcome=_outcome(scene.company.kind, taken, wanted, tracks, masks[0]), target_share=share)


def _outcome(kind: str, taken: list, wanted: int | None, tracks: list[KeypointTrack], mask: np.ndarray) -> str:
    actor, companion = taken
    if actor not in (0, None):
        return "wrong"
    if kind == TWO_VERBS:
        if companion not in (wanted, None):
            return "wrong"
        return "hit" if actor == 0 and companion == wanted else "none"
    if kind == HAND_OVER:
        if actor is None:
            return "none" if companion is None else "wrong"
        # two hands on one thing are no further apart than it is large
        return "hit" if hands_meet(*tracks, float(np.sqrt(mask.sum()))) else "none"
    if companion is not None:
        return "wrong"
    return "hit" if actor == 0 else "none"


def same_hand(first: KeypointTrack, second: KeypointTrack, near_px: float) -> np.ndarray:  # (T,) bool
    """Frames in which what is taken for the acting hands of two people is one and the same hand.

    An arm that reaches past a person is found for that person, too.
    """
    hands = [hand_centres_px(track)[:, HANDS.index(acting_hand(track)[0])] for track in (first, second)]
    return np.nan_to_num(np.linalg.norm(hands[0] - hands[1], axis=1), nan=np.inf) <= SAME_HAND * near_px


def changed_share(frames: np.ndarray, body: np.ndarray) -> float:
    """How much of a person (H, W) of the first frame does not look like that in the second half of a clip.

    Whose arm it is that moves: people who act move more of themselves than those whom an arm passes.
    """
    late = frames[len(frames) // 2 :][:, body].astype(np.int16)
    return float((np.abs(late - frames[0][body].astype(np.int16)).max(-1) > CHANGED_LEVELS).mean())


def _without_bystander(kind: str, taken: list, touched: list, calm: int, same: np.ndarray) -> list:
    """What both take (of _outcome), when one of them, number `calm`, moves much less than the other."""
    taken, other = list(taken), 1 - calm
    if kind == WHICH_ACTOR:  # only one acts
        taken[other] = taken[calm] if taken[other] is None else taken[other]
        taken[calm] = None
    else:
        same = same | (touched[calm] == taken[other])
        taken[calm] = taken_candidate(np.where(same, -1, touched[calm]))
    return taken


def hands_meet(first: KeypointTrack, second: KeypointTrack, reach_px: float) -> bool:
    """Whether the acting hands of two people come as near each other, both away from where they were at first."""
    centres, left = [], []
    for track in (first, second):
        hand, away = acting_hand(track)
        centres.append(hand_centres_px(track)[:, HANDS.index(hand)])
        left.append(away)
    apart = np.nan_to_num(np.linalg.norm(centres[0] - centres[1], axis=1), nan=np.inf)
    return bool((apart[left[0] & left[1]] <= reach_px).any())
