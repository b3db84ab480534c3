"""ExecutionWorld: a robot with motors among free objects, supports and the floor, under gravity."""

import numpy as np

from hoi_motion.execute.motors import MotorRobot
from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.world import COLLISION_MARGIN_M, GRAVITY_M_S2, BulletWorld, under_its_way
from hoi_motion.retarget.arm.placement import carriers, stands_on

STEP_S = 1 / 240
SOLVER_ITERATIONS = 120
FRICTION = 0.5  # between any two bodies: dry skin, rubber, wood and plastics have 0.4 to 0.9
ROLLING_M = 0.0005  # lever arm of rolling resistance: a ball of 50 mm slows down as on a wooden table (0.01)
FLOOR_SIZE_M = 6.0
FLOOR_DEPTH_M = 0.1
PEDESTAL_SIDE_M = 0.2


class ExecutionWorld(BulletWorld):
    """The scene as it is in the first frame, and the robot; use it in a `with` statement.

    Attributes:
        robot: the MotorRobot; target: body number of the object; bodies: number -> name of everything else.
        carriers: names of what the robot's base may stand on.
        T_base, T_start: (4, 4) pose of the robot's base, and of the target in the first frame; world.
    """

    def __init__(self, arm, scene: HoiMotion, target: RigidThing, T_world_base: np.ndarray, seen: bool):
        self._arm, self._scene, self._thing, self.T_base, self._seen = arm, scene, target, T_world_base, seen
        self.T_start = target.source.T_world_object[0]
        self._T_mass_object = np.linalg.inv(target.T_object_mass)

    def _build(self) -> None:
        client = dict(physicsClientId=self.client)
        pybullet.setGravity(0, 0, -GRAVITY_M_S2, **client)
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=STEP_S,
            numSolverIterations=SOLVER_ITERATIONS,
            deterministicOverlappingPairs=1,  # the same input gives the same output
            **client,
        )
        self.bodies = {}
        T_floor = np.eye(4)
        T_floor[2, 3] = -FLOOR_DEPTH_M / 2
        self._add_box("floor", (FLOOR_SIZE_M, FLOOR_SIZE_M, FLOOR_DEPTH_M), T_floor)  # triangles do not meet a plane
        for support in self._scene.supports:
            support = under_its_way(support, self._scene.objects)
            self._add_box(support.name, support.size_m, support.T_world_box)
        height_m = float(self.T_base[2, 3])
        carrier = stands_on(self.T_base, self._scene.supports)
        self.carriers = carriers(self.T_base, self._scene.supports)
        if height_m > PEDESTAL_SIDE_M / 10 and self._arm.config.base_height_m is None and carrier is None:
            T = self.T_base.copy()
            T[2, 3] = height_m / 2
            self._add_box("pedestal", (PEDESTAL_SIDE_M, PEDESTAL_SIDE_M, height_m), T)
        for thing in self._scene.objects:
            rigid = self._thing if thing.name == self._thing.source.name else RigidThing(thing)
            body = rigid.create(self.client, self._seen)
            self._place(body, thing.T_world_object[0] @ rigid.T_object_mass)
            if rigid is self._thing:
                self.target = body
            else:
                self.bodies[body] = thing.name
        self.robot = MotorRobot(self.client, self._arm, self._seen)
        for body in (self.robot.body, self.target, *self.bodies):
            self._rub(body, ROLLING_M if body == self.target else 0.0)

    def _add_box(self, name: str, size_m, T_world_box: np.ndarray) -> None:
        half = (np.array(size_m, float) / 2).tolist()
        shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, physicsClientId=self.client)
        body = pybullet.createMultiBody(0, shape, physicsClientId=self.client)
        self._place(body, T_world_box)
        self.bodies[body] = name

    def _rub(self, body: int, rolling_m: float) -> None:
        """PyBullet multiplies the friction of both bodies; each resistance to rolling by the other body's friction."""
        own = float(np.sqrt(FRICTION))
        for link in range(-1, pybullet.getNumJoints(body, physicsClientId=self.client)):
            pybullet.changeDynamics(
                body,
                link,
                lateralFriction=own,
                rollingFriction=rolling_m / own,
                collisionMargin=COLLISION_MARGIN_M,
                physicsClientId=self.client,
            )

    def step(self) -> None:
        pybullet.stepSimulation(physicsClientId=self.client)

    def put_target(self, T_world_object: np.ndarray) -> None:  # (4, 4)
        """Put the target somewhere else, at rest, as someone else's hand would."""
        self._place(self.target, T_world_object @ self._thing.T_object_mass)
        pybullet.resetBaseVelocity(self.target, [0, 0, 0], [0, 0, 0], physicsClientId=self.client)

    def T_world_object(self) -> np.ndarray:  # (4, 4)
        """Where the target is."""
        place = pybullet.getBasePositionAndOrientation(self.target, physicsClientId=self.client)
        return _pose(*place) @ self._T_mass_object

    def T_world_link(self, link: int) -> np.ndarray:  # (4, 4)
        state = pybullet.getLinkState(self.robot.body, link, physicsClientId=self.client)
        return _pose(state[4], state[5])

    def contacts(self, body: int) -> list:
        """PyBullet's contact points of a body that carry force."""
        points = pybullet.getContactPoints(bodyA=body, physicsClientId=self.client)
        return [point for point in points if point[9] > 0]

    def gap_m(self, reach_m: float) -> float:
        """Distance of the fingers to the target, infinite beyond `reach_m`."""
        gaps = [np.inf]
        for link in sorted(self.robot.finger_links):
            points = pybullet.getClosestPoints(
                self.robot.body, self.target, reach_m, link, -1, physicsClientId=self.client
            )
            gaps += [point[8] for point in points]
        return max(0.0, min(gaps))


def _pose(position: tuple, turn: tuple) -> np.ndarray:  # (3,), (4,) xyzw -> (4, 4)
    """PyBullet's own way from a quaternion to a matrix: it is asked hundreds of times a second of motion."""
    T = np.eye(4)
    T[:3, :3] = np.reshape(pybullet.getMatrixFromQuaternion(turn), (3, 3))
    T[:3, 3] = position
    return T
