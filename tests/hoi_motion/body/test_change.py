"""A motion in another world is the same motion."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.body.change import in_world
from hoi_motion.rigid import moved

numbers = st.floats(-2.0, 2.0)


def transform(turn_rad, shift_m) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_rotvec(turn_rad).as_matrix(), shift_m
    return T


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[numbers] * 3), st.tuples(*[numbers] * 3))
def test_person_object_support_and_camera_move_as_one(body, motion, turn_rad, shift_m):
    motion = motion.replace(betas=np.linspace(-1, 1, body.num_betas), body_model=body.name)
    T = transform(turn_rad, shift_m)
    there = in_world(motion, T, body)
    joints, joints_there = (body.joints(m.pose_rad, m.transl_m, m.betas).numpy() for m in (motion, there))
    np.testing.assert_allclose(joints_there, moved(T, joints), atol=2e-4)
    np.testing.assert_allclose(there.camera.to_camera(joints_there), motion.camera.to_camera(joints), atol=2e-4)
    for thing, thing_there in zip(motion.objects, there.objects):
        np.testing.assert_allclose(thing_there.vertices_world(1), moved(T, thing.vertices_world(1)), atol=1e-5)
    for support, support_there in zip(motion.supports, there.supports):
        np.testing.assert_allclose(support_there.T_world_box, T @ support.T_world_box, atol=1e-9)


def test_there_and_back_is_where_it_was(body, motion):
    motion = motion.replace(betas=np.zeros(body.num_betas), body_model=body.name)
    T = transform([0.3, -0.4, 1.2], [0.5, 0.1, -0.2])
    back = in_world(in_world(motion, T, body), np.linalg.inv(T), body)
    np.testing.assert_allclose(back.transl_m, motion.transl_m, atol=1e-5)
    np.testing.assert_allclose(back.objects[0].T_world_object, motion.objects[0].T_world_object, atol=1e-9)
