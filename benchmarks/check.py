"""The physics check on ground-truth scenes (must PASS) and on faults planted into them (must FAIL for the right reason).

python -m benchmarks.check --count 20 --strengths 4

A fault of strength s is s times the limit of its check. Strengths above the limit run from 1.25 to 4, those below it
from 0.1 to 0.5; only scenes that pass unchanged are used.
"""

import argparse
import sys
import time
from dataclasses import replace

import numpy as np

from hoi_motion.motion import HoiMotion
from hoi_motion.physics import CheckConfig, Verdict

LIMITS = CheckConfig()


def floating(motion: HoiMotion, strength: float) -> HoiMotion:
    return _shifted_body(motion, [0, 0, LIMITS.floating_m * strength])


def sinking(motion: HoiMotion, strength: float) -> HoiMotion:
    return _shifted_body(motion, [0, 0, -LIMITS.floating_m * strength])


def foot_skating(motion: HoiMotion, strength: float) -> HoiMotion:
    step = LIMITS.skating_m * 30 / motion.fps * strength
    return _shifted_body(motion, np.arange(motion.num_frames)[:, None] * [step, 0, 0])


def contact_kept(motion: HoiMotion, strength: float) -> HoiMotion | None:
    """Hand and object part by 25 cm for a share of the contact's frames."""
    contact = next((c for c in motion.contacts), None)
    if contact is None:
        return None
    frames = contact.end_frame - contact.start_frame
    lost = int(round((1 - LIMITS.contact_kept_share) * strength * frames))
    offsets = np.zeros((motion.num_frames, 3))
    offsets[contact.end_frame - lost : contact.end_frame] = [0, 0, 0.25]
    return _shifted_object(motion, offsets) if lost else None


def object_support(motion: HoiMotion, strength: float) -> HoiMotion | None:
    """At first the object hangs in the air for the time in which it would fall `strength` limits."""
    seconds = np.sqrt(2 * LIMITS.support_drift_m * strength / 9.81)
    frames = 1 + int(np.ceil(seconds * motion.fps) if strength > 1 else np.floor(seconds * motion.fps))
    offsets = np.zeros((motion.num_frames, 3))
    offsets[:frames] = [1.5, 1.5, 0.5]
    return _shifted_object(motion, offsets)


def object_rest(motion: HoiMotion, strength: float) -> HoiMotion | None:
    """The object creeps along before any hand is near."""
    start = min((c.start_frame for c in motion.contacts), default=motion.num_frames)
    before = int(start * 0.6)
    if before < 4:
        return None
    offsets = np.zeros((motion.num_frames, 3))
    offsets[:before, 0] = LIMITS.object_still_m * strength * np.linspace(1, 0, before)
    return _shifted_object(motion, offsets)


def object_jump(motion: HoiMotion, strength: float) -> HoiMotion:
    """The object is somewhere else from one frame to the next, before any hand is near."""
    offsets = np.zeros((motion.num_frames, 3))
    offsets[:2, 0] = LIMITS.object_slip_m_s / motion.fps * strength
    return _shifted_object(motion, offsets)


