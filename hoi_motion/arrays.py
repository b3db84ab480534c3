"""Checks at the interfaces: text, numbers, rates; shape, finiteness and rigid transforms of arrays."""

import unicodedata
from numbers import Real

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, shown

LONGEST_WAY_M = 1e4
"""Nothing in a scene is farther from its origin."""


MAX_NAME = 200
LOWEST_FPS, HIGHEST_FPS = 0.01, 1e5


def checked_text(value, name: str, longest: int = MAX_NAME, code: ErrorCode = ErrorCode.FILE_INVALID) -> str:
    """Raises: InputError: `code`, for anything but a text of 1 to `longest` printable characters."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise InputError(code, f"{name} is {shown(value)}, expected a text of 1 to {longest} printable characters")
    return value


def odd_character(text: str) -> str | None:
    """The first character that is in no text that people write, None if there is none.

    These are control characters, and halves of characters, which are what is left of bytes that are no UTF-8.
    """
    return next((character for character in text if unicodedata.category(character) in ("Cc", "Cs")), None)


def checked_number(
    value, name: str, low: float, high: float, kind: type = float, code: ErrorCode = ErrorCode.FILE_INVALID
):
    """A number of type `kind` from `low` to `high`.

    Raises:
        InputError: `code`, also for text, truth values, NaN, and for a fraction where an integer belongs.
    """
    plain = isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.bool_))
    if not plain or not low <= value <= high or kind(value) != value:
        what = "an integer" if kind is int else "a number"
        raise InputError(code, f"{name} is {shown(value)}, expected {what} from {low:g} to {high:g}")
    return kind(value)


def checked_rate(fps, name: str = "fps") -> float:
    """Raises: InputError: FILE_INVALID, when it is not a number of frames per second."""
    is_number = isinstance(fps, (Real, np.number)) and not isinstance(fps, (bool, np.bool_))
    if not is_number or not LOWEST_FPS <= fps <= HIGHEST_FPS:
        told = f"{name} is {shown(fps)}, expected a positive number, of frames a second from {LOWEST_FPS:g} on"
        raise InputError(ErrorCode.FILE_INVALID, told)
    return float(fps)


def given_array(value, name: str, code: ErrorCode = ErrorCode.FILE_INVALID) -> np.ndarray:
    """What numpy makes of a value. Raises: InputError: `code`, for what is no array, as lists of different lengths."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(code, f"{name} is no array: {error}", "give rows of one length") from error


def checked_array(
    value, field: str, shape: tuple, dtype, code: ErrorCode = ErrorCode.FILE_INVALID, within: float | None = None
) -> np.ndarray:
    """Read-only copy of `value` with the given shape and dtype.

    Args:
        shape: one entry an axis; an int is required exactly, a name (str) accepts any size.
        dtype: target dtype; floats must be finite, whole numbers must not change on the way, and truth values are
            no numbers.
        within: largest magnitude that makes sense.

    Raises:
        InputError: `code`, naming the field and the value that is wrong.
    """
    dtype = np.dtype(dtype)
    try:
        given = np.asarray(value)
        is_number = dtype.kind in "biuf"
        if is_number and given.dtype.kind not in "biuf":
            raise TypeError(f"it holds {shown(value)}")
        if given.dtype.kind == "b" != dtype.kind:
            raise TypeError("it holds truth values")
        with np.errstate(over="ignore", invalid="ignore"):
            array = np.array(given, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(code, f"{field} is not an array of {dtype}: {error}") from error
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or have == want for have, want in zip(array.shape, shape)
    )
    if not fits:
        wanted = ", ".join(map(str, shape))
        raise InputError(code, f"{field} has shape {array.shape}, expected ({wanted})")
    if dtype.kind == "f":
        _refuse_where(~np.isfinite(array), given, field, "a finite number", code)
    elif is_number:
        _refuse_where(array != given, given, field, f"a whole number of type {dtype}", code)
    if within is not None:
        _refuse_where(np.abs(array) > within, given, field, f"at most {within:g} in size", code)
    array.setflags(write=False)
    return array


def _refuse_where(wrong: np.ndarray, given: np.ndarray, field: str, expected: str, code: ErrorCode) -> None:
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(code, f"{field}{list(where) if where else ''} is {given[where]}, expected {expected}")


def checked_transforms(value, field: str, shape: tuple, code: ErrorCode = ErrorCode.FILE_INVALID) -> np.ndarray:
    """Like `checked_array` for rigid transforms (..., 4, 4): rotation orthonormal, last row 0 0 0 1."""
    array = checked_array(value, field, shape, np.float64, code, within=LONGEST_WAY_M)
    rotation = array[..., :3, :3]
    error = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max(initial=0.0)
    last_row = np.abs(array[..., 3, :] - [0, 0, 0, 1]).max(initial=0.0)
    if error > 1e-4 or last_row > 1e-9 or (array.size and np.linalg.det(rotation).min() < 0):
        raise InputError(code, f"{field} is not a rigid transform (orthonormality error {error:.2g})")
    return array
