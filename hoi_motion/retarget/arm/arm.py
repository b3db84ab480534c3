"""Arm: kinematics of a robot arm and inverse kinematics with pink on pinocchio."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import dataclasses
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.retarget.arm.kinematics import Kinematics
from hoi_motion.retarget.gripper.fit import ends_of, fitted_gripper
from hoi_motion.retarget.gripper.shapes import touch_as_drawn
from hoi_motion.retarget.gripper.sides import LINK_ENDING
from hoi_motion.retarget.robots.config import GripperConfig, RobotConfig
from hoi_motion.retarget.robots.fingers import (
    LIMIT_GIVE,
    find_fingers,
    grasp_link,
    hand_link,
    links_on,
    mirrored,
    moving_joints,
)
from hoi_motion.retarget.robots.held import hold_others
from hoi_motion.retarget.robots.in_bullet import weigh_links
from hoi_motion.retarget.robots.urdf import (
    JAW_FRAME,
    JAW_JOINTS,
    TIP_DEPTH_M,
    links_without_collision,
    read_urdf,
    skeleton_only,
)

TIP_SPARE_M = 0.02  # of a jaw's fingers stays free when they hold something as deep as possible
# a gripper nearer over the base than that, or turned from its x by less, does not say where an arm faces
LEAST_AHEAD_M = 0.05
LEAST_HEADING_RAD = np.radians(5)


class Arm:
    """A robot arm with a gripper; positions of arm joints `q` are in the order of `joint_names`.

    Attributes:
        config: the robot, with the plain jaw as its gripper where it has one.
        gripper: its fingers, with what was measured on them; opening: how far they are apart over their value.
        joint_names: arm joints; lower_rad, upper_rad, velocity_rad_s, acceleration_rad_s2, home_rad: (n,) each.
        has_one_jaw: whether one finger moves, towards one that stands still on the last link of the arm.
        fingers: the joints that open and close the gripper, those that follow by a mimic included.
        driven_fingers: (g,) bool, those that push; the others of a linkage follow.
        finger_velocity: of the gripper's value, m/s or rad/s, at which no finger is too fast.
        urdf_text: the URDF with absolute mesh paths, in which joints of neither the arm nor the gripper are fixed,
            for `load_robot`.
        unfelt_links: links without a collision shape.
        estimated_kg: links whose mass is not in the URDF, with what their volume says.
    """

    def __init__(self, config: RobotConfig):
        """Raises: RetargetError ROBOT_UNKNOWN when the YAML names what the URDF lacks, or there is no gripper."""
        import pinocchio

        # 1. what the robot's files say
        config = _with_jaw(config)
        self.urdf_text = read_urdf(Path(config.urdf), config.jaw, config.grasp_frame)
        tree = xml.fromstring(self.urdf_text)
        _check_names(config, tree)
        is_found = not config.grasp_frame
        if is_found:
            frame = hand_link(tree, config.gripper.joints, config.name)
            config = dataclasses.replace(config, grasp_frame=frame)
        self.config = config

        # 2. which joints are fingers and which the arm's: all others stand still
        fingers = find_fingers(tree, config.gripper.joints, config.grasp_frame, config.name, config.base_link)
        ends = dict(zip(("open", "closed"), ends_of(config, tree)[0]))
        _set_effort(tree, config.effort_nm)
        arm_joints = hold_others(tree, config, config.grasp_frame, fingers)
        self.fingers = mirrored(fingers, tree, tuple(ends.values()), config.name)
        self._check_opening(tree, ends)
        touch_as_drawn(tree, links_on(tree, arm_joints[-1]) if arm_joints else set())
        self.estimated_kg = weigh_links(tree)
        self.urdf_text = xml.tostring(tree, encoding="unicode")
        self.unfelt_links = links_without_collision(self.urdf_text)

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

        # 5. the grasp frame, and what is between the fingers
        found = fitted_gripper(tree, full, config, self.fingers, arm_joints[-1], is_found)
        self.gripper, self.opening, self.has_one_jaw = found.config, found.opening, found.has_one_jaw
        self.driven_fingers, self.urdf_text = found.driven, found.urdf_text

        # 6. inverse kinematics
        link = grasp_link(tree, config.grasp_frame) + LINK_ENDING
        self._kinematics = Kinematics(self.model, link, found.T_wrist_tool, self.home_rad)

    def _check_opening(self, tree: xml.Element, given: dict[str, float]) -> None:
        """Check that the leading finger can open and close as the robot's file says; widen the limits of those that
        follow it, in place, to where it takes them.

        Raises: RetargetError for an opening beyond the leader's limits.
        """
        limits = {joint.get("name"): joint.find("limit") for joint in tree.findall("joint")}
        ends = {what: self.fingers.values(value) for what, value in given.items()}
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
            elif name in self.config.gripper.joints[:1]:
                raise RetargetError(
                    ErrorCode.ROBOT_UNKNOWN,
                    f"finger joint {name} of {self.config.name} has the velocity limit {limit:g}",
                    "give what it can do in velocity_rad_s (m/s for a joint that slides)",
                )
        return float(min(limits))

    @property
    def has_all_axes(self) -> bool:
        """Whether the gripper can be turned in all ways wherever it is."""
        return self._kinematics.has_all_axes

    @property
    def farthest_m(self) -> float:
        """Of the grasp frame from the arm's shoulder, however it is turned."""
        return self._kinematics.reach.farthest_m

    @property
    def heading_rad(self) -> float:
        """Where the grasp frame is from the shoulder when the arm is at home, about the base's vertical axis from x."""
        away = self.forward(self.home_rad)[:2, 3] - self._kinematics.reach.shoulder_m[:2]
        heading = float(np.arctan2(away[1], away[0]))
        return heading if np.linalg.norm(away) > LEAST_AHEAD_M and abs(heading) > LEAST_HEADING_RAD else 0.0

    def forward(self, q: np.ndarray) -> np.ndarray:  # (n,) -> (4, 4)
        """T_base_tool: the grasp frame in the robot's base."""
        return self._kinematics.forward(q)

    def beyond_m(self, T_base_tool: np.ndarray, at_m: np.ndarray | None = None) -> np.ndarray:  # (N, 4, 4) -> (N,)
        """How far poses are out of reach at least; where it is above 0, `solve` finds nothing. at_m: as there."""
        return self._kinematics.beyond_m(T_base_tool, at_m)

    def posture(self, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None) -> np.ndarray | None:
        """As of Kinematics."""
        return self._kinematics.posture(T_base_tool, steps, at_m)

    def nearest_posture(self, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None) -> np.ndarray | None:
        """As of Kinematics."""
        return self._kinematics.nearest_posture(T_base_tool, steps, at_m)

    def solve(
        self, q: np.ndarray, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None
    ) -> np.ndarray | None:
        """As of Kinematics."""
        return self._kinematics.solve(q, T_base_tool, steps, at_m)

    def nearest(
        self, q: np.ndarray, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None
    ) -> np.ndarray | None:
        """As of Kinematics."""
        return self._kinematics.nearest(q, T_base_tool, steps, at_m)

    def finger_value(self, width_m: float) -> float:
        """Finger joint value for an opening."""
        return self.opening.value(width_m)


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
        "effort_nm": config.effort_nm,
    }
    for where, names in named.items():
        _all_known(names, joints, f"joint in {where} of {config.name}")
    frames = [element.get("name") for element in (*tree.findall("link"), *tree.findall("joint"))]
    _all_known([config.grasp_frame] if config.grasp_frame else [], frames, f"frame in grasp_frame of {config.name}")


def _set_effort(tree: xml.Element, effort_nm: dict[str, float]) -> None:
    """Motors as the robot's file says, in place of what its URDF does."""
    for joint in moving_joints(tree):
        limit, effort = joint.find("limit"), effort_nm.get(joint.get("name", ""))
        if effort is not None:
            limit = xml.SubElement(joint, "limit") if limit is None else limit
            limit.set("effort", str(effort))


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


def _all_known(names, known: list[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"no {what} is called {name!r}", f"known: {', '.join(known)}")
