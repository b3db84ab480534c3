"""hoi-retarget: files, exit codes and messages."""

import cv2
import numpy as np
import pytest

from hoi_motion.retarget.replay import record_replay
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.scripts.retarget import main


def test_list_names_the_robots(capsys):
    assert main(["--list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[1]) for line in lines] == [
        ("humanoid", "humanoid"), ("iiwa", "arm"), ("panda", "arm"), ("unitree_g1", "humanoid"),
        ("unitree_h1", "humanoid"), ("xarm6", "arm"),
    ]  # fmt: skip


@pytest.mark.parametrize("arguments, said", [
    (["x.npz", "--out", "y", "--robot", "pandda"], "ROBOT_UNKNOWN (500)"), (["x.npz"], "--out"),
    (["x.npz", "--out", "y", "--robot", "unitree_g1"], "--urdf PATH"),
    (["x.npz", "--out", "y", "--rate_limit"], "--record_video"),
    (["x.npz", "--out", "y", "--robot", "humanoid", "--base", "0", "0", "0", "0"], "--base with a humanoid"),
    (["x.npz", "--out", "y.bag"], "OUTPUT_INVALID (110)"), (["--all", "nowhere", "--out", "y"], "no npz files"),
])  # fmt: skip
def test_bad_usage_is_one_line_and_code_2(arguments, said, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_motion_file_becomes_the_files_of_a_folder(motion, tmp_path, capsys):
    motion.save(tmp_path / "take.npz")
    assert main(["--smplx_file", str(tmp_path / "take.npz"), "--save_path", str(tmp_path / "out")]) == 0
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {f"take_panda{e}" for e in (".npz", ".pkl", ".csv", ".json")}
    assert "holds 'bar'" in capsys.readouterr().out


def test_a_folder_in_parallel_gives_a_table_films_and_the_same_motion_each_time(stepping, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        stepping.save(tmp_path / "in" / f"{name}.npz")
    (tmp_path / "in" / "c.npz").write_bytes(b"not a motion")
    arguments = ["--all", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--robot", "humanoid", "--jobs", "2"]
    assert main([*arguments, "--record_video"]) == 2
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table] == ["a.npz", "b.npz", "c.npz", "2"]
    assert "planted feet slide" in table[0] and "FILE_INVALID (111)" in table[2]
    first, second = (RobotMotion.load(tmp_path / "out" / f"{name}_humanoid.npz") for name in ("a", "b"))
    assert np.array_equal(first.positions_rad, second.positions_rad)
    assert film(tmp_path / "out" / "a_humanoid.mp4") == (stepping.num_frames, pytest.approx(stepping.fps))


def test_a_film_at_the_source_pace_is_as_long_as_the_source(motion, panda, result, tmp_path):
    slower = RobotMotion(
        result.robot, result.joint_names, result.positions_rad, result.root_pose, result.fps * result.stretch / 2,
        result.source_time_s, 2.0, result.facts,
    )  # fmt: skip
    record_replay(slower, motion, panda, tmp_path / "a.mp4", source_pace=True, max_fps=4.0)
    frames, fps = film(tmp_path / "a.mp4")
    assert frames / fps == pytest.approx(result.source_time_s[-1], abs=0.3)


def film(path) -> tuple[int, float]:
    video = cv2.VideoCapture(str(path))
    return int(video.get(cv2.CAP_PROP_FRAME_COUNT)), video.get(cv2.CAP_PROP_FPS)
