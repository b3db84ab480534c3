"""The interface package: in step with the error codes, whole, and buildable the two ways that are documented."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hoi_motion.errors import ErrorCode

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "tavid_planner_interfaces"
PATHS = "src/tavid_planner src/tavid_planner/tavid_planner_interfaces"
COLCON_LINE = f"colcon build --base-paths {PATHS}"
ROSDEP_LINE = f"rosdep install --from-paths {PATHS} --ignore-src"
"""With one path or without --ignore-src, rosdep asks the system for the interface package and ends with an error."""
PARTS = {
    "action": (PACKAGE / "action" / "PlanInteraction.action").read_text().split("\n---\n"),
    "service": (PACKAGE / "srv" / "PlanInteraction.srv").read_text().split("\n---\n"),
}


def declarations(part: str) -> list[str]:
    lines = (line.split("#")[0].strip() for line in part.splitlines())
    return [" ".join(line.split()) for line in lines if line]


@pytest.mark.parametrize("door", PARTS)
def test_error_constants_are_the_error_codes(door):
    constants = re.findall(r"^uint16 ([A-Z_]+)=(\d+)$", PARTS[door][1], re.MULTILINE)
    assert {name: int(number) for name, number in constants} == {c.name: c.value for c in ErrorCode}


@pytest.mark.parametrize("part", [0, 1])
def test_action_and_service_have_the_same_fields(part):
    assert declarations(PARTS["action"][part]) == declarations(PARTS["service"][part])


def test_every_interface_file_is_generated():
    cmake = (PACKAGE / "CMakeLists.txt").read_text()
    files = [p.relative_to(PACKAGE).as_posix() for kind in ("msg", "srv", "action") for p in (PACKAGE / kind).iterdir()]
    assert sorted(files) == sorted(re.findall(r"^\s+\"?((?:msg|srv|action)/\w+\.\w+)", cmake, re.MULTILINE))


def test_manifest_is_that_of_an_interface_package():
    manifest = ElementTree.parse(PACKAGE / "package.xml").getroot()
    assert (manifest.get("format"), manifest.findtext("license")) == ("3", "Apache-2.0")
    assert manifest.findtext("member_of_group") == "rosidl_interface_packages"
    assert manifest.findtext("export/build_type") == "ament_cmake"


def test_manifest_names_every_message_package_that_is_used():
    manifest = ElementTree.parse(PACKAGE / "package.xml").getroot()
    texts = [p.read_text() for kind in ("msg", "srv", "action") for p in (PACKAGE / kind).iterdir()]
    used = set(re.findall(r"^(\w+)/\w+(?:\[\])? ", "\n".join(texts), re.MULTILINE))
    assert used <= {d.text for d in manifest.findall("depend")}


@pytest.mark.parametrize("line", [COLCON_LINE, ROSDEP_LINE])
@pytest.mark.parametrize("page", ["README.md", "docs/ros.md", f"{PACKAGE.name}/README.md"])
def test_lines_for_a_workspace_are_documented(page, line):
    text = (REPOSITORY / page).read_text()
    command = " ".join(line.split()[:2])
    written = [" ".join(found.split()) for found in re.findall(rf"{command} --[^`\n]*", text)]
    assert written and set(written) == {line}


def test_installed_interfaces_are_these():
    from tavid_planner_interfaces.action import PlanInteraction as PlanAction
    from tavid_planner_interfaces.srv import PlanInteraction as PlanService

    fields = {line.split()[1] for line in declarations(PARTS["action"][1]) if "=" not in line}
    for result in (PlanAction.Result, PlanService.Response):
        assert set(result.get_fields_and_field_types()) == fields
        assert all(getattr(result, code.name) == code for code in ErrorCode)


@pytest.mark.slow
def test_documented_colcon_line_builds(tmp_path):
    if shutil.which("colcon") is None:
        pytest.skip("needs colcon: pip install colcon-common-extensions cmake and what pyproject.toml builds with")
    workspace = tmp_path / "src" / "tavid_planner"
    workspace.mkdir(parents=True)
    shutil.copytree(PACKAGE, workspace / PACKAGE.name)
    for name in ("package.xml", "setup.py", "setup.cfg"):
        shutil.copy(REPOSITORY / name, workspace)
    command = COLCON_LINE.split() + ["--packages-select", PACKAGE.name, "--cmake-args", "-DBUILD_TESTING=OFF"]
    command.append(f"-DPython3_EXECUTABLE={sys.executable}")
    # where ROS 2 comes from wheels, the environment is the prefix
    prefix = {"AMENT_PREFIX_PATH": sys.prefix, "CMAKE_PREFIX_PATH": sys.prefix}
    built = subprocess.run(command, cwd=tmp_path, env=prefix | os.environ, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-2000:]
    share = tmp_path / "install" / PACKAGE.name / "share" / PACKAGE.name
    assert (share / "action" / "PlanInteraction.action").is_file()
