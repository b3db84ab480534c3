"""CogVideoX image-to-video, 1.0 and 1.5: joint attention of text and video, image latents beside the noise."""

from typing import Any

import torch
from diffusers import CogVideoXImageToVideoPipeline
from diffusers.models.attention_processor import CogVideoXAttnProcessor2_0
from diffusers.models.embeddings import CogVideoXPatchEmbed, apply_rotary_emb

from tavid_planner.video.backbone.seam import Attended, Backbone, Mix, Watched, own_processor, unreliable


class CogVideoXBackbone(Backbone):
    """The interface to a CogVideoX transformer."""

    kind = "CogVideoX"
    patch_layer = "patch_embed.proj"
    patch_file = "patch_embed_conv2d"
    attentions = ("attn1",)
    feed_forward = ("ff.net.0.proj", "ff.net.2")
    blocks_name = "transformer_blocks"

    def __init__(self, transformer):
        super().__init__(transformer)
        self.text_length = transformer.config.max_text_seq_length
        if type(transformer.patch_embed) is CogVideoXPatchEmbed and self.learned_latents is not None:
            transformer.patch_embed.__class__ = _LearnedPositions
        self._rotary: tuple[tuple, tuple[torch.Tensor, torch.Tensor] | None] = ((), None)

    @property
    def patch(self) -> tuple[int, int, int]:
        config = self.transformer.config
        return config.patch_size_t or 1, config.patch_size, config.patch_size

    @property
    def base_channels(self) -> int:
        return 2 * self.transformer.config.out_channels

    @property
    def learned_latents(self) -> tuple[int, int, int] | None:
        config = self.transformer.config
        if not config.use_learned_positional_embeddings:
            return None
        frames = (config.sample_frames - 1) // config.temporal_compression_ratio + 1
        return frames, config.sample_height, config.sample_width

    def _wider_embedding(self, old, extra_channels: int) -> torch.nn.Module:
        like = dict(bias=old.bias is not None, device=old.weight.device, dtype=old.weight.dtype)
        if isinstance(old, torch.nn.Linear):  # of 1.5, which flattens patches
            patch_t, patch_h, patch_w = self.patch
            return torch.nn.Linear(
                old.in_features + extra_channels * patch_t * patch_h * patch_w, old.out_features, **like
            )
        channels = old.in_channels + extra_channels
        return torch.nn.Conv2d(channels, old.out_channels, old.kernel_size, stride=old.stride, **like)

    def input_tokens(self, args, kwargs) -> tuple[int, int, int]:
        latents = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        return self.token_size(latents.shape[1], *latents.shape[3:])

    def watch(self, block: int, mix: Mix) -> Watched:
        attention: Any = self.blocks[block].attn1
        processor = attention.processor
        if isinstance(processor, JointProcessor) and processor.mix is Attended.mixed:
            return Watched([(attention, JointProcessor(mix, processor.backend))])
        hint = "call transformer.unfuse_qkv_projections(), and do not capture twice at once"
        own_processor(attention, CogVideoXAttnProcessor2_0, block, hint)
        return Watched([(attention, JointProcessor(mix))])

    def use_attention_backend(self, backend: str) -> None:
        # diffusers' own processor of this family ignores the chosen backend
        attentions: list[Any] = [block.attn1 for block in self.blocks]
        for attention in attentions:
            attention.set_processor(JointProcessor(Attended.mixed, backend))

    def inputs(self, noisy, image, condition, has_image=None) -> torch.Tensor:
        if has_image is not None:
            image = image * has_image.view(-1, 1, 1, 1, 1)
        return torch.cat([noisy, image] if condition is None else [noisy, image, condition], dim=2)

    def predict(self, inputs, text, timesteps, image_embeds=None) -> torch.Tensor:
        offset = None if self.transformer.config.ofs_embed_dim is None else inputs.new_full((1,), fill_value=2.0)
        return self.transformer(
            hidden_states=inputs,
            encoder_hidden_states=text,
            timestep=timesteps,
            ofs=offset,
            image_rotary_emb=self._rotary_of(inputs),
            return_dict=False,
        )[0]

    def _rotary_of(self, inputs: torch.Tensor):
        """Rotary embeddings of an input, as the pipeline makes them; None for a model without."""
        if not self.transformer.config.use_rotary_positional_embeddings:
            return None
        size = (inputs.shape[1], *inputs.shape[3:], inputs.device)
        if self._rotary[0] != size:
            pipeline = CogVideoXImageToVideoPipeline(None, None, None, self.transformer, None)
            frames, height, width, device = size
            cell = pipeline.vae_scale_factor_spatial
            made = pipeline._prepare_rotary_positional_embeddings(height * cell, width * cell, frames, device)
            self._rotary = size, made
        return self._rotary[1]


class _LearnedPositions(CogVideoXPatchEmbed):
    """The patch embedding of a transformer with learned positions: a shorter clip has those of its first frames.

    diffusers would give it sines and cosines, which the model has never seen; its rotary positions are those of the
    first frames as well.
    """

    def _get_positional_embeddings(self, sample_height, sample_width, sample_frames, device=None) -> torch.Tensor:
        cells = (sample_height // self.patch_size) * (sample_width // self.patch_size)
        frames = (sample_frames - 1) // self.temporal_compression_ratio + 1
        return self.pos_embedding[:, : self.max_text_seq_length + frames * cells]


class JointProcessor:
    """Joint attention that calls a function for the attention itself.

    The parameters are spelled out because diffusers drops keyword arguments that a processor does not name.
    """

    def __init__(self, mix: Mix, backend: str | None = None):
        self.mix, self.backend = mix, backend

    def __call__(
        self,
        attn,
        hidden_states: torch.Tensor,  # (B, n_video, C)
        encoder_hidden_states: torch.Tensor,  # (B, n_text, C)
        attention_mask: torch.Tensor | None = None,
        image_rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if attention_mask is not None:
            raise unreliable("an attention mask was passed", "CogVideoX attends to all text and video tokens")
        text_length = encoder_hidden_states.shape[1]
        tokens = torch.cat([encoder_hidden_states, hidden_states], dim=1)
        query, key, value = (
            project(tokens).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        query = query if attn.norm_q is None else attn.norm_q(query)
        key = key if attn.norm_k is None else attn.norm_k(key)
        if image_rotary_emb is not None:
            query, key = (_rotate_video(x, image_rotary_emb, text_length) for x in (query, key))
        mixed = self.mix(Attended(query, key, value, text_length, text_length, self.backend))
        projection, dropout = attn.to_out
        mixed = dropout(projection(mixed.transpose(1, 2).flatten(2)))
        return mixed[:, text_length:], mixed[:, :text_length]


def _rotate_video(x: torch.Tensor, rotary, text_length: int) -> torch.Tensor:
    return torch.cat([x[:, :, :text_length], apply_rotary_emb(x[:, :, text_length:], rotary)], dim=2)
