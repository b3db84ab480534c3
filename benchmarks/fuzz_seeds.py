"""Small valid files of every kind that is read, and their readers: the seeds of `benchmarks.fuzz_files`."""

import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import fuzz_readers as readers

FRAMES = 4
FPS = 25.0
VIDEO_KINDS = {".mkv": "copy", ".ts": "copy", ".webm": "vp9", ".avi": "mjpeg", ".mov": "mpeg4", ".gif": "gif"}
"""File ending -> codec, in addition to mp4."""
BESIDE = {"robot/meshes/a.stl": b"solid a\nendsolid a\n"}
"""Files in the same folder, to which they may refer."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        suffix: the file's ending; seeds: valid contents, all accepted by `read`.
        read: the readers, one after the other; each must read the file or refuse it by name.
    """

    suffix: str
    seeds: Callable[[], list[bytes]]
    read: tuple[Callable[[Path], object], ...]


def kinds() -> dict[str, Kind]:
    """Every kind by name."""
    return {
        "motion": Kind(".npz", _motions, (readers.motion, readers.converted)),
        "amass": Kind(".npz", _amass, (readers.converted,)),
        "robot_motion": Kind(".npz", _robot_motions, (readers.robot_motion,)),
        "body": Kind(".npz", _bodies, (readers.free_body, readers.official_body)),
        "npy": Kind(".npy", _npys, (readers.mask, readers.depth)),
        "pt": Kind(".pt", _torch_files, (readers.converted,)),
        "pkl": Kind(".pkl", _pickles, (readers.converted, readers.pickle)),
        "yaml": Kind(".yaml", _yamls, (readers.profile, readers.robot, readers.limits)),
        "params": Kind(".yaml", _params, (readers.parameters,)),
        "json": Kind(".json", _jsons, (readers.json,)),
        "masks_json": Kind(".json", _mask_jsons, (readers.mask_files,)),
        "safetensors": Kind(".safetensors", _safetensors, (readers.weights,)),
        "urdf": Kind(".urdf", _urdfs, (readers.urdf,)),
        "mjcf": Kind(".xml", _mjcfs, (readers.mjcf,)),
        "picture": Kind(".png", _pictures, (readers.image, readers.mask, readers.depth)),
        "video": Kind(".mp4", _videos, (readers.video, readers.sampled_video)),
        "keypoints": Kind(".npz", _keypoints, (readers.keypoint_file,)),
        "mesh": Kind(".ply", _meshes, (readers.mesh,)),
        "sam3d": Kind(".npz", lambda: [npz(**_sam_3d_body_person())], (readers.detections,)),
        "smplerx": Kind(".npz", _smplerx, (readers.detections,)),
    }


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _motions() -> list[bytes]:
    meta = {
        "schema": 1,
        "fps": FPS,
        "body_model": "anny-free",
        "camera": {"width": 64, "height": 48, "focal_source": "assumed"},
        "objects": [{"name": "target", "shape": "mesh", "is_target": True}],
        "supports": [{"name": "table"}],
        "contacts": [
            {"hand": "left_hand", "object_name": "target", "start_frame": 0, "end_frame": 2, "confidence": 0.9}
        ],
        "diagnostics": {"reprojection_error_mean": 0.01},
        "notes": ["a note"],
    }
    still = np.tile(np.eye(4), (FRAMES, 1, 1))
    corners = np.array([[x, y, z] for x in (0, 0.1) for y in (0, 0.1) for z in (0, 0.1)], np.float32)
    arrays = dict(
        pose_rad=np.zeros((FRAMES, 55, 3), np.float32),
        transl_m=np.zeros((FRAMES, 3), np.float32),
        betas=np.zeros(10, np.float32),
        camera_K=np.diag([80.0, 80, 1]),
        camera_T_world_camera=np.eye(4),
        object0_vertices_m=corners,
        object0_faces=np.array([[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]], np.int32),
        object0_T_world_object=still,
        support0_size_m=np.array([1.0, 1.0, 0.1]),
        support0_T_world_box=np.eye(4),
    )
    return [npz(meta=np.array(json.dumps(meta)), **arrays)]


def _amass() -> list[bytes]:
    rest = dict(trans=np.zeros((FRAMES, 3)), betas=np.zeros(10), gender=np.array("neutral"))
    return [
        npz(poses=np.zeros((FRAMES, 165)), mocap_frame_rate=30.0, **rest),
        npz(poses=np.zeros((FRAMES, 156)), mocap_framerate=120.0, **rest),
        npz(pose_body=np.zeros((FRAMES, 63)), root_orient=np.zeros((FRAMES, 3)), mocap_frame_rate=30.0, **rest),
        _soma(),
    ]


