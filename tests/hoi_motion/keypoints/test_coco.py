"""COCO's keypoints and ours: every point under its name."""

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.coco import track_from_coco
from hoi_motion.keypoints.hands import hand_points_px
from hoi_motion.lift.person.feet.planted import planted_feet


def numbered(num_points: int, T: int = 2) -> np.ndarray:
    """Point i lies at (i, 2 i), all sure."""
    i = np.arange(num_points, dtype=float)
    return np.tile(np.column_stack([i, 2 * i, np.ones(num_points)]), (T, 1, 1))


def test_the_body_has_cocos_17_and_nothing_else():
    track = track_from_coco(numbered(17))
    body = track.body_px[0]
    named = [kp.NOSE, kp.L_EYE, kp.R_EAR, kp.L_SHOULDER, kp.R_ELBOW, kp.L_WRIST, kp.R_HIP, kp.L_KNEE, kp.R_ANKLE]
    assert body[named, 0].tolist() == [0, 1, 4, 5, 8, 9, 12, 13, 16]
    assert (body[:, 2] > 0).sum() == 17 and track.seen.all()
    assert not track.left_hand_px.any() and not track.right_hand_px.any()


def test_the_whole_body_has_feet_and_hands():
    track = track_from_coco(numbered(133))
    body = track.body_px[0]
    assert body[[kp.L_HEEL, kp.R_HEEL, kp.L_TOE, kp.R_TOE], 0].tolist() == [19, 22, 17.5, 20.5]
    assert track.left_hand_px[0, [0, 20], 0].tolist() == [91, 111]
    assert track.right_hand_px[0, [0, 20], 0].tolist() == [112, 132]
    assert body[[17, 19, 21, 18, 20, 22], 0].tolist() == [108, 96, 93, 129, 117, 114]


def test_an_unsure_hand_is_not_seen():
    points = numbered(133)
    points[1, 91:112, 2] = 0.1
    track = track_from_coco(points)
    assert track.left_hand_px[0, 0, 2] == 1 and not track.left_hand_px[1, :, 2].any()
    assert track.right_hand_px[1, 0, 2] == 1


def test_few_sure_points_are_no_person():
    points = numbered(17)
    points[0, 5:, 2] = 0.1
    assert track_from_coco(points).seen.tolist() == [False, True]


def _without_hands_and_feet(track: kp.KeypointTrack) -> kp.KeypointTrack:
    coco = track.body_px[:, [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]]
    return track_from_coco(coco)


def test_a_track_without_hands_knows_where_they_are(acted):
    track = acted(9).track
    guess = hand_points_px(_without_hands_and_feet(track), "right_hand")
    truth = hand_points_px(track, "right_hand")
    assert (guess[..., 2] > 0.9).all()
    miss_px = np.linalg.norm(guess[..., :2].mean(1) - truth[..., :2].mean(1), axis=1)
    assert miss_px.max() < 0.04 * track.person_height_px()


def test_a_track_without_toes_has_standing_feet(acted):
    track = _without_hands_and_feet(acted(9).track)
    still = np.zeros((len(track.body_px), 2))
    assert planted_feet(track, track.person_height_px(), 8.0, still).min() > 0.9
