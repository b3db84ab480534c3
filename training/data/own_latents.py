"""What the transformer makes of clips whose noise it knows half of, beside their true latents, for a decoder to learn.

    python -m training.data.own_latents --clips runs/scenes --profile mini --out runs/own-latents

A decoder that has only seen true latents draws what the transformer is unsure of as a smear, or as flecks. Denoised by
the sampler from a clip that is half noise, latents err as a sample's do and still belong to the clip's pictures. One
npz a clip, of its name, with `true` and `own` (F, C, h, w), scaled as the transformer has them; a stopped run goes on.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from hoi_motion.files import whole_file
from hoi_motion.reading.untrusted import reading
from tavid_planner.config import load_profile
from tavid_planner.errors import ErrorCode, InputError, TavidError
from tavid_planner.video.generate import load_pipeline
from tavid_planner.video.generation import GenerationRequest
from training.arguments import given_path, positive
from training.data.clips import ClipFolder
from training.data.windows import TRIES, motion_of

LATER = 4
"""Every so many-th clip is given at the third step, with less noise than the others, which are given at the second."""


def own_latents(pipeline, steps: int, clip, begin: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The true latents of a clip and those that the transformer makes of them, (F, C, h, w) each.

    Args:
        steps: of the sampler. clip: a SceneSample.
        begin: the step, from 0, at whose noise the transformer gets the clip.
    """
    height, width = clip.frames.shape[1:3]
    asked = GenerationRequest(
        image=clip.frames[0],
        mask=clip.target_mask,
        prompt=clip.caption,
        height=height,
        width=width,
        num_frames=len(clip.frames),
        num_inference_steps=steps,
        guidance_scale=1.0,
    )
    pixels = torch.from_numpy(clip.frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with pipeline.generation(asked, [torch.Generator().manual_seed(seed)]) as run:
        true = pipeline.encoded_clip(pixels)
        run.begin_at(0, pipeline.backbone.padded(true), begin)
        run.denoise([0])
        own = run.frames(0, "latent")
    return true[0], own[0, : true.shape[1]]


class OwnLatents:
    """Windows of clips with their latents.

    Args:
        folder: what this module's command wrote; clips: the clips it was made from.
        size: of a window, frames, height and width, px: all frames of the clips, as high as they are, as wide at most.

    Raises:
        InputError: FILE_INVALID when no clip has latents.
    """

    def __init__(self, folder: str, clips: ClipFolder, size: tuple[int, int, int], cell_px: int):
        self.folder, self.clips, self.size, self.cell_px = Path(folder), clips, size, cell_px
        self.numbers = [i for i, path in enumerate(clips.paths) if (self.folder / path.name).is_file()]
        if not self.numbers:
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"{folder} has no latents of the clips in {clips.folder}",
                "make them with training.data.own_latents",
            )

    def draw(self, rng: np.random.Generator, true_share: float) -> tuple[np.ndarray, np.ndarray]:
        """A window (T, H, W, 4) u8, the last channel the foreground, and its latents (C, F, h, w), own or true.

        Raises:
            InputError: CONFIG_INVALID for a clip that such windows do not fit, FILE_INVALID for damaged latents.
        """
        number = self.numbers[rng.integers(len(self.numbers))]
        which = "true" if rng.random() < true_share else "own"
        path = self.folder / self.clips.paths[number].name
        with reading(path, "latents of a clip", hint="delete it, and make it again"), np.load(path) as file:
            latents = file[which].astype(np.float32)
        full = self.clips.frames_and_foreground(number)
        *whole, width = self.size
        if [*full.shape[:2]] != whole or full.shape[2] < width:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"options frames, height, width are {self.size}, a clip of {self.clips.folder} has {full.shape[:3]}",
                "own latents are of whole clips: set frames and height to theirs, and width to theirs or less",
            )
        places = self.cell_px * rng.integers((full.shape[2] - width) // self.cell_px + 1, size=TRIES)
        x = max(places, key=lambda x: motion_of(full[:, :, x : x + width]))
        cells = slice(x // self.cell_px, (x + width) // self.cell_px)
        return full[:, :, x : x + width], latents[..., cells].swapaxes(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=given_path, required=True)
    parser.add_argument("--profile", required=True, help="name or YAML file; its video section says what denoises")
    parser.add_argument("--out", type=given_path, required=True)
    parser.add_argument("--count", type=positive, help="the first so many clips; default all")
    args = parser.parse_args()
    try:
        _write(args)
    except TavidError as error:
        parser.exit(2, f"{error}\n")


def _write(args: argparse.Namespace) -> None:
    """Raises: TavidError for clips, a profile or a model that cannot be used."""
    if args.out.resolve() == args.clips.resolve():
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"--out and --clips are both {args.out}",
            "latents have the clips' names: name another",
        )
    clips, config = ClipFolder(args.clips), load_profile(args.profile).video
    pipeline = load_pipeline(config)
    args.out.mkdir(parents=True, exist_ok=True)
    for index in tqdm(range(min(len(clips), args.count or len(clips))), unit="clip"):
        path = args.out / clips.paths[index].name
        if path.is_file():
            continue
        begin = 1 if index % LATER else 2
        true, own = own_latents(pipeline, config.sampling.steps, clips[index], begin, index)
        with whole_file(path) as partial:
            np.savez(partial, true=true.half().numpy(), own=own.half().numpy())


if __name__ == "__main__":
    main()
