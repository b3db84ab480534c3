"""Robots retargeted from held-out ground-truth scenes: reach, limits, collisions, feet, hands, speed on one core.

python -m benchmarks.retarget --robot panda --scenes 60 --out FILE
python -m benchmarks.retarget --robot humanoid --scenes 60 --out FILE
python -m benchmarks.retarget --beside gmr --gmr CHECKOUT --gmr-python PYTHON --scenes 12 --recordings A.amc B.amc

Every result is checked again in PyBullet, sample by sample and with all links, independently of what retargeting itself
checked or measured. With --out an interrupted run continues where it stopped.
"""

import argparse
import sys
import time
from collections import Counter
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save

GAP_LIMIT_M = 0.015
SLIDE_LIMIT_M = 0.005
FLOOR_LIMIT_M = 0.005
HAND_LIMIT_M = 0.03
REACHED_SHARE = 0.9
ARM_FPS = 300
HUMANOID_FPS = 80
GMR = "GMR publishes 60-70 fps on a Ryzen Threadripper 7960X, 35-45 on a Core i9-13900K (README of YanjieZe/GMR)"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robot", default="panda", help="name or YAML file of an arm or a humanoid")
    parser.add_argument("--urdf", default="", help="URDF to use instead of the one named in the YAML file")
    parser.add_argument("--scenes", type=int, default=60, help="how many; default 60")
    parser.add_argument("--workers", type=int, default=1, help="processes; speeds are those of one core")
    parser.add_argument("--out", type=Path, help="JSON lines, one per scene; an interrupted run continues from it")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first scene; 5000 and up are for development"
    )
    parser.add_argument("--beside", choices=["gmr"], help="compare humanoids with another project, given by path")
    parser.add_argument("--gmr", type=Path, help="checkout of github.com/YanjieZe/GMR")
    parser.add_argument("--gmr-python", default=sys.executable, help="Python with GMR's packages; default this one")
    parser.add_argument(
        "--recordings", nargs="*", type=Path, default=[], help="also compare on these ASF/AMC recordings"
    )
    add_save_option(parser, "retarget")
    arguments = parser.parse_args(argv)
    if arguments.beside:
        return _beside_gmr(parser, arguments)

    from hoi_motion.retarget.robots.config import HumanoidConfig, load_robot_config

    humanoid = isinstance(load_robot_config(arguments.robot, arguments.urdf), HumanoidConfig)
    measure, table = (measure_humanoid, humanoid_table) if humanoid else (measure_arm, arm_table)
    settings = {"robot": arguments.robot, "urdf": arguments.urdf}
    jobs = {i: (i,) for i in range(arguments.first, arguments.first + arguments.scenes)}
    rows = measure_pieces(measure, jobs, arguments.out, arguments.workers, **settings)
    print(f"{arguments.robot}, {len(rows)} scenes")
    print("\n".join(table(rows)))
    if arguments.save:
        name = f"retarget_{Path(arguments.robot).stem}" if arguments.save == "retarget" else arguments.save
        found = humanoid_values(rows) if humanoid else arm_values(rows)
        save(name, f"motions of {len(rows)} scenes for the robot {arguments.robot}", found)
    return 0


