"""A plan of the bundle's kind, with a robot of two boxes that takes twice the person's time."""

import numpy as np
import pytest

from hoi_motion.execute.robot_scene import MovingPart, RobotScene
from hoi_motion.io.glb_document import box_mesh, flat_sides

ROBOT_FPS = 10.0


@pytest.fixture
def robot_scene(motion) -> RobotScene:
    source_s = np.repeat(np.arange(motion.num_frames) / motion.fps, 2)
    T = np.tile(np.eye(4), (len(source_s), 1, 1))
    T[:, 0, 3], T[:, 2, 3] = np.linspace(0, 0.4, len(source_s)), 0.8
    mesh = flat_sides(*box_mesh(np.array([0.1, 0.1, 0.4])))
    parts = [MovingPart(name, *mesh, (0.9, 0.9, 0.9), T, is_robot=True) for name in ("robot 0", "robot 1")]
    return RobotScene((*parts, MovingPart("target", *mesh, (0.9, 0.4, 0.1), T)), ROBOT_FPS, source_s)