def joint_limits(motion: HoiMotion, strength: float) -> HoiMotion:
    """A knee bends backwards; the anatomical table's margin of 15 degrees is the unit."""
    pose = motion.pose_rad.copy()
    pose[motion.num_frames // 2, 5] = [-np.radians(15 * strength), 0, 0]
    return motion.replace(pose_rad=pose)


def joint_velocity(motion: HoiMotion, strength: float) -> HoiMotion | None:
    """The head turns to and fro; below half a turn a frame, beyond which direction is lost."""
    step = LIMITS.joint_velocity_rad_s * strength / motion.fps
    if step > np.pi:
        return None
    pose = motion.pose_rad.copy()
    pose[1::2, 22, 0] += step
    return motion.replace(pose_rad=pose)


def penetration_body_scene(motion: HoiMotion, strength: float) -> HoiMotion | None:
    """The table is pushed into the person, `strength` limits beyond where it first touches the torso."""
    from hoi_motion.physics.geometry import MotionGeometry

    if not motion.supports or "body" not in _BODY:
        return None
    box = motion.supports[0]
    geometry = MotionGeometry(motion.replace(supports=(box,)), LIMITS, _BODY["body"])
    local = (geometry.vertices_m - box.T_world_box[:3, 3]) @ box.T_world_box[:3, :3]
    inside = np.abs(local) < box.size_m / 2
    nearest = (np.inf, 0, 0.0)
    for axis in (0, 1):
        beside = inside[..., 1 - axis] & inside[..., 2]
        gaps = np.where(beside, np.abs(local[..., axis]) - box.size_m[axis] / 2, np.inf)
        at = np.unravel_index(gaps.argmin(), gaps.shape)
        nearest = min(nearest, (float(gaps[at]), axis, float(np.sign(local[at][axis]))))
    gap, axis, side = nearest
    if not np.isfinite(gap):
        return None
    T = box.T_world_box.copy()
    T[:3, 3] += T[:3, axis] * side * (gap + LIMITS.penetration_m * strength)
    return motion.replace(supports=(replace(box, T_world_box=T), *motion.supports[1:]))


_BODY: dict = {}
FAULTS = (
    floating, sinking, foot_skating, contact_kept, object_support, object_rest, object_jump, joint_limits,
    joint_velocity, penetration_body_scene,
)  # fmt: skip
"""Each is named after the check that must catch it; None when a scene has no place for it."""


def _shifted_body(motion: HoiMotion, offsets_m) -> HoiMotion:
    return motion.replace(transl_m=motion.transl_m + np.asarray(offsets_m, np.float32))


def _shifted_object(motion: HoiMotion, offsets_m: np.ndarray) -> HoiMotion:  # (T, 3)
    T = motion.target.T_world_object.copy()
    T[:, :3, 3] += offsets_m
    shifted = replace(motion.target, T_world_object=T)
    return motion.replace(objects=tuple(shifted if o.name == shifted.name else o for o in motion.objects))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="number of scenes; default 20")
    parser.add_argument("--strengths", type=int, default=4, help="strengths a fault, half of them below the limit")
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--fps", type=float, default=8.0)
    arguments = parser.parse_args(argv)

    from hoi_motion.body import load_body
    from hoi_motion.physics import check_motion
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    body = _BODY["body"] = load_body()
    good, seconds, passed = [], [], 0
    for i in range(arguments.count):
        scene = generate_scene(HELD_OUT_SEED + i, 48, 72, arguments.frames, arguments.fps, supersampling=1, body=body)
        start = time.perf_counter()
        report = check_motion(scene.motion, body=body)
        seconds.append(time.perf_counter() - start)
        passed += report.verdict is Verdict.PASS
        if report.verdict is Verdict.PASS:
            good.append(scene.motion)
        else:
            failed = [f"{c.name}: {c.reason}" for c in report.checks if c.verdict is Verdict.FAIL]
            print(f"scene {HELD_OUT_SEED + i}: {'; '.join(failed)}", file=sys.stderr)
    print(f"ground truth: {passed}/{arguments.count} PASS, median {np.median(seconds):.2f} s a scene of {arguments.frames} frames")
    half = max(arguments.strengths // 2, 1)
    above, below = np.linspace(1.25, 4, half), np.linspace(0.1, 0.5, half)
    print(f"{'planted fault':<24} {'caught':>9} {'false alarms':>14}")
    for fault in FAULTS:
        caught = _alarms(fault, good, above, body)
        false = _alarms(fault, good, below, body)
        print(f"{fault.__name__:<24} {caught:>9} {false:>14}")
    return 0


def _alarms(fault, motions: list[HoiMotion], strengths: np.ndarray, body) -> str:
    """How often the fault's own check fails, as "failed/planted"."""
    from hoi_motion.physics import check_motion

    failed = planted = 0
    for motion, strength in zip(motions, np.resize(strengths, len(motions))):
        faulty = fault(motion, float(strength))
        if faulty is None:
            continue
        planted += 1
        result = next(c for c in check_motion(faulty, body=body).checks if c.name == fault.__name__)
        failed += result.verdict is Verdict.FAIL
    return f"{failed}/{planted}"


if __name__ == "__main__":
    sys.exit(main())
