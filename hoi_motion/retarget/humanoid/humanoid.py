"""Humanoid: kinematics of a robot with a free root, and inverse kinematics of its whole body with pink on pinocchio."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import xml.etree.ElementTree as xml
from functools import cached_property
from pathlib import Path

import numpy as np
import pink
import pinocchio
from pink.limits import ConfigurationLimit

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.motion import HANDS
from hoi_motion.retarget.humanoid.apart import ApartTask, LinkShapes
from hoi_motion.retarget.humanoid.urdf import read_humanoid_urdf
from hoi_motion.retarget.robots.config import HumanoidConfig
from hoi_motion.retarget.robots.fingers import followers
from hoi_motion.retarget.robots.mesh_file import link_points_m
from hoi_motion.retarget.robots.urdf import links_without_collision, skeleton_only

CELL_M = 0.004  # one point of a hand's shape in each
MAX_STEP_RAD = 0.3  # of one IK step, where the linear model holds
SETTLED_RAD = 4e-3
ROOT_SIZE = 7  # x y z qx qy qz qw
POSTURE_COST = 0.2  # towards home, so that joints that no other task uses do not depend on earlier frames
CALM_COST = 20.0  # towards a smoother path, for joints that oscillate
DAMPING = 0.02  # damping of joints' steps: without it straight limbs flip from frame to frame


class BodyTask(pink.tasks.Task):
    """Points and rotations of many frames in the world at once, each with its own weight.

    Attributes:
        points_m: (P, 3), point_weights: (P,); rotations: (R, 3, 3), rotation_weights: (R,).
    """

    def __init__(self, point_ids: list[int], rotation_ids: list[int]):
        super().__init__(cost=1.0, gain=1.0, lm_damping=0.0)
        self._point_ids, self._rotation_ids = point_ids, rotation_ids
        self.points_m, self.point_weights = np.zeros((len(point_ids), 3)), np.ones(len(point_ids))
        self.rotations, self.rotation_weights = np.zeros((len(rotation_ids), 3, 3)), np.ones(len(rotation_ids))

    def __repr__(self) -> str:
        return f"BodyTask({len(self._point_ids)} points, {len(self._rotation_ids)} rotations)"

    def compute_error(self, configuration) -> np.ndarray:
        placements = configuration.data.oMf
        points = np.array([placements[i].translation for i in self._point_ids])
        turned = [pinocchio.log3(R.T @ placements[i].rotation) for R, i in zip(self.rotations, self._rotation_ids)]
        return np.concatenate([(points - self.points_m).ravel(), *turned])

    def compute_jacobian(self, configuration) -> np.ndarray:
        model, data = configuration.model, configuration.data
        world, local = pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED, pinocchio.ReferenceFrame.LOCAL
        rows = [pinocchio.getFrameJacobian(model, data, i, world)[:3] for i in self._point_ids]
        for R, i in zip(self.rotations, self._rotation_ids):
            right = pinocchio.Jlog3(R.T @ data.oMf[i].rotation)
            rows.append(right @ pinocchio.getFrameJacobian(model, data, i, local)[3:])
        return np.concatenate(rows)

    def compute_qp_objective(self, configuration) -> tuple[np.ndarray, np.ndarray]:
        weights = np.repeat(np.concatenate([self.point_weights, self.rotation_weights]), 3)
        weighted = self.compute_jacobian(configuration) * weights[:, None]
        error = self.compute_error(configuration) * weights
        return weighted.T @ weighted, error @ weighted


def right_angled(along: np.ndarray, out: np.ndarray) -> np.ndarray:  # (3,), (3,) -> (3, 3)
    """Columns: `out` without what it has along, in the second; along, in the first; and across both."""
    first = along / np.linalg.norm(along)
    second = out - (out @ first) * first
    second = second / np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)], axis=1)


class MimicTask(pink.tasks.Task):
    """Mimic joints as an equality constraint of IK; `mimics` as in Humanoid."""

    def __init__(self, mimics: list[tuple[int, int, float, float]]):
        super().__init__(cost=1.0, gain=1.0, lm_damping=0.0)
        self._mimics = mimics

    def __repr__(self) -> str:
        return f"MimicTask({len(self._mimics)} joints)"

    def compute_error(self, configuration) -> np.ndarray:
        q = configuration.q[ROOT_SIZE:]
        return np.array([q[i] - multiplier * q[k] - offset for i, k, multiplier, offset in self._mimics])

    def compute_jacobian(self, configuration) -> np.ndarray:
        rows = np.zeros((len(self._mimics), configuration.model.nv))
        for row, (i, k, multiplier, _) in zip(rows, self._mimics):
            row[ROOT_SIZE - 1 + i], row[ROOT_SIZE - 1 + k] = 1.0, -multiplier
        return rows


class Humanoid:
    """A humanoid; configurations `q` are the root's pose (x y z qx qy qz qw), then its joints.

    Attributes:
        config: the robot; urdf_text: its URDF as loaded, to be read by PyBullet as well.
        unfelt_links: those without a collision shape.
        mimics: follower, leader (indices into joint_names), multiplier and offset of each joint that mimics another.
        file_order: (n,) index in joint_names of each joint in the order in which the robot's file has them.
        joint_names: (n,) of one axis each, in pinocchio's order; lower_rad, upper_rad, velocity_rad_s: (n,).
        home: (7 + n,) upright, where IK starts.
        rest_points_m: body part -> (3,) and rest_rotations -> (3, 3) with all joints at 0, root frame.
        body_axes: (3, 3), columns left, up and forward in the root frame.
    """

    def __init__(self, config: HumanoidConfig):
        """Raises: RetargetError: ROBOT_UNKNOWN when the YAML names what the URDF lacks, or the base is fixed."""
        self.config = config
        self.urdf_text = read_humanoid_urdf(Path(config.urdf), config.scale, config.frames)
        self.unfelt_links = links_without_collision(self.urdf_text)
        try:
            model = pinocchio.buildModelFromXML(skeleton_only(self.urdf_text), pinocchio.JointModelFreeFlyer())
        except ValueError as error:
            raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"{config.urdf} is not a URDF: {error}") from error
        links = [frame.name for frame in model.frames if frame.type == pinocchio.FrameType.BODY]
        for part, link in config.frames.items():
            if link not in links:
                raise RetargetError(
                    ErrorCode.ROBOT_UNKNOWN,
                    f"no link for {part} of {config.name} is called {link!r}",
                    f"links: {', '.join(links)}",
                )
        self.joint_names = tuple(list(model.names)[2:])
        in_file = [joint.get("name") for joint in xml.fromstring(self.urdf_text).findall("joint")]
        self.file_order = [self.joint_names.index(name) for name in in_file if name in self.joint_names]
        for where in ("home_rad", "velocity_rad_s"):
            for name in getattr(config, where):
                if name not in self.joint_names:
                    raise RetargetError(
                        ErrorCode.ROBOT_UNKNOWN,
                        f"no joint in {where} of {config.name} is called {name!r}",
                        f"joints: {', '.join(self.joint_names)}",
                    )
        if model.nq != ROOT_SIZE + len(self.joint_names):
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN, f"{config.name} has joints of several axes", "give each joint one axis"
            )
        self._frame_ids = {p: model.getFrameId(link, pinocchio.FrameType.BODY) for p, link in config.frames.items()}
        for side in ("left", "right"):
            hand_id = self._frame_ids[f"{side}_hand"]
            hand = model.frames[hand_id]
            at = hand.placement * pinocchio.SE3(np.eye(3), np.array(getattr(config, f"{side}_palm_m"), float))
            palm = pinocchio.Frame(f"{side} palm", hand.parent, hand_id, at, pinocchio.FrameType.OP_FRAME)
            self._frame_ids[f"{side}_palm"] = model.addFrame(palm)
        self.model, self.data = model, model.createData()
        self.lower_rad, self.upper_rad = model.lowerPositionLimit[ROOT_SIZE:], model.upperPositionLimit[ROOT_SIZE:]
        self._couple()
        velocity = dict(zip(self.joint_names, model.velocityLimit[6:])) | config.velocity_rad_s
        self.velocity_rad_s = np.array([velocity[name] for name in self.joint_names], float)
        self.soles_m = {side: np.array(getattr(config, f"{side}_sole_m"), float) for side in ("left", "right")}
        up, forward = (np.array(v, float) / np.linalg.norm(v) for v in (config.up, config.forward))
        self.body_axes = np.stack([np.cross(up, forward), up, forward], axis=1)
        self._rest()
        self._home()

    def _couple(self) -> None:
        """The mimic joints, and their leaders' limits reduced so that the followers stay within theirs."""
        found = followers(xml.fromstring(self.urdf_text), self.config.name)
        self.mimics = []
        for name, (leader, multiplier, offset) in found.items():
            i, k = self.joint_names.index(name), self.joint_names.index(leader)
            ends = sorted((limit - offset) / multiplier for limit in (self.lower_rad[i], self.upper_rad[i]))
            self.lower_rad[k], self.upper_rad[k] = max(self.lower_rad[k], ends[0]), min(self.upper_rad[k], ends[1])
            if not self.lower_rad[k] < self.upper_rad[k]:
                raise RetargetError(
                    ErrorCode.ROBOT_UNKNOWN,
                    f"joint {name!r} of {self.config.name} mimics {leader!r} and leaves it no room",
                    "see the limits of both",
                )
            self.model.lowerPositionLimit[ROOT_SIZE + k] = self.lower_rad[k]
            self.model.upperPositionLimit[ROOT_SIZE + k] = self.upper_rad[k]
            self.mimics.append((i, k, multiplier, offset))

    def _rest(self) -> None:
        placements = self.placements(pinocchio.neutral(self.model))
        self.rest_points_m = {part: T[:3, 3] for part, T in placements.items()}
        self.rest_rotations = {part: T[:3, :3] for part, T in placements.items()}

    def _home(self) -> None:
        home = pinocchio.neutral(self.model)
        T = np.eye(3)
        T[:] = np.stack([[0, 1, 0], [0, 0, 1], [1, 0, 0]], axis=1) @ self.body_axes.T  # forward x, left y, up z
        home[3:ROOT_SIZE] = pinocchio.Quaternion(T).coeffs()
        for i, name in enumerate(self.joint_names):
            value = self.config.home_rad.get(name, float(np.clip(0.0, self.lower_rad[i], self.upper_rad[i])))
            if not self.lower_rad[i] <= value <= self.upper_rad[i]:
                raise RetargetError(
                    ErrorCode.ROBOT_UNKNOWN,
                    f"home_rad of {name} is {value:g}",
                    f"its limits are {self.lower_rad[i]:g}..{self.upper_rad[i]:g}",
                )
            home[ROOT_SIZE + i] = value
        for i, leader, multiplier, offset in self.mimics:
            home[ROOT_SIZE + i] = multiplier * home[ROOT_SIZE + leader] + offset
        self.home = home

    def placements(self, q: np.ndarray) -> dict[str, np.ndarray]:  # (7 + n,) -> part: (4, 4)
        """T_world_link of every body part and palm."""
        pinocchio.framesForwardKinematics(self.model, self.data, np.asarray(q, float))
        return {part: self.data.oMf[i].homogeneous for part, i in self._frame_ids.items()}

    def depth_in_itself_m(self, q: np.ndarray) -> float:  # (7 + n,)
        """Largest penetration between links that must not collide."""
        pinocchio.framesForwardKinematics(self.model, self.data, np.asarray(q, float))
        return self.shapes.depth_m(self.data)

    def depth_in_scene_m(self, q: np.ndarray, things: list) -> float:  # (7 + n,)
        """Largest penetration of its links into scene bodies, as returned by `SceneThings.at`."""
        pinocchio.framesForwardKinematics(self.model, self.data, np.asarray(q, float))
        return self.shapes.depth_in_m(self.data, things)

    def hand_joints(self, hand: str) -> frozenset[int]:
        """Indices of the joint that moves a hand and of its finger joints."""
        wrist, found = self.model.frames[self._frame_ids[hand]].parent, set()
        for joint in range(1, self.model.njoints):
            above = joint
            while above > wrist:
                above = self.model.parents[above]
            if above == wrist:
                found.add(joint)
        return frozenset(found)

    def rest_offset_m(self, part: str, parent: str) -> np.ndarray:  # (3,)
        """From one body part to another at rest, in the frame of the parent's link."""
        return self.rest_rotations[parent].T @ (self.rest_points_m[part] - self.rest_points_m[parent])

    def length_m(self, *parts: str) -> float:
        """Along a chain of body parts at rest."""
        points = np.array([self.rest_points_m[part] for part in parts])
        return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())

    def hand_axes(self, side: str) -> np.ndarray | None:  # (3, 3)
        """Columns: along the fingers, out of the palm, and across, in the hand's link; None where no palm is given."""
        out = getattr(self.config, f"{side}_palm_axis")
        palm = np.array(getattr(self.config, f"{side}_palm_m"), float)
        return right_angled(palm, np.array(out, float)) if out else None

    @property
    def leg_m(self) -> float:
        """From the hip over the knee to the sole."""
        up = self.body_axes[:, 1]
        sole = self.rest_rotations["left_foot"] @ self.soles_m["left"].mean(axis=0)
        return self.length_m("left_hip", "left_knee", "left_foot") - float(sole @ up)

    def task(self, points: list[str], rotations: list[str]) -> BodyTask:
        return BodyTask([self._frame_ids[p] for p in points], [self._frame_ids[p] for p in rotations])

    @cached_property
    def seen_hands_m(self) -> dict[str, np.ndarray]:
        """Points (P, 3) of each hand's link and of all that is fixed to it, in that link's frame, a few mm apart."""
        tree, found = xml.fromstring(self.urdf_text), {}
        for hand in HANDS:
            own, points = self.model.frames[self._frame_ids[hand]], [np.zeros((0, 3))]
            for link in tree.findall("link"):
                frame = self.model.frames[self.model.getFrameId(link.get("name"), pinocchio.FrameType.BODY)]
                if frame.parent == own.parent:
                    T = (own.placement.inverse() * frame.placement).homogeneous
                    points.append(link_points_m(link, seen=True) @ T[:3, :3].T + T[:3, 3])
            every = np.concatenate(points)
            found[hand] = every[np.unique(np.round(every / CELL_M).astype(int), axis=0, return_index=True)[1]]
        return found

    def load_shapes(self) -> None:
        """Load the meshes now instead of with the first motion."""
        _ = self.shapes, self.seen_hands_m

    @cached_property
    def shapes(self) -> LinkShapes:
        """Its links as bodies that must not meet; made of their meshes when first asked for."""
        return LinkShapes(self)

    def solver(self) -> "WholeBodyIK":
        return WholeBodyIK(self)


