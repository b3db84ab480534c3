"""tavid-node and the demo as commands: exit codes, one line on stderr, no node left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tavid_planner.cli import demo, node

REPOSITORY = Path(__file__).resolve().parents[3]


def run(module: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", f"tavid_planner.cli.{module}", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("command", [node.main, demo.main])
def test_bad_usage_is_2_and_help_is_0(command, capsys):
    assert command(["--no-such-option"]) == 2
    assert command(["--help"]) == 0
    assert "usage" in capsys.readouterr().out


def test_ros_arguments_are_told_from_our_own():
    argv = ["--debug", "--ros-args", "-p", "a:=1", "--", "--other"]
    assert node.split_ros_arguments(argv) == (["--debug", "--other"], ["--ros-args", "-p", "a:=1"])
    assert node.split_ros_arguments(["--debug"]) == (["--debug"], [])


@pytest.mark.parametrize(
    "flag, parameter, named",
    [
        ("-p", "profile:=nope", "unknown profile 'nope'"),
        ("-p", "max_image_age_s:=soon", "max_image_age_s"),
        ("-p", "joint_states:=/no-topic", "'/no-topic'"),
        ("-r", "image_raw:=/no-topic", "image_raw:=/no-topic"),
    ],
)
def test_node_with_a_bad_parameter_ends_with_one_line(tmp_path, flag, parameter, named):
    ended = run("node", "--ros-args", flag, parameter, folder=tmp_path)
    assert ended.returncode == 2, ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("error: CONFIG_INVALID") and named in last
    assert "Traceback" not in ended.stderr


def test_a_parameter_without_its_flag_is_told_how_to_write_it(tmp_path):
    ended = run("node", "--ros-args", "profile:=mini", folder=tmp_path)
    assert ended.returncode == 2 and "profile:=mini" in ended.stderr and "-p NAME:=VALUE" in ended.stderr


def test_demo_hands_the_node_a_folder_of_any_name(tmp_path, monkeypatch):
    import rclpy
    from rclpy.node import Node

    commands = []
    monkeypatch.setattr(demo.subprocess, "Popen", lambda command, **_: commands.append(command))
    folder = tmp_path / 'plans #2: "mine" é'
    demo._NodeProcess("mini", folder, tmp_path / "node.log")
    context = rclpy.Context()
    rclpy.init(args=commands[0][3:], context=context)
    try:
        given = Node("given", context=context, automatically_declare_parameters_from_overrides=True)
        assert given.get_parameter("output_folder").value == str(folder)
        given.destroy_node()
    finally:
        context.try_shutdown()


def test_demo_shows_the_last_words_of_a_node_that_died(tmp_path, make_request):
    from PIL import Image

    request = make_request()
    Image.fromarray(request.rgb).save(tmp_path / "frame.png")
    Image.fromarray(request.target_mask).save(tmp_path / "mask.png")
    files = ["--image", "frame.png", "--mask", "mask.png", "--instruction", "picks up the [TGT] mug"]
    ended = run("demo", *files, "--profile", "nope", folder=tmp_path)
    assert ended.returncode == 4, ended.stderr
    assert "unknown profile 'nope'" in ended.stderr
    assert ended.stderr.strip().splitlines()[-1].startswith("error: INTERNAL (999): the node ended with exit code 2")


def test_demo_without_a_picture_names_the_file(tmp_path, capsys):
    assert demo.main(["--image", str(tmp_path / "none.png"), "--mask", "x", "--instruction", "x"]) == 2
    assert "none.png" in capsys.readouterr().err
