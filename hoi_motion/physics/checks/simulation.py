"""Checks that step the simulation; they take seconds and run only with `check.simulate`."""

from weakref import WeakKeyDictionary

from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult, Verdict
from hoi_motion.physics.world import PhysicsWorld

OFF = "simulation is off; hoi-check --simulate or check.simulate=true turns it on"
_TRACKED: WeakKeyDictionary = WeakKeyDictionary()  # MotionGeometry -> Tracking: two checks use the same simulation


def tracking_of(geometry: MotionGeometry):
    """How a simulated person tracks the motion, a `simulate.Tracking`, cached by geometry; takes seconds."""
    from hoi_motion.physics.simulate import track_motion

    if geometry not in _TRACKED:
        _TRACKED[geometry] = track_motion(geometry)
    return _TRACKED[geometry]


def tracking(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How far the joints of a simulated person are from the motion, mean over the joints, in the worst frame."""
    name, limit = "tracking", geometry.config.tracking_m
    if not geometry.config.simulate:
        return CheckResult.not_run(name, limit, "m", OFF)
    error = tracking_of(geometry).error_m
    frame = int(error.argmax())
    reason = (
        f"a simulated person follows within {error.mean() * 100:.1f} cm, "
        f"at worst {error[frame] * 100:.1f} cm {geometry.time_words(frame)}"
    )
    return CheckResult.at_most(name, error[frame], limit, "m", frame, reason)


def root_wrench(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Force needed to hold the simulated person's pelvis, as a share of the weight, mean over the motion."""
    name, limit, unit = "root_wrench", geometry.config.root_wrench_share, "of body weight"
    if not geometry.config.simulate:
        return CheckResult.not_run(name, limit, unit, OFF)
    share = tracking_of(geometry).root_force_share
    frame = int(share.argmax())
    reason = (
        f"to follow, the simulated person is held by {share.mean():.0%} of its weight and "
        f"{tracking_of(geometry).root_torque_n_m.mean():.0f} Nm, "
        f"at most {share[frame]:.0%} {geometry.time_words(frame)}"
    )
    return CheckResult.at_most(name, share.mean(), limit, unit, frame, reason)


def object_settles(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How far an object that rests in the first frame moves in one second when released there in simulation."""
    from hoi_motion.physics.simulate import settle_objects

    name, limit = "object_settles", geometry.config.object_settle_m
    if not geometry.config.simulate:
        return CheckResult.not_run(name, limit, "m", OFF)
    resting = [o.name for o in geometry.motion.objects if geometry.supported(o)[0] and not geometry.touched(o)[0]]
    if not resting:
        return CheckResult.not_run(name, limit, "m", "no object rests by itself in the first frame")
    moved = settle_objects(geometry, resting)
    worst = max(resting, key=moved.get)
    reason = f"let go in the first frame, {worst} moves {moved[worst] * 100:.1f} cm in simulation"
    return CheckResult.at_most(name, moved[worst], limit, "m", 0, reason)


def object_follows(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How far objects that a hand touches in the second half are from their place when moved by physics alone.

    Only contact, friction and gravity move them; the worst object and frame count. The hand is the motion's, or one
    that closes around the object near it. Only reported unless `judge_following` is set.
    """
    from hoi_motion.physics.hand.carry import carried_objects
    from hoi_motion.physics.hand.grips import held_objects

    name, limit = "object_follows", geometry.config.object_follow_m if geometry.config.judge_following else None
    if not geometry.config.simulate:
        return CheckResult.not_run(name, limit, "m", OFF)
    if not carried_objects(geometry):
        return CheckResult.not_run(name, limit, "m", "no hand touches an object in the second half")
    held = held_objects(geometry)
    worst = max(held, key=lambda item: held[item].off_m.max())
    found = held[worst]
    frame = geometry.motion.num_frames // 2 + int(found.off_m.argmax())
    value = float(found.off_m.max())
    closed = f" by a hand that closes around it, {found.palm_moved_m * 100:.1f} cm from the motion's"
    how = closed if found.palm_moved_m else " alone"
    where = f"{value * 100:.1f} cm from its place {geometry.time_words(frame)}"
    reason = f"moved by contact and friction{how}, {worst} is {where}"
    if limit is None:
        return CheckResult(name, Verdict.PASS, value, None, "m", frame, reason)
    return CheckResult.at_most(name, value, limit, "m", frame, reason)
