import numpy as np
import pytest

from hoi_motion.body import load_body
from hoi_motion.body.joints import index_of
from hoi_motion.body.mass import mass_weights


@pytest.fixture(scope="module")
def standing():
    body = load_body()
    pose = np.zeros((2, 55, 3))
    pose[0, [index_of("left_shoulder"), index_of("right_shoulder")], 2] = [-1.2, 1.2]  # arms down
    pose[1, [index_of("left_shoulder"), index_of("right_shoulder")], 2] = [1.2, -1.2]  # arms up
    vertices, _ = body.vertices_and_joints(pose, np.zeros((2, 3)), np.zeros(10))
    return body.joints(pose, np.zeros((2, 3)), np.zeros(10)).numpy()[:, :55], np.asarray(vertices)


def test_centre_of_mass_of_who_stands_is_a_little_over_half_the_height(standing):
    joints, vertices = standing
    low, high = vertices[0, :, 1].min(), vertices[0, :, 1].max()
    share = (mass_weights() @ joints[0, :, 1] - low) / (high - low)
    assert 0.53 < share < 0.60  # 0.57 for men, 0.55 for women
    assert abs(mass_weights() @ joints[0, :, 0]) < 0.01


def test_raised_arms_raise_it_by_their_share_of_the_mass(standing):
    joints, _ = standing
    arms = [index_of(f"{side}_{name}") for side in ("left", "right") for name in ("elbow", "wrist")]
    raised = (joints[1] - joints[0])[arms, 1].mean()
    rise = mass_weights() @ (joints[1] - joints[0])[:, 1]
    assert 0.03 < rise / raised < 0.10  # both arms weigh 9.4 % of the body, and their nearer part rises less
