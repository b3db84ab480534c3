"""What a robot does to the true object with a plan from a frame and a mask; `benchmarks.execute --planned`.

A case of TargetBench gives one picture and the mask of one object. The mini model generates a video from them, the
video is lifted, the lift is moved into the world of the scene by the pose of the camera, and a robot's motion is made
there. It is executed with the true objects, in their true places, on their true supports, which the plan does not know.

The goal is the scene's act, as defined in `hoi_motion/execute/task.py`, along the path that the video shows. The
instruction of the video names the act, and the robot gets it from there, as in the planner. A plan for another act is a
failure, and so is one without a hand on the target.
"""

import time
from collections import Counter
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from benchmarks.results import Value
from hoi_motion.errors import TavidError
from hoi_motion.motion import HoiMotion
from hoi_motion.rigid import moved

PROFILE = "mini"
SAMPLE_SEED = 0
KINDS = ("touch", "slide", "lift")
GOALS = {("panda_wide", False): 14, ("panda_wide", True): 17, ("panda", False): 6, ("panda", True): 9}  # of 22


def jobs_of(count: int, first: int) -> dict:
    """Cases by name: the first of every class with one person, then the second; those from 20 on are in no bench."""
    from training.bench.cases import ONE_PERSON_CLASSES, Case

    rounds = -(-count // len(ONE_PERSON_CLASSES))
    cases = [Case(name, first + index) for index in range(rounds) for name in ONE_PERSON_CLASSES]
    return {f"{case.name} {case.index}": (case,) for case in cases[:count]}


@lru_cache(maxsize=1)
def profile():
    from tavid_planner.config import load_profile

    return load_profile(PROFILE)


@cache
def arm_of(robot: str, urdf: str):
    from hoi_motion.retarget.arm.arm import Arm
    from hoi_motion.retarget.robots.config import load_robot_config

    return Arm(load_robot_config(robot, urdf))


def measure(case, robots: list[str], urdf: str, depth: bool, known: bool, videos: str, noise_n: float) -> dict:
    """One case: its goal, how well the object was found, and what every robot does to it.

    Args:
        depth: the lift gets the first frame's depth image; known: the camera's pose and the height of the support.
        noise_n: of the force sensor in the wrist, where an arm feels for the object.
        videos: folder in which the model's videos are kept for later measurements; empty keeps none.
    """
    import torch

    from hoi_motion.execute.task import task_of
    from hoi_motion.lift import lift_video
    from hoi_motion.retarget.act import with_act
    from tavid_planner.planner import obstacles_in
    from tavid_planner.robot_stage import told_act
    from training.scenes.scene import free_body

    torch.set_num_threads(1)
    config = profile()
    size = config.video.height, config.video.width
    scene = case.scene(*size, config.video.num_frames, config.video.fps, with_depth=depth)
    truth = scene.motion
    row = {"what": " ".join(scene.triplet[1:]), "kind": task_of(truth, "target").kind}
    clip = clip_of(scene, video_of(case, scene, config.video, videos), config.video.fps, depth)
    try:
        lifted = lift_video(clip, config=config.lift, known=known_scene(truth) if known else None, body=free_body())
    except TavidError as error:
        return row | {"by_robot": {robot: _failed("no lift", str(error)) for robot in robots}}
    row |= found(lifted, truth)
    if not lifted.contacts:
        return row | {"by_robot": {robot: _failed("no hand on the target", "") for robot in robots}}
    plan = in_true_world(lifted, truth, free_body())
    noun, act = scene.triplet[2].split()[-1], told_act(scene.caption)
    row["told"] = act
    try:
        plan = with_act(plan, act, free_body())
    except TavidError as error:
        return row | {"by_robot": {robot: _failed("another act", str(error)) for robot in robots}}
    how = dict(truth=truth, noun=noun, noise_n=noise_n)
    how["obstacles"] = obstacles_in(clip, plan, free_body())
    return row | {"by_robot": {robot: carried_out(plan, arm=arm_of(robot, urdf), **how) for robot in robots}}


def clip_of(scene, frames: np.ndarray, fps: float, depth: bool):
    """The input of the lift: a video of a scene, with its first frame's depth image if given."""
    from hoi_motion.lift import Clip

    return Clip(
        frames,
        fps,
        scene.target_mask,
        intrinsics=scene.K,
        depth_m=scene.depth_m[0] if depth else None,
        target_noun=scene.triplet[2],
    )


def video_of(case, scene, config, videos: str, seed: int = SAMPLE_SEED) -> np.ndarray:  # (T, H, W, 3) u8
    """The model's video of a case, cached by the weights that made it."""
    from tavid_planner.config import resolve_model
    from tavid_planner.video.model_files import model_folder, weights_digest
    from training.bench import runner

    config = replace(config, capture_attention=False)
    if not videos:
        return runner.clip_of("adapter", scene, config, seed)
    digest = weights_digest(model_folder(resolve_model(config.adapter)))
    sample = f"_{seed}" if seed != SAMPLE_SEED else ""
    path = Path(videos) / f"{case.name}_{case.index}{sample}_{digest[:12]}.npz"
    if not path.exists():
        frames = runner.clip_of("adapter", scene, config, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, frames=frames)
    with np.load(path) as kept:
        return kept["frames"]


def known_scene(truth: HoiMotion):
    """What a robot knows about its camera, table and floor."""
    from hoi_motion.lift.known_scene import KnownScene

    return KnownScene(
        T_world_camera=truth.camera.T_world_camera, support_height_m=support_height_m(truth), floor_height_m=0.0
    )


def support_height_m(truth: HoiMotion) -> float:
    """Height of the target's support."""
    low_m = truth.target.vertices_world(0)[:, 2].min()
    tops = [0.0, *(s.top_height_m for s in truth.supports)]
    return float(min(tops, key=lambda top: abs(top - low_m)))


def in_true_world(lifted: HoiMotion, truth: HoiMotion, body) -> HoiMotion:
    """The lift in the world of the scene, by the camera's true pose; the target is where the camera saw it.

    The lift's own vertical stays vertical: the lift is rotated about the resting target by its error.
    """
    from hoi_motion.body.change import in_world

    T = truth.camera.T_world_camera @ lifted.camera.T_camera_world
    place_m = centre_m(lifted)[0]
    seen_m = moved(T, place_m)
    T[:3, :3] = _upright(T[:3, 2]) @ T[:3, :3]
    T[:3, 3] = seen_m - T[:3, :3] @ place_m
    return in_world(lifted, T, body)


def _upright(up: np.ndarray) -> np.ndarray:  # (3,) -> (3, 3)
    """The smallest rotation that takes a unit vector to z."""
    from scipy.spatial.transform import Rotation

    axis = np.cross(up, [0.0, 0.0, 1.0])
    sine = np.linalg.norm(axis)
    if sine < 1e-12:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, up[2])).as_matrix()


