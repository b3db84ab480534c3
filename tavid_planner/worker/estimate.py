"""How much memory settings need, estimated from the model's own files before anything is loaded.

A rough count of the largest things that are in memory at once; `tests/tavid_planner/worker/test_estimate.py` compares
it with what the mini model takes. It is there to refuse what cannot fit, not to predict to the byte.
"""

import json
import os
from pathlib import Path

from tavid_planner.config import PlannerConfig, VideoConfig, resolve_model
from tavid_planner.errors import ErrorCode, VideoError

GB = 1e9
LIBRARIES_BYTES = 0.9e9  # torch, diffusers, MediaPipe, PyBullet
DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TOKEN_COPIES = 16  # of a token's features in a transformer block: queries, keys, values, the fourfold feed-forward
DECODER_COPIES = 6  # of the widest feature map: input, padded input, convolution, norm
DECODED_AT_ONCE = 9  # frames: two latent frames and what the convolutions remember
TILED_SHARE = 0.35  # of the picture that is decoded at once with tiles
FRAME_COPIES = 24  # bytes for each of three channels of a pixel: float video, its copies, the frames the lift looks at
WEIGHTS = ("*.safetensors", "*.bin", "*.pth")


def needed_bytes(config: PlannerConfig, samples: int = 1, size_px: tuple[int, int] = (480, 640)) -> int | None:
    """Memory that a plan takes on the device that generates, None where the model's files are not here.

    Args:
        size_px: (height, width) of the request's image.
    """
    video = config.video
    folder = Path(resolve_model(video.base)).expanduser()
    transformer, vae = _read(folder / "transformer"), _read(folder / "vae")
    if transformer is None or vae is None:
        return None
    activations = max(_transformer_bytes(video, transformer, vae), _decoder_bytes(video, vae))
    frames = video.num_frames * 3 * (video.height * video.width * FRAME_COPIES + samples * size_px[0] * size_px[1] * 4)
    return int(LIBRARIES_BYTES + _weight_bytes(video, folder) + activations + frames)


def require_memory(config: PlannerConfig, samples: int = 1, size_px: tuple[int, int] = (480, 640)) -> None:
    """Refuse settings that cannot fit into this machine.

    Raises:
        VideoError: OUT_OF_MEMORY with both numbers.
    """
    if config.video.device not in ("auto", "cpu"):  # a GPU's memory is its own, and torch tells when it is full
        return
    needed, free = needed_bytes(config, samples, size_px), free_bytes()
    if needed is None or free is None or needed <= free:
        return
    video = config.video
    if config.video.device == "auto" and _has_gpu():
        return
    raise VideoError(
        ErrorCode.OUT_OF_MEMORY,
        f"{video.num_frames} frames of {video.width}x{video.height} pixels, {samples} samples, need about "
        f"{needed / GB:.1f} GB of memory, {free / GB:.1f} GB are free",
        "use fewer or smaller frames (video.num_frames, video.height, video.width), vae_tiling, or fewer samples",
    )


def free_bytes() -> int | None:
    """Memory that this process can have, its own included; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        own_pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    available = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    if available is None:
        return None
    own = own_pages * os.sysconf("SC_PAGE_SIZE")
    return min(available + own, _container_bytes() or available + own)


def _container_bytes() -> int | None:
    """The limit of a container without what its other processes hold, None without a limit."""
    root = Path("/sys/fs/cgroup")
    try:
        limit, used = (root / "memory.max").read_text().strip(), int((root / "memory.current").read_text())
        statistics = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
    # the page cache gives way
    return None if limit == "max" else int(limit) - used + int(statistics.get("inactive_file", 0)) + own


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _read(folder: Path) -> dict | None:
    try:
        data = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):  # a hub id that is not downloaded, or broken: loading says so
        return None
    return data if isinstance(data, dict) else None


def _weight_bytes(video: VideoConfig, folder: Path) -> int:
    folders = [folder, Path(resolve_model(video.adapter)).expanduser()] if video.adapter else [folder]
    files = {file for place in folders if place.is_dir() for kind in WEIGHTS for file in place.rglob(kind)}
    return sum(file.stat().st_size for file in files)


def _transformer_bytes(video: VideoConfig, transformer: dict, vae: dict) -> float:
    frames = (video.num_frames - 1) // vae.get("temporal_compression_ratio", 4) + 1
    pixels_a_token = _shrinking(vae) * transformer.get("patch_size", 2)
    tokens = frames * (video.height / pixels_a_token) * (video.width / pixels_a_token)
    tokens += transformer.get("max_text_seq_length", 226)
    width = transformer.get("num_attention_heads", 30) * transformer.get("attention_head_dim", 64)
    batch = 2 if video.guidance_scale > 1 else 1
    return batch * tokens * width * TOKEN_COPIES * DTYPE_BYTES[video.dtype]


def _decoder_bytes(video: VideoConfig, vae: dict) -> float:
    channels = vae.get("block_out_channels", (128, 256, 256, 512))
    pixels = video.height * video.width * (TILED_SHARE if video.vae_tiling else 1.0)
    # the layer before the last comes at full size with the channels of the block below
    widest = channels[min(1, len(channels) - 1)]
    at_once = min(DECODED_AT_ONCE, video.num_frames)
    return at_once * pixels * widest * DECODER_COPIES * DTYPE_BYTES[video.dtype]


def _shrinking(vae: dict) -> int:
    return 2 ** (len(vae.get("block_out_channels", (0, 0, 0, 0))) - 1)
