"""Does the generated hand go to the masked object? `python -m training.evaluate --count 60`

Held-out scenes with 2, 3 and 4 identical candidates, a video for each from the first frame, the mask and the caption,
scored by the project's own contact detector: in how many frames is a hand on each candidate, each frame counting for
the nearest one. A hit: the masked candidate is touched in more frames than any other. The detector's own accuracy is
measured on the ground-truth clips of the same scenes.
"""

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from hoi_motion.errors import LiftError
from hoi_motion.lift.contact import touch_counts
from tavid_planner.config import VideoConfig, load_profile
from tavid_planner.request import InteractionRequest
from training.scenes.scene import HELD_OUT_SEED, SceneSample, generate_scene


def wilson_interval(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """95% interval of a proportion (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    p, n = hits / count, count
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def candidate_masks(scene: SceneSample) -> list[np.ndarray]:
    """First-frame masks of the identical objects, the target first."""
    others = [i for i in scene.candidate_ids if i != scene.target_id]
    return [scene.target_mask] + [scene.instance_ids[0] == i for i in others]


def outcome(frames: np.ndarray, masks: list[np.ndarray]) -> str:
    """"hit", "wrong" (another candidate at least as often), "none" (no touch) or "lost" (no person found)."""
    try:
        counts = touch_counts(frames, masks)
    except LiftError:
        return "lost"
    if not counts.any():
        return "none"
    return "hit" if counts[0] > counts[1:].max() else "wrong"


def evaluate(config: VideoConfig, scenes: list[SceneSample], seed: int, sheet: Path | None = None) -> list[str]:
    """Generate a video for every scene and judge it."""
    from tavid_planner.video import generate_video, load_pipeline

    pipeline = load_pipeline(config)
    outcomes, rows = [], []
    for scene in tqdm(scenes, unit="video", desc=config.adapter or "without adapter"):
        request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K)
        video = generate_video(pipeline, request, config, seed)
        outcomes.append(outcome(video.frames, candidate_masks(scene)))
        if sheet and len(rows) < 12:
            rows.append(_row(scene, video.frames, outcomes[-1]))
    if sheet:
        cv2.imwrite(str(sheet), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    return outcomes


def _row(scene: SceneSample, frames: np.ndarray, verdict: str) -> np.ndarray:
    """First frame with the mask outlined, then the generated clip."""
    first = cv2.resize(scene.frames[0], None, fx=2, fy=2)
    mask = cv2.resize(scene.target_mask.astype(np.uint8), first.shape[1::-1])
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(first, outline, -1, (255, 0, 255), 1)
    cv2.putText(first, verdict, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1)
    picks = np.linspace(0, len(frames) - 1, 6).astype(int)
    return np.concatenate([first] + [cv2.resize(frames[t], first.shape[1::-1]) for t in picks], axis=1)


def _print_row(name: str, outcomes: list[str]) -> dict:
    hits, count = outcomes.count("hit"), len(outcomes)
    low, high = wilson_interval(hits, count)
    others = ", ".join(f"{kind} {outcomes.count(kind) / count:.2f}" for kind in ("wrong", "none", "lost"))
    print(f"{name:<34} {hits / count:.2f}  [{low:.2f}, {high:.2f}]   {others}   ({count} scenes)")
    return {"name": name, "hit": hits / count, "interval": [low, high], "outcomes": outcomes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument("--first-scene", type=int, default=HELD_OUT_SEED, help="seed of the first held-out scene")
    parser.add_argument("--without-baseline", action="store_true", help="leave out the base without mask")
    parser.add_argument("--out", type=Path, help="JSON with every outcome")
    parser.add_argument("--sheet", type=Path, help="contact sheet (PNG) of the first 12 videos")
    args = parser.parse_args()
    if args.first_scene < HELD_OUT_SEED:
        parser.error(f"scenes below seed {HELD_OUT_SEED} are training data")
    config = replace(load_profile(args.profile).video, capture_attention=False)

    scenes = [
        generate_scene(
            args.first_scene + i, config.height, config.width, config.num_frames, config.fps, num_candidates=2 + i % 3
        )
        for i in tqdm(range(args.count), unit="scene", desc="held-out scenes")
    ]
    with_adapter = evaluate(config, scenes, args.seed, args.sheet)
    truth = [outcome(s.frames, candidate_masks(s)) for s in tqdm(scenes, unit="clip", desc="detector on truth")]
    chance = float(np.mean([1 / len(s.candidate_ids) for s in scenes]))
    print(f"target hit rate [95% interval], chance {chance:.2f}")
    rows = [_print_row("detector on ground-truth clips", truth), _print_row(f"{args.profile}, mask and adapter", with_adapter)]
    for candidates in (2, 3, 4):
        part = [o for o, s in zip(with_adapter, scenes) if len(s.candidate_ids) == candidates]
        if part:
            rows.append(_print_row(f"  of these, {candidates} candidates", part))
    if not args.without_baseline:
        rows.append(_print_row("base without mask", evaluate(replace(config, adapter=""), scenes, args.seed)))
    if args.out:
        args.out.write_text(json.dumps({"chance": chance, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
