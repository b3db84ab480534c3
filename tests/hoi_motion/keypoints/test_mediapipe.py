"""Keypoint tracks: gaps, borders, and who is not there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints import actor
from hoi_motion.keypoints import mediapipe as keypoints
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
from hoi_motion.keypoints.track import L_KNEE, L_SHOULDER, L_WRIST, believed, completed, fill_gaps, within_image
from hoi_motion.media.image_files import read_image

DEMO_FRAME = Path(__file__).resolve().parents[3] / "config" / "demo" / "frame.png"


def test_gaps_are_bridged_without_confidence(acted):
    track = acted(7).track
    seen = np.array([1, 1, 0, 0, 1, 1, 0], bool)
    filled = fill_gaps(replace(track, seen=seen))
    assert (filled.body_px[~seen, :, 2] == 0).all()
    expected = track.body_px[1, :, 0] + (track.body_px[4, :, 0] - track.body_px[1, :, 0]) / 3
    np.testing.assert_allclose(filled.body_px[2, :, 0], expected)


def test_points_outside_the_picture_are_guesses(acted):
    track = acted(3).track
    cut = within_image(track, (120, 360))
    below = track.body_px[..., 1] > 119
    assert below.any() and (cut.body_px[below, 2] == 0).all()
    assert (cut.body_px[~below, 2] == track.body_px[~below, 2]).all()


def test_an_empty_room_has_no_actor(capfd):
    frames = np.full((3, 96, 144, 3), 180, np.uint8)
    frames[:, 60:] = 90
    with pytest.raises(LiftError) as caught:
        MediaPipeKeypoints().detect(frames)
    assert caught.value.code == ErrorCode.NO_ACTOR
    assert capfd.readouterr().err == ""


def test_a_second_pass_goes_on_with_the_progress(monkeypatch):
    monkeypatch.setattr(keypoints, "AGREEING", 2.0)  # no clip is good enough for one pass
    frame, steps = read_image(DEMO_FRAME), []
    MediaPipeKeypoints().detect(np.stack([frame] * 3), on_progress=lambda stage, fraction: steps.append(fraction))
    assert len(steps) > 6 and steps == sorted(steps) and steps[-1] == 1.0


def test_a_person_lost_for_most_of_the_clip_is_no_actor(acted):
    seen = np.arange(17) < 8
    with pytest.raises(LiftError, match="in 8 of 17 frames") as caught:
        completed(replace(acted(17).track, seen=seen), (240, 360))
    assert caught.value.code == ErrorCode.NO_ACTOR


def test_a_person_who_leans_for_a_while_keeps_the_height(acted):
    track = acted(9).track
    leaning = track.body_px.copy()
    leaning[5:, :, 1] *= 0.5
    assert replace(track, body_px=leaning).person_height_px() == pytest.approx(track.person_height_px(), rel=0.02)


def test_hips_that_are_guessed_too_low_for_a_while_make_nobody_taller(acted):
    track = acted(9).track
    low = track.body_px.copy()
    low[:4, 23:25, 1] += 40
    low[:, 25:, 2] = 0
    hidden = replace(track, body_px=low)
    assert hidden.person_height_px() == pytest.approx(track.person_height_px(), rel=0.1)


def test_who_is_found_again_is_near_and_as_large_as_before(acted):
    last = acted(1).track.body_px[0]
    near, far, child = last + [20, 0, 0], last + [300, 0, 0], last * [0.4, 0.4, 1] + [110, 75, 0]
    assert actor.found_again([far, child, near], last, 1) is near
    assert actor.found_again([far, child], last, 1) is None


def test_the_longer_someone_is_lost_the_further_they_may_have_gone(acted):
    last = acted(1).track.body_px[0]
    far = last + [120, 0, 0]
    assert actor.found_again([far], last, 1) is None
    assert actor.found_again([far], last, 12) is far


def test_of_people_at_one_place_those_count_who_are_seen_again_in_the_next_frames(acted):
    person = acted(1).track.body_px[0]
    middle = person[:, :2].mean(0)
    fold = np.column_stack([middle + 0.3 * (person[:, :2] - middle), person[:, 2]])
    beside = person + [1000, 0, 0]  # seldom found, but nobody else is there
    following = [[person + [3 * t, 0, 0]] for t in (1, 2, 3)]
    assert actor.lasting([fold, person, beside], following) == [person, beside]
    assert actor.lasting([fold, person], [[], [], []]) == [fold, person]  # nothing is known of either


def test_where_both_views_go_astray_each_its_own_way_what_the_search_finds_counts(acted, monkeypatch):
    bodies = acted(4).track.body_px
    frames = np.zeros((4, 240, 360, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(4)

    def astray(views, t, *_):
        for view, left_px in zip(views, (0, 200)):
            view.body_px[t], view.seen[t] = bodies[t] * [0.3, 0.3, 1] + [left_px, 0, 0], True
        return views[0].body_px[t].copy()

    monkeypatch.setattr(keypoints, "_see", astray)
    monkeypatch.setattr(keypoints, "_people", lambda still, frame, *_, **__: [bodies[frame[0, 0, 0]]])
    track = MediaPipeKeypoints().detect(frames)
    assert track.seen.all()
    np.testing.assert_allclose(track.body_px[..., :2], bodies[..., :2], atol=1.0)


def _believed(acted, confidences: dict[int, list[float]]) -> np.ndarray:  # (7, 33)
    body = acted(7).track.body_px.copy()
    for keypoint, values in confidences.items():
        body[:, keypoint, 2] = values
    return believed(body, 0.1) > 0


def test_an_unsure_wrist_of_a_sure_person_counts(acted):
    assert _believed(acted, {L_WRIST: [0.2] * 7})[:, L_WRIST].all()


def test_an_unsure_wrist_of_a_person_who_is_lost_does_not_count(acted):
    counts = _believed(acted, {L_WRIST: [0.2] * 7, L_SHOULDER: [1, 1, 1, 1, 1, 1, 0.2]})
    assert counts[:, L_WRIST].tolist() == [True] * 6 + [False]


def test_an_unsure_knee_is_a_guess(acted):
    assert not _believed(acted, {L_KNEE: [0.2] * 7})[:, L_KNEE].any()


def test_a_knee_that_is_sure_in_a_single_frame_is_a_guess(acted):
    assert not _believed(acted, {L_KNEE: [0.1, 0.1, 0.1, 0.9, 0.1, 0.2, 0.2]})[:, L_KNEE].any()


def test_a_knee_that_is_lost_in_a_single_frame_counts_in_the_others(acted):
    assert _believed(acted, {L_KNEE: [1, 1, 1, 0.1, 1, 1, 1]})[:, L_KNEE].tolist() == [True] * 3 + [False] + [True] * 3


def test_a_stricter_limit_holds_for_legs_too(acted):
    body = acted(5).track.body_px.copy()
    body[:, L_KNEE, 2] = 0.4
    assert not believed(body, 0.5)[:, L_KNEE].any()
