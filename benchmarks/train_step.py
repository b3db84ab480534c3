"""The cost of attention losses in a LoRA training step: `python -m benchmarks.train_step --pairs 5`.

A CogVideoX transformer of 6 blocks, one of them supervised (the share of 7 of 42), at 4,000 tokens and more, forward
and backward. Steps with and without the loss take turns; each step's peak memory is its own. Prints medians and ratios.

`python -m benchmarks.train_step --matrix` measures MATRIX's maps instead: of 42 narrow blocks two ground the words of
subject, object and verb in all frames and one propagates two instances, as in the paper. A step with the maps alone,
one with decoders and losses as well, and a plain one take turns.
"""

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass

from benchmarks.results import Value, add_save_option, save

LATENT = (13, 38, 34)  # frames, height, width: 13 x 19 x 17 + 226 = 4,425 tokens
TEXT_TOKENS = 226
TOKENS = (LATENT[0], LATENT[1] // 2, LATENT[2] // 2)
TRACKS = (49, LATENT[1], LATENT[2])  # frames, height, width in cells of a latent pixel
# tokens of subject, object and verb
WORDS = ((1, 2, 3), (7, 8), (4, 5))
PLAIN = "plain"
LOSS = "with_loss"
MAPS = "with_maps"
LOSSES = "with_losses"


@dataclass(frozen=True)
class Setting:
    """A model, and the kinds of steps that take turns, the plain one first; what, shown: descriptions."""

    what: str
    blocks: int
    heads: int
    arms: dict[str, str]


TARGET = Setting(
    "a LoRA step with the attention loss over one without", 6, 8, {PLAIN: "LoRA step", LOSS: "with the attention loss"}
)
MATRIX = Setting(
    "a LoRA step with MATRIX's maps over one without",
    42,
    2,
    {PLAIN: "LoRA step", MAPS: "with all maps", LOSSES: "with maps, decoders and losses"},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--matrix", action="store_true", help="MATRIX's maps and losses instead of the target's")
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

    from tavid_planner.video.backbone import backbone_of
    from training.configuration import AdapterConfig
    from training.tasks.adapter import prepare_adapter

    setting = MATRIX if args.matrix else TARGET
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    transformer = _transformer(setting)
    prepare_adapter(transformer, AdapterConfig(conditioning="id_map" if args.matrix else "mask"))
    if args.checkpointing:
        transformer.enable_gradient_checkpointing()
    transformer.train()
    losses = _matrix_losses(setting) if args.matrix else _target_loss()
    frames, height, width = LATENT
    channels = transformer.config.in_channels
    call = torch.randn(1, frames, channels, height, width), torch.randn(1, TEXT_TOKENS, 256), torch.tensor([500])
    seconds, megabytes = ({arm: [] for arm in setting.arms} for _ in range(2))
    for turn in range(args.pairs + 1):  # the first warms up
        arms = list(setting.arms)
        for arm in arms[turn % len(arms) :] + arms[: turn % len(arms)]:
            spent, peak = _step(backbone_of(transformer), call, losses.get(arm))
            if turn:
                seconds[arm].append(spent)
                megabytes[arm].append(peak)
    tokens = TEXT_TOKENS + TOKENS[0] * TOKENS[1] * TOKENS[2]
    print(f"{tokens} tokens, {setting.blocks} blocks, {args.pairs} interleaved turns, medians")
    values = {}
    for name, rows, unit in (("time", seconds, "s"), ("peak memory", megabytes, "MB")):
        key = "seconds" if unit == "s" else "peak_mb"
        plain = statistics.median(rows[PLAIN])
        values[key] = Value(plain, unit)
        text = f"{name:<12} {setting.arms[PLAIN]} {plain:8.2f} {unit}"
        for arm in list(setting.arms)[1:]:
            ours = statistics.median(rows[arm])
            ratio = statistics.median(b / a for a, b in zip(rows[PLAIN], rows[arm]))
            # the first kind of loss has older names than the others
            ratio_key = f"{key}_ratio" if arm == LOSS else f"{key}_{arm}_ratio"
            values |= {f"{key}_{arm}": Value(ours, unit), ratio_key: Value(ratio)}
            text += f", {setting.arms[arm]} {ours:8.2f} {unit}, ratio {ratio:.3f}"
        print(text)
    if args.save:
        save(f"{args.save}_matrix" if args.matrix else args.save, setting.what, values)


def _transformer(setting: Setting):
    from diffusers import CogVideoXTransformer3DModel

    frames, height, width = LATENT
    return CogVideoXTransformer3DModel(
        num_attention_heads=setting.heads,
        attention_head_dim=64,
        in_channels=32,
        out_channels=16,
        text_embed_dim=256,
        num_layers=setting.blocks,
        sample_width=width,
        sample_height=height,
        sample_frames=49,
        use_rotary_positional_embeddings=True,
    )


def _target_loss() -> dict:
    """What is captured in this kind of step, and the loss of the captured maps."""
    import torch

    from tavid_planner.video.attention import TextMaps
    from training.objectives.target_attention import target_attention_loss

    mask = torch.zeros(1, TOKENS[1], TOKENS[2])
    mask[:, 5:9, 4:8] = 1
    wanted = {3: [TextMaps((((5,),),), "v2t", "first", "target")]}

    def loss(maps):
        return 0.1 * target_attention_loss(maps["target"][:, :, 0], mask)

    return {LOSS: (wanted, loss)}


def _matrix_losses(setting: Setting) -> dict:
    """The same for MATRIX: blocks 7 and 11 for words, 12 for instances."""
    import torch

    from training.configuration import AlignmentConfig, GroundingConfig, PropagationConfig
    from training.tasks.alignment import InteractionAlignment, Interactions

    tracks = torch.zeros(1, 2, *TRACKS, dtype=torch.bool)
    tracks[:, 0, :, 4:30, 4:14] = True
    tracks[:, 1, :, 20:28, 16:24] = True
    interactions = Interactions(tracks, [WORDS], torch.ones(1, dtype=torch.bool))
    config = AlignmentConfig(GroundingConfig(0.01), PropagationConfig(0.005))
    alignment = InteractionAlignment(config, setting.blocks, TOKENS, TRACKS)
    wanted = alignment.requests(0, interactions)

    def on_maps(maps):
        return sum(found.square().sum() for found in maps.values())

    def losses(maps):
        found = alignment(maps, interactions)
        return sum(alignment.weights[name] * value for name, value in found.items())

    return {MAPS: (wanted, on_maps), LOSSES: (wanted, losses)}


def _step(backbone, call, supervised) -> tuple[float, float]:
    """Seconds and peak resident memory in MB of one forward and backward pass.

    Args:
        supervised: what to capture and the loss of it, None for neither.
    """
    from tavid_planner.video.attention import AttentionCapture

    backbone.transformer.zero_grad(set_to_none=True)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # reset the peak
    start = time.perf_counter()
    if supervised is None:
        backbone.predict(*call).square().mean().backward()
    else:
        wanted, loss_of = supervised
        with AttentionCapture(backbone.transformer, wanted) as capture:
            prediction = backbone.predict(*call)
            names = {request.name for requests in wanted.values() for request in requests}
            loss = prediction.square().mean() + loss_of({name: capture.stacked(name) for name in names})
            loss.backward()
    spent = time.perf_counter() - start
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
    return spent, peak


if __name__ == "__main__":
    main()
