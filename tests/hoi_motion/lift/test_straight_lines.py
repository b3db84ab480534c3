"""The camera's pitch from edges of a room that are projected, drawn, or only clutter."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.lift import straight_lines
from hoi_motion.lift.straight_lines import StraightLines, upright, where_person_is
from tests.hoi_motion.conftest import SIZE_PX, K

FURNITURE = [((0, 0, 0), (4, 5, 2.6)), ((0.3, 3.6, 0), (1.2, 4.6, 1.9)), ((2.2, 3.0, 0), (3.4, 3.8, 0.75))]
"""Opposite corners of a room and of what stands in it, metres, z up."""
CAMERA_M = np.array([2.0, 0.2, 1.5])


def edges_px(pitch_deg: float, roll_deg: float, heading_deg: float) -> np.ndarray:  # (N, 4)
    """Edges of the furniture as a camera sees them, cut at the picture's border."""
    up = upright(np.deg2rad(pitch_deg), np.deg2rad(roll_deg))
    ahead = np.array([0, 0, 1.0]) - up[2] * up
    ahead /= np.linalg.norm(ahead)
    R_camera_level = np.stack([np.cross(ahead, up), ahead, up], 1)
    R_camera_world = R_camera_level @ Rotation.from_euler("z", heading_deg, degrees=True).as_matrix()
    found = []
    for low, high in FURNITURE:
        corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
        for a in range(8):
            for b in (a | 1, a | 2, a | 4):
                if b != a:
                    way = corners[a] + np.linspace(0, 1, 400)[:, None] * (corners[b] - corners[a])
                    seen = (way - CAMERA_M) @ R_camera_world.T
                    px = seen[seen[:, 2] > 0.2] @ K.T
                    px = px[:, :2] / px[:, 2:]
                    px = px[((px >= 0) & (px < SIZE_PX[::-1])).all(1)]
                    if len(px) > 1 and np.ptp(px, axis=0).max() > 15:
                        found.append([*px[0], *px[-1]])
    return np.array(found).reshape(-1, 4)


def pitch_deg(ends_px: np.ndarray, expected_deg: float) -> tuple[float, float]:
    return tuple(np.rad2deg(StraightLines(ends_px, K, SIZE_PX[0]).pitch(np.deg2rad(expected_deg))))


@given(
    pitch=st.floats(-25, 5),
    roll=st.floats(-2, 2),
    heading=st.floats(-45, 45),
    wrong=st.floats(-6, 6),
)
@settings(max_examples=25, deadline=None)
def test_edges_of_a_room_tell_the_pitch_as_exactly_as_they_say(pitch, roll, heading, wrong):
    found, spread = pitch_deg(edges_px(pitch, roll, heading), pitch + wrong)
    assert abs(found - pitch) < max(0.6, 2.5 * spread)


@pytest.mark.parametrize("wrong_deg", [-10.0, 10.0])
def test_a_room_is_believed_where_the_person_looks_otherwise(wrong_deg):
    found, spread = pitch_deg(edges_px(-16.0, 1.0, 20.0), -16.0 + wrong_deg)
    assert found == pytest.approx(-16.0, abs=0.6) and spread < 1.0


def test_without_edges_what_was_expected_stays_and_is_as_unsure():
    found, spread = pitch_deg(np.zeros((0, 4)), -9.0)
    assert found == pytest.approx(-9.0) and 3.0 < spread < 6.0


def test_a_camera_that_looks_straight_down_among_others_is_no_division_by_zero():
    assert np.isfinite(pitch_deg(edges_px(-40.0, 0.0, 10.0), -80.0)).all()


