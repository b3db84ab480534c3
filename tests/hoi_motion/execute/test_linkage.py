"""A gripper whose fingers are linkages: how far its pads turn away from what they press on."""

import numpy as np
import pytest

from hoi_motion.execute.execution_world import SOLVER_ITERATIONS, STEP_S
from hoi_motion.execute.motors import MotorRobot
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.world import bullet_client
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.config import load_robot_config

BLOCK_M = 0.04
STEPS = 480


def part(name: str, mass_kg: float, size: str, at: str) -> str:
    inertia = '<inertia ixx="1e-5" iyy="1e-5" izz="1e-5" ixy="0" ixz="0" iyz="0"/>'
    shape = f'<origin xyz="{at}"/><geometry><box size="{size}"/></geometry>'
    inertial = f'<inertial><origin xyz="{at}"/><mass value="{mass_kg}"/>{inertia}</inertial>'
    return f'<link name="{name}">{inertial}<collision>{shape}</collision></link>'


def joint(name: str, parent: str, child: str, origin: str, axis: str, more: str = "") -> str:
    limit = '<limit lower="-2" upper="2" velocity="2" effort="50"/>'
    ends = f'<parent link="{parent}"/><child link="{child}"/><origin {origin}/><axis xyz="{axis}"/>'
    return f'<joint name="{name}" type="revolute">{ends}{limit}{more}</joint>'


def written(folder) -> str:
    """On a wrist that turns, two knuckles of 5 cm, which lean outwards, with pads that they carry."""
    parts = [part("foot", 1.0, "0.1 0.1 0.02", "0 0 0"), part("palm", 0.3, "0.04 0.09 0.03", "0 0 0.015")]
    parts.append(joint("turn", "foot", "palm", 'xyz="0 0 0.05"', "0 0 1"))
    for name, side in (("left", 1), ("right", -1)):
        lean, back = f'xyz="0 {0.03 * side} 0.04" rpy="{-0.6 * side} 0 0"', f'xyz="0 0 0.05" rpy="{0.6 * side} 0 0"'
        parts.append(part(f"{name}_knuckle", 0.015, "0.01 0.008 0.04", "0 0 0.025"))
        parts.append(part(f"{name}_pad", 0.015, "0.02 0.006 0.05", "0 0 0.025"))
        mimic = "" if side > 0 else '<mimic joint="left" multiplier="1"/>'
        parts.append(joint(name, "palm", f"{name}_knuckle", lean, f"{side} 0 0", mimic))
        bar = '<mimic joint="left" multiplier="-1"/>'
        parts.append(joint(f"{name}_bar", f"{name}_knuckle", f"{name}_pad", back, f"{side} 0 0", bar))
    (folder / "hand.urdf").write_text(f'<robot name="hand">{"".join(parts)}</robot>')
    yaml = "urdf: hand.urdf\ngripper: {joints: [left], open: 0.0, closed: 0.9}\n"
    (folder / "hand.yaml").write_text(yaml)
    return str(folder / "hand.yaml")


def test_bars_hold_the_pads_that_press_on_a_block(tmp_path):
    """PyBullet's gears give way: as stiff as the rack between two fingers, they let the pads turn by 20 degrees."""
    arm = Arm(load_robot_config(written(tmp_path)))
    assert list(arm.driven_fingers) == [name in ("left", "right") for name in arm.fingers.names]
    with bullet_client() as client:
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=STEP_S, numSolverIterations=SOLVER_ITERATIONS, physicsClientId=client
        )
        robot = MotorRobot(client, arm, seen=False)
        robot.stand(np.eye(4), arm.home_rad, arm.fingers.values(arm.gripper.open))
        half = [0.02, BLOCK_M / 2, 0.02]
        shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client)
        tip_m = arm.forward(arm.home_rad)[2, 3]
        pybullet.createMultiBody(0, shape, basePosition=[0, 0, tip_m], physicsClientId=client)
        robot.grip(arm.fingers.values(arm.gripper.closed), arm.gripper.force_n)
        for _ in range(STEPS):
            robot.drive(arm.home_rad, np.zeros(1))
            pybullet.stepSimulation(physicsClientId=client)
        joints = range(pybullet.getNumJoints(robot.body, physicsClientId=client))
        names = [pybullet.getJointInfo(robot.body, i, physicsClientId=client)[1].decode() for i in joints]
        value = {n: pybullet.getJointState(robot.body, i, physicsClientId=client)[0] for n, i in zip(names, joints)}
    assert value["left"] > 0.1  # it has closed
    for side in ("left", "right"):
        assert value[side] + value[f"{side}_bar"] == pytest.approx(0.0, abs=np.radians(14))
