import torch

from tavid_planner.video.attention import TargetAttentionCapture
from training.bench.attention_modulation import STRENGTH, AttentionModulation, pushed_attention
from training.models import build_transformer

SIZE = dict(layers=2, heads=2, head_dim=16, text_length=8, latent_size=(3, 4, 8, 8), patch_size=2)
PROMPTED = slice(1, 2)


def small_transformer():
    torch.manual_seed(0)
    return build_transformer(**SIZE).eval()


def inputs(transformer, timestep: int):
    generator = torch.Generator().manual_seed(1)
    return dict(
        hidden_states=torch.randn(2, 3, transformer.config.in_channels, 8, 8, generator=generator),
        encoder_hidden_states=torch.randn(2, 8, transformer.config.text_embed_dim, generator=generator),
        timestep=torch.full((2,), timestep),
        image_rotary_emb=(torch.ones(48, 16), torch.zeros(48, 16)),
        return_dict=False,
    )


def modulated(transformer, call, inside):
    with AttentionModulation(transformer, (3, 4), inside, PROMPTED):
        return transformer(**call)[0]


def test_pushed_attention_is_that_of_pushed_logits():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 10, 16, dtype=torch.float64)
    push, wanted = torch.randn(2, 10, dtype=torch.float64), torch.zeros(2, 10, dtype=torch.float64)
    wanted[:, 2:4] = 1
    logits = query @ key.transpose(-1, -2) * 16**-0.5 + (push[:, :, None] * wanted[:, None])[:, None]
    expected = logits.softmax(-1) @ value
    assert (pushed_attention(query, key, value, push, wanted) - expected).abs().max() < 1e-12


def test_first_frame_is_drawn_to_the_words_inside_the_mask_and_away_outside():
    transformer = small_transformer()
    call, inside = inputs(transformer, 999), torch.zeros(4, 4)
    inside[1, 2] = 1
    maps = []

    class Recorded(AttentionModulation):
        def push_and_wanted(self, attended):
            push, wanted = super().push_and_wanted(attended)
            maps.append((push[:, attended.text_queries :], wanted))
            return push, wanted

    with Recorded(transformer, (3, 4), inside, PROMPTED):
        transformer(**call)
    push, wanted = maps[0]
    assert len(maps) == SIZE["layers"]
    assert not push[0].any() and not push[1, 16:].any()  # the unprompted row, the later frames
    assert push[1, 6] > 0.99 * STRENGTH and (push[1, :16] < 0).sum() == 15
    assert wanted.sum(1).tolist() == [2, 2]


def test_only_the_prompted_row_changes_and_only_where_there_is_noise():
    transformer = small_transformer()
    inside = torch.zeros(4, 4)
    inside[1, 2] = 1
    for timestep, changes in ((999, True), (10, False)):
        call = inputs(transformer, timestep)
        plain, changed = transformer(**call)[0], modulated(transformer, call, inside)
        torch.testing.assert_close(changed[0], plain[0], atol=1e-5, rtol=0)
        assert ((changed[1] - plain[1]).abs().max() > 1e-4) == changes


def test_afterwards_the_transformer_is_as_before():
    transformer = small_transformer()
    call = inputs(transformer, 999)
    plain = transformer(**call)[0]
    modulated(transformer, call, torch.ones(4, 4))
    with TargetAttentionCapture(transformer, (3,)):
        torch.testing.assert_close(transformer(**call)[0], plain, atol=1e-6, rtol=0)
