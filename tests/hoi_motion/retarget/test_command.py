"""hoi-retarget: files, exit codes and messages."""

import contextlib
import dataclasses
import io
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.retarget.replay import record_replay
from hoi_motion.retarget.robots.config import load_robot_config
from hoi_motion.scripts import retarget
from hoi_motion.scripts.retarget import _sentence, main


def test_list_names_the_robots(capsys):
    assert main(["--list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[1]) for line in lines] == [
        ("humanoid", "humanoid"),
        ("iiwa", "arm"),
        ("panda", "arm"),
        ("panda_wide", "arm"),
        ("so100", "arm"),
        ("so101", "arm"),
        ("unitree_g1", "humanoid"),
        ("unitree_h1", "humanoid"),
        ("xarm6", "arm"),
    ]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["x.npz", "--out", "y", "--robot", "pandda"], "ROBOT_UNKNOWN (500)"),
        (["x.npz"], "--out"),
        (["x.npz", "--out", "y", "--robot", "unitree_g1"], "--urdf PATH"),
        (["x.npz", "--out", "y", "--rate_limit"], "--record_video"),
        (["x.npz", "--out", "y", "--robot", "humanoid", "--base", "0", "0", "0", "0"], "--base with a humanoid"),
        (["x.npz", "--out", "y", "--base", "nan", "0", "0", "0"], "CONFIG_INVALID (109): --base is [nan"),
        (["x.npz", "--out", "y", "--jobs", "0"], "CONFIG_INVALID (109): --jobs is 0 - give 1 or more"),
        (["x.npz", "--out", "y", "--robot", "humanoid", "--execute"], "--execute with a humanoid"),
        (["x.npz", "--out", "y.bag"], "OUTPUT_INVALID (110)"),
        (["--all", "nowhere", "--out", "y"], "no npz files"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(arguments, said, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_motion_file_becomes_the_files_of_a_folder_and_each_is_listed(motion, tmp_path, capsys):
    motion.save(tmp_path / "take.npz")
    assert main(["--smplx_file", str(tmp_path / "take.npz"), "--save_path", str(tmp_path / "out")]) == 0
    names = {p.name for p in (tmp_path / "out").iterdir()}
    endings = (".npz", ".pkl", ".csv", ".columns.txt", ".json", "_gripper.json", "_scene.json")
    assert names == {f"take_panda{e}" for e in endings}
    told, *listed = capsys.readouterr().out.splitlines()
    assert re.match(r"panda holds 'bar', fingers \d\.\d mm from it; \d+ samples", told)
    assert sorted(listed) == sorted(str(tmp_path / "out" / name) for name in names)


def test_what_only_an_earlier_run_wrote_does_not_stay_beside_the_new_trajectory(motion, tmp_path):
    """An old way of feeling, or old gripper goals, would be carried out with it."""
    motion.save(tmp_path / "take.npz")
    for name in ("out_feeling.json", "out_feeling_gripper.json", "out_mine.json", "outer.json"):
        (tmp_path / name).write_text("old")
    assert main([str(tmp_path / "take.npz"), "--out", str(tmp_path / "out.json")]) == 0
    names = {p.name for p in tmp_path.iterdir()} - {"take.npz"}
    assert names == {"out.json", "out_gripper.json", "out_scene.json", "out_mine.json", "outer.json"}


def test_a_robot_that_cannot_do_it_leaves_no_folder(motion, tmp_path, capsys):
    motion.save(tmp_path / "take.npz")
    far_away = ["--base", "90", "0", "0", "0"]
    assert main([str(tmp_path / "take.npz"), "--out", str(tmp_path / "new" / "out"), *far_away]) == 3
    assert "UNREACHABLE" in capsys.readouterr().err and not (tmp_path / "new").exists()


def test_a_plan_bundle_is_its_motion_and_names_the_files(stepping, tmp_path, monkeypatch, capsys):
    (tmp_path / "mug.2").mkdir()
    stepping.save(tmp_path / "mug.2" / "motion.npz")
    monkeypatch.chdir(tmp_path / "mug.2")
    assert main([".", "--robot", "humanoid", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "mug.2_humanoid_mjlab.npz").is_file()
    capsys.readouterr()
    assert main([".", "--robot", "humanoid", "--out", "motion.npz"]) == 2
    assert "it is read from and would be lost" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["take.npz", "--out", str(tmp_path / "file" / "out")]) == 2
    assert "OUTPUT_INVALID (110): cannot make the folder" in capsys.readouterr().err
    assert main(["n" * 250 + ".npz", "--out", str(tmp_path / "out")]) == 2
    assert "File name too long" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def folder_run(stepping, tmp_path_factory):
    """The folder that two processes wrote, the exit code and the printed lines; the third motion is none."""
    folder = tmp_path_factory.mktemp("all")
    for name in ("a", "b"):
        stepping.save(folder / f"{name}.npz")
    (folder / "c.npz").write_bytes(b"not a motion")
    (folder / ".d.0123abcd.partial.npz").write_bytes(b"half a motion")  # of a killed process
    arguments = [
        "--all",
        str(folder),
        "--out",
        str(folder / "out"),
        "--robot",
        "humanoid",
        "--jobs",
        "2",
        "--record_video",
    ]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = main(arguments)
    return folder, code, printed.getvalue().splitlines()


def test_a_folder_in_parallel_gives_a_table_and_films(folder_run, stepping):
    folder, code, table = folder_run
    assert code == 2
    assert [line.split()[0] for line in table] == ["a.npz", "b.npz", "c.npz", "2"]
    assert "planted feet slide" in table[0] and "FILE_INVALID (111)" in table[2]
    assert film(folder / "out" / "a_humanoid.mp4") == (stepping.num_frames, pytest.approx(stepping.fps))


def test_an_error_nobody_foresaw_costs_one_motion_of_a_folder(stepping, tmp_path, monkeypatch, capsys):
    def one(source, outputs, arguments):
        if source.endswith("a.npz"):
            raise ZeroDivisionError("division by zero")
        raise InputError(ErrorCode.FILE_INVALID, "no motion")

    for name in ("a", "b"):
        stepping.save(tmp_path / f"{name}.npz")
    monkeypatch.setattr(retarget, "_one", one)
    arguments = ["--all", str(tmp_path), "--out", str(tmp_path / "out"), "--robot", "humanoid", "--jobs", "1"]
    assert main([*arguments, "--debug"]) == 4
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert "INTERNAL (999): ZeroDivisionError" in lines[0] and "no motion" in lines[1]
    assert "in one\n" in told.err, "the hint of an internal error is to run with --debug"


@pytest.mark.parametrize("ending", [".npz", ".pkl", ".csv", ".json"])
def test_two_processes_write_the_bytes_that_one_does(folder_run, alone, ending):
    folder = folder_run[0] / "out"
    files = [folder / f"a_humanoid{ending}", folder / f"b_humanoid{ending}", alone / f"a_humanoid{ending}"]
    assert len({path.read_bytes() for path in files}) == 1


@pytest.fixture(scope="module")
def alone(folder_run, tmp_path_factory):
    """What a run of one motion in this process writes."""
    out = tmp_path_factory.mktemp("alone")
    assert main([str(folder_run[0] / "a.npz"), "--out", str(out), "--robot", "humanoid"]) == 0
    return out


def without_frames(motion, count):
    return motion.replace(pose_rad=motion.pose_rad[:count], transl_m=motion.transl_m[:count], objects=(), contacts=())


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda m: without_frames(m, 1), "the motion has 1 frame"),
        (lambda m: m.replace(objects=(), contacts=()), "the motion has no object"),
        (lambda m: m.replace(contacts=()), "no hand touches an object"),
    ],
)
def test_a_motion_without_what_an_arm_needs_is_one_line_and_code_2(motion, tmp_path, capsys, change, said):
    change(motion).save(tmp_path / "take.npz")
    assert refused([str(tmp_path / "take.npz"), "--out", str(tmp_path / "out.npz")], capsys, said) == 2
    assert not (tmp_path / "out.npz").exists()


