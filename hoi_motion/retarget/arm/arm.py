"""Arm: kinematics of a robot arm and inverse kinematics with pink on pinocchio."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import dataclasses
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.retarget.arm.grasp_frame import check_grasp_frame
from hoi_motion.retarget.robots.config import GripperConfig, RobotConfig
from hoi_motion.retarget.robots.fingers import LIMIT_GIVE, find_fingers, grasp_link, mirrored, moving_joints
from hoi_motion.retarget.robots.held import hold_others
from hoi_motion.retarget.robots.reach import reach_of
from hoi_motion.retarget.robots.urdf import (
    JAW_FRAME,
    JAW_JOINTS,
    TIP_DEPTH_M,
    links_without_collision,
    read_urdf,
    skeleton_only,
)

POSITION_TOLERANCE_M = 1e-3
ROTATION_TOLERANCE_RAD = 0.02
TIP_SPARE_M = 0.02  # of a jaw's fingers stays free when they hold something as deep as possible
LINK_ENDING = " (link)"  # in the model: a URDF may give a link and a joint one name
GRASP_FRAME = "where the gripper grasps"
MAX_STEP_RAD = 0.4  # of one IK step, where the linear model holds


class Arm:
    """A robot arm with a gripper; positions of arm joints `q` are in the order of `joint_names`.

    Attributes:
        config: the robot, with the plain jaw as its gripper where it has one; gripper: its two fingers.
        joint_names: arm joints; lower_rad, upper_rad, velocity_rad_s, acceleration_rad_s2, home_rad: (n,) each.
        fingers: the joints that open and close the gripper, those that follow by a mimic included.
        finger_velocity: of the gripper's value, m/s or rad/s, at which no finger is too fast.
        urdf_text: the URDF with absolute mesh paths, in which joints of neither the arm nor the gripper are fixed.
        unfelt_links: links without a collision shape.
    """

    def __init__(self, config: RobotConfig):
        """Raises: RetargetError ROBOT_UNKNOWN when the YAML names what the URDF lacks, or there is no gripper."""
        import pinocchio

        # 1. what the robot's files say
        self.config = config = _with_jaw(config)
        self.gripper = config.gripper
        self.urdf_text = read_urdf(Path(config.urdf), config.jaw, config.grasp_frame)
        self.unfelt_links = links_without_collision(self.urdf_text)
        tree = xml.fromstring(self.urdf_text)
        _check_names(config, tree)

        # 2. which joints are fingers and which the arm's: all others stand still
        fingers = find_fingers(tree, self.gripper.joints, config.grasp_frame, config.name, config.base_link)
        arm_joints = hold_others(tree, config, config.grasp_frame, fingers)
        self.fingers = mirrored(fingers, tree, (self.gripper.open, self.gripper.closed), config.name)
        self._check_opening(tree)
        self.urdf_text = xml.tostring(tree, encoding="unicode")

        # 3. kinematics with the fingers, and of the arm alone
        try:
            full = pinocchio.buildModelFromXML(skeleton_only(self.urdf_text, LINK_ENDING))
        except ValueError as error:
            raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"{config.urdf} is not a URDF: {error}") from error
        finger_ids = [full.getJointId(name) for name in self.fingers.names]
        self.finger_velocity = self._finger_velocity(full, finger_ids)
        self.model = pinocchio.buildReducedModel(full, finger_ids, pinocchio.neutral(full))
        self.joint_names = tuple(list(self.model.names)[1:])
        _check_arm(config, self.model, arm_joints)

        # 4. limits and home of the arm
        self.lower_rad, self.upper_rad = self.model.lowerPositionLimit, self.model.upperPositionLimit
        self.velocity_rad_s, self.acceleration_rad_s2 = _motion_limits(config, self.model)
        self.home_rad = _home(config, self.model)

        # 5. the grasp frame, and inverse kinematics for it
        T_frame_tool = _grasp_offset(config)
        self._T_tool_frame = np.linalg.inv(T_frame_tool)
        T_wrist_frame = _add_grasp_frame(self.model, grasp_link(tree, config.grasp_frame))
        check_grasp_frame(full, arm_joints[-1], T_wrist_frame @ T_frame_tool, self.fingers, config)
        wrist = self.model.frames[self.model.getFrameId(GRASP_FRAME)].parent
        self._reach = reach_of(self.model, wrist, T_wrist_frame)
        self._prepare_inverse_kinematics()

    def _check_opening(self, tree: xml.Element) -> None:
        """Check that the leading finger can open and close as the robot's file says; widen the limits of those that
        follow it, in place, to where it takes them.

        Raises: RetargetError for an opening beyond the leader's limits.
        """
        limits = {joint.get("name"): joint.find("limit") for joint in tree.findall("joint")}
        ends = {what: self.fingers.values(getattr(self.gripper, what)) for what in ("open", "closed")}
        for i, name in enumerate(self.fingers.names):
            limit = limits[name]
            if limit is None:
                continue
            low, high = float(limit.get("lower", 0)), float(limit.get("upper", 0))
            for what, values in ends.items():
                if i == 0 and not low - LIMIT_GIVE <= values[i] <= high + LIMIT_GIVE:
                    raise RetargetError(
                        ErrorCode.ROBOT_UNKNOWN,
                        f"gripper.{what} puts {name} of {self.config.name} at {values[i]:g}",
                        f"its limits are {low:g}..{high:g}",
                    )
            limit.set("lower", str(min(low, *(values[i] for values in ends.values()))))
            limit.set("upper", str(max(high, *(values[i] for values in ends.values()))))

    def _finger_velocity(self, full, finger_ids: list[int]) -> float:
        """The gripper's own speed; a follower without a speed of its own keeps up with its leader."""
        limits = []
        for name, joint, share in zip(self.fingers.names, finger_ids, np.abs(self.fingers.multipliers)):
            limit = self.config.velocity_rad_s.get(name, full.velocityLimit[full.joints[joint].idx_v])
            if limit > 0:
                limits.append(limit / share)
            elif name in self.gripper.joints[:1]:
                raise RetargetError(
                    ErrorCode.ROBOT_UNKNOWN,
                    f"finger joint {name} of {self.config.name} has the velocity limit {limit:g}",
                    "give what it can do in velocity_rad_s (m/s for a joint that slides)",
                )
        return float(min(limits))

    def _prepare_inverse_kinematics(self) -> None:
        import pink
        from pink.limits import ConfigurationLimit

        self._configuration = pink.Configuration(self.model, self.model.createData(), self.home_rad)
        self._frame = pink.tasks.FrameTask(GRASP_FRAME, 1.0, 0.3, lm_damping=1e-4)
        self._posture = pink.tasks.PostureTask(cost=1e-3)
        self._posture.set_target(self.home_rad)
        self._limits = [ConfigurationLimit(self.model, 0.95)]

    def forward(self, q: np.ndarray) -> np.ndarray:  # (n,) -> (4, 4)
        """T_base_tool: the grasp frame in the robot's base."""
        self._configuration.update(np.asarray(q, float))
        frame = self._configuration.get_transform_frame_to_world(GRASP_FRAME).homogeneous
        return frame @ np.linalg.inv(self._T_tool_frame)

    def beyond_m(self, T_base_tool: np.ndarray) -> np.ndarray:  # (N, 4, 4) -> (N,)
        """How far poses of the grasp frame are out of reach at least; where it is above 0, `solve` finds nothing."""
        return self._reach.beyond_m(T_base_tool @ self._T_tool_frame, POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD)

    def solve(self, q: np.ndarray, T_base_tool: np.ndarray, steps: int) -> np.ndarray | None:
        """Joint positions near `q` that bring the grasp frame to a pose, within joint limits; None without any."""
        import pinocchio
        from pink import solve_ik

        configuration = self._configuration
        configuration.update(np.clip(q, self.lower_rad, self.upper_rad))
        self._frame.set_target(pinocchio.SE3(T_base_tool @ self._T_tool_frame))
        best = np.inf
        for step in range(steps + 1):
            error = self._frame.compute_error(configuration)
            position, rotation = np.linalg.norm(error[:3]), np.linalg.norm(error[3:])
            if position < 0.1 * POSITION_TOLERANCE_M and rotation < 0.1 * ROTATION_TOLERANCE_RAD:
                break
            if step % 12 == 11:  # far from the goal and hardly nearer than twelve steps ago
                if position + 0.1 * rotation > 0.8 * best and position > 0.01:
                    return None
                best = position + 0.1 * rotation
            if step == steps:
                break
            move = solve_ik(
                configuration, (self._frame, self._posture), 1.0, "daqp", 1e-8, self._limits, safety_break=False
            )
            move *= min(1.0, MAX_STEP_RAD / max(np.abs(move).max(), 1e-9))
            configuration.update(np.clip(configuration.q + move, self.lower_rad, self.upper_rad))
        if position > POSITION_TOLERANCE_M or rotation > ROTATION_TOLERANCE_RAD:
            return None
        return np.array(configuration.q)

    def finger_value(self, width_m: float) -> float:
        """Finger joint value for an opening."""
        g = self.gripper
        return g.closed + (g.open - g.closed) * float(np.clip(width_m / g.open_width_m, 0, 1))


