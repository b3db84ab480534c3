"""Hold back what native libraries write on standard output and standard error."""

import contextlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)
# glog and absl prefix (severity, date, thread) or one of the lines that TensorFlow Lite and absl print bare
_NATIVE_LOG = re.compile(r"^([IWEF]\d{4}[ \d]|(INFO|WARNING): (Created|All log)|.*\.cc:\d+\])")


def quiet_native_log():
    """MediaPipe's C++ log goes straight to file descriptor 2; what others write there meanwhile is passed on."""
    return _held_back((2,), lambda line: _NATIVE_LOG.match(line) is not None, "mediapipe")


def quiet_pybullet():
    """PyBullet's C code writes its build date and warnings about inertias to both outputs."""
    return _held_back((1, 2), lambda line: True, "pybullet")


@contextlib.contextmanager
def _held_back(descriptors: tuple[int, ...], is_log: Callable[[str], bool], source: str) -> Iterator[None]:
    """What is written to file descriptors meanwhile: a log is logged at debug level, other lines are passed on."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        held = {descriptor: stack.enter_context(tempfile.TemporaryFile()) for descriptor in descriptors}
        saved = {descriptor: os.dup(descriptor) for descriptor in descriptors}
        try:
            for descriptor in descriptors:
                os.dup2(held[descriptor].fileno(), descriptor)
            yield
        finally:
            for descriptor in descriptors:
                os.dup2(saved[descriptor], descriptor)
                os.close(saved[descriptor])
                held[descriptor].seek(0)
                for line in held[descriptor].read().decode(errors="replace").splitlines():
                    if is_log(line):
                        logger.debug("%s: %s", source, line)
                    else:
                        os.write(descriptor, line.encode() + b"\n")
