"""Hold back what native libraries log on standard error."""

import contextlib
import logging
import os
import re
import tempfile

logger = logging.getLogger(__name__)
# glog and absl prefix (severity, date, thread) or one of the lines that TensorFlow Lite and absl print bare
_NATIVE_LOG = re.compile(r"^([IWEF]\d{4}[ \d]|(INFO|WARNING): (Created|All log)|.*\.cc:\d+\])")


@contextlib.contextmanager
def quiet_native_log():
    """MediaPipe's C++ log goes straight to file descriptor 2; hold it back, and log it at debug level.

    What others write to standard error meanwhile is passed on afterwards.
    """
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        try:
            os.dup2(held.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if _NATIVE_LOG.match(line):
                    logger.debug("mediapipe: %s", line)
                else:
                    os.write(2, line.encode() + b"\n")
