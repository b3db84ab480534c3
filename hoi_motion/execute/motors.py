"""MotorRobot: an arm in PyBullet that moves by its motors alone, with the force that its URDF gives them."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.robots.in_bullet import load_robot

# of a joint's motor, per step: a drive follows within a few milliseconds
POSITION_GAIN = 0.3
VELOCITY_GAIN = 1.0
GEAR_FORCE_N = 2000.0  # the rack that couples two fingers does not give way
# share of a gear's error that is mended in a step: the bars of a linkage are stiffer than a rack, or its pads turn away
# from what they hold
RACK_STIFFNESS, BAR_STIFFNESS = 0.2, 0.8
SATURATED = 0.99  # share of its greatest force from which a motor is at its limit


class MotorRobot:
    """The robot as its URDF says, its base fixed.

    Attributes:
        body: PyBullet's number; gripper_links: those after the last joint of the arm; finger_links: those that hold.
        fixed_links: those that no joint moves; link_names: by number.
        unlimited: joints whose URDF gives no force, which are as strong as it takes.
        estimated_kg: links that move whose URDF gives no mass, with what their volume says.
    """

    def __init__(self, client: int, arm, seen: bool):
        """Load the robot into a PyBullet client.

        Args:
            arm: the Arm that gives URDF, joint names, fingers and grip; seen: load what is drawn of it, too.

        Raises:
            RetargetError: ROBOT_UNKNOWN when PyBullet does not load it.
        """
        self._client, self._arm = dict(physicsClientId=client), arm
        self.body = load_robot(arm.urdf_text, arm.config.urdf, client, seen, fixed_base=True)
        joints = range(pybullet.getNumJoints(self.body, **self._client))
        info = [pybullet.getJointInfo(self.body, i, **self._client) for i in joints]
        by_name = {joint[1].decode(): i for i, joint in enumerate(info)}
        self.link_names = {-1: "base"} | {i: joint[12].decode() for i, joint in enumerate(info)}
        self._arm_ids = [by_name[name] for name in arm.joint_names]
        self._finger_ids = [by_name[name] for name in arm.fingers.names]
        effort = np.array([info[i][10] for i in self._arm_ids], float)
        self.unlimited = tuple(name for name, limit in zip(arm.joint_names, effort) if limit <= 0)
        self._effort = np.where(effort > 0, effort, 1e6)
        moved_by = {-1: 0}
        for i, joint in enumerate(info):  # parents come first
            moved_by[i] = moved_by[joint[16]] + (joint[2] != pybullet.JOINT_FIXED)
        self.fixed_links = {i for i, count in moved_by.items() if count == 0}
        still = {self.link_names[i] for i in self.fixed_links}
        self.estimated_kg = {name: kg for name, kg in arm.estimated_kg.items() if name not in still}
        last = max(moved_by[i] for i in self._arm_ids)
        self.gripper_links = {i for i, count in moved_by.items() if count >= last}
        self.finger_links = set(self._finger_ids)
        for i, joint in enumerate(info):
            if joint[16] in self.finger_links:
                self.finger_links.add(i)
        if arm.has_one_jaw:
            self.finger_links |= self.gripper_links
        self._couple_fingers()
        self._wrist = self._arm_ids[int(np.argmax([moved_by[i] for i in self._arm_ids]))]
        pybullet.enableJointForceTorqueSensor(self.body, self._wrist, True, **self._client)

    def _couple_fingers(self) -> None:
        """One drive moves all fingers: an object between them cannot push one open and the other shut."""
        fingers = self._arm.fingers
        first, *others = range(len(self._finger_ids))
        for i in others:
            ratio = fingers.multipliers[i] / fingers.multipliers[first]
            gear = pybullet.createConstraint(
                self.body,
                self._finger_ids[first],
                self.body,
                self._finger_ids[i],
                pybullet.JOINT_GEAR,
                [0, 1, 0],
                [0, 0, 0],
                [0, 0, 0],
                **self._client,
            )
            stiffness = RACK_STIFFNESS if self._arm.driven_fingers[i] else BAR_STIFFNESS
            pybullet.changeConstraint(gear, gearRatio=-ratio, erp=stiffness, maxForce=GEAR_FORCE_N, **self._client)

    def stand(self, T_world_base: np.ndarray, q: np.ndarray, fingers: np.ndarray) -> None:  # (4, 4), (n,), (g,)
        """Place it, at rest in a configuration."""
        centre, turn = pybullet.getDynamicsInfo(self.body, -1, **self._client)[3:5]
        T = np.eye(4)  # PyBullet places the centre of mass
        T[:3, :3], T[:3, 3] = Rotation.from_quat(turn).as_matrix(), centre
        T = T_world_base @ T
        pybullet.resetBasePositionAndOrientation(
            self.body, T[:3, 3].tolist(), Rotation.from_matrix(T[:3, :3]).as_quat().tolist(), **self._client
        )
        for i, value in zip([*self._arm_ids, *self._finger_ids], [*q, *fingers]):
            pybullet.resetJointState(self.body, i, float(value), **self._client)

    def drive(self, q: np.ndarray, velocity: np.ndarray) -> None:  # (n,), (n,)
        """Set what the arm's motors do from the next step on."""
        pybullet.setJointMotorControlArray(
            self.body,
            self._arm_ids,
            pybullet.POSITION_CONTROL,
            targetPositions=q.tolist(),
            targetVelocities=velocity.tolist(),
            forces=self._effort.tolist(),
            positionGains=[POSITION_GAIN] * len(q),
            velocityGains=[VELOCITY_GAIN] * len(q),
            **self._client,
        )

    def grip(self, fingers: np.ndarray, force: float) -> None:  # (g,)
        """Set what the fingers' motors do from the next step on: joint values, and the force of each, N or Nm.

        Joints of a linkage that have no motor of their own go with those that have.
        """
        arm = self._arm
        shares = np.abs(arm.fingers.multipliers)
        for i, value, share, is_driven in zip(self._finger_ids, fingers, shares, arm.driven_fingers):
            pybullet.setJointMotorControl2(
                self.body,
                i,
                pybullet.POSITION_CONTROL,
                targetPosition=float(value),
                force=float(force) if is_driven else 0.0,
                maxVelocity=float(arm.finger_velocity * share),
                positionGain=POSITION_GAIN,
                velocityGain=VELOCITY_GAIN,
                **self._client,
            )

    def state(self) -> tuple[np.ndarray, np.ndarray]:  # (n,), (n,)
        """Positions of the arm's joints, and which of their motors are at their limit."""
        states = pybullet.getJointStates(self.body, self._arm_ids, **self._client)
        torque = np.abs([state[3] for state in states])
        return np.array([state[0] for state in states]), torque >= SATURATED * self._effort

    def width_m(self) -> float:
        """Opening of the fingers."""
        fingers = self._arm.fingers
        position = pybullet.getJointState(self.body, self._finger_ids[0], **self._client)[0]
        value = (position - fingers.offsets[0]) / fingers.multipliers[0]
        return self._arm.opening.width_m(float(value))

    def wrist_force_n(self) -> np.ndarray:  # (3,)
        """What a force sensor in the last joint of the arm says, in its link: the gripper's weight and all it meets."""
        return np.array(pybullet.getJointState(self.body, self._wrist, **self._client)[2][:3])
