"""What the attention loss adds to a LoRA training step: `python -m benchmarks.train_step --pairs 5`.

A CogVideoX transformer of 6 blocks, one of them supervised (the share of 7 of 42), at 4,000 tokens and more, forward
and backward. Steps with and without the loss take turns; each step's peak memory is its own. Prints medians and ratios.
"""

import argparse
import os
import statistics
import sys
import time

from benchmarks.results import Value, add_save_option, save

LATENT = (13, 38, 34)  # frames, height, width: 13 x 19 x 17 + 226 = 4,425 tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpointing", action="store_true")
    add_save_option(parser, "train_step")
    args = parser.parse_args()
    if (
        os.environ.get("MALLOC_MMAP_THRESHOLD_") is None
    ):  # freed tensors leave the process, so that peaks are comparable
        os.execve(
            sys.executable,
            [sys.executable, "-m", "benchmarks.train_step", *sys.argv[1:]],
            {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        )

    import torch
    from diffusers import CogVideoXTransformer3DModel

    from tavid_planner.video.backbone import backbone_of
    from training.configuration import AdapterConfig
    from training.tasks.adapter import prepare_adapter

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    frames, height, width = LATENT
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=8,
        attention_head_dim=64,
        in_channels=32,
        out_channels=16,
        text_embed_dim=256,
        num_layers=6,
        sample_width=width,
        sample_height=height,
        sample_frames=49,
        use_rotary_positional_embeddings=True,
    )
    prepare_adapter(transformer, AdapterConfig())
    if args.checkpointing:
        transformer.enable_gradient_checkpointing()
    transformer.train()
    call = torch.randn(1, frames, 33, height, width), torch.randn(1, 226, 256), torch.tensor([500])
    mask = torch.zeros(1, height // 2, width // 2)
    mask[:, 5:9, 4:8] = 1
    seconds, megabytes = {False: [], True: []}, {False: [], True: []}
    for pair in range(args.pairs + 1):  # the first warms up
        for supervised in (False, True) if pair % 2 else (True, False):
            spent, peak = _step(backbone_of(transformer), call, mask, supervised)
            if pair:
                seconds[supervised].append(spent)
                megabytes[supervised].append(peak)
    tokens = 226 + frames * (height // 2) * (width // 2)
    print(f"{tokens} tokens, 6 blocks, 1 supervised, {args.pairs} interleaved pairs, medians")
    values = {}
    for name, rows, unit in (("time", seconds, "s"), ("peak memory", megabytes, "MB")):
        plain, ours = (statistics.median(rows[k]) for k in (False, True))
        ratio = statistics.median(b / a for a, b in zip(rows[False], rows[True]))
        key = "seconds" if unit == "s" else "peak_mb"
        values |= {key: Value(plain, unit), f"{key}_with_loss": Value(ours, unit), f"{key}_ratio": Value(ratio)}
        print(
            f"{name:<12} LoRA step {plain:8.2f} {unit}, with the attention loss {ours:8.2f} {unit}, ratio {ratio:.3f}"
        )
    if args.save:
        save(args.save, "a LoRA step with the attention loss over one without", values)


def _step(backbone, call, mask, supervised: bool) -> tuple[float, float]:
    """Seconds and peak resident memory in MB of one forward and backward pass."""
    from tavid_planner.video.attention import TargetAttentionCapture
    from training.objectives.target_attention import target_attention_loss

    backbone.transformer.zero_grad(set_to_none=True)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts anew
    start = time.perf_counter()
    if supervised:
        with TargetAttentionCapture(backbone.transformer, (5,), (3,)) as capture:
            prediction = backbone.predict(*call)
            loss = prediction.square().mean() + 0.1 * target_attention_loss(capture.stacked(), mask)
            loss.backward()
    else:
        backbone.predict(*call).square().mean().backward()
    spent = time.perf_counter() - start
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
    return spent, peak


if __name__ == "__main__":
    main()
