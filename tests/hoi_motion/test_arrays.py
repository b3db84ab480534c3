import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array, checked_rate, checked_transforms, odd_character
from hoi_motion.errors import InputError


def test_the_message_names_field_place_and_value():
    with pytest.raises(InputError, match=r"pose\[1, 0\] is inf"):
        checked_array([[0.0, 1.0], [np.inf, 1.0]], "pose", ("T", 2), np.float32)
    with pytest.raises(InputError, match=r"pose has shape \(2,\), expected \(T, 2\)"):
        checked_array([0.0, 1.0], "pose", ("T", 2), np.float32)
    with pytest.raises(InputError, match="pose is not an array"):
        checked_array([[1.0], [1.0, 2.0]], "pose", ("T", 2), np.float32)


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint8])
def test_truth_values_are_no_numbers(dtype):
    with pytest.raises(InputError, match="pose is not an array of .*truth values"):
        checked_array([True, False], "pose", (2,), dtype)
    assert checked_array([True, False], "seen", (2,), bool).tolist() == [True, False]


def test_the_result_is_a_read_only_copy():
    source = np.zeros(3)
    array = checked_array(source, "x", (3,), np.float64)
    source[0] = 1
    assert array[0] == 0 and not array.flags.writeable


@given(st.tuples(*[st.floats(-3, 3)] * 3))
def test_every_rotation_is_rigid_and_its_mirror_image_is_not(rotation_vector):
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(rotation_vector).as_matrix()
    checked_transforms(T, "T", (4, 4))
    T[:, 0] *= -1
    with pytest.raises(InputError, match="rigid"):
        checked_transforms(T, "T", (4, 4))


@pytest.mark.parametrize("fps", [0, -5, 1e-300, np.nan, np.inf, True, "25"])
def test_a_rate_at_which_nothing_is_filmed_is_refused(fps):
    with pytest.raises(InputError, match="fps"):
        checked_rate(fps)


def test_text_in_any_script_has_no_odd_character():
    assert odd_character("hebt die [TGT] Tasse \u202e \u200d \U0001f3fa 漢\u3000字") is None
    assert odd_character("a\x07b\udcff") == "\x07"
