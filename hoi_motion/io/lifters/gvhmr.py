"""GVHMR's `hmr4d_results.pt`: SMPL-X in a gravity-aligned world (y up) and in the camera."""

import numpy as np

from hoi_motion.body.change import SMPLX_PELVIS_M
from hoi_motion.io import smpl_family as family
from hoi_motion.io.lifters.both_views import motion_of_views, parameters
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.torch_file import load_torch

KEYS = ("smpl_params_global", "smpl_params_incam", "K_fullimg")
PARAMETERS = {"body_pose": ("T", 63), "betas": ("T", "B"), "global_orient": ("T", 3), "transl": ("T", 3)}


def read_gvhmr(path, fps: float | None = None) -> HoiMotion:
    """Read the global motion; the camera is that of the first frame, from the two sets of parameters and K_fullimg.

    Raises:
        InputError: FILE_INVALID for a damaged file, other keys or shapes, code in the file, or no `fps`.
    """
    data = load_torch(path, known=(*KEYS, *PARAMETERS))
    family.require_keys(data if isinstance(data, dict) else (), KEYS, path, "a GVHMR result")
    fps = family.require_fps(fps, path, "GVHMR")
    world, seen = (parameters(data, group, PARAMETERS, path, "a GVHMR result") for group in KEYS[:2])
    pose = np.concatenate([world["global_orient"], world["body_pose"]], 1)
    pose = family.smplx_pose(pose, f"{path}: global_orient and body_pose")
    betas, notes = family.kept_betas(world["betas"], "SMPL-X", "neutral", len(pose), path)
    notes.append("GVHMR: the global motion (y up) turned to z up; hands, jaw and eyes are not in the file")
    return motion_of_views(
        pose,
        world["transl"] + SMPLX_PELVIS_M,
        seen["global_orient"],
        seen["transl"] + SMPLX_PELVIS_M,
        data["K_fullimg"],
        fps,
        betas,
        notes,
        path,
    )
