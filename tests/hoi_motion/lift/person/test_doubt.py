"""What a lift thinks of itself."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.errors import ControlError
from hoi_motion.keypoints.hands import PALM
from hoi_motion.lift.person.doubt import actor_notes, doubt_notes, hand_notes, off_probability, size_notes
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.progress import CancelToken


def test_a_body_on_sure_keypoints_is_hardly_off(acted):
    assert off_probability(acted(3).track, np.full(3, 0.01), 0.08).max() < 0.1


def test_doubt_grows_with_the_distance_from_the_keypoints(acted):
    off = off_probability(acted(3).track, np.array([0.01, 0.05, 0.2]), 0.08)
    assert (np.diff(off, axis=0) > 0).all() and off[2, 0] > 0.8


def test_a_lost_person_is_in_doubt_though_nothing_contradicts_the_body(acted):
    track = acted(3).track
    lost = replace(track, body_px=track.body_px * [1, 1, 0])
    assert off_probability(lost, np.zeros(3), 0.08)[0, 0] > 0.5


def test_who_is_seen_well_but_lifted_unsurely_is_in_doubt_in_space_alone(acted):
    track = acted(3).track
    sure, unsure = (off_probability(track, np.full(3, 0.01), spread) for spread in (0.04, np.full(3, 0.4)))
    assert sure[0, 1] < 0.01 < 0.2 < unsure[0, 1]
    np.testing.assert_array_equal(sure[:, 0], unsure[:, 0])


def test_a_reader_is_told_of_frames_that_are_probably_wrong():
    off = np.array([[0.1, 0.0], [0.9, 0.6], [0.9, 0.8]])
    (note,) = doubt_notes(off)
    assert "2 of 3 frames" in note and "frame 2" in note
    assert not doubt_notes(off[:1])


@pytest.mark.parametrize(
    "beside, half, told",
    [(0.5, 0.05, True), (0.3, 0.05, False), (0.5, 0.3, False)],
    ids=["out of reach", "within reach", "a large one, whose edge is near"],
)
def test_who_stays_out_of_reach_of_the_object_is_doubted(acted, beside, half, told):
    track = acted(3).track
    height_px = track.person_height_px()
    right_px = track.body_px[..., 0].max()
    centre = np.array([right_px + beside * height_px, track.body_px[0, :, 1].mean()])
    size_px = int(half * height_px)
    mask = np.zeros((int(centre[1]) + 2 * size_px, int(centre[0]) + 2 * size_px), bool)
    mask[int(centre[1]) - size_px : int(centre[1]) + size_px, int(centre[0]) - size_px : int(centre[0]) + size_px] = (
        True
    )
    target = ObjectTrack(mask, np.tile(IDENTITY, (3, 1, 1)), np.ones(3), np.ones(3, bool))
    notes = actor_notes(track, target)
    assert len(notes) == told and all("doubtful: actor" in note for note in notes)


def test_without_a_detector_of_hands_a_lift_says_that_they_were_not_looked_at(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    (note,) = hand_notes(np.zeros((2, 8, 8, 3), np.uint8), 300.0)
    assert "mediapipe is not installed" in note


def test_the_look_at_hands_is_cancelled():
    token = CancelToken()
    token.cancel()
    with pytest.raises(ControlError, match="cancelled"):
        hand_notes(np.zeros((2, 8, 8, 3), np.uint8), 300.0, token)


@pytest.mark.parametrize(
    "palms, doubted",
    [([3.0, 2.8], True), ([1.0, 1.2], False), ([3.0], False), ([1.0, 1.1, 4.0], False), ([], False)],
)
def test_a_figure_whose_hands_would_be_much_smaller_than_those_in_the_picture_is_doubted(palms, doubted):
    height_px = 300.0
    notes = size_notes(np.array(palms) * PALM * height_px, height_px)
    assert bool(notes) == doubted and all("person_size" in note and "times as large" in note for note in notes)
