import numpy as np
import pytest

from training.scenes.limbs import limb_rotations, middle_joint, turn_about


def test_middle_joint_keeps_both_lengths_and_bends_to_the_pole():
    root, end, pole = np.zeros((1, 3)), np.array([[0.3, 0.1, -0.2]]), np.array([[0.0, 0, 1]])
    middle = middle_joint(root, end, 0.3, 0.25, pole)
    assert np.linalg.norm(middle - root) == pytest.approx(0.3) and np.linalg.norm(middle - end) == pytest.approx(0.25)
    assert (middle @ pole[0])[0] > (end @ pole[0])[0] / 2


def test_short_limb_says_by_how_much():
    with pytest.raises(ValueError, match="0.450 m"):
        middle_joint(np.zeros((1, 3)), np.array([[1.0, 0, 0]]), 0.3, 0.25, np.array([[0.0, 0, 1]]))


def test_rotations_carry_the_rest_bones_onto_the_limb():
    rng = np.random.default_rng(0)
    root, end, pole = np.zeros((4, 3)), rng.normal(0, 0.15, (4, 3)), rng.normal(0, 1, (4, 3))
    middle = middle_joint(root, end, 0.3, 0.3, pole)
    upper, lower = limb_rotations(root, middle, end, pole, np.array([0.3, 0, 0.01]), np.array([0.29, 0.02, 0]))
    for rotations, bone, along in ((upper, [0.3, 0, 0.01], middle), (lower, [0.29, 0.02, 0], end - middle)):
        carried = rotations @ (np.array(bone) / np.linalg.norm(bone))
        assert np.allclose(carried, along / np.linalg.norm(along, axis=1, keepdims=True), atol=1e-9)
        assert np.allclose(np.linalg.det(rotations), 1)


def test_turn_about_z_takes_x_to_y():
    assert np.allclose(turn_about(2, np.pi / 2) @ [1, 0, 0], [0, 1, 0])
