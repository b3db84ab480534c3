import pytest
import torch
from tiny_model import NUM_BLOCKS, TEXT_LENGTH, TEXT_WIDTH, tiny_transformer

from tavid_planner.errors import InputError, VideoError
from tavid_planner.video import attention
from tavid_planner.video.attention import TargetAttentionCapture, key_share, query_share

SHAPE = (2, 3, 32, 4, 6)  # (B, F, C, h, w) latents, 2x3 tokens a frame
TOKENS = 6


def naive_maps(query, key):
    return (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(dim=-1)


@pytest.fixture
def inputs():
    """A transformer in float64 with inputs, for one forward pass."""
    torch.manual_seed(0)
    transformer = tiny_transformer().double().train()
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if "norm_q" in name or "norm_k" in name:
                parameter.add_(torch.randn_like(parameter))
    frequencies = torch.randn(3 * TOKENS, 16, dtype=torch.float64)
    call = dict(
        hidden_states=torch.randn(*SHAPE, dtype=torch.float64),
        encoder_hidden_states=torch.randn(2, TEXT_LENGTH, TEXT_WIDTH, dtype=torch.float64),
        timestep=torch.tensor([400, 10]),
        image_rotary_emb=(frequencies.cos(), frequencies.sin()),
        return_dict=False,
    )
    return transformer, call


def maps_and_gradients(transformer, call, loss_of, **options):
    transformer.zero_grad()
    with TargetAttentionCapture(transformer, **options) as capture:
        transformer(**call)
        maps = capture.stacked()
        loss_of(maps).backward()
    gradients = {n: p.grad.clone() for n, p in transformer.named_parameters() if p.grad is not None}
    return maps.detach(), gradients


@pytest.fixture
def materialised(monkeypatch):
    """Lets the captures of a test compute their maps through the whole attention matrix."""

    def key_share_naive(query, key, indicator):
        return (naive_maps(query, key) * indicator[:, None, None].to(query.dtype)).sum(dim=-1)

    def query_share_naive(query, key, indicator, columns):
        rows = [naive_maps(query, key)[b][:, indicator[b]].mean(dim=1) for b in range(len(query))]
        return torch.stack(rows)[..., columns]

    def switch():
        monkeypatch.setattr(attention, "key_share", key_share_naive)
        monkeypatch.setattr(attention, "query_share", query_share_naive)

    return switch


@pytest.mark.parametrize("direction", ["v2t", "t2v"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_maps_and_gradients_equal_the_materialised_ones(inputs, materialised, direction, checkpointing):
    transformer, call = inputs
    if checkpointing:
        transformer.enable_gradient_checkpointing()
    options = dict(token_indices=[(3,), (5, 6)], blocks=(0, 2), direction=direction)

    def loss_of(maps):
        return (maps**2).sum() * 100

    maps, gradients = maps_and_gradients(transformer, call, loss_of, **options)
    transformer.disable_gradient_checkpointing()
    materialised()
    naive, naive_gradients = maps_and_gradients(transformer, call, loss_of, **options)
    assert maps.shape == (2, 2, 1, 2, 3)
    assert (maps - naive).abs().max() <= 1e-10
    assert gradients.keys() == naive_gradients.keys()
    assert all((gradients[n] - naive_gradients[n]).abs().max() <= 1e-10 for n in gradients)
    assert max(g.abs().max() for n, g in gradients.items() if "to_q" in n) > 1e-6


@pytest.mark.parametrize("dtype, limit", [(torch.float64, 1e-10), (torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
def test_key_share_in_every_precision(dtype, limit):
    query, key = (torch.randn(2, 3, n, 16, dtype=torch.float64) for n in (7, 50))
    indicator = torch.zeros(2, 50, dtype=torch.bool)
    indicator[0, 4] = indicator[1, 9] = indicator[1, 10] = True
    exact = (naive_maps(query, key) * indicator[:, None, None]).sum(dim=-1)
    share = key_share(query.to(dtype), key.to(dtype), indicator)
    assert (share.double() - exact).abs().max() <= limit


def test_query_share_rows_are_distributions():
    query, key = torch.randn(2, 2, 3, 20, 8).unbind(1)
    indicator = torch.zeros(2, 20, dtype=torch.bool)
    indicator[:, 4:6] = True
    torch.testing.assert_close(query_share(query, key, indicator, slice(0, 20)).sum(dim=-1), torch.ones(2, 3))


def test_capture_changes_no_output_and_puts_the_processors_back(inputs):
    transformer, call = inputs
    processors = dict(transformer.attn_processors)
    plain = transformer(**call)[0]
    with TargetAttentionCapture(transformer, (3,), frames="all", reduction="none") as capture:
        captured = transformer(**call)[0]
    assert torch.allclose(plain, captured, atol=1e-12, rtol=0)
    assert dict(transformer.attn_processors) == processors
    assert capture.stacked().shape == (NUM_BLOCKS, 2, 2, 3, 2, 3)


def test_heads_mean_first_frame_and_rows_are_parts_of_the_whole(inputs):
    transformer, call = inputs
    with TargetAttentionCapture(transformer, (3,), frames="all", reduction="none") as capture:
        transformer(**call)
    whole = capture.stacked()
    with TargetAttentionCapture(transformer, (3,), rows=slice(1, 2)) as capture:
        transformer(**call)
    torch.testing.assert_close(capture.stacked(), whole[:, 1:, :, :1].mean(dim=2))


def test_maps_stay_those_of_the_forward_pass_when_checkpoints_recompute(inputs):
    transformer, call = inputs
    transformer.enable_gradient_checkpointing()
    with TargetAttentionCapture(transformer, (3,)) as capture:
        transformer(**call)
        before = dict(capture.maps)
        capture.stacked().sum().backward()
        assert all(capture.maps[b] is before[b] for b in before)
        transformer(**call)
        assert all(capture.maps[b] is not before[b] for b in before)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_attention_loss_alone_moves_lora_weights(inputs, checkpointing):
    from peft import LoraConfig

    transformer, call = inputs
    transformer.requires_grad_(False)
    transformer.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    transformer.double()
    if checkpointing:
        transformer.enable_gradient_checkpointing()
        call["hidden_states"].requires_grad_()
    _, gradients = maps_and_gradients(transformer, call, lambda maps: maps.sum(), token_indices=(3,))
    assert any(g.abs().max() > 0 for n, g in gradients.items() if "to_q.lora_B" in n)


def test_reentrant_checkpointing_is_refused(inputs):
    from torch.utils.checkpoint import checkpoint

    transformer, call = inputs

    def reentrant(function, *args):
        return checkpoint(function, *args, use_reentrant=True)

    transformer.enable_gradient_checkpointing(reentrant)
    with TargetAttentionCapture(transformer, (3,)), pytest.raises(VideoError, match="re-entrant"):
        transformer(**call)


def test_fused_projections_are_refused(inputs):
    transformer, _ = inputs
    transformer.fuse_qkv_projections()
    with pytest.raises(VideoError, match="FusedCogVideoX"), TargetAttentionCapture(transformer, (3,)):
        pass


def test_step_caching_is_refused(inputs):
    from diffusers import FirstBlockCacheConfig

    transformer, _ = inputs
    transformer.enable_cache(FirstBlockCacheConfig(threshold=0.1))
    with pytest.raises(VideoError, match="caching"), TargetAttentionCapture(transformer, (3,)):
        pass


@pytest.mark.parametrize(
    "options, quoted",
    [
        ({"blocks": (1, 42)}, "42"),
        ({"blocks": ()}, "[]"),
        ({"frames": "last"}, "'last'"),
        ({"reduction": "max"}, "'max'"),
        ({"direction": "v2v"}, "'v2v'"),
        ({"token_indices": ()}, "at least one"),
    ],
)
def test_bad_options_are_named(inputs, options, quoted):
    with pytest.raises(InputError) as error:
        TargetAttentionCapture(inputs[0], **({"token_indices": (3,)} | options))
    assert quoted in str(error.value)


def test_token_outside_the_text_is_refused(inputs):
    transformer, call = inputs
    with TargetAttentionCapture(transformer, (TEXT_LENGTH,)), pytest.raises(InputError, match=str(TEXT_LENGTH)):
        transformer(**call)
