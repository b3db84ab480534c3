import numpy as np
import pytest

from hoi_motion.camera import Camera
from hoi_motion.motion import HoiMotion


@pytest.fixture
def motion_file(tmp_path):
    """A person in the rest pose who stands on the floor, without objects."""
    pose = np.zeros((4, 55, 3))
    pose[:, 0, 0] = np.pi / 2
    from hoi_motion.body import load_body

    lowest = load_body().vertices_and_joints(pose[:1], np.zeros((1, 3)), np.zeros(10))[0][0, :, 2].min()
    camera = Camera(np.diag([500.0, 500, 1]), np.eye(4), 64, 48)
    motion = HoiMotion(pose, np.tile([0, 0, -float(lowest)], (4, 1)), np.zeros(10), 8, "anny-free", camera)
    motion.save(tmp_path / "motion.npz")
    return tmp_path / "motion.npz"
