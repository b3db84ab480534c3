"""Which early measure of the attention predicts the samples that will succeed?

python -m benchmarks.early_signs --scenes 60 --samples 4 --out runs/early_signs.jsonl

K videos are made of every scene, with the exact maps of the target word from every block at every step. A sign is a
block (or all), the number of steps so far, and a value of its maps: `first`, the share of the first frame's attention
on the target, as used by `video.early_steps`; `all`, the same over all frames; `mass`, the share of attention from the
target's place in the first frame to the word. A video succeeds when its hand stays longest at the target. AUC is the
probability that a success has a larger sign than a failure, 0.5 by guessing. Scenes are as hard as TargetBench's, from
other seeds: the sign is chosen on every second one and evaluated on the others. Within: only pairs of samples of the
same scene, as in the actual choice.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.keypoints.sources import keypoint_source
from hoi_motion.options import to_mapping
from tavid_planner.alignment import area_coverage, target_alignment
from tavid_planner.config import PlannerConfig, load_profile, with_options
from training.bench.cases import DIFFICULTIES, ONE_PERSON_CLASSES
from training.bench.scoring import candidate_masks, score
from training.scenes.scene import SceneSample, generate_scene

FIRST_SCENE = 7_200_000  # behind every seed of training and of TargetBench
ALL = "all blocks"
READINGS = ("first", "all", "mass")
SHOWN = 8


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="as in tavid-plan")
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="JSON lines; an interrupted run continues from it")
    add_save_option(parser, "early_signs")
    arguments = parser.parse_args(argv)
    config = with_options(load_profile(arguments.profile), arguments.set)
    jobs = {number: (number, config) for number in range(arguments.scenes)}
    about = {"profile": to_mapping(config)}
    rows = measure_pieces(measure_scene, jobs, arguments.out, arguments.workers, about, samples=arguments.samples)
    choosing, judging = rows[::2], rows[1::2]
    found = sorted(((auc(choosing, sign), sign) for sign in signs(rows)), key=lambda pair: -pair[0])
    share = np.mean([one["hit"] for row in rows for one in row["of"]])
    print(f"{len(rows)} scenes, {arguments.samples} samples each, {share:.0%} succeed; AUC [within a scene]")
    print(f"{'sign':<34} {'choosing half':<20} evaluation half")
    usual = next(sign for sign in signs(rows) if sign == (ALL, 1, "first"))
    for sign in [*(sign for _, sign in found[:SHOWN]), usual]:
        print(f"{words(sign):<34} {both(choosing, sign):<20} {both(judging, sign)}")
    if arguments.save:
        best = found[0][1]
        values = {"scenes": Value(len(rows)), "succeed": Value(float(share))}
        values |= {"auc": Value(auc(judging, best)), "auc_within": Value(auc(judging, best, True))}
        save(arguments.save, f"the sign that predicts success best: {words(best)}", values)
    return 0


def words(sign: tuple) -> str:
    block, step, reading = sign
    return f"{block if block == ALL else f'block {block}'}, step {step}, {reading}"


def both(rows: list[dict], sign: tuple) -> str:
    return f"{auc(rows, sign):.2f} [{auc(rows, sign, True):.2f}]"


def signs(rows: list[dict]) -> Iterator[tuple]:
    """(block, steps so far, reading) of every sign."""
    shape = np.shape(rows[0]["of"][0]["signs"])  # (steps, blocks, readings)
    for step in range(shape[0]):
        for reading in READINGS:
            yield ALL, step + 1, reading
            for block in range(shape[1]):
                yield block, step + 1, reading


def sign_of(one: dict, sign: tuple) -> float:
    block, step, reading = sign
    values = np.asarray(one["signs"])[step - 1, :, READINGS.index(reading)]
    return float(values.mean() if block == ALL else values[block])


def auc(rows: list[dict], sign: tuple, within: bool = False) -> float:
    """Share of pairs of a success and a failure in which the success has the larger sign; NaN without pairs."""
    groups = [row["of"] for row in rows] if within else [[one for row in rows for one in row["of"]]]
    wins = []
    for group in groups:
        values = [(sign_of(one, sign), one["hit"]) for one in group]
        for (a, hit_a), (b, hit_b) in combinations(values, 2):
            if hit_a != hit_b:
                better = (a - b) if hit_a else (b - a)
                wins.append(1.0 if better > 0 else 0.5 if better == 0 else 0.0)
    return float(np.mean(wins)) if wins else float("nan")


@lru_cache(maxsize=1)
def _loaded(config: PlannerConfig):
    import torch

    from tavid_planner.video import load_pipeline

    torch.set_num_threads(1)
    return load_pipeline(config.video)


def hard_scene(number: int, config: PlannerConfig) -> SceneSample:
    """A scene like those of TargetBench's classes with one person, classes in turn."""
    kinds = [kind for kind in DIFFICULTIES if kind.name in ONE_PERSON_CLASSES]
    kind, video, nth = kinds[number % len(kinds)], config.video, number // len(kinds)
    return generate_scene(
        FIRST_SCENE + number,
        video.height,
        video.width,
        video.num_frames,
        video.fps,
        kind.candidates[nth % len(kind.candidates)],
        conditions=kind.variants[nth % len(kind.variants)],
    )


def measure_scene(number: int, config: PlannerConfig, samples: int) -> dict:
    """For every sample of a scene its signs, (steps, blocks, readings), and whether it succeeds."""
    import torch

    from tavid_planner.video.generation import GenerationRequest
    from tavid_planner.video.image_fit import ImageFit

    pipeline, video, scene = _loaded(config), config.video, hard_scene(number, config)
    image, mask = scene.frames[0], scene.target_mask
    blocks = range(len(pipeline.backbone.blocks))
    source, found = keypoint_source(config.lift.keypoints), []
    fit = ImageFit.between(image.shape[:2], (video.height, video.width))
    asked = GenerationRequest(
        image=fit.to_model(image),
        mask=torch.from_numpy(fit.mask_to_model(mask, video.mask_reduction)),
        prompt=scene.caption,
        height=video.height,
        width=video.width,
        num_frames=video.num_frames,
        num_inference_steps=video.sampling.steps,
        guidance_scale=video.sampling.guidance_scale,
        guidance=video.guidance,
        mask_reduction=video.mask_reduction,
        capture_attention=True,
        extra_blocks=blocks,
    )
    with pipeline.generation(asked, [torch.Generator("cpu").manual_seed(seed) for seed in range(samples)]) as run:
        for k in range(samples):
            read = []
            for step in range(1, run.steps + 1):
                run.denoise([k], until=step)
                maps = [fit.maps_to_request(run.attention(k, [block]).numpy()) for block in blocks]
                read.append([readings(one, mask) for one in maps])
            frames = (np.asarray(run.frames(k, "np")[0]) * 255).round().astype(np.uint8)
            outcome = score(fit.to_request(frames), image, candidate_masks(scene), scene.fps, source).outcome
            found.append({"hit": outcome == "hit", "signs": read})
    return {"of": found}


def readings(maps: np.ndarray, mask: np.ndarray) -> list[float]:
    """The values of a block's maps (f, h, w), in the order of READINGS."""
    coverage = area_coverage(mask, maps.shape[1:])
    mass = float((maps[0] * coverage).sum() / coverage.sum())
    return [target_alignment(maps[0], mask), float(np.mean([target_alignment(one, mask) for one in maps])), mass]


if __name__ == "__main__":
    sys.exit(main())
