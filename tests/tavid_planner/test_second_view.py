"""The lifted motion from a second viewpoint."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.body import PosedBody, load_body
from hoi_motion.motion import Contact
from tavid_planner.second_view import TARGET, TOUCHED, second_view, viewpoint_of

SIZE_PX = (180, 120)


@pytest.fixture(scope="module")
def body():
    return load_body()


def like(frame: np.ndarray, colour, share: float = 0.12) -> np.ndarray:  # (H, W) bool
    """Pixels of about this hue, lit or in shadow."""
    pixels, colour = frame.astype(float) + 1, np.array(colour, float)
    direction = pixels / np.linalg.norm(pixels, axis=-1, keepdims=True)
    return np.linalg.norm(direction - colour / np.linalg.norm(colour), axis=-1) < share


def test_a_target_is_drawn_where_the_viewpoint_says_and_changes_colour_when_it_is_touched(motion, body):
    motion = motion.replace(contacts=(Contact("right_hand", "target", 5, 9, 0.9),), supports=())
    posed = PosedBody(body, motion)
    frames = second_view(motion, posed, SIZE_PX)
    assert frames.shape == (motion.num_frames, SIZE_PX[1], SIZE_PX[0], 3) and frames.dtype == np.uint8
    viewpoint = viewpoint_of(motion, posed.skin_m, SIZE_PX)
    x, y = viewpoint.pixels(motion.target.T_world_object[0, :3, 3][None], SIZE_PX)[0].round().astype(int)
    assert like(frames[0], TARGET)[y, x] and like(frames[6], TOUCHED)[y, x]


def test_the_whole_person_is_in_every_frame_also_when_it_walks(motion, body):
    walk = np.array(motion.transl_m)
    walk[:, 0] = np.linspace(0, 3, len(walk))
    motion = motion.replace(transl_m=walk)
    posed = PosedBody(body, motion)
    viewpoint = viewpoint_of(motion, posed.skin_m, SIZE_PX)
    for t in range(motion.num_frames):
        seen = viewpoint.pixels(posed.skin_m[t], SIZE_PX)
        assert (seen > 0).all() and (seen < np.array(SIZE_PX) - 1).all()


def test_it_is_seen_from_another_side_than_the_cameras(motion, body):
    viewpoint = viewpoint_of(motion, PosedBody(body, motion).skin_m, SIZE_PX)
    ahead = -viewpoint.view[2, :3]
    across = np.degrees(np.arccos(ahead @ motion.camera.T_world_camera[:3, 2]))
    assert 45 < across < 90


@pytest.mark.parametrize("side", [-1, 1])
def test_the_target_is_nearer_than_the_person(motion, body, side):
    T = np.array(motion.target.T_world_object)
    T[:, 0, 3] = 0.5 * side
    motion = motion.replace(objects=(replace(motion.objects[0], T_world_object=T),))
    skin = PosedBody(body, motion).skin_m
    viewpoint = viewpoint_of(motion, skin, SIZE_PX)
    depth = [-(viewpoint.view @ np.append(p, 1))[2] for p in (T[0, :3, 3], skin[0].mean(0))]
    assert depth[0] < depth[1]


def test_a_camera_that_looks_straight_down_has_a_second_viewpoint_too(motion, body):
    T = np.eye(4)
    T[:3, :3] = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    T[:3, 3] = (0, 0, 4)
    motion = motion.replace(camera=replace(motion.camera, T_world_camera=T))
    assert np.isfinite(viewpoint_of(motion, PosedBody(body, motion).skin_m, SIZE_PX).view).all()


def test_a_distant_object_does_not_make_the_person_small(motion, body):
    far = replace(motion.objects[0], name="lamp", is_target=False)
    T = np.array(far.T_world_object)
    T[:, 0, 3] += 30
    with_lamp = motion.replace(objects=(*motion.objects, replace(far, T_world_object=T)))
    skin = PosedBody(body, motion).skin_m
    assert (viewpoint_of(with_lamp, skin, SIZE_PX).view == viewpoint_of(motion, skin, SIZE_PX).view).all()
