"""Memory that a configuration needs, estimated from the model's files before anything is loaded.

A rough count of the largest things that are in memory at once; `tests/tavid_planner/video/test_estimate.py` compares
it with what the mini model takes on a CPU. It is meant to refuse what cannot fit, not to predict exactly. It has not
been measured for Wan, on GPUs or for the offloading modes.
"""

import logging
import math
import os
from dataclasses import replace
from pathlib import Path

from hoi_motion.errors import counted
from hoi_motion.files import with_home
from hoi_motion.reading.text import read_json
from tavid_planner.config import PlannerConfig, VideoConfig, resolve_model
from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.model_files import is_hub_id
from tavid_planner.video.named_loras import FILE_SUFFIX, asked_loras
from tavid_planner.video.weight_sizes import WAN_IN_FLOAT32, WeightSizes, file_bytes, weight_sizes

logger = logging.getLogger(__name__)

GB = 1e9
LIBRARIES_BYTES = 0.9e9  # torch, diffusers, MediaPipe, PyBullet
GPU_LIBRARIES_BYTES = 0.6e9  # the driver's context and the kernels
GPU_FRAME_COPIES = 10  # bytes for each of three channels of a pixel: the decoded video, as floats, and clamped
DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TOKEN_COPIES = 16  # of a token's features in a transformer block: queries, keys, values, the fourfold feed-forward
DECODER_COPIES = 6  # copies of the widest feature map: input, padded input, convolution, norm
DECODED_AT_ONCE = 9  # frames: two latent frames and what the convolutions remember
TILED_SHARE = 0.35  # of the picture that is decoded at once with tiles
FRAME_COPIES = 24  # bytes for each of three channels of a pixel: float video, its copies, the frames the lift looks at
WAN_AT_ONCE = 6  # frames: the four of one latent frame, and what the convolutions remember


def needed_by_mode(
    config: PlannerConfig, samples: int = 1, size_px: tuple[int, int] = (480, 640)
) -> dict[str, int] | None:
    """Memory on the generating device by memory mode, fastest mode first; see `memory.place`.

    None where the model's files are not here.
    """
    return _needed(config.video, samples, size_px)


def chosen_mode(video: VideoConfig, modes: dict[str, int] | None = None) -> str:
    """The memory mode of a profile; for `auto` the fastest one that fits, or the leanest if none does.

    Args:
        modes: bytes that each mode takes; None estimates them for one sample.
    """
    if video.memory != "auto":
        return video.memory
    if not _has_gpu(video.device):
        return "resident"  # there is nothing to offload to
    modes, free = modes or _needed(video, 1, (480, 640)), device_free_bytes(video.device)
    if modes is None or free is None:
        return "model"
    fitting = (mode for mode, size in modes.items() if size <= free and not _lacks_main_memory(video, mode))
    return next(fitting, min(modes, key=lambda mode: modes[mode]))


def samples_at_once(video: VideoConfig, samples: int, size_px: tuple[int, int]) -> int:
    """How many samples are denoised in one batch: the profile's number, or as many as the estimate says will fit."""
    if video.samples_at_once:
        return video.samples_at_once
    free = device_free_bytes(video.device)
    mode = chosen_mode(video)
    for count in range(samples, 1, -1):
        needed = _needed(replace(video, samples_at_once=count), samples, size_px)
        if needed is not None and free is not None and needed[mode] <= free:
            return count
    return 1


def _needed(video: VideoConfig, samples: int, size_px: tuple[int, int]) -> dict[str, int] | None:
    folder = _local(video.base)
    if folder is None:
        return None
    transformer, vae = _read(folder / "transformer"), _read(folder / "vae")
    if transformer is None or vae is None:
        return None
    at_once = min(samples, video.samples_at_once or 1)
    try:
        works = at_once * _transformer_bytes(video, transformer, vae), _decoder_bytes(video, vae)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        return None  # settings that make no sense: loading says so
    activations = sum(works) if video.decode_beside else max(works)
    pixels = video.num_frames * 3 * video.height * video.width
    if _has_gpu(video.device):  # libraries and the lift take theirs on the CPU
        besides = GPU_LIBRARIES_BYTES + activations + pixels * GPU_FRAME_COPIES
    else:
        frames = pixels * FRAME_COPIES + video.num_frames * 3 * samples * size_px[0] * size_px[1] * 4
        besides = LIBRARIES_BYTES + activations + frames
    models, extra = _weights(video, folder, vae)
    return {
        "resident": int(besides + extra + sum(model.whole for model in models)),
        "model": int(besides + extra + max(model.whole for model in models)),
        "group": int(besides + extra + max(model.in_groups for model in models)),
        "sequential": int(besides + max(model.largest for model in models)),
    }


