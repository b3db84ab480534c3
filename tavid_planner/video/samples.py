"""The samples of a request, from the image to clips in the request's pixels."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from hoi_motion.progress import CancelToken
from tavid_planner.alignment import target_alignment
from tavid_planner.config import VideoConfig
from tavid_planner.instances import with_another_actor
from tavid_planner.mirror import mirrored_request
from tavid_planner.plan import InteractionVideo
from tavid_planner.request import InteractionRequest
from tavid_planner.video.decoded import check_pictures
from tavid_planner.video.generation import Generation, GenerationRequest
from tavid_planner.video.image_fit import ImageFit


@dataclass(frozen=True)
class GeneratedSample:
    """One sample.

    Attributes:
        run, number: the `Generation` that denoises it, and its index there.
        request: the one it is generated for: as asked, or mirrored.
        fit: between the request's and the model's pixels.
        mirrored: whether its clip must be mirrored back.
    """

    run: Generation
    number: int
    request: InteractionRequest
    fit: ImageFit
    mirrored: bool

    def alignment(self, blocks: Sequence[int] | None) -> float:
        """Share of the first frame's attention to the target word that falls on the target mask, so far.

        Args:
            blocks: None for all captured ones.
        """
        maps = self.fit.maps_to_request(self.run.attention(self.number, blocks).numpy())
        return target_alignment(maps[0], self.request.target_mask)

    def video(self, config: VideoConfig) -> InteractionVideo:
        """The clip, when all steps are done.

        Raises:
            VideoError: GENERATION_FAILED when it is no picture.
        """
        pictures = np.asarray(self.run.frames(self.number, "np")[0])
        check_pictures(pictures, self.request.rgb, config.dtype)
        frames = self.fit.to_request((pictures * 255).round().astype(np.uint8))
        attention = self.run.attention(self.number)
        if attention is not None:
            attention = self.fit.maps_to_request(attention.numpy())
            attention = (attention / max(attention.max(), np.finfo(np.float32).tiny)).astype(np.float32)
        if self.mirrored:
            frames = frames[:, :, ::-1]
            attention = None if attention is None else attention[:, :, ::-1]
        return InteractionVideo(frames, config.fps, attention)


@contextmanager
def samples_of(
    pipeline, request: InteractionRequest, config: VideoConfig, seeds: Sequence[int], cancel: CancelToken | None
) -> Iterator[list[GeneratedSample]]:
    """Context manager with one sample per seed, to be denoised inside the block.

    With `config.mirrored` those with an odd seed are generated from the mirrored request.
    """
    fit = ImageFit.between(request.size_px, (config.height, config.width))
    samples = {}
    with ExitStack() as stack:
        for mirrored in (False, True):
            numbers = [k for k, seed in enumerate(seeds) if mirrored == (config.mirrored and seed % 2 == 1)]
            if not numbers:
                continue
            asked = mirrored_request(request) if mirrored else request
            run = stack.enter_context(_generation(pipeline, asked, config, fit, [seeds[k] for k in numbers], cancel))
            samples |= {k: GeneratedSample(run, place, asked, fit, mirrored) for place, k in enumerate(numbers)}
        yield [samples[k] for k in range(len(seeds))]


def _generation(pipeline, request: InteractionRequest, config: VideoConfig, fit: ImageFit, seeds, cancel):
    if pipeline.conditioning.kind == "mask":
        marked = torch.from_numpy(fit.mask_to_model(request.target_mask, config.mask_reduction))
    else:
        marked = [torch.from_numpy(fit.mask_to_model(instance.mask)) for instance in request.instances]
    asked = GenerationRequest(
        image=fit.to_model(request.rgb),
        mask=marked if pipeline.uses_mask else None,
        prompt=request.prompt,
        height=config.height,
        width=config.width,
        num_frames=config.num_frames,
        num_inference_steps=config.sampling.steps,
        guidance_scale=config.sampling.guidance_scale,
        guidance=config.guidance,
        mask_reduction=config.mask_reduction,
        capture_attention=config.capture_attention,
        extra_blocks=config.early_block_numbers if config.early_steps else (),
        contrast_mask=_other_marks(pipeline, request, config, fit),
        contrast_scale=config.contrast,
        contrast_steps=config.contrast_steps,
    )
    return pipeline.generation(asked, [torch.Generator("cpu").manual_seed(seed) for seed in seeds], cancel)


def _other_marks(pipeline, request: InteractionRequest, config: VideoConfig, fit: ImageFit) -> list | None:
    """The masks with another person as the actor, None if no other person is marked or contrast is off."""
    exchanged = with_another_actor(request.instances)
    if config.contrast == 1 or pipeline.conditioning.kind == "mask" or exchanged is None:
        return None
    return [torch.from_numpy(fit.mask_to_model(instance.mask)) for instance in exchanged]
