"""What the films of arms show, and from which side."""

import numpy as np
import pytest

from hoi_motion.retarget.eye import Eye, eye_beside, eye_on_arm

BASE_M = np.array([0.0, 0.0, 0.75])


def in_picture(eye: Eye, points_m: np.ndarray) -> np.ndarray:  # (N, 3) -> (N, 2)
    """Within -1 and 1 from left to right and from bottom to top."""
    view, projection = (np.reshape(matrix, (4, 4)).T for matrix in eye)
    x, y, _, w = projection @ view @ np.column_stack([points_m, np.ones(len(points_m))]).T
    return np.stack([x / w, y / w], axis=1)


@pytest.mark.parametrize("object_m", [[0.3, -0.2, 0.8], [0.0, 0.6, 0.7], [-0.5, -0.1, 0.9]])
@pytest.mark.parametrize("rises_m", [0.0, 1.2])
def test_all_that_has_to_be_seen_is_in_the_picture(object_m, rises_m):
    seen_m = np.array([object_m, object_m, BASE_M, BASE_M + [0, 0, 0.9]]) + [
        [0, 0, 0],
        [0, 0, rises_m],
        [0] * 3,
        [0] * 3,
    ]
    assert (np.abs(in_picture(eye_beside(np.array(object_m), BASE_M, seen_m), seen_m)) < 0.95).all()


@pytest.mark.parametrize("turn", np.radians([0, 70, 135, -90, 180]))
def test_wherever_the_object_stands_it_is_seen_beside_the_arm(turn):
    """From behind the base, or from beyond the object, one would hide the other."""
    object_m = BASE_M + 0.5 * np.array([np.cos(turn), np.sin(turn), 0])
    seen_m = np.stack([object_m, BASE_M, BASE_M + [0, 0, 0.9]])
    (at_object, at_base, _) = in_picture(eye_beside(object_m, BASE_M, seen_m), seen_m)
    assert at_object[0] - at_base[0] > 0.2


def test_the_gripper_and_the_object_stay_in_the_picture(result, panda):
    eye, base = eye_on_arm(result, panda), result.T_world_root()
    tool_m = np.stack([(base @ panda.forward(q[:7]))[:3, 3] for q in result.positions_rad])
    assert (np.abs(in_picture(eye, np.concatenate([tool_m, result.object_pose[:, :3]]))) < 1).all()
