"""Writes a tiny Wan model with random weights in the published folder format, and an adapter for it.

    base = write_tiny_wan(tmp_path / "base")                # 2.2 TI2V: the image is the first frame
    base = write_tiny_wan(tmp_path / "base", kind="i2v")    # 2.1 I2V: the image beside the noise, and its encoder
    adapter = write_tiny_wan_adapter(tmp_path / "adapter", base)

The published TI2V folder names the text-to-video pipeline in its index, has `expand_timesteps` and a null second
transformer; these do too. Frames must be multiples of 32 px (TI2V: the VAE is 16x) or 16 px (I2V: 8x).
"""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanImageToVideoPipeline, WanTransformer3DModel
from tiny_model import TEXT_ENCODER, TEXT_WIDTH, tiny_tokenizer
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel, UMT5Config, UMT5EncoderModel

WAN_BLOCKS = 2
LATENT_CHANNELS = {"ti2v": 48, "i2v": 16}
IMAGE_WIDTH = 8  # of the features of the image encoder


def write_tiny_wan(folder: Path, kind: str = "ti2v", seed: int = 0, **transformer_changes) -> Path:
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    text_encoder = UMT5EncoderModel(UMT5Config(vocab_size=len(tokenizer), **TEXT_ENCODER))
    image_parts = {}
    if kind == "i2v":
        vision = CLIPVisionConfig(
            hidden_size=IMAGE_WIDTH,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=28,
            patch_size=14,
        )
        size = dict(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
        image_parts = dict(image_encoder=CLIPVisionModel(vision).eval(), image_processor=CLIPImageProcessor(**size))
    pipeline = WanImageToVideoPipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder.eval(),
        vae=tiny_wan_vae(kind).eval(),
        transformer=tiny_wan_transformer(kind, **transformer_changes).eval(),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0 if kind == "ti2v" else 3.0
        ),
        expand_timesteps=kind == "ti2v",
        **image_parts,
    )
    pipeline.save_pretrained(folder)
    if kind == "ti2v":
        path = Path(folder) / "model_index.json"
        index = json.loads(path.read_text())
        index = {name: value for name, value in index.items() if name not in ("image_encoder", "image_processor")}
        path.write_text(json.dumps(index | {"_class_name": "WanPipeline"}, indent=2))
    return Path(folder)


def tiny_wan_vae(kind: str = "ti2v") -> AutoencoderKLWan:
    """The VAE of 2.2 TI2V (residual, patches of 2x2 pixels, 16x) or that of 2.1 (8x)."""
    channels = LATENT_CHANNELS[kind]
    newer = dict(
        decoder_base_dim=8, is_residual=True, patch_size=2, in_channels=12, out_channels=12, scale_factor_spatial=16
    )
    return AutoencoderKLWan(
        base_dim=8,
        z_dim=channels,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.01 * c for c in range(channels)],
        latents_std=[0.5 + 0.01 * c for c in range(channels)],
        **(newer if kind == "ti2v" else {}),
    )


def tiny_wan_transformer(kind: str = "ti2v", **changes) -> WanTransformer3DModel:
    channels = LATENT_CHANNELS[kind]
    settings = dict(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels if kind == "ti2v" else 2 * channels + 4,
        out_channels=channels,
        text_dim=TEXT_WIDTH,
        freq_dim=8,
        ffn_dim=16,
        num_layers=WAN_BLOCKS,
    )
    if kind == "i2v":
        settings |= dict(image_dim=IMAGE_WIDTH, added_kv_proj_dim=24)
    return WanTransformer3DModel(**{**settings, **changes})


def write_tiny_wan_adapter(
    folder: Path, base: Path, rank: int = 4, alpha: float = 2.0, trigger: str = "target", seed: int = 1, **extra
) -> Path:
    """Write an adapter with random, non-zero weights for a model of `write_tiny_wan`."""
    from peft import LoraConfig

    from tavid_planner.video.adapter import save_adapter
    from tavid_planner.video.backbone import backbone_of

    transformer = WanTransformer3DModel.from_pretrained(base, subfolder="transformer")
    backbone = backbone_of(transformer)
    backbone.widen()
    torch.manual_seed(seed)
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=backbone.layers_with_lora()))
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.3)
        backbone.embedding.weight[:, -1].normal_(std=0.5)
    save_adapter(folder, transformer, rank, alpha, trigger, extra)
    return Path(folder)
