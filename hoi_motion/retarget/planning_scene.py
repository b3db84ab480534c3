"""The scene for a motion planner: `moveit_msgs` as plain mappings, in the frame of the robot's base.

`rosidl_runtime_py.set_message_fields` takes them. Field names are those of moveit_msgs and shape_msgs.
"""

import xml.etree.ElementTree as xml

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.retarget.robots.fingers import links_on

BOX = 1  # shape_msgs/SolidPrimitive


def planning_scene(motion: HoiMotion, plan: RobotMotion, arm) -> dict:
    """A `moveit_msgs/PlanningScene` difference: supports as boxes, objects as meshes, as they are in the first frame.

    Args:
        plan: of the arm, for the pose of its base; arm: the Arm, whose root link names the frame.
    """
    T_base_world = np.linalg.inv(plan.T_world_root())
    header = {"frame_id": _root_link(arm)}
    objects = []
    for support in motion.supports:
        size = [float(v) for v in support.size_m]
        objects.append(
            {
                "header": header,
                "id": support.name,
                "pose": _pose(T_base_world @ support.T_world_box),
                "primitives": [{"type": BOX, "dimensions": size}],
                "primitive_poses": [_pose(np.eye(4))],
            }
        )
    for thing in motion.objects:
        mesh = {
            "vertices": [dict(zip("xyz", map(float, vertex))) for vertex in thing.vertices_m],
            "triangles": [{"vertex_indices": [int(i) for i in face]} for face in thing.faces],
        }
        objects.append(
            {
                "header": header,
                "id": thing.name,
                "pose": _pose(T_base_world @ thing.T_world_object[0]),
                "meshes": [mesh],
                "mesh_poses": [_pose(np.eye(4))],
            }
        )
    return {"is_diff": True, "robot_state": {"is_diff": True}, "world": {"collision_objects": objects}}


def allowed_collisions(plan: RobotMotion, arm) -> dict:
    """A `moveit_msgs/AllowedCollisionMatrix`: the fingers and what hangs on them may touch the plan's object.

    A planning scene with a matrix replaces the robot's own: merge this into the existing one.
    """
    names = [plan.facts["object"], *finger_links(arm)]
    rows = [[(i == 0) != (j == 0) for j in range(len(names))] for i in range(len(names))]
    return {"entry_names": names, "entry_values": [{"enabled": row} for row in rows]}


def finger_links(arm) -> list[str]:
    """Links that the gripper moves, in the order of the URDF; of one moving jaw, those that carry its partner, too."""
    tree = xml.fromstring(arm.urdf_text)
    below, found = {}, set()
    for joint in tree.findall("joint"):
        child = joint.find("child").get("link")
        below.setdefault(joint.find("parent").get("link"), []).append(child)
        if joint.get("name") in arm.fingers.names:
            found.add(child)
    if arm.has_one_jaw:
        found |= links_on(tree, arm.joint_names[-1])
    waiting = list(found)
    while waiting:
        more = [link for link in below.get(waiting.pop(), []) if link not in found]
        found.update(more)
        waiting += more
    return [link.get("name") for link in tree.findall("link") if link.get("name") in found]


def _root_link(arm) -> str:
    tree = xml.fromstring(arm.urdf_text)
    children = {joint.find("child").get("link") for joint in tree.findall("joint")}
    return next(link.get("name") for link in tree.findall("link") if link.get("name") not in children)


def _pose(T: np.ndarray) -> dict:  # (4, 4)
    turn = Rotation.from_matrix(T[:3, :3]).as_quat()
    return {
        "position": dict(zip("xyz", map(float, T[:3, 3]))),
        "orientation": dict(zip("xyzw", map(float, turn))),
    }
