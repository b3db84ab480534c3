"""Does the generated hand go to the masked object? `python -m training.evaluate --count 60`

Held-out scenes with 2, 3 and 4 identical candidates, a video for each from the first frame, the mask and the caption,
scored by the project's own contact detector: in how many frames is a hand on each candidate, each frame counting for
the nearest one. A hit: the masked candidate is touched in more frames than any other; contact: in at least one. The
detector's own accuracy, and what the other scores are for perfect clips, is measured on the ground-truth clips of the
same scenes; these clips through the VAE and back show how much of what is missing the VAE alone loses. All numbers come
with 95% intervals.
"""

import argparse
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from hoi_motion.errors import LiftError
from hoi_motion.lift.contact import touch_counts
from tavid_planner.config import VideoConfig, load_profile
from tavid_planner.request import InteractionRequest
from training.scenes.scene import HELD_OUT_SEED, SceneSample, generate_scene
from training.video_scores import dynamic_degree, first_frame_psnr_db, motion_smoothness


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


@dataclass(frozen=True)
class VideoScore:
    """What one clip does.

    Attributes:
        outcome: "hit", "wrong" (another candidate at least as often), "none" (no touch) or "lost" (no person found).
        target_share: share of the frames in which the hand is on the masked object.
        first_frame_psnr_db, dynamic_degree, motion_smoothness: see training.video_scores.
    """

    outcome: str
    target_share: float
    first_frame_psnr_db: float
    dynamic_degree: float
    motion_smoothness: float


def score(frames: np.ndarray, image: np.ndarray, masks: list[np.ndarray]) -> VideoScore:
    """Judge a clip (T, H, W, 3) made from `image`; `masks` are the candidates in the first frame, the target first."""
    try:
        counts = touch_counts(frames, masks)
        outcome = "none" if not counts.any() else "hit" if counts[0] > counts[1:].max() else "wrong"
    except LiftError:
        counts, outcome = np.zeros(len(masks)), "lost"
    return VideoScore(
        outcome,
        float(counts[0] / len(frames)),
        first_frame_psnr_db(frames, image),
        dynamic_degree(frames),
        motion_smoothness(frames),
    )


def evaluate(config: VideoConfig, scenes: list[SceneSample], seed: int, sheet: Path | None = None) -> list[VideoScore]:
    """Generate a video for every scene and judge it."""
    from tavid_planner.video import generate_video, load_pipeline

    pipeline = load_pipeline(config)
    scores, rows = [], []
    for scene in tqdm(scenes, unit="video", desc=config.adapter or "without adapter"):
        request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K)
        video = generate_video(pipeline, request, config, seed)
        scores.append(score(video.frames, scene.frames[0], candidate_masks(scene)))
        if sheet and len(rows) < 12:
            rows.append(_row(scene, video.frames, scores[-1].outcome))
    if sheet:
        cv2.imwrite(str(sheet), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    return scores


def through_vae(config: VideoConfig, scenes: list[SceneSample]) -> list[VideoScore]:
    """Scores of the ground-truth clips after encoding and decoding: no transformer can be better."""
    import torch

    from tavid_planner.video import load_pipeline

    vae, scores = load_pipeline(config).vae, []
    for scene in tqdm(scenes, unit="clip", desc="truth through the VAE"):
        pixels = torch.from_numpy(scene.frames).permute(3, 0, 1, 2)[None].to(vae.device, vae.dtype) / 127.5 - 1
        with torch.no_grad():
            decoded = vae.decode(vae.encode(pixels).latent_dist.mean).sample[0]
        frames = ((decoded.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 3, 0).cpu().numpy()
        scores.append(score(frames, scene.frames[0], candidate_masks(scene)))
    return scores


def _row(scene: SceneSample, frames: np.ndarray, verdict: str) -> np.ndarray:
    """First frame with the mask outlined, then the generated clip."""
    first = cv2.resize(scene.frames[0], None, fx=2, fy=2)
    mask = cv2.resize(scene.target_mask.astype(np.uint8), first.shape[1::-1])
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(first, outline, -1, (255, 0, 255), 1)
    cv2.putText(first, verdict, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1)
    picks = np.linspace(0, len(frames) - 1, 6).astype(int)
    return np.concatenate([first] + [cv2.resize(frames[t], first.shape[1::-1]) for t in picks], axis=1)


def _print_row(name: str, scores: list[VideoScore]) -> dict:
    outcomes = [s.outcome for s in scores]
    rates = {kind: outcomes.count(kind) for kind in ("hit", "wrong", "none", "lost")}
    rates["contact"] = sum(s.target_share > 0 for s in scores)
    print(f"{name} ({len(scores)} scenes)")
    for kind, hits in rates.items():
        low, high = wilson_interval(hits, len(scores))
        print(f"  {kind:<20} {hits / len(scores):6.2f}  [{low:.2f}, {high:.2f}]")
    means = {}
    for field in ("target_share", "first_frame_psnr_db", "dynamic_degree", "motion_smoothness"):
        values = np.array([getattr(s, field) for s in scores])
        mean, half = values.mean(), 1.96 * values.std() / np.sqrt(len(values))
        means[field] = float(mean)
        print(f"  {field:<20} {mean:6.3f}  [{mean - half:.3f}, {mean + half:.3f}]")
    return {"name": name, "rates": {k: v / len(scores) for k, v in rates.items()}, "means": means,
            "scores": [asdict(s) for s in scores]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument("--first-scene", type=int, default=HELD_OUT_SEED, help="seed of the first held-out scene")
    parser.add_argument("--without-baseline", action="store_true", help="leave out the base without mask, and the VAE alone")
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
    truth = [score(s.frames, s.frames[0], candidate_masks(s)) for s in tqdm(scenes, unit="clip", desc="detector on truth")]
    chance = float(np.mean([1 / len(s.candidate_ids) for s in scenes]))
    print(f"mean [95% interval]; hit by chance: {chance:.2f}")
    rows = [_print_row("ground-truth clips", truth)]
    if not args.without_baseline:
        rows.append(_print_row("ground-truth clips through the VAE", through_vae(config, scenes)))
    rows.append(_print_row(f"{args.profile}, mask and adapter", with_adapter))
    for candidates in (2, 3, 4):
        part = [o for o, s in zip(with_adapter, scenes) if len(s.candidate_ids) == candidates]
        if part:
            rows.append(_print_row(f"{args.profile}, of these with {candidates} candidates", part))
    if not args.without_baseline:
        rows.append(_print_row("base without mask", evaluate(replace(config, adapter=""), scenes, args.seed)))
    if args.out:
        args.out.write_text(json.dumps({"chance": chance, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
