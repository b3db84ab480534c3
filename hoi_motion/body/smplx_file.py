"""An SMPL-X file as checked arrays, and the unchanged `smplx` layer made from them.

The layer loads its file with pickles allowed, so a file of someone else could run code. It never sees such a file: the
arrays are read without pickles, compared with what SMPL-X is, and written to a file that only this process can reach.
"""

import contextlib
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import smplx

from hoi_motion.arrays import checked_array
from hoi_motion.body.joints import PARENTS
from hoi_motion.errors import ErrorCode, InputError, LiftError
from hoi_motion.reading.npz import NpzFile
from hoi_motion.reading.untrusted import MEBIBYTE, reading

HINT = "put the official SMPLX_NEUTRAL.npz there, or leave the path empty to use the free body"
MAX_BODY_BYTES = 512 * MEBIBYTE
FEWEST_VERTICES = 9930  # the layer picks vertices by fixed numbers up to 9929
MOST_VERTICES = 100_000
MOST_FACES = 200_000
FEWEST_DIRECTIONS = 20  # 10 of shape and 10 of expression
LARGEST_M = 10.0
# shape of every array that the layer reads; V vertices, F faces, S directions of shape and expression
SHAPES = {
    "v_template": ("V", 3),
    "f": ("F", 3),
    "shapedirs": ("V", 3, "S"),
    "posedirs": ("V", 3, 486),
    "J_regressor": (55, "V"),
    "weights": ("V", 55),
    "kintree_table": (2, 55),
    "hands_componentsl": (45, 45),
    "hands_componentsr": (45, 45),
    "hands_meanl": (45,),
    "hands_meanr": (45,),
    "lmk_faces_idx": (51,),
    "lmk_bary_coords": (51, 3),
}
_INTEGERS = ("f", "kintree_table", "lmk_faces_idx")


def read_smplx(path) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of an SMPL-X npz, and the SHA-256 of the file.

    Raises:
        LiftError: BODY_MODEL_MISSING when the file is missing, damaged, or not an SMPL-X model.
    """
    what = "a readable SMPL-X model"
    if not Path(path).is_file():
        raise LiftError(ErrorCode.BODY_MODEL_MISSING, f"no body model at {path}", HINT)
    file = NpzFile(path, what, ErrorCode.BODY_MODEL_MISSING, HINT, LiftError, MAX_BODY_BYTES)
    with reading(path, what, ErrorCode.BODY_MODEL_MISSING, HINT, LiftError):
        missing = sorted(set(SHAPES) - file.names)
        if missing:
            raise ValueError(f"keys {missing} are missing")
        arrays = {}
        try:
            for name, shape in SHAPES.items():
                arrays[name] = checked_array(
                    file.read(name, MOST_FACES), name, shape, np.int64 if name in _INTEGERS else np.float32
                )
        except InputError as error:
            raise ValueError(error.message) from error
        _check_body(arrays)
    return arrays, hashlib.sha256(file.content).hexdigest()


def _check_body(arrays: dict[str, np.ndarray]) -> None:
    """Raises: ValueError when the arrays do not belong together, or are of another body."""
    count, faces = len(arrays["v_template"]), len(arrays["f"])
    if not FEWEST_VERTICES <= count <= MOST_VERTICES:
        raise ValueError(f"v_template has {count} vertices, expected {FEWEST_VERTICES} to {MOST_VERTICES}")
    for name, axis in (("shapedirs", 0), ("posedirs", 0), ("weights", 0), ("J_regressor", 1)):
        if arrays[name].shape[axis] != count:
            raise ValueError(f"{name} has shape {arrays[name].shape} for {count} vertices")
    if arrays["shapedirs"].shape[2] < FEWEST_DIRECTIONS:
        raise ValueError(f"shapedirs has {arrays['shapedirs'].shape[2]} directions, expected {FEWEST_DIRECTIONS}")
    for name, limit in (("f", count), ("lmk_faces_idx", faces)):
        if not faces or arrays[name].min() < 0 or arrays[name].max() >= limit:
            raise ValueError(f"{name} counts beyond {limit - 1}")
    if arrays["kintree_table"][0, 1:].tolist() != list(PARENTS[1:]):
        raise ValueError("kintree_table is of another skeleton")
    if np.abs(arrays["v_template"]).max() > LARGEST_M:
        raise ValueError(f"v_template reaches {np.abs(arrays['v_template']).max():g} m")


def smplx_layer(arrays: dict[str, np.ndarray], num_betas: int) -> smplx.SMPLX:
    """The layer with these arrays (`SHAPES`).

    Raises:
        LiftError: BODY_MODEL_MISSING when there is no place for the file that the layer reads.
    """
    with reading("the body", "one that the smplx layer takes", ErrorCode.BODY_MODEL_MISSING, HINT, LiftError):
        with _private_file() as path:
            with open(path, "wb") as file:
                np.savez(file, **arrays)
            with contextlib.redirect_stdout(io.StringIO()):  # the layer prints notices on stdout
                return smplx.SMPLX(
                    path,
                    num_betas=num_betas,
                    num_expression_coeffs=10,
                    use_pca=False,
                    flat_hand_mean=True,
                    batch_size=1,
                    use_face_contour=False,
                )


@contextlib.contextmanager
def _private_file() -> Iterator[str]:
    """The path of a file that nobody else can open, gone with the block."""
    if hasattr(os, "memfd_create"):  # in memory: nothing stays behind, however the process ends
        descriptor = os.memfd_create("smplx_body")
        try:
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.TemporaryDirectory(prefix="smplx_body") as folder:  # of this user alone
            yield str(Path(folder) / "body.npz")
