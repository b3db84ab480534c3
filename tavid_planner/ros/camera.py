"""What a CameraInfo says about an image: intrinsics, lens distortion, and how to remove it."""

import numpy as np
from sensor_msgs.msg import CameraInfo

from hoi_motion.camera import checked_intrinsics
from hoi_motion.media.depth_pictures import depth_seen_at
from tavid_planner.errors import ErrorCode, InputError

_POLYNOMIAL_LENGTHS = (4, 5, 8, 12, 14)
DISTORTION_LENGTHS = {
    "plumb_bob": _POLYNOMIAL_LENGTHS,
    "rational_polynomial": _POLYNOMIAL_LENGTHS,
    "equidistant": (4,),
    "fisheye": (4,),
}
"""Model -> valid numbers of coefficients in OpenCV; both polynomials are one formula, whose names drivers confuse."""
ROTATION_TOLERANCE = 1e-2
LEAST_SHARE_LEFT = 0.1
"""Share of a rectified picture that lies inside the camera's picture; below it the calibration must be wrong."""
FISHEYE = ("equidistant", "fisheye")


def is_calibrated(message: CameraInfo) -> bool:
    """Whether K or P is set; drivers without a calibration leave both at zero, or all but their last row."""
    return _has_k(message) or _has_p(message)


def intrinsics_from_camera_info(
    message: CameraInfo, size_px: tuple[int, int], distorted: bool = False
) -> np.ndarray | None:  # (3, 3)
    """Intrinsics of the image with that (height, width), or None for an uncalibrated camera.

    P is of the rectified image, K of the raw one (sensor_msgs/CameraInfo); where the one is not set, the other counts.
    Binning and region of interest are applied as in image_geometry.

    Args:
        distorted: the image is the raw one, of a lens with distortion.

    Raises:
        InputError: SIZE_MISMATCH when the message is for images of another size, CAMERA_INVALID.
    """
    if not is_calibrated(message):
        return None
    raw = _has_k(message) and (distorted or not _has_p(message))
    matrix = _camera_matrix(message) if raw else _projection(message)
    return _of_image(matrix, message, size_px)


def has_distortion(message: CameraInfo) -> bool:
    """Whether there is distortion that is not zero.

    Raises:
        InputError: CAMERA_INVALID for coefficients that are no numbers.
    """
    return is_calibrated(message) and bool(_coefficients(message).any())


def distortion_note(message: CameraInfo, size_px: tuple[int, int]) -> str:
    """One sentence about distortion that is left in the image."""
    try:
        shift = f", up to {_largest_shift_px(message, size_px):.0f} px"
    except InputError:  # a model that we cannot compute is still named
        shift = ""
    model = message.distortion_model
    named = (model if model in DISTORTION_LENGTHS else repr(model[:40])) if model else "no model named"
    return (
        f"the camera info describes lens distortion ({named}{shift}), which was "
        "not removed: send rectified images, or set the parameter rectify"
    )


