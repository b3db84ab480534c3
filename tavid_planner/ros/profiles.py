"""Profiles that a request may name: the bundled ones and the files of one folder, never a path."""

import contextlib
import logging
import os
import re
import stat
from pathlib import Path

from hoi_motion.files import with_home
from tavid_planner.config import PlannerConfig, load_profile, profile_names, profiles_folder
from tavid_planner.errors import ErrorCode, InputError

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
ENDINGS = (".yaml", ".yml")
MAX_PROFILE_BYTES = 64 * 1024

log = logging.getLogger(__name__)


def requested_profile(name: str, folder: str) -> PlannerConfig:
    """The profile that a request names.

    Args:
        folder: of additional profiles of this node, "" for none.

    Raises:
        InputError: CONFIG_INVALID; what is wrong in the file is logged, not sent to the client.
    """
    path = _path_of(name, folder)
    if path is None:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"unknown profile {name[:64]!r}",
            f"valid names: {', '.join(_names(folder))}; files: put them into the node's profiles_folder",
        )
    try:
        check_profile_file(path)
        return load_profile(str(path))
    except InputError as error:
        log.warning("profile %s: %s", path, error)
        raise InputError(ErrorCode.CONFIG_INVALID, f"profile {name!r} cannot be used", "see the node's log") from error


def check_profile_file(path: Path) -> None:
    """Check that a path is a regular file of plausible size, without reading it.

    Raises:
        InputError: CONFIG_INVALID.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(ErrorCode.CONFIG_INVALID, f"cannot read profile {path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(ErrorCode.CONFIG_INVALID, f"profile {path} is not a file", "name a YAML file")
    if status.st_size > MAX_PROFILE_BYTES:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"profile {path} has {status.st_size} bytes",
            f"a profile has at most {MAX_PROFILE_BYTES}",
        )


def _path_of(name: str, folder: str) -> Path | None:
    if not NAME.fullmatch(name):
        return None
    stem = name.removesuffix(".yaml").removesuffix(".yml")
    if name == stem and name in profile_names():
        return profiles_folder() / f"{name}.yaml"
    if not folder:
        return None
    root = Path(os.path.realpath(with_home(folder)))
    candidates = [root / name] if name != stem else [root / f"{name}{ending}" for ending in ENDINGS]
    for path in candidates:
        # a symbolic link must not lead out of the folder; a folder that may not be looked into holds nothing for us
        with contextlib.suppress(OSError):
            if path.exists() and os.path.dirname(os.path.realpath(path)) == str(root):
                return path
    return None


def _names(folder: str) -> list[str]:
    own = profile_names()
    if folder:
        with contextlib.suppress(OSError):
            own += sorted(p.stem for p in with_home(folder).glob("*.y*ml") if p.suffix in ENDINGS)
    return own
