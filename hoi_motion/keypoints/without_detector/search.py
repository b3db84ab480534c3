"""A search for a person with the landmark model alone, and how credible the person that it finds is.

For a trunk without a head the detector of bodies finds nothing, or a small figure in what is held. From many starts the
landmark model comes to the person again and again, and to chance figures seldom.
"""

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import ON_MASK, distance, found_again, share_on
from hoi_motion.keypoints.hands import ARM, LEAST_PALMS, PALM, TOO_LARGE, hands_too_large, palm_px
from hoi_motion.keypoints.sides import views_agree
from hoi_motion.keypoints.without_detector.regions import Look, LookAt, Region

# starts of the search: sides as a share of the longer side of the picture, centres as shares of its width and height
SIDES = (0.8, 1.2, 1.8)
ACROSS = (0.2, 0.5, 0.8)
DOWN = (0.5, 0.9)
# looks from each start, each in the square that the look before has given
LOOKS = 3
# two looks whose shoulders and hips are less than this share of the height apart see the same person
SAME = 0.12
# factors on the score where hands are too large for a figure, and where none are found
NOT_THEIRS = 0.3
NO_HAND = 0.5
# of looks with at least this share of the best score, the one nearest to the target counts
NEARLY = 0.7
# confidence of a sure point
SURE = 0.5
# credibility that a person found without the detector must have where hands are found (LEAST_PALMS), and without hands;
# then the detector must also find somebody in most pictures: the landmark model is as sure of cats as of people
LEAST_CREDIBLE = 0.35
WITHOUT_HANDS = 0.6
# score of a single look that shows where to start
LEAST_LIKELY = 0.3
# a look in another picture is at the same person as the best one if its score is at least this share of that, and place
# and size have changed by no more than they may in so many unseen frames
ANCHOR = 0.4
FAR_APART = 5
ARMS = (kp.L_SHOULDER, kp.R_SHOULDER, kp.L_ELBOW, kp.R_ELBOW, kp.L_WRIST, kp.R_WRIST)


def search(look: LookAt, picture: np.ndarray) -> list[Look]:
    """Where the landmark model comes to from many starts."""
    height, width = picture.shape[:2]
    found = []
    for side in SIDES:
        for x in ACROSS:
            for y in DOWN:
                region, seen = Region(np.array([x * width, y * height]), side * max(width, height)), None
                for _ in range(LOOKS):
                    seen = look(picture, region)
                    if seen is None:
                        break
                    region = seen.region
                if seen is not None:
                    found.append(seen)
    return found


def likeliest(
    found: list[Look],
    hands_px: list[np.ndarray],
    size_px: tuple[int, int],
    near_px: np.ndarray | None = None,
    actor_mask: np.ndarray | None = None,
) -> tuple[float, Look | None]:
    """The look that most probably shows the actor, and its score, 0 to 1.

    A look scores by others that have come to the same place, by sure arms and shoulders within the picture, and by
    hands (21, 2) that a detector of their own has found at the wrists and that are not too large. Of those that score
    nearly as much as the best it is the one nearest to the target; with an actor's mask (H, W) only looks on it count.
    """
    if actor_mask is not None:
        found = [one for one in found if _share_on(one, actor_mask) >= ON_MASK]
    if not found:
        return 0.0, None
    score = [_plausible(one, found, hands_px, size_px) for one in found]
    nearly = [i for i in range(len(found)) if score[i] >= NEARLY * max(score)]
    if near_px is None:
        chosen = max(nearly, key=lambda i: score[i])
    else:
        # of the looks at one person, the one with the best score
        nearest = found[min(nearly, key=lambda i: _away(found[i], near_px))]
        theirs = [i for i in nearly if _apart(found[i].body_px, nearest.body_px) < SAME]
        chosen = max(theirs, key=lambda i: score[i])
    return score[chosen], found[chosen]


def anchored(found: list[tuple[float, Look | None]], on_mask: bool = False) -> list[Look | None]:
    """Of the likeliest looks in the searched pictures of a clip, those that are at the same person as the best one.

    Args:
        on_mask: the first picture's is on an actor's mask; the others must be the same person as that.
    """
    best = 0 if on_mask else max(range(len(found)), key=lambda i: found[i][0])
    score, anchor = found[best]
    if anchor is None:
        return [None] * len(found)

    def is_them(s: float, one: Look) -> bool:
        return s >= ANCHOR * score and found_again([one.body_px], anchor.body_px, FAR_APART) is not None

    return [one if one is not None and (i == best or is_them(s, one)) else None for i, (s, one) in enumerate(found)]


def credibility(views: list[kp.KeypointTrack], palms: np.ndarray, size_px: tuple[int, int]) -> float:
    """How credible a clip's two views are, 0 to 1: that they agree, are sure of the arms, and fit the hands' sizes.

    Args:
        palms: (N,) lengths of the palms that a detector of hands has found, `palms_px`.
        size_px: height, width of the picture.
    """
    agree = views_agree(*views)
    arms = np.stack([view.body_px[:, ARMS] for view in views])  # (2, T, 6, 3)
    inside = ((arms[..., :2] >= 0) & (arms[..., :2] < size_px[::-1])).all(-1)
    sure = (arms[..., 2] * inside).mean(-1).max(0)
    tall = _usual_height_px(views)
    return float((agree * sure).mean() * (NOT_THEIRS if hands_too_large(palms, tall) else 1.0))


