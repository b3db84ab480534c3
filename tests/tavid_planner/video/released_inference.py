"""The inference of the released TaViD weights, written out plainly: the reference for the pipeline.

Only the networks come from diffusers. LoRA is merged by hand, and guidance, DDIM and the second-order stochastic DPM
solver are computed from their formulae, with random numbers drawn in the released order: image latents, first noise,
then per step.
"""

import math
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDPMScheduler, CogVideoXTransformer3DModel
from diffusers.models.embeddings import get_3d_rotary_pos_embed
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoTokenizer, T5EncoderModel


@torch.no_grad()
def released_frames(base, adapter, image, mask, prompt, num_frames, num_steps, scale, seed, solver, scaling):
    """Frames (T, H, W, 3) in 0..1 for a PIL image and mask of the model's size.

    Args:
        solver: "dpm" or "ddim".
        scaling: alpha / rank of the adapter's LoRA.
    """
    base, adapter = Path(base), Path(adapter)
    tokenizer = AutoTokenizer.from_pretrained(base / "tokenizer")
    encoder = T5EncoderModel.from_pretrained(base / "text_encoder").eval()
    vae = AutoencoderKLCogVideoX.from_pretrained(base / "vae").eval()
    transformer = _merged_transformer(base, adapter, scaling)
    generator = torch.Generator().manual_seed(seed)
    length = transformer.config.max_text_seq_length

    def encode(text):
        ids = tokenizer([text], padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
        return encoder(ids)[0]

    text = torch.cat([encode(""), encode(prompt)])

    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None, :, None] / 255 * 2 - 1  # (1, 3, 1, H, W)
    moments = vae.encode(pixels.float()).latent_dist
    first = moments.mean + moments.std * torch.randn(moments.mean.shape, generator=generator)
    factor = vae.config.scaling_factor
    first = (first / factor if vae.config.invert_scale_latents else first * factor).transpose(1, 2)
    _, _, channels, h, w = first.shape
    latent_frames = (num_frames - 1) // 4 + 1
    conditions = torch.zeros(1, latent_frames, channels + 1, h, w)
    conditions[:, :1, :channels] = first
    # nearest reduction by 8 keeps the upper left pixel of each 8x8 cell
    conditions[0, 0, channels] = torch.from_numpy(np.array(mask)[::8, ::8] / 255.0)
    x = torch.randn(1, latent_frames, channels, h, w, generator=generator)

    rotary = get_3d_rotary_pos_embed(
        embed_dim=transformer.config.attention_head_dim,
        crops_coords=((0, 0), (h // 2, w // 2)),
        grid_size=(h // 2, w // 2),
        temporal_size=latent_frames,
    )
    alphas_bar = CogVideoXDPMScheduler.from_pretrained(base / "scheduler").alphas_cumprod.double()
    spacing = 1000 / num_steps
    timesteps = [round(1000 - i * spacing) - 1 for i in range(num_steps)]
    clean_before, bar_back = None, None
    for t in timesteps:
        batch = torch.cat([torch.cat([x, conditions], dim=2)] * 2)
        out = transformer(batch, text, torch.tensor([t, t]), image_rotary_emb=rotary, return_dict=False)[0]
        # the published formula puts the timestep's value where the number of remaining steps belongs
        cfg = 1 + scale * (1 - math.cos(math.pi * ((num_steps - t) / num_steps) ** 5)) / 2
        velocity = out[:1] + cfg * (out[1:] - out[:1])
        bar = alphas_bar[t]
        previous = t - 1000 // num_steps
        bar_next = alphas_bar[previous] if previous >= 0 else torch.tensor(1.0, dtype=torch.float64)
        clean = bar.sqrt() * x - (1 - bar).sqrt() * velocity
        if solver == "ddim":
            noise = bar.sqrt() * velocity + (1 - bar).sqrt() * x
            x = bar_next.sqrt() * clean + (1 - bar_next).sqrt() * noise
        else:
            x = _dpm_step(x, clean, clean_before, bar, bar_next, bar_back, previous < 0, generator)
        x = x.float()
        clean_before, bar_back = clean, bar
    video = vae.decode(x.transpose(1, 2) / factor).sample[0]
    return (video / 2 + 0.5).clamp(0, 1).permute(1, 2, 3, 0).numpy()


def _dpm_step(x, clean, clean_before, bar, bar_next, bar_back, last, generator):
    def half_log_snr(b):
        return 0.5 * torch.log(b / (1 - b))

    step = half_log_snr(bar_next) - half_log_snr(bar)
    noise = torch.randn(x.shape, generator=generator)
    if clean_before is not None and not last:
        noise = torch.randn(x.shape, generator=generator)
        ratio = (half_log_snr(bar) - half_log_snr(bar_back)) / step
        clean = (1 + 1 / (2 * ratio)) * clean - 1 / (2 * ratio) * clean_before
    keep = ((1 - bar_next) / (1 - bar)).sqrt() * torch.exp(-step)
    towards = -torch.expm1(-2 * step) * bar_next.sqrt()
    spread = (1 - bar_next).sqrt() * (1 - torch.exp(-2 * step)).sqrt()
    return keep * x + towards * clean + spread * noise


def _merged_transformer(base, adapter, scaling):
    transformer = CogVideoXTransformer3DModel.from_pretrained(base, subfolder="transformer").eval()
    conv = load_file(adapter / "patch_embed_conv2d.safetensors")
    out_channels, in_channels, size, _ = conv["weight"].shape
    transformer.patch_embed.proj = torch.nn.Conv2d(in_channels, out_channels, size, stride=size)
    transformer.patch_embed.proj.load_state_dict(conv)
    with safe_open(adapter / "pytorch_lora_weights.safetensors", "pt") as lora:
        for down in (k for k in lora.keys() if k.endswith(".lora_A.weight")):
            name = down.removeprefix("transformer.").removesuffix(".lora_A.weight")
            up = down.replace("lora_A", "lora_B")
            transformer.get_submodule(name).weight += scaling * lora.get_tensor(up) @ lora.get_tensor(down)
    return transformer
