"""Array checks at the seams: shape, finiteness, rigid transforms."""

import numpy as np

from hoi_motion.errors import ErrorCode, InputError


def checked_array(value, field: str, shape: tuple, dtype, code: ErrorCode = ErrorCode.FILE_INVALID) -> np.ndarray:
    """Read-only copy of `value` with the given shape and dtype.

    Args:
        shape: one entry an axis; an int is required exactly, a name (str) accepts any size.
        dtype: target dtype; floats must be finite.

    Raises:
        InputError: `code`, naming the field and the value that is wrong.
    """
    try:
        array = np.array(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InputError(code, f"{field} is not an array of {np.dtype(dtype)}: {error}") from error
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or have == want for have, want in zip(array.shape, shape)
    )
    if not fits:
        wanted = ", ".join(map(str, shape))
        raise InputError(code, f"{field} has shape {array.shape}, expected ({wanted})")
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(code, f"{field}{list(where)} is {array[where]}, expected a finite number")
    array.setflags(write=False)
    return array


def checked_transforms(value, field: str, shape: tuple, code: ErrorCode = ErrorCode.FILE_INVALID) -> np.ndarray:
    """Like `checked_array` for rigid transforms (..., 4, 4): rotation orthonormal, last row 0 0 0 1."""
    array = checked_array(value, field, shape, np.float64, code)
    rotation = array[..., :3, :3]
    error = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max(initial=0.0)
    last_row = np.abs(array[..., 3, :] - [0, 0, 0, 1]).max(initial=0.0)
    if error > 1e-4 or last_row > 1e-9 or (array.size and np.linalg.det(rotation).min() < 0):
        raise InputError(code, f"{field} is not a rigid transform (orthonormality error {error:.2g})")
    return array