def _soma() -> bytes:
    from hoi_motion.io.lifters.soma import PARENT_OF

    names = np.array(list(PARENT_OF))
    plain = dict(unit=np.array("meters"), absolute_pose=np.bool_(False), keep_root=np.bool_(False))
    return npz(poses=np.zeros((FRAMES, len(names), 3)), transl=np.zeros((FRAMES, 3)), joint_names=names, **plain)


def _robot_motions() -> list[bytes]:
    meta = {"schema": 1, "robot": "arm", "joint_names": ["a", "b"], "fps": FPS, "stretch": 1.0, "facts": {"gap_m": 0.1}}
    root_pose = np.tile([0.0, 0, 0, 0, 0, 0, 1], (FRAMES, 1))
    arrays = dict(positions_rad=np.zeros((FRAMES, 2)), root_pose=root_pose, source_time_s=np.arange(FRAMES) / FPS)
    return [npz(meta=np.array(json.dumps(meta)), **arrays)]


def _bodies() -> list[bytes]:
    from hoi_motion.body.smplx_file import SHAPES

    sizes = {"V": 9940, "F": 20, "S": 20}
    arrays = {name: np.zeros([sizes.get(n, n) for n in shape], np.float32) for name, shape in SHAPES.items()}
    arrays |= {name: arrays[name].astype(np.int64) for name in ("f", "kintree_table", "lmk_faces_idx")}
    return [npz(**arrays)]


def _npys() -> list[bytes]:
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 10:20] = 255
    return [_npy(mask), _npy(mask > 0), _npy(np.full((48, 64), 1.5, np.float32)), _npy(np.asfortranarray(mask))]


def _torch_files() -> list[bytes]:
    import torch

    shapes = {"body_pose": (FRAMES, 63), "betas": (FRAMES, 10), "global_orient": (FRAMES, 3), "transl": (FRAMES, 3)}
    group = {name: torch.zeros(shape) for name, shape in shapes.items()}
    K = torch.tensor([[80.0, 0, 32], [0, 80, 24], [0, 0, 1]]).repeat(FRAMES, 1, 1)
    soma = group | {"body_pose": torch.zeros(FRAMES, 228)}
    gvhmr = {"smpl_params_global": group, "smpl_params_incam": dict(group), "K_fullimg": K}
    gems = [{"body_params_global": g, "body_params_incam": dict(g), "K_fullimg": K} for g in (group, soma)]
    files = []
    for data in (gvhmr, *gems):
        buffer = io.BytesIO()
        torch.save(data, buffer)
        files.append(buffer.getvalue())
    return files


def _pickles() -> list[bytes]:
    person = {
        "pose": np.zeros((FRAMES, 72)),
        "pose_world": np.zeros((FRAMES, 72)),
        "trans_world": np.zeros((FRAMES, 3)),
        "betas": np.zeros((FRAMES, 10)),
        "frame_ids": np.arange(FRAMES),
    }
    return [*(pickle.dumps({0: person}, protocol) for protocol in (2, 4, 5)), _sam_3d_body()]


def _smplerx() -> list[bytes]:
    from hoi_motion.io.lifters.smplerx import PARTS

    pose = {name: np.full((1, 3 * joints), 0.1, np.float32) for name, joints in PARTS}
    return [npz(betas=np.zeros((1, 10), np.float32), transl=np.array([[0.0, 0, 4]], np.float32), **pose)]


def _sam_3d_body() -> bytes:
    return pickle.dumps([[_sam_3d_body_person()]] * FRAMES)


def _sam_3d_body_person() -> dict[str, np.ndarray]:
    from hoi_motion.body import load_body
    from hoi_motion.body.joints import KEYPOINT_NAMES
    from hoi_motion.io.lifters.sam_3d_body import JOINTS, KEYPOINTS

    points_m = load_body().joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), np.zeros(10))[0].numpy() * [1, -1, -1]
    joints, keypoints = np.zeros((127, 3)), np.zeros((70, 3))
    for places, rows in ((joints, JOINTS), (keypoints, KEYPOINTS)):
        places[list(rows.values())] = points_m[[KEYPOINT_NAMES.index(name) for name in rows]]
    pixels = (keypoints + [0, 0, 4]) @ np.array([[80.0, 0, 32], [0, 80, 24], [0, 0, 1]]).T
    return {
        "pred_keypoints_3d": keypoints,
        "pred_joint_coords": joints,
        "pred_cam_t": np.array([0.0, 0, 4]),
        "pred_keypoints_2d": pixels[:, :2] / pixels[:, 2:],
    }


def _yamls() -> list[bytes]:
    folder = Path(__file__).parent.parent / "config"
    files = [*sorted((folder / "profiles").glob("*.yaml"))[:2], *sorted((folder / "robots").glob("*.yaml"))[:2]]
    return [*(file.read_bytes() for file in files), b"floating_m: 0.03\n"]


