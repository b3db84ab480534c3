"""No command overwrites a file that it reads: all are tried with one name for an input and an output."""

import re
import shutil
from argparse import Namespace
from importlib import import_module
from pathlib import Path

import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.scripts.command import command_parser
from hoi_motion.scripts.outputs import OutFile, OutJson, OutNpz, OutPath, OutRrd, OutVideo, check_outputs
from tests.hoi_motion.io.published import Person, smplerx


def _parser():
    parser = command_parser("hoi-test", "A test.")
    parser.add_argument("--given", action="append")
    parser.add_argument("--out", type=OutFile)
    parser.add_argument("--film", type=OutFile)
    parser.add_argument("--folder", type=OutPath)
    return parser


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A file in the working folder, a link to it, and a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "given.npz").write_text("mine")
    (tmp_path / "link.npz").symlink_to("given.npz")
    (tmp_path / "folder").mkdir()
    return tmp_path / "given.npz"


@pytest.mark.parametrize("form", ["given.npz", "mug:target:given.npz", "lift.body_model=given.npz", "link.npz"])
@pytest.mark.parametrize("out", ["given.npz", "folder/../given.npz", "link.npz"])
def test_an_output_that_an_argument_names_is_refused_however_it_is_spelled(given, form, out):
    with pytest.raises(InputError, match="cannot write .*: it is read from") as error:
        _parser().parse_args(["--given", "other", "--given", form, "--out", out])
    assert error.value.code is ErrorCode.OUTPUT_INVALID


@pytest.mark.parametrize("other", [["--film", "folder/../a.npz"], ["--folder", "a.npz"]])
def test_one_name_for_two_outputs_is_refused(given, other):
    with pytest.raises(InputError, match="given for two outputs"):
        _parser().parse_args(["--out", "a.npz", *other])


def test_an_output_of_an_earlier_run_may_be_replaced(given):
    arguments = _parser().parse_args(["--folder", "given.npz", "--out", "link2.npz"])
    check_outputs(arguments, "given.npz")  # --folder is where it is, not an input


def test_what_is_written_beside_an_output_is_compared_too(given):
    arguments = _parser().parse_args(["--given", "given.npz", "--out", "other.npz"])
    with pytest.raises(InputError, match="read from"):
        check_outputs(arguments, given)


LIFT = ["--video", "v.mp4", "--click", "1,1"]
RETARGET = ["m.npz", "--robot", "panda"]
# command, arguments; X is the file that is input and output
COMMANDS = [
    ("hoi_motion.scripts.lift", [*LIFT, "--out", "a.npz", "--save-keypoints", "X", f"--{name}", "X"])
    for name in ("track", "keypoints", "depth", "intrinsics", "actor-mask", "body-model", "camera-pose", "human")
]
COMMANDS += [
    ("hoi_motion.scripts.lift", ["--video", "v.mp4", "--mask", "X", "--out", "a.npz", "--overlay", "X"]),
    ("hoi_motion.scripts.lift", ["--video", "X", "--click", "1,1", "--out", "X"]),
    ("hoi_motion.scripts.lift", ["--video", "v.mp4", "--scribble", "X", "--out", "X"]),
    ("hoi_motion.scripts.retarget", [*RETARGET, "--urdf", "X.json", "--out", "X.json"]),
    ("hoi_motion.scripts.retarget", [*RETARGET, "--body", "a_scene.json", "--out", "a.json"]),
    ("hoi_motion.scripts.retarget", [*RETARGET, "--body", "a_gripper.json", "--out", "a.json"]),
    ("hoi_motion.scripts.retarget", [*RETARGET, "--body", "a_execution.json", "--out", "a.csv", "--execute"]),
    ("hoi_motion.scripts.check", ["m.npz", "--body", "X", "--repair", "X"]),
    ("hoi_motion.scripts.check", ["m.npz", "--config", "X", "--out", "X"]),
    ("hoi_motion.scripts.convert", ["m.npz", "X.npz", "--body", "X.npz"]),
    ("hoi_motion.scripts.ground", ["m.npz", "X.npz", "--body", "X.npz"]),
    ("hoi_motion.scripts.view", ["m.npz", "--rerun", "X", "--body", "X"]),
    ("hoi_motion.scripts.view", ["m.npz", "--from", "motion", "--body", "m.view.png"]),
    ("tavid_planner.cli.mask", ["--image", "i.png", "--scribble", "X.png", "--out", "X.png"]),
    ("tavid_planner.cli.mask", ["--image", "i.png", "--scribble", "X-outline.png", "--out", "X.png"]),
    ("training.networks.lifter", ["--start", "X", "--out", "X"]),
]
PLAN = ["--image", "i.png", "--instruction", "picks up the mug", "--out", "plan", "--film", "X.mp4"]
COMMANDS += [
    ("tavid_planner.cli.plan", [*PLAN, "--click", "1,1", "--depth", "X.mp4"]),
    ("tavid_planner.cli.plan", [*PLAN, "--instance", "mug:target:X.mp4"]),
]


