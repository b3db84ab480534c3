"""Whether an object that is lifted at a wrong size is doubted."""

import re

import cv2
import numpy as np
import pytest

from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.object.distance import Scene
from hoi_motion.lift.object.doubt import depth_notes, size_notes
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.sight import Sight
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import ObjectMotion
from hoi_motion.rigid import standing_at

T = 8
CAMERA = world_camera(np.array([[330.0, 0, 180], [0, 330, 120], [0, 0, 1]]), "assumed", (240, 360), 0.0, [0, 3.0, -1.0])


def _noted(size: float, resting: bool = False, visibility: float = 1.0) -> tuple[str, ...]:
    """Notes on a can that is so many times as large as the track sees it."""
    surfaces = [Primitive("cylinder", s * np.array([0.1, 0.1, 0.3])).surface() for s in (1.0, size)]
    seen, lifted = (
        ObjectMotion("can", *surface, np.tile(standing_at([0.0, 0.0, 1.0]), (T, 1, 1)), is_target=True)
        for surface in surfaces
    )
    mask = np.zeros((240, 360), np.uint8)
    outline = cv2.convexHull(np.round(CAMERA.project(seen.vertices_world(0))).astype(np.int32))
    cv2.fillConvexPoly(mask, outline, 1)
    still, sure = np.full(T, resting), np.full(T, visibility)
    return size_notes(lifted, ObjectTrack(mask > 0, np.tile(IDENTITY, (T, 1, 1)), sure, still), CAMERA)


@pytest.mark.parametrize("size, doubted", [(1.0, False), (1.4, False), (2.0, True), (0.5, True)])
def test_an_object_that_is_drawn_at_another_size_than_it_is_seen_is_doubted(size, doubted):
    notes = _noted(size)
    assert bool(notes) == doubted
    for note in notes:
        assert "object_size" in note and float(re.search(r"([\d.]+) times", note)[1]) == pytest.approx(size, rel=0.1)


def test_frames_in_which_it_rests_or_is_not_seen_say_nothing_of_its_size():
    assert not _noted(2.0, resting=True) and not _noted(2.0, visibility=0.1)


@pytest.mark.parametrize("unknown", [0.0, np.nan])
def test_a_depth_image_with_a_hole_where_the_object_is_does_not_tell_its_distance_and_that_is_said(unknown):
    mask = np.zeros((240, 360), bool)
    mask[100:140, 160:200] = True
    track = ObjectTrack(mask, np.tile(IDENTITY, (T, 1, 1)), np.ones(T), np.ones(T, bool))

    def notes(depth_m) -> tuple[str, ...]:
        return depth_notes(Scene(track, Sight(mask, CAMERA, depth_m=depth_m), (), {}, np.zeros((T, 76, 3))))

    whole = np.full(mask.shape, 2.0, np.float32)
    hole = np.where(mask, np.float32(unknown), whole)
    assert notes(None) == notes(whole) == ()
    (told,) = notes(hole)
    assert told.startswith("doubtful: depth: of the object's 1600 pixels the depth image knows 0")