def doubted(views: list[kp.KeypointTrack], palms: np.ndarray, actor_mask: np.ndarray | None) -> bool:
    """Whether a person on whom both views agree is doubtful nevertheless: hands in the pictures are too large for them,
    or in the first one most of them is beside the actor's mask (H, W).

    Args:
        palms: (N,) as in `credibility`.
    """
    if hands_too_large(palms, _usual_height_px(views)):
        return True
    first = [view.body_px[0] for view in views if view.seen[0] and (view.body_px[0, :, 2] > SURE).any()]
    return actor_mask is not None and bool(first) and max(share_on(body, actor_mask) for body in first) < ON_MASK


def _usual_height_px(views: list[kp.KeypointTrack]) -> float:
    return float(np.median([height_px_of(body) for view in views for body in view.body_px[view.seen]] or [1.0]))


def out_of_reach(views: list[kp.KeypointTrack], near_px: np.ndarray | None) -> bool:
    """Whether a person is more than an arm's length from the target (2,) in the whole clip, in both views: they do not
    act, whoever else does. Without a target nobody is."""
    bodies = [body[body[:, 2] > SURE, :2] for view in views for body in view.body_px[view.seen]]
    bodies = [body for body in bodies if len(body)]
    if near_px is None or not bodies:
        return False
    away_px = min(float(np.linalg.norm(body - near_px, axis=1).min()) for body in bodies)
    return away_px > ARM * _usual_height_px(views)


def takes_over(
    others: list[kp.KeypointTrack],
    views: list[kp.KeypointTrack],
    palms: np.ndarray,
    size_px: tuple[int, int],
    near_px: np.ndarray | None = None,
) -> bool:
    """Whether the person found by the landmark model alone, `others`, is to be believed rather than the detector's.

    The detector's counts for nothing where they never come within reach of the target and the other one does; the hands
    in the pictures may be theirs then, and speak for nobody.

    Args:
        palms: (N,), size_px: as in `credibility`.
        near_px: (2,) of the target, where nobody says who acts.
    """
    undetected, detected = (credibility(pair, palms, size_px) for pair in (others, views))
    seen_share = float((views[0].seen | views[1].seen).mean())
    if out_of_reach(views, near_px) and not out_of_reach(others, near_px):
        return worth_believing(undetected, 0.0, seen_share, 0)
    return worth_believing(undetected, detected, seen_share, len(palms))


def worth_believing(undetected: float, detected: float, seen_share: float, num_hands: int) -> bool:
    """Whether the person whom the landmark model finds alone is to be believed rather than the detector's.

    Args:
        undetected, detected: `credibility` of the views without the detector and with it.
        seen_share: of the frames, those in which the detector finds anybody.
        num_hands: that a detector of hands has found.
    """
    if undetected <= detected:
        return False
    if num_hands >= LEAST_PALMS:
        return undetected >= LEAST_CREDIBLE
    return undetected >= WITHOUT_HANDS and seen_share >= kp.MIN_SEEN_SHARE


def _plausible(one: Look, found: list[Look], hands_px: list[np.ndarray], size_px: tuple[int, int]) -> float:
    arms, tall = one.body_px[list(ARMS)], height_px_of(one.body_px)
    inside = ((arms[:, :2] >= 0) & (arms[:, :2] < size_px[::-1])).all(1)
    alike = np.mean([_apart(one.body_px, other.body_px) < SAME for other in found])
    hands = np.mean([_theirs(hand, arms[-2:], tall) for hand in hands_px]) if hands_px else NO_HAND
    return float(np.sqrt(alike) * (arms[:, 2] * inside).mean() * hands)


def _share_on(one: Look, mask: np.ndarray) -> float:
    return share_on(one.body_px, mask) if (one.body_px[:, 2] > SURE).any() else 0.0


def _away(one: Look, near_px: np.ndarray) -> float:
    return distance(one.body_px, near_px) if (one.body_px[:, 2] > SURE).any() else np.inf


def _theirs(hand: np.ndarray, wrists: np.ndarray, height_px: float) -> float:
    """How well a hand (21, 2) goes with the wrists (2, 3) of somebody so tall."""
    palm = palm_px(hand)
    near = 1 / (1 + (np.linalg.norm(wrists[:, :2] - hand[0], axis=1).min() / palm) ** 2)
    return float(near * (1 if palm < TOO_LARGE * PALM * height_px else NOT_THEIRS))


def height_px_of(body: np.ndarray) -> float:  # (33, 3)
    """Height of a body when standing, from its trunk."""
    shoulders, hips = (body[list(pair), :2].mean(0) for pair in (kp.TORSO[:2], kp.TORSO[2:]))
    return float(np.linalg.norm(shoulders - hips)) / kp.TRUNK + 1e-6


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of shoulders and hips of two bodies, in heights of the taller one."""
    off = np.linalg.norm(a[list(kp.TORSO), :2] - b[list(kp.TORSO), :2], axis=1).mean()
    return float(off) / max(height_px_of(a), height_px_of(b))
