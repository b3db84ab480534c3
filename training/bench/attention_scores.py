"""AAS: how much of a block's attention lies where it should, for every block and denoising step of one scene.

AAS = sum over f, h, w of A * m (MATRIX, section on interaction-dominant layers): A is the share of each video token's
attention that a word gets (V2T), or where the first frame's instance looks (V2V); m the instance's mask track at token
resolution. For the verb m is the union of subject and object. Beside the sum stands the focus, AAS over the sum of A:
it does not favour blocks that merely attend more to text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from tavid_planner.config import VideoConfig
from tavid_planner.video.attention import AttentionCapture, PropagationMaps, TextMaps
from tavid_planner.video.conditioning import Conditioning, instance_latents
from tavid_planner.video.prompt import insert_trigger
from training.objectives.diffusion import add_noise
from training.objectives.interaction_words import Triplet, span_tokens, triplet_spans
from training.objectives.mask_alignment import first_frame_tokens, grounding_masks
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.scene import SceneSample

WORDS = ("subject", "object", "verb")
INSTANCES = ("subject", "object")


@dataclass(frozen=True)
class BlockScore:
    """AAS of one block at one denoising step.

    Attributes:
        block, step: indices; kind: "v2t" or "v2v"; what: a word of WORDS or an instance of INSTANCES.
        aas: the sum; focus: its share of all of the map, 0 for an empty map.
        heat: (F, h, w) the map itself, float16.
    """

    block: int
    step: int
    kind: str
    what: str
    aas: float
    focus: float
    heat: np.ndarray


def latent_tracks(tracks: torch.Tensor, frames: int, height: int, width: int) -> torch.Tensor:
    """Instance tracks (K, T, H, W) at token resolution (K, F, h, w): covered shares.

    Latent frame 0 is pixel frame 0, every later one the mean of the pixel frames it stands for.
    """
    small = F.adaptive_avg_pool2d(tracks.float(), (height, width))
    later = small[:, 1:].unflatten(1, (frames - 1, -1)).mean(2) if frames > 1 else small[:, :0]
    return torch.cat([small[:, :1], later], dim=1)


def scene_tracks(scene: SceneSample) -> torch.Tensor:  # (2, T, H, W) bool
    """Subject and object of a scene."""
    ids = torch.from_numpy(scene.instance_ids)
    return torch.stack([ids == ACTOR_INSTANCE, ids == scene.target_id])


def word_groups(tokenizer, caption: str, triplet, text_length: int) -> tuple[tuple[int, ...], ...]:
    """Tokens of subject, object and verb.

    Raises:
        InputError: INSTRUCTION_INVALID naming the words that the caption does not have.
    """
    subject, verb, other = triplet_spans(caption, Triplet(*triplet))
    return tuple(span_tokens(tokenizer, caption, span, text_length) for span in (subject, other, verb))


@torch.no_grad()
def truth_scores(pipeline, scene: SceneSample, config: VideoConfig, steps: int, seed: int) -> Iterator[BlockScore]:
    """Scores on a ground-truth clip to which the noise of each sampled timestep is added: every mask is known exactly.

    Maps are handed on block by block: no two blocks' are in memory.
    """
    clip = _NoisyClip(pipeline, scene, config, steps, seed)
    wanted = _Wanted(pipeline, scene, clip.text, pipeline.backbone.text_length, clip.token_size)
    for step in range(len(pipeline.scheduler.timesteps)):
        found: list[BlockScore] = []
        with AttentionCapture(pipeline.transformer, wanted.requests, on_map=wanted.into(found, step)):
            clip.prediction(step)
        yield from found


@torch.no_grad()
def block_effects(pipeline, scene: SceneSample, config: VideoConfig, steps: int, seed: int) -> list[float]:
    """By how much the prediction at the first denoising step changes, of its norm, when a block is left out; of each.

    Where a map lies says nothing of whether anything comes of it.
    """
    clip = _NoisyClip(pipeline, scene, config, steps, seed)
    whole, effects = clip.prediction(0).float(), []
    for block in pipeline.backbone.blocks:
        handle = block.register_forward_hook(_left_out, with_kwargs=True)
        effects.append(float((clip.prediction(0).float() - whole).norm() / whole.norm()))
        handle.remove()
    return effects


def _left_out(block, args: tuple, kwargs: dict, output):
    """A hook: what comes in goes out; output: the video's tokens, or these and the text's."""
    given = [*args, *kwargs.values()]
    return tuple(given[: len(output)]) if isinstance(output, tuple) else given[0]


class _NoisyClip:
    """A scene's ground-truth clip, and what a model predicts of it with the noise of a step.

    Attributes:
        text: the caption as the model gets it; token_size: (F, h, w) of the video.
    """

    def __init__(self, pipeline, scene: SceneSample, config: VideoConfig, steps: int, seed: int):
        backbone, device = pipeline.backbone, pipeline._execution_device
        self._pipeline, self._seed, self._dtype = pipeline, seed, next(pipeline.transformer.parameters()).dtype
        self._latents, image = _encoded(pipeline, scene.frames, self._dtype, device)
        _, frames, _, h, w = self._latents.shape
        self._first, self._condition = backbone.first_frame(image, frames), None
        if pipeline.uses_mask:
            conditioning, cell = pipeline.conditioning, pipeline.vae_scale_factor_spatial
            how = conditioning, (frames, h, w), pipeline.encoded_clip, cell, config.mask_reduction
            self._condition = instance_latents(_marked(scene, conditioning), *how).to(self._latents)
        self.text = insert_trigger(scene.caption, pipeline.trigger).text
        length = backbone.text_length
        self._embeds, _ = pipeline.encode_prompt(self.text, None, False, max_sequence_length=length, device=device)
        self.token_size = backbone.token_size(frames, h, w)
        pipeline.scheduler.set_timesteps(steps, device=device)

    def prediction(self, step: int) -> torch.Tensor:
        pipeline, latents = self._pipeline, self._latents
        backbone, timestep = pipeline.backbone, pipeline.scheduler.timesteps[step]
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(self._seed + step)).to(latents)
        noisy, _, _ = add_noise(pipeline.scheduler, latents, noise, timestep[None])
        inputs = backbone.inputs(noisy.to(self._dtype), self._first, self._condition)
        times = backbone.frame_times(timestep[None], latents.shape[1])
        return backbone.predict(inputs, self._embeds.to(self._dtype), times)


class GeneratedScores:
    """Scores while a clip is generated, in the first latent frame, where the masks are known: its tracks are not.

    with GeneratedScores(pipeline, scene, config) as scores:
        generate_video(...)
    scores.found
    """

    def __init__(self, pipeline, scene: SceneSample, config: VideoConfig):
        backbone = pipeline.backbone
        text = insert_trigger(scene.caption, pipeline.trigger).text
        cell_px = pipeline.vae_scale_factor_spatial * backbone.patch[1]
        size = (1, config.height // cell_px, config.width // cell_px)
        wanted = _Wanted(pipeline, scene, text, backbone.text_length, size, first_only=True)
        self.found: list[BlockScore] = []
        self.step = -1
        rows = slice(1, 2) if config.guidance_scale > 1 else slice(0, 1)
        self._pipeline = pipeline
        self._capture = AttentionCapture(
            pipeline.transformer, wanted.requests, rows=rows, on_map=lambda *m: wanted.into(self.found, self.step)(*m)
        )

    def __enter__(self) -> "GeneratedScores":
        self._hook = self._pipeline.transformer.register_forward_pre_hook(self._count)
        self._capture.__enter__()
        return self

    def __exit__(self, *exception) -> None:
        self._capture.__exit__(*exception)
        self._hook.remove()

    def _count(self, *_) -> None:
        self.step += 1


class _Wanted:
    """Requests for all blocks of a scene, and what each map is compared with."""

    def __init__(self, pipeline, scene: SceneSample, text: str, length: int, size, first_only: bool = False):
        groups = word_groups(pipeline.tokenizer, text, scene.triplet, length)
        tracks = scene_tracks(scene)
        words = TextMaps((groups,), frames="first" if first_only else "all", name="v2t")
        requests = [words, PropagationMaps(first_frame_tokens(tracks, *size[1:])[None], name="v2v")]
        self.requests = {b: requests for b in range(len(pipeline.backbone.blocks))}
        masks = latent_tracks(tracks[:, :1] if first_only else tracks, *size)
        self.masks = {"v2t": grounding_masks(masks, 0, 1).numpy(), "v2v": masks.numpy()}
        self.frames = size[0]

    def into(self, found: list[BlockScore], step: int):
        def on_map(block: int, kind: str, maps: torch.Tensor) -> None:  # (1, K, f, h, w)
            for what, map_, mask in zip(WORDS if kind == "v2t" else INSTANCES, maps[0], self.masks[kind]):
                map_ = map_[: self.frames].float().cpu().numpy()
                aas, total = float((map_ * mask).sum()), float(map_.sum())
                focus = aas / total if total > 0 else 0.0
                found.append(BlockScore(block, step, kind, what, aas, focus, map_.astype(np.float16)))

        return on_map


def _marked(scene: SceneSample, conditioning: Conditioning) -> torch.Tensor:  # (1, K, H, W) float32
    """What a model is shown of a scene: the target's mask, or all that is marked, as far as its colours go."""
    shown = scene.marked_ids[: 1 if conditioning.kind == "mask" else len(conditioning.palette)]
    return torch.from_numpy(np.stack([scene.instance_ids[0] == instance for instance in shown]))[None].float()


def _encoded(pipeline, frames: np.ndarray, dtype, device) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled latents (1, F, C, h, w) of a clip and of its first frame alone (1, C, h, w)."""
    pixels = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].to(device) / 127.5 - 1
    return pipeline.encoded_clip(pixels).to(dtype), pipeline.encoded_image(pixels[:, :, :1]).to(dtype)
