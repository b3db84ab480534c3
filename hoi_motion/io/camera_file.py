"""Intrinsics as calibration tools write them: ROS camera_info, OpenCV's storage, Kalibr, RealSense, Open3D, nerfstudio.

They differ in names and nesting alone: a matrix of nine numbers or four numbers, maybe the size of the pictures, maybe
distortion. So names are looked for, in YAML, XML, JSON and .npz alike.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hoi_motion.camera import checked_intrinsics
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.reading.npz import NpzFile
from hoi_motion.reading.text import json_value, yaml_value
from hoi_motion.reading.untrusted import read_bytes, reading
from hoi_motion.reading.xml_tree import parse_xml

CAMERA_FILES = (".yaml", ".yml", ".xml", ".json", ".npz")
# names as `_plain` writes them: tools differ in capitals and underscores
MATRIX = ("cameramatrix", "intrinsicmatrix", "cameraintrinsics", "intrinsics", "intrinsic", "k", "mtx")
# of the rectified pictures; what is left where the matrix itself is not set
PROJECTION = ("projectionmatrix", "p")
FOUR = (("fx", "flx"), ("fy", "fly"), ("cx", "ppx"), ("cy", "ppy"))
WIDTH, HEIGHT = ("imagewidth", "width", "w"), ("imageheight", "height", "h")
DISTORTION = ("distortioncoefficients", "distortioncoeffs", "distcoeffs", "coeffs", "dist", "d", "k1", "k2", "p1", "p2")
MAX_CAMERA_BYTES = 2**20
SAME_SHAPE = 0.01
_WHAT = "a readable camera file"
_HINT = "give the calibration of one camera: its matrix (camera_matrix, K), or fx, fy, cx and cy"
_DEEPEST = 4


@dataclass(frozen=True)
class CameraFile:
    """The intrinsics of one camera.

    Attributes:
        K: (3, 3) pixels, of pictures of `size_px` (height, width); None where the file does not tell it.
        is_distorted: the file describes a distortion that is not zero.
    """

    path: Path
    K: np.ndarray
    size_px: tuple[int, int] | None = None
    is_distorted: bool = False

    def of_picture(self, size_px: tuple[int, int], say: Callable[[str], object]) -> np.ndarray:  # (3, 3)
        """Intrinsics of a picture of this (height, width), which may be larger or smaller than the calibrated ones.

        Args:
            say: called with a sentence on what was done, or is left undone.

        Raises:
            InputError: SIZE_MISMATCH for a picture of another shape.
        """
        if self.is_distorted:
            say(f"{self.path} describes lens distortion, which is not removed: take it out of the pictures before")
        if self.size_px is None or self.size_px == tuple(size_px):
            return self.K
        (height, width), (own_height, own_width) = size_px, self.size_px
        told = f"{self.path} is for pictures of {own_width}x{own_height} pixels, this one has {width}x{height}"
        if abs(width * own_height - height * own_width) > SAME_SHAPE * width * own_height:
            raise InputError(
                ErrorCode.SIZE_MISMATCH, told, "give the camera's calibration for pictures like this, or FX,FY,CX,CY"
            )
        say(f"{told}: its intrinsics were scaled")
        K, scale = self.K.copy(), np.array([width / own_width, height / own_height])
        K[:2] *= scale[:, None]
        K[:2, 2] += (scale - 1) / 2  # pixel centres lie at whole numbers
        return K


def read_camera_file(path) -> CameraFile:
    """The camera of a .yaml, .xml, .json or .npz file.

    Raises:
        InputError: CAMERA_INVALID for a file that cannot be read, holds no camera or several different ones, or one
            that is not calibrated.
    """
    path = Path(path)
    how = dict(code=ErrorCode.CAMERA_INVALID, hint=_HINT)
    with reading(path, _WHAT, **how):
        cameras = _cameras(_content(path, how), "", _DEEPEST)
        if not cameras:
            raise ValueError("it has no camera matrix")
        (_, camera), *others = cameras.items()
        if not all(np.array_equal(camera[0], other[0]) for _, other in others):
            raise ValueError(f"it holds several cameras: {', '.join(shown(name) for name in list(cameras)[:6])}")
        K, size_px, is_distorted = camera
    return CameraFile(path, checked_intrinsics(K), size_px, is_distorted)


def _content(path: Path, how: dict):
    """What a file holds, as dictionaries by names."""
    kind = path.suffix.lower()
    if kind == ".npz":
        arrays = NpzFile(path, _WHAT, max_bytes=MAX_CAMERA_BYTES, **how)
        if len(arrays.names) == 1:  # whatever it is called
            return {MATRIX[0]: arrays.read(next(iter(arrays.names))).tolist()}
        known = {*MATRIX, *PROJECTION, *DISTORTION, *WIDTH, *HEIGHT, *(key for keys in FOUR for key in keys)}
        wanted = {name for name in arrays.names if _plain(name) in known}
        return {name: arrays.read(name).tolist() for name in sorted(wanted)}
    content = read_bytes(path, _WHAT, MAX_CAMERA_BYTES, **how)
    if kind == ".xml":
        return _tree(parse_xml(content))
    text = content.decode("utf-8-sig")
    if kind == ".json":
        return json_value(text)
    # OpenCV's first line is no directive of YAML, and its types are no tags
    text = re.sub(r"!!opencv-[\w-]+", "", re.sub(r"\A(?:%[^\n]*\n)+", "", text))
    # a topic's messages are printed one after the other; those of a camera are all alike
    documents = re.split(r"^(?:---|\.\.\.)[ \t]*\r?$", text, flags=re.MULTILINE)
    return next((value for part in documents if (value := yaml_value(part)) is not None), None)


def _tree(element):
    """XML elements as values by their names; the text of one without parts."""
    return {child.tag: _tree(child) for child in element} if len(element) else (element.text or "").strip()


def _cameras(value, name: str, deepest: int) -> dict[str, tuple]:
    """By name: intrinsics (3, 3), (height, width) or None, whether distorted; of a mapping and those in it."""
    if not isinstance(value, dict) or not deepest:
        return {}
    named = {_plain(key): part for key, part in value.items()}
    if (K := _intrinsics(named)) is not None:
        inner = next((part for key in MATRIX if isinstance(part := named.get(key), dict)), {})
        named |= {key: part for key, part in ((_plain(key), part) for key, part in inner.items()) if key not in named}
        return {name: (*_of_part(K, _size_px(named), named.get("roi")), _is_distorted(named))}
    found = {}
    for key, part in value.items():
        found |= _cameras(part, f"{name}/{key}" if name else str(key), deepest - 1)
    return found


def _intrinsics(named: dict) -> np.ndarray | None:  # (3, 3)
    matrices = [K for key in MATRIX if (K := _matrix(named.get(key))) is not None]
    if (four := _four(named)) is not None:
        matrices.append(four)
    if matrices and not any(K[0, 0] or K[1, 1] for K in matrices):  # ROS: P is of rectified pictures, K may be unset
        matrices = [K for key in PROJECTION if (K := _matrix(named.get(key))) is not None] or matrices
    if not matrices:
        return None
    if not all(np.allclose(K, matrices[0], rtol=1e-6) for K in matrices):
        raise ValueError("its intrinsics are given twice and differ")
    return matrices[0]


def _matrix(value) -> np.ndarray | None:  # (3, 3)
    """A matrix of 3x3 or 3x4 numbers, as such, in a row or under `data`; or fx, fy, cx, cy in a row or by name."""
    if isinstance(value, dict):
        inner = {_plain(key): part for key, part in value.items()}
        return _matrix(inner["data"]) if "data" in inner else _four(inner)
    numbers = [*_numbers(value)]
    if len(numbers) == 4:
        return _of_four(*numbers)
    if len(numbers) not in (9, 12):
        return None
    K = np.array(numbers).reshape(3, -1)[:, :3]
    # Open3D writes columns: then the last row stands at the right
    return K.T if not K[:2, 2].any() and K[2, :2].any() else K


def _four(named: dict) -> np.ndarray | None:  # (3, 3)
    numbers = [next((part for key in keys if (part := named.get(key)) is not None), None) for keys in FOUR]
    return None if None in numbers else _of_four(*(float(number) for number in numbers))


def _of_four(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _size_px(named: dict) -> tuple[int, int] | None:
    if len(resolution := [*_numbers(named.get("resolution"))]) == 2:  # Kalibr
        width, height = resolution
    else:
        width, height = (next((named[key] for key in keys if key in named), 0) for keys in (WIDTH, HEIGHT))
    size_px = int(float(height)), int(float(width))
    return size_px if min(size_px) > 0 else None  # drivers without a calibration leave them at zero


def _of_part(K: np.ndarray, size_px: tuple[int, int] | None, roi) -> tuple[np.ndarray, tuple[int, int] | None]:
    """The intrinsics and the size of the part of a sensor that a message of ROS is about: all where it has no size."""
    part = {_plain(key): value for key, value in roi.items()} if isinstance(roi, dict) else {}
    if (part_px := _size_px(part)) is None:
        return K, size_px
    K = K.copy()
    K[:2, 2] -= float(part.get("xoffset", 0)), float(part.get("yoffset", 0))
    return K, part_px


def _is_distorted(named: dict) -> bool:
    return any(number != 0 for key in DISTORTION for number in _numbers(named.get(key)))


def _numbers(value) -> Iterator[float]:
    """The numbers of nested lists, of a text or of `data`, in order."""
    if isinstance(value, dict):
        value = value.get("data")
    if isinstance(value, str):
        value = value.split()
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _numbers(part) if isinstance(part, (list, tuple)) else [float(part)]
    elif isinstance(value, (int, float)):
        yield float(value)


def _plain(name) -> str:
    return str(name).lower().replace("_", "").replace("-", "").replace(" ", "")
