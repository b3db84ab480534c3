"""How deep points are in a fitted shape."""

import numpy as np
import pytest

from hoi_motion.lift.object.inside import signed_distance_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.physics.surface import ObjectSurface

SIZE_M = np.array([0.1, 0.1, 0.16])
WAIST = np.array([[1.0, 0.0], [0.5, 0.5], [0.8, 1.0]])


@pytest.mark.parametrize(
    "shape",
    [
        Primitive("box", np.array([0.1, 0.14, 0.2])),
        Primitive("sphere", np.full(3, 0.12)),
        Primitive("cylinder", SIZE_M),
        Primitive("revolved", SIZE_M, profile=WAIST),
        Primitive("revolved", SIZE_M, profile=WAIST, is_open=True),
    ],
    ids=["box", "ball", "cylinder", "waist", "open"],
)
def test_the_distance_is_that_to_the_mesh(shape, rng=np.random.default_rng(0)):
    points_m = rng.uniform(-0.12, 0.12, (400, 3))
    mesh = ObjectSurface(*shape.surface())
    # the mesh has corners where the shape is round
    np.testing.assert_allclose(signed_distance_m(shape, points_m), mesh.signed_distance(points_m), atol=2e-3)
