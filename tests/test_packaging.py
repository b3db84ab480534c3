"""What is installed: one version, entry points that exist, data files in their places, the lock kept."""

import importlib
import importlib.metadata
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tavid_planner

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def setup_arguments():
    """What setup.py hands to setuptools."""
    import setuptools

    captured, original = {}, setuptools.setup
    setuptools.setup = lambda **arguments: captured.update(arguments)
    try:
        runpy.run_path(str(ROOT / "setup.py"))
    finally:
        setuptools.setup = original
    return captured


def test_there_is_one_version(setup_arguments):
    assert setup_arguments["version"] == tavid_planner.__version__
    assert ElementTree.parse(ROOT / "package.xml").findtext("version") == tavid_planner.__version__


def test_every_command_exists(setup_arguments):
    for line in setup_arguments["entry_points"]["console_scripts"]:
        module, function = re.search(r"= (.+):(.+)$", line).groups()
        assert callable(getattr(importlib.import_module(module), function)), line


def test_every_command_works_as_a_module_of_the_checkout(setup_arguments, monkeypatch, capsys):
    # a command that has used ROS ends its process at once: here that would be the tests' own
    monkeypatch.delitem(sys.modules, "rclpy", raising=False)
    for line in setup_arguments["entry_points"]["console_scripts"]:
        name, module = re.search(r"(.+) = (.+):.+$", line).groups()
        monkeypatch.setattr(sys, "argv", [name, "--help"])
        monkeypatch.delitem(sys.modules, module, raising=False)
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(module, run_name="__main__")
        assert not ended.value.code and name in capsys.readouterr().out, line


def test_data_files_exist_and_lie_where_ros_looks(setup_arguments):
    places = dict((file, place) for place, files in setup_arguments["data_files"] for file in files)
    assert all((ROOT / file).is_file() for file in places)
    assert places["resource/tavid_planner"] == "share/ament_index/resource_index/packages"
    assert places["package.xml"] == "share/tavid_planner"
    assert places["launch/plan.launch.py"] == "share/tavid_planner/launch"
    assert places["config/profiles/mini.yaml"] == "share/tavid_planner/config/profiles"
    assert places["libexec/tavid-node"] == "lib/tavid_planner"


def test_what_ros2_run_starts_is_executable():
    assert (ROOT / "libexec" / "tavid-node").stat().st_mode & 0o111 == 0o111
    subprocess.run(["sh", "-n", str(ROOT / "libexec" / "tavid-node")], check=True)


def test_manifest_is_that_of_an_ament_python_package():
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    assert manifest.get("format") == "3"
    assert manifest.findtext("export/build_type") == "ament_python"
    assert manifest.findtext("license") == "Apache-2.0"
    assert "tavid_planner_interfaces" in [e.text for e in manifest.iter("exec_depend")]


def test_manifest_names_every_ros_package_whose_messages_are_imported():
    named = {e.text for e in ElementTree.parse(ROOT / "package.xml").getroot().iter("exec_depend")}
    sources = "\n".join(p.read_text() for room in ("tavid_planner", "hoi_motion") for p in (ROOT / room).rglob("*.py"))
    assert set(re.findall(r"^\s*from (\w+)\.(?:msg|srv|action) import", sources, re.MULTILINE)) <= named


def locked() -> dict[str, str]:
    """Name, as the index spells it, -> version, of every package of constraints.txt."""
    lines = (line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    return {canonicalize_name(name): version for name, version in lines}


def test_the_lock_has_a_version_of_every_direct_requirement_that_is_in_its_range():
    pins = locked()
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            text = line.split("#")[0].strip()
            if text and not text.startswith("-r"):
                wanted = Requirement(text)
                assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), text


def test_the_core_needs_neither_the_video_model_nor_robots_nor_ros(setup_arguments):
    core = {Requirement(line).name for line in setup_arguments["install_requires"]}
    heavy = {"diffusers", "transformers", "peft", "accelerate", "mediapipe", "pin", "pin-pink", "numba"}
    assert "numpy" in core and not core & heavy and not any(name.startswith("ros-") for name in core)


def test_every_way_of_use_is_an_extra(setup_arguments):
    assert {"video", "ros", "retarget", "mediapipe", "train", "view"} <= set(setup_arguments["extras_require"])


def test_no_requirement_of_the_package_is_one_exact_version_but_the_recorder(setup_arguments):
    extras = setup_arguments["extras_require"]
    lines = setup_arguments["install_requires"] + [line for name in extras if name != "view" for line in extras[name]]
    assert [line for line in lines if "==" in line] == []


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert tavid_planner.__version__ in headings[0]


def test_the_environment_is_the_locked_one():
    sections = (ROOT / "constraints.txt").read_text().split("# [build]")[0]
    for line in sections.splitlines():
        if "==" in line:
            name, version = line.split("==")
            assert importlib.metadata.version(name).split("+")[0] == version, name


def test_the_installed_packages_agree_with_each_other():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_plain_pip_install_finds_its_profiles(tmp_path):
    """Into a folder of its own; the interpreter is told that this is its data prefix."""
    # without --ignore-installed pip would take the project out of .venv first
    options = "--no-deps --no-build-isolation --no-index --no-compile --quiet --ignore-installed".split()
    command = [sys.executable, "-m", "pip", "install", *options]
    source = tmp_path / "source"
    ignored = {".venv", ".git", "plans", "runs", "build", "log"}
    shutil.copytree(ROOT, source, ignore=lambda folder, names: ignored & set(names) if Path(folder) == ROOT else [])
    subprocess.run([*command, "--prefix", str(tmp_path / "prefix"), str(source)], check=True, capture_output=True)
    packages = next((tmp_path / "prefix").glob("lib/python*/site-packages"))
    assert (tmp_path / "prefix/lib/tavid_planner/tavid-node").stat().st_mode & 0o100
    code = (
        "import sysconfig, sys\n"
        "get = sysconfig.get_path\n"
        "sysconfig.get_path = lambda name: sys.argv[1] if name == 'data' else get(name)\n"
        "import tavid_planner.config as c, hoi_motion.body as b, hoi_motion.retarget.robots.config as r\n"
        "print(c.__file__); print(c.load_profile('mini').name, b.load_body().name, 'panda' in r.robot_names())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "prefix")],
        env={"PYTHONPATH": str(packages), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(packages / "tavid_planner/config.py"), "mini", "anny-free", "True"]
