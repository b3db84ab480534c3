"""A cache of latents, text tokens and masks, so that the VAE runs once a clip and not once a step.

`python -m training.data.latents --scenes DIR --vae runs/vae/model --out runs/latents`
"""

import argparse
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from hoi_motion.errors import counted
from hoi_motion.files import whole_file
from hoi_motion.lock import only_writer
from hoi_motion.processes import as_they_come
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import ErrorCode, InputError, TavidError
from tavid_planner.video.model_files import DIGEST_LENGTH, file_sha256, missing
from training.arguments import given_path, positive
from training.data.clips import ClipFolder
from training.data.encoders import vae_encoder_digest
from training.data.fingerprint import fingerprint
from training.models import load_vae
from training.slow_bfloat16 import warn_if_slow

IMAGE_VARIANTS = 3
"""First-frame encodings a clip: one clean, the others with the noise of CogVideoX training."""


@dataclass
class LatentCache:
    """All clips of a data set, encoded.

    Attributes:
        names: N file names of the clips.
        latents: (N, F, C, h, w) float16, posterior means, unscaled.
        images: (N, IMAGE_VARIANTS, C, h, w) float16, the first frame alone, encoded with and without noise.
        masks: (N, H, W) uint8 target masks in model pixels.
        captions: N sentences with [TGT].
        fingerprints: of the files of the clips, "" where none was kept.
        vae_digest: of the VAE that encoded them, "" where none was kept; dtype: in what arithmetic, likewise.
        scale: the VAE scaling factor: its own when it has one, as a VAE with a base has; else one over the standard
            deviation of the first clips' latents, then kept.
    """

    names: list[str]
    latents: torch.Tensor
    images: torch.Tensor
    masks: torch.Tensor
    captions: list[str]
    scale: float
    fingerprints: list[str] = field(default_factory=list)
    vae_digest: str = ""
    dtype: str = ""

    @classmethod
    def load(cls, path: Path) -> "LatentCache":
        """Raises: InputError: FILE_INVALID."""
        with reading(path, "a whole file of latents", hint="delete it, and encode again with training.data.latents"):
            return cls(**torch.load(path, weights_only=True))

    def save(self, path: Path) -> None:
        """Raises: InputError: OUTPUT_INVALID when the place cannot be written; what is there stays."""
        try:
            with whole_file(path) as partial:
                torch.save(vars(self), partial)
        except (OSError, RuntimeError) as error:  # torch has its own for a full disk
            raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error}", "is the disk full?") from error

    def __add__(self, other: "LatentCache") -> "LatentCache":
        """Raises: InputError: CONFIG_INVALID for clips of another size."""
        _refuse_another_size(tuple(self.latents.shape[1:]), tuple(other.latents.shape[1:]))
        return LatentCache(
            self.names + other.names,
            torch.cat([self.latents, other.latents]),
            torch.cat([self.images, other.images]),
            torch.cat([self.masks, other.masks]),
            self.captions + other.captions,
            self.scale,
            (self.fingerprints or [""] * len(self.names)) + (other.fingerprints or [""] * len(other.names)),
            self.vae_digest or other.vae_digest,
            self.dtype or other.dtype,
        )

    def following(self, paths: list[Path]) -> "LatentCache":
        """The cache without clips that have changed or are gone."""
        now = {path.name: fingerprint([path]) for path in paths}
        known = self.fingerprints or [""] * len(self.names)
        kept = [i for i, (name, was) in enumerate(zip(self.names, known)) if now.get(name) == was]
        return LatentCache(
            [self.names[i] for i in kept],
            self.latents[kept],
            self.images[kept],
            self.masks[kept],
            [self.captions[i] for i in kept],
            self.scale,
            [known[i] for i in kept],
            self.vae_digest,
            self.dtype,
        )


def _refuse_another_size(mine: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    """Raises: InputError: CONFIG_INVALID for latents of two sizes."""
    if mine != theirs:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"latents of clips are {mine} and {theirs} (frames, channels, height, width): they make no one set",
            "encode clips of one size and length, each set into a folder of its own",
        )


