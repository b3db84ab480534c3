"""The space of body shapes holds the bodies that span it, and its joints are theirs."""

import numpy as np
import pytest

from hoi_motion.body.from_anny.shape_space import mirrored_name, regressor_of, shape_space
from hoi_motion.body.joints import JOINT_NAMES

SIDES = np.array([JOINT_NAMES.index(mirrored_name(name)) for name in JOINT_NAMES])
MIRROR = np.concatenate([np.arange(150, 300), np.arange(150)])  # the right half of the surface, then the left one


@pytest.fixture
def bodies():
    """Forty bodies (40, 300, 3), each its own mirror image, that differ in two ways."""
    rng = np.random.default_rng(0)
    half, one, other = (rng.normal(0, scale, (150, 3)) for scale in (1.0, 0.1, 0.03))
    whole = [np.concatenate([part, part * [-1, 1, 1]]) for part in (half, one, other)]
    return whole[0] + np.einsum("sk,kvc->svc", rng.normal(0, 1, (40, 2)), whole[1:])


def test_bodies_are_their_betas_in_the_space(bodies):
    space = shape_space(bodies, 2)
    again = space.template_m + np.einsum("sb,vcb->svc", space.betas, space.directions_m.astype(float))
    np.testing.assert_allclose(again, bodies, atol=1e-3)


def test_betas_have_variance_one_and_the_first_moves_most(bodies):
    space = shape_space(bodies, 2)
    np.testing.assert_allclose(np.cov(space.betas.T, bias=True), np.eye(2), atol=1e-9)
    first, second = np.linalg.norm(space.directions_m.astype(float), axis=(0, 1))
    assert first > 2 * second


def test_more_of_a_beta_is_taller(bodies):
    space, highest_m = shape_space(bodies, 2), bodies[..., 1].max(1)
    assert all(np.corrcoef(beta, highest_m)[0, 1] > 0 for beta in space.betas.T)


def test_joints_are_weighted_means_of_the_surface_and_mirrored(bodies):
    near = np.random.default_rng(1).dirichlet(np.ones(300), 55)
    near = (near + near[SIDES][:, MIRROR]) / 2
    joints = np.einsum("jv,svc->sjc", near, bodies)
    regressor = regressor_of(shape_space(bodies, 2), joints, MIRROR)
    np.testing.assert_allclose(np.einsum("jv,svc->sjc", regressor, bodies), joints, atol=2e-3)
    np.testing.assert_allclose(regressor.sum(1), 1, atol=1e-6)
    sided = [j for j, other in enumerate(SIDES) if j != other]
    np.testing.assert_array_equal(regressor[SIDES[sided]], regressor[sided][:, MIRROR])
