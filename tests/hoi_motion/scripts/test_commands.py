"""hoi-check, hoi-convert and hoi-view: exit codes, files and messages."""

import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from hoi_motion.body import load_body
from hoi_motion.body.free_body_file import read_free_body, smplx_arrays
from hoi_motion.camera import Camera
from hoi_motion.ground.still_world import as_filmed
from hoi_motion.motion import HoiMotion, ObjectMotion
from hoi_motion.physics.report import CheckResult, PhysicsReport
from hoi_motion.scripts import check, convert, ground, retarget, view
from tests.hoi_motion.io.published import Person, gvhmr


def test_check_passes_and_writes_the_report(motion_file, tmp_path, capfd):
    assert check.main([str(motion_file), "--out", str(tmp_path / "physics.json")]) == 0
    report = json.loads((tmp_path / "physics.json").read_text())
    assert report["verdict"] == "PASS" and {"value", "limit", "unit", "worst_frame"} <= set(report["checks"][0])
    printed = capfd.readouterr().out
    assert printed.startswith("check ") and printed.endswith("verdict: PASS\n")


def test_check_of_a_floating_person_is_3(motion_file, tmp_path, capfd):
    motion = HoiMotion.load(motion_file)
    motion.replace(transl_m=motion.transl_m + np.float32([0, 0, 0.1])).save(tmp_path / "floating.npz")
    assert check.main([str(tmp_path / "floating.npz")]) == 3
    assert "10.0 cm above the ground" in capfd.readouterr().out


def test_rounding_errors_are_not_printed_as_measurements():
    results = [CheckResult(n, "PASS", v, 1.0, "m", None, "") for n, v in (("none", 2.2e-16), ("some", 0.00123))]
    lines = check.table(PhysicsReport(tuple(results)), 8.0).splitlines()
    assert lines[1].split()[2] == "0" and lines[2].split()[2] == "0.00123"


def test_check_takes_limits_from_yaml(motion_file, tmp_path):
    motion = HoiMotion.load(motion_file)
    motion.replace(transl_m=motion.transl_m + np.float32([0, 0, 0.1])).save(tmp_path / "floating.npz")
    (tmp_path / "limits.yaml").write_text("check:\n  floating_m: 0.2\n")
    assert check.main([str(tmp_path / "floating.npz"), "--config", str(tmp_path / "limits.yaml")]) == 0


def floating(motion_file, folder, height_m: float) -> str:
    motion = HoiMotion.load(motion_file)
    motion.replace(transl_m=motion.transl_m + np.float32([0, 0, height_m])).save(folder / "floating.npz")
    return str(folder / "floating.npz")


def test_repair_writes_a_motion_that_passes(motion_file, tmp_path, capfd):
    fixed = str(tmp_path / "fixed.npz")
    assert check.main([floating(motion_file, tmp_path, 0.03), "--repair", fixed]) == 0
    out = capfd.readouterr().out
    assert out.startswith("repair: REPAIRED: fixed floating: moved body by") and f"motion: {fixed}" in out
    assert check.main([fixed]) == 0


def test_repair_beyond_the_limit_is_3_and_writes_nothing(motion_file, tmp_path, capfd):
    assert check.main([floating(motion_file, tmp_path, 0.3), "--repair", str(tmp_path / "fixed.npz")]) == 3
    out = capfd.readouterr().out
    assert "repair: BEYOND_LIMIT: the body would have to move" in out and "fixed.npz is not written" in out
    assert not (tmp_path / "fixed.npz").exists()


def test_repair_into_no_folder_is_2_and_one_line(motion_file, tmp_path, capfd):
    assert check.main([floating(motion_file, tmp_path, 0.03), "--repair", str(tmp_path / "no" / "fixed.npz")]) == 2
    error = capfd.readouterr().err
    assert "OUTPUT_INVALID" in error and error.count("\n") == 1


def test_simulate_adds_the_simulated_checks(motion_file, tmp_path, capfd):
    assert check.main([str(motion_file), "--simulate", "--out", str(tmp_path / "physics.json")]) == 0
    checks = {c["name"]: c for c in json.loads((tmp_path / "physics.json").read_text())["checks"]}
    assert checks["tracking"]["verdict"] == checks["root_wrench"]["verdict"] == "PASS"
    assert checks["object_follows"]["verdict"] == "NOT_RUN"  # this person has no object


