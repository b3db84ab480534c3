"""What a contact sheet shows of a known arrangement of points."""

import numpy as np

from hoi_motion.media.contact_sheet import CELL_PX, VIEWS, _facing, _splat

RED, BLUE = (0.0, 0.0, 255.0), (255.0, 0.0, 0.0)
EXTENT_M = 2.0
FRONT = np.array(VIEWS["front"])


def test_what_is_near_hides_all_that_is_behind_it_though_its_points_lie_apart():
    """A wall of points in every pixel, 1 m behind points of which each covers a pixel and its neighbours."""
    places = (np.arange(CELL_PX) + 0.5) / CELL_PX * EXTENT_M - EXTENT_M / 2
    x, z = (grid.ravel() for grid in np.meshgrid(places, places))
    wall = np.stack([x, np.full_like(x, 1.0), z], -1)
    near = wall[np.random.default_rng(0).choice(len(wall), 2000, replace=False)] * [1, 0, 1]
    points = np.concatenate([near, wall])
    normals = np.tile([0.0, -1.0, 0.0], (len(points), 1))
    colors = np.concatenate([np.tile(RED, (len(near), 1)), np.tile(BLUE, (len(wall), 1))])
    cell = _splat(points, normals, colors, FRONT, EXTENT_M)
    column, row = ((near @ FRONT[:2].T) / EXTENT_M * CELL_PX + CELL_PX / 2).astype(int).T
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        shown = cell[(row + dy).clip(0, CELL_PX - 1), (column + dx).clip(0, CELL_PX - 1)]
        assert (shown[:, 2] > shown[:, 0]).all()


def test_whichever_way_an_actor_stands_the_front_view_has_the_left_hip_at_the_right():
    for angle in np.linspace(-3, 3, 7):
        left = np.array([np.cos(angle), np.sin(angle), 0.0])
        joints = np.stack([np.zeros(3), 0.1 * left, -0.1 * left])
        turned = joints @ _facing(joints).T
        np.testing.assert_allclose(turned[1] @ FRONT.T, [0.1, 0, 0], atol=1e-9)
