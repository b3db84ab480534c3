"""Who takes what, of two people, in a clip that begins with a scene's first frame: right actor and right object."""

from dataclasses import replace

import numpy as np

from hoi_motion.errors import LiftError
from hoi_motion.keypoints.track import KeypointSource, KeypointTrack
from tavid_planner.others import hands_meet
from training.bench.candidates import first_candidate, taken_candidate, touched_candidates
from training.bench.scoring import VideoScore, candidate_masks, score
from training.scenes.doings import HAND_OVER, TWO_VERBS
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.scene import SceneSample


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
        tracks = [keypoints.detect(frames, actor_mask=first == person) for person in (ACTOR_INSTANCE, companion)]
    except LiftError:
        return replace(plain, outcome="lost", target_share=0.0)
    touched = [touched_candidates(track, things, scene.fps) for track in tracks]
    taken = [taken_candidate(t) for t in touched]
    if scene.company.kind == HAND_OVER:  # what is handed over may then be held before another one
        taken[0] = first_candidate(touched[0])
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
        return "hit" if hands_meet(*tracks, mask).any() else "none"
    if companion is not None:
        return "wrong"
    return "hit" if actor == 0 else "none"
