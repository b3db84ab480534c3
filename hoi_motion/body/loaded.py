"""load_body: every body is read once per process, here and nowhere else, and shared."""

import copyreg
import os
import threading
from collections import OrderedDict
from pathlib import Path

from hoi_motion.body.change import LEAST_BETAS
from hoi_motion.body.model import BodyModel, read_body
from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.files import with_home

KEPT = 3
_bodies: "OrderedDict[tuple, BodyModel]" = OrderedDict()
_lock = threading.Lock()


def load_body(path: str | Path | None = None, num_betas: int = LEAST_BETAS) -> BodyModel:
    """The official SMPL-X file at `path`, or the free body without one.

    A file that has changed since is read again. The last few bodies are kept; `forget_bodies` gives their memory back.

    Args:
        num_betas: of the motion it is for; it is loaded with LEAST_BETAS at least, and with no more than its file has.

    Raises:
        LiftError: BODY_MODEL_MISSING when the file is missing, damaged, or not an SMPL-X model.
        InputError: CONFIG_INVALID for the home of a user who is not known here.
    """
    path = with_home(path) if path else None
    num_betas = max(LEAST_BETAS, num_betas)
    key = (*_state(path), num_betas)
    with _lock:
        body = _bodies.get(key)
        if body is None:
            body = read_body(path, num_betas)
        _bodies[key] = body
        _bodies.move_to_end(key)
        while len(_bodies) > KEPT:
            _bodies.popitem(last=False)
    return body


def forget_bodies() -> None:
    """Drop the cached bodies; those in use stay valid."""
    with _lock:
        _bodies.clear()


def _same_body(source: str, num_betas: int, digest: str) -> BodyModel:
    """The body of another process, here.

    Raises:
        LiftError: BODY_MODEL_MISSING when its file is not here or holds another body by now.
    """
    body = load_body(source, num_betas)
    if body.digest != digest:
        raise LiftError(
            ErrorCode.BODY_MODEL_MISSING,
            f"the body at {source or 'the free body'} is not the one it was",
            "plan again, or put the former file back",
        )
    return body


# a body travels between processes as the name of its file: its arrays are large and the same everywhere
copyreg.pickle(BodyModel, lambda body: (_same_body, (body.source, body.num_betas, body.digest)))


def _state(path: Path | None) -> tuple:
    """Identity of a file as it is now."""
    if path is None:
        return ("", 0, 0)
    try:
        now = os.stat(path)
    except OSError:
        return (os.path.abspath(path), 0, 0)  # reading it says what is wrong
    return (os.path.realpath(path), now.st_mtime_ns, now.st_size)
