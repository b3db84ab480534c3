"""What options that save time or memory cost in hits, and the time they take: on TargetBench, mini model.

python -m benchmarks.video_options --cases 22 --out runs/video_options.jsonl

Every case is generated with each option, and with the plain profile, in an order that changes from case to case:
--samples samples each, all of which are judged; seconds are of generating the clips alone. Time ratios are ratios of
sums; the first clip after loading, in which models compile, is given separately. An option whose package is missing is
left out and named. Savings of GPU memory cannot be seen on a CPU.
"""

import argparse
import sys
import time
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.keypoints.sources import keypoint_source
from tavid_planner.config import VideoConfig, load_profile
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.request import InteractionRequest
from training.bench.cases import ONE_PERSON_CLASSES, Case, bench_cases
from training.bench.intervals import wilson_interval
from training.bench.runner import outcome_of

PLAIN = "plain"
OPTIONS = {
    PLAIN: {},
    "no_capture": dict(capture_attention=False),
    "step_cache": dict(step_cache="first_block", capture_attention=False),
    "fp8": dict(weights="fp8"),
    "int8": dict(weights="int8"),
    "attention_math": dict(attention="math"),
    "vae_tiling": dict(vae_tiling=True),
    "one_batch": dict(samples_at_once=0),
    "decode_beside": dict(decode_beside=True),
    "mirrored": dict(mirrored=True),
    "compiled": dict(compiled=True, capture_attention=False),
    "half_steps": dict(num_inference_steps=2),
    "few_steps": dict(speed_adapter="models/tavid-mini-two-steps", speed_steps=2),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--options", default=",".join(OPTIONS), help=f"some of {', '.join(OPTIONS)}")
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--cases", type=int, default=22, help="cases of TargetBench with one person, classes in turn")
    parser.add_argument("--out", type=Path, help="JSON lines; an interrupted run continues from it")
    add_save_option(parser, "video_options")
    arguments = parser.parse_args(argv)
    names = [PLAIN, *(name for name in arguments.options.split(",") if name != PLAIN)]
    profile = load_profile(arguments.profile)
    configs = {name: replace(profile.video, **OPTIONS[name]) for name in names}
    first_s = {name: _first_clip_s(name, config) for name, config in configs.items()}
    configs = {name: config for name, config in configs.items() if first_s[name] is not None}
    cases = bench_cases(list(ONE_PERSON_CLASSES), arguments.cases)
    orders = [list(configs)[k % len(configs) :] + list(configs)[: k % len(configs)] for k in range(len(cases))]
    jobs = {f"{case.name} {case.index}": (case, configs, order) for case, order in zip(cases, orders)}
    about = {"options": {name: asdict(config) for name, config in configs.items()}}
    settings = {"samples": arguments.samples, "keypoints": profile.lift.keypoints}
    rows = measure_pieces(measure_case, jobs, arguments.out, about=about, **settings)
    found = values(rows, list(configs)) | {f"{n}_first_s": Value(s, "s") for n, s in first_s.items() if s is not None}
    clips = len(rows) * arguments.samples
    for name in configs:
        hit, ratio, first = (found[f"{name}_{what}"] for what in ("hit", "time_ratio", "first_s"))
        spread = f"[{hit.interval[0]:.2f}, {hit.interval[1]:.2f}]"
        print(f"{name:<15} hit {hit.value:.2f} {spread}, time {ratio.value:.2f}, first clip {first.value:.1f} s")
    print(f"{clips} clips each")
    if arguments.save:
        save(arguments.save, "options of the video model on TargetBench, against the plain profile", found)
    return 0


def values(rows: list[dict], names: list[str]) -> dict[str, Value]:
    found, plain_s = {}, sum(row[PLAIN]["seconds"] for row in rows)
    for name in names:
        hits = np.concatenate([row[name]["hits"] for row in rows])
        found[f"{name}_hit"] = Value(float(hits.mean()), interval=wilson_interval(int(hits.sum()), len(hits)))
        found[f"{name}_time_ratio"] = Value(sum(row[name]["seconds"] for row in rows) / plain_s)
    return found | {"clips": Value(len(hits))}


def measure_case(case: Case, configs: dict[str, VideoConfig], order: list[str], samples: int, keypoints: str) -> dict:
    """Seconds of the clips of one case, and which of them hit, by option."""
    from tavid_planner.video import generate_videos

    plain = configs[PLAIN]
    scene = case.scene(plain.height, plain.width, plain.num_frames, plain.fps)
    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K)
    source, row = keypoint_source(keypoints), {}
    for name in order:
        pipeline = _pipeline(configs[name])
        began = time.perf_counter()
        made = generate_videos(pipeline, request, configs[name], range(samples))
        seconds = time.perf_counter() - began
        clips = [m.video.frames for m in made if m.video is not None]
        hits = [outcome_of(frames, scene, source).outcome == "hit" for frames in clips]
        row[name] = {"seconds": seconds, "hits": hits + [False] * (samples - len(hits))}
    return row


def _first_clip_s(name: str, config: VideoConfig) -> float | None:
    """Seconds of the first clip after loading; None where a package is missing."""
    from tavid_planner.video import generate_video

    try:
        pipeline = _pipeline(config)
    except TavidError as error:
        if error.code is not ErrorCode.MODEL_MISSING:
            raise
        print(f"{name:<15} left out: {error}", file=sys.stderr)
        return None
    scene = bench_cases(list(ONE_PERSON_CLASSES), 1)[0].scene(
        config.height, config.width, config.num_frames, config.fps
    )
    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K)
    began = time.perf_counter()
    generate_video(pipeline, request, config, seed=0)
    return time.perf_counter() - began


@lru_cache(maxsize=len(OPTIONS))
def _pipeline(config: VideoConfig):
    from tavid_planner.video import load_pipeline

    return load_pipeline(config)


if __name__ == "__main__":
    sys.exit(main())
