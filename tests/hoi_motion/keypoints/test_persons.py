"""Where people are: the picture of one from keypoints, one of several, and one who is away for a while."""

from pathlib import Path

import numpy as np
import pytest

from hoi_motion.errors import ControlError, ErrorCode, LiftError
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints import vitpose
from hoi_motion.keypoints.actor import box_of, somebody_else
from hoi_motion.keypoints.hands import palms_px
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints, find_actor
from hoi_motion.keypoints.persons import hand_masks, head_masks, painted_over, person_masks
from hoi_motion.media.image_files import read_image
from hoi_motion.progress import CancelToken, silent

DEMO_FRAME = Path(__file__).resolve().parents[3] / "config" / "demo" / "frame.png"


@pytest.fixture(scope="module")
def one():
    """A picture of one person, and their trunk's middle."""
    frame = read_image(DEMO_FRAME)
    track = MediaPipeKeypoints().detect(np.stack([frame] * 2))
    return frame, track.body_px[0, list(kp.TORSO), :2].mean(0)


@pytest.fixture(scope="module")
def two(one):
    """Two of them side by side, and both trunks."""
    frame, trunk = one
    return np.concatenate([frame, frame], 1), trunk, trunk + [frame.shape[1], 0]


def test_a_persons_mask_holds_their_points_and_ends_near_them(acted):
    scene = acted(5)
    masks = person_masks(scene.track, (240, 360))
    for mask, body in zip(masks, scene.track.body_px):
        seen = np.rint(body[body[:, 2] > 0.5, :2]).astype(int)
        inside = seen[((seen >= 0) & (seen < [360, 240])).all(1)]
        assert mask[inside[:, 1], inside[:, 0]].all()
        rows, columns = np.nonzero(mask)
        far = 0.25 * scene.track.person_height_px()
        assert columns.min() > inside[:, 0].min() - far and columns.max() < inside[:, 0].max() + far
        assert rows.min() > inside[:, 1].min() - far


def test_a_heads_mask_holds_the_face_and_ends_over_the_shoulders(acted):
    track = acted(5).track
    for mask, body in zip(head_masks(track, (240, 360)), track.body_px):
        x, y = np.rint(body[kp.NOSE, :2]).astype(int)
        assert mask[y, x] and np.nonzero(mask)[0].max() < body[list(kp.TORSO[:2]), 1].max() + 5


def test_a_hands_mask_holds_its_wrist_and_not_the_elbow(acted):
    track = acted(3).track
    for mask, wrist, elbow in zip(
        hand_masks(track, (240, 360)), (kp.L_WRIST, kp.R_WRIST), (kp.L_ELBOW, kp.R_ELBOW), strict=True
    ):
        at, off = (tuple(np.rint(track.body_px[0, i, 1::-1]).astype(int)) for i in (wrist, elbow))
        assert mask[at] and not mask[off]


def test_nobody_has_no_mask(acted):
    track = acted(3).track
    track.body_px[..., 2] = 0
    track.left_hand_px[..., 2] = track.right_hand_px[..., 2] = 0
    assert not hand_masks(track, (240, 360)).any()
    assert not person_masks(track, (240, 360)).any() and not head_masks(track, (240, 360)).any()


def test_of_two_people_the_one_nearer_to_the_object_acts(two):
    frame, left, right = two
    for wanted, other in ((left, right), (right, left)):
        _, crop, _ = find_actor(frame[None], wanted + [5, 20], None, 512)
        assert np.linalg.norm(crop.centre_px - wanted) < np.linalg.norm(crop.centre_px - other)