class WholeBodyIK:
    """Steps of inverse kinematics from a configuration, within joint limits; it starts at home."""

    def __init__(self, robot: Humanoid):
        self._model = robot.model
        self._configuration = pink.Configuration(robot.model, robot.model.createData(), robot.home)
        self._posture = pink.tasks.PostureTask(cost=POSTURE_COST)
        self._posture.set_target(robot.home)
        self._limits = [ConfigurationLimit(robot.model, 0.95)]
        self._home = robot.home
        self._coupled = [MimicTask(robot.mimics)] if robot.mimics else None
        self._lower, self._upper = robot.model.lowerPositionLimit.copy(), robot.model.upperPositionLimit.copy()
        self._lower[:ROOT_SIZE], self._upper[:ROOT_SIZE] = -np.inf, np.inf

    def place_root(self, position_m: np.ndarray, rotation: np.ndarray) -> None:
        q = self._configuration.q.copy()
        q[:3], q[3:ROOT_SIZE] = position_m, pinocchio.Quaternion(rotation).coeffs()
        self._configuration.update(q)

    def start_at(self, q: np.ndarray) -> None:  # (7 + n,)
        self._configuration.update(q)

    def calm_towards(self, joints: np.ndarray | None, swing: np.ndarray | None = None) -> None:  # (n,), (n,)
        """Pull oscillating joints (or none) towards given positions in addition to the task."""
        target, cost = self._home.copy(), np.full(len(self._home) - ROOT_SIZE, POSTURE_COST)
        if joints is not None and swing is not None:
            target[ROOT_SIZE:][swing], cost[swing] = joints[swing], CALM_COST
        self._posture.set_target(target)
        self._posture.cost = cost

    def solve(self, task: BodyTask, steps: int, apart: ApartTask | None = None) -> np.ndarray:  # (7 + n,)
        """Joint positions that minimise the weighted task error, after at most a number of steps.

        Args:
            apart: keeps links from each other.
        """
        configuration = self._configuration
        tasks = (task, self._posture) if apart is None else (task, self._posture, apart)
        if apart is not None:
            apart.look(configuration.data)
        limits = self._limits if apart is None else [*self._limits, apart.limit]
        for _ in range(steps):
            if apart is not None:
                apart.measure(configuration)
            move = pink.solve_ik(
                configuration, tasks, 1.0, "daqp", DAMPING, limits, constraints=self._coupled, safety_break=False
            )
            largest = np.abs(move).max()
            move *= min(1.0, MAX_STEP_RAD / max(largest, 1e-9))
            q = pinocchio.integrate(self._model, configuration.q, move)
            configuration.update(np.clip(q, self._lower, self._upper))
            if largest < SETTLED_RAD:
                break
        return np.array(configuration.q)
