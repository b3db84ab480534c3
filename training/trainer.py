"""The training loop: one frozen base, a widened input convolution, LoRA, the diffusion and the attention loss."""

import json
import logging
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import CogVideoXImageToVideoPipeline, CogVideoXTransformer3DModel
from peft import LoraConfig
from tqdm import tqdm

from hoi_motion.io.files import write_whole
from tavid_planner.config import resolve_model
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import load_adapter, save_adapter, widen_patch_embed
from tavid_planner.video.attention import TargetAttentionCapture
from tavid_planner.video.conditioning import mask_latents
from tavid_planner.video.model_files import check_base_folder, model_folder
from tavid_planner.video.pipeline import SCHEDULERS
from training.checkpoints import Checkpoint, load_newest, put_weights, save_checkpoint
from training.configuration import TrainConfig
from training.data.cache import ClipCache
from training.muon import Muon
from training.objectives.block_choice import parse_block_choice
from training.objectives.diffusion import add_noise, motion_weight, velocity_loss
from training.objectives.target_attention import target_attention_loss, token_mask
from training.validation import validate

LORA_TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
RESUMABLE_CHANGES = {"steps", "out", "validation", "log_every", "save_every", "tracker", "device"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Batch:
    """The transformer's inputs, and what its output is compared with."""

    call: dict
    velocity: torch.Tensor
    weight: torch.Tensor
    has_text: torch.Tensor  # (B,) bool
    token_masks: torch.Tensor  # (B, h, w)
    trigger_tokens: list[tuple[int, ...]]


class Trainer:
    """One run.

    Attributes:
        transformer: the base with its adapter, unwrapped.
        trained: the parameters that change, by name.
        step: optimizer steps made.

    Raises:
        InputError: CONFIG_INVALID, FILE_INVALID.
        VideoError: MODEL_MISSING.
    """

    def __init__(self, config: TrainConfig):
        self.config = config
        self.out = Path(config.out)
        self.accelerator = Accelerator(
            mixed_precision=config.mixed_precision,
            gradient_accumulation_steps=config.accumulation,
            cpu=config.device == "cpu",
            log_with=config.tracker or None,
            project_dir=str(self.out),
        )
        self.cache = ClipCache(config.cache)
        if self.cache.settings.trigger != config.trigger:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option trigger is {config.trigger!r}, the cache was encoded with {self.cache.settings.trigger!r}",
            )
        self.base = model_folder(resolve_model(config.base))
        check_base_folder(self.base)

        # 1. Models
        torch.manual_seed(config.seed)  # the same LoRA everywhere
        weight_dtype = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config.mixed_precision]
        transformer = CogVideoXTransformer3DModel.from_pretrained(
            self.base / "transformer", torch_dtype=weight_dtype, local_files_only=True
        )
        self.noise_scheduler = _scheduler(self.base)
        self.transformer = prepare_adapter(transformer, config)
        self.trained = {n: p for n, p in transformer.named_parameters() if p.requires_grad}
        for parameter in self.trained.values():
            parameter.data = parameter.data.float()
        if config.gradient_checkpointing:
            transformer.enable_gradient_checkpointing()
        transformer.train()
        self.blocks = parse_block_choice(config.attention.blocks, len(transformer.transformer_blocks), config.seed)

        # 2. Optimizers
        optimizers = _optimizers(self.trained, config)
        self.wrapped, *self.optimizers = self.accelerator.prepare(transformer, *optimizers)
        self.averaged = {n: p.detach().clone() for n, p in self.trained.items()} if config.ema else {}
        self.step = 0
        self._resume()

        # 3. Positions
        first = self.cache[0]
        self.latent_shape = tuple(first.latents.shape)
        frames, _, height, width = self.latent_shape
        patch_t = transformer.config.patch_size_t or 1
        if frames % patch_t:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"the cache has {frames} latent frames, this transformer takes multiples of {patch_t}",
                "encode clips of another length",
            )
        self.tokens = height // transformer.config.patch_size, width // transformer.config.patch_size
        self.rotary = rotary_embedding(transformer, frames, height, width, self.accelerator.device)

    def run(self) -> dict[str, float]:
        """Train to the last step and write the adapter; the losses of the last step."""
        config, main = self.config, self.accelerator.is_main_process
        log = self._open_log() if main else None
        if config.tracker:
            self.accelerator.init_trackers("tavid", config={k: str(v) for k, v in asdict(config).items()})
        bar = tqdm(total=config.steps, initial=self.step, unit="step", desc="adapter", disable=not main)
        losses = {}
        while self.step < config.steps:
            losses = self.train_step()
            bar.update()
            bar.set_postfix({k: f"{v:.4f}" for k, v in losses.items()})
            if main and (self.step % config.log_every == 0 or self.step == config.steps):
                log.write(json.dumps({"step": self.step, **losses}) + "\n")
                log.flush()
                self.accelerator.log(losses, step=self.step)
            if main and (self.step % config.save_every == 0 or self.step == config.steps):
                self.save()
            if main and config.validation.every and self.step % config.validation.every == 0:
                self.validate()
        if main:
            self.save_adapter(self.out / "adapter")
            log.close()
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        return losses

    def train_step(self) -> dict[str, float]:
        """One optimizer step; its losses, averaged over its passes in this process."""
        config = self.config
        self._set_learning_rate()
        sums: dict[str, float] = {}
        for accumulated in range(config.accumulation):
            with self.accelerator.accumulate(self.wrapped):
                batch = self._batch(accumulated)
                with self._capture(batch) as capture:  # until the gradients are there: checkpoints recompute
                    losses = self._losses(batch, capture)
                    total = losses["diffusion"] + config.attention.weight * losses.get("attention", 0.0)
                    if not torch.isfinite(total):
                        raise InputError(
                            ErrorCode.CONFIG_INVALID,
                            f"the loss is {total.item()} at step {self.step}",
                            "lower the learning rate, or use bf16 in place of fp16",
                        )
                    self.accelerator.backward(total)
                if self.accelerator.sync_gradients and config.clip_gradient:
                    self.accelerator.clip_grad_norm_(self.trained.values(), config.clip_gradient)
                for optimizer in self.optimizers:
                    optimizer.step()
                for optimizer in self.optimizers:
                    optimizer.zero_grad()
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.item() / config.accumulation
        self.step += 1
        if self.averaged:
            decay = min(config.ema, (1 + self.step) / (10 + self.step))
            with torch.no_grad():
                for name, value in self.trained.items():
                    self.averaged[name].lerp_(value, 1 - decay)
        return sums

    def _batch(self, accumulated: int) -> "_Batch":
        """What belongs to this step, pass and process, drawn from nothing but their numbers and the seed."""
        config, device = self.config, self.accelerator.device
        draw = np.random.default_rng([config.seed, self.step, accumulated, self.accelerator.process_index])
        generator = torch.Generator().manual_seed(int(draw.integers(2**62)))
        clips = [self.cache[int(i)] for i in draw.integers(len(self.cache), size=config.batch_size)]
        clean = torch.stack([c.latents for c in clips])
        image = torch.stack([c.image_latents[draw.integers(len(c.image_latents))] for c in clips])
        image = image * torch.from_numpy(draw.random(len(clips)) >= config.image_dropout).float().view(-1, 1, 1, 1)
        has_text = torch.from_numpy(draw.random(len(clips)) >= config.text_dropout)
        text = torch.stack([c.text if keep else self.cache.empty_text for c, keep in zip(clips, has_text)])
        masks = torch.stack([c.mask for c in clips]).float()[:, None]

        frames, _, height, width = self.latent_shape
        timesteps = torch.randint(self.noise_scheduler.config.num_train_timesteps, (len(clips),), generator=generator)
        noise = torch.randn(clean.shape, generator=generator)
        noisy, velocity = add_noise(self.noise_scheduler, clean, noise, timesteps)
        image_latents = torch.cat([image[:, None], torch.zeros_like(clean[:, 1:])], dim=1)
        inputs = torch.cat([noisy, image_latents, mask_latents(masks, frames, height, width, "area")], dim=2)
        dtype = next(self.transformer.parameters()).dtype
        call = dict(
            hidden_states=inputs.to(device, dtype),
            encoder_hidden_states=text.to(device, dtype),
            timestep=timesteps.to(device),
            image_rotary_emb=self.rotary,
            return_dict=False,
        )
        if self.transformer.config.ofs_embed_dim is not None:
            call["ofs"] = call["hidden_states"].new_full((1,), fill_value=2.0)
        return _Batch(
            call, velocity.to(device), motion_weight(clean, config.moving_weight).to(device), has_text.to(device),
            token_mask(masks, *self.tokens).to(device), [c.trigger_tokens for c in clips],
        )  # fmt: skip

    def _capture(self, batch: "_Batch"):
        options = self.config.attention
        if not options.weight or not batch.has_text.any():
            return nullcontext()
        return TargetAttentionCapture(
            self.transformer,
            batch.trigger_tokens,
            self.blocks.at_step(self.step),
            reduction=options.heads,
            direction=options.direction,
        )

    def _losses(self, batch: "_Batch", capture: TargetAttentionCapture | None) -> dict[str, torch.Tensor]:
        prediction = self.wrapped(**batch.call)[0]
        losses = {"diffusion": velocity_loss(prediction, batch.velocity, batch.weight)}
        if capture is not None:
            maps, masks = capture.stacked()[:, batch.has_text], batch.token_masks[batch.has_text]
            losses["attention"] = target_attention_loss(maps, masks, self.config.attention.normalisation)
        return losses

    def save(self) -> Path:
        facts = {"config": asdict(self.config), "data": self.cache.digest}
        states = [_plain_state(o) for o in self.optimizers]
        return save_checkpoint(
            self.out / "checkpoints", Checkpoint(self.step, dict(self.trained), self.averaged, states, facts)
        )

    def save_adapter(self, folder: Path) -> None:
        """Write the (averaged) adapter in the released layout, with config and data digest inside and beside it."""
        config = self.config
        facts = {
            "steps": self.step,
            "attention_loss": config.attention.weight,
            "attention_blocks": list(self.blocks.candidates),
            "base": config.base,
            "data_digest": self.cache.digest,
        }
        with self.averaged_weights():
            save_adapter(folder, self.transformer, config.rank, config.alpha, config.trigger, extra=facts)

    def validate(self) -> list[np.ndarray]:
        """Videos (T, H, W, 3) float of held-back clips with the weights as they are; pictures in `validation/`."""
        with self.averaged_weights():
            return validate(self)

    def averaged_weights(self):
        return _Swapped(self.trained, self.averaged)

    def _set_learning_rate(self) -> None:
        config = self.config
        rise = min(1.0, (self.step + 1) / max(config.warmup_steps, 1))
        fall = 0.5 * (1 + np.cos(np.pi * self.step / config.steps)) if config.schedule == "cosine" else 1.0
        for group in (g for o in self.optimizers for g in o.param_groups):
            group["lr"] = float(config.learning_rate * rise * fall)

    def _resume(self) -> None:
        checkpoint = load_newest(self.out / "checkpoints")
        if checkpoint is None:
            return
        there, here = checkpoint.facts["config"], asdict(self.config)
        changed = sorted(k for k in here if k not in RESUMABLE_CHANGES and there.get(k) != here[k])
        changed += ["data"] if checkpoint.facts["data"] != self.cache.digest else []
        if changed:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"{self.out} holds a run with another {', '.join(changed)}",
                "choose another option out, or put the options back",
            )
        put_weights(self.trained, checkpoint.weights, self.out)
        for optimizer, state in zip(self.optimizers, checkpoint.optimizers):
            optimizer.load_state_dict(state)
        for name, value in checkpoint.averaged.items():
            self.averaged[name].copy_(value)
        self.step = checkpoint.step
        logger.info("going on from step %d", self.step)

    def _open_log(self):
        """The log, cut back to the step that the run goes on from."""
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / "log.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= self.step]
        write_whole(path, "".join(kept).encode())
        run = {"config": asdict(self.config), "data": self.cache.digest, "processes": self.accelerator.num_processes}
        write_whole(self.out / "run.json", json.dumps(run, indent=1).encode())
        return open(path, "a")


