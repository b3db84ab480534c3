"""A clip encoded by a base model: what it depends on, what is kept of it, and the encoder."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.conditioning import reduce_mask
from tavid_planner.video.prompt import insert_trigger, trigger_token_indices
from training.data.sources import MODEL_FPS
from training.objectives.interaction_words import Triplet, span_tokens, triplet_spans

# of the first frame's noise, as CogVideoX image-to-video trains
NOISE_LOG_MEAN = -3.0
NOISE_LOG_STD = 0.5


@dataclass(frozen=True)
class CacheSettings:
    """What the encodings depend on; a folder holds one setting only.

    Attributes:
        base: the model that encoded, and base_digest of its files.
        height, width, num_frames: of the clips as encoded, in pixels and frames.
        image_variants: encodings of the first frame, each with other noise, the first without.
        trigger: the word that stands for `[TGT]`; text_length: tokens.
        fps: frames a second to which the clips were sampled.
        track_px: pixels that a cell of the kept instance tracks is wide and high; 0: tracks are not kept.
        encoder_digest: of the files of what encodes (training.data.encoders); "" in caches that older versions made.
        encoder_state: of the places, sizes and times of these files when they were used first.
        dtype: arithmetic of the encoders; "" in caches that older versions made.
    """

    base: str
    base_digest: str
    height: int
    width: int
    num_frames: int
    image_variants: int
    trigger: str
    text_length: int
    fps: float = MODEL_FPS
    track_px: int = 0
    encoder_digest: str = ""
    encoder_state: str = ""
    dtype: str = ""


@dataclass(frozen=True)
class EncodedClip:
    """One clip, ready for the transformer.

    Attributes:
        latents: (F, C, h, w), scaled; image_latents: (variants, C, h, w), scaled.
        mask: (H, W) uint8, at pixel size; first_frame: (H, W, 3) uint8.
        text: (L, D) of the caption with the trigger word; trigger_tokens: its positions.
        name, caption: where it comes from.
        tracks: (2, T, H / track_px, W / track_px) uint8, percent of each cell that subject and object cover; None
            where they are not kept. words: tokens of subject, object and verb then.
        ids: (H, W) uint8, the marked instances of the first frame (TrainingClip.ids), kept with the tracks.
        pair: see TrainingClip.
    """

    latents: torch.Tensor
    image_latents: torch.Tensor
    mask: torch.Tensor
    first_frame: torch.Tensor
    text: torch.Tensor
    trigger_tokens: tuple[int, ...]
    name: str
    caption: str
    tracks: torch.Tensor | None = None
    words: tuple[tuple[int, ...], ...] = ()
    ids: torch.Tensor | None = None
    pair: str = ""


class ClipEncoder:
    """The VAE and the text encoder of a base model, as the pipeline uses them.

    Raises:
        InputError: CONFIG_INVALID for a size or a trigger word that the model cannot be trained with.
    """

    def __init__(self, pipeline, settings: CacheSettings, seed: int = 0):
        self.pipeline, self.settings, self.seed = pipeline, settings, seed
        _check_settings(pipeline, settings)

    @torch.no_grad()
    def encode(self, name: str, clip) -> EncodedClip:
        """The clip, encoded.

        Raises:
            InputError: when the caption is too long for its words, a marked instance vanishes at latent size, or tracks
                shall be kept and there are none.
        """
        pipe, settings = self.pipeline, self.settings
        triggered = insert_trigger(clip.caption, settings.trigger)
        tokens = trigger_token_indices(pipe.tokenizer, triggered, settings.text_length)
        text = self.text(triggered.text)
        self._check_marks(clip)
        tracks, words = self._interaction(clip, triggered.text)
        pixels = torch.from_numpy(clip.frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        digest = hashlib.sha256(f"{self.seed} {name}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        first = pixels[:, :, :1].repeat(settings.image_variants, 1, 1, 1, 1)
        log_sigma = torch.randn(len(first), 1, 1, 1, 1, generator=generator) * NOISE_LOG_STD + NOISE_LOG_MEAN
        sigma = torch.exp(log_sigma)
        sigma[0] = 0
        first = first + sigma * torch.randn(first.shape, generator=generator)
        return EncodedClip(
            latents=pipe.encoded_clip(pixels)[0].float().cpu(),
            image_latents=pipe.encoded_image(first).float().cpu(),
            mask=torch.from_numpy(clip.mask).to(torch.uint8),
            first_frame=torch.from_numpy(clip.frames[0].copy()),
            text=text,
            trigger_tokens=tokens,
            name=name,
            caption=clip.caption,
            tracks=tracks,
            words=words,
            ids=None if tracks is None or clip.ids is None else torch.from_numpy(clip.ids),
            pair=clip.pair,
        )

    def _check_marks(self, clip) -> None:
        """Refuse here what would end a training, marks that vanish at latent size, or train it without its target."""
        cell_px = self.pipeline.vae_scale_factor_spatial
        size = self.settings.height // cell_px, self.settings.width // cell_px
        marks = [clip.mask]
        if self.settings.track_px and clip.ids is not None:
            if not (clip.ids == 1).any():
                raise InputError(ErrorCode.FILE_INVALID, "the masks of other instances cover all of its target's")
            marks += [clip.ids == number for number in np.unique(clip.ids[clip.ids > 0])]
        for mark in marks:
            reduce_mask(torch.from_numpy(mark).float()[None, None], *size)

    def _interaction(self, clip, text: str) -> tuple[torch.Tensor | None, tuple[tuple[int, ...], ...]]:
        """Tracks and words of a clip, at the resolution and in the tokens of the cache."""
        cell_px = self.settings.track_px
        if not cell_px:
            return None, ()
        if clip.tracks is None or clip.triplet is None:
            raise InputError(ErrorCode.FILE_INVALID, "it has no instance tracks or no triplet")
        covered = F.avg_pool2d(torch.from_numpy(clip.tracks).float(), cell_px)
        spans = triplet_spans(text, Triplet(*clip.triplet))
        subject, verb, other = (
            span_tokens(self.pipeline.tokenizer, text, span, self.settings.text_length) for span in spans
        )
        return (100 * covered).round().to(torch.uint8), (subject, other, verb)

    @torch.no_grad()
    def text(self, sentence: str) -> torch.Tensor:  # (L, D)
        pipe = self.pipeline
        return pipe.encode_prompt(sentence, None, False, max_sequence_length=self.settings.text_length)[0][0].cpu()


def _check_settings(pipeline, settings: CacheSettings) -> None:
    cell_px = pipeline.vae_scale_factor_spatial * pipeline.backbone.patch[1]
    step = pipeline.vae_scale_factor_temporal
    height, width, frames = settings.height, settings.width, settings.num_frames
    expected = ""
    if min(height, width) < cell_px or height % cell_px or width % cell_px:
        expected = f"the size is {height}x{width}, expected multiples of {cell_px} px"
    elif frames < 1 or (frames - 1) % step:
        expected = f"there are {frames} frames, expected {step}k + 1, such as {max(0, frames - 1) // step * step + 1}"
    elif settings.image_variants < 1:
        expected = f"there are {settings.image_variants} variants of the first frame, expected at least 1"
    elif not settings.trigger.strip():
        expected = f"the trigger word is {settings.trigger!r}, expected a word"
    if expected:
        raise InputError(ErrorCode.CONFIG_INVALID, f"clips cannot be encoded so: {expected}", "change that option")
    pipeline.check_size(height, width, frames)