def _weights(video: VideoConfig, folder: Path, vae: dict) -> tuple[list[WeightSizes], float]:
    """Sizes of the models of a base, and bytes of the adapter and the LoRAs beside them."""
    number_bytes = DTYPE_BYTES[video.dtype]
    exact = WAN_IN_FLOAT32 if "base_dim" in vae else ()
    adapter = _local(video.adapter) if video.adapter else None
    beside = [] if adapter is None else sorted(adapter.glob("*.safetensors"))
    # what is merged into the weights takes no room beside them
    extra = 0.0 if video.fuse else file_bytes([*beside, *_lora_files(video)], number_bytes)
    models = [
        weight_sizes(place, 4 if place.name in exact else number_bytes, video.weights != "full")
        for place in sorted(folder.iterdir())
        if place.is_dir() and place != adapter
    ]
    return models, extra


def waiting_bytes(video: VideoConfig, mode: str) -> int | None:
    """Main memory for weights that wait there for a GPU, with libraries.

    None where nothing waits (`sequential` reads the mapped files again), or the model's files are not here.
    """
    folder = _local(video.base)
    vae = None if folder is None else _read(folder / "vae")
    if mode in ("resident", "sequential") or not _has_gpu(video.device) or folder is None or vae is None:
        return None
    models, extra = _weights(video, folder, vae)
    return int(LIBRARIES_BYTES + extra + sum(model.whole for model in models))


def weights_bytes(video: VideoConfig) -> int:
    """Size of the files from which the models are loaded, 0 where they are not here."""
    places = [place for name in (video.base, video.adapter) if name and (place := _local(name)) is not None]
    files = [*(file for place in places for file in place.rglob("*.safetensors")), *_lora_files(video)]
    return sum(file.stat().st_size for file in files)


def memory_words(needed: dict[str, int]) -> str:
    """Modes and what they need, in words."""
    return ", ".join(f"{mode} {size / GB:.1f} GB" for mode, size in needed.items())


def require_memory(config: PlannerConfig, samples: int = 1, size_px: tuple[int, int] = (480, 640)) -> None:
    """Refuse settings that cannot fit into this machine's memory, or its GPU's.

    Raises:
        VideoError: OUT_OF_MEMORY with both numbers.
    """
    _require_main_memory(config.video)
    modes, free = needed_by_mode(config, samples, size_px), device_free_bytes(config.video.device)
    if modes is None or free is None:
        return
    logger.info("memory needed: %s; %.1f GB are free", memory_words(modes), free / GB)
    video = config.video
    mode = chosen_mode(video, modes)
    needed = modes[mode]
    if needed <= free:
        return
    smaller = [mode for mode, size in modes.items() if size <= free]
    raise VideoError(
        ErrorCode.OUT_OF_MEMORY,
        f"{video.num_frames} frames of {video.width}x{video.height} pixels, {counted(samples, 'sample')}, need about "
        f"{needed / GB:.1f} GB of memory, {free / GB:.1f} GB are free",
        (f"use video.memory={smaller[0]}, or " if smaller and _has_gpu(video.device) else "use ")
        + "fewer or smaller frames (video.num_frames, video.height, video.width), vae_tiling, or fewer samples",
    )


def _require_main_memory(video: VideoConfig) -> None:
    """Raises: VideoError: OUT_OF_MEMORY where weights are to wait beside the GPU and do not fit there."""
    mode = chosen_mode(video)
    lacks = _lacks_main_memory(video, mode)
    if not lacks:
        return
    raise VideoError(
        ErrorCode.OUT_OF_MEMORY,
        f"with video.memory={mode} the weights wait in main memory, which takes about {lacks[0] / GB:.1f} GB; "
        f"{lacks[1] / GB:.1f} GB are free",
        "use video.memory=sequential, resident if the GPU is large enough"
        + (", or video.weights=fp8" if video.weights == "full" else ""),
    )


def _lacks_main_memory(video: VideoConfig, mode: str) -> tuple[int, int] | None:
    """What weights that wait in main memory take, and what is free, in bytes; None where it is enough or not known."""
    needed, free = waiting_bytes(video, mode), free_bytes()
    return None if needed is None or free is None or needed <= free else (needed, free)


