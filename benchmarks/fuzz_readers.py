"""Readers for each kind of file that `benchmarks.fuzz_files` damages: the same functions that users call."""

FPS = 25.0
"""Given to readers of files without a frame rate."""


def motion(path):
    from hoi_motion.motion import HoiMotion

    return HoiMotion.load(path)


def converted(path):
    from hoi_motion.io.formats import TIMELESS, format_of, read_motion

    source = format_of(path)
    return read_motion(path, source, fps=FPS if source in TIMELESS else None)


def detections(path):
    """A folder of a lifter's detections: the same damaged file in two frames."""
    folder = path.parent / "detections"
    folder.mkdir(exist_ok=True)
    for frame in range(2):
        (folder / f"{frame:05d}_0.npz").write_bytes(path.read_bytes())
    return converted(folder)


def robot_motion(path):
    from hoi_motion.retarget.robot_motion import RobotMotion

    return RobotMotion.load(path)


def free_body(path):
    from hoi_motion.body.free_body_file import read_free_body

    return read_free_body(path)


def official_body(path):
    from hoi_motion.body.smplx_file import read_smplx

    return read_smplx(path)


def mask(path):
    from hoi_motion.masks import checked_mask
    from hoi_motion.media.image_files import read_mask

    mask = read_mask(path)
    return checked_mask(mask, mask.shape)


def depth(path):
    from hoi_motion.masks import checked_depth
    from hoi_motion.media.image_files import read_depth

    depth = read_depth(path)
    return checked_depth(depth, depth.shape)


def image(path):
    from hoi_motion.media.image_files import read_image

    return read_image(path)


def pickle(path):
    from hoi_motion.reading.pickles import load_pickle

    return load_pickle(path)


def profile(path):
    from tavid_planner.config import load_profile

    return load_profile(str(path))


def robot(path):
    from hoi_motion.retarget.robots.config import load_robot_config

    return load_robot_config(str(path), urdf=str(path))


def limits(path):
    from hoi_motion.scripts.check import read_config

    return read_config(str(path))


def json(path):
    from hoi_motion.reading.text import read_json

    return read_json(path, "a list")


def weights(path):
    from tavid_planner.video.model_files import check_safetensors

    return check_safetensors(path)


def urdf(path):
    from hoi_motion.retarget.robots.config import JawConfig
    from hoi_motion.retarget.robots.urdf import read_urdf

    return read_urdf(path, JawConfig())


def mjcf(path):
    from hoi_motion.retarget.robots.config import JawConfig
    from hoi_motion.retarget.robots.urdf import parse_urdf, read_urdf

    return parse_urdf(path), read_urdf(path, JawConfig())  # a humanoid's and an arm's


def video(path):
    from hoi_motion.media.video_file import read_video

    return read_video(path, 64)


def sampled_video(path):
    from hoi_motion.media.video_file import read_sampled

    return read_sampled(path, 4, 8.0)


def parameters(path):
    from tavid_planner.ros.arguments import check_params_files

    return check_params_files(["--ros-args", "--params-file", str(path)])


def mask_files(path):
    from hoi_motion.lift.track.coco_masks import read_coco

    return read_coco(path, 4, lambda mask: mask.sum())


def keypoint_file(path):
    from hoi_motion.keypoints.file import KeypointFile

    return KeypointFile(path)


def mesh(path):
    from hoi_motion.reading.mesh import read_mesh

    return read_mesh(path)
