"""Videos and attention maps from the weights of a running training."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from tavid_planner.media import write_mp4, write_png
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.configuration import DiffusionConfig
from training.data.sources import MODEL_FPS


@dataclass(frozen=True)
class ValidationClip:
    """first_frame (H, W, 3) u8, mask (H, W) u8, caption with `[TGT]`, perhaps ids (H, W) u8 of all that is marked."""

    first_frame: np.ndarray
    mask: np.ndarray
    caption: str
    ids: np.ndarray | None = None

    @property
    def marked(self) -> torch.Tensor | list[torch.Tensor]:
        """The target's mask, or the masks of all marked instances that are in the picture, as a request marks them."""
        if self.ids is None:
            return torch.from_numpy(self.mask).float()[None, None]
        # one that enters later, is covered or was cut away leaves its number out
        return [torch.from_numpy(self.ids == n).float()[None, None] for n in np.unique(self.ids[self.ids > 0])]


def generate(
    pipeline: TargetAwarePipeline,
    clips: list[ValidationClip],
    num_frames: int,
    config: DiffusionConfig,
    folder: Path,
    fps: float = MODEL_FPS,
) -> list[np.ndarray]:  # each (T, H, W, 3) float32 in 0..1
    """A video from each clip's first frame; `folder` gets an mp4 and a picture of each."""
    options, videos = config.validation, []
    pipeline.set_progress_bar_config(disable=True)
    pipeline.transformer.eval()
    try:
        for index, clip in enumerate(clips):
            output = pipeline(
                image=clip.first_frame,
                mask=clip.marked,
                prompt=clip.caption,
                height=clip.first_frame.shape[0],
                width=clip.first_frame.shape[1],
                num_frames=num_frames,
                num_inference_steps=options.num_inference_steps,
                guidance_scale=options.guidance_scale,
                generator=torch.Generator("cpu").manual_seed(config.seed),
                output_type="np",
                capture_attention=True,
            )
            frames = np.asarray(output.frames[0])
            pictures = (frames * 255).round().astype(np.uint8)
            write_mp4(folder / f"{index}.mp4", pictures, fps)
            write_png(folder / f"{index}.png", _sheet(clip, pictures, output.target_attention.numpy()))
            videos.append(frames)
    finally:
        pipeline.transformer.train()
    return videos


def spread_frames(frames: np.ndarray, count: int = 5) -> np.ndarray:  # (T, H, W, 3) -> (H, count W, 3)
    """Frames from the first to the last, side by side."""
    return np.concatenate([*frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]], axis=1)


def _sheet(clip: ValidationClip, frames: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """The first frame with the target outlined, where its word is attended to, then frames of the video."""
    first = clip.first_frame.copy()
    height, width = first.shape[:2]
    outline, _ = cv2.findContours(clip.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(first, outline, -1, (255, 0, 255), 1)
    heat = cv2.resize(attention[0] / max(attention[0].max(), 1e-9), (width, height), interpolation=cv2.INTER_CUBIC)
    heat = cv2.applyColorMap((np.clip(heat, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.concatenate([first, cv2.cvtColor(heat, cv2.COLOR_BGR2RGB), spread_frames(frames)], axis=1)