def centre_m(motion: HoiMotion) -> np.ndarray:  # (T, 3)
    """Centre of the target's box, world."""
    thing = motion.target
    middle = (thing.vertices_m.min(0) + thing.vertices_m.max(0)) / 2
    return thing.T_world_object[:, :3, :3] @ middle + thing.T_world_object[:, :3, 3]


def found(lifted: HoiMotion, truth: HoiMotion) -> dict:
    """How well the object was found: at rest, in size, and whether its path is smooth."""
    from hoi_motion.execute.task import task_of

    ours, theirs = (m.camera.to_camera(centre_m(m)) for m in (lifted, truth))
    off, sight = ours[0] - theirs[0], theirs[0] / np.linalg.norm(theirs[0])
    along = float(off @ sight)
    sizes = [np.sort(np.ptp(m.target.vertices_m, axis=0)) for m in (lifted, truth)]
    steps = np.linalg.norm(np.diff(centre_m(lifted), axis=0), axis=1)
    return {
        "planned": task_of(lifted, "target").kind,
        "rest_cm": 100 * float(np.linalg.norm(off)),
        "sight_cm": 100 * along,
        "across_cm": 100 * float(np.linalg.norm(off - along * sight)),
        "source": lifted.diagnostics["target_distance_source"],
        "shape": lifted.target.shape,
        "size_ratio": float(np.exp(np.log(sizes[0] / sizes[1]).mean())),
        "step_cm": 100 * float(steps.max()),
        "touch": min((c.start_frame for c in lifted.contacts), default=-1),
        "true_touch": min(c.start_frame for c in truth.contacts),
    }


def carried_out(plan: HoiMotion, truth: HoiMotion, noun: str, arm, noise_n: float, obstacles=()) -> dict:
    """What one arm does to the true object with a plan in the true world; `why_not` is empty for a success.

    obstacles: as in `unsure_arm`.
    """
    from hoi_motion.errors import ErrorCode, RetargetError
    from hoi_motion.execute.feeling.search import Feeler
    from hoi_motion.execute.task import task_of
    from hoi_motion.retarget.arm.unsure import unsure_arm
    from training.scenes.scene import free_body

    meant, planned = task_of(truth, "target"), task_of(plan, "target")
    if planned.kind != meant.kind:
        return _failed("another act", f"the plan is a {planned.kind}")
    start = time.process_time()
    try:
        answer = unsure_arm(plan, arm, free_body(), obstacles=obstacles)
    except RetargetError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        return _failed("unreachable", error.message) | {"seconds": time.process_time() - start}
    feeler = None if answer.feeling is None else Feeler(answer.feeling, plan, free_body(), noise_n)
    done = on_the_truth(answer.plan, plan, truth, noun, arm, feeler)
    row = {"why_not": done.why_not, "stage": done.stage, "told": done.sentence(), "place_m": done.place_error_m}
    row["notes"] = [*done.notes, *([answer.not_felt] if answer.not_felt else [])]
    names = ("grip", "path", "approach")
    row |= {k: v for k, v in answer.plan.facts.items() if k.startswith("obstacles")}
    return row | {name: answer.plan.facts[name] for name in names} | {"seconds": time.process_time() - start}


