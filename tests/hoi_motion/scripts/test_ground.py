import numpy as np

from hoi_motion.motion import HoiMotion
from hoi_motion.scripts.ground import main


def test_a_motion_of_another_program_is_set_on_the_floor(tmp_path, capsys):
    poses = np.zeros((4, 165))
    poses[:, 0] = np.pi / 2 - 0.2  # leans back by 11 degrees throughout: the camera was tilted
    np.savez(
        tmp_path / "in.npz",
        poses=poses,
        trans=np.tile([3.0, 2.0, 7.0], (4, 1)),
        betas=np.zeros(10),
        mocap_frame_rate=np.array(25.0),
        gender=np.array("neutral"),
    )
    assert main([str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]) == 0
    motion = HoiMotion.load(tmp_path / "out.npz")
    assert 0.8 < motion.transl_m[0, 2] < 1.2 and np.allclose(motion.transl_m[0, :2], 0, atol=1e-3)
    assert "degrees off z" in capsys.readouterr().out and 2 < float(motion.notes[-1].split()[6]) < 20


def test_a_file_that_is_no_motion_is_bad_input(tmp_path, capsys):
    (tmp_path / "in.npz").write_bytes(b"nothing")
    assert main([str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]) == 2
    assert not (tmp_path / "out.npz").exists() and "no known motion format" in capsys.readouterr().err
