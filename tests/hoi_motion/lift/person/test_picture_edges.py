"""Arms that leave the picture."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.person.evidence import PersonSeen
from hoi_motion.lift.person.fit import fit_body
from hoi_motion.lift.person.picture_edges import PictureEdges

SIZE_PX = (240, 320)
ROWS = list(km.BODY_KEYPOINTS)


def _straight(frames: int, size_px=SIZE_PX) -> PictureEdges:
    return PictureEdges(size_px, np.tile(np.eye(3), (frames, 1, 1)))


@pytest.fixture
def track(acted):
    return replace(acted(3).track, detector=km.MEDIAPIPE)


def _with(track, joint: int, x: float, y: float):
    body = track.body_px.copy()
    body[:, joint] = x, y, 0.0
    return replace(track, body_px=body)


def test_an_arm_beyond_an_edge_is_told_with_the_side(track):
    beyond = _straight(3).beyond(_with(track, kp.R_WRIST, -5.0, 300.0))
    wrist = ROWS.index(kp.R_WRIST)
    assert beyond.before[:, wrist].tolist() == [[True, False]] * 3
    assert beyond.after[:, wrist].tolist() == [[False, True]] * 3


def test_legs_and_frames_without_the_person_tell_nothing(track):
    assert not _straight(3).beyond(_with(track, kp.L_ANKLE, 20.0, 900.0)).after[:, ROWS.index(kp.L_ANKLE)].any()
    gone = replace(_with(track, kp.R_WRIST, -5.0, 20.0), seen=np.array([True, False, True]))
    assert _straight(3).beyond(gone).before[:, ROWS.index(kp.R_WRIST), 0].tolist() == [True, False, True]


@pytest.mark.parametrize("missing_px", [(-1.0, -1.0), (-0.25, -0.25)])
def test_what_another_detector_misses_is_no_arm_beyond_an_edge(track, missing_px):
    """All zeros are -0.25 in a picture of half the size, and about 0 after a turn and back."""
    given = replace(_with(track, kp.R_WRIST, *missing_px), detector="")
    assert not _straight(3).beyond(given).before.any()


def test_how_far_inside_is_measured_in_the_real_picture(track):
    """The fit's pixels are shifted by 100 px against the picture's: x = 90 there lies 10 px outside of it."""
    shifted = np.tile(np.array([[1, 0, -100.0], [0, 1, 0], [0, 0, 1]]), (3, 1, 1))
    beyond = PictureEdges(SIZE_PX, shifted).beyond(_with(track, kp.R_WRIST, 90.0, 20.0))
    wrist, xy = ROWS.index(kp.R_WRIST), torch.full((3, len(ROWS), 2), 130.0)
    assert beyond.inside_px(xy)[:, wrist].tolist() == [[30.0, 0.0]] * 3
    assert not beyond.inside_px(torch.full((3, len(ROWS), 2), 80.0))[:, wrist].any()


def _wrists_px(fit, K) -> np.ndarray:  # (T,) the right wrist's row
    camera = (
        fit.points_m[:, km.BODY_MATRIX[ROWS.index(kp.R_WRIST)].argmax()]
        @ R_level_camera(torch.tensor(fit.pitch_rad)).numpy()
    )
    return camera[:, 1] / camera[:, 2] * K[1, 1] + K[1, 2]


def test_a_hand_that_has_left_the_picture_is_not_put_into_it(body, acted):
    seen = acted(6)
    top = float(seen.track.body_px[:, [kp.R_SHOULDER, kp.R_ELBOW], 1].min())
    out = seen.track.body_px.copy()
    out[:, [16, 18, 20, 22]] = out[:, [16]] * [1, 0, 0] + [0, -10.0, 0]
    out[..., 1] -= np.where(np.isin(np.arange(33), [16, 18, 20, 22]), 0, top - 10)
    K = seen.K.copy()
    K[1, 2] -= top - 10
    hands = dict.fromkeys(("left_hand_px", "right_hand_px"), np.zeros_like(seen.track.left_hand_px))
    track = replace(seen.track, body_px=out, **hands, detector=km.MEDIAPIPE)
    free, held = (fit_body(body, PersonSeen(track, K, 8.0, edges=e)) for e in (None, _straight(6)))
    assert _wrists_px(free, K).min() > 40
    assert _wrists_px(held, K).max() < 15
