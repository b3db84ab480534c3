"""What the film of an execution shows."""

import numpy as np
import pytest

from hoi_motion.execute.film import eye_on


@pytest.mark.parametrize("object_m", [[0.3, -0.2, 0.8], [0.0, 0.6, 0.7], [-0.5, -0.1, 0.9]])
def test_the_object_the_base_and_a_raised_arm_are_in_the_picture(object_m):
    base_m = np.array([0.0, 0.0, 0.75])
    view, projection = (np.reshape(m, (4, 4)).T for m in eye_on(np.array(object_m), base_m))
    seen_m = np.array([object_m, base_m, base_m + [0, 0, 0.9]])  # a Panda's wrist is that high where it lifts far
    x, y, _, w = projection @ view @ np.column_stack([seen_m, np.ones(3)]).T
    assert (np.abs(x / w) < 0.95).all() and (np.abs(y / w) < 0.95).all()
