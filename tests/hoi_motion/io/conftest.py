import numpy as np
import pytest
import trimesh

from hoi_motion.body import load_body
from hoi_motion.camera import Camera
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion, SupportBox
from tests.hoi_motion.io.published import SMPLX_PELVIS


@pytest.fixture(scope="session")
def body():
    return load_body()


@pytest.fixture(scope="session")
def motion(body) -> HoiMotion:
    """Eight frames of small random joint angles with a tumbling box and a table."""
    rng = np.random.default_rng(0)
    pose = np.cumsum(rng.normal(0, 0.05, (8, 55, 3)), axis=0)
    pose[:, 0, 0] += np.pi / 2
    pose[:, 30] = 0  # a joint that never moves
    transl = np.cumsum(rng.normal(0, 0.02, (8, 3)), axis=0) + [0, 0, 1]
    box = trimesh.creation.box((0.1, 0.2, 0.3))
    T_world_object = np.stack(
        [trimesh.transformations.rotation_matrix(0.8 * t, [1, 1, 0], [0.5, 0, 1]) for t in range(8)]
    )
    T_table = np.eye(4)
    T_table[:3, 3] = [0.6, 0, 0.7]
    return HoiMotion(
        pose,
        transl,
        rng.normal(0, 0.5, 10),
        12.5,
        body.name,
        Camera(np.diag([500.0, 500, 1]), np.eye(4), 64, 48),
        (ObjectMotion("box", box.vertices, box.faces, T_world_object, "box"),),
        (SupportBox("table", np.array([1.0, 0.6, 0.04]), T_table),),
        (Contact("left_hand", "box", 2, 5),),
    )


@pytest.fixture(scope="session")
def world_joints(body):
    """A function from SMPL-X parameters to joints (T, 55, 3): the free body, its pelvis where SMPL-X has it."""

    def joints(pose_rad, transl_m) -> np.ndarray:
        return body.joints(pose_rad, np.asarray(transl_m) + SMPLX_PELVIS, np.zeros(10)).numpy()[:, :55]

    return joints


@pytest.fixture(scope="session")
def same_walk(world_joints):
    """A function that checks that a motion's joints are a Person's, moved to the floor under the first pelvis."""

    def check(motion, person):
        found, wanted = (
            world_joints(motion.pose_rad, motion.transl_m),
            world_joints(person.pose, person.pelvis - SMPLX_PELVIS),
        )
        wanted = wanted - [*wanted[0, 0, :2], 0]
        height = wanted[0, 0, 2] - found[0, 0, 2]
        assert np.allclose(found, wanted - [0, 0, height], atol=2e-5)
        assert 0 <= found[..., 2].min() < 0.15  # ankles and feet are joints, the sole is on the floor

    return check
