"""Wan: self attention of the video, then cross attention to the text.

- 2.2 TI2V: the first latent frame of the input *is* the image, at timestep 0; other frames have noise.
- 2.1 I2V: the image's latents and a mask of the frames that it fills are extra channels beside the noise, and features
  of the image from another encoder are attended to beside the text.
"""

import torch
from diffusers.models.transformers.transformer_wan import WanAttnProcessor

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.backbone.seam import Attended, Backbone, Mix, Watched, own_processor, unreliable

TEXT_LENGTH = 512
"""Text tokens of every published Wan; diffusers relies on this to separate image tokens from text tokens."""
FRAME_MASK_CHANNELS = 4
"""Channels of 2.1 I2V that say which of the four pixel frames of a latent frame the image fills."""


class WanBackbone(Backbone):
    """The interface to a Wan transformer."""

    kind = "Wan"
    patch_layer = "patch_embedding"
    patch_file = "patch_embed_conv3d"
    attentions = ("attn1", "attn2")
    feed_forward = ("ffn.net.0.proj", "ffn.net.2")
    blocks_name = "blocks"
    text_length = TEXT_LENGTH

    @property
    def patch(self) -> tuple[int, int, int]:
        return tuple(self.transformer.config.patch_size)

    @property
    def image_channels(self) -> int:
        """Input channels beside the noise that hold the image: none where the first frame is the image."""
        config = self.transformer.config
        beside = config.out_channels + FRAME_MASK_CHANNELS
        return beside if config.in_channels >= config.out_channels + beside else 0

    @property
    def first_frame_given(self) -> bool:
        return not self.image_channels

    @property
    def image_embeds_before_text(self) -> bool:
        return self.transformer.config.image_dim is not None

    @property
    def base_channels(self) -> int:
        return self.transformer.config.out_channels + self.image_channels

    def _wider_embedding(self, old, extra_channels: int) -> torch.nn.Module:
        like = dict(bias=old.bias is not None, device=old.weight.device, dtype=old.weight.dtype)
        channels = old.in_channels + extra_channels
        return torch.nn.Conv3d(channels, old.out_channels, old.kernel_size, stride=old.stride, **like)

    def input_tokens(self, args, kwargs) -> tuple[int, int, int]:
        latents = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        return self.token_size(*latents.shape[2:])

    def watch(self, block: int, mix: Mix) -> Watched:
        replacements = []
        for attention in (getattr(self.blocks[block], name) for name in self.attentions):
            own_processor(attention, WanAttnProcessor, block, "do not capture twice at once")
            if getattr(attention, "fused_projections", False):
                raise unreliable(f"block {block} has fused projections", "call transformer.unfuse_qkv_projections()")
            replacements.append((attention, SeparateProcessor(mix, attention.processor)))
        return Watched(replacements)

    def use_attention_backend(self, backend: str) -> None:
        for block in self.blocks:
            for name in self.attentions:
                getattr(block, name).processor._attention_backend = backend

    def first_frame(self, image_latents, frames: int) -> torch.Tensor:
        if self.image_channels:
            raise VideoError(
                ErrorCode.GENERATION_FAILED,
                "this Wan model takes a whole encoded clip that starts with the image, not the image's latents alone",
                "train on a Wan model whose first frame is the image, such as 2.2 TI2V",
            )
        return super().first_frame(image_latents, frames)

    def inputs(self, noisy, image, condition, has_image=None) -> torch.Tensor:
        if self.image_channels:
            # a row without its image has nothing in the image's channels
            image = image if has_image is None else image * has_image.view(-1, 1, 1, 1, 1)
            parts = [noisy, image]
        else:
            first = image[:, :1]
            if has_image is not None:
                first = torch.where(has_image.view(-1, 1, 1, 1, 1), first, noisy[:, :1])
            parts = [torch.cat([first.to(noisy), noisy[:, 1:]], dim=1)]
        return torch.cat(parts if condition is None else [*parts, condition], dim=2)

    def frame_times(self, timesteps, frames: int, has_image=None) -> torch.Tensor:
        if self.image_channels:
            return timesteps
        times = timesteps[:, None].expand(-1, frames).clone()
        times[slice(None) if has_image is None else has_image, 0] = 0
        return times

    def predict(self, inputs, text, timesteps, image_embeds=None) -> torch.Tensor:
        if timesteps.ndim == 2:
            # one timestep a token; the frames of a token share theirs
            frames, height, width = self.token_size(inputs.shape[1], *inputs.shape[3:])
            timesteps = timesteps[:, :: self.patch[0]].repeat_interleave(height * width, dim=1)
        if image_embeds is not None:
            image_embeds = image_embeds.expand(len(inputs), -1, -1)
        return self.transformer(
            hidden_states=inputs.transpose(1, 2).to(self.transformer.dtype),
            timestep=timesteps,
            encoder_hidden_states=text.to(self.transformer.dtype),
            encoder_hidden_states_image=image_embeds,
            return_dict=False,
        )[0].transpose(1, 2)


class SeparateProcessor:
    """Self or cross attention of Wan that calls a function for the attention itself; an image's part is added
    unchanged.

    The parameters are spelled out because diffusers drops keyword arguments that a processor does not name.
    """

    def __init__(self, mix: Mix, own):
        self.mix, self.backend = mix, own._attention_backend

    def __call__(
        self,
        attn,
        hidden_states: torch.Tensor,  # (B, n_video, C)
        encoder_hidden_states: torch.Tensor | None = None,  # (B, n_image + n_text, C), None for self attention
        attention_mask: torch.Tensor | None = None,
        rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        if attention_mask is not None:
            raise unreliable("an attention mask was passed", "Wan attends to all text and video tokens")
        image = None
        if attn.add_k_proj is not None:
            image, encoder_hidden_states = encoder_hidden_states.tensor_split([-TEXT_LENGTH], dim=1)
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key = attn.norm_q(attn.to_q(hidden_states)), attn.norm_k(attn.to_k(source))
        query, key, value = (_by_head(x, attn.heads) for x in (query, key, attn.to_v(source)))
        if rotary_emb is not None:
            query, key = (_rotated(x, *rotary_emb) for x in (query, key))
        text_keys = 0 if encoder_hidden_states is None else encoder_hidden_states.shape[1]
        mixed = self.mix(Attended(query, key, value, 0, text_keys, self.backend))
        if image is not None:
            key = _by_head(attn.norm_added_k(attn.add_k_proj(image)), attn.heads)
            value = _by_head(attn.add_v_proj(image), attn.heads)
            mixed = mixed + Attended(query, key, value, 0, 0, self.backend).mixed()
        projection, dropout = attn.to_out
        return dropout(projection(mixed.transpose(1, 2).flatten(2).type_as(query)))


def _by_head(x: torch.Tensor, heads: int) -> torch.Tensor:  # (B, N, C) -> (B, heads, N, D)
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions (1, N, 1, D), each value twice in a row, on pairs of neighbours of x (B, heads, N, D)."""
    cos, sin = cos.transpose(1, 2)[..., ::2], sin.transpose(1, 2)[..., 1::2]
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2).type_as(x)
