"""Robots as a URDF and a short YAML file: RobotConfig for arms, HumanoidConfig for humanoids."""

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, RetargetError, shown
from hoi_motion.files import with_home
from hoi_motion.options import check_options, from_mapping, option, read_yaml, section

MAX_NUMBER = 1e6  # of anything in metres, radians or seconds


@dataclass(frozen=True)
class GripperConfig:
    """Fingers of the URDF that move together. What is not said of their shape is measured on their collision shapes;
    a given opening is that of fingers that slide apart evenly.
    """

    joints: list = field(default_factory=list)
    open: float | None = option(
        None, "value of the first finger joint when open; empty, as `closed`: that limit of it", unit="m or rad"
    )
    closed: float | None = option(None, "value of it when closed", unit="m or rad")
    open_width_m: float | None = option(
        None, "opening between the fingers when open; empty: measured", minimum=0.001, maximum=1.0, unit="m"
    )
    finger_depth_m: float | None = option(
        None, "how deep an object fits between the fingers; empty: measured", minimum=0.0, maximum=0.5, unit="m"
    )
    tip_m: float | None = option(
        None,
        "how far the finger tips reach beyond the grasp frame; empty: measured",
        minimum=-0.1,
        maximum=0.5,
        unit="m",
    )
    force_n: float | None = option(
        None,
        "holding force of each finger at its joint; empty: what makes 40 N at its tip",
        minimum=0.1,
        maximum=1000.0,
        unit="N or Nm",
    )

    def __post_init__(self):
        check_options(self, "gripper.")
        if not (isinstance(self.joints, list) and all(isinstance(name, str) for name in self.joints)):
            raise InputError(ErrorCode.CONFIG_INVALID, f"option gripper.joints is {self.joints!r}, expected a list")
        ends = (self.open, self.closed)
        if ends != (None, None) and not (all(map(_is_number, ends)) and self.open != self.closed):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"options gripper.open and gripper.closed are {self.open} and {self.closed}",
                "give two different values of the first finger joint, or leave out both",
            )


@dataclass(frozen=True)
class JawConfig:
    """A plain parallel jaw put on a link whose z axis points outwards, for a URDF without a gripper."""

    link: str = option("", "link that carries the jaw; empty for none")
    instead_of: str = option("", "link that makes room for it, with all that hangs on it; empty for none")
    offset_m: float = option(0.0, "from the link's origin to its flange, along z", minimum=-1.0, maximum=1.0, unit="m")
    open_width_m: float = option(0.14, "opening", minimum=0.01, maximum=0.5, unit="m")
    finger_m: float = option(0.095, "length of the fingers", minimum=0.03, maximum=0.3, unit="m")

    def __post_init__(self):
        check_options(self, "jaw.")


@dataclass(frozen=True)
class RobotConfig:
    """An arm with a gripper.

    The grasp frame, after `grasp_offset_*`, lies between the finger tips: z points out of the gripper, y along the
    opening. Limits and motors that are missing or wrong in the URDF are set here.
    """

    urdf: str = option(
        "", "path of the URDF or MJCF, relative to the YAML file, or pybullet_data:PATH; empty: the user's"
    )
    urdf_source: str = option("", "where the user gets it, if urdf is empty")
    grasp_frame: str = option("", "link or frame between the finger tips; empty: found from how the fingers move")
    grasp_offset_m: list = field(default_factory=lambda: [0.0, 0.0, 0.0])
    grasp_offset_rpy_rad: list = field(default_factory=lambda: [0.0, 0.0, 0.0])
    base_link: str = option("", "link on which the arm stands; joints before it do not move. Empty: the root")
    base_height_m: float | None = option(
        None,
        "of the root over the floor, 0 for a mobile robot; empty: that of the support",
        minimum=0.0,
        maximum=3.0,
    )
    gripper: GripperConfig = section(GripperConfig)
    jaw: JawConfig = section(JawConfig)
    home_rad: dict = field(default_factory=dict)
    velocity_rad_s: dict = field(default_factory=dict)
    acceleration_rad_s2: dict = field(default_factory=dict)
    effort_nm: dict = field(default_factory=dict)  # N for a joint that slides
    default_acceleration_rad_s2: float = option(5.0, "of joints without a value", minimum=0.01, maximum=1000.0)
    name: str = option("", "name of the robot; empty for that of the YAML file")

    def __post_init__(self):
        check_options(self)
        for name in ("grasp_offset_m", "grasp_offset_rpy_rad"):
            value = getattr(self, name)
            if not (isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))):
                raise InputError(ErrorCode.CONFIG_INVALID, f"option {name} is {value!r}, expected three numbers")
        for name in ("home_rad", "velocity_rad_s", "acceleration_rad_s2", "effort_nm"):
            _check_numbers(name, getattr(self, name), is_limit=name != "home_rad")


