"""How the background moves, on pictures that are moved by known amounts."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoi_motion.errors import ControlError
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.track import camera_motion as module
from hoi_motion.lift.track.camera_motion import IDENTITY, camera_motion, carried_along, rest_motion
from hoi_motion.progress import CancelToken

H = 120
W = 180
T = 4


def room(seed: int = 0) -> np.ndarray:  # (H, W, 3)
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 255, (24, 36, 3), np.uint8), (W, H), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(coarse, (0, 0), 1.0)


def seen(image: np.ndarray, motion: np.ndarray) -> np.ndarray:  # (2, 3)
    return cv2.warpAffine(image, motion, (W, H), borderMode=cv2.BORDER_REFLECT)


def similarity(shift_px, turn_rad: float, growth: float) -> np.ndarray:  # (2, 3), about the middle
    c, s = growth * np.cos(turn_rad), growth * np.sin(turn_rad)
    linear, middle = np.array([[c, -s], [s, c]]), np.array([W, H]) / 2
    return np.column_stack([linear, middle - linear @ middle + shift_px])


def off_px(found: np.ndarray, true: np.ndarray) -> float:
    """Greatest distance over the middle of the picture."""
    corners = np.array([[x, y, 1.0] for x in (W / 4, 3 * W / 4) for y in (H / 4, 3 * H / 4)])
    return float(np.abs((found - true) @ corners.T).max())


def nothing() -> np.ndarray:
    return np.zeros((T, H, W), bool)


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
    st.floats(-0.02, 0.02),
    st.floats(0.98, 1.02),
)
def test_pan_roll_and_zoom_are_found(shift_px, turn_rad, growth):
    true = [similarity(t * np.array(shift_px), t * turn_rad, growth**t) for t in range(T)]
    found = camera_motion(np.stack([seen(room(), m) for m in true]), nothing())
    stands = np.array_equal(found, np.tile(IDENTITY, (T, 1, 1)))
    assert max(off_px(f, m) for f, m in zip(found, true)) < (2.2 if stands else 0.8)


def test_a_camera_that_stands_still_has_no_motion_at_all_though_pixels_are_noisy():
    rng = np.random.default_rng(1)
    frames = np.clip(room() + rng.normal(0, 2, (T, H, W, 3)), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(camera_motion(frames, nothing()), np.tile(IDENTITY, (T, 1, 1)))


def test_a_trembling_of_about_a_pixel_is_no_motion():
    true = [similarity((0.6 * (t % 2), 0.0), 0.0, 1 + 0.006 * (t % 2)) for t in range(T)]
    frames = np.stack([seen(room(), m) for m in true])
    np.testing.assert_array_equal(camera_motion(frames, nothing()), np.tile(IDENTITY, (T, 1, 1)))


def test_a_person_who_walks_through_the_picture_moves_no_camera():
    frames, moving = np.tile(room(), (T, 1, 1, 1)), nothing()
    figure = room(seed=5)[:90, :70]
    for t in range(T):
        moving[t, 20:110, 20 + 15 * t : 90 + 15 * t] = True
        frames[t, 20:110, 20 + 15 * t : 90 + 15 * t] = figure
    np.testing.assert_array_equal(camera_motion(frames, moving), np.tile(IDENTITY, (T, 1, 1)))


def test_before_a_plain_wall_nothing_is_known_and_the_camera_is_taken_to_stand():
    frames = np.full((T, H, W, 3), 120, np.uint8)
    np.testing.assert_array_equal(camera_motion(frames, nothing()), np.tile(IDENTITY, (T, 1, 1)))


@pytest.mark.parametrize("scale", [1, 5])
def test_the_motion_is_in_the_pixels_of_the_video_whatever_its_size(scale):
    true = similarity((6.0, -4.0), 0.0, 1.0)
    frames = np.stack([room(), seen(room(), true)])
    large = np.stack([cv2.resize(f, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) for f in frames])
    found = camera_motion(large, np.zeros(large.shape[:3], bool))[1]
    np.testing.assert_allclose(found[:, 2] / scale, true[:, 2], atol=1.0)


NEAR_PX = np.array([-1.5, 0.5])
"""How far a step of the camera moves what stands near to it against the background, and what rests on it."""
NO_HANDS = np.full((2 * T, 2, 2), np.nan)


KNOWN = np.stack([IDENTITY + [[0, 0, 0.1 * t], [0, 0, 0]] for t in range(2 * T)])
"""A camera that turns in every frame."""


def near_thing(table_goes: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """2 T frames of a thing that goes by NEAR_PX before a background that stands still, and its mask in the first; the
    table around it goes along or stands."""
    thing = np.zeros((H, W), bool)
    thing[40:90, 60:110] = True
    table = cv2.dilate(thing.astype(np.uint8), np.ones((41, 41)))
    frames = []
    for t in range(2 * T):
        shift = np.column_stack([np.eye(2), t * NEAR_PX])
        frame = room()
        for mask, seed, goes in ((table, 7, table_goes), (thing.astype(np.uint8), 8, True)):
            moved = shift if goes else IDENTITY
            frame = np.where(seen(mask, moved)[..., None] > 0, seen(room(seed), moved), frame)
        frames.append(frame)
    return np.stack(frames), thing


@pytest.mark.parametrize("scale", [1, 2])
def test_what_rests_near_a_camera_that_drifts_is_followed_by_itself(monkeypatch, scale):
    monkeypatch.setattr(module, "REST_SIDE_PX", W)
    frames, mask = near_thing(table_goes=False)
    large = np.stack([cv2.resize(f, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) for f in frames])
    found = rest_motion(large, np.kron(mask, np.ones((scale, scale), bool)), NO_HANDS, KNOWN)
    away = found @ (scale * np.array([85.0, 65.0, 1 / scale])) / scale - [85.0, 65.0]
    np.testing.assert_allclose(away, np.arange(2 * T)[:, None] * NEAR_PX, atol=0.5)


def hand_on_it(first: int) -> np.ndarray:  # (2T, 2, 2)
    hands_px = NO_HANDS.copy()
    hands_px[first:, 0] = [85.0, 65.0] + np.arange(2 * T)[first:, None] * NEAR_PX
    return hands_px


def test_while_a_hand_is_on_it_what_it_stands_on_tells():
    frames, mask = near_thing()
    for t in range(4, 2 * T):
        x, y = np.rint([85, 65] + t * NEAR_PX).astype(int)
        cv2.circle(frames[t], (int(x), int(y)), 30, (205, 160, 130), -1)
    away = rest_motion(frames, mask, hand_on_it(4), KNOWN) @ [85.0, 65.0, 1.0] - [85.0, 65.0]
    np.testing.assert_allclose(away, np.arange(2 * T)[:, None] * NEAR_PX, atol=0.5)


def test_what_a_hand_takes_leaves_its_place_where_it_was():
    frames, mask = near_thing(table_goes=False)
    still = room()
    still = np.where(cv2.dilate(mask.astype(np.uint8), np.ones((41, 41)))[..., None] > 0, room(7), still)
    still[mask] = room(8)[mask]
    frames = np.concatenate([np.repeat(still[None], T, 0), frames[1 : T + 1]])
    hands_px = NO_HANDS.copy()
    hands_px[T - 1 :, 0] = [85.0, 65.0] + np.arange(T + 1)[:, None] * NEAR_PX
    away = rest_motion(frames, mask, hands_px, KNOWN) @ [85.0, 65.0, 1.0] - [85.0, 65.0]
    np.testing.assert_allclose(away, 0.0, atol=0.5)


def test_a_plain_thing_before_a_plain_wall_stays():
    mask = near_thing()[1]
    frames = np.full((2 * T, H, W, 3), 120, np.uint8)
    np.testing.assert_array_equal(rest_motion(frames, mask, NO_HANDS, KNOWN), np.tile(IDENTITY, (2 * T, 1, 1)))


def test_what_went_by_while_the_background_was_lost_is_back_when_that_is_found():
    frames, mask = near_thing(table_goes=False)
    frames = np.repeat(frames[:1], 2 * T, 0)
    jump = np.array([[1.0, 0, -12], [0, 1, -9]])
    frames[4:7] = [cv2.warpAffine(f, jump, (W, H), borderMode=cv2.BORDER_REFLECT) for f in frames[4:7]]
    for frame in frames[7:]:
        cv2.circle(frame, (85, 65), 60, (205, 160, 130), -1)
    camera, hands_px = KNOWN.copy(), NO_HANDS.copy()
    camera[4:7] = camera[3]
    hands_px[7:, 0] = [85.0, 65.0]
    away = rest_motion(frames, mask, hands_px, camera) @ [85.0, 65.0, 1.0] - [85.0, 65.0]
    np.testing.assert_allclose(away[4:7], np.tile([-12.0, -9], (3, 1)), atol=0.5)
    np.testing.assert_allclose(away[7:], 0.0, atol=0.5)


def test_zoom_in_a_large_picture_is_found_about_its_pixels_centres():
    """It is sought in a picture of a quarter of the size, whose pixels have their centres elsewhere."""
    rng, size_px = np.random.default_rng(2), (1920, 1280)
    coarse = cv2.resize(rng.integers(0, 255, (64, 96, 3), np.uint8), size_px, interpolation=cv2.INTER_CUBIC)
    picture, middle = cv2.GaussianBlur(coarse, (0, 0), 4), np.array(size_px) / 2
    true = np.column_stack([1.2 * np.eye(2), -0.2 * middle])
    frames = np.stack([picture, cv2.warpAffine(picture, true, size_px, borderMode=cv2.BORDER_REFLECT)])
    found = camera_motion(frames, np.zeros((2, *size_px[::-1]), bool))[1]
    assert np.abs((found - true) @ np.append(middle, 1.0)).max() < 0.15


@pytest.mark.parametrize("what", ["background", "first place"])
def test_a_cancel_is_heard(what):
    frames, cancel = np.stack([room()] * T), CancelToken()
    cancel.cancel()
    with pytest.raises(ControlError, match="CANCELLED"):
        if what == "background":
            camera_motion(frames, nothing(), cancel)
        else:
            hands_px = np.full((T, 2, 2), np.nan)
            rest_motion(frames, np.ones((H, W), bool), hands_px, np.tile(IDENTITY, (T, 1, 1)), cancel)


STEP_PX = np.array([4.0, 0.0])
"""How far a walker and what they carry go from frame to frame, or what stands near a camera that drifts."""
FEET_PX = (100.0, 92.0)


def walk(floor_goes: bool, person_goes: bool = True) -> dict:
    """Arguments of `carried_along`: a figure on a floor and a thing at its back that goes by STEP_PX a frame before a
    background that stands still; the floor goes along or stays, and so does the figure."""
    thing, figure, floor = (np.zeros((H, W), np.uint8) for _ in range(3))
    thing[30:60, 65:88], figure[20:95, 88:112], floor[80:] = 1, 1, 1
    home = np.stack([np.column_stack([np.eye(2), t * STEP_PX]) for t in range(3 * T)])
    frames = []
    for shift in home:
        frame = room()
        for mask, seed, goes in ((floor, 7, floor_goes), (figure, 9, person_goes), (thing, 8, True)):
            moved = shift if goes else IDENTITY
            frame = np.where(seen(mask, moved)[..., None] > 0, seen(room(seed), moved), frame)
        frames.append(frame)
    body = np.zeros((3 * T, 33, 3))
    body[:, kp.TORSO] = [100.0, 45.0, 1.0]
    body[:, kp.L_ANKLE :] = [*FEET_PX, 1.0]
    if person_goes:
        body[..., :2] += (np.arange(3 * T)[:, None] * STEP_PX)[:, None]
    return dict(frames=np.stack(frames), mask=thing > 0, home=home, person=figure > 0, body_px=body, height_px=110.0)


def test_what_goes_along_with_somebody_over_the_floor_is_carried():
    assert carried_along(**walk(floor_goes=False))


def test_what_stands_with_somebody_on_a_floor_that_goes_by_as_they_do_is_at_rest():
    assert not carried_along(**walk(floor_goes=True))


def test_what_somebody_does_not_go_along_with_is_not_carried():
    assert not carried_along(**walk(floor_goes=False, person_goes=False))


def test_without_feet_to_tell_the_floor_nothing_is_known():
    scene = walk(floor_goes=False)
    scene["body_px"][0, kp.L_ANKLE :, 2] = 0.0
    assert not carried_along(**scene)
