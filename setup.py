"""Installs tavid_planner and hoi_motion, with plain pip or as an ament_python package with colcon."""

import re
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "tavid_planner"
ROOT = Path(__file__).resolve().parent
SHARE = f"share/{PACKAGE}"


def version() -> str:
    text = (ROOT / PACKAGE / "__init__.py").read_text()
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


def requirements() -> dict[str, list[str]]:
    """The sections of requirements.txt: "core", which everything needs, and one an extra."""
    sections: dict[str, list[str]] = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        heading = re.match(r"# \[(\w+)\]", line)
        if heading:
            section = sections.setdefault(heading.group(1), [])
        elif wanted := line.split("#")[0].strip():
            section.append(wanted)
    return sections


def tree(folder: str) -> list[tuple[str, list[str]]]:
    """Data files of a whole folder, each to the same place under share/tavid_planner."""
    files = (p.relative_to(ROOT) for p in sorted((ROOT / folder).rglob("*")) if p.is_file())
    wanted = [p for p in files if "__pycache__" not in p.parts]
    return [(f"{SHARE}/{p.parent.as_posix()}", [p.as_posix()]) for p in wanted]


REQUIREMENTS = requirements()
CORE = REQUIREMENTS.pop("core")

setup(
    name=PACKAGE,
    version=version(),
    description="Plans human-object interaction from a camera frame and the mask of one object.",
    license="Apache-2.0",
    packages=find_packages(include=["tavid_planner", "tavid_planner.*", "hoi_motion", "hoi_motion.*"]),
    package_data={
        "": [
            "*.npz",
            "*.safetensors",
            "weights/*.safetensors",
            "*.css",
            "*.js",
            "*.LICENSE",
            "*.yaml",
            "known/*.yaml",
            "*.md",
        ]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (SHARE, ["package.xml", "LICENSE", "THIRD_PARTY.md"]),
        # what `ros2 run` and `ros2 launch` start, also after a plain pip install
        (f"lib/{PACKAGE}", ["libexec/tavid-node"]),
        *tree("launch"),
        *tree("config"),
        *tree("models"),
    ],
    # ROS 2 Humble has 3.10, Jazzy and Kilted have 3.12; the locked environment is one of 3.11
    python_requires=">=3.10,<3.13",
    # `import hoi_motion` and what it does with keypoints that exist; the video model and the rest are extras
    install_requires=CORE,
    extras_require={
        **REQUIREMENTS,
        # what a plan needs besides an installed ROS 2
        "plan": REQUIREMENTS["video"] + REQUIREMENTS["mediapipe"],
        # hoi-view --rerun; the newest release for numpy 1
        "view": ["rerun-sdk==0.22.1"],
        # tavid-web; its parts change with major versions
        "web": ["gradio>=6.31,<7"],
        # tavid-plan batch --ray
        "ray": ["ray>=2.40,<3"],
        # video.weights: int8
        "int8": ["torchao>=0.14,<1"],
        # tavid-plan export; later releases of pyarrow need numpy 2
        "dataset": ["pyarrow>=14,<26", "mcap-ros2-support>=0.5"],
    },
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "tavid-plan = tavid_planner.cli.plan:main",
            "tavid-mask = tavid_planner.cli.mask:main",
            "tavid-web = tavid_planner.cli.web:main",
            "tavid-info = tavid_planner.cli.info:main",
            "tavid-node = tavid_planner.cli.node:main",
            "hoi-lift = hoi_motion.scripts.lift:main",
            "hoi-check = hoi_motion.scripts.check:main",
            "hoi-convert = hoi_motion.scripts.convert:main",
            "hoi-ground = hoi_motion.scripts.ground:main",
            "hoi-retarget = hoi_motion.scripts.retarget:main",
            "hoi-view = hoi_motion.scripts.view:main",
        ]
    },
)