@pytest.mark.parametrize("seed", range(4))
def test_edges_that_run_anywhere_are_not_believed(seed):
    rng = np.random.default_rng(seed)
    middle, turn = rng.uniform(0, SIZE_PX[::-1], (150, 2)), rng.uniform(0, np.pi, 150)
    half = rng.uniform(10, 30, 150)[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
    found, spread = pitch_deg(np.hstack([middle - half, middle + half]), -9.0)
    assert abs(found + 9.0) < spread and spread > 2.0


@pytest.mark.parametrize("share", [0.6, 0.76, 1.1])
def test_edges_of_a_room_tell_the_focal_length_from_an_assumed_one(share):
    assumed = K / [[share, 1, 1], [1, share, 1], [1, 1, 1]]
    focal_px, spread = StraightLines(edges_px(-14.0, 0.5, 25.0), assumed, SIZE_PX[0]).focal()
    assert focal_px == pytest.approx(K[0, 0], rel=0.06) and spread < straight_lines.TOLD_FOCAL


def test_without_edges_the_focal_length_is_a_usual_one_that_nothing_told():
    focal_px, spread = StraightLines(np.zeros((0, 4)), K, SIZE_PX[0]).focal()
    assert focal_px == pytest.approx(0.8 * K[0, 0], rel=0.05) and spread > straight_lines.TOLD_FOCAL


def test_the_likelihood_is_that_of_a_plain_loop_over_edges_and_directions():
    lines = StraightLines(edges_px(-12.0, 1.0, 35.0), K, SIZE_PX[0])
    pitch, roll, heading = -0.2, 0.03, 40
    up = upright(pitch, roll)
    ahead = np.array([0, 0, 1.0]) - up[2] * up
    ahead /= np.linalg.norm(ahead)
    right, turn = np.cross(ahead, up), np.deg2rad(heading)
    three = up, np.cos(turn) * ahead + np.sin(turn) * right, np.cos(turn) * right - np.sin(turn) * ahead
    total, counts = 0.0, []
    for ends in lines.ends_px:
        middle, way = (ends[:2] + ends[2:]) / 2, ends[2:] - ends[:2]
        length, density = np.hypot(*way), 0.0
        for direction in three:
            point = K @ direction
            to = point[:2] - point[2] * middle
            off = np.rad2deg(np.arccos(min(1.0, abs(to @ way) / np.hypot(*to) / length)))
            scatter = np.hypot(straight_lines.SCATTER_DEG, np.rad2deg(straight_lines.ENDS_PX / length))
            density += 2 * np.exp(-0.5 * (off / scatter) ** 2) / scatter / np.sqrt(2 * np.pi) / 3
        count = min(length / (straight_lines.ONCE * SIZE_PX[0]), straight_lines.MOST) / straight_lines.TOGETHER
        share = straight_lines.CLUTTER
        total, counts = total + count * np.log((1 - share) * density + share / 90), [*counts, count]
    total *= min(1.0, straight_lines.ALL / sum(counts))
    found = lines._log_likelihood(np.array([pitch]), np.array([roll]))
    assert found[0, 0, round(heading / straight_lines.HEADING_STEP_DEG)] == pytest.approx(total, rel=1e-3)


def test_edges_are_found_in_a_picture_but_not_where_none_counts():
    picture = np.full((*SIZE_PX, 3), 90, np.uint8)
    cv2.rectangle(picture, (40, 60), (120, 200), (220, 220, 220), -1)
    nowhere = np.zeros(SIZE_PX, bool)
    left = nowhere.copy()
    left[:, :80] = True
    all_of_them, right = (StraightLines.of(picture, K, mask).ends_px for mask in (nowhere, left))
    assert len(all_of_them) == 4 and np.hypot(*(all_of_them[0, 2:] - all_of_them[0, :2])) > 120
    assert (right[:, [0, 2]].mean(1) >= 79).all() and 0 < len(right) < 4


def test_the_person_is_where_the_keypoints_are_and_around_them(acted):
    track = acted(2).track
    mask = where_person_is(track, 0.3, SIZE_PX)
    px = track.body_px[0, track.body_px[0, :, 2] > 0.3, :2].round().astype(int)
    inside = ((px >= 0) & (px < SIZE_PX[::-1])).all(1)
    assert mask[px[inside, 1], px[inside, 0]].all() and mask.mean() < 0.6


def test_who_is_not_there_at_first_is_nowhere_then(acted):
    track = acted(3).track
    assert not where_person_is(replace(track, seen=np.array([False, True, True])), 0.3, SIZE_PX).any()
