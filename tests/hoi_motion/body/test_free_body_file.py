import numpy as np
import pytest

from hoi_motion.body.free_body_file import COMPACT_PATH, read_free_body, smplx_arrays
from hoi_motion.errors import LiftError


@pytest.fixture(scope="module")
def compact():
    return read_free_body()


def test_compact_file_is_small(compact):
    assert COMPACT_PATH.stat().st_size < 4e6


def test_expanded_arrays_have_the_official_shapes(compact):
    arrays = smplx_arrays(compact)
    count = len(arrays["v_template"])
    assert count > 9930  # the largest fixed vertex id of the smplx layer is 9929
    assert arrays["shapedirs"].shape == (count, 3, 400) and arrays["posedirs"].shape == (count, 3, 486)
    assert arrays["J_regressor"].shape == (55, count) and arrays["lmk_faces_idx"].shape == (51,)
    assert np.abs(arrays["weights"].sum(1) - 1).max() < 1e-5
    assert np.allclose(arrays["hands_componentsl"] @ arrays["hands_componentsl"].T, np.eye(45), atol=1e-6)


def test_damaged_compact_file_says_how_to_get_it_back(tmp_path):
    (tmp_path / "anny_free.npz").write_bytes(COMPACT_PATH.read_bytes()[:1000])
    with pytest.raises(LiftError, match="from_anny.free_body"):
        read_free_body(tmp_path / "anny_free.npz")


def test_taller_phenotype_gives_a_taller_body(compact):
    template, directions = compact.arrays["v_template"], compact.arrays["shapedirs"].astype(np.float32)
    heights = [np.ptp(template[:, 1] + directions[:, 1] @ compact.betas_from(height=h)) for h in (0.3, 0.45, 0.6)]
    assert heights[0] < heights[1] < heights[2]
    with pytest.raises(KeyError, match="gender"):
        compact.betas_from(wings=1.0)
