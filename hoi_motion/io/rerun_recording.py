"""A recording for the rerun viewer: what a motion holds, on a timeline. rerun-sdk is an extra of this package."""

import numpy as np

from hoi_motion.body import load_body
from hoi_motion.body.joints import JOINT_NAMES, PARENTS, SKIN_RGB, side_rgb
from hoi_motion.body.posed import check_body, vertex_normals
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import whole_file
from hoi_motion.io.glb import COLOURS
from hoi_motion.lazy import optional
from hoi_motion.motion import SIDE_OF_HAND, HoiMotion

CAMERA_PLANE_M = 0.4


def write_rerun(
    motion: HoiMotion,
    path,
    body=None,
    T_first_camera: np.ndarray | None = None,  # (T, 4, 4)
) -> None:
    """Write one .rrd file: body mesh, skeleton, objects, supports, camera and the hands in contact, in the world frame.

    Args:
        body: the BodyModel the motion was made with; None loads the free body.
        T_first_camera: how the camera moves before a motion whose world stands still; None: it does not move.

    Raises:
        TavidError: MODEL_MISSING when rerun-sdk is not installed.
        InputError: FILE_INVALID for a body of another name, OUTPUT_INVALID when the file cannot be written.
    """
    rerun = optional("rerun")
    body = body if body is not None else load_body(num_betas=len(motion.betas))
    check_body(body, motion)
    try:
        with whole_file(path) as partial:
            partial.write_bytes(b"")  # the recorder itself only logs that it cannot write
            recording = rerun.new_recording("hoi_motion")
            recording.save(partial)
            _log(rerun, recording, motion, body, T_first_camera)
            recording.disconnect()
    except OSError as error:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error.strerror}") from error


def _log(rerun, recording, motion: HoiMotion, body, T_first_camera: np.ndarray | None) -> None:
    surface = body.vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)
    vertices_m, joints_m = (np.asarray(points) for points in surface)
    bones = [(parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0]
    bone_colours = [side_rgb(JOINT_NAMES[joint]) for _, joint in bones]
    recording.log("world", rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    camera = motion.camera
    lens = rerun.Pinhole(
        image_from_camera=camera.K,
        resolution=[camera.width, camera.height],
        camera_xyz=rerun.ViewCoordinates.RDF,
        image_plane_distance=CAMERA_PLANE_M,
    )
    recording.log("world/camera", lens, static=True)
    if T_first_camera is None:
        recording.log("world/camera", _transform(rerun, camera.T_world_camera), static=True)
    for support in motion.supports:
        name = f"world/supports/{support.name}"
        recording.log(name, _transform(rerun, support.T_world_box), static=True)
        recording.log(name, rerun.Boxes3D(sizes=[support.size_m], colors=_rgb("support")), static=True)
    for item in motion.objects:
        surface = rerun.Mesh3D(
            vertex_positions=item.vertices_m,
            triangle_indices=item.faces,
            albedo_factor=_rgb("target" if item.is_target else "object"),
        )
        recording.log(f"world/objects/{item.name}", surface, static=True)
    look = rerun.Mesh3D.from_fields(triangle_indices=body.faces, albedo_factor=SKIN_RGB)
    recording.log("world/body", look, static=True)
    for t in range(motion.num_frames):
        recording.set_time_sequence("frame", t)
        recording.set_time_seconds("time", t / motion.fps)
        if T_first_camera is not None:
            recording.log("world/camera", _transform(rerun, camera.T_world_camera @ T_first_camera[t]))
        normals = vertex_normals(vertices_m[t], body.faces)
        recording.log("world/body", rerun.Mesh3D.from_fields(vertex_positions=vertices_m[t], vertex_normals=normals))
        lines = [joints_m[t, list(bone)] for bone in bones]
        recording.log("world/skeleton", rerun.LineStrips3D(lines, colors=bone_colours))
        for item in motion.objects:
            recording.log(f"world/objects/{item.name}", _transform(rerun, item.T_world_object[t]))
        touching = [c for c in motion.contacts if c.start_frame <= t < c.end_frame]
        wrists_m = [joints_m[t, JOINT_NAMES.index(f"{SIDE_OF_HAND[c.hand]}_wrist")] for c in touching]
        labels = [f"{c.hand} on {c.object_name}" for c in touching]
        recording.log("world/contacts", rerun.Points3D(np.reshape(wrists_m, (-1, 3)), radii=0.04, labels=labels))


def _transform(rerun, T: np.ndarray):  # (4, 4)
    return rerun.Transform3D(translation=T[:3, 3], mat3x3=T[:3, :3])


def _rgb(name: str) -> list[int]:
    """A colour of the glTF export, 0 to 255."""
    return [round(255 * part) for part in COLOURS[name]]