def test_a_motion_with_nan_is_2_and_one_line(motion_file, capfd):
    with np.load(motion_file) as file:
        arrays = dict(file)
    arrays["pose_rad"][2, 5, 0] = np.nan
    np.savez(motion_file, **arrays)
    assert check.main([str(motion_file)]) == 2
    error = capfd.readouterr().err
    assert "pose_rad[2, 5, 0] is nan" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "text, words", [("floating_cm: 2", "valid names"), ("floating_m: -1", "floating_m"), ("[", "not YAML")]
)
def test_a_bad_config_is_2(motion_file, tmp_path, capsys, text, words):
    (tmp_path / "limits.yaml").write_text(text)
    assert check.main([str(motion_file), "--config", str(tmp_path / "limits.yaml")]) == 2
    assert words in capsys.readouterr().err


def test_a_missing_body_is_4(motion_file, capsys):
    assert check.main([str(motion_file), "--body", "/nowhere/SMPLX_NEUTRAL.npz"]) == 4
    assert "CHECK_NOT_RUN" in capsys.readouterr().err


@pytest.mark.parametrize("main", [check.main, view.main])
def test_a_missing_motion_is_2(main, tmp_path, capsys):
    assert main([str(tmp_path / "no.npz")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_check_of_another_program_s_file_names_the_command_that_converts_it(tmp_path, capsys):
    arrays = dict(poses=np.zeros((3, 66)), trans=np.zeros((3, 3)), betas=np.zeros(10), fps=30.0)
    np.savez(tmp_path / "amass.npz", **arrays)
    assert check.main([str(tmp_path / "amass.npz")]) == 2
    assert "hoi-convert makes one" in capsys.readouterr().err


@pytest.mark.parametrize("command", [ground, convert])
def test_a_motion_that_came_with_sixteen_betas_is_checked(tmp_path, capfd, command):
    arrays = dict(poses=np.zeros((8, 165)), trans=np.zeros((8, 3)), betas=np.full(16, 0.5), mocap_frame_rate=25.0)
    arrays["poses"][:, 0] = np.pi / 2
    np.savez(tmp_path / "amass.npz", **arrays)
    to_free = [] if command is ground else ["--free-body"]
    assert command.main([str(tmp_path / "amass.npz"), str(tmp_path / "m.npz"), *to_free]) == 0
    assert check.main([str(tmp_path / "m.npz")]) in (0, 3)
    assert "verdict" in capfd.readouterr().out


def test_a_motion_with_more_betas_is_checked_with_the_body_of_its_file(tmp_path, capfd):
    np.savez(tmp_path / "body.npz", **smplx_arrays(read_free_body()))
    pose = np.zeros((4, 55, 3))
    pose[:, 0, 0] = np.pi / 2
    camera = Camera(np.diag([500.0, 500, 1]), np.eye(4), 64, 48)
    motion = HoiMotion(pose, np.tile([0, 0, 0.9], (4, 1)), np.full(12, 0.1), 8.0, "smplx-neutral", camera)
    motion.save(tmp_path / "m.npz")
    assert check.main([str(tmp_path / "m.npz"), "--body", str(tmp_path / "body.npz")]) in (0, 3)
    assert "verdict" in capfd.readouterr().out


def test_convert_there_and_back(motion_file, tmp_path):
    assert convert.main([str(motion_file), str(tmp_path / "amass.npz")]) == 0
    assert convert.main([str(tmp_path / "amass.npz"), str(tmp_path / "back.npz")]) == 0
    assert np.array_equal(HoiMotion.load(tmp_path / "back.npz").pose_rad, HoiMotion.load(motion_file).pose_rad)


def test_convert_to_glb(motion_file, tmp_path):
    assert convert.main([str(motion_file), str(tmp_path / "motion.glb")]) == 0
    assert (tmp_path / "motion.glb").read_bytes()[:4] == b"glTF"


def test_what_a_camera_does_is_not_taken_out_with_another_body(motion_file, tmp_path, capsys):
    motion = HoiMotion.load(motion_file)
    turning = np.tile(np.eye(4), (motion.num_frames, 1, 1))
    as_filmed(motion, turning, load_body()).replace(body_model="smplx-neutral").save(tmp_path / "filmed.npz")
    assert convert.main([str(tmp_path / "filmed.npz"), str(tmp_path / "amass.npz")]) == 2
    assert "belongs to body 'smplx-neutral'" in capsys.readouterr().err and not (tmp_path / "amass.npz").exists()


@pytest.mark.parametrize("named", [[], ["--from", "gvhmr"]])
def test_convert_from_another_program_says_what_it_left_out(tmp_path, capsys, named):
    import torch

    torch.save(gvhmr(Person(joints=22)), tmp_path / "hmr4d_results.pt")
    out = tmp_path / "motion.npz"
    assert convert.main([str(tmp_path / "hmr4d_results.pt"), str(out), "--fps", "25", "--free-body", *named]) == 0
    motion = HoiMotion.load(out)
    printed = capsys.readouterr().out
    assert motion.body_model == "anny-free" and motion.fps == 25 and motion.notes
    assert all(f"note: {note}" in printed for note in motion.notes)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("evil.pkl", pickle.dumps(os.getcwd), "asks for posix.getcwd, which could run code"),
        (
            "other.pkl",
            pickle.dumps({"a": 1}),
            "readable formats: motion, amass, soma, gem, gvhmr, wham, sam3d, smplerx, behave",
        ),
        ("cut.pkl", pickle.dumps({"a": 1})[:-4], "not a readable pickle"),
    ],
)
def test_convert_of_a_strange_file_is_2_and_one_line(tmp_path, capsys, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert convert.main([str(tmp_path / name), str(tmp_path / "out.npz")]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1


def test_convert_of_behave_asks_for_the_mesh(tmp_path, capsys):
    assert convert.main([str(tmp_path), str(tmp_path / "out.npz"), "--from", "behave"]) == 2
    assert "--object-mesh" in capsys.readouterr().err


def test_convert_takes_no_second_frame_rate(motion_file, tmp_path, capsys):
    assert convert.main([str(motion_file), str(tmp_path / "amass.npz"), "--fps", "30"]) == 2
    assert "hold their frame rate" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["out.fbx"], ["out.npz", "--to", "bvh"]])