@pytest.mark.parametrize("module, argv", COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_no_command_overwrites_what_it_reads(tmp_path, monkeypatch, capsys, module, argv):
    monkeypatch.chdir(tmp_path)
    outputs = ("a.npz", "a.json", "a.csv")
    for name in (text.split(":")[-1] for text in argv if text not in outputs):
        if name.startswith("X") or "." in name:
            (tmp_path / name).write_text("mine")
    before = {path: path.read_text() for path in tmp_path.iterdir()}
    assert import_module(module).main(argv) == 2
    assert "it is read from and would be lost" in capsys.readouterr().err
    assert {path: path.read_text() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("command", ["convert", "ground"])
def test_no_command_overwrites_a_file_of_the_folder_it_reads(tmp_path, capsys, command):
    smplerx(Person(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    main = import_module(f"hoi_motion.scripts.{command}").main
    assert main([str(tmp_path), str(tmp_path / "00003_0.npz"), "--fps", "30"]) == 2
    assert "00003_0.npz: it is in the folder that is read" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert main([str(tmp_path), str(tmp_path / "new.npz"), "--fps", "30"]) == 0


@pytest.mark.parametrize(
    "module, argv",
    [
        ("convert", ["m.npz", "out.glb", "--to", "motion"]),
        ("convert", ["m.npz", "out.npz", "--to", "glb"]),
        ("ground", ["m.npz", "out.glb"]),
        ("check", ["m.npz", "--repair", "out.json"]),
        ("lift", [*LIFT, "--out", "out.mp4"]),
        ("lift", [*LIFT, "--out", "out.npz", "--save-keypoints", "out.json"]),
        ("lift", [*LIFT, "--out", "out.npz", "--overlay", "out.png"]),
        ("lift", [*LIFT, "--out", "out.npz", "--overlay", "out"]),
        ("lift", [*LIFT, "--out", "out.npz", "--overlay", "out.gif"]),
        ("check", ["m.npz", "--out", "out.npz"]),
        ("view", ["m.npz", "--out", "out.jpg"]),
        ("view", ["m.npz", "--rerun", "out.png"]),
    ],
)
def test_a_name_that_says_another_kind_of_file_is_refused(tmp_path, monkeypatch, capsys, motion_file, module, argv):
    monkeypatch.chdir(tmp_path)
    shutil.copy(motion_file, "m.npz")
    assert import_module(f"hoi_motion.scripts.{module}").main(argv) == 2
    assert "OUTPUT_INVALID" in capsys.readouterr().err and not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize(
    "kind, name",
    [(OutVideo, "a.mov"), (OutVideo, "a.MKV"), (OutVideo, "a.avi"), (OutRrd, "a"), (OutNpz, "a"), (OutJson, "a.txt")],
)
def test_a_name_that_can_be_what_is_written_passes(tmp_path, monkeypatch, kind, name):
    monkeypatch.chdir(tmp_path)
    check_outputs(Namespace(out=kind(name)))


@pytest.mark.parametrize("name", ["check", "convert", "ground", "lift", "retarget", "view", "mask", "plan", "export"])
def test_every_option_that_writes_says_so_by_its_type(monkeypatch, name):
    of_cli = name in ("mask", "plan", "export")
    main = import_module(f"tavid_planner.cli.{name}" if of_cli else f"hoi_motion.scripts.{name}").main
    parsers = []

    def remember(parser, args=None, namespace=None):
        parsers.append(parser)
        raise SystemExit(0)

    monkeypatch.setattr(type(command_parser("", "")), "parse_args", remember)
    main([])
    writing = [a for a in parsers[0]._actions if a.nargs != 0 and re.search(r"\bwrite\b", a.help or "")]
    assert writing and not [a.dest for a in writing if not issubclass(a.type, OutPath)]


def test_a_robot_is_not_overwritten_by_its_motion(tmp_path, capsys):
    from hoi_motion.retarget.robots import config
    from hoi_motion.scripts.retarget import main

    known = Path(config.__file__).parent / "known" / "panda.yaml"
    robot = Path(shutil.copy(known, tmp_path / "robot.yaml"))
    assert main(["m.npz", "--robot", str(robot), "--out", str(robot)]) == 2
    assert "it is read from" in capsys.readouterr().err and robot.read_bytes() == known.read_bytes()


def test_a_film_is_not_written_over_the_video_that_the_motion_may_be_from(tmp_path, capsys):
    from hoi_motion.scripts.retarget import main

    (tmp_path / "clip.mp4").write_text("mine")
    assert main([str(tmp_path / "clip.npz"), "--out", str(tmp_path / "clip.csv"), "--record_video"]) == 2
    assert "may be the recording" in capsys.readouterr().err and (tmp_path / "clip.mp4").read_text() == "mine"


def test_many_motions_are_not_overwritten_by_one_anothers(tmp_path, capsys):
    from hoi_motion.scripts.retarget import main

    for name in ("a.npz", "a_panda.npz"):
        (tmp_path / name).write_text("mine")
    assert main(["--all", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "a_panda.npz: it is read from" in capsys.readouterr().err
    assert (tmp_path / "a_panda.npz").read_text() == "mine"
