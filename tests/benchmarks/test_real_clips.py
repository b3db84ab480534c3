"""The table of real clips: which videos, which verdict."""

import numpy as np

from benchmarks.real_clips import contact_verdict, find_videos, largest_jump_m, main
from hoi_motion.camera import Camera
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion


def _motion(*contacts) -> HoiMotion:
    transl = np.zeros((6, 3))
    transl[3:, 0] = 0.3
    corners, faces = np.eye(4)[:, :3], np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]])
    box = ObjectMotion("target", corners, faces, np.tile(np.eye(4), (6, 1, 1)), is_target=True)
    camera = Camera(np.diag([500.0, 500, 1]), np.eye(4), 64, 48)
    return HoiMotion(
        np.zeros((6, 55, 3)), transl, np.zeros(10), 8.0, "anny-free", camera, objects=(box,), contacts=contacts
    )


def test_the_hand_that_touches_longest_is_named():
    verdict = contact_verdict(_motion(Contact("left_hand", "target", 0, 1), Contact("right_hand", "target", 2, 6)))
    assert verdict == ("yes", "right", "2-5")


def test_without_contacts_the_verdict_is_no():
    assert contact_verdict(_motion())[0] == "no"


def test_a_jump_is_the_largest_step_of_a_joint():
    assert abs(largest_jump_m(_motion()) - 0.3) < 1e-5


def test_only_videos_beside_a_mask_are_found(tmp_path, capsys):
    for scene, names in {"a": ["mask.png", "x.mp4", "first.png"], "b": ["y.mp4"]}.items():
        (tmp_path / scene).mkdir()
        for name in names:
            (tmp_path / scene / name).touch()
    assert [v.name for v in find_videos(tmp_path)] == ["x.mp4"]
    assert main(["--clips", str(tmp_path / "b")]) == 2 and "mask.png" in capsys.readouterr().err
