"""Train the base of the small model from scratch on cached latents: text encoder and transformer, image-to-video.

    python -m training.train_transformer --latents runs/latents --out runs/base --minutes 60

With `--mask-share` a part of each batch has the mask, so that so small a model learns early what masks mean. The mask
channel is not part of the base that is written; it is where an adapter starts: `OUT/adapter_start` is an adapter with
these weights and a LoRA that does nothing yet, for the option `init` of training.train.

Under `torchrun --nproc-per-node N` each process takes its own batches and the gradients are averaged; on a CPU two
processes of one thread use both cores better than one process of two threads.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers.models.embeddings import get_3d_rotary_pos_embed
from peft import LoraConfig
from tqdm import tqdm

from tavid_planner.request import TARGET_TOKEN
from tavid_planner.video.adapter import save_adapter, widen_patch_embed
from tavid_planner.video.attention import TargetAttentionCapture
from tavid_planner.video.conditioning import mask_latents
from tavid_planner.video.prompt import insert_trigger, trigger_token_indices
from training.data.latents import IMAGE_VARIANTS, LatentCache
from training.muon import Muon
from training.models import build_scheduler, build_text_encoder, build_tokenizer, build_transformer, save_checkpoint
from training.objectives.diffusion import add_noise, motion_weight, velocity_loss
from training.objectives.target_attention import target_attention_loss, token_mask
from training.processes import agreed_clock, average_gradients, join_processes
from training.trainer import LORA_TARGETS

TRIGGER = "target"
TEXT_LENGTH = 32
MASK_CHANNELS_FROM = 32  # after those of noise and image


class Captions:
    """Token ids of all captions: with the trigger word, without it, and the empty one for guidance."""

    def __init__(self, tokenizer, captions: list[str]):
        triggered = [insert_trigger(c, TRIGGER) for c in captions]
        plain = [c.replace(TARGET_TOKEN + " ", "") for c in captions]
        self.triggered = self._ids(tokenizer, [t.text for t in triggered])
        self.plain = self._ids(tokenizer, plain)
        self.empty = self._ids(tokenizer, [""])[0]
        self.trigger_tokens = [trigger_token_indices(tokenizer, t, TEXT_LENGTH) for t in triggered]

    @staticmethod
    def _ids(tokenizer, texts):
        return tokenizer(
            texts, padding="max_length", max_length=TEXT_LENGTH, truncation=True, return_tensors="pt"
        ).input_ids


class Batches:
    """Random batches of a latent cache, which may grow meanwhile."""

    def __init__(self, path: Path, tokenizer, batch: int, seed: int):
        self.path, self.tokenizer, self.batch = path, tokenizer, batch
        self.rng = np.random.default_rng(seed)
        self._load()

    def _load(self) -> None:
        self.cache, self.written = LatentCache.load(self.path), self.path.stat().st_mtime
        self.captions = Captions(self.tokenizer, self.cache.captions)

    def draw(self, mask_share: float, drop_text: float, drop_image: float):
        if self.path.stat().st_mtime != self.written:
            self._load()
        rng, cache = self.rng, self.cache
        rows = rng.integers(len(cache.captions), size=self.batch)
        index = torch.from_numpy(rows)
        clean = cache.latents[index].float() * cache.scale
        has_mask = torch.from_numpy(rng.random(self.batch) < mask_share)
        variant = torch.from_numpy(rng.integers(IMAGE_VARIANTS, size=self.batch))
        image = cache.images[index, variant].float() * cache.scale
        image = image * torch.from_numpy((rng.random(self.batch) >= drop_image).astype(np.float32)).view(-1, 1, 1, 1)
        ids = torch.where(has_mask[:, None], self.captions.triggered[index], self.captions.plain[index])
        dropped = torch.from_numpy(rng.random(self.batch) < drop_text)
        ids = torch.where(dropped[:, None], self.captions.empty, ids)
        masks = cache.masks[index].float()[:, None]
        trigger_tokens = [self.captions.trigger_tokens[i] for i in rows]
        return clean, image, ids, masks, trigger_tokens, has_mask, has_mask & ~dropped


def main() -> None:
    args = _parse_args()
    rank = join_processes()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)  # the same weights everywhere
    args.out.mkdir(parents=True, exist_ok=True)
    cache = LatentCache.load(args.latents / "latents.pt")
    state = torch.load(args.out / "last.pt", weights_only=True) if (args.out / "last.pt").exists() else None

    # 1. models
    tokenizer_folder = args.out / "model" / "tokenizer"
    if tokenizer_folder.exists():
        from transformers import PreTrainedTokenizerFast

        tokenizer = PreTrainedTokenizerFast.from_pretrained(tokenizer_folder)
    else:
        tokenizer = build_tokenizer([insert_trigger(c, TRIGGER).text for c in cache.captions], TEXT_LENGTH)
        tokenizer.save_pretrained(tokenizer_folder)
    text_encoder, transformer = build_text_encoder(len(tokenizer)), build_transformer(text_length=TEXT_LENGTH)
    if args.mask_share > 0:
        widen_patch_embed(transformer)
    if args.init:
        start = torch.load(args.init / "last.pt", weights_only=True)
        transformer.load_state_dict(start["transformer"])
        text_encoder.load_state_dict(start["text_encoder"])
    if state:
        transformer.load_state_dict(state["transformer"])
        text_encoder.load_state_dict(state["text_encoder"])
    transformer.train()
    parameters = [p for m in (transformer, text_encoder) for p in m.parameters() if p.requires_grad]
    matrices = [
        p
        for n, p in transformer.named_parameters()
        if "blocks" in n and "norm" not in n and p.ndim == 2 and p.requires_grad
    ]
    others = [p for p in parameters if all(p is not m for m in matrices)]
    optimizers = [
        Muon(matrices, lr=args.lr),
        torch.optim.AdamW(others, lr=args.lr, betas=(0.9, 0.95), weight_decay=1e-4),
    ]
    averaged = {k: v.detach().clone() for k, v in _trained(transformer, text_encoder)}
    step, spent_s = 0, 0.0
    if state:
        for optimizer, saved in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        averaged, step, spent_s = state["averaged"], state["step"], state["spent_s"]
    scheduler = build_scheduler()
    F_, h, w = cache.latents.shape[1], cache.latents.shape[3], cache.latents.shape[4]
    rotary = get_3d_rotary_pos_embed(
        embed_dim=transformer.config.attention_head_dim,
        crops_coords=((0, 0), (h // 2, w // 2)),
        grid_size=(h // 2, w // 2),
        temporal_size=F_,
    )
    batches = Batches(args.latents / "latents.pt", tokenizer, args.batch, 1000 * rank + args.seed + step)
    torch.manual_seed(1000 * rank + args.seed + step)
    blocks = [int(b) for b in args.blocks.split(",")]

    # 2. steps
    started, budget_s = time.monotonic() - spent_s, args.minutes * 60
    bar = tqdm(total=int(budget_s), initial=int(spent_s), unit="s", desc="base", disable=rank > 0)
    log = open(args.out / "log.csv", "a")
    means = {}
    while (elapsed := agreed_clock(time.monotonic() - started)) < budget_s:
        rate = float(args.lr * min(1, (step + 1) / 100) * (0.02 + 0.49 * (1 + np.cos(np.pi * elapsed / budget_s))))
        for group in (g for o in optimizers for g in o.param_groups):
            group["lr"] = rate
        clean, image, ids, masks, trigger_tokens, has_mask, supervised = batches.draw(args.mask_share, 0.1, 0.05)
        # where the hand goes is decided while there is much noise
        timesteps = (1000 * torch.rand(len(clean)) ** (1 / args.noise_power)).long().clamp(max=999)
        noisy, velocity = add_noise(scheduler, clean, torch.randn_like(clean), timesteps)
        image_latents = torch.cat([image[:, None], torch.zeros(len(clean), F_ - 1, *image.shape[1:])], 1)
        inputs = [noisy, image_latents]
        if args.mask_share > 0:
            inputs.append(mask_latents(masks, F_, h, w, "area") * has_mask.view(-1, 1, 1, 1, 1))
        text = text_encoder(ids)[0]
        call = dict(
            hidden_states=torch.cat(inputs, 2),
            encoder_hidden_states=text,
            timestep=timesteps,
            image_rotary_emb=rotary,
            return_dict=False,
        )
        losses = {}
        if args.mask_share > 0 and args.attention_loss > 0:
            with TargetAttentionCapture(transformer, trigger_tokens, blocks) as capture:
                prediction = transformer(**call)[0]
                keep = supervised.nonzero()[:, 0]
                maps, target = capture.stacked()[:, keep], token_mask(masks, h // 2, w // 2)[keep]
                if len(keep):
                    losses["attention"] = target_attention_loss(maps, target, args.normalisation)
        else:
            prediction = transformer(**call)[0]
        losses["diffusion"] = velocity_loss(prediction, velocity, motion_weight(clean, args.moving))
        loss = losses["diffusion"] + args.attention_loss * losses.get("attention", 0.0)
        transformer.zero_grad()
        text_encoder.zero_grad()
        loss.backward()
        average_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        decay = min(args.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in _trained(transformer, text_encoder):
                averaged[name].lerp_(value, 1 - decay)
        for name, value in losses.items():
            means[name] = float(value) if name not in means else 0.98 * means[name] + 0.02 * float(value)
        bar.n = int(elapsed)
        bar.set_postfix(step=step, **{k: f"{v:.4f}" for k, v in means.items()})
        if rank > 0:
            continue
        if step % 50 == 0:
            log.write(f"{step},{elapsed:.0f}," + ",".join(f"{k}={v:.5f}" for k, v in means.items()) + "\n")
            log.flush()
        if step % 300 == 0:
            _save(args.out, transformer, text_encoder, optimizers, averaged, step, elapsed)
    if rank > 0:
        return
    _save(args.out, transformer, text_encoder, optimizers, averaged, step, elapsed)
    bar.close()

    # 3. the averaged weights are the result
    with torch.no_grad():
        for name, value in _trained(transformer, text_encoder):
            value.copy_(averaged[name])
    if args.mask_share > 0:
        weights = transformer.state_dict()
        weights["patch_embed.proj.weight"] = weights["patch_embed.proj.weight"][:, :MASK_CHANNELS_FROM]
        _save_adapter_start(args.out / "adapter_start", transformer, args.rank, args.alpha)
        transformer = build_transformer(text_length=TEXT_LENGTH)
        transformer.load_state_dict(weights)
    transformer.save_pretrained(args.out / "model" / "transformer")
    text_encoder.save_pretrained(args.out / "model" / "text_encoder")
    tokenizer.save_pretrained(args.out / "model" / "tokenizer")
    print(f"base: {step} steps, " + ", ".join(f"{k} loss {v:.4f}" for k, v in means.items()))


def _save_adapter_start(folder: Path, transformer, rank: int, alpha: int) -> None:
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=LORA_TARGETS))
    save_adapter(folder, transformer, rank, alpha, TRIGGER)


def _trained(transformer, text_encoder):
    for prefix, module in (("transformer.", transformer), ("text_encoder.", text_encoder)):
        for name, value in module.named_parameters():
            if value.requires_grad:
                yield prefix + name, value


def _save(out: Path, transformer, text_encoder, optimizers, averaged, step, spent_s) -> None:
    save_checkpoint(
        out / "last.pt",
        transformer=transformer.state_dict(),
        text_encoder=text_encoder.state_dict(),
        optimizers=[o.state_dict() for o in optimizers],
        averaged=averaged,
        step=step,
        spent_s=spent_s,
    )


def _parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="run folder; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="run folder whose weights this stage starts from")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--rank", type=int, default=128, help="of the adapter's start")
    parser.add_argument("--alpha", type=int, default=64)
    parser.add_argument("--mask-share", type=float, default=0.0, help="share of the clips that have a mask")
    parser.add_argument("--attention-loss", type=float, default=0.1, help="lambda; 0 leaves the loss out")
    parser.add_argument("--normalisation", default="raw", choices=("raw", "max", "minmax"))
    parser.add_argument("--blocks", default="2,3,4,5", help="blocks whose attention is supervised")
    parser.add_argument("--moving", type=float, default=4.0, help="extra weight of latent cells that change")
    parser.add_argument("--noise-power", type=float, default=1.0, help="1 draws timesteps uniformly, 2 favours noisy ones")
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
