"""Numbers about the camera, as commands take them."""

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.scripts.scene_options import intrinsics_in, numbers_in

K = np.array([[600.0, 0, 320.5], [0, 610.0, 240], [0, 0, 1]])
SIZE_PX = (480, 640)


def _files(folder):
    (folder / "K.txt").write_text(" ".join(map(str, K.ravel())))
    np.save(folder / "K.npy", K)
    np.savez(folder / "K.npz", K)
    (folder / "600,610,320.5,240").write_text("600 0 320.5\n0 610 240\n0 0 1")
    (folder / "camera.yaml").write_text(f"camera_matrix: {{rows: 3, cols: 3, data: {K.ravel().tolist()}}}")


@pytest.mark.parametrize("given", ["600,610,320.5,240", "K.txt", "K.npy", "K.npz", "camera.yaml"])
def test_every_form_of_intrinsics_is_the_same_camera(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(intrinsics_in("600,610,320.5,240", SIZE_PX, print), K)
    _files(tmp_path)
    np.testing.assert_allclose(intrinsics_in(given, SIZE_PX, print), K)


@pytest.mark.parametrize("given", ["1,2,3", "a,b,c,d", "none.yaml", "none", "x" * 300, "a\0b"])
def test_what_are_no_intrinsics_is_one_error(given):
    with pytest.raises(InputError) as caught:
        intrinsics_in(given, SIZE_PX, print)
    assert caught.value.code is ErrorCode.CAMERA_INVALID


@pytest.mark.parametrize("array", [np.array(["1px"] * 9), np.eye(3) * 1j, np.array([{}])])
def test_an_array_of_no_numbers_is_one_error(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError) as caught:
        numbers_in(str(tmp_path / "a.npy"), "readable pose", (9,), "give nine")
    assert caught.value.code is ErrorCode.CAMERA_INVALID
