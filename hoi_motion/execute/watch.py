"""Watch a plan while it runs: when the object is not where it should be, the arm stops and replans from there."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.change import turned_root
from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.execute.carrying import LOOK_STEPS, SETTLE_S, check_robot
from hoi_motion.execute.execution_world import STEP_S, ExecutionWorld
from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.rigid import R_about_z

NOTICED_M = 0.02  # from where it should be: more than a camera's noise, less than an opening
STOP_S = 0.3  # time in which the arm comes to rest, on its path
REST_S = 0.2
FALLEN_RAD = np.radians(15)


@dataclass(frozen=True)
class Push:
    """Something moves the object: at `time_s` of the plan it is at `T_world_object` (4, 4), at rest."""

    time_s: float
    T_world_object: np.ndarray


@dataclass(frozen=True)
class Deviation:
    """The object was seen elsewhere, and the arm stands still.

    Attributes:
        time_s: of the plan, when it was noticed; off_m: how far the object was from its place then.
        q: (n,) arm joints at rest; T_world_object: (4, 4) where the object is now.
    """

    time_s: float
    off_m: float
    q: np.ndarray
    T_world_object: np.ndarray


def watch(plan: RobotMotion, arm, scene: HoiMotion, push: Push | None = None, noun: str = "") -> Deviation | None:
    """Carry a plan out in physics until the object is seen elsewhere than the plan expects; None when it never is.

    The object is seen as it is: noise of a camera is not simulated.

    Args:
        plan: of an arm; arm: the Arm that it is for; scene: objects as they are in its first frame, supports.
        push: what happens to the object meanwhile.
        noun: what the object is called, for its mass.

    Raises:
        InputError: FILE_INVALID for a plan of another robot, or an object that the scene does not have.
    """
    check_robot(plan, arm)
    thing = RigidThing(scene.object_named(plan.facts["object"]), noun)
    n, end_s, path = len(arm.joint_names), (len(plan.positions_rad) - 1) / plan.fps, plan.spline()
    with ExecutionWorld(arm, scene, thing, plan.T_world_root(), seen=False) as world:
        first = plan.positions_rad[0]
        world.robot.stand(plan.T_world_root(), first[:n], first[n:])
        world.robot.grip(first[n:], arm.gripper.force_n)
        t, step, pushed, noticed = -SETTLE_S, 0, push is None, None
        while t < end_s and not (noticed and t > noticed[0] + STOP_S + REST_S):
            if not pushed and t >= push.time_s:
                world.put_target(push.T_world_object)
                pushed = True
            at, pace = _braked(max(t, 0.0), noticed)
            world.robot.drive(path(at)[:n], pace * path(at, 1)[:n])
            world.step()
            t, step = t + STEP_S, step + 1
            if not noticed and step % LOOK_STEPS == 0 and t >= 0:
                expected = plan.T_world_object(min(int(round(t * plan.fps)), len(plan.positions_rad) - 1))
                off_m = float(np.linalg.norm(world.T_world_object()[:3, 3] - expected[:3, 3]))
                if t < plan.facts["touch_s"] and off_m > NOTICED_M:
                    noticed = (t, off_m)
        if not noticed:
            return None
        return Deviation(*noticed, world.robot.state()[0], world.T_world_object())


def _braked(t: float, noticed: tuple[float, float] | None) -> tuple[float, float]:
    """Time on the plan's path, and the pace there: 1 until something is noticed, then linearly down to 0."""
    if noticed is None:
        return t, 1.0
    since = min(t - noticed[0], STOP_S)
    return noticed[0] + since - since**2 / (2 * STOP_S), 1 - since / STOP_S


def transplanted(scene: HoiMotion, object_name: str, T_world_object: np.ndarray, body) -> HoiMotion:
    """The same interaction where the object is now: it and the person are moved, everything else stays.

    Args:
        T_world_object: (4, 4) the object at rest; in the scene's first frame it is the same object elsewhere.
        body: BodyModel of the motion, for the person's pelvis.

    Raises:
        RetargetError: UNREACHABLE for an object that fell over: what the person did to it no longer applies.
    """
    thing = scene.object_named(object_name)
    D = T_world_object @ np.linalg.inv(thing.T_world_object[0])
    tilt = float(np.arccos(np.clip(D[2, 2], -1, 1)))
    if tilt > FALLEN_RAD:
        raise RetargetError(
            ErrorCode.UNREACHABLE,
            f"{object_name!r} fell over: it is turned by {np.degrees(tilt):.0f} degrees",
            "stand it up, or plan from a new picture",
        )
    upright = np.eye(4)
    upright[:3, :3] = R_about_z(float(Rotation.from_matrix(D[:3, :3]).as_euler("ZYX")[0]))
    start_m = thing.T_world_object[0, :3, 3]
    upright[:3, 3] = T_world_object[:3, 3] - upright[:3, :3] @ start_m
    pelvis_m = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), scene.betas)[0, 0].double().numpy()
    orient, transl = turned_root(scene.pose_rad[:, 0], scene.transl_m, pelvis_m, upright[:3, :3])
    pose = scene.pose_rad.copy()
    pose[:, 0] = orient
    there = dataclasses.replace(thing, T_world_object=D @ thing.T_world_object)
    moved = [there if o.name == object_name else o for o in scene.objects]
    return scene.replace(pose_rad=pose, transl_m=transl + upright[:3, 3], objects=tuple(moved))


def replanned(plan: RobotMotion, arm, scene: HoiMotion, body, deviation: Deviation) -> tuple[RobotMotion, HoiMotion]:
    """A new plan from where arm and object are now, and the scene that it is for.

    The base stays where it is. The object takes the planned path, from its new place.

    Raises:
        RetargetError: UNREACHABLE with the reasons.
    """
    moved = transplanted(scene, plan.facts["object"], deviation.T_world_object, body)
    start = np.clip(deviation.q, arm.lower_rad, arm.upper_rad)
    return retarget_arm(moved, arm, body, plan.T_world_root(), start_rad=start), moved
