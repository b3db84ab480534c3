"""Robots retargeted from held-out ground-truth scenes: reach, limits, collisions, feet, hands, speed on one core.

python -m benchmarks.retarget --robot panda --scenes 60
python -m benchmarks.retarget --robot humanoid --scenes 60

Every result is looked at again in PyBullet, sample by sample and with all links, apart from what retargeting itself
checked or measured.
"""

import argparse
import re
import sys
import time
from collections import Counter

import numpy as np
from scipy.spatial.transform import Rotation

GAP_LIMIT_M, SLIDE_LIMIT_M, FLOOR_LIMIT_M, HAND_LIMIT_M = 0.015, 0.005, 0.005, 0.03
ARM_FPS, HUMANOID_FPS = 300, 80
GMR = "GMR publishes 60-70 fps on a Ryzen Threadripper 7960X, 35-45 on a Core i9-13900K (README of YanjieZe/GMR)"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robot", default="panda", help="name or YAML file of an arm or a humanoid")
    parser.add_argument("--urdf", default="", help="URDF to take instead of the one that the YAML file names")
    parser.add_argument("--scenes", type=int, default=60, help="how many; default 60")
    arguments = parser.parse_args(argv)

    import torch

    from hoi_motion.retarget.robot import HumanoidConfig, load_robot_config

    torch.set_num_threads(1)
    config = load_robot_config(arguments.robot, arguments.urdf)
    measure = measure_humanoid if isinstance(config, HumanoidConfig) else measure_arm
    for line in measure(config, arguments.scenes):
        print(line)
    return 0


def ground_truth(count: int):
    """Yield (name, motion) of held-out scenes."""
    from tqdm import tqdm

    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    for i in tqdm(range(count), disable=not sys.stderr.isatty()):
        yield f"scene {HELD_OUT_SEED + i}", generate_scene(HELD_OUT_SEED + i, 96, 144, 25).motion


def measure_arm(config, count: int) -> list[str]:
    from hoi_motion.errors import RetargetError
    from hoi_motion.retarget.arm import Arm
    from hoi_motion.retarget.arm_trajectory import retarget_arm
    from training.scenes.scene import free_body

    arm, body = Arm(config), free_body()
    reached, violations, collisions, samples, seconds = 0, 0, 0, 0, 0.0
    grips, stretches, reasons = Counter(), [], Counter()
    for name, motion in ground_truth(count):
        start = time.process_time()
        try:
            result = retarget_arm(motion, arm, body)
        except RetargetError as error:
            reasons[re.sub(r"\d+ mm wide", "too wide", error.message)] += 1
            print(f"{name}: {error.message}", file=sys.stderr)
            continue
        seconds += time.process_time() - start
        samples += len(result.positions_rad)
        gap, hits = look_again(result, motion, arm)
        reached += gap <= GAP_LIMIT_M
        collisions += hits
        violations += limit_violations(result, arm)
        grips[result.facts["grip"]] += 1
        stretches.append(result.stretch)
    lines = [
        f"{config.name}, {count} scenes",
        f"reached with the gripper at the object <= {1000 * GAP_LIMIT_M:.0f} mm: {reached}/{count}; {dict(grips)}",
        f"limit violations: {violations}, samples in collision: {collisions}, of {samples} samples",
    ]
    if stretches:
        lines.append(f"stretched: median {np.median(stretches):.2f}, at most {max(stretches):.2f} times the person's time")
        lines.append(
            f"speed on one core: {samples / seconds:.0f} samples a second, search and checks included (goal {ARM_FPS})"
        )
    return lines + [f"{count:>3} UNREACHABLE: {reason}" for reason, count in reasons.most_common()]


def measure_humanoid(config, count: int) -> list[str]:
    from hoi_motion.retarget.humanoid import Humanoid
    from hoi_motion.retarget.humanoid_motion import retarget_humanoid
    from training.scenes.scene import free_body

    robot, body = Humanoid(config), free_body()
    slides, floors, points, gaps, frames, seconds = [], [], [], [], 0, 0.0
    for _, motion in ground_truth(count):
        start = time.process_time()
        result = retarget_humanoid(motion, robot, body)
        seconds += time.process_time() - start
        frames += len(result.positions_rad)
        floor, gap = look_again_humanoid(result, motion, robot)
        slides.append(result.facts["foot_slide_m"])
        floors.append(floor)
        points.append(max(result.facts["hand_error_m"].values(), default=0.0))
        gaps.append(gap)

    def row(what: str, values, limit_m: float, unit: str = "mm") -> str:
        values = np.array(values)
        within = int((values <= limit_m).sum())
        return (
            f"{what}: worst {1000 * values.max():.1f} {unit}, median {1000 * np.median(values):.1f}, "
            f"{within}/{count} within {1000 * limit_m:.0f}"
        )

    return [
        f"{config.name}, {count} scenes",
        row("foot skating", slides, SLIDE_LIMIT_M, "mm/frame"),
        row("floor penetration, any link", floors, FLOOR_LIMIT_M),
        row("hand contact, palm from its place", points, HAND_LIMIT_M),
        row("hand contact, skin from the surface", gaps, HAND_LIMIT_M),
        f"speed on one core: {frames / seconds:.0f} frames a second (goal {HUMANOID_FPS}); {GMR}",
    ]


def look_again_humanoid(result, motion, robot) -> tuple[float, float]:
    """Greatest depth of any link in the floor, and distance of a hand's link from the surface it should touch."""
    from hoi_motion.retarget.humanoid_world import HumanoidWorld

    floor, gap = 0.0, 0.0
    with HumanoidWorld(robot, motion, result) as world:
        for i in range(motion.num_frames):
            world.show(i)
            floor = max(floor, world.depth_m("floor"))
            for contact in motion.contacts:
                if contact.start_frame <= i < contact.end_frame:
                    gap = max(gap, abs(world.hand_gap_m(contact.hand, contact.object_name)))
    return floor, gap


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
