"""What of a base model encodes clips: its VAE's encoder, text encoder and tokenizer, told by a digest of their files.

Latents and texts of one model mean nothing to another, and nothing in their shapes tells. A VAE's decoder may change:
the small model's is trained further on the same latents.
"""

import hashlib
from pathlib import Path

import torch
from safetensors import safe_open

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.model_files import DIGEST_LENGTH, check_safetensors, weight_files, weights_digest

DECODER = ("decoder.", "post_quant_conv.")  # how the names of a VAE's weights begin that encode nothing


def encoder_digest(base: Path) -> str:
    """Another one as soon as what encodes changes; transformer, adapters and the VAE's decoder count nothing."""
    digest = hashlib.sha256(vae_encoder_digest(base / "vae").encode())
    digest.update((base / "vae" / "config.json").read_bytes())  # which has the latents' scale
    for part in ("text_encoder", "tokenizer"):
        digest.update(weights_digest(base / part).encode())
    return digest.hexdigest()[:DIGEST_LENGTH]


def encoder_state(base: Path) -> str:
    """Of the places, sizes and times of the same files: while it stays, they need not be read for their digest."""
    digest = hashlib.sha256()
    paths = [path for part in ("vae", "text_encoder", "tokenizer") for path in sorted((base / part).rglob("*"))]
    for path in filter(Path.is_file, paths):
        facts = path.stat()
        digest.update(f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:DIGEST_LENGTH]


def vae_encoder_digest(folder: Path) -> str:
    """Of the weights of a VAE's encoder.

    Raises:
        VideoError: MODEL_MISSING.
    """
    digest = hashlib.sha256()
    for path in weight_files(folder):
        check_safetensors(path)
        with safe_open(path, "pt") as file:
            for name in sorted(n for n in file.keys() if not n.startswith(DECODER)):
                tensor = file.get_tensor(name).contiguous()
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:DIGEST_LENGTH]


def refuse_other_encoders(cache, settings, name: str, base: Path) -> None:
    """See that clips were encoded by the encoders of the base that is used with them.

    Args:
        cache: its folder; settings: its CacheSettings; name, base: the base as it is called, and its folder.

    Raises:
        InputError: CONFIG_INVALID when they were not.
    """
    if settings.encoder_digest:
        untouched = settings.encoder_state == encoder_state(base)  # text encoders have gigabytes
        same = untouched or settings.encoder_digest == encoder_digest(base)
        told = f"was encoded by {settings.base}, whose encoders are not those of the base {name} as it is now"
    else:  # of an older cache: no less than the whole model tells
        same = settings.base_digest == weights_digest(base)
        told = (
            f"is of an earlier version, which kept no digest of its encoders alone, and the base {name} is not in all "
            f"its files the {settings.base} that encoded it"
        )
    if not same:
        hint = "give that base, or encode the clips again"
        raise InputError(ErrorCode.CONFIG_INVALID, f"{cache} {told}", hint)
