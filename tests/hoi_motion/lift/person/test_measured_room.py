"""Up and the floor from the depth image of a room that is made of planes."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.lift.person.measured_room import MeasuredRoom
from tests.hoi_motion.conftest import SIZE_PX, K

CAMERA_M = 1.6


def room_depth(planes: list[tuple[np.ndarray, float]]) -> np.ndarray:
    """Depth (H, W) of the nearest of planes (normal in the camera frame, distance along it), 0 where there is none."""
    rows, columns = np.mgrid[: SIZE_PX[0], : SIZE_PX[1]]
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(K).T
    hits = [distance / np.where(np.abs(rays @ normal) > 1e-6, rays @ normal, np.nan) for normal, distance in planes]
    hits = np.where(np.array(hits) > 0.2, hits, np.inf)
    depth = np.nanmin(hits, axis=0)
    return np.where(np.isfinite(depth), depth, 0.0)


def up_in_camera(pitch_deg: float, roll_deg: float) -> np.ndarray:
    return Rotation.from_euler("zx", [roll_deg, pitch_deg], degrees=True).apply([0.0, -1.0, 0.0])


@pytest.fixture(params=[(8.0, 0.0), (15.0, 2.0), (25.0, -2.0)])
def up(request):
    return up_in_camera(*request.param)


def off_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.rad2deg(np.arcsin(np.linalg.norm(np.cross(a, b)))))


def wall(up: np.ndarray) -> tuple[np.ndarray, float]:
    ahead = np.array([0, 0, 1.0]) - up[2] * up
    return ahead / np.linalg.norm(ahead), 5.0


def room(up: np.ndarray, noise_m: float = 0.0) -> MeasuredRoom:
    depth = room_depth([(up, -CAMERA_M), wall(up)])
    return MeasuredRoom(depth + np.random.default_rng(0).normal(0, noise_m, depth.shape), K)


def test_up_is_found_beside_a_wall_from_a_guess_that_is_off(up):
    guess_rad = np.arctan2(up[2], -up[1]) + np.deg2rad(8)
    assert off_deg(room(up).up(guess_rad), up) < 0.1


def test_up_is_found_in_a_noisy_image(up):
    guess_rad = np.arctan2(up[2], -up[1])
    assert off_deg(room(up, noise_m=0.003).up(guess_rad), up) < 1.0


@pytest.mark.parametrize("aside_m", [-1.0, 0.0, 1.0])
def test_the_floor_is_found_under_a_place_in_the_frame_without_roll(up, aside_m):
    level = up * [0, 1, 1] / np.linalg.norm(up[1:])
    foot_m = -CAMERA_M * up + aside_m * np.cross(up, wall(up)[0]) + 3.0 * wall(up)[0]
    found = room(up).floor_m(up, foot_m, level @ foot_m + 0.15)
    assert found == pytest.approx(level @ foot_m, abs=0.01)


def test_a_table_is_not_the_floor_of_who_stands_beside_it(up):
    table = MeasuredRoom(room_depth([(up, -0.8), wall(up)]), K)
    assert table.floor_m(up, 3.0 * wall(up)[0], -CAMERA_M) is None


def test_a_wall_alone_and_an_empty_image_say_nothing(up):
    for depth in (room_depth([wall(up)]), np.zeros(SIZE_PX), np.full(SIZE_PX, np.nan)):
        assert MeasuredRoom(depth, K).up(np.deg2rad(-10)) is None


def small_room_depth(up: np.ndarray, board: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Depth (96, 144) of floor and wall and its K; a third of the picture is a board with this normal, before both."""
    K_small = np.array([[130.0, 0, 71.5], [0, 130.0, 47.5], [0, 0, 1]])
    rows, columns = np.mgrid[:96, :144]
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(K_small).T
    normal, distance_m = wall(up)
    hits = np.stack([-CAMERA_M / (rays @ up), distance_m / (rays @ normal)])
    depth = np.where(hits > 0.2, hits, np.inf).min(0)
    if board is not None:
        middle = rays[64, 72] * 1.5
        depth[50:80, 40:105] = ((middle @ board) / (rays @ board))[50:80, 40:105]
    return depth, K_small


def test_in_a_small_picture_a_floor_that_is_seen_at_a_grazing_angle_is_a_surface():
    up = up_in_camera(12.0, 0.0)
    depth, K_small = small_room_depth(up)
    assert off_deg(MeasuredRoom(depth, K_small).up(np.arctan2(up[2], -up[1]) + np.deg2rad(6)), up) < 0.5


def test_curved_and_slanted_things_do_not_tilt_the_room():
    up = up_in_camera(12.0, 0.0)
    rng = np.random.default_rng(0)
    for angle_deg in (14.0, 20.0):
        board = Rotation.from_euler("x", angle_deg, degrees=True).apply(up)
        depth, K_small = small_room_depth(up, board)
        depth[50:80, 40:105] += rng.normal(0, 0.004, (30, 65))  # a back or a seat is not as flat as a floor
        found = MeasuredRoom(depth, K_small).up(np.arctan2(up[2], -up[1]))
        assert found is None or off_deg(found, up) < 1.5
