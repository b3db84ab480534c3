"""RobotConfig: a robot as a URDF and a short YAML file."""

import dataclasses
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hoi_motion.errors import ErrorCode, InputError, RetargetError
from hoi_motion.options import check_options, from_mapping, option, section


@dataclass(frozen=True)
class GripperConfig:
    """Two fingers of the URDF that move together; widths in between follow linearly."""

    joints: list = field(default_factory=list)
    open: float = option(0.04, "joint value when open", unit="m or rad")
    closed: float = option(0.0, "joint value when closed", unit="m or rad")
    open_width_m: float = option(0.08, "opening between the fingers when open", minimum=0.001, maximum=1.0, unit="m")
    finger_depth_m: float = option(0.03, "how deep an object may go between the fingers", minimum=0.0, maximum=0.5)
    tip_m: float = option(0.0, "how far the finger tips reach beyond the grasp frame", minimum=-0.1, maximum=0.5, unit="m")

    def __post_init__(self):
        check_options(self, "gripper.")


@dataclass(frozen=True)
class JawConfig:
    """A plain parallel jaw put on a link whose z axis points outwards, for a URDF without a gripper."""

    link: str = option("", "link that carries the jaw; empty for none")
    offset_m: float = option(0.0, "from the link's origin to its flange, along z", minimum=-1.0, maximum=1.0, unit="m")
    open_width_m: float = option(0.14, "opening", minimum=0.01, maximum=0.5, unit="m")

    def __post_init__(self):
        check_options(self, "jaw.")


@dataclass(frozen=True)
class RobotConfig:
    """An arm with a gripper.

    The grasp frame, after `grasp_offset_*`, lies between the finger tips: z points out of the gripper, y along the
    opening. What URDF limits lack or get wrong stands here.
    """

    urdf: str = option("", "path of the URDF, relative to the YAML file, or pybullet_data:PATH")
    grasp_frame: str = option("jaw_tip", "link or frame between the finger tips")
    grasp_offset_m: list = field(default_factory=lambda: [0.0, 0.0, 0.0])
    grasp_offset_rpy_rad: list = field(default_factory=lambda: [0.0, 0.0, 0.0])
    gripper: GripperConfig = section(GripperConfig)
    jaw: JawConfig = section(JawConfig)
    home_rad: dict = field(default_factory=dict)
    velocity_rad_s: dict = field(default_factory=dict)
    acceleration_rad_s2: dict = field(default_factory=dict)
    default_acceleration_rad_s2: float = option(5.0, "of joints without a value", minimum=0.01, maximum=1000.0)
    name: str = option("", "name of the robot; empty for that of the YAML file")

    def __post_init__(self):
        check_options(self)
        for name in ("grasp_offset_m", "grasp_offset_rpy_rad"):
            value = getattr(self, name)
            if not (isinstance(value, list) and len(value) == 3 and all(isinstance(v, int | float) for v in value)):
                raise InputError(ErrorCode.CONFIG_INVALID, f"option {name} is {value!r}, expected three numbers")
        for name in ("home_rad", "velocity_rad_s", "acceleration_rad_s2"):
            value = getattr(self, name)
            if not (isinstance(value, dict) and all(isinstance(v, int | float) for v in value.values())):
                raise InputError(ErrorCode.CONFIG_INVALID, f"option {name} is {value!r}, expected joint: number")


def robot_names() -> list[str]:
    """Robots that come with the project."""
    return sorted(p.stem for p in robots_folder().glob("*.yaml"))


def robots_folder() -> Path:
    """`config/robots` of the checkout, or of share/tavid_planner where that is installed."""
    inside = Path("config") / "robots"
    root = Path(__file__).resolve().parents[2]
    if (root / inside).is_dir():
        return root / inside
    installed = [Path(sysconfig.get_path("data")), *Path(__file__).resolve().parents]
    for base in installed:
        if (base / "share" / "tavid_planner" / inside).is_dir():
            return base / "share" / "tavid_planner" / inside
    raise RetargetError(ErrorCode.ROBOT_UNKNOWN, "the folder config/robots is not installed", "install the package again")


def load_robot_config(name_or_path: str) -> RobotConfig:
    """A robot by name or by the path of a YAML file.

    Raises:
        RetargetError: ROBOT_UNKNOWN, listing the known names.
        InputError: CONFIG_INVALID for a broken file, an unknown option or a bad value.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = robots_folder() / f"{name_or_path}.yaml"
    if not path.is_file():
        hint = f"known robots: {', '.join(robot_names())}; or give the path of a YAML file"
        raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"no robot {name_or_path!r}", hint)
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{path} is not readable YAML: {error}") from error
    config = from_mapping(RobotConfig, data, "robot.")
    if not config.urdf:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{path} names no urdf", "add `urdf: path/to/robot.urdf`")
    return dataclasses.replace(config, name=config.name or path.stem, urdf=str(_urdf_path(config.urdf, path.parent)))


def _urdf_path(urdf: str, folder: Path) -> Path:
    if urdf.startswith("pybullet_data:"):
        import pybullet_data

        path = Path(pybullet_data.getDataPath()) / urdf.removeprefix("pybullet_data:")
    else:
        path = folder / Path(urdf).expanduser()
    if not path.is_file():
        raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"no URDF at {path}", "check `urdf` in the robot's YAML file")
    return path
