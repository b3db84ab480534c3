"""Attention modulation without training: the baseline that the attention loss has to beat.

The first latent frame's queries are drawn to the words of the target's noun where the mask is and pushed away from
them elsewhere, strongly while there is much noise (in the manner of DenseDiffusion, Kim et al. 2023, equations 4 to 6,
with a fixed strength instead of one relative to each row's range, which needs no attention matrix).
"""

import torch
import torch.nn.functional as F

from tavid_planner.config import VideoConfig
from tavid_planner.video.attention import joined, projected
from tavid_planner.video.pipeline import TargetAwarePipeline
from tavid_planner.video.prompt import TriggeredPrompt, insert_trigger, trigger_token_indices
from training.objectives.target_attention import token_mask
from training.scenes.scene import SceneSample

STRENGTH = 5.0
"""Added to the logits at the noisiest timestep: a key of average weight among 300 gets a third of the attention."""
DECAY = 5
"""Power of the timestep's share with which the strength falls."""
_PAD = 8  # fused kernels want head sizes in multiples of eight


def pushed_attention(
    query: torch.Tensor,  # (B, heads, Q, D)
    key: torch.Tensor,  # (B, heads, N, D)
    value: torch.Tensor,  # (B, heads, N, D)
    push: torch.Tensor,  # (B, Q)
    wanted: torch.Tensor,  # (B, N), one on the wanted keys
) -> torch.Tensor:  # (B, heads, Q, D)
    """Attention whose logits are larger by push[b, i] * wanted[b, j], by one more dimension of queries and keys."""
    size, heads = query.shape[-1], query.shape[1]

    def wider(x, extra, by):
        column = (by * extra).to(x.dtype)[:, None, :, None].expand(-1, heads, -1, -1)
        return torch.cat([x, F.pad(column, (0, _PAD - 1))], dim=-1)

    query, key = wider(query, push, size**0.5), wider(key, wanted, 1.0)
    mixed = F.scaled_dot_product_attention(query, key, F.pad(value, (0, _PAD)), scale=size**-0.5)
    return mixed[..., :size]


def modulation_for(pipeline: TargetAwarePipeline, scene: SceneSample, config: VideoConfig) -> "AttentionModulation":
    """Towards the noun of the scene's target, in the rows that have a prompt."""
    noun = scene.triplet[2]
    text = insert_trigger(scene.caption, pipeline.trigger).text
    start = text.rindex(noun)
    transformer = pipeline.transformer
    text_length = transformer.config.max_text_seq_length
    words = trigger_token_indices(pipeline.tokenizer, TriggeredPrompt(text, ((start, start + len(noun)),)), text_length)
    cell_px = pipeline.vae_scale_factor_spatial * transformer.config.patch_size
    mask = torch.from_numpy(scene.target_mask)[None, None]
    inside = token_mask(mask, config.height // cell_px, config.width // cell_px)[0]
    rows = slice(1, 2) if config.guidance_scale > 1 else slice(0, 1)
    return AttentionModulation(transformer, words, inside, rows, pipeline.scheduler.config.num_train_timesteps)


class AttentionModulation:
    """Modulates every block of a transformer while it is entered.

    Args:
        transformer: a `CogVideoXTransformer3DModel`.
        words: numbers of the text tokens that name the target.
        inside: (h, w) share 0..1 of each token of a latent frame that the mask covers.
        rows: batch rows to modulate, for example the prompted half of a guidance batch.
        num_timesteps: of the noise schedule.
    """

    def __init__(
        self, transformer, words: tuple[int, ...], inside: torch.Tensor, rows: slice, num_timesteps: int = 1000
    ):
        self.transformer, self.words, self.rows, self.num_timesteps = transformer, words, rows, num_timesteps
        self.towards = 2 * inside.flatten() - 1  # one inside, minus one outside
        self.strength = 0.0
        self._hook, self._replaced = None, []

    def __enter__(self) -> "AttentionModulation":
        self._hook = self.transformer.register_forward_pre_hook(self._begin_forward, with_kwargs=True)
        for block in self.transformer.transformer_blocks:
            self._replaced.append((block.attn1, block.attn1.processor))
            block.attn1.set_processor(_ModulatedProcessor(self))
        return self

    def __exit__(self, *exception) -> None:
        self._hook.remove()
        for attention, processor in self._replaced:
            attention.set_processor(processor)
        self._replaced.clear()

    def _begin_forward(self, module, args, kwargs) -> None:
        share = float(kwargs["timestep"].flatten()[0]) / self.num_timesteps
        self.strength = STRENGTH * share**DECAY

    def push_and_wanted(
        self, query: torch.Tensor, text_length: int
    ) -> tuple[torch.Tensor, torch.Tensor]:  # (B, N) each
        push, wanted = (query.new_zeros(query.shape[0], query.shape[2]) for _ in range(2))
        first = slice(text_length, text_length + len(self.towards))
        push[self.rows, first] = (self.strength * self.towards).to(push)
        wanted[:, list(self.words)] = 1
        return push, wanted


class _ModulatedProcessor:
    def __init__(self, modulation: AttentionModulation):
        self.modulation = modulation

    def __call__(self, attn, hidden_states, encoder_hidden_states, attention_mask=None, image_rotary_emb=None):
        query, key, value = projected(attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb)
        text_length = encoder_hidden_states.shape[1]
        push, wanted = self.modulation.push_and_wanted(query, text_length)
        return joined(attn, pushed_attention(query, key, value, push, wanted), text_length)
