"""Videos and attention maps from the weights of a running training."""

import cv2
import numpy as np
import torch

from tavid_planner.media import write_mp4, write_png
from tavid_planner.video.adapter import Adapter
from tavid_planner.video.pipeline import TargetAwarePipeline

FPS = 8.0  # of CogVideoX


def validate(trainer) -> list[np.ndarray]:
    """Generate from the last clips of the cache; `validation/step_NNNNNN/` gets an mp4 and a picture of each.

    Returns:
        The videos, (T, H, W, 3) float32 in 0..1.
    """
    config, transformer = trainer.config, trainer.transformer
    folder = trainer.out / "validation" / f"step_{trainer.step:06d}"
    folder.mkdir(parents=True, exist_ok=True)
    dtype = next(transformer.parameters()).dtype
    pipeline = TargetAwarePipeline.from_pretrained(trainer.base, dtype=dtype, device=trainer.accelerator.device)
    pipeline.transformer = transformer
    pipeline.adapter = Adapter("training", config.trigger, config.rank, config.alpha, "")
    pipeline.set_progress_bar_config(disable=True)
    transformer.eval()
    try:
        return [_one(trainer, pipeline, folder, index) for index in range(min(config.validation.clips, len(trainer.cache)))]
    finally:
        transformer.train()


def _one(trainer, pipeline, folder, index: int) -> np.ndarray:
    clip, options = trainer.cache[len(trainer.cache) - 1 - index], trainer.config.validation
    settings = trainer.cache.settings
    output = pipeline(
        image=clip.first_frame.numpy(),
        mask=clip.mask.float()[None, None],
        prompt=clip.caption,
        height=settings.height,
        width=settings.width,
        num_frames=settings.num_frames,
        num_inference_steps=options.num_inference_steps,
        guidance_scale=options.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(trainer.config.seed),
        output_type="np",
        capture_attention=True,
    )
    frames = output.frames[0]
    pictures = (frames * 255).round().astype(np.uint8)
    write_mp4(folder / f"{index}.mp4", pictures, FPS)
    write_png(folder / f"{index}.png", _sheet(clip, pictures, output.target_attention.numpy()))
    return frames


def _sheet(clip, frames: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """The first frame with the target outlined, where its word is attended to, then frames of the video."""
    first, mask = clip.first_frame.numpy().copy(), clip.mask.numpy()
    height, width = first.shape[:2]
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(first, outline, -1, (255, 0, 255), 1)
    heat = cv2.resize(attention[0] / max(attention[0].max(), 1e-9), (width, height), interpolation=cv2.INTER_CUBIC)
    heat = cv2.applyColorMap((np.clip(heat, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    picks = np.linspace(0, len(frames) - 1, 5).round().astype(int)
    return np.concatenate([first, cv2.cvtColor(heat, cv2.COLOR_BGR2RGB), *frames[picks]], axis=1)
