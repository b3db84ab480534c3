"""An arm retargeted from held-out ground-truth scenes: reach, limits, collisions, speed on one core.

python -m benchmarks.retarget --robot panda --count 60

Every result is looked at again, sample by sample and with all links, apart from what retargeting itself checked.
"""

import argparse
import sys
import time
from collections import Counter

import numpy as np
from scipy.spatial.transform import Rotation

GAP_LIMIT_M = 0.015


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robot", default="panda")
    parser.add_argument("--count", type=int, default=60)
    arguments = parser.parse_args(argv)

    from hoi_motion.errors import RetargetError
    from hoi_motion.retarget.arm import Arm
    from hoi_motion.retarget.arm_trajectory import retarget_arm
    from hoi_motion.retarget.robot import load_robot_config
    from training.scenes.scene import HELD_OUT_SEED, free_body, generate_scene

    arm, body = Arm(load_robot_config(arguments.robot)), free_body()
    reached, violations, collisions, samples, seconds = 0, 0, 0, 0, 0.0
    grips, stretches, reasons = Counter(), [], Counter()
    for i in range(arguments.count):
        motion = generate_scene(HELD_OUT_SEED + i, 96, 144, 25).motion
        start = time.process_time()
        try:
            result = retarget_arm(motion, arm, body)
        except RetargetError as error:
            reasons[error.message] += 1
            print(f"scene {HELD_OUT_SEED + i}: {error.message}", file=sys.stderr)
            continue
        seconds += time.process_time() - start
        samples += len(result.positions_rad)
        gap, hits = look_again(result, motion, arm)
        reached += gap <= GAP_LIMIT_M
        collisions += hits
        violations += limit_violations(result, arm)
        grips[result.facts["grip"]] += 1
        stretches.append(result.stretch)
    print(f"{arguments.robot}: {reached}/{arguments.count} reached with the gripper at the object <= 15 mm; {dict(grips)}")
    print(f"limit violations {violations}, samples in collision {collisions}, of {samples} samples")
    if stretches:
        print(f"stretched: median {np.median(stretches):.2f}, at most {max(stretches):.2f} times as long as the person")
        print(f"{samples / seconds:.0f} samples a second of processor time, search and checks included")
    for reason, count in reasons.most_common():
        print(f"{count:>3} UNREACHABLE: {reason}")
    return 0


def limit_violations(result, arm) -> int:
    """Samples beyond a position, velocity or acceleration limit."""
    n = len(arm.joint_names)
    q = result.positions_rad[:, :n]
    velocity, acceleration = (np.abs(a) for a in result.rates())
    fastest = np.concatenate([arm.velocity_rad_s, arm.gripper_velocity])
    return int(
        ((q < arm.lower_rad) | (q > arm.upper_rad)).any(axis=1).sum()
        + (velocity > fastest + 1e-6).any(axis=1).sum()
        + (acceleration[:, :n] > arm.acceleration_rad_s2 + 1e-6).any(axis=1).sum()
    )


def look_again(result, motion, arm) -> tuple[float, int]:
    """Largest distance of the gripper from the object while it is held, and samples in collision."""
    from hoi_motion.retarget.arm_trajectory import CLOSE_S, timeline
    from hoi_motion.retarget.collision import ArmWorld
    from hoi_motion.retarget.grasp import acting_contact

    contact = acting_contact(motion)
    line = timeline(motion, contact)
    base = np.eye(4)
    base[:3, :3], base[:3, 3] = Rotation.from_quat(result.root_pose[0, 3:]).as_matrix(), result.root_pose[0, :3]
    closed = min(line.touch + int(np.ceil(CLOSE_S * line.rate_hz)), line.release)
    gap, hits, n = 0.0, 0, len(arm.joint_names)
    with ArmWorld(arm, motion, contact.object_name) as world:
        world.set_base(base)
        for i, q in enumerate(result.positions_rad):
            world.place_at(result.source_time_s[i] * motion.fps, line.T_world_object[i])
            world.pose(q[:n], q[n])
            hits += world.collision(holding=i >= line.touch) is not None
            if closed <= i <= line.release:
                gap = max(gap, world.gap_m())
    return gap, hits


if __name__ == "__main__":
    sys.exit(main())