def device_free_bytes(device: str) -> int | None:
    """Memory that this process can have on the device a profile asks for, including what it already holds.

    None where it cannot be told.
    """
    if not _has_gpu(device):
        return free_bytes()
    import torch

    if not torch.cuda.is_available():
        return None
    return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()


def free_bytes() -> int | None:
    """Memory available to this process, including what it already holds; None where the system does not report it."""
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
    """The container's memory limit minus what its other processes hold, None without a limit."""
    root = Path("/sys/fs/cgroup")
    try:
        limit, used = (root / "memory.max").read_text().strip(), int((root / "memory.current").read_text())
        statistics = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
    # the page cache can be reclaimed
    return None if limit == "max" else int(limit) - used + int(statistics.get("inactive_file", 0)) + own


def _has_gpu(device: str) -> bool:
    """Whether this device is a GPU; torch, which is slow to import, is asked only where it may be one."""
    if device == "cpu":
        return False
    import torch

    return device != "auto" or torch.cuda.is_available() or torch.backends.mps.is_available()


def _local(model: str) -> Path | None:
    """The local folder of a model, or its folder in the hub's cache; None if there is none. Never contacts a hub."""
    name = resolve_model(model)
    if not is_hub_id(name):
        folder = with_home(name)
        return folder if folder.is_dir() else None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):  # of a name that a hub does not allow loading says so
        return None


def _lora_files(video: VideoConfig) -> list[Path]:
    """Files of the LoRAs beside the adapter, of those that are here."""
    try:
        loras = asked_loras(video)
    except InputError:  # an option that makes no sense: loading says so
        return []
    files = []
    for lora in loras:
        path = with_home(lora.source)
        if not lora.source.endswith(FILE_SUFFIX) or path.is_dir():
            folder = _local(lora.source)
            files += [] if folder is None else sorted(folder.glob(f"*{FILE_SUFFIX}"))
            continue
        owner, *rest = Path(lora.source).parts
        if not path.is_file() and len(rest) > 1 and is_hub_id(f"{owner}/{rest[0]}"):  # one file of a hub's folder
            folder = _local(f"{owner}/{rest[0]}")
            path = path if folder is None else folder.joinpath(*rest[1:])
        files += [path] if path.is_file() else []
    return files


def _read(folder: Path) -> dict | None:
    try:
        return read_json(folder / "config.json", "a whole configuration")
    except InputError:  # a hub id that is not downloaded, or broken: loading says so
        return None


def _transformer_bytes(video: VideoConfig, transformer: dict, vae: dict) -> float:
    frames = (video.num_frames - 1) // vae.get("temporal_compression_ratio", 4) + 1
    frames = math.ceil(frames / (transformer.get("patch_size_t") or 1))
    patch = transformer.get("patch_size", 2)
    pixels_a_token = _shrinking(vae) * (patch[-1] if isinstance(patch, list) else patch)
    tokens = frames * (video.height / pixels_a_token) * (video.width / pixels_a_token)
    tokens += transformer.get("max_text_seq_length", 226 if "block_out_channels" in vae else 512)
    width = transformer.get("num_attention_heads", 30) * transformer.get("attention_head_dim", 64)
    batch = 1 + (video.sampling.guidance_scale > 1) + (video.contrast > 1)
    return batch * tokens * width * TOKEN_COPIES * DTYPE_BYTES[video.dtype]


def _decoder_bytes(video: VideoConfig, vae: dict) -> float:
    pixels = video.height * video.width * (TILED_SHARE if video.vae_tiling else 1.0)
    if "base_dim" in vae:  # of Wan, whose newer VAE groups pixels into patches
        widest = vae.get("decoder_base_dim") or vae["base_dim"]
        cells = pixels / (vae.get("patch_size") or 1) ** 2
        return WAN_AT_ONCE * cells * widest * DECODER_COPIES * 4  # see WAN_IN_FLOAT32
    channels = vae.get("block_out_channels", (128, 256, 256, 512))
    # the layer before the last comes at full size with the channels of the block below
    widest = channels[min(1, len(channels) - 1)]
    at_once = min(DECODED_AT_ONCE, video.num_frames)
    return at_once * pixels * widest * DECODER_COPIES * DTYPE_BYTES[video.dtype]


def _shrinking(vae: dict) -> int:
    if "base_dim" in vae:  # of Wan
        return vae.get("scale_factor_spatial", 8)
    return 2 ** (len(vae.get("block_out_channels", (0, 0, 0, 0))) - 1)
