import numpy as np
import pytest
import torch

from hoi_motion.errors import InputError
from hoi_motion.io import read_motion
from hoi_motion.io.lifters.gvhmr import read_gvhmr
from tests.hoi_motion.io.published import FPS, FRAMES, SMPLX_PELVIS, Person, gvhmr


@pytest.fixture
def person():
    return Person(joints=22)


@pytest.fixture
def written(person, tmp_path):
    torch.save(gvhmr(person), tmp_path / "hmr4d_results.pt")
    return tmp_path / "hmr4d_results.pt"


def test_joints_are_the_turned_joints(person, written, same_walk):
    motion = read_motion(written, fps=FPS)
    same_walk(motion, person)
    assert np.allclose(motion.betas, person.betas, atol=1e-6) and motion.body_model == "smplx-neutral"


def test_the_camera_is_the_one_of_the_first_frame(person, written):
    motion = read_motion(written, fps=FPS)
    pelvis = motion.transl_m + SMPLX_PELVIS
    seen = person.pelvis @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).T
    assert np.allclose(motion.camera.to_camera(pelvis), seen, atol=1e-5)
    assert (motion.camera.width, motion.camera.height) == (640, 480)


@pytest.mark.parametrize(
    "group, key, value, words",
    [
        (
            "smpl_params_global",
            None,
            None,
            "smpl_params_global missing.*expected keys: smpl_params_global, smpl_params_incam, K_fullimg",
        ),
        ("smpl_params_incam", "transl", None, "transl missing.*expected keys: body_pose, betas, global_orient, transl"),
        ("smpl_params_global", "body_pose", torch.zeros(FRAMES, 69), r"body_pose has shape \(5, 69\)"),
        ("smpl_params_global", "transl", torch.full((FRAMES, 3), torch.nan), "transl.*is nan"),
        ("smpl_params_global", "transl", torch.zeros(2, 3), "'transl': 2"),
        ("smpl_params_global", "betas", torch.zeros(2, 10), "'betas': 2"),
    ],
)
def test_another_layout_is_one_named_error(person, tmp_path, group, key, value, words):
    data = gvhmr(person)
    place = data if key is None else data[group]
    name = group if key is None else key
    place.pop(name)
    if value is not None:
        place[name] = value
    torch.save(data, tmp_path / "bad.pt")
    with pytest.raises(InputError, match=f"FILE_INVALID.*bad.pt.*{words}"):
        read_gvhmr(tmp_path / "bad.pt", FPS)


def test_the_frame_rate_must_be_given(written):
    with pytest.raises(InputError, match="no frame rate.*--fps"):
        read_gvhmr(written)


def test_no_frames_is_a_named_error(person, tmp_path):
    data = gvhmr(person)
    for group in ("smpl_params_global", "smpl_params_incam"):
        data[group] = {key: value[:0] for key, value in data[group].items()}
    torch.save(data, tmp_path / "bad.pt")
    with pytest.raises(InputError, match="FILE_INVALID"):
        read_gvhmr(tmp_path / "bad.pt", FPS)