FRAMES = (
    "pelvis",
    "chest",
    "left_hip",
    "left_knee",
    "left_foot",
    "left_shoulder",
    "left_elbow",
    "left_hand",
    "right_hip",
    "right_knee",
    "right_foot",
    "right_shoulder",
    "right_elbow",
    "right_hand",
)


@dataclass(frozen=True)
class HumanoidConfig:
    """A humanoid with a free root.

    With all joints at 0 it stands upright on flat feet. `frames` names the link of every body part; a link's origin is
    the joint above it: left_knee turns in the knee, left_foot in the ankle. `head` may be named as well.
    """

    urdf: str = option(
        "", "path of the URDF or MJCF, relative to the YAML file, or pybullet_data:PATH; empty: the user's"
    )
    urdf_source: str = option("", "where the user gets it, if urdf is empty")
    scale: float = option(1.0, "size of the robot over that of its URDF", minimum=0.001, maximum=1000.0)
    forward: list = field(default_factory=lambda: [1.0, 0.0, 0.0])  # of the root link
    up: list = field(default_factory=lambda: [0.0, 0.0, 1.0])
    frames: dict = field(default_factory=dict)  # body part: link
    left_sole_m: list = field(default_factory=list)  # points under the foot, frame of its link, after scaling
    right_sole_m: list = field(default_factory=list)
    left_palm_m: list = field(default_factory=lambda: [0.0, 0.0, 0.0])  # middle of the hand, frame of its link
    right_palm_m: list = field(default_factory=lambda: [0.0, 0.0, 0.0])
    left_palm_axis: list = field(
        default_factory=list
    )  # out of the palm, frame of its link; empty: its rotation is free
    right_palm_axis: list = field(default_factory=list)
    palm_radius_m: float = option(0.03, "from the middle of the hand to its skin", minimum=0.0, maximum=0.3, unit="m")
    home_rad: dict = field(default_factory=dict)
    velocity_rad_s: dict = field(default_factory=dict)  # for joints whose URDF is wrong
    scene_scale: float | None = option(
        None, "scene over real size; empty for that of the robot over the person", minimum=0.1, maximum=10.0
    )
    name: str = option("", "name of the robot; empty for that of the YAML file")

    def __post_init__(self):
        check_options(self)
        for name in ("forward", "up", "left_palm_m", "right_palm_m"):
            _check_points(name, [getattr(self, name)], 1)
        for side in ("left", "right"):
            axis, palm = getattr(self, f"{side}_palm_axis"), getattr(self, f"{side}_palm_m")
            if axis:
                _check_points(f"{side}_palm_axis", [axis], 1)
                if np.linalg.norm(np.cross(axis, palm)) < 1e-6:
                    raise InputError(
                        ErrorCode.CONFIG_INVALID,
                        f"option {side}_palm_axis is {axis!r} and {side}_palm_m {palm!r}",
                        "the palm's middle lies along the fingers, its axis across them",
                    )
            _check_points(f"{side}_sole_m", getattr(self, f"{side}_sole_m"), 3)
        for name in ("home_rad", "velocity_rad_s"):
            _check_numbers(name, getattr(self, name), is_limit=name != "home_rad")
        _check_frames(self.frames)
        missing = [part for part in FRAMES if part not in self.frames]
        unknown = [part for part in self.frames if part not in (*FRAMES, "head")]
        if missing or unknown:
            told = f"frames does not name {', '.join(missing)}" if missing else f"frames names {', '.join(unknown)}"
            raise InputError(ErrorCode.CONFIG_INVALID, told, f"body parts: {', '.join(FRAMES)}; head if there is one")
        if abs(np.dot(self.forward, self.up)) > 1e-6 or not np.any(self.forward) or not np.any(self.up):
            raise InputError(
                ErrorCode.CONFIG_INVALID, f"forward {self.forward} and up {self.up}", "two directions at a right angle"
            )


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MAX_NUMBER < value < MAX_NUMBER


