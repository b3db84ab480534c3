"""Options about camera and room, shared by the commands that lift."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.camera_file import CAMERA_FILES, read_camera_file
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.reading.npz import is_array_file, read_array
from hoi_motion.reading.untrusted import read_bytes, reading

MAX_NUMBERS_BYTES = 100_000


def add_scene_options(parser: argparse.ArgumentParser) -> None:
    """--camera-pose, --support-height and --floor-height."""
    parser.add_argument(
        "--camera-pose",
        metavar="FILE",
        help="camera: 16 numbers, its pose in a frame with z up (T_world_camera, metres), "
        "or 3, the direction of gravity in the camera's frame; .npy, .npz or text",
    )
    parser.add_argument(
        "--support-height",
        type=float,
        metavar="M",
        help="height of the object's support in the frame of --camera-pose; with gravity alone, relative to the camera",
    )
    parser.add_argument("--floor-height", type=float, metavar="M", help="the same for the floor")


def known_scene(arguments) -> KnownScene:
    """Camera and heights as given; with gravity alone, heights are relative to the camera."""
    support_m, floor_m = arguments.support_height, arguments.floor_height
    if arguments.camera_pose is None:
        return KnownScene(support_height_m=support_m, floor_height_m=floor_m)
    hint = "16 numbers: T_world_camera row by row; or 3: gravity in the camera's frame"
    numbers = numbers_in(arguments.camera_pose, "readable camera pose", (16, 3), hint)
    if numbers.size == 16:
        return KnownScene(T_world_camera=numbers.reshape(4, 4), support_height_m=support_m, floor_height_m=floor_m)
    above_m = [None if height_m is None else -height_m for height_m in (support_m, floor_m)]
    return KnownScene(gravity_camera=numbers, camera_above_support_m=above_m[0], camera_above_floor_m=above_m[1])


def four_intrinsics(text: str) -> np.ndarray:  # (3, 3)
    """The camera matrix of "FX,FY,CX,CY" in pixels.

    Raises:
        InputError: CAMERA_INVALID for anything but four numbers.
    """
    try:
        fx, fy, cx, cy = (float(number) for number in text.split(","))
    except ValueError as error:
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"intrinsics are {text[:100]!r}, expected four numbers",
            "write fx,fy,cx,cy in pixels",
        ) from error
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def intrinsics_in(given: str, size_px: tuple[int, int], say: Callable[[str], object]) -> np.ndarray:  # (3, 3)
    """The camera matrix of a picture, from "FX,FY,CX,CY" or a file of it.

    Args:
        size_px: (height, width) of the picture.
        say: called with a sentence on what was done to the file's numbers.

    Raises:
        InputError: CAMERA_INVALID; SIZE_MISMATCH for a file that is for pictures of another shape.
    """
    if is_four_numbers(given):
        return four_intrinsics(given)
    if Path(given).suffix.lower() in CAMERA_FILES:
        return read_camera_file(given).of_picture(size_px, say)
    hint = "FX,FY,CX,CY, a calibration (.yaml, .xml, .json, .npz), or nine numbers (.npy, text): fx 0 cx 0 fy cy 0 0 1"
    return numbers_in(given, "readable intrinsics", (9,), hint).reshape(3, 3)


def is_four_numbers(given: str, folder="") -> bool:
    """Whether intrinsics are meant as numbers, not as the name of a file, which may have commas in it."""
    return "," in given and not os.path.exists(os.path.join(folder, given))


def numbers_in(file: str, what: str, counts: tuple[int, ...], hint: str) -> np.ndarray:  # (N,)
    """A given number of numbers from an array of numpy or a text file."""
    path = Path(file)
    with reading(path, what, ErrorCode.CAMERA_INVALID, hint):
        if is_array_file(path):
            numbers = np.array(read_array(path, what, ErrorCode.CAMERA_INVALID, hint), float).reshape(-1)
        else:
            text = read_bytes(path, what, MAX_NUMBERS_BYTES, ErrorCode.CAMERA_INVALID, hint).decode("utf-8-sig")
            numbers = np.array(text.replace(",", " ").split(), float)
    if numbers.size not in counts:
        raise InputError(ErrorCode.CAMERA_INVALID, f"{path} holds {numbers.size} numbers, not a {what}", hint)
    return numbers
