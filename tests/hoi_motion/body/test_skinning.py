import numpy as np

from hoi_motion.body.skinning import ShapedBody, rotation_matrices


def test_skinning_equals_the_smplx_layer(body):
    rng = np.random.default_rng(0)
    pose, transl, betas = rng.normal(0, 0.4, (2, 55, 3)), rng.normal(0, 1, (2, 3)), rng.normal(0, 1, 10)
    shaped = ShapedBody(body, betas)
    transforms = shaped.joint_transforms(pose, transl)
    vertices, joints = body.vertices_and_joints(pose, transl, betas)
    assert np.abs(transforms[..., :3, 3] - joints.numpy()).max() < 1e-5
    for t in range(2):
        assert np.abs(shaped.vertices(transforms[t]) - vertices[t].numpy()).max() < 1e-4


def test_rotation_matrices_are_rotations():
    matrices = rotation_matrices(np.random.default_rng(0).normal(0, 2, (50, 3)))
    assert np.abs(matrices @ np.swapaxes(matrices, 1, 2) - np.eye(3)).max() < 1e-12
    assert np.allclose(np.linalg.det(matrices), 1) and np.array_equal(rotation_matrices(np.zeros(3)), np.eye(3))
