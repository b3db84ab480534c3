"""Attention modulation without training: the baseline that the attention loss has to beat.

The first latent frame's queries are drawn to the words of the target's noun where the mask is and pushed away from
them elsewhere, strongly while there is much noise (in the manner of DenseDiffusion, Kim et al. 2023, equations 4 to 6,
with a fixed strength instead of one relative to each row's range, which needs no attention matrix).
"""

import torch
import torch.nn.functional as F

from tavid_planner.config import VideoConfig
from tavid_planner.video.backbone import backbone_of
from tavid_planner.video.backbone.seam import Attended
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
    transformer, backbone = pipeline.transformer, pipeline.backbone
    text_length = backbone.text_length
    words = trigger_token_indices(pipeline.tokenizer, TriggeredPrompt(text, ((start, start + len(noun)),)), text_length)
    cell_px = pipeline.vae_scale_factor_spatial * backbone.patch[1]
    mask = torch.from_numpy(scene.target_mask)[None, None]
    inside = token_mask(mask, config.height // cell_px, config.width // cell_px)[0]
    rows = slice(1, 2) if config.guidance_scale > 1 else slice(0, 1)
    return AttentionModulation(transformer, words, inside, rows, pipeline.scheduler.config.num_train_timesteps)


class AttentionModulation:
    """Modulates every block of a transformer while it is entered.

    Args:
        transformer: of a known family (`backbone`).
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
        backbone = backbone_of(self.transformer)
        for block in range(len(backbone.blocks)):
            self._replaced += backbone.watch(block, self._mix).replace()
        return self

    def __exit__(self, *exception) -> None:
        self._hook.remove()
        for attention, processor in self._replaced:
            attention.set_processor(processor)
        self._replaced.clear()

    def _begin_forward(self, module, args, kwargs) -> None:
        share = float(kwargs["timestep"].max()) / self.num_timesteps  # tokens of a given frame are without noise
        self.strength = STRENGTH * share**DECAY

    def _mix(self, attended: Attended) -> torch.Tensor:
        if not attended.text_keys:
            return attended.mixed()
        return pushed_attention(attended.query, attended.key, attended.value, *self.push_and_wanted(attended))

    def push_and_wanted(self, attended: Attended) -> tuple[torch.Tensor, torch.Tensor]:  # (B, Q), (B, N)
        push, wanted = (x.new_zeros(x.shape[0], x.shape[2]) for x in (attended.query, attended.key))
        first = slice(attended.text_queries, attended.text_queries + len(self.towards))
        push[self.rows, first] = (self.strength * self.towards).to(push)
        wanted[:, list(self.words)] = 1
        return push, wanted
