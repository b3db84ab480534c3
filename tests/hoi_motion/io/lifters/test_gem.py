import numpy as np
import pytest
import torch

from hoi_motion.errors import InputError
from hoi_motion.io import read_motion
from hoi_motion.io.formats import format_of
from tests.hoi_motion.io.published import FPS, FRAMES, Person, gem, gem_x, gvhmr


@pytest.mark.parametrize("layout, joints", [(gem, 22), (gem_x, 55)])
def test_joints_are_the_turned_joints_and_the_camera_sees_them(layout, joints, tmp_path, same_walk):
    person = Person(joints=joints)
    torch.save(layout(person), tmp_path / "result.pt")
    assert format_of(tmp_path / "result.pt") == "gem"
    motion = read_motion(tmp_path / "result.pt", fps=FPS)
    same_walk(motion, person)
    assert np.allclose(motion.pose_rad, person.pose, atol=1e-5)
    assert (motion.camera.width, motion.camera.height) == (640, 480)


def test_a_gvhmr_result_is_still_one(tmp_path):
    torch.save(gvhmr(Person(joints=22)), tmp_path / "result.pt")
    assert format_of(tmp_path / "result.pt") == "gvhmr"


@pytest.mark.parametrize("left", [{}, {"betas": None}])
def test_betas_may_be_missing_as_in_the_demo(tmp_path, left):
    data = gem(Person(joints=22))
    for group in ("body_params_global", "body_params_incam"):
        del data[group]["betas"]
        data[group] |= left
    torch.save(data, tmp_path / "result.pt")
    assert not read_motion(tmp_path / "result.pt", fps=FPS).betas.any()


@pytest.mark.parametrize(
    "group, key, value, words",
    [
        ("body_params_global", "body_pose", torch.zeros(FRAMES, 69), r"body_pose has shape \(5, 69\)"),
        ("body_params_incam", "body_pose", torch.zeros(FRAMES, 228), r"body_pose has shape \(5, 228\)"),
        ("body_params_incam", "transl", None, "transl missing"),
        ("body_params_global", "transl", torch.full((FRAMES, 3), torch.nan), "transl.*is nan"),
        ("body_params_global", "transl", torch.zeros(2, 3), "'transl': 2"),
        (None, "K_fullimg", torch.zeros(FRAMES, 3), r"K_fullimg has shape"),
        (None, "body_params_global", torch.zeros(3), r"body_pose, global_orient, transl missing"),
    ],
)
def test_another_layout_is_one_named_error(tmp_path, group, key, value, words):
    data = gem(Person(joints=22))
    place = data if group is None else data[group]
    place.pop(key)
    if value is not None:
        place[key] = value
    torch.save(data, tmp_path / "bad.pt")
    with pytest.raises(InputError, match=f"FILE_INVALID.*bad.pt.*{words}"):
        read_motion(tmp_path / "bad.pt", "gem", fps=FPS)
