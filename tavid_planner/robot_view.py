"""A film of a robot carrying out the plan, in the style of `second_view`."""

import numpy as np

from hoi_motion.execute.robot_scene import RobotScene
from hoi_motion.motion import HoiMotion
from tavid_planner.drawn_world import DrawnWorld, viewpoint_around
from tavid_planner.second_view import towards_viewer

# number of moments that the view is fitted to, and of corners per part
MOMENTS = 12
CORNERS = 200
# of a film: each frame takes a tenth of a second to draw
MOST_FRAMES = 72


def robot_view(scene: RobotScene, motion: HoiMotion, size_px: tuple[int, int]) -> tuple[np.ndarray, float]:
    """Robot and objects in real time; long motions are shown with fewer frames per second.

    Args:
        motion: the person's, which determines the viewpoint; size_px: (width, height).

    Returns:
        (T, height, width, 3) uint8 RGB, and frames per second.

    Raises:
        CheckError: CHECK_NOT_RUN when PyBullet does not start.
    """
    from hoi_motion.physics.world import bullet_client

    towards = towards_viewer(motion, motion.transl_m[0])
    target = None if motion.target is None else motion.target.name
    viewpoint = viewpoint_around(_shown_points(scene, target), towards, size_px)
    stride = -(-len(scene.source_time_s) // MOST_FRAMES)
    frames = []
    with bullet_client() as client:
        world = DrawnWorld(client)
        bodies = [
            world.mesh(part.vertices_m, part.faces, np.multiply(part.rgb, 255), part.normals) for part in scene.parts
        ]
        for t in range(0, len(scene.source_time_s), stride):
            for body, part in zip(bodies, scene.parts):
                world.move(body, part.T_world_part[t])
            frames.append(world.picture(viewpoint, size_px))
    return np.stack(frames), scene.fps / stride


def _shown_points(scene: RobotScene, target: str | None) -> np.ndarray:  # (N, 3)
    """Corners of robot and target over time."""
    moments = np.unique(np.linspace(0, len(scene.source_time_s) - 1, MOMENTS).round().astype(int))
    points = []
    for part in scene.parts:
        if part.is_robot or part.name == target:
            some = part.vertices_m[:: max(1, len(part.vertices_m) // CORNERS)]
            for T in part.T_world_part[moments]:
                points.append(some @ T[:3, :3].T + T[:3, 3])
    return np.concatenate(points)