def _with_jaw(config: RobotConfig) -> RobotConfig:
    """The robot with the gripper and the grasp frame of its plain jaw; itself when it has none."""
    jaw = config.jaw
    if not jaw.link:
        return config
    gripper = GripperConfig(
        joints=list(JAW_JOINTS),
        open=jaw.open_width_m / 2,  # each finger goes half the way
        closed=0.0,
        open_width_m=jaw.open_width_m,
        finger_depth_m=jaw.finger_m - TIP_SPARE_M,
        tip_m=TIP_DEPTH_M,
        force_n=config.gripper.force_n,
    )
    return dataclasses.replace(config, gripper=gripper, grasp_frame=JAW_FRAME)


def _check_names(config: RobotConfig, tree: xml.Element) -> None:
    """Raises: RetargetError ROBOT_UNKNOWN when the robot's file names no finger, or what its URDF lacks."""
    joints = [joint.get("name") for joint in moving_joints(tree)]
    if not config.gripper.joints:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"{config.name} has no gripper",
            f"name its finger joints in gripper.joints, or a link in jaw.link; joints: {', '.join(joints)}",
        )
    named = {
        "gripper.joints": config.gripper.joints,
        "home_rad": config.home_rad,
        "velocity_rad_s": config.velocity_rad_s,
        "acceleration_rad_s2": config.acceleration_rad_s2,
    }
    for where, names in named.items():
        _all_known(names, joints, f"joint in {where} of {config.name}")
    frames = [element.get("name") for element in (*tree.findall("link"), *tree.findall("joint"))]
    _all_known([config.grasp_frame], frames, f"frame in grasp_frame of {config.name}")


