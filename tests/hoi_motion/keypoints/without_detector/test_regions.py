"""The landmark model in a region of the picture, and following somebody with it."""

from pathlib import Path

import numpy as np
import pytest

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.mediapipe import find_actor
from hoi_motion.keypoints.without_detector.regions import (
    Look,
    Region,
    followed,
    landmark_model,
)
from hoi_motion.keypoints.without_detector.search import LOOKS
from hoi_motion.media.image_files import read_image
from hoi_motion.native_log import quiet_native_log

DEMO_FRAME = Path(__file__).resolve().parents[4] / "config" / "demo" / "frame.png"
TRUNK_AND_ARMS = list(range(kp.L_SHOULDER, kp.R_WRIST + 1))


@pytest.fixture(scope="module")
def looks():
    with quiet_native_log(), landmark_model() as plain, landmark_model() as mirror:
        yield plain, mirror


@pytest.fixture(scope="module")
def person():
    frame = read_image(DEMO_FRAME)
    return frame, find_actor(frame[None], None, None, 512)[2]


def region_around(body: np.ndarray) -> Region:
    hips = body[list(kp.TORSO[2:]), :2].mean(0)
    return Region(hips, 2.5 * np.linalg.norm(body[:, :2] - hips, axis=1).max())


def off_px(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a[TRUNK_AND_ARMS, :2] - b[TRUNK_AND_ARMS, :2], axis=1).max())


def test_a_region_about_the_person_shows_who_the_detector_finds(looks, person):
    frame, body = person
    seen = looks[0](frame, region_around(body))
    assert off_px(seen.body_px, body) < 0.04 * np.ptp(body[:, 1])


def test_a_region_that_is_about_right_comes_to_the_right_one(looks, person):
    frame, body = person
    right = looks[0](frame, region_around(body)).region
    told = Region(right.centre_px + 0.15 * right.side_px, 1.4 * right.side_px, 0.2)
    for _ in range(LOOKS):
        told = looks[0](frame, told).region
    assert np.linalg.norm(told.centre_px - right.centre_px) < 0.05 * right.side_px
    assert told.side_px == pytest.approx(right.side_px, rel=0.15) and abs(told.turn_rad - right.turn_rad) < 0.1


def test_a_mirrored_look_is_the_look_at_the_mirror_image(looks, person):
    frame, body = person
    region, width = region_around(body), frame.shape[1]
    seen = looks[1](frame[:, ::-1], region.mirrored(width)).mirrored(width)
    assert off_px(seen.body_px, body) < 0.04 * np.ptp(body[:, 1])
    np.testing.assert_allclose(seen.mirrored(width).mirrored(width).body_px, seen.body_px)
    assert seen.region.centre_px[0] == pytest.approx(region.centre_px[0], abs=0.1 * region.side_px)


def test_nobody_is_seen_on_a_plain_wall(looks):
    wall = np.full((120, 160, 3), 170, np.uint8)
    assert looks[0](wall, Region(np.array([80.0, 60.0]), 120.0)) is None


def _at_the_region(body: np.ndarray):
    """A model that sees the body where the region is, whatever the picture: it follows what it is told."""

    def look(picture: np.ndarray, region: Region) -> Look:
        moved = body + [*(region.centre_px - body[list(kp.TORSO[2:]), :2].mean(0)), 0]
        return Look(moved, np.zeros((kp.NUM_BODY, 3)), Region(region.centre_px + [picture[0, 0, 0], 0], region.side_px))

    return look


def test_somebody_is_followed_from_each_anchor_to_half_way_to_the_next(acted):
    body = acted(1).track.body_px[0]
    frames = np.zeros((9, 4, 300, 3), np.uint8)
    frames[:, 0, 0] = 2
    anchors = {2: Region(np.array([100.0, 90.0]), 50.0), 7: Region(np.array([200.0, 90.0]), 50.0)}
    plain, _ = followed(frames, anchors, (_at_the_region(body), _at_the_region(body)))
    across = plain.body_px[:, list(kp.TORSO[2:]), 0].mean(1)
    np.testing.assert_allclose(across, [102, 100, 100, 102, 104, 202, 200, 200, 202])
