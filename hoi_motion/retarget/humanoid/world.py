"""HumanoidWorld: a humanoid and its scaled scene in PyBullet, for films and to check results."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HANDS, HoiMotion
from hoi_motion.physics.bullet import collision_mesh, pybullet, visual_mesh
from hoi_motion.physics.world import BulletWorld
from hoi_motion.retarget.humanoid.humanoid import Humanoid
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.retarget.robots.in_bullet import load_robot


class HumanoidWorld(BulletWorld):
    """A result and its scene; use it in a `with` statement.

    Attributes:
        robot: body id; bodies: floor, supports and objects by name.
    """

    def __init__(self, robot: Humanoid, motion: HoiMotion, result: RobotMotion):
        self._humanoid, self._motion, self._result = robot, motion, result
        self._scale = result.facts["scene_scale"]

    def _build(self) -> None:
        client = dict(physicsClientId=self.client)
        urdf = self._humanoid.config.urdf
        self.robot = load_robot(self._humanoid.urdf_text, urdf, self.client, seen=True, fixed_base=False)
        centre, turn = pybullet.getDynamicsInfo(self.robot, -1, **client)[3:5]
        self._T_root_mass = np.eye(4)  # PyBullet places the centre of mass, not the root's frame
        self._T_root_mass[:3, :3], self._T_root_mass[:3, 3] = Rotation.from_quat(turn).as_matrix(), centre
        info = [
            pybullet.getJointInfo(self.robot, i, **client) for i in range(pybullet.getNumJoints(self.robot, **client))
        ]
        by_name = {joint[1].decode(): i for i, joint in enumerate(info)}
        self._joints = [by_name[name] for name in self._result.joint_names]
        links = {joint[12].decode(): i for i, joint in enumerate(info)}
        self._hand_links = {hand: {links[self._humanoid.config.frames[hand]]} for hand in HANDS}
        for i, joint in enumerate(info):  # parents come first
            for rigid in self._hand_links.values():
                if joint[2] == pybullet.JOINT_FIXED and joint[16] in rigid:
                    rigid.add(i)
        self.bodies = {"floor": self._add(pybullet.createCollisionShape(pybullet.GEOM_PLANE, **client))}
        for support in self._motion.supports:
            half = (support.size_m * self._scale / 2).tolist()
            shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, **client)
            self.bodies[support.name] = body = self._add(shape)
            self._place(body, self._scaled(support.T_world_box))
        for thing in self._motion.objects:
            mesh = thing.vertices_m * self._scale, thing.faces
            shape = collision_mesh(self.client, *mesh)
            self.bodies[thing.name] = self._add(shape, visual_mesh(self.client, *mesh))

    def _add(self, shape: int, seen: int = -1) -> int:
        body = pybullet.createMultiBody(0, shape, seen, physicsClientId=self.client)
        pybullet.changeDynamics(body, -1, collisionMargin=0.0, physicsClientId=self.client)
        return body

    def _scaled(self, T: np.ndarray) -> np.ndarray:
        T = np.array(T, float)
        T[:3, 3] *= self._scale
        return T

    def show(self, sample: int) -> None:
        """Place robot and objects as in a sample."""
        root = self._result.root_pose[sample]
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = Rotation.from_quat(root[3:]).as_matrix(), root[:3]
        self._place(self.robot, T @ self._T_root_mass)
        for index, value in zip(self._joints, self._result.positions_rad[sample]):
            pybullet.resetJointState(self.robot, index, float(value), physicsClientId=self.client)
        for thing in self._motion.objects:
            self._place(self.bodies[thing.name], self._scaled(thing.T_world_object[sample]))

    def depth_m(self, name: str) -> float:
        """Largest penetration of the robot, as shown, into the floor, a support or an object."""
        points = pybullet.getClosestPoints(self.robot, self.bodies[name], 0.0, physicsClientId=self.client)
        return max((-p[8] for p in points), default=0.0)

    def hand_gap_m(self, hand: str, name: str) -> float:
        """Signed distance from a hand, as shown, to an object: from its link and what is fixed to that."""
        gaps = [np.inf]
        for link in sorted(self._hand_links[hand]):
            found = pybullet.getClosestPoints(self.robot, self.bodies[name], 1.0, link, -1, physicsClientId=self.client)
            gaps += [p[8] for p in found]
        return min(gaps)