def test_the_actors_mask_outdoes_the_object(two):
    frame, left, right = two
    mask = np.zeros(frame.shape[:2], bool)
    mask[:, frame.shape[1] // 2 :] = True
    _, crop, _ = find_actor(frame[None], left, mask, 512)
    assert np.linalg.norm(crop.centre_px - right) < np.linalg.norm(crop.centre_px - left)


@pytest.mark.parametrize("seed", [820002, 820008])
def test_somebody_who_stands_by_is_not_taken_for_who_is_marked(seed):
    """They are nearer to how a detector likes people: whole, in the first scene, and nearer, in the second."""
    from training.scenes.figure import ACTOR_INSTANCE
    from training.scenes.wider import generate_wider_scene

    scene = generate_wider_scene(seed, 160, 240, 13, 8.0, version=2, supersampling=1)
    marked = scene.instance_ids[0] == ACTOR_INSTANCE
    near_px = np.argwhere(scene.target_mask).mean(0)[::-1]
    track = MediaPipeKeypoints().detect(scene.frames[:4], near_px=near_px, actor_mask=marked)
    trunks = np.rint(track.body_px[:, list(kp.TORSO), :2].mean(1)).astype(int)
    assert [bool(marked[y, x]) for x, y in trunks] == [True] * 4


def test_a_mask_on_nobody_is_refused_though_somebody_stands_beside_it(two):
    frame, left, right = two
    mask = np.zeros(frame.shape[:2], bool)
    mask[:60, round((left[0] + right[0]) / 2) - 8 :][:, :16] = True
    with pytest.raises(LiftError, match="nobody was found on the actor's mask|no person was found") as caught:
        find_actor(np.stack([frame] * 2), None, mask, 512)
    assert caught.value.code == ErrorCode.NO_ACTOR
    wide = np.zeros_like(mask)
    wide[2:6] = True  # along the upper border: its box with room around holds the heads of both
    wide[:, round((left[0] + right[0]) / 2)] = True
    with pytest.raises(LiftError, match="nobody was found on the actor's mask"):
        find_actor(np.stack([frame] * 2), None, wide, 512)


def test_only_who_is_surely_seen_elsewhere_is_somebody_else(acted):
    body = acted(1).track.body_px[0]
    beside = body + [3 * np.ptp(box_of(body).reshape(2, 2), axis=0).max(), 0, 0]
    assert somebody_else(beside, body) and not somebody_else(body, body)
    assert not somebody_else(beside * [1, 1, 0.2], body) and not somebody_else(None, body)


def test_somebody_else_is_painted_over_but_where_the_actor_is(acted):
    body = acted(1).track.body_px[0]
    frame = np.full((240, 360, 3), 200, np.uint8)
    low, high = box_of(body).reshape(2, 2)
    other = body - [0.6 * (high - low).max(), 0, 0]
    painted = painted_over(frame, other, body)
    assert (painted[tuple(np.rint((low + high) / 2).astype(int)[::-1])] == 200).all()
    assert (painted[tuple(np.rint(box_of(other).reshape(2, 2).mean(0)).astype(int)[::-1])] == 0).all()
    assert (painted[:, -1] == 200).all()


def test_who_is_hidden_for_two_frames_is_followed_where_they_come_back(one):
    frame, trunk = one
    nobody = np.full_like(frame, 128)
    shifted = np.roll(frame, 24, axis=1)
    track = MediaPipeKeypoints().detect(np.stack([frame, frame, frame, nobody, nobody, shifted, shifted]))
    assert track.seen[[0, 1, 2, 5, 6]].all()
    assert track.body_px[3:5, :, 2].max() < 0.6
    back = track.body_px[-1, list(kp.TORSO), :2].mean(0)
    np.testing.assert_allclose(back - trunk, [24, 0], atol=4)


def test_a_stranger_who_is_passed_by_is_not_taken_for_the_actor(two):
    """The one of two who is gone is not looked for in the other."""
    frame, left, right = two
    half = frame.shape[1] // 2
    alone = frame.copy()
    alone[:, :half] = 128
    track = MediaPipeKeypoints().detect(np.stack([frame] * 4 + [alone] * 2), near_px=left)
    gone = track.body_px[4:]
    there = gone[..., 2] > 0.5
    assert not (there & (gone[..., 0] > half)).any()


@pytest.fixture
def cancelled():
    token = CancelToken()
    token.cancel()
    return token


@pytest.mark.parametrize("is_marked", [False, True])
def test_the_search_for_the_actor_is_cancelled(cancelled, is_marked):
    frames = np.zeros((2, 48, 64, 3), np.uint8)
    mask = np.ones((48, 64), bool) if is_marked else None
    with pytest.raises(ControlError) as caught:
        find_actor(frames, None, mask, 512, cancelled)
    assert caught.value.code is ErrorCode.CANCELLED


def test_measuring_hands_is_cancelled(cancelled):
    with pytest.raises(ControlError) as caught:
        palms_px(np.zeros((2, 48, 64, 3), np.uint8), cancelled)
    assert caught.value.code is ErrorCode.CANCELLED


class Asked(CancelToken):
    """Counts how often it is asked."""

    times = 0

    def raise_if_cancelled(self) -> None:
        self.times += 1


def test_a_clip_of_nobody_asks_in_every_picture_that_is_searched():
    frames, asked = np.zeros((2, 48, 64, 3), np.uint8), (Asked(), Asked())
    with pytest.raises(LiftError, match="no person"):
        MediaPipeKeypoints()._detected(frames, None, None, silent, asked[0])
    with pytest.raises(LiftError, match="no person"):
        vitpose._first_crop(frames, None, None, asked[1])
    assert min(token.times for token in asked) >= len(frames)
