"""Imports: names loaded on first use, optional packages, and a pause of the garbage collector."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from hoi_motion.errors import ErrorCode, TavidError

# packages that only some commands need, by import name: (name for pip, extra of setup.py)
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


def lazy_names(package: str, places: dict[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names live in modules that are heavy to import.

    Args:
        package: `__name__` of the package.
        places: name -> module that defines it, or the module `package.name` for a module that is itself public.
    """

    def get(name: str):
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with no_collection():
            module = import_module(places[name])
        return module if places[name] == f"{package}.{name}" else getattr(module, name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return get, names


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
    """The error for an import that failed.

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


@contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector.

    For work that makes many small objects and leaves no cycles: with torch's objects in the process each collection is
    long, and creating objects triggers them. Imports take an eighth less time, nested lists of vertices two thirds.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