def _check_frames(value) -> None:
    if not (isinstance(value, dict) and all(isinstance(name, str) for name in (*value, *value.values()))):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"option frames is {shown(value)}",
            "name every body part's link, pelvis: hips",
        )


def _check_numbers(name: str, value, is_limit: bool = False) -> None:
    if not (isinstance(value, dict) and all(map(_is_number, value.values()))):
        raise InputError(ErrorCode.CONFIG_INVALID, f"option {name} is {value!r}, expected joint: number")
    low = [f"{joint}: {number:g}" for joint, number in value.items() if is_limit and number <= 0]
    if low:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"option {name} has {', '.join(low)}", "what a joint can do is more than 0"
        )


def _check_points(name: str, value, least: int) -> None:
    good = isinstance(value, list) and len(value) >= least
    for point in value if good else ():
        good &= isinstance(point, list) and len(point) == 3 and all(map(_is_number, point))
    if not good:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"option {name} is {value!r}", f"expected at least {least} points [x, y, z]"
        )


KINDS = {"arm": RobotConfig, "humanoid": HumanoidConfig}


def robot_names() -> list[str]:
    """Robots that come with the project."""
    return sorted(p.stem for p in robots_folder().glob("*.yaml"))


def robots_folder() -> Path:
    """Folder of the robots that come with the project: beside this module, in a checkout and installed."""
    return Path(__file__).resolve().parent / "known"


def load_robot_config(name_or_path: str, urdf: str = "") -> "RobotConfig | HumanoidConfig":
    """A robot by name or by the path of a YAML file.

    Args:
        urdf: path of a URDF to use instead of the one named in the file.

    Raises:
        RetargetError: ROBOT_UNKNOWN, listing the known names.
        InputError: CONFIG_INVALID for a broken file, an unknown option or a bad value.
    """
    path, kind, data = _read_yaml(name_or_path)
    config = from_mapping(KINDS[kind], data, "robot.")
    if not (urdf or config.urdf):
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"{path.stem} has no URDF of its own",
            f"{_take(data)}give its path with --urdf PATH, or write it into the YAML file as urdf",
        )
    urdf_path = with_home(urdf) if urdf else _urdf_path(config.urdf, path.parent)
    if not os.path.isfile(urdf_path):  # also of a name that is too long
        where = "--urdf" if urdf else "`urdf` in the robot's YAML file"
        raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"no URDF at {urdf_path}", f"check {where}")
    return dataclasses.replace(config, name=config.name or path.stem, urdf=str(urdf_path))


def robot_line(name: str) -> str:
    """A robot in a list: its name, its kind and the URDF that its file names."""
    _, kind, data = _read_yaml(name)
    return f"{name:<16} {kind:<9} {data.get('urdf') or f'{_take(data)}give its path with --urdf'}"


def _take(data: dict) -> str:
    return f"take {data['urdf_source']} and its meshes, and " if data.get("urdf_source") else ""


def robot_file(name_or_path: str) -> Path:
    """The YAML file of a robot by name or by path; whether there is one is not looked at."""
    path = with_home(name_or_path)
    return path if path.suffix in (".yaml", ".yml") else robots_folder() / f"{name_or_path}.yaml"


def _read_yaml(name_or_path: str) -> tuple[Path, str, dict]:
    path = robot_file(name_or_path)
    if not os.path.isfile(path):
        hint = f"known robots: {', '.join(robot_names())}; or give the path of a YAML file"
        raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"no robot {name_or_path!r}", hint)
    data = read_yaml(path)
    kind = data.pop("kind", "arm") if isinstance(data, dict) else "arm"
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(ErrorCode.CONFIG_INVALID, f"kind is {shown(kind)}", f"valid kinds: {', '.join(KINDS)}")
    return path, kind, data


def _urdf_path(urdf: str, folder: Path) -> Path:
    if urdf.startswith("pybullet_data:"):
        import pybullet_data

        return Path(pybullet_data.getDataPath()) / urdf.removeprefix("pybullet_data:")
    return folder / with_home(urdf)