def test_an_unknown_format_lists_the_valid_ones(motion_file, tmp_path, capsys, arguments):
    assert convert.main([str(motion_file), str(tmp_path / arguments[0]), *arguments[1:]]) == 2
    assert "motion, amass, glb" in capsys.readouterr().err


def test_view_draws_the_person(motion_file, tmp_path, capsys):
    assert view.main([str(motion_file), "--out", str(tmp_path / "sheet.png"), "--columns", "2"]) == 0
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape == (3 * 260, 2 * 260, 3)
    assert 0.02 < (picture.min(axis=2) < 200).mean() < 0.5


def test_view_shows_the_world_still_although_the_camera_turns(motion_file, tmp_path):
    motion = HoiMotion.load(motion_file)
    turning = np.tile(np.eye(4), (motion.num_frames, 1, 1))
    turning[-1, :3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    as_filmed(motion, turning, load_body()).save(tmp_path / "filmed.npz")
    for name in (motion_file, tmp_path / "filmed.npz"):
        assert view.main([str(name), "--out", str(tmp_path / f"{name.stem}.png"), "--columns", "2"]) == 0
    still, filmed = (cv2.imread(str(tmp_path / f"{name}.png")).astype(int) for name in (motion_file.stem, "filmed"))
    assert (np.abs(still - filmed).max(axis=2) > 60).mean() < 0.002


def test_view_says_what_it_assumed_of_another_program_s_file(tmp_path, capsys):
    arrays = dict(poses=np.zeros((3, 66)), trans=np.zeros((3, 3)), betas=np.zeros(10), mocap_frame_rate=30.0)
    np.savez(tmp_path / "amass.npz", **arrays)
    assert view.main([str(tmp_path / "amass.npz"), "--columns", "1"]) == 0
    assert "note: the body lies on its side, along y" in capsys.readouterr().out


def test_view_of_the_folder_one_is_in_is_named_as_the_folder(tmp_path, monkeypatch):
    people = Path(__file__).parents[1] / "io" / "lifters" / "smplerx_two_people"
    shutil.copytree(people, tmp_path / "people")
    monkeypatch.chdir(tmp_path / "people")
    assert view.main([".", "--fps", "30", "--person", "0", "--columns", "1"]) == 0
    assert (tmp_path / "people.view.png").is_file()


def test_view_of_the_folder_of_all_is_no_motion(capsys):
    assert view.main(["/"]) == 2
    assert "no known motion format" in capsys.readouterr().err


def test_check_and_convert_take_a_bundle_and_do_not_overwrite_its_motion(motion_file, tmp_path, capfd):
    folder, before = str(tmp_path), motion_file.read_bytes()
    assert check.main([folder, "--out", str(tmp_path / "report.json")]) == 0
    assert convert.main([folder, str(tmp_path / "out.glb")]) == 0
    capfd.readouterr()
    assert check.main([folder, "--repair", str(motion_file)]) == 2
    assert convert.main([folder, str(motion_file), "--to", "motion"]) == 2
    assert capfd.readouterr().err.count("it is read from and would be lost") == 2
    assert motion_file.read_bytes() == before


def test_view_of_a_bundle_names_its_report(motion_file, tmp_path, capsys):
    (tmp_path / "report.html").write_text("")
    assert view.main([str(tmp_path), "--columns", "1"]) == 0
    assert "report.html" in capsys.readouterr().out and (tmp_path / "motion.view.png").is_file()


def test_view_without_rerun_names_the_pip_command(motion_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)  # as where the extra is not installed
    assert view.main([str(motion_file), "--rerun", str(tmp_path / "out.rrd")]) == 4
    message = capsys.readouterr().err
    assert "rerun-sdk is not installed - pip install 'tavid_planner[view]'" in message and message.count("\n") == 1
    assert not list(tmp_path.glob("out.rrd*"))


def test_view_writes_a_recording(motion_file, tmp_path, capsys):
    pytest.importorskip("rerun", reason="the extra 'view' is not installed")
    assert view.main([str(motion_file), "--rerun", str(tmp_path / "out.rrd")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "out.rrd")]
    assert [p.name for p in tmp_path.glob("*.rrd*")] == ["out.rrd"]


def test_view_draws_the_person_of_another_program_on_the_free_body(tmp_path, capsys):
    poses = np.zeros((3, 165))
    poses[:, 0] = np.pi / 2
    rest = dict(trans=np.zeros((3, 3)), betas=np.zeros(10), mocap_frame_rate=np.array(25.0))
    np.savez(tmp_path / "amass.npz", poses=poses, **rest)
    assert view.main([str(tmp_path / "amass.npz"), "--columns", "1"]) == 0
    assert (tmp_path / "amass.view.png").is_file()


@pytest.mark.parametrize(
    "main, outputs",
    [
        (check.main, ["--out", "no/physics.json"]),
        (check.main, ["--repair", "no/fixed.npz"]),
        (convert.main, ["no/amass.npz"]),
        (retarget.main, ["--out", "no/joints.json"]),
        (view.main, ["--out", "no/sheet.png"]),
        (view.main, ["--rerun", "no/out.rrd"]),
        (view.main, ["--out", "sheet.jpg"]),
        (check.main, ["--out", "motion.npz"]),
        (convert.main, ["./motion.npz"]),
        (ground.main, ["motion.npz"]),
        (retarget.main, ["--out", "motion.npz"]),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_the_work(motion_file, capsys, monkeypatch, main, outputs):
    monkeypatch.chdir(motion_file.parent)
    motion_file.write_bytes(motion_file.read_bytes()[:-200])  # what comes first would fail on it
    assert main(["motion.npz", *outputs]) == 2
    assert "OUTPUT_INVALID" in capsys.readouterr().err


def test_convert_to_amass_says_that_the_object_is_left_out(motion_file, tmp_path, capsys):
    motion = HoiMotion.load(motion_file)
    ball = trimesh.creation.icosphere(1, 0.05)
    item = ObjectMotion("ball", ball.vertices, ball.faces, np.tile(np.eye(4), (motion.num_frames, 1, 1)))
    motion.replace(objects=(item,)).save(motion_file)
    assert convert.main([str(motion_file), str(tmp_path / "amass.npz")]) == 0
    assert "note: AMASS holds the body alone: objects are left out" in capsys.readouterr().out