def _check_arm(config: RobotConfig, model, arm_joints: tuple[str, ...]) -> None:
    """Raises: RetargetError ROBOT_UNKNOWN unless the grasp frame moves, by joints of one coordinate each."""
    if not arm_joints:
        wrong = f"no joint of {config.name} moves its grasp frame {config.grasp_frame!r}"
        raise RetargetError(ErrorCode.ROBOT_UNKNOWN, wrong, "name the frame between its fingers, and the link")
    if model.nq != len(model.names) - 1:  # the first name is the world's
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"{config.name} has joints without limits or a floating base",
            "an arm has a fixed base and revolute or prismatic joints with limits",
        )


def _motion_limits(config: RobotConfig, model) -> tuple[np.ndarray, np.ndarray]:  # (n,), (n,)
    """Velocity and acceleration limits of the arm's joints: of the robot's file, else of the URDF, else its default.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a joint that could not move.
    """
    velocity = model.velocityLimit.copy()
    acceleration = np.full(len(velocity), config.default_acceleration_rad_s2)
    for i, name in enumerate(list(model.names)[1:]):
        velocity[i] = config.velocity_rad_s.get(name, velocity[i])
        acceleration[i] = config.acceleration_rad_s2.get(name, acceleration[i])
        if not (velocity[i] > 0 and acceleration[i] > 0):
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"joint {name} of {config.name} has the limits {velocity[i]:g} of velocity and "
                f"{acceleration[i]:g} of acceleration",
                "give it in velocity_rad_s and acceleration_rad_s2",
            )
    return velocity, acceleration


def _home(config: RobotConfig, model) -> np.ndarray:  # (n,)
    """Where the robot's file has each joint of the arm at rest, else 0 or the limit next to it.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a place beyond a joint's limits.
    """
    lower, upper = model.lowerPositionLimit, model.upperPositionLimit
    home = np.clip(0.0, lower, upper)
    for i, name in enumerate(list(model.names)[1:]):
        home[i] = config.home_rad.get(name, home[i])
        if not lower[i] <= home[i] <= upper[i]:
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"home_rad of {name} is {home[i]:g}",
                f"its limits are {lower[i]:g}..{upper[i]:g}",
            )
    return home


def _grasp_offset(config: RobotConfig) -> np.ndarray:  # (4, 4)
    """T_frame_tool: the grasp frame after its offset, in the link or joint that the robot's file names."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("xyz", config.grasp_offset_rpy_rad).as_matrix()
    T[:3, 3] = config.grasp_offset_m
    return T


def _add_grasp_frame(model, link_name: str) -> np.ndarray:  # (4, 4)
    """Give the model the frame GRASP_FRAME on a link; returns where that is in the joint that carries it."""
    import pinocchio

    link = model.getFrameId(link_name + LINK_ENDING, pinocchio.FrameType.BODY)
    frame = pinocchio.Frame(model.frames[link])
    frame.name, frame.type = GRASP_FRAME, pinocchio.FrameType.OP_FRAME
    model.addFrame(frame, False)  # without its mass, which the link has
    return frame.placement.homogeneous


def _all_known(names, known: list[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"no {what} is called {name!r}", f"known: {', '.join(known)}")
