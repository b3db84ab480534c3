"""The cost of one video, and what recording the target word's attention adds.

python -m benchmarks.video --profile mini --repeats 3
python -m benchmarks.video --plain --repeats 15
python -m benchmarks.video --attention --tokens 8192

The first prints seconds for loading, a denoising step without and with attention capture (taking turns, medians),
decoding, one whole clip, and the peak memory. The second takes turns with diffusers' own pipeline: the same base,
without an adapter and without capture. The third compares the exact map with the one from the materialised attention
matrix, forward and backward, each in a process of its own.
"""

import argparse
import multiprocessing
import resource
import statistics
import sys
import time

import numpy as np

from benchmarks.results import Value, add_save_option, save

HEADS = 8
HEAD_DIM = 64
TEXT_TOKENS = 226
FRAMES = 13
PLAIN_STEPS = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini", help="name or path of a profile; default mini")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads; default 2")
    parser.add_argument("--plain", action="store_true", help="against diffusers' own pipeline")
    parser.add_argument("--attention", action="store_true", help="measure the attention map alone")
    parser.add_argument("--tokens", type=int, default=8192, help="text and video tokens for --attention; default 8192")
    add_save_option(parser, "video")
    arguments = parser.parse_args()
    if arguments.attention:
        report_attention(arguments.tokens, arguments.repeats, arguments.threads)
        return 0
    from tavid_planner.errors import TavidError

    report = report_plain if arguments.plain else report_generation
    try:
        values = report(arguments.profile, arguments.repeats, arguments.threads)
    except TavidError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if arguments.save:
        name, against = ("_plain", ", against diffusers' own pipeline") if arguments.plain else ("", "")
        save(arguments.save + name, f"one clip of the profile {arguments.profile}{against}", values)
    return 0


def report_generation(profile: str, repeats: int, threads: int) -> dict[str, Value]:
    """Print and return the cost of a clip with the model of a profile."""
    import torch

    from tavid_planner.config import load_profile
    from tavid_planner.video import load_pipeline

    torch.set_num_threads(threads)
    config = load_profile(profile).video
    start = time.perf_counter()
    pipeline = load_pipeline(config)
    load_s = time.perf_counter() - start
    rows = {False: [], True: []}
    for _ in range(repeats):
        for capture in rows:
            rows[capture].append(_one_clip(pipeline, config, capture))
    step_s, captured_step_s = (statistics.median(r["step"] for r in rows[c]) for c in rows)
    print(f"{config.width}x{config.height} px, {config.num_frames} frames, {config.num_inference_steps} steps,")
    print(f"{threads} threads, {config.dtype} on {pipeline.device}, medians of {repeats}")
    print(f"load                 {load_s:8.2f} s")
    print(f"step                 {step_s:8.3f} s")
    print(f"step with capture    {captured_step_s:8.3f} s   ({captured_step_s / step_s:.2f} of a plain step)")
    rest_s, total_s = (statistics.median(r[part] for r in rows[True]) for part in ("rest", "total"))
    peak_mib = _peak_mib()
    print(f"text, latents, VAE   {rest_s:8.2f} s")
    print(f"clip with capture    {total_s:8.2f} s")
    print(f"peak memory          {peak_mib:8.0f} MiB")
    return {
        "load_s": Value(load_s, "s"),
        "step_s": Value(step_s, "s"),
        "step_with_capture_s": Value(captured_step_s, "s"),
        "clip_s": Value(total_s, "s"),
        "peak_mib": Value(peak_mib, "MiB"),
    }


def report_plain(profile: str, repeats: int, threads: int) -> dict[str, Value]:
    """Print and return the cost of a denoising step compared with diffusers' own pipeline, with the same weights.

    The VAE is left out: ours decodes with a faster one on a CPU.
    """
    import torch
    from diffusers import CogVideoXImageToVideoPipeline

    from tavid_planner.config import load_profile, resolve_model
    from tavid_planner.video import TargetAwarePipeline

    torch.set_num_threads(threads)
    config = load_profile(profile).video
    base = resolve_model(config.base)
    pipelines = {kind: kind.from_pretrained(base) for kind in (TargetAwarePipeline, CogVideoXImageToVideoPipeline)}
    times_s = {kind: [] for kind in pipelines}
    for turn in range(repeats + 1):
        for kind in list(pipelines)[:: 1 if turn % 2 else -1]:
            pipelines[kind].set_progress_bar_config(disable=True)
            seconds = _denoising_s(pipelines[kind], config)
            if turn:  # the first turn is a warm-up
                times_s[kind].append(seconds)
    ours_s, theirs_s = (statistics.median(times) for times in times_s.values())
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*times_s.values()))
    print(f"{PLAIN_STEPS} steps, {config.width}x{config.height} px, {config.num_frames} frames, {threads} threads")
    print(f"ours {ours_s:.3f} s, diffusers {theirs_s:.3f} s, median ratio of {repeats} pairs {ratio:.3f}")
    return {"ours_s": Value(ours_s, "s"), "diffusers_s": Value(theirs_s, "s"), "ratio": Value(ratio)}


