"""From an InteractionRequest to an InteractionVideo."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from hoi_motion.progress import CancelToken, OnProgress, silent
from tavid_planner.config import VideoConfig, resolve_model
from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.plan import EarlyLook, Generated, InteractionVideo
from tavid_planner.request import InteractionRequest
from tavid_planner.video.early import check_early_blocks, early_looks
from tavid_planner.video.estimate import chosen_mode, samples_at_once
from tavid_planner.video.idle_options import idle_options
from tavid_planner.video.loras import refuse_taken_names
from tavid_planner.video.memory import checked_device
from tavid_planner.video.model_files import base_folder, model_folder, weights_digest
from tavid_planner.video.named_loras import NamedLora, asked_loras
from tavid_planner.video.pipeline import TargetAwarePipeline
from tavid_planner.video.samples import GeneratedSample, samples_of

FETCHED = 0.9  # of a load that fetches its model
DECODING = 0.1  # of the time that a sample's steps take

logger = logging.getLogger(__name__)


def load_pipeline(
    config: VideoConfig, on_progress: OnProgress = silent, cancel: CancelToken | None = None
) -> TargetAwarePipeline:
    """The pipeline that a profile asks for, with its provenance filled in.

    Args:
        on_progress: called with stage "load" while a model is downloaded, which then takes most of the time.
        cancel: checked as often.

    Raises:
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE, OUT_OF_MEMORY.
        InputError: CONFIG_INVALID.
        ControlError: CANCELLED.
    """
    device = checked_device(config.device)
    base = resolve_model(config.base)
    adapter = resolve_model(config.adapter) or None
    loras = asked_loras(config)
    refuse_taken_names(loras)
    # what memory `auto` is depends on its files
    base_folder(base, lambda fraction: on_progress("load", FETCHED * fraction), cancel)
    config = replace(config, memory=chosen_mode(config))
    with _quiet_loading():
        pipeline = TargetAwarePipeline.from_pretrained(
            base,
            adapter,
            dtype=getattr(torch, config.dtype),
            device=device,
            scheduler=config.sampling.scheduler,
            memory=config.memory,
            vae_tiling=config.vae_tiling,
            lora_alpha=config.lora_alpha,
            weights=config.weights,
            loras=loras,
            fuse=config.fuse,
            step_cache=config.step_cache,
            step_cache_threshold=config.step_cache_threshold,
            attention=config.attention,
            compiled=config.compiled,
        )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.provenance = _loaded(pipeline, config, base, loras, device)
    logger.info("video model %s with adapter %s on %s", config.base, config.adapter or "none", device)
    for words in pipeline.provenance["without_effect"]:
        logger.warning("%s", words)
    return pipeline


def _loaded(pipeline: TargetAwarePipeline, config: VideoConfig, base: str, loras: Sequence[NamedLora], device) -> dict:
    """Provenance of a model: what was loaded, from where, with its digest, and how it computes."""
    conditioning = pipeline.conditioning.kind if pipeline.uses_mask else "none"
    return {
        "base": config.base,
        "base_digest": weights_digest(model_folder(base)),
        "adapter": config.adapter,
        "adapter_digest": pipeline.adapter.digest if pipeline.adapter else "",
        "adapter_scale": pipeline.adapter.scale_words if pipeline.adapter else "",
        "loras": {lora.name: [lora.weight, pipeline.lora_digests[lora.name]] for lora in loras},
        "fused": config.fuse,
        "trigger": pipeline.trigger,
        "mask_used": pipeline.uses_mask,
        "conditioning": conditioning,
        "device": str(device),
        "dtype": config.dtype,
        "memory": config.memory,
        "weights": config.weights,
        "vae_tiling": config.vae_tiling,
        "attention": config.attention,
        "compiled": config.compiled,
        "scheduler": type(pipeline.scheduler).__name__,
        "without_effect": list(idle_options(config, conditioning)),
    }


def generate_video(
    pipeline: TargetAwarePipeline,
    request: InteractionRequest,
    config: VideoConfig,
    seed: int,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> InteractionVideo:
    """Generate one clip in the request's pixels; the same arguments give the same clip.

    Arguments, and what is raised, as in `generate_videos`.
    """
    (made,) = generate_videos(pipeline, request, config, [seed], on_progress, cancel)
    if made.error is not None:
        raise made.error
    return made.video


def generate_videos(
    pipeline: TargetAwarePipeline,
    request: InteractionRequest,
    config: VideoConfig,
    seeds: Sequence[int],
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> list[Generated]:
    """Generate clips in the request's pixels, one a seed; a seed gives the same clip whatever the others are.

    With `early_steps` all samples run that many steps, then those that attend least to the target stop; with `mirrored`
    samples with an odd seed are generated from the mirrored image.

    Args:
        on_progress: called with stage "video".

    Raises:
        InputError: MASK_EMPTY when the mask vanishes at latent size, INSTRUCTION_INVALID, CONFIG_INVALID.
        VideoError: OUT_OF_MEMORY; GENERATION_FAILED is the error of a sample.
        ControlError: CANCELLED.
    """
    _check_frames(pipeline, config.num_frames)
    check_early_blocks(config, len(pipeline.backbone.blocks))
    at_once = min(len(seeds), samples_at_once(config, len(seeds), request.size_px))
    steps = config.sampling.steps
    progress = _Progress(on_progress, len(seeds), steps)
    began = time.perf_counter()
    with samples_of(pipeline, request, config, seeds, cancel) as samples:
        denoiser = _Denoiser(samples, at_once, progress)
        looks = _looked_early(denoiser, samples, config, progress)
        made = {k: Generated(seed, early=looks.get(k)) for k, seed in enumerate(seeds)}

        def decode(k: int) -> None:
            try:
                video = samples[k].video(config)
            except VideoError as error:
                if error.code is not ErrorCode.GENERATION_FAILED:
                    raise
                made[k] = replace(made[k], error=error)
                return
            facts = _facts(pipeline, request, config, samples[k], seeds[k])
            made[k] = replace(made[k], video=replace(video, provenance=facts | {"samples_at_once": at_once}))
            progress.decoded()

        going = [k for k in made if k not in looks or not looks[k].stopped]
        with _Decoding(decode, config.decode_beside) as decoding:
            for batch in denoiser.run(going, steps):
                for k in batch:
                    decoding.add(k)
    seconds = round((time.perf_counter() - began) / len(seeds), 3)
    for one in made.values():
        if one.video is not None:
            one.video.provenance["seconds"] = seconds  # known when all are done: a sample's share of the whole
    on_progress("video", 1.0)
    return list(made.values())


def _looked_early(
    denoiser: "_Denoiser", samples: Sequence[GeneratedSample], config: VideoConfig, progress: "_Progress"
) -> dict[int, EarlyLook]:
    """Run all samples for the first `early_steps`, and decide which go on; empty where all do, without a look."""
    if not config.early_steps or len(samples) < 2:
        return {}
    steps, blocks = config.sampling.steps, config.early_block_numbers or None
    there = [k for batch in denoiser.run(range(len(samples)), config.early_steps) for k in batch]
    alignments = {k: samples[k].alignment(blocks) for k in sorted(there)}
    looks = early_looks(alignments, config.early_keep, config.early_steps, steps)
    progress.spare(sum(bool(look.stopped) for look in looks.values()), steps - config.early_steps)
    return looks


class _Denoiser:
    """Takes the samples of a request through their steps, at most `at_once` in a batch."""

    def __init__(self, samples: Sequence[GeneratedSample], at_once: int, progress: "_Progress"):
        self._samples, self._at_once, self._progress = samples, at_once, progress

    def run(self, numbers: Sequence[int], until: int) -> Iterator[list[int]]:
        """Denoise samples up to step `until`, batched where they start from one picture.

        Yields:
            The numbers of the samples of a batch, as soon as they are there.
        """
        for generation in dict.fromkeys(self._samples[k].run for k in numbers):
            together = [k for k in numbers if self._samples[k].run is generation]
            for first in range(0, len(together), self._at_once):
                batch = together[first : first + self._at_once]
                places = [self._samples[k].number for k in batch]
                generation.denoise(places, until, self._progress.stepped(len(batch)))
                yield batch


class _Decoding:
    """Decodes one sample after the other; where configured, while the next one is denoised."""

    def __init__(self, decode: Callable[[int], None], beside: bool):
        self._decode, self._pool, self._last = decode, ThreadPoolExecutor(1) if beside else None, None

    def add(self, number: int) -> None:
        if self._pool is None:
            self._decode(number)
            return
        self._wait()  # two at once would take the memory of two
        self._last = self._pool.submit(self._decode, number)

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()

    def __enter__(self) -> "_Decoding":
        return self

    def __exit__(self, kind, *_) -> None:
        if self._pool is None:
            return
        try:
            if kind is None:
                self._wait()
        finally:
            self._pool.shutdown()


class _Progress:
    """Steps and decoding of several samples as one rising fraction; a sample's decoding counts as much as `DECODING`
    of its steps."""

    def __init__(self, on_progress: OnProgress, samples: int, steps: int):
        self._on_progress, self._decoding = on_progress, DECODING * steps
        self._whole, self._done = samples * (steps + self._decoding), 0.0
        self._one_by_one = threading.Lock()  # a sample may be decoded in another thread

    def stepped(self, samples: int) -> Callable[[], None]:
        """The callback for a step of a batch of so many samples."""
        return lambda: self._add(samples)

    def spare(self, samples: int, steps: int) -> None:
        """Account for samples that stopped so many steps before their end."""
        self._add(samples * (steps + self._decoding))

    def decoded(self) -> None:
        self._add(self._decoding)

    def _add(self, work: float) -> None:
        with self._one_by_one:
            self._done += work
            self._on_progress("video", min(1.0, self._done / self._whole))


def _facts(pipeline, request: InteractionRequest, config: VideoConfig, sample: GeneratedSample, seed: int) -> dict:
    """Provenance of a clip."""
    cached, contrasted = config.step_cache != "none", sample.run.contrasted
    reduction = config.mask_reduction if pipeline.conditioning.kind == "mask" else "area"  # of an ID map
    return {
        **getattr(pipeline, "provenance", {}),
        "seed": int(seed),
        "prompt": request.prompt,
        "mirrored": sample.mirrored,
        "steps": config.sampling.steps,
        "step_cache": config.step_cache,
        "step_cache_threshold": config.step_cache_threshold if cached else None,
        "guidance": config.guidance,
        "guidance_scale": config.sampling.guidance_scale,
        "contrast": config.contrast if contrasted else 1.0,
        "contrast_steps": config.contrast_steps if contrasted else 0,
        "mask_reduction": reduction if pipeline.uses_mask else "none: no adapter, the mask is not used",
        "model_px": [config.height, config.width],
        "content_px": list(sample.fit.content_px),
        "content_top_left_px": list(sample.fit.top_left_px),
    }


@contextmanager
def _quiet_loading():
    """No progress bars of diffusers and transformers: progress is reported through `on_progress`."""
    libraries = [library for library in (diffusers_logging, transformers_logging) if library.is_progress_bar_enabled()]
    for library in libraries:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in libraries:
            library.enable_progress_bar()


def _check_frames(pipeline: TargetAwarePipeline, num_frames: int) -> None:
    period = pipeline.frame_step
    if num_frames % period != 1:
        near = max(1, round((num_frames - 1) / period)) * period + 1
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"num_frames is {num_frames}", f"it must be {period}k + 1, for example {near}"
        )
