"""The 3D half with nothing but its own requirements, as after a plain `pip install .`: on every Python of setup.py."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("diffusers", "transformers", "peft", "accelerate", "mediapipe", "pinocchio", "pink", "rclpy", "numba")

# in a process of its own, where the extras cannot be imported even if they are installed
WITHOUT_EXTRAS = f"import sys\nsys.modules.update(dict.fromkeys({EXTRAS!r}))\n"

LIFT_AND_CHECK = """
import numpy as np

from hoi_motion.body import load_body
from hoi_motion.body.joints import index_of
from hoi_motion.lift import Clip, LiftConfig, lift_video
from hoi_motion.physics import check_motion

# a figure in the rest pose, three metres before a camera at chest height, whose right forearm rises a little
T, H, W = 9, 192, 288
pose_rad = np.zeros((T, 55, 3), np.float32)
pose_rad[:, index_of("right_elbow"), 1] = np.linspace(0, 0.8, T)
body = load_body()
joints_m = body.joints(pose_rad, np.zeros((T, 3), np.float32), np.zeros(10, np.float32)).numpy()
camera_m = joints_m * [1, -1, -1] + [0, 0, 3.0]
K = np.array([[260.0, 0, W / 2], [0, 260.0, H / 2], [0, 0, 1]])
pixels = camera_m @ K.T
pixels = pixels[..., :2] / pixels[..., 2:]
sides = ("left", "right")
names = ["nose", *(f"{s}_{part}" for part in ("eye", "ear", "shoulder", "elbow", "wrist") for s in sides)]
names += [f"{s}_{part}" for part in ("hip", "knee", "ankle") for s in sides]
coco_px = np.concatenate([pixels[:, [index_of(n) for n in names]], np.ones((T, 17, 1))], -1)
np.savez(sys.argv[1], coco_px=coco_px, size_px=(H, W))

frames = np.full((T, H, W, 3), 180, np.uint8)
mask = np.zeros((H, W), bool)
mask[100:130, 20:45] = True
frames[:, mask] = (200, 40, 40)
motion = lift_video(Clip(frames, 8.0, mask, intrinsics=K), config=LiftConfig(keypoints=sys.argv[1]))
lifted_px = motion.camera.project(body.joints(motion.pose_rad, motion.transl_m, motion.betas).numpy())
miss_px = np.linalg.norm(lifted_px - pixels, axis=-1)[:, [index_of(n) for n in names]]
height_px = np.ptp(pixels[0, :, 1])
print(miss_px.mean() / height_px, check_motion(motion).verdict)
"""


def test_every_module_of_the_core_is_imported_without_an_extra():
    code = WITHOUT_EXTRAS + (
        "import hoi_motion.io, hoi_motion.lift, hoi_motion.physics, hoi_motion.scripts.lift, hoi_motion.scripts.check\n"
        "import tavid_planner.config, tavid_planner.planner, tavid_planner.bundle\n"
        "print(tavid_planner.config.load_profile('mini').name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "mini", done.stderr


@pytest.mark.slow
def test_a_clip_with_keypoints_from_a_file_is_lifted_and_checked_without_an_extra(tmp_path):
    command = [sys.executable, "-c", WITHOUT_EXTRAS + LIFT_AND_CHECK, str(tmp_path / "keypoints.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    miss, verdict = done.stdout.split()
    assert float(miss) < 0.05, "the lifted figure does not lie on the keypoints"
    assert verdict in ("PASS", "FAIL")
