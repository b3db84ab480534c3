"""COCO keypoints, 17 of the body or 133 of the whole body, as the landmarks the lift uses.

Order of the 133: COCO-WholeBody, Jin et al., ECCV 2020: body, feet, face, left hand, right hand.
"""

import numpy as np

from hoi_motion.keypoints import track as kp

NUM_COCO_BODY = 17
NUM_COCO_WHOLE_BODY = 133
_BODY = {
    kp.NOSE: 0,
    kp.L_EYE: 1,
    kp.R_EYE: 2,
    kp.L_EAR: 3,
    kp.R_EAR: 4,
    kp.L_SHOULDER: 5,
    kp.R_SHOULDER: 6,
    kp.L_ELBOW: 7,
    kp.R_ELBOW: 8,
    kp.L_WRIST: 9,
    kp.R_WRIST: 10,
    kp.L_HIP: 11,
    kp.R_HIP: 12,
    kp.L_KNEE: 13,
    kp.R_KNEE: 14,
    kp.L_ANKLE: 15,
    kp.R_ANKLE: 16,
}
_HEELS = {kp.L_HEEL: 19, kp.R_HEEL: 22}
_TOES = {kp.L_TOE: [17, 18], kp.R_TOE: [20, 21]}  # big and small
_HANDS = (slice(91, 112), slice(112, 133))
# of a hand: the points that are the body's landmarks pinky, index and thumb
_KNUCKLES = (17, 5, 2)
MIN_SURE_POINTS = 6


def track_from_coco(points_px: np.ndarray) -> kp.KeypointTrack:  # (T, 17 or 133, 3) x, y, confidence
    """A track of one person. What COCO does not have has confidence 0: of 17 points hands, heels and toes.

    A person is seen where enough body points are sure; a hand where its points are so on average.
    """
    T, num_points = points_px.shape[:2]
    body = np.zeros((T, kp.NUM_BODY, 3))
    hands = np.zeros((2, T, kp.NUM_HAND, 3))
    body[:, list(_BODY)] = points_px[:, list(_BODY.values())]
    if num_points == NUM_COCO_WHOLE_BODY:
        body[:, list(_HEELS)] = points_px[:, list(_HEELS.values())]
        for toe, pair in _TOES.items():
            body[:, toe, :2] = points_px[:, pair, :2].mean(1)
            body[:, toe, 2] = points_px[:, pair, 2].min(1)
        for side, where in enumerate(_HANDS):
            hand = points_px[:, where]
            hands[side] = hand
            hands[side, hand[..., 2].mean(1) < kp.SURE, :, 2] = 0.0
            body[:, [17 + side, 19 + side, 21 + side]] = hands[side][:, _KNUCKLES]
    seen = (points_px[:, :NUM_COCO_BODY, 2] >= kp.SURE).sum(1) >= MIN_SURE_POINTS
    return kp.KeypointTrack(body, hands[0], hands[1], np.zeros((T, kp.NUM_BODY, 3)), seen)
