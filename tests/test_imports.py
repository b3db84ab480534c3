"""Who may import whom, and what importing a package costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def loaded_by(module: str) -> set[str]:
    """Modules in a fresh process after importing one."""
    code = f"import sys, {module}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module, heavy",
    [
        ("hoi_motion, hoi_motion.motion", {"torch", "diffusers", "rclpy", "cv2", "mediapipe", "pybullet"}),
        (
            "tavid_planner, tavid_planner.planner, tavid_planner.bundle",
            {"torch", "diffusers", "rclpy", "mediapipe", "pybullet"},
        ),
        (
            "tavid_planner.cli.plan, tavid_planner.cli.mask, tavid_planner.cli.info, tavid_planner.cli.node",
            {"torch", "diffusers", "rclpy"},
        ),
        ("hoi_motion.io.glb, hoi_motion.ground.still_world, tavid_planner.second_view", {"torch"}),
        ("tavid_planner.ros.node", {"torch", "cv2", "pybullet", "scipy.interpolate", "scipy.optimize"}),
    ],
)
def test_importing_is_light(module, heavy):
    assert not loaded_by(module) & heavy


def test_the_contracts_between_the_rooms_hold():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def importers(package: str, *libraries: str) -> list[str]:
    """Files of a package that import one of the libraries anywhere, also inside functions."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in libraries for name in names):
                found.append(path.relative_to(ROOT).as_posix())
    return sorted(set(found))


def test_only_ros_imports_rclpy():
    files = importers("tavid_planner", "rclpy", "tavid_planner_interfaces", "sensor_msgs")
    assert [f for f in files if not f.startswith("tavid_planner/ros/")] == []


def test_only_video_imports_diffusers():
    files = importers("tavid_planner", "diffusers", "transformers", "peft")
    assert [f for f in files if not f.startswith("tavid_planner/video/")] == []


def test_hoi_motion_imports_none_of_them():
    assert importers("hoi_motion", "rclpy", "diffusers", "tavid_planner", "training") == []
    assert importers("hoi_motion", "transformers") == [
        "hoi_motion/keypoints/vitpose.py",
        "hoi_motion/lift/track/sam_video.py",
        "hoi_motion/segment/sam.py",
    ]


PACKAGES = ("hoi_motion", "tavid_planner", "training")


def is_there(module: str) -> bool:
    place = ROOT / module.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").is_file()


def test_every_module_that_is_imported_is_there():
    gone = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            own = (name for name in names if name.split(".")[0] in PACKAGES)
            gone |= {(path.relative_to(ROOT).as_posix(), name) for name in own if not is_there(name)}
    assert gone == set()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_git_ignores_no_source_file():
    """One that it does is there for whoever wrote it, and for nobody else."""
    listed = ["git", "ls-files", "--cached", "--others", "--ignored", "--exclude-standard", "--", *PACKAGES, "tests"]
    done = subprocess.run(listed, capture_output=True, text=True, cwd=ROOT, check=True)
    assert [name for name in done.stdout.splitlines() if name.endswith(".py")] == []


MOST_FILES = 14
MOST_LINES_OF_THE_FIT = 200


def test_no_folder_of_the_lift_is_crowded():
    folders = {path.parent for path in (ROOT / "hoi_motion").rglob("*.py")}
    files = {folder: sum(p.is_file() and p.name != "__init__.py" for p in folder.iterdir()) for folder in folders}
    assert {str(folder): count for folder, count in files.items() if count > MOST_FILES} == {}


def test_no_file_of_the_fit_is_long():
    person = (ROOT / "hoi_motion" / "lift" / "person").rglob("*.py")
    lines = {path.name: len(path.read_text().splitlines()) for path in person}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_THE_FIT} == {}
