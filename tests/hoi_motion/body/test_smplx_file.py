import os

import numpy as np
import pytest

from hoi_motion.body import load_body
from hoi_motion.body.free_body_file import read_free_body, smplx_arrays
from hoi_motion.body.smplx_file import SHAPES, read_smplx
from hoi_motion.errors import ErrorCode, LiftError


@pytest.fixture(scope="module")
def arrays():
    whole = smplx_arrays(read_free_body())
    few = whole["shapedirs"][..., :20], whole["posedirs"].astype(np.float16)  # a small file
    return whole | dict(zip(("shapedirs", "posedirs"), few))


@pytest.mark.parametrize("key", [*SHAPES, "any_other_key"])
def test_a_pickle_under_any_key_does_not_run(arrays, tmp_path, key):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    small = {name: np.zeros(1) for name in arrays} | {key: np.array([Runs()], object)}
    np.savez(tmp_path / "evil.npz", **small)
    with pytest.raises(LiftError, match="BODY_MODEL_MISSING"):
        load_body(tmp_path / "evil.npz")
    assert not (tmp_path / "made").exists()


def test_a_pickle_under_a_key_that_is_not_read_is_no_obstacle(arrays, tmp_path):
    np.savez(tmp_path / "body.npz", **arrays, joint2num=np.array([{"pelvis": 0}], object))
    found, digest = read_smplx(tmp_path / "body.npz")
    assert set(found) == set(SHAPES) and len(digest) == 64


@pytest.mark.parametrize(
    "change, words",
    [
        ({"weights": np.zeros((9940, 54))}, r"weights has shape \(9940, 54\), expected \(V, 55\)"),
        ({"v_template": np.full((9940, 3), np.nan)}, r"v_template\[0, 0\] is nan"),
        ({"v_template": np.zeros((12, 3))}, "12 vertices"),
        ({"f": np.full((5, 3), 10**6)}, "f counts beyond"),
        ({"f": np.full((5, 3), -1)}, "f counts beyond"),
        ({"kintree_table": np.zeros((2, 55), int)}, "another skeleton"),
        ({"hands_meanl": None}, "hands_meanl.*missing"),
        ({"J_regressor": np.zeros((24, 9940))}, "J_regressor has shape"),
    ],
)
def test_arrays_that_are_no_body_are_named(arrays, tmp_path, change, words):
    changed = {name: value for name, value in (arrays | change).items() if value is not None}
    np.savez(tmp_path / "other.npz", **changed)
    with pytest.raises(LiftError, match=f"not a readable SMPL-X model: .*{words}") as error:
        read_smplx(tmp_path / "other.npz")
    assert error.value.code is ErrorCode.BODY_MODEL_MISSING


def test_loading_leaves_no_file_behind_and_trusts_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    load_body()
    assert not list(tmp_path.rglob("*"))
