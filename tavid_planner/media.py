"""The picture and video files of a plan bundle."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hoi_motion.files import write_whole
from hoi_motion.motion import HoiMotion
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.plan import InteractionPlan, InteractionVideo

VIEWING_SIZE_PX = 360
MAX_VIEWING_SCALE = 4
MAX_ATTENTION_PANELS = 5
# of x264: visually lossless
PLAN_CRF = 16
# half the time of x264's default preset at the same size: SSIM 0.998 of a film's frames instead of 0.999
PLAN_PRESET = "veryfast"
MASK_COLOUR = (64, 255, 96)


def write_png(path: Path, image: np.ndarray) -> None:  # (H, W, 3) RGB or (H, W), uint8
    """Whole or not at all. Raises: InputError: OUTPUT_INVALID."""
    import cv2

    encoded, data = cv2.imencode(".png", image if image.ndim == 2 else image[..., ::-1])
    if not encoded:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot encode {path.name} of shape {image.shape}")
    write_whole(path, data.tobytes())


def write_mp4(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:  # T x (H, W, 3) uint8
    """Write H.264 that browsers play, small enough to be kept with every plan."""
    from hoi_motion.media.video_file import write_video

    write_video(path, frames, fps, PLAN_CRF, PLAN_PRESET)


def viewing_scale(height_px: int, width_px: int) -> int:
    """Integer factor that enlarges a small picture for viewing."""
    return int(np.clip(-(-VIEWING_SIZE_PX // min(height_px, width_px)), 1, MAX_VIEWING_SCALE))


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:  # (H, W[, 3]) -> (sH, sW[, 3])
    """Cubic for pictures, nearest for masks."""
    import cv2

    if scale == 1:
        return image
    size = (image.shape[1] * scale, image.shape[0] * scale)
    if image.dtype == bool:
        return cv2.resize(image.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)


def overlay_frames(plan: InteractionPlan) -> np.ndarray:
    """The clip with mask, joints and contacts drawn in, enlarged when it is small: (T, sH, sW, 3) uint8."""
    from hoi_motion.media.overlay import draw_overlay

    target_mask = plan.request.target_mask
    scale = viewing_scale(*target_mask.shape)
    frames = np.stack([enlarge(frame, scale) for frame in plan.video.frames])
    motion = enlarged_camera(plan.motion, scale)
    return draw_overlay(frames, motion, enlarge(target_mask, scale), plan.posed.keypoints_m)


def enlarged_camera(motion: HoiMotion, scale: int) -> HoiMotion:
    """The same motion seen by a camera with `scale` times the pixels (pixel centres at whole numbers)."""
    K = motion.camera.K.copy()
    K[:2] *= scale
    K[:2, 2] += (scale - 1) / 2
    camera = type(motion.camera)(
        K=K,
        T_world_camera=motion.camera.T_world_camera,
        width=motion.camera.width * scale,
        height=motion.camera.height * scale,
        focal_source=motion.camera.focal_source,
    )
    return motion.replace(camera=camera)


def attention_picture(video: InteractionVideo, target_mask: np.ndarray) -> np.ndarray | None:
    """The video's attention to the target word: a strip of frames over time, with the mask outlined in the first.

    The frames of the strip are enlarged when they are small and reduced when they are large.

    Returns:
        (H', W', 3) uint8, or None when attention was not captured.
    """
    import cv2

    if video.target_attention is None:
        return None
    attention = video.target_attention / max(float(video.target_attention.max()), 1e-12)
    scale = viewing_scale(*target_mask.shape)
    T_latent = len(attention)
    panels = []
    for t in np.unique(np.linspace(0, T_latent - 1, min(T_latent, MAX_ATTENTION_PANELS)).round().astype(int)):
        # a causal video VAE encodes the first frame alone and packs the following ones into the other latent frames
        frame = round(t * (len(video.frames) - 1) / max(T_latent - 1, 1))
        picture = enlarge(video.frames[frame], scale)
        size = (picture.shape[1], picture.shape[0])
        weight = cv2.resize(attention[t], size, interpolation=cv2.INTER_CUBIC).clip(0, 1)[..., None]
        colours = cv2.applyColorMap((weight * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
        panel = (picture * (1 - 0.85 * weight) + colours * 0.85 * weight).astype(np.uint8)
        if t == 0:
            mask = enlarge(target_mask, scale).astype(np.uint8)
            outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
            cv2.drawContours(panel, outlines, -1, MASK_COLOUR, 2)
        if min(size) > VIEWING_SIZE_PX:
            shrink = VIEWING_SIZE_PX / min(size)
            panel = cv2.resize(panel, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            label = f"{frame / video.fps:.1f} s"
            cv2.putText(panel, label, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, width, cv2.LINE_AA)
        panels.append(np.pad(panel, ((0, 0), (0, 4), (0, 0)), constant_values=255))
    return np.concatenate(panels, axis=1)[:, :-4]