def _beside_gmr(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    """The comparison's table; exit code 2 with one line if GMR cannot be run."""
    from benchmarks.beside_gmr import ROBOT, Gmr, measured, ours, table
    from benchmarks.mocap import read_recording
    from hoi_motion.errors import TavidError
    from hoi_motion.retarget.humanoid.humanoid import Humanoid
    from hoi_motion.retarget.robots.config import load_robot_config
    from training.scenes.scene import free_body

    if arguments.gmr is None:
        parser.error("--beside gmr needs --gmr, a checkout of github.com/YanjieZe/GMR")
    body, rows = free_body(), []
    try:
        gmr = Gmr(arguments.gmr, arguments.gmr_python)
        robot = Humanoid(load_robot_config(ROBOT, arguments.urdf or str(gmr.urdf)))
        robot.load_shapes()
        scenes = range(arguments.first, arguments.first + arguments.scenes)
        sources = {f"scene {i}": partial(_ground_truth, i) for i in scenes}
        sources |= {path.stem: partial(read_recording, path, body) for path in arguments.recordings}
        for name, read in sources.items():
            found = read()
            motion = found[0] if isinstance(found, tuple) else found
            row = {who: measured(solve, motion, robot, body) for who, solve in (("ours", ours), ("gmr", gmr.solve))}
            rows.append(row)
            print(f"{name}: turned back {row['ours']['turned_back']:.0f} | {row['gmr']['turned_back']:.0f}", flush=True)
    except TavidError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{ROBOT}, {len(rows)} motions, means unless said otherwise")
    print("\n".join(table(rows)))
    return 0


@lru_cache(maxsize=1)
def _loaded(robot: str, urdf: str):
    """Robot and body."""
    import torch

    from hoi_motion.retarget.arm.arm import Arm
    from hoi_motion.retarget.humanoid.humanoid import Humanoid
    from hoi_motion.retarget.robots.config import HumanoidConfig, load_robot_config
    from training.scenes.scene import free_body

    torch.set_num_threads(1)
    config = load_robot_config(robot, urdf)
    return Humanoid(config) if isinstance(config, HumanoidConfig) else Arm(config), free_body()


def _ground_truth(number: int):
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    scene = generate_scene(HELD_OUT_SEED + number, 48, 72, 25, supersampling=1)
    return scene.motion, " ".join(scene.triplet[1:])


def measure_arm(number: int, robot: str, urdf: str) -> dict:
    """All numbers of one held-out scene; `refused` is the reason when it is UNREACHABLE."""
    from hoi_motion.errors import ErrorCode, RetargetError
    from hoi_motion.retarget.arm.trajectory import retarget_arm

    (arm, body), (motion, what) = _loaded(robot, urdf), _ground_truth(number)
    start = time.process_time()
    try:
        result = retarget_arm(motion, arm, body)
    except RetargetError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        return {"what": what, "refused": error.message, "seconds": time.process_time() - start}
    row = {"what": what, "refused": "", "seconds": time.process_time() - start, "samples": len(result.positions_rad)}
    gap, hits = look_again(result, motion, arm)
    row |= {"gap_m": gap, "collisions": hits, "violations": limit_violations(result, arm), "stretch": result.stretch}
    return row | {name: result.facts[name] for name in ("grip", "path", "attempts")}


def arm_table(rows: list[dict]) -> list[str]:
    """Measured values beside their goals; one line per scene that is UNREACHABLE."""
    moved = [r for r in rows if not r["refused"]]
    reached = [r for r in moved if r["gap_m"] <= GAP_LIMIT_M]
    lines = [
        f"reached with the gripper at the object <= {1000 * GAP_LIMIT_M:.0f} mm: {len(reached)}/{len(rows)} "
        f"(goal {REACHED_SHARE:.0%}); {dict(Counter(r['grip'] for r in reached))}"
    ]
    if moved:
        samples, stretches = sum(r["samples"] for r in moved), [r["stretch"] for r in moved]
        seconds = sum(r["seconds"] for r in moved)
        attempts = [r["attempts"] for r in moved]
        lines += [
            f"largest gap {1000 * max(r['gap_m'] for r in moved):.1f} mm; limit violations: "
            f"{sum(r['violations'] for r in moved)}, samples in collision: {sum(r['collisions'] for r in moved)}, "
            f"of {samples} samples",
            f"duration: median {np.median(stretches):.2f}, at most {max(stretches):.2f} times the person's",
            f"attempts: one in {attempts.count(1)}/{len(moved)}, at most {max(attempts)}",
            f"speed on one core: {samples / seconds:.0f} samples/s, search and checks included (goal {ARM_FPS})",
        ]
    refused = [r for r in rows if r["refused"]]
    lines += [f"scene {r['piece']}, {r['what']}, UNREACHABLE in {r['seconds']:.1f} s: {r['refused']}" for r in refused]
    return lines


def arm_values(rows: list[dict]) -> dict[str, Value]:
    moved = [r for r in rows if not r["refused"]]
    found = {
        "scenes": Value(len(rows)),
        "reached": Value(sum(r["gap_m"] <= GAP_LIMIT_M for r in moved)),
        "violations": Value(sum(r["violations"] for r in moved)),
        "collisions": Value(sum(r["collisions"] for r in moved)),
    }
    if moved:
        found["gap_mm_worst"] = Value(1000 * max(r["gap_m"] for r in moved), "mm")
        found["stretch"] = Value(float(np.median([r["stretch"] for r in moved])))
        found["samples_per_s"] = Value(sum(r["samples"] for r in moved) / sum(r["seconds"] for r in moved))
    return found


def measure_humanoid(number: int, robot: str, urdf: str) -> dict:
    """All numbers of one held-out scene."""
    from hoi_motion.retarget.humanoid.motion import retarget_humanoid

    (humanoid, body), (motion, what) = _loaded(robot, urdf), _ground_truth(number)
    start = time.process_time()
    result = retarget_humanoid(motion, humanoid, body)
    row = {"what": what, "seconds": time.process_time() - start, "frames": len(result.positions_rad)}
    floor, gap = look_again_humanoid(result, motion, humanoid)
    palm = max(result.facts["hand_error_m"].values(), default=0.0)
    return row | {"slide_m": result.facts["foot_slide_m"], "floor_m": floor, "palm_m": palm, "skin_m": gap}


def humanoid_table(rows: list[dict]) -> list[str]:
    """Measured values beside their goals."""

    def row(what: str, name: str, limit_m: float, unit: str = "mm") -> str:
        values = np.array([r[name] for r in rows])
        worst, within = int(values.argmax()), int((values <= limit_m).sum())
        return (
            f"{what}: worst {1000 * values[worst]:.1f} {unit} (scene {rows[worst]['piece']}, {rows[worst]['what']}), "
            f"median {1000 * np.median(values):.1f}, {within}/{len(rows)} within {1000 * limit_m:.0f}"
        )

    frames, seconds = (sum(r[name] for r in rows) for name in ("frames", "seconds"))
    return [
        row("foot skating", "slide_m", SLIDE_LIMIT_M, "mm/frame"),
        row("floor penetration, any link", "floor_m", FLOOR_LIMIT_M),
        row("hand contact, palm from its target", "palm_m", HAND_LIMIT_M),
        row("hand contact, skin from the surface", "skin_m", HAND_LIMIT_M),
        f"speed on one core: {frames / seconds:.0f} frames per second (goal {HUMANOID_FPS}); {GMR}",
    ]


def humanoid_values(rows: list[dict]) -> dict[str, Value]:
    found = {"scenes": Value(len(rows))}
    for name in ("slide", "floor", "palm", "skin"):
        found[f"{name}_mm_worst"] = Value(1000 * max(r[f"{name}_m"] for r in rows), "mm")
    frames, seconds = (sum(r[name] for r in rows) for name in ("frames", "seconds"))
    return found | {"frames_per_s": Value(frames / seconds)}


def look_again_humanoid(result, motion, robot) -> tuple[float, float]:
    """Largest depth of any link in the floor, and distance of a hand's link from the surface it should touch."""
    from hoi_motion.retarget.humanoid.world import HumanoidWorld

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
    """Joints beyond a position, velocity or acceleration limit anywhere on the spline through the samples."""
    n = len(arm.joint_names)
    q = result.positions_rad[:, :n]
    velocity, acceleration = result.peaks()
    fastest = np.concatenate([arm.velocity_rad_s, arm.finger_velocity * np.abs(arm.fingers.multipliers)])
    return int(
        ((q < arm.lower_rad) | (q > arm.upper_rad)).any(axis=0).sum()
        + (velocity > fastest + 1e-6).sum()
        + (acceleration[:n] > arm.acceleration_rad_s2 + 1e-6).sum()
    )


def look_again(result, motion, arm) -> tuple[float, int]:
    """Largest distance of the gripper from the object while it is held, and samples in collision."""
    from hoi_motion.retarget.arm.attempt import PINCH_GIVE_M, PRESS_GIVE_M
    from hoi_motion.retarget.arm.world import ArmWorld

    gap, hits, n = 0.0, 0, len(arm.joint_names)
    facts, give = result.facts, PINCH_GIVE_M if result.facts["grip"] == "pinch" else PRESS_GIVE_M
    with ArmWorld(arm, motion, facts["object"]) as world:
        world.set_base(result.T_world_root())
        for i, q in enumerate(result.positions_rad):
            world.place_at(result.source_time_s[i] * motion.fps, result.T_world_object(i))
            world.pose(q[:n], q[n:])
            hits += world.collision(give) is not None
            if facts["closed_s"] <= i / result.fps <= facts["release_s"]:
                gap = max(gap, world.gap_m())
    return gap, hits


if __name__ == "__main__":
    sys.exit(main())