class Rectification:
    """Removes the distortion of one camera from its images; the result has the intrinsics of `P` (or `K`).

    Raises:
        InputError: CAMERA_INVALID for an unknown distortion model or coefficients that do not fit, SIZE_MISMATCH.
    """

    def __init__(self, message: CameraInfo, size_px: tuple[int, int]):
        import cv2

        K, D, R, new_K = _calibration(message, size_px)
        size = (size_px[1], size_px[0])
        if message.distortion_model in FISHEYE:
            self._maps = cv2.fisheye.initUndistortRectifyMap(K, D, R, new_K, size, cv2.CV_32FC1)
        else:
            self._maps = cv2.initUndistortRectifyMap(K, D, R, new_K, size, cv2.CV_32FC1)
        x, y = self._maps
        seen = (x > -1) & (x < size[0]) & (y > -1) & (y < size[1])
        if seen.mean() < LEAST_SHARE_LEFT:
            raise InputError(
                ErrorCode.CAMERA_INVALID,
                f"the camera info's distortion leaves {seen.mean():.0%} of the picture",
                "calibrate the camera, or send rectified images",
            )

    def image(self, rgb: np.ndarray) -> np.ndarray:  # (H, W, 3) uint8
        import cv2

        return cv2.remap(rgb, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def mask(self, mask: np.ndarray) -> np.ndarray:  # (H, W) bool
        import cv2

        marked = np.ascontiguousarray(mask, np.uint8)
        return cv2.remap(marked, *self._maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT).astype(bool)

    def depth(self, depth_m: np.ndarray) -> np.ndarray:  # (H, W)
        """0 where unknown, and outside the camera's picture."""
        return depth_seen_at(depth_m, *self._maps)


def _calibration(message: CameraInfo, size_px: tuple[int, int]):
    model, D = message.distortion_model, _coefficients(message)
    if model not in DISTORTION_LENGTHS or len(D) not in DISTORTION_LENGTHS[model]:
        known = ", ".join(f"{name} ({' or '.join(map(str, n))})" for name, n in DISTORTION_LENGTHS.items())
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"the camera info has distortion model {model[:40]!r} with {len(D)} coefficients",
            f"known are {known}",
        )
    K = _of_image(_camera_matrix(message) if _has_k(message) else _projection(message), message, size_px)
    new_K = _of_image(_projection(message), message, size_px) if _has_p(message) else K
    R = np.asarray(message.r, np.float64).reshape(3, 3)
    if not R.any():
        R = np.eye(3)
    K, new_K = checked_intrinsics(K), checked_intrinsics(new_K)
    is_rotation = np.isfinite(R).all() and np.allclose(R @ R.T, np.eye(3), atol=ROTATION_TOLERANCE)
    if not is_rotation or np.linalg.det(R) < 0:
        raise InputError(ErrorCode.CAMERA_INVALID, "the camera info has an R that is no rotation")
    return K, D, R, new_K


def _coefficients(message: CameraInfo) -> np.ndarray:  # (N,)
    D = np.asarray(message.d, np.float64)
    if not np.isfinite(D).all():
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            "the camera info has numbers in D that are not finite",
            "calibrate the camera, or leave D empty",
        )
    return D


def _largest_shift_px(message: CameraInfo, size_px: tuple[int, int]) -> float:
    """How far pixels on the image's edge are from where the same camera without distortion would see them."""
    import cv2

    K, D, _, _ = _calibration(message, size_px)
    height, width = size_px
    edge = [(x, y) for x in (0, width / 2, width) for y in (0, height / 2, height)]
    points = np.array(edge, np.float64)[:, None]
    undistort = cv2.fisheye.undistortPoints if message.distortion_model in FISHEYE else cv2.undistortPoints
    moved = undistort(points, K, D, P=K)
    shifts = np.linalg.norm(moved - points, axis=-1)
    if not np.isfinite(shifts).any():
        raise InputError(ErrorCode.CAMERA_INVALID, "the camera info's distortion leaves no pixel in place")
    return float(shifts[np.isfinite(shifts)].max())


def _has_k(message: CameraInfo) -> bool:
    return bool(message.k[0] or message.k[4])


def _has_p(message: CameraInfo) -> bool:
    return bool(message.p[0] or message.p[5])


def _camera_matrix(message: CameraInfo) -> np.ndarray:  # (3, 3)
    return np.asarray(message.k, np.float64).reshape(3, 3)


def _projection(message: CameraInfo) -> np.ndarray:  # (3, 3)
    return np.asarray(message.p, np.float64).reshape(3, 4)[:, :3]


def _of_image(matrix: np.ndarray, message: CameraInfo, size_px: tuple[int, int]) -> np.ndarray:  # (3, 3)
    """A matrix of the full sensor, converted to the binned region of interest."""
    bin_x, bin_y = max(message.binning_x, 1), max(message.binning_y, 1)
    roi = message.roi
    width, height = (roi.width, roi.height) if roi.width and roi.height else (message.width, message.height)
    if (width or height) and (height // bin_y, width // bin_x) != tuple(size_px):
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"camera info is for {width // bin_x}x{height // bin_y} pixels, the image has {size_px[1]}x{size_px[0]}",
            "send the camera info that was published with this image",
        )
    matrix = matrix.copy()
    matrix[0, 2] -= roi.x_offset
    matrix[1, 2] -= roi.y_offset
    matrix[0] /= bin_x
    matrix[1] /= bin_y
    return matrix