def _denoising_s(pipeline, config) -> float:
    """Seconds from the first to the last step of a clip."""
    import PIL.Image
    import torch

    rgb = np.random.default_rng(0).integers(0, 255, (config.height, config.width, 3), dtype=np.uint8)
    stamps = []

    def stamped(*_) -> dict:
        stamps.append(time.perf_counter())
        return {}

    own = hasattr(pipeline, "uses_mask")
    pipeline(
        image=PIL.Image.fromarray(rgb),
        prompt="the person picks up the target mug",
        height=config.height,
        width=config.width,
        num_frames=config.num_frames,
        num_inference_steps=PLAIN_STEPS + 1,
        guidance_scale=6.0,
        max_sequence_length=pipeline.transformer.config.max_text_seq_length,
        generator=torch.Generator().manual_seed(0),
        output_type="latent",
        **{"on_step" if own else "callback_on_step_end": stamped},
    )
    return stamps[-1] - stamps[0]


def _one_clip(pipeline, config, capture: bool) -> dict[str, float]:
    import torch

    rgb = np.random.default_rng(0).integers(0, 255, (config.height, config.width, 3), dtype=np.uint8)
    mask = np.zeros(rgb.shape[:2], bool)
    mask[config.height // 4 : config.height // 2, config.width // 4 : config.width // 2] = True
    stamps = []
    start = time.perf_counter()
    pipeline(
        image=rgb,
        mask=mask if pipeline.uses_mask else None,
        prompt="the person picks up the [TGT] mug",
        height=config.height,
        width=config.width,
        num_frames=config.num_frames,
        num_inference_steps=config.num_inference_steps,
        guidance_scale=config.guidance_scale,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        on_step=lambda step, total: stamps.append(time.perf_counter()),
        capture_attention=capture,
    )
    total = time.perf_counter() - start
    # the first step is also a warm-up and not counted
    step = (stamps[-1] - stamps[0]) / max(1, len(stamps) - 1)
    return {"step": step, "rest": total - step * len(stamps), "total": total}


def report_attention(tokens: int, repeats: int, threads: int) -> None:
    """Print time and extra memory of the exact map and of the materialised one."""
    context = multiprocessing.get_context("spawn")
    measured = {}
    for kind in ("exact", "materialised"):
        with context.Pool(1) as pool:
            measured[kind] = pool.apply(_attention_cost, (kind, tokens, repeats, threads))
    print(f"map of one block, forward and backward, {tokens} tokens, {HEADS} heads of {HEAD_DIM}, {threads} threads")
    for kind, (seconds, mib) in measured.items():
        print(f"{kind:14} {seconds:8.3f} s   {mib:8.0f} MiB extra")
    (exact_s, exact_mib), (naive_s, naive_mib) = measured.values()
    print(f"materialised / exact: {naive_s / exact_s:.1f}x time, {naive_mib / max(exact_mib, 1):.0f}x memory")


def _attention_cost(kind: str, tokens: int, repeats: int, threads: int) -> tuple[float, float]:
    import torch

    from tavid_planner.video.attention_share import key_shares

    torch.set_num_threads(threads)
    first_frame = slice(TEXT_TOKENS, TEXT_TOKENS + (tokens - TEXT_TOKENS) // FRAMES)
    query, key = (torch.randn(1, HEADS, tokens, HEAD_DIM, requires_grad=True) for _ in range(2))
    indicator = torch.zeros(1, tokens, dtype=torch.bool)
    indicator[0, 5] = True

    def exact():
        return key_shares(query[:, :, first_frame], key, indicator[:, None])[:, :, 0]

    def materialised():
        weights = (query @ key.transpose(-1, -2) * HEAD_DIM**-0.5).softmax(dim=-1)
        return weights[:, :, first_frame, 5]

    def once(function):
        query.grad = key.grad = None
        function().square().sum().backward()

    function = {"exact": exact, "materialised": materialised}[kind]
    query.grad, key.grad = torch.zeros_like(query), torch.zeros_like(key)
    before, times = _peak_mib(), []
    for _ in range(repeats):
        start = time.perf_counter()
        once(function)
        times.append(time.perf_counter() - start)
    return statistics.median(times), _peak_mib() - before


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