def test_a_motion_with_nan_is_one_line_and_code_2(motion, tmp_path, capsys):
    motion.save(tmp_path / "take.npz")
    with np.load(tmp_path / "take.npz") as file:
        arrays = dict(file)
    arrays["transl_m"][3, 1] = np.nan
    np.savez(tmp_path / "take.npz", **arrays)
    arguments = [str(tmp_path / "take.npz"), "--out", str(tmp_path / "out.npz")]
    assert refused(arguments, capsys, "transl_m[3, 1] is nan") == 2


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"gripper": {}}, "has no gripper"),
        ({"home_rad": {"elbow": 0.1}}, "known: panda_joint1"),
        ({"grasp_frame": "palm"}, "panda_hand"),
        ({"speed": 3}, "valid names"),
    ],
)
def test_a_wrong_robot_file_is_one_line_and_code_2(motion, as_yaml, tmp_path, capsys, changes, said):
    motion.save(tmp_path / "take.npz")
    arguments = [str(tmp_path / "take.npz"), "--robot", as_yaml(**changes), "--out", str(tmp_path / "out.npz")]
    assert refused(arguments, capsys, said) == 2


@pytest.mark.parametrize("robot", ["panda", "humanoid"])
def test_a_urdf_without_its_meshes_is_one_line_and_code_2(motion, tmp_path, capsys, robot):
    motion.save(tmp_path / "take.npz")
    shutil.copy(load_robot_config("panda").urdf, tmp_path / "alone.urdf")
    arguments = [str(tmp_path / "take.npz"), "--robot", robot, "--urdf", str(tmp_path / "alone.urdf")]
    assert refused([*arguments, "--out", str(tmp_path / "out.npz")], capsys, "meshes") == 2