def _params() -> list[bytes]:
    own = (Path(__file__).parent.parent / "config" / "node.yaml").read_bytes()
    return [own, b"/**:\n  ros__parameters: {profile: mini, video: {num_inference_steps: 3}}\n"]


def _mask_jsons() -> list[bytes]:
    rle = {"size": [8, 6], "counts": [10, 20, 18]}
    annotations = [{"image_id": k, "segmentation": rle} for k in range(FRAMES)]
    return [
        json.dumps(entries).encode() for entries in ([rle, None, rle, rle], {"0": rle}, {"annotations": annotations})
    ]


def _jsons() -> list[bytes]:
    return [
        json.dumps({"schema": 1, "verdict": "PASS", "request": {"size_px": [48, 64]}, "scores": [1.5, None]}).encode()
    ]


def _safetensors() -> list[bytes]:
    from safetensors.numpy import save

    return [save({"weight": np.zeros((4, 3), np.float32), "bias": np.zeros(4, np.float16)}, {"format": "pt"})]


def _urdfs() -> list[bytes]:
    link = '<link name="{0}"><visual><geometry><box size="0.1 0.1 0.1"/></geometry></visual></link>'
    mesh = '<link name="m"><visual><geometry><mesh filename="package://robot/meshes/a.stl"/></geometry></visual></link>'
    joint = (
        '<joint name="j" type="revolute"><parent link="a"/><child link="b"/><origin xyz="0 0 0.1" rpy="0 0 0"/>'
        '<axis xyz="0 0 1"/><limit lower="-1" upper="1" effort="1" velocity="1"/></joint>'
    )
    fixed = '<joint name="f" type="fixed"><parent link="a"/><child link="m"/></joint>'
    first = f'<robot name="r">{link.format("a")}{link.format("b")}{joint}</robot>'
    return [first.encode(), f'<robot name="r">{link.format("a")}{mesh}{fixed}</robot>'.encode()]


def _mjcfs() -> list[bytes]:
    return [
        b'<mujoco model="m"><compiler angle="radian"/><default><geom rgba="1 0 0 1"/></default><worldbody>'
        b'<body name="pelvis" pos="0 0 1"><freejoint/><geom type="sphere" size="0.1"/><body name="leg" pos="0 0.1 0">'
        b'<joint name="hip" axis="0 1 0" range="-1 1"/><geom type="capsule" fromto="0 0 0 0 0 -0.4" size="0.05"/>'
        b"</body></body></worldbody></mujoco>"
    ]


def _pictures() -> list[bytes]:
    from PIL import Image

    grey = np.zeros((48, 64), np.uint8)
    grey[10:30, 10:30] = 255
    colour = np.stack([grey, grey // 2, grey // 3], axis=-1)
    alpha = np.dstack([colour, grey])
    palette = Image.fromarray((grey > 0).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    made = []
    for picture, kind, how in (
        (Image.fromarray(grey), "PNG", {}),
        (Image.fromarray(colour), "PNG", {}),
        (Image.fromarray(alpha), "PNG", {}),
        (palette, "PNG", {}),
        (Image.fromarray(grey.astype(np.uint16) * 10), "PNG", {}),
        (Image.fromarray(colour), "JPEG", {"progressive": True}),
        (Image.fromarray(colour), "BMP", {}),
        (Image.fromarray(grey.astype(np.float32)), "TIFF", {}),
        (Image.fromarray(grey), "TIFF", {"compression": "tiff_lzw"}),
        (Image.fromarray(colour), "WEBP", {}),
        (Image.fromarray(grey), "GIF", {}),
    ):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **how)
        made.append(buffer.getvalue())
    return made


def _videos() -> list[bytes]:
    import tempfile

    from hoi_motion.media.video_file import write_video

    frames = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_video(clip, frames, 8.0)
        for ending, codec in VIDEO_KINDS.items():
            _ffmpeg(clip, "-c:v", codec, clip.with_suffix(ending))
        return [path.read_bytes() for path in sorted(Path(folder).iterdir())]


def _ffmpeg(source: Path, *arguments) -> None:
    import subprocess

    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(source), *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _keypoints() -> list[bytes]:
    points = np.full((FRAMES, 33, 3), 0.5)
    return [
        npz(size_px=np.array([48, 64]), body_px=points, detector=np.array("any"), seen=np.ones(FRAMES, bool)),
        npz(size_px=np.array([48, 64]), coco_px=points[:, :17]),
    ]


def _meshes() -> list[bytes]:
    import trimesh

    box = trimesh.creation.box()
    return [box.export(file_type="ply"), box.export(file_type="ply", encoding="ascii")]
