import numpy as np
import pytest

from hoi_motion.body import free_body_file
from hoi_motion.body.free_body_file import COMPACT_PATH, expanded_path, read_free_body, smplx_arrays
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


def test_cache_is_written_once(compact, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = expanded_path(compact)
    written = first.stat().st_mtime_ns
    assert first.is_relative_to(tmp_path) and expanded_path(compact).stat().st_mtime_ns == written
    assert [p.name for p in first.parent.iterdir()] == [first.name]


def test_unwritable_cache_falls_back_with_a_warning(compact, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(free_body_file.tempfile, "gettempdir", lambda: str(tmp_path))
    assert expanded_path(compact).is_file() and "cannot write the body cache" in caplog.text


def test_interrupted_write_leaves_nothing(compact, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(free_body_file.np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        expanded_path(compact)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_damaged_compact_file_says_how_to_get_it_back(tmp_path):
    (tmp_path / "anny_free.npz").write_bytes(COMPACT_PATH.read_bytes()[:1000])
    with pytest.raises(LiftError, match="build_free_body"):
        read_free_body(tmp_path / "anny_free.npz")


def test_taller_phenotype_gives_a_taller_body(compact):
    template, directions = compact.arrays["v_template"], compact.arrays["shapedirs"].astype(np.float32)
    heights = [np.ptp(template[:, 1] + directions[:, 1] @ compact.betas_from(height=h)) for h in (0.3, 0.45, 0.6)]
    assert heights[0] < heights[1] < heights[2]
    with pytest.raises(KeyError, match="gender"):
        compact.betas_from(wings=1.0)
