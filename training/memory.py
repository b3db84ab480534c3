"""What training an adapter on CogVideoX-5B needs, without its weights: `python -m training.memory`.

The full-size transformer is built on the `meta` device, widened and given its LoRA, so every layer that training
touches is found or missed here. Activations are what autograd keeps of one forward pass at full size, counted tensor
by tensor; the attention matrix, which fused kernels never make, is left out. What the allocator adds, and the VAE and
text encoder (the cache has their results; a validation loads them for a while), are not counted.
"""

import argparse

import torch
from diffusers import CogVideoXTransformer3DModel

from tavid_planner.errors import TavidError
from tavid_planner.video.attention import TargetAttentionCapture
from tavid_planner.video.backbone import backbone_of
from training.arguments import positive
from training.configuration import AdapterConfig
from training.objectives.block_choice import parse_block_choice
from training.tasks.adapter import prepare_adapter

GIB = 2**30
FULL_SIZE = dict(
    num_attention_heads=48,
    attention_head_dim=64,
    in_channels=32,
    out_channels=16,
    time_embed_dim=512,
    text_embed_dim=4096,
    num_layers=42,
    sample_width=90,
    sample_height=60,
    sample_frames=49,
    patch_size=2,
    temporal_compression_ratio=4,
    max_text_seq_length=226,
    use_rotary_positional_embeddings=True,
    use_learned_positional_embeddings=True,
)


def full_size_transformer(dtype=torch.bfloat16, **changes) -> CogVideoXTransformer3DModel:
    """CogVideoX-5B image-to-video without values."""
    with torch.device("meta"):
        transformer = CogVideoXTransformer3DModel(**{**FULL_SIZE, **changes})
    return torch.nn.Module.to(
        transformer, dtype
    )  # diffusers' own warns of layers kept in float32, of which it has none


def activation_bytes(transformer, batch: int, blocks: tuple[int, ...] | None) -> int:
    """Bytes that autograd keeps of one forward pass, parameters and attention matrices not counted.

    Args:
        blocks: whose attention map is captured too, None for none.
    """
    config = transformer.config
    frames, height, width = (config.sample_frames - 1) // 4 + 1, config.sample_height, config.sample_width
    dtype = transformer.patch_embed.proj.weight.dtype
    tokens = config.max_text_seq_length + frames * (height // 2) * (width // 2)
    video = torch.empty(batch, frames, config.in_channels, height, width, device="meta", dtype=dtype)
    text = torch.empty(batch, config.max_text_seq_length, config.text_embed_dim, device="meta", dtype=dtype)
    rotary = tuple(
        torch.empty(tokens - config.max_text_seq_length, config.attention_head_dim, device="meta") for _ in range(2)
    )
    owned = {id(p) for p in transformer.parameters()} | {id(b) for b in transformer.buffers()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor):
        base = tensor._base if tensor._base is not None else tensor
        if id(base) not in owned and tensor.shape[-2:].count(tokens) < 2 and tensor.shape[-1:] != (tokens,):
            kept[id(base)] = base  # holding it keeps the id its own
        return tensor

    call = dict(
        hidden_states=video,
        encoder_hidden_states=text,
        image_rotary_emb=rotary,
        return_dict=False,
        timestep=torch.zeros(batch, device="meta", dtype=torch.long),
    )
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        if blocks is None:
            transformer(**call)
        else:
            with TargetAttentionCapture(transformer, (5,), blocks) as capture:
                transformer(**call)
                capture.stacked()
    return sum(t.numel() * t.element_size() for t in kept.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rank", type=positive, default=128)
    parser.add_argument("--blocks", default="7 of 5-23", help="see training.objectives.block_choice")
    args = parser.parse_args()
    try:
        blocks = parse_block_choice(args.blocks, FULL_SIZE["num_layers"], name="--blocks").at_step(0)
    except TavidError as error:
        parser.exit(2, f"{error}\n")

    transformer = prepare_adapter(full_size_transformer(), AdapterConfig(rank=args.rank, alpha=args.rank // 2 or 1))
    trained = {n: p for n, p in transformer.named_parameters() if p.requires_grad}
    for name in backbone_of(transformer).layers_with_lora():
        found = sum(f".attn1.{name}.lora_A" in n for n in trained)
        print(f"LoRA on {name:<9} {found} of {len(transformer.transformer_blocks)} blocks")
    print(f"input convolution  {tuple(transformer.patch_embed.proj.weight.shape)}")
    print(f"attention loss on blocks {', '.join(map(str, blocks))} in the first step")

    weights = sum(p.numel() * 2 for p in transformer.parameters() if not p.requires_grad)
    numbers = sum(p.numel() for p in trained.values())
    print(f"frozen weights in bf16 {weights / GIB:.1f} GiB; {numbers / 1e6:.0f} M trained numbers, in fp32 with")
    print(f"gradient and two AdamW moments {16 * numbers / GIB:.1f} GiB")
    fixed = weights + 16 * numbers
    one_block = full_size_transformer(num_layers=1)
    prepare_adapter(one_block, AdapterConfig(rank=args.rank, alpha=args.rank // 2 or 1))
    inside = activation_bytes(one_block, 1, (0,))
    print(f"{'batch':>5} {'checkpointing':>14} {'attention loss':>15} {'activations':>12} {'together':>10}")
    for checkpointing in (True, False):
        (transformer.enable_gradient_checkpointing if checkpointing else transformer.disable_gradient_checkpointing)()
        for batch in (1, 2, 4):
            for supervised in (None, blocks):
                kept = activation_bytes(transformer, batch, supervised)
                kept += batch * inside if checkpointing else 0  # the block that is being recomputed
                print(
                    f"{batch:>5} {'on' if checkpointing else 'off':>14} {'on' if supervised else 'off':>15} "
                    f"{kept / GIB:>8.1f} GiB {(fixed + kept) / GIB:>6.1f} GiB"
                )


if __name__ == "__main__":
    main()
