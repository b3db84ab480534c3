"""ArmWorld: the robot among floor, supports and objects in PyBullet, for questions about distance."""

from collections.abc import Sequence
from itertools import count

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HoiMotion
from hoi_motion.physics.bullet import collision_mesh, pybullet, visual_mesh
from hoi_motion.physics.world import COLLISION_MARGIN_M, BulletWorld
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.placement import PEDESTAL_HALF_M, carriers, stands_on
from hoi_motion.retarget.robots.in_bullet import load_robot

SELF_DEPTH_M = 0.001
GAP_RANGE_M = 0.03
NEIGHBOUR_JOINTS = 2  # links this few joints apart are built to be close


class ArmWorld(BulletWorld):
    """The robot and its scene; use it in a `with` statement.

    Args:
        target: name of the object that is handled.
        drawn: with what is only seen, for a film.
        obstacles: vertices (N, 3) of convex bodies that stand there, too, world.
    """

    def __init__(
        self,
        arm: Arm,
        motion: HoiMotion,
        target: str,
        drawn: bool = False,
        obstacles: Sequence[np.ndarray] = (),
    ):
        self._arm, self._motion, self._target, self._drawn = arm, motion, target, drawn
        self._obstacles = obstacles

    def _build(self) -> None:
        client, arm = dict(physicsClientId=self.client), self._arm
        self.robot = load_robot(arm.urdf_text, arm.config.urdf, self.client, seen=self._drawn, fixed_base=True)
        dynamics = pybullet.getDynamicsInfo(self.robot, -1, **client)
        self._T_base_mass = np.eye(4)  # PyBullet places the centre of mass, not the base's frame
        self._T_base_mass[:3, :3] = Rotation.from_quat(dynamics[4]).as_matrix()
        self._T_base_mass[:3, 3] = dynamics[3]
        info = [
            pybullet.getJointInfo(self.robot, i, **client) for i in range(pybullet.getNumJoints(self.robot, **client))
        ]
        by_name = {joint[1].decode(): i for i, joint in enumerate(info)}
        self._indices = [by_name[name] for name in (*arm.joint_names, *arm.fingers.names)]
        self.link_names = [joint[12].decode() for joint in info]
        moved_by = {-1: 0}  # number of joints between a link and the base
        parents = {i: joint[16] for i, joint in enumerate(info)}
        for i, joint in enumerate(info):
            moved_by[i] = moved_by[joint[16]] + (joint[2] != pybullet.JOINT_FIXED)
        self.fixed_links = {i for i, depth in moved_by.items() if depth == 0}
        self.finger_links = {by_name[name] for name in arm.fingers.names}
        grown = True
        while grown:  # links that hang on fingers
            more = {i for i, parent in parents.items() if parent in self.finger_links}
            grown = not more <= self.finger_links
            self.finger_links |= more
        last = max(moved_by[self._indices[i]] for i in range(len(arm.joint_names)))
        self.tool_links = {i for i, depth in moved_by.items() if depth >= last}
        self._self_pairs = [
            (a, b)
            for a in moved_by
            for b in moved_by
            if a < b and abs(moved_by[a] - moved_by[b]) > NEIGHBOUR_JOINTS and not {a, b} & self.finger_links
        ]
        if arm.has_one_jaw:  # its other finger stands on the palm
            self.finger_links |= self.tool_links
        self._add_scene(client)
        self.pose(arm.home_rad, arm.fingers.values(arm.gripper.open))
        touching = {(a, b) for a, b in self._self_pairs if self._depth(self.robot, self.robot, a, b) > 0}
        self._self_pairs = [pair for pair in self._self_pairs if pair not in touching]

    def _add_scene(self, client: dict) -> None:
        self.bodies = {"floor": self._add(pybullet.createCollisionShape(pybullet.GEOM_PLANE, **client))}
        for support in self._motion.supports:
            half = (support.size_m / 2).tolist()
            shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, **client)
            self.bodies[support.name] = body = self._add(shape)
            self._place(body, support.T_world_box)
        self._moving = [
            o
            for o in self._motion.objects
            if o.name != self._target and np.ptp(o.T_world_object[:, :3], axis=0).max() > 1e-6
        ]
        for thing in self._motion.objects:  # with triangles and not as a hull: fingers reach into cups
            shape = collision_mesh(self.client, thing.vertices_m, thing.faces)
            seen = visual_mesh(self.client, thing.vertices_m, thing.faces) if self._drawn else -1
            self.bodies[thing.name] = body = self._add(shape, seen)
            self._place(body, thing.T_world_object[0])
        free = (name for number in count(1) if (name := f"obstacle {number}") not in self.bodies)
        for vertices_m in self._obstacles:
            self.bodies[next(free)] = self._add(collision_mesh(self.client, vertices_m))
        self._level = self._add(pybullet.createCollisionShape(pybullet.GEOM_PLANE, **client))
        self._T_target = None
        self._pedestal = None
        self._carriers = {"floor", "pedestal"}

    def _add(self, shape: int, seen: int = -1) -> int:
        body = pybullet.createMultiBody(0, shape, seen, physicsClientId=self.client)
        pybullet.changeDynamics(body, -1, collisionMargin=COLLISION_MARGIN_M, physicsClientId=self.client)
        return body

    def set_base(self, T_world_base: np.ndarray) -> None:
        """Stand the robot there: on its own legs, on a support, or on a pedestal down to the floor."""
        client = dict(physicsClientId=self.client)
        self._place(self.robot, T_world_base @ self._T_base_mass)
        if self._pedestal is not None:
            pybullet.removeBody(self.bodies.pop("pedestal"), **client)
            self._pedestal = None
        height = float(T_world_base[2, 3])
        carrier = stands_on(T_world_base, self._motion.supports)
        self._carriers = carriers(T_world_base, self._motion.supports)
        if height > 0.02 and self._arm.config.base_height_m is None and carrier is None:
            half = [PEDESTAL_HALF_M, PEDESTAL_HALF_M, height / 2]
            self._pedestal = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, **client)
            self.bodies["pedestal"] = self._add(self._pedestal)
            T = T_world_base.copy()
            T[2, 3] = height / 2
            self._place(self.bodies["pedestal"], T)

    def place_target(self, T_world_object: np.ndarray) -> None:
        if not np.array_equal(T_world_object, self._T_target):  # at rest for most of the way
            self._place(self.bodies[self._target], T_world_object)
            self._T_target = T_world_object

    def displace(self, shift_m: np.ndarray) -> None:  # (3,)
        """Move the supports by so much from where the motion has them."""
        for support in self._motion.supports:
            T = support.T_world_box.copy()
            T[:3, 3] += shift_m
            self._place(self.bodies[support.name], T)

    def place_at(self, frame: float, T_world_target: np.ndarray) -> None:
        """The target at a pose, and other objects that move where they are at the nearest source frame."""
        self.place_target(T_world_target)
        for thing in self._moving:
            self._place(self.bodies[thing.name], thing.T_world_object[int(round(frame))])

    def pose(self, q: np.ndarray, fingers: np.ndarray) -> None:  # (n,), (g,)
        """Set arm joints and finger joints."""
        values = [*q, *fingers]
        for index, value in zip(self._indices, values):
            pybullet.resetJointState(self.robot, index, float(value), physicsClientId=self.client)

    def collision(self, give_m: float, with_self: bool = True, clear_m: float = 0.0) -> tuple[str, bool] | None:
        """What the robot runs into as posed now, and whether its gripper runs into the scene; None when it is free.

        Args:
            give_m: how deep the fingers may be in the target.
            clear_m: how far from the target the robot has to stay; that of fingers is less by `give_m`.
        """
        for name, body in self.bodies.items():
            from_m = clear_m if name == self._target else 0.0
            for point in pybullet.getClosestPoints(self.robot, body, from_m, physicsClientId=self.client):
                link, depth = point[3], -point[8]
                if link in self.fixed_links and name in self._carriers:
                    continue
                soft = (give_m if name == self._target and link in self.finger_links else 0.0) - from_m
                if depth > soft:
                    what = "the object" if name == self._target else name
                    return f"its {self._name(link)} hits {what}", link in self.tool_links and name != "pedestal"
        for a, b in self._self_pairs if with_self else ():
            if self._depth(self.robot, self.robot, a, b) > SELF_DEPTH_M:
                return f"its {self._name(a)} hits its {self._name(b)}", False
        return None

    def _name(self, link: int) -> str:
        return "base" if link < 0 else self.link_names[link]

    def _depth(self, first: int, second: int, a: int, b: int) -> float:
        points = pybullet.getClosestPoints(first, second, 0.0, a, b, physicsClientId=self.client)
        return max((-p[8] for p in points), default=0.0)

    def is_below(self, height_m: float) -> bool:
        """Whether the gripper as posed now comes below a height, world."""
        T = np.eye(4)
        T[2, 3] = height_m
        self._place(self._level, T)
        points = pybullet.getClosestPoints(self.robot, self._level, 0.0, physicsClientId=self.client)
        return any(point[3] in self.tool_links | self.finger_links and point[8] < 0 for point in points)

    def gap_m(self) -> float:
        """Distance from the fingers to the target; infinite beyond GAP_RANGE_M."""
        target, gaps = self.bodies[self._target], []
        for link in sorted(self.finger_links):
            points = pybullet.getClosestPoints(self.robot, target, GAP_RANGE_M, link, -1, physicsClientId=self.client)
            gaps += [p[8] for p in points]
        return max(0.0, min(gaps, default=np.inf))

    def nearest(self) -> tuple[float, int, np.ndarray]:
        """Distance from the robot to the target, negative inside it, the link and the target's point there; (3,) world.

        Infinite beyond GAP_RANGE_M, with the base and the target's place.
        """
        client = dict(physicsClientId=self.client)
        points = pybullet.getClosestPoints(self.robot, self.bodies[self._target], GAP_RANGE_M, **client)
        if not points:
            return np.inf, -1, self._T_target[:3, 3]
        first = min(points, key=lambda p: p[8])
        return first[8], first[3], np.array(first[6])
