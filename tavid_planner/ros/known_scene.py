"""What a request says about camera and room, or TF about the camera, as a KnownScene."""

import numpy as np
from geometry_msgs.msg import PoseStamped, Vector3
from std_msgs.msg import Header

from hoi_motion.lift.known_scene import KnownScene
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.history import stamp_of
from tavid_planner.ros.results import pose_to_message
from tavid_planner.ros.transforms import TransformListener, matrix_of

DEFAULT_WORLD = "world"


def known_scene(goal, header: Header, options: NodeConfig, transforms: TransformListener) -> KnownScene | None:
    """Pose, gravity and heights in a goal (or service request), None if it has none.

    Args:
        header: of the goal's image, with the camera's frame and the stamp.

    Raises:
        InputError: CAMERA_INVALID for invalid or contradictory fields; IMAGE_STALE when TF has nothing at the stamp.
    """
    gravity = np.array([goal.gravity.x, goal.gravity.y, goal.gravity.z])
    has_pose, has_gravity = bool(goal.camera_pose.header.frame_id), bool(gravity.any())
    if not has_pose and _is_filled(goal.camera_pose):
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            "camera_pose has a pose and no frame_id",
            "name the frame, whose z is up, in its header; without one the pose is not taken",
        )
    given = [
        name
        for name, is_there in (
            ("camera_pose", has_pose),
            ("world_frame", bool(goal.world_frame)),
            ("gravity", has_gravity),
        )
        if is_there
    ]
    if len(given) > 1:
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"{' and '.join(given)} are given in one request",
            "each defines the camera's orientation: give one of them",
        )
    support_m, floor_m = (next(iter(heights), None) for heights in (goal.support_height_m, goal.floor_height_m))
    if has_gravity:
        above_m = [None if height_m is None else -height_m for height_m in (support_m, floor_m)]
        return KnownScene(gravity_camera=gravity, camera_above_support_m=above_m[0], camera_above_floor_m=above_m[1])
    T_world_camera = None
    if has_pose:
        T_world_camera = matrix_of(goal.camera_pose.pose.position, goal.camera_pose.pose.orientation)
    elif world := frame_of_tf(goal, options):
        T_world_camera = _looked_up(world, header, options, transforms)
    if T_world_camera is None and support_m is None and floor_m is None:
        return None
    return KnownScene(T_world_camera=T_world_camera, support_height_m=support_m, floor_height_m=floor_m)


def _is_filled(stamped: PoseStamped) -> bool:
    """Whether anything of a pose was set; some clients leave quaternions at zero, others at no turn."""
    position, q = stamped.pose.position, stamped.pose.orientation
    return any((position.x, position.y, position.z, q.x, q.y, q.z)) or q.w not in (0.0, 1.0)


def frame_of_tf(goal, options: NodeConfig) -> str:
    """The frame in which TF says where the camera of a goal is, "" where it does not."""
    gravity = goal.gravity
    if goal.camera_pose.header.frame_id or gravity.x or gravity.y or gravity.z:
        return ""
    return goal.world_frame or options.world_frame


def fill_known_scene(goal, known: KnownScene | None, world_frame: str = "") -> None:
    """The inverse: fill the fields of a goal.

    Args:
        world_frame: the frame of `known`'s pose; without a pose, the frame in which the node looks it up.
    """
    goal.world_frame = world_frame if known is None or known.T_world_camera is None else ""
    if known is None:
        return
    heights_m = {"support": known.support_height_m, "floor": known.floor_height_m}
    if known.T_world_camera is not None:
        goal.camera_pose = PoseStamped(header=Header(frame_id=world_frame or DEFAULT_WORLD))
        goal.camera_pose.pose = pose_to_message(known.T_world_camera)
        heights_m = {
            "support": _under(known, known.support_height_m, known.camera_above_support_m),
            "floor": _under(known, known.floor_height_m, known.camera_above_floor_m),
        }
    elif known.gravity_camera is not None:
        x, y, z = map(float, known.gravity_camera)
        goal.gravity = Vector3(x=x, y=y, z=z)
        above_m = {"support": known.camera_above_support_m, "floor": known.camera_above_floor_m}
        heights_m = {place: None if height_m is None else -height_m for place, height_m in above_m.items()}
    for place, height_m in heights_m.items():
        setattr(goal, f"{place}_height_m", [] if height_m is None else [float(height_m)])


def _under(known: KnownScene, height_m: float | None, above_m: float | None) -> float | None:
    return float(known.T_world_camera[2, 3]) - above_m if height_m is None and above_m is not None else height_m


def _looked_up(world: str, header: Header, options: NodeConfig, transforms: TransformListener) -> np.ndarray:
    if not header.frame_id:
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"the pose of the camera in {world[:80]!r} cannot be looked up: the image has no frame_id",
            "set the frame_id of the image's header, or send camera_pose",
        )
    return transforms.lookup(world, header.frame_id, stamp_of(header), options.stamp_tolerance_s)
