"""The base of a small model, from nothing: text encoder and transformer, image-to-video, on cached latents.

With `mask_share` a part of the clips has its mask, so that so small a model learns early what masks mean. The mask
channel is not part of the base that is written; it is where an adapter starts: `adapter_start/` is an adapter with
these weights and a LoRA that does nothing yet, for the option `init` of the adapter's training.
"""

import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedTokenizerFast

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import TARGET_TOKEN
from tavid_planner.video.adapter import Adapter, save_adapter, widen_patch_embed
from tavid_planner.video.model_files import file_sha256
from tavid_planner.video.pipelines.cogvideox import CogVideoXTargetAwarePipeline
from tavid_planner.video.prompt import insert_trigger, trigger_token_indices
from training.checkpoints import put_weights, start_weights
from training.configuration import BaseConfig
from training.data.latents import IMAGE_VARIANTS, LatentCache, refuse_other_vae, vae_digest
from training.models import build_scheduler, build_text_encoder, build_tokenizer, build_transformer, load_vae
from training.tasks.adapter import add_lora
from training.tasks.diffusion import Clips, DiffusionBatch, DiffusionTask
from training.validation import ValidationClip, generate

PATCH = "patch_embed.proj.weight"
BLOCKS = "transformer.transformer_blocks."
LAST_OF_HALVES = ("attn1.to_out.0.", "ff.net.2.")