def test_a_humanoid_held_to_the_world_is_one_line_and_code_2(motion, tmp_path, capsys):
    motion.save(tmp_path / "take.npz")
    text = Path(load_robot_config("humanoid").urdf).read_text().rstrip("\0")
    held = '<link name="world"/><joint name="stand" type="fixed"><parent link="world"/><child link="base"/></joint>'
    (tmp_path / "held.urdf").write_text(text.replace("</robot>", held + "</robot>"))
    arguments = [str(tmp_path / "take.npz"), "--robot", "humanoid", "--urdf", str(tmp_path / "held.urdf")]
    assert refused([*arguments, "--out", str(tmp_path / "out.npz")], capsys, "fixed base") == 2


def refused(arguments: list[str], capsys, said: str) -> int:
    code = main(arguments)
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    return code


def test_a_film_at_the_source_pace_is_as_long_as_the_source(motion, panda, result, tmp_path):
    slower = dataclasses.replace(result, fps=result.fps * result.stretch / 2, stretch=2.0)
    record_replay(slower, motion, panda, tmp_path / "a.mp4", source_pace=True, max_fps=4.0)
    frames, fps = film(tmp_path / "a.mp4")
    assert frames / fps == pytest.approx(result.source_time_s[-1], abs=0.3)


def test_what_happens_in_physics_is_told_and_written(motion, tmp_path, capsys):
    motion.save(tmp_path / "take.npz")
    assert main([str(tmp_path / "take.npz"), "--out", str(tmp_path / "a.npz"), "--execute", "--record_video"]) == 0
    assert "in physics panda lifts and carries it" in capsys.readouterr().out
    facts = json.loads((tmp_path / "a_execution.json").read_text())
    assert facts["done"] and facts["stage"] == "place"
    frames, fps = film(tmp_path / "a.mp4")
    assert frames / fps == pytest.approx(facts["seconds"], abs=0.5)


def film(path) -> tuple[int, float]:
    video = cv2.VideoCapture(str(path))
    return int(video.get(cv2.CAP_PROP_FRAME_COUNT)), video.get(cv2.CAP_PROP_FPS)


def test_of_many_links_without_a_shape_some_are_named(result):
    facts = result.facts | {"links_without_collision": [f"camera{i}" for i in range(40)]}
    told = _sentence(dataclasses.replace(result, facts=facts))
    assert told.endswith("camera4, camera5 and 34 others")
