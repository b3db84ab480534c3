"""Packages that only some of the doors need: which extra of setup.py brings each, and the error when it is missing."""

from importlib import import_module
from types import ModuleType

from hoi_motion.errors import ErrorCode, TavidError

# as it is imported: (as pip calls it, the extra)
EXTRAS = {
    "accelerate": ("accelerate", "video"),
    "daqp": ("daqp", "retarget"),
    "diffusers": ("diffusers", "video"),
    "ftfy": ("ftfy", "video"),
    "gradio": ("gradio", "web"),
    "hppfcl": ("hpp-fcl", "retarget"),
    "mcap_ros2": ("mcap-ros2-support", "dataset"),
    "mediapipe": ("mediapipe", "mediapipe"),
    "numba": ("numba", "train"),
    "peft": ("peft", "video"),
    "pink": ("pin-pink", "retarget"),
    "pinocchio": ("pin", "retarget"),
    "pyarrow": ("pyarrow", "dataset"),
    "ray": ("ray", "ray"),
    "rclpy": ("ros-rclpy", "ros"),
    "rerun": ("rerun-sdk", "view"),
    "torchao": ("torchao", "int8"),
    "transformers": ("transformers", "video"),
}
OWN = ("hoi_motion", "tavid_planner", "training", "benchmarks")


def optional(module: str) -> ModuleType:
    """Import an optional package, or a module of it.

    Raises:
        TavidError: MODEL_MISSING when it is missing or broken, with the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise missing_package(error, module) from error


def missing_package(error: ImportError, module: str = "") -> TavidError:
    """What to tell of an import that failed.

    Args:
        module: that was asked for; without it the one that the error names.

    Returns:
        MODEL_MISSING with the command that installs the package; INTERNAL where a module of our own is at fault.
    """
    name = (module or error.name or "").partition(".")[0]
    if name in OWN or not name:
        return TavidError(ErrorCode.INTERNAL, f"{type(error).__name__}: {error}", "run again with --debug, report it")
    package, extra = EXTRAS.get(name, (name, ""))
    absent = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == name
    what = "is not installed" if absent else f"is broken: {error}"
    how = f"pip install 'tavid_planner[{extra}]'" if extra else "pip install -r requirements.txt"
    return TavidError(ErrorCode.MODEL_MISSING, f"the package {package} {what}", how)
