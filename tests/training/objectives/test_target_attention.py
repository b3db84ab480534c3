import pytest
import torch

from tavid_planner.video.attention import TargetAttentionCapture
from training.models import build_transformer
from training.objectives.target_attention import target_attention_loss, token_mask


def test_token_mask_is_one_at_its_densest_token():
    mask = torch.zeros(1, 1, 96, 144)
    mask[..., 16:24, 32:40] = 1
    tokens = token_mask(mask, 6, 9)
    assert tokens.shape == (1, 6, 9)
    assert tokens[0, 1, 2] == 1 and tokens.sum() == 1


def test_the_token_mask_of_a_small_target_is_one_beside_that_of_a_large_one():
    mask = torch.zeros(2, 1, 96, 144)
    mask[0, :, 16:24, 32:40], mask[1, :, 16:64, 32:96] = 1, 1
    assert token_mask(mask, 6, 9).amax(dim=(1, 2)).tolist() == [1, 1]


@pytest.mark.parametrize(
    "normalisation, seen", [("raw", [0.2, 0.3, 0.6]), ("max", [1 / 3, 0.5, 1.0]), ("minmax", [0.0, 0.25, 1.0])]
)
def test_a_map_is_compared_as_it_is_or_as_a_share_of_its_largest_or_of_its_range(normalisation, seen):
    maps = torch.tensor([0.2, 0.3, 0.6]).view(1, 1, 1, 1, 3)
    expected = sum((value - wanted) ** 2 for value, wanted in zip(seen, (0, 0, 1))) / 3
    loss = target_attention_loss(maps, torch.tensor([0.0, 0.0, 1.0]).view(1, 1, 3), normalisation)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_every_head_of_a_clip_is_compared_with_the_mask_of_that_clip():
    """As many clips as heads, so that their axes may be taken for each other."""
    mask = torch.zeros(2, 6, 9)
    mask[0, 2, 3], mask[1, 4, 5] = 1, 1
    heads = mask[None, :, None, None].expand(3, -1, 2, -1, -1, -1)
    assert target_attention_loss(heads, mask) == 0


@pytest.mark.parametrize("normalisation", ["raw", "max", "minmax"])
def test_loss_is_zero_for_a_map_that_is_the_mask(normalisation):
    mask = torch.zeros(2, 6, 9)
    mask[:, 2, 3] = 1
    maps = mask[None, :, None].expand(3, -1, -1, -1, -1)
    assert target_attention_loss(maps, mask, normalisation) == 0


def test_normalised_loss_ignores_the_scale_of_the_map():
    maps, mask = torch.rand(2, 1, 1, 6, 9), torch.rand(1, 6, 9)
    small = target_attention_loss(maps * 1e-3, mask, "max")
    torch.testing.assert_close(small, target_attention_loss(maps, mask, "max"))


def test_attention_loss_alone_moves_the_lora_weights():
    from diffusers.models.embeddings import get_3d_rotary_pos_embed
    from peft import LoraConfig

    torch.manual_seed(0)
    transformer = build_transformer(text_dim=16, text_length=8, layers=2, heads=2, head_dim=16)
    transformer.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    rotary = get_3d_rotary_pos_embed(16, ((0, 0), (2, 3)), (2, 3), temporal_size=2)
    # the LoRA of the supervised block reaches its own map only through queries and keys
    with TargetAttentionCapture(transformer, [3], blocks=[1]) as capture:
        transformer(
            hidden_states=torch.randn(1, 2, 32, 4, 6),
            encoder_hidden_states=torch.randn(1, 8, 16),
            timestep=torch.tensor([500]),
            image_rotary_emb=rotary,
        )
        target_attention_loss(capture.stacked(), torch.rand(1, 2, 3)).backward()
    gradients = {n: p.grad for n, p in transformer.named_parameters() if "lora_B" in n and p.grad is not None}
    moved = {n for n, g in gradients.items() if g.abs().max() > 0}
    assert any("transformer_blocks.1.attn1.to_q" in n for n in moved)
    assert any("transformer_blocks.1.attn1.to_k" in n for n in moved)
    assert any("transformer_blocks.0.attn1.to_v" in n for n in moved)
