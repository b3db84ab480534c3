"""unsure_arm: an arm's motion for a scene as lifted, and how it feels for an object whose distance is not known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.motion import HoiMotion
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.feel import SPREADS, feeling
from hoi_motion.retarget.arm.grasp import acting_contact
from hoi_motion.retarget.arm.sight import OpenSight, open_sight, scaled
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.robot_motion import RobotMotion

PLACES = (0.0, -0.5, 0.5, -1.0, 1.0)  # tried for a plan, as shares of the felt range: what is nearer is smaller


@dataclass(frozen=True)
class ArmAnswer:
    """A plan for an object whose distance may be unsure, and how the arm feels for it.

    Attributes:
        plan: what the arm does where the object stands as lifted, or at the first of PLACES at which it can; then
            `not_as_lifted` in its facts says so.
        scene: what `plan` is for: as lifted, or scaled.
        feeling: how the arm finds out where the object is; None where that is known.
        not_felt: why it cannot feel for the object, though it should; empty where it can or need not.
    """

    plan: RobotMotion
    scene: HoiMotion
    feeling: RobotMotion | None = None
    not_felt: str = ""


def unsure_arm(
    motion: HoiMotion,
    arm: Arm,
    body,
    T_world_base: np.ndarray | None = None,
    cancel: CancelToken | None = None,
    start_rad: np.ndarray | None = None,
    obstacles: Sequence[np.ndarray] = (),
) -> ArmAnswer:
    """As `retarget_arm`, of which the arguments and errors are, and with it the way to feel where it is needed.

    Obstacles count where the object's distance is known. Where they leave no way, they are ignored, as the plan's facts
    say.
    """
    name = acting_contact(motion).object_name
    sight = open_sight(motion, name)
    if sight is None:
        return _named(ArmAnswer(_avoiding(obstacles, motion, arm, body, T_world_base, cancel, start_rad), motion))
    plan, scene = _somewhere(motion, arm, body, name, sight, T_world_base, cancel, start_rad)
    start = arm.home_rad if start_rad is None else np.asarray(start_rad, float)
    try:
        return _named(ArmAnswer(plan, scene, feeling(motion, arm, name, sight, plan.T_world_root(), start)))
    except RetargetError as error:
        return _named(ArmAnswer(plan, scene, not_felt=error.message))


def _avoiding(obstacles: Sequence[np.ndarray], motion: HoiMotion, *how) -> RobotMotion:
    """A plan past the obstacles, else one that ignores them; which of the two, and how many, is in its facts."""
    if not obstacles:
        return retarget_arm(motion, *how)
    try:
        plan, fact = retarget_arm(motion, *how, obstacles=obstacles), "obstacles_avoided"
    except RetargetError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        plan, fact = retarget_arm(motion, *how), "obstacles_ignored"
    return replace(plan, facts=plan.facts | {fact: len(obstacles)})


def _named(answer: ArmAnswer) -> ArmAnswer:
    """With the approach in the plan's facts, and the range that is felt."""
    if answer.feeling is None:
        facts = {"approach": "direct"} | ({"not_felt": answer.not_felt} if answer.not_felt else {})
    else:
        facts = {key: answer.feeling.facts[key] for key in ("approach", "range_m")}
    return replace(answer, plan=replace(answer.plan, facts=answer.plan.facts | facts))


def _somewhere(
    motion, arm, body, name: str, sight: OpenSight, T_world_base, cancel, start_rad
) -> tuple[RobotMotion, HoiMotion]:
    """A plan for where the object may stand, as lifted first, and the scene in which it stands there."""
    first = None
    for share in PLACES:
        farther_m = share * SPREADS * sight.spread_m
        there = scaled(motion, name, 1 + farther_m / sight.distance_m)
        try:
            plan = retarget_arm(there, arm, body, T_world_base, cancel, start_rad)
        except RetargetError as error:
            if error.code is not ErrorCode.UNREACHABLE:
                raise
            first = first or error
            continue
        if first is None:
            return plan, there
        place = f"{100 * abs(farther_m):.0f} cm {'farther and larger' if share > 0 else 'nearer and smaller'}"
        words = f"planned for an object that stands {place} than lifted, since as lifted {first.message}"
        return replace(plan, facts=plan.facts | {"not_as_lifted": words}), there
    assert first is not None
    raise first
