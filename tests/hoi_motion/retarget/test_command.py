"""hoi-retarget: files, exit codes and messages."""

import pytest

from hoi_motion.scripts.retarget import main


def test_list_names_the_robots(capsys):
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split()[::2] == ["iiwa", "panda", "xarm6"]


@pytest.mark.parametrize("arguments, said", [
    (["x.npz", "--out", "y", "--robot", "pandda"], "ROBOT_UNKNOWN (500)"), (["x.npz"], "--out"),
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