def on_the_truth(motion, plan: HoiMotion, truth: HoiMotion, noun: str, arm, feeler=None):
    """The Execution of a robot's motion with the true objects; the goal is the scene's act along the plan's path."""
    from hoi_motion.execute.execute import execute

    return execute(motion, arm, truth, meant_by(plan, truth), noun=noun, feeler=feeler)


def meant_by(plan: HoiMotion, truth: HoiMotion):
    """The Task with the true object: the scene's act along the plan's path."""
    from hoi_motion.execute.task import task_of

    meant, planned = task_of(truth, "target"), task_of(plan, "target")
    T_goal = meant.T_start.copy()
    way = planned.T_goal[:3, :3] @ planned.T_start[:3, :3].T
    middle = centre_m(truth)[0]
    T_goal[:3, :3] = way @ T_goal[:3, :3]
    T_goal[:3, 3] = middle + (centre_m(plan)[-1] - centre_m(plan)[0]) + way @ (meant.T_start[:3, 3] - middle)
    return replace(meant, T_goal=T_goal)


def _failed(why_not: str, told: str) -> dict:
    return {"why_not": why_not, "stage": "none", "told": told}


def table(rows: list[dict], robots: list[str], depth: bool, known: bool) -> list[str]:
    """How well the object was found, and for every robot its successes by kind and its failures by cause."""
    given = [name for name, is_given in (("depth image", depth), ("camera pose and support height", known)) if is_given]
    lines = [f"{len(rows)} cases, given: {' and '.join(given) or 'frame and mask alone'}"]
    placed = [r for r in rows if "rest_cm" in r]
    if placed:
        column = {k: np.array([r[k] for r in placed]) for k in ("rest_cm", "sight_cm", "across_cm", "size_ratio")}
        lines += [
            f"object at rest: {np.median(column['rest_cm']):.1f} cm off (median), along the line of sight "
            f"{np.median(np.abs(column['sight_cm'])):.1f}, across {np.median(column['across_cm']):.1f}; "
            f"size {np.median(column['size_ratio']):.2f} of the truth; within 3 cm: "
            f"{(column['rest_cm'] <= 3).sum()} of {len(placed)}",
            f"distance from: {dict(Counter(r['source'] for r in placed))}; shapes "
            f"{dict(Counter(r['shape'] for r in placed))}",
            f"largest step of the path: median {np.median([r['step_cm'] for r in placed]):.1f}, worst "
            f"{max(r['step_cm'] for r in placed):.1f} cm a frame",
        ]
    for robot in robots:
        lines += _of_robot(rows, robot, GOALS.get((robot, depth)))
    return lines


def _of_robot(rows: list[dict], robot: str, goal: int | None) -> list[str]:
    won = [not r["by_robot"][robot]["why_not"] for r in rows]
    parts = []
    for kind in KINDS:
        of_kind = [w for w, r in zip(won, rows) if r["kind"] == kind]
        parts.append(f"{kind} {sum(of_kind)}/{len(of_kind)}")
    wanted = f" (goal {goal} of 22)" if goal else ""
    lines = [f"{robot} moves the true object: {sum(won)}/{len(rows)}{wanted}; {', '.join(parts)}"]
    failed = [r for r, w in zip(rows, won) if not w]
    causes = Counter((r["kind"], r["by_robot"][robot]["why_not"]) for r in failed)
    lines += [f"  {kind}, {cause}: {count}" for (kind, cause), count in sorted(causes.items())]
    for row in failed:
        place = f"{row['rest_cm']:.1f} cm off" if "rest_cm" in row else "not lifted"
        lines.append(f"  {row['piece']}, {row['what']}, {place}: {row['by_robot'][robot]['told']}")
    return lines


def values(rows: list[dict], robots: list[str]) -> dict[str, Value]:
    """Successes of every robot, and the error of the object's resting place."""
    placed = [r for r in rows if "rest_cm" in r]
    result = {"cases": Value(len(rows))}
    for robot in robots:
        result[robot] = Value(sum(not r["by_robot"][robot]["why_not"] for r in rows))
    if placed:
        result["rest_cm"] = Value(float(np.median([r["rest_cm"] for r in placed])), "cm")
        result["sight_cm"] = Value(float(np.median([abs(r["sight_cm"]) for r in placed])), "cm")
        result["across_cm"] = Value(float(np.median([r["across_cm"] for r in placed])), "cm")
    return result
