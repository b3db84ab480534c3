"""One error tree with codes, shared by exceptions, plan.json, ROS results and exit codes."""

import reprlib
from enum import IntEnum


class ErrorCode(IntEnum):
    """What went wrong. The number is the contract; its hundred names the stage."""

    NONE = 0
    # 1xx: the input
    IMAGE_INVALID = 100
    MASK_INVALID = 101
    MASK_EMPTY = 102
    SIZE_MISMATCH = 103
    ENCODING_UNSUPPORTED = 104
    CAMERA_INVALID = 105
    INSTRUCTION_INVALID = 106
    IMAGE_STALE = 107
    NO_IMAGE = 108
    CONFIG_INVALID = 109
    OUTPUT_INVALID = 110
    FILE_INVALID = 111
    # 2xx: the video model
    MODEL_MISSING = 200
    ADAPTER_INCOMPATIBLE = 201
    OUT_OF_MEMORY = 202
    GENERATION_FAILED = 203
    # 3xx: lifting to 3D
    NO_ACTOR = 300
    NO_TARGET_TRACK = 301
    FIT_DIVERGED = 302
    BODY_MODEL_MISSING = 303
    # 4xx: the physics check
    CHECK_FAILED = 400
    CHECK_NOT_RUN = 401
    # 5xx: retargeting
    ROBOT_UNKNOWN = 500
    UNREACHABLE = 501
    # 9xx: control
    CANCELLED = 900
    TIMED_OUT = 901
    BUSY = 902
    ABORTED = 903
    INTERNAL = 999


_MAX_TEXT = 2000
_MAX_INTEGER_BITS = 128


class _Short(reprlib.Repr):
    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 2, 80, 80
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 4

    def repr_int(self, value, level):
        bits = value.bit_length()  # Python refuses to write out the longest ones
        return super().repr_int(value, level) if bits <= _MAX_INTEGER_BITS else f"an integer of {bits} bits"


def shown(value) -> str:
    """A value from outside as a message quotes it: long, deep and self-repeating values are cut short."""
    return _Short().repr(value)


def counted(count: int, noun: str) -> str:
    """A number of things: "1 frame", "2 frames"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _one_line(text: str) -> str:
    """Without line breaks and control characters, which could write over the terminal, and of bounded length."""
    text = " ".join(text.split())
    text = text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 3] + "..."
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class TavidError(Exception):
    """An error a user can act on.

    Attributes:
        code: the `ErrorCode`.
        message: one line, what is wrong, with the bad value quoted.
        hint: one line, what to do about it; may be empty.
    """

    def __init__(self, code: ErrorCode, message: str, hint: str = ""):
        self.code = ErrorCode(code)
        self.message = _one_line(message)
        self.hint = _one_line(hint)
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.code.name} ({self.code.value}): {self.message}"
        return f"{text} - {self.hint}" if self.hint else text

    def __reduce__(self):
        return type(self), (self.code, self.message, self.hint)

    @property
    def exit_code(self) -> int:
        """Exit status of a command that ends with this error (docs/architecture.md)."""
        if self.code in _EXIT_CODES:
            return _EXIT_CODES[self.code]
        return {1: 2, 2: 4, 3: 2, 4: 4, 5: 2, 9: 4}[self.code.value // 100]


_EXIT_CODES = {
    ErrorCode.NONE: 0,
    ErrorCode.BODY_MODEL_MISSING: 4,
    ErrorCode.CHECK_FAILED: 3,
    ErrorCode.UNREACHABLE: 3,
    ErrorCode.CANCELLED: 130,
}


class InputError(TavidError):
    """1xx: a request, a file or an option that cannot be used."""


class VideoError(TavidError):
    """2xx: the video model cannot be loaded or did not generate."""


class LiftError(TavidError):
    """3xx: the video could not be lifted to 3D."""


class CheckError(TavidError):
    """4xx: the physics check failed or could not run."""


class RetargetError(TavidError):
    """5xx: the motion could not be retargeted."""


class ControlError(TavidError):
    """9xx: cancelled, timed out, busy, internal."""