class BaseTask(DiffusionTask):
    """Raises: InputError: CONFIG_INVALID, FILE_INVALID."""

    config: BaseConfig

    def __init__(self, config: BaseConfig, device):
        path = Path(config.latents) / "latents.pt"
        if not path.is_file():
            raise InputError(ErrorCode.FILE_INVALID, f"{path} does not exist", "make it with training.data.latents")
        cache = LatentCache.load(path)
        if config.validation.every:  # which is the first to need it, after many steps
            refuse_other_vae(cache, path, vae_digest(Path(config.vae)))
        if config.init:
            tokenizer = PreTrainedTokenizerFast.from_pretrained(_tokenizer_folder(Path(config.init)))
        else:
            tokenizer = build_tokenizer(
                [insert_trigger(c, config.trigger).text for c in cache.captions], config.text_length
            )
        size = dict(layers=config.layers, heads=config.heads, head_dim=config.head_dim, text_length=config.text_length)
        size |= dict(latent_size=cache.latents.shape[1:], patch_size=config.patch_size)
        transformer = build_transformer(**size)
        if config.mask_share:
            widen_patch_embed(transformer)
        super().__init__(config, transformer, build_scheduler(config.prediction), cache.latents.shape[1:])
        self.text_encoder = build_text_encoder(len(tokenizer)).train()
        if config.init:
            self._start_from(config.init)
        self.cache, self.tokenizer, self.device = cache, tokenizer, device
        self.data_digest = file_sha256(path)[:16]
        self.clip_names, self.clips_from = cache.names, config.latents

        # what the text encoder reads: with the trigger word, without it, and nothing
        triggered = [insert_trigger(c, config.trigger) for c in cache.captions]
        self.triggered = self._token_ids([t.text for t in triggered])
        self.plain = self._token_ids([c.replace(TARGET_TOKEN + " ", "") for c in cache.captions])
        self.empty = self._token_ids([""])[0]
        self.trigger_tokens = [trigger_token_indices(tokenizer, t, config.text_length) for t in triggered]

    def draw(self, step: int, rng: np.random.Generator) -> DiffusionBatch:
        rows = rng.integers(len(self.cache.captions), size=self.config.batch_size)
        return self.batch(self.clips(rows, rng), step, rng)

    def clips(self, rows: np.ndarray, rng: np.random.Generator) -> Clips:
        config, cache, count = self.config, self.cache, len(rows)
        index = torch.from_numpy(rows)
        has_mask = torch.from_numpy(rng.random(count) < config.mask_share)
        has_text = torch.from_numpy(rng.random(count) >= config.text_dropout)
        variant = torch.from_numpy(rng.integers(IMAGE_VARIANTS, size=count))
        ids = torch.where(has_mask[:, None], self.triggered[index], self.plain[index])
        return Clips(
            cache.latents[index].float() * cache.scale,
            cache.images[index, variant].float() * cache.scale,
            cache.masks[index].float()[:, None],
            has_mask,
            torch.where(has_text[:, None], ids, self.empty),
            [self.trigger_tokens[i] for i in rows],
            has_text,
        )

    def encode_text(self, text: torch.Tensor) -> torch.Tensor:
        return self.text_encoder(text)[0]

    def is_matrix(self, name: str, parameter: torch.nn.Parameter) -> bool:
        return name.startswith("transformer.") and "blocks" in name and "norm" not in name and parameter.ndim == 2

    def validate(self, folder: Path) -> list[np.ndarray]:
        """Generate from the last clips."""
        config, cache = self.config, self.cache
        vae = load_vae(config.vae).to(self.device)
        vae.register_to_config(scaling_factor=cache.scale)
        pipeline = CogVideoXTargetAwarePipeline(
            tokenizer=self.tokenizer,
            text_encoder=self.text_encoder,
            vae=vae,
            transformer=self.transformer,
            scheduler=self.noise_scheduler,
        )
        if config.mask_share:
            pipeline.adapter = Adapter("training", config.trigger, config.rank, config.alpha, "")
        clips = []
        for row in range(len(cache.captions))[-config.validation.clips :]:
            first = vae.decode(cache.images[row, :1, :, None].float().to(self.device)).sample[0, :, 0]
            first = ((first.clamp(-1, 1) / 2 + 0.5) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
            clips.append(ValidationClip(first, cache.masks[row].numpy(), cache.captions[row]))
        return generate(pipeline, clips, 4 * (cache.latents.shape[1] - 1) + 1, config, folder)

    def export(self, out: Path, step: int) -> None:
        """Write `model/` with transformer, text encoder, tokenizer and scheduler, and `adapter_start/`."""
        config, transformer = self.config, copy.deepcopy(self.transformer)
        if config.mask_share:
            weights = transformer.state_dict()
            narrow = type(transformer).from_config({**transformer.config, "in_channels": self._unmasked_channels})
            narrow.load_state_dict({**weights, PATCH: weights[PATCH][:, : self._unmasked_channels]})
            add_lora(transformer, config.rank, config.alpha)
            save_adapter(out / "adapter_start", transformer, config.rank, config.alpha, config.trigger)
            transformer = narrow
        transformer.save_pretrained(out / "model" / "transformer")
        self.text_encoder.save_pretrained(out / "model" / "text_encoder")
        self.tokenizer.save_pretrained(out / "model" / "tokenizer")
        self.noise_scheduler.save_pretrained(out / "model" / "scheduler")

    @property
    def _unmasked_channels(self) -> int:  # those of noise and image
        return 2 * self.transformer.config.out_channels

    def _start_from(self, init: str) -> None:
        weights, name = start_weights(init), f"transformer.{PATCH}"
        if self.config.mask_share and name in weights and weights[name].shape[1] == self._unmasked_channels:
            # a base has no mask channel: it is the one of the adapter beside it, or starts at zero
            no_mask = F.pad(weights[name], (0, 0, 0, 0, 0, 1))
            weights[name] = weights.get("adapter.weight", no_mask)
        weights = deepened(weights, self.config.layers)
        put_weights(dict(self.named_parameters()), weights, init)

    def _token_ids(self, texts: list[str]) -> torch.Tensor:  # (N, L)
        length = self.config.text_length
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        return tokens.input_ids


def deepened(weights: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """Weights of a transformer of more blocks that says the same: the new ones, spread among the old, add nothing yet.

    Each is a copy of the old one after it but for the last layer of its two halves, which is zero.

    Raises:
        InputError: CONFIG_INVALID for fewer blocks.
    """
    rest = {name: value for name, value in weights.items() if not name.startswith(BLOCKS)}
    blocks: dict[int, dict[str, torch.Tensor]] = {}
    for name in weights.keys() - rest.keys():
        number, _, part = name.removeprefix(BLOCKS).partition(".")
        blocks.setdefault(int(number), {})[part] = weights[name]
    old = len(blocks)
    if layers < old:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"the start does not fit: {old} blocks there, {layers} here", "option layers"
        )
    if layers == old or not old:
        return weights
    # old block i goes to the end of the i-th of `old` parts of the new depth
    places = {((i + 1) * layers) // old - 1: i for i in range(old)}
    for place in range(layers):
        source = blocks[places[place]] if place in places else blocks[min(i for p, i in places.items() if p > place)]
        for part, value in source.items():
            last = part.startswith(LAST_OF_HALVES) and place not in places
            rest[f"{BLOCKS}{place}.{part}"] = torch.zeros_like(value) if last else value
    return rest


def _tokenizer_folder(init: Path) -> Path:
    """The tokenizer of a model folder, of a run's folder, or beside a checkpoint file."""
    places = [init / "tokenizer", init / "model" / "tokenizer", init.parent / "model" / "tokenizer"]
    for place in places:
        if place.is_dir():
            return place
    raise InputError(ErrorCode.FILE_INVALID, f"{init} has no tokenizer", f"looked for {', '.join(map(str, places))}")
