"""How far fingers are apart over their value."""

import numpy as np
import pytest

from hoi_motion.retarget.gripper.opening import Opening
from hoi_motion.retarget.gripper.pads import _opening
from hoi_motion.retarget.robots.config import GripperConfig

STILL = np.zeros(2)


def test_the_width_goes_on_evenly_where_a_closed_gripper_leaves_a_gap():
    """Fingers that are a little beyond closed leave a little less."""
    opening = Opening(0.0, 1.0, 0.05, np.array([0.2, 1.0]), np.array([0.0, 1.0]), STILL, STILL)
    assert opening.width_m(0.0) == pytest.approx(0.01)
    assert opening.width_m(-0.001) == pytest.approx(0.01, abs=1e-4)


def test_fingers_that_overlap_when_closed_open_from_where_they_come_apart():
    table, shares = np.zeros((5, 4)), np.linspace(0, 1, 5)
    table[:, 0] = [-0.004, -0.002, 0.0, 0.01, 0.02]
    opening = _opening(GripperConfig(["jaw"], 1.0, 0.0), table, shares, 4)
    assert opening.width_m(0.5) == pytest.approx(0.0, abs=1e-6) and opening.value(0.005) == pytest.approx(0.625)
    assert opening.value(0.0) == 0.0