def prepare_adapter(transformer, config: TrainConfig):
    """Freeze the base, widen its input convolution and add LoRA; or load the adapter that the run starts from.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE.
        InputError: CONFIG_INVALID when the adapter to start from has another rank or alpha.
    """
    transformer.requires_grad_(False)
    if config.init:
        adapter = load_adapter(transformer, resolve_model(config.init))
        if (adapter.rank, adapter.alpha) != (config.rank, config.alpha):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"{config.init} has rank {adapter.rank} and alpha {adapter.alpha:g}, "
                f"options rank and alpha are {config.rank} and {config.alpha}",
            )
        for name, parameter in transformer.named_parameters():
            parameter.requires_grad_("lora_" in name)
    else:
        widen_patch_embed(transformer)
        transformer.add_adapter(
            LoraConfig(r=config.rank, lora_alpha=config.alpha, init_lora_weights="gaussian", target_modules=LORA_TARGETS)
        )
    transformer.patch_embed.proj.requires_grad_(True)  # adding the adapter froze it
    return transformer


def rotary_embedding(transformer, frames: int, height: int, width: int, device):
    """Rotary positions of latents (F, C, h, w), as the pipeline makes them; None for a model without."""
    if not transformer.config.use_rotary_positional_embeddings:
        return None
    pipeline = CogVideoXImageToVideoPipeline(None, None, None, transformer, None)
    scale = pipeline.vae_scale_factor_spatial
    return pipeline._prepare_rotary_positional_embeddings(height * scale, width * scale, frames, device)


class _Swapped:
    """Puts other values into parameters for a while."""

    def __init__(self, parameters: dict, values: dict):
        self.parameters, self.values = parameters, values

    def __enter__(self):
        self.kept = {n: self.parameters[n].detach().clone() for n in self.values}
        self._put(self.values)

    def __exit__(self, *exception):
        self._put(self.kept)

    @torch.no_grad()
    def _put(self, values: dict) -> None:
        for name, value in values.items():
            self.parameters[name].copy_(value)


def _optimizers(trained: dict, config: TrainConfig) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in trained.items() if config.optimizer == "muon" and "lora_" in n]
    others = [p for p in trained.values() if all(p is not m for m in matrices)]
    adamw = torch.optim.AdamW(others, lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=1e-4)
    return [Muon(matrices, lr=config.learning_rate), adamw] if matrices else [adamw]


def _plain_state(optimizer) -> dict:
    return getattr(optimizer, "optimizer", optimizer).state_dict()


def _scheduler(base: Path):
    config = json.loads((base / "scheduler" / "scheduler_config.json").read_text())
    kinds = {kind.__name__: kind for kind in SCHEDULERS.values()}
    return kinds[config["_class_name"]].from_config(config)