@torch.no_grad()
def encode(vae, clips: ClipFolder, indices: list[int], bf16: bool = False) -> LatentCache:
    """Encode clips. First-frame noise: sigma = exp(N(-3, 0.5)) on pixels, as CogVideoX image-to-video trains.

    Raises:
        InputError: CONFIG_INVALID for clips of several sizes, FILE_INVALID for one that is damaged.
    """
    latents, images, masks, captions = [], [], [], []

    def means(pixels: torch.Tensor) -> torch.Tensor:
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=bf16):
            return vae.encode(pixels).latent_dist.mean.half()

    for index in indices:
        clip = clips[index]
        generator = torch.Generator().manual_seed(clip.seed)
        video = torch.from_numpy(clip.frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        latents.append(means(video)[0].transpose(0, 1))  # (F, C, h, w)
        _refuse_another_size(tuple(latents[0].shape), tuple(latents[-1].shape))
        first = video[:, :, :1].repeat(IMAGE_VARIANTS, 1, 1, 1, 1)
        sigma = torch.exp(torch.randn(IMAGE_VARIANTS, 1, 1, 1, 1, generator=generator) * 0.5 - 3.0)
        sigma[0] = 0
        first = first + sigma * torch.randn(first.shape, generator=generator)
        images.append(means(first)[:, :, 0])
        masks.append(torch.from_numpy(clip.target_mask.astype(np.uint8)))
        captions.append(clip.caption)
    names = [clips.paths[i].name for i in indices]
    fingerprints = [fingerprint([clips.paths[i]]) for i in indices]
    stacked = torch.stack(latents)
    scale = vae.config.scaling_factor
    if scale == 1.0:  # nobody has set it yet
        scale = float(1 / stacked.float().std())
    return LatentCache(names, stacked, torch.stack(images), torch.stack(masks), captions, scale, fingerprints)


def _start_worker(vae_folder: Path, scenes: str, bf16: bool) -> None:
    global _worker, _bf16
    torch.set_num_threads(1)
    _worker, _bf16 = (load_vae(vae_folder), ClipFolder(scenes)), bf16


def _encode_part(indices: list[int]) -> LatentCache:
    return encode(*_worker, indices, _bf16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", required=True)
    parser.add_argument("--vae", type=given_path, required=True, help="model folder")
    parser.add_argument(
        "--out", type=given_path, required=True, help="clips that are in its latents.pt and have not changed are kept"
    )
    parser.add_argument("--save-every", type=positive, default=100, help="clips between two writes of latents.pt")
    parser.add_argument("--processes", type=positive, default=2)
    parser.add_argument("--bf16", action="store_true", help="faster where the processor multiplies bfloat16; 0.5%% off")
    args = parser.parse_args()
    if args.bf16:
        warn_if_slow("cpu", "leave out --bf16")
    try:
        with only_writer(args.out, "the folder of latents"):
            cache = _encode_all(args)
    except TavidError as error:
        parser.exit(2, f"{error}\n")
    print(f"{counted(len(cache.captions), 'clip')}, scaling factor {cache.scale:.4f}")


def vae_digest(source: Path) -> str:
    """Of what encodes: the encoder in the folder `vae` of a model folder, or a checkpoint file.

    Raises:
        VideoError: MODEL_MISSING.
    """
    if source.is_file():
        return file_sha256(source)[:DIGEST_LENGTH]
    if not (source / "vae").is_dir():
        raise missing(f"{source} has no VAE", "give a model folder, such as runs/vae/model")
    return vae_encoder_digest(source / "vae")


def refuse_other_vae(cache: LatentCache, path: Path, digest: str) -> None:
    """Raises: InputError: CONFIG_INVALID when another VAE encoded the latents; nothing in their shapes tells."""
    if cache.vae_digest and cache.vae_digest != digest:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{path} was encoded by another VAE",
            "give that one, or encode into another folder",
        )


def _refuse_other_dtype(cache: LatentCache, path: Path, dtype: str) -> None:
    """Raises: InputError: CONFIG_INVALID when the latents were encoded in another arithmetic."""
    if cache.dtype and cache.dtype != dtype:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{path} was encoded in {cache.dtype}, not in {dtype}",
            f"{'leave out' if dtype == 'bfloat16' else 'give'} --bf16, or encode into another folder",
        )


def _encode_all(args: argparse.Namespace) -> LatentCache:
    """What is there and still right, and all that is missing.

    Raises:
        TavidError: for clips, a VAE or a file of latents that cannot be used.
    """
    path, clips, digest = args.out / "latents.pt", ClipFolder(args.scenes), vae_digest(args.vae)
    dtype = "bfloat16" if args.bf16 else "float32"
    if not clips.paths:
        raise InputError(ErrorCode.FILE_INVALID, f"{args.scenes} holds no clips", "make some with training.scenes")
    args.out.mkdir(parents=True, exist_ok=True)
    cache = LatentCache.load(path) if path.exists() else None
    if cache is not None:
        refuse_other_vae(cache, path, digest)
        _refuse_other_dtype(cache, path, dtype)
        cache = cache.following(clips.paths)
    known = set(cache.names) if cache else set()
    waiting = [i for i, clip in enumerate(clips.paths) if clip.name not in known]
    parts = [waiting[start : start + args.save_every] for start in range(0, len(waiting), args.save_every)]
    start = partial(_start_worker, args.vae, args.scenes, args.bf16)
    jobs = {k: (part,) for k, part in enumerate(parts)}
    encoded = as_they_come(_encode_part, jobs, args.processes, start, in_order=True)
    for _, part in tqdm(encoded, total=len(parts), unit="batch", desc="encoding"):
        part.vae_digest, part.dtype = digest, dtype
        cache = part if cache is None else cache + part
        cache.save(path)
    if not parts:
        cache.save(path)  # what is gone from the folder is gone from the cache
    return cache


if __name__ == "__main__":
    main()
