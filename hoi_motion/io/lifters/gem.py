"""GEM (once GENMO): `smpl_params.pt` of GEM-SMPL, `hpe_results.pt` of GEM-X, whose body is SOMA's."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.change import SMPLX_PELVIS_M
from hoi_motion.io import smpl_family as family
from hoi_motion.io.lifters.both_views import motion_of_views, parameters
from hoi_motion.io.lifters.soma import PARENT_OF, smplx_pose_of
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.torch_file import load_torch

GROUPS = ("body_params_global", "body_params_incam")
KEYS = (*GROUPS, "K_fullimg")
SMPLX_SHAPES = {"body_pose": ("T", 63), "global_orient": ("T", 3), "transl": ("T", 3)}
SOMA_SHAPES = SMPLX_SHAPES | {"body_pose": ("T", 3 * len(PARENT_OF) - 3)}
_KNOWN = (*KEYS, *SMPLX_SHAPES, "betas")


def is_gem(path) -> bool:
    """Whether a torch file is one."""
    data = load_torch(path, known=())
    return isinstance(data, dict) and set(GROUPS) <= set(data)


def read_gem(path, fps: float | None = None) -> HoiMotion:
    """Read the global motion; the camera is that of the first frame, from the two sets of parameters and K_fullimg.

    Raises:
        InputError: FILE_INVALID for a damaged file, other keys or shapes, code in the file, or no `fps`.
    """
    data = load_torch(path, known=_KNOWN)
    family.require_keys(data if isinstance(data, dict) else (), KEYS, path, "a GEM result")
    fps = family.require_fps(fps, path, "GEM")
    widths = [np.shape(data[group].get("body_pose", ()))[-1:] for group in GROUPS if isinstance(data[group], dict)]
    is_soma = widths and widths[0] == (SOMA_SHAPES["body_pose"][1],)
    shapes = SOMA_SHAPES if is_soma else SMPLX_SHAPES
    world, seen = (parameters(data, group, shapes, path, "a GEM result") for group in GROUPS)
    pose = np.concatenate([world["global_orient"], world["body_pose"]], 1)
    if is_soma:
        turns = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(len(pose), -1, 3, 3)
        pose = smplx_pose_of(turns, tuple(PARENT_OF))
        betas, rest_m = np.zeros(10), np.zeros(3)
        notes = ["GEM: SOMA's joints turned as SMPL-X's of the same place, the shape is the mean"]
    else:
        pose = family.smplx_pose(pose, f"{path}: global_orient and body_pose")
        given = data[GROUPS[0]].get("betas")
        betas, notes = family.kept_betas(np.zeros(10) if given is None else given, "SMPL-X", "neutral", len(pose), path)
        rest_m = SMPLX_PELVIS_M
        notes.append("GEM: hands, jaw and eyes are not in the file")
    notes.append("GEM: the global motion (y up) turned to z up")
    return motion_of_views(
        pose,
        world["transl"] + rest_m,
        seen["global_orient"],
        seen["transl"] + rest_m,
        data["K_fullimg"],
        fps,
        betas,
        notes,
        path,
    )
