import pytest
import torch
from tiny_model import NUM_BLOCKS, TEXT_LENGTH, TEXT_WIDTH, tiny_transformer

from tavid_planner.errors import InputError, VideoError
from tavid_planner.video import attention_share
from tavid_planner.video.attention import AttentionCapture, PropagationMaps, TargetAttentionCapture, TextMaps
from tavid_planner.video.attention_share import key_shares, mean_products, row_means

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


def key_shares_naive(query, key, groups):  # (B, heads, Q, D), (B, heads, N, D), (B, K, N)
    return torch.einsum("bhqn,bkn->bhkq", naive_maps(query, key), groups.to(query.dtype))


def row_means_naive(query, key, weights, columns=slice(None)):  # weights (B, K, Q)
    weights = weights.to(query.dtype)
    total = weights.sum(dim=-1, keepdim=True)
    share = torch.where(total > 0, weights / total, 0.0)
    return torch.einsum("bkq,bhqn->bhkn", share, naive_maps(query, key))[..., columns]


@pytest.fixture
def materialised(monkeypatch):
    """Lets the captures of a test compute their maps through the whole attention matrix."""

    def switch():
        monkeypatch.setattr(attention_share, "key_shares", key_shares_naive)
        monkeypatch.setattr(attention_share, "row_means", row_means_naive)

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
def test_key_shares_in_every_precision(dtype, limit):
    query, key = (torch.randn(2, 3, n, 16, dtype=torch.float64) for n in (7, 50))
    groups = torch.rand(2, 20, 50) < 0.1  # more groups than a head is wide
    shares = key_shares(query.to(dtype), key.to(dtype), groups)
    assert (shares.double() - key_shares_naive(query, key, groups)).abs().max() <= limit


@pytest.mark.parametrize("dtype, limit", [(torch.float64, 1e-10), (torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
def test_row_means_in_every_precision(dtype, limit, monkeypatch):
    monkeypatch.setattr(attention_share, "ROWS_A_CHUNK", 4)
    query, key = (torch.randn(2, 3, n, 16, dtype=torch.float64) for n in (23, 50))
    weights = torch.rand(2, 2, 23, dtype=torch.float64) * (torch.rand(2, 2, 23) < 0.5)
    means = row_means(query.to(dtype), key.to(dtype), weights.to(dtype), slice(5, 40))
    assert (means.double() - row_means_naive(query, key, weights, slice(5, 40))).abs().max() <= limit


def test_row_means_are_distributions_and_zero_without_rows():
    query, key = torch.randn(2, 2, 3, 20, 8).unbind(1)
    weights = torch.zeros(2, 2, 20)
    weights[:, 0, 4:6] = 1
    sums = row_means(query, key, weights).sum(dim=-1)
    torch.testing.assert_close(sums[:, :, 0], torch.ones(2, 3))
    assert (sums[:, :, 1] == 0).all() and (row_means(query, key, weights * 0) == 0).all()


def test_mean_products_are_those_over_the_whole_width_in_the_mean_of_heads():
    query, key = (torch.randn(2, 3, n, 16, dtype=torch.float64) for n in (7, 50))
    weights = torch.rand(2, 4, 50, dtype=torch.float64) * (torch.rand(2, 4, 50) < 0.3)
    weights[:, 3] = 0
    wide = (x.transpose(1, 2).flatten(2) for x in (query, key))
    products = torch.einsum("bqc,bnc->bqn", *wide) / (3 * 16) ** 0.5
    share = weights / weights.sum(-1, keepdim=True).clamp(min=1e-300)
    plain = torch.einsum("bkn,bqn->bkq", share, products)
    assert (mean_products(query, key, weights).mean(1) - plain).abs().max() <= 1e-10


@pytest.mark.parametrize("direction", ["v2t", "t2v"])
def test_products_are_of_the_same_tokens_as_attention(inputs, monkeypatch, direction):
    """With weights in place of products and of attention, both kinds of maps are of the same queries and keys."""

    def of_groups(query, key, weights):
        share = weights.to(key.dtype) / weights.sum(-1, keepdim=True).clamp(min=1)
        return torch.einsum("bkn,bhnd,bhqd->bhkq", share, key, query)

    monkeypatch.setattr(attention_share, "mean_products", of_groups)
    monkeypatch.setattr(attention_share, "key_shares", of_groups)
    monkeypatch.setattr(
        attention_share, "row_means", lambda query, key, weights, columns: of_groups(key[:, :, columns], query, weights)
    )
    transformer, call = inputs
    words, first = ((2, 3), (5,)), MATRIX_REQUESTS[2][0].first_frame.clamp(max=1).ceil()

    def maps(products):
        wanted = {
            0: [TextMaps((words, words), direction, products=products), PropagationMaps(first, products=products)]
        }
        with torch.no_grad(), AttentionCapture(transformer, wanted) as capture:
            transformer(**call)
        return capture.stacked("text"), capture.stacked("propagation")

    for ours, attention in zip(maps(True), maps(False)):
        torch.testing.assert_close(ours, attention)


MATRIX_REQUESTS = {  # three words over all frames, and two instances' first frame
    0: (TextMaps((((1,), (2, 3), (5,)), ((4,), (6,), (7, 8)))),),
    2: (PropagationMaps(torch.tensor([[[[1, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 0.5, 1]]]] * 2, dtype=torch.float64)),),
}


@pytest.mark.parametrize("checkpointing", [False, True])
def test_several_requests_and_their_gradients_equal_the_materialised_ones(inputs, materialised, checkpointing):
    transformer, call = inputs
    if checkpointing:
        transformer.enable_gradient_checkpointing()

    def run():
        transformer.zero_grad()
        with AttentionCapture(transformer, MATRIX_REQUESTS) as capture:
            transformer(**call)
            text, propagation = capture.stacked("text"), capture.stacked("propagation")
            (100 * ((text**2).sum() + (propagation**2).sum())).backward()
        return text.detach(), propagation.detach(), [p.grad for p in transformer.parameters() if p.grad is not None]

    text, propagation, gradients = run()
    gradients = [g.clone() for g in gradients]
    assert text.shape == (1, 2, 3, 3, 2, 3) and propagation.shape == (1, 2, 2, 3, 2, 3)
    transformer.disable_gradient_checkpointing()
    materialised()
    for ours, plain in zip((text, propagation, *gradients), (*run()[:2], *run()[2]), strict=True):
        assert (ours - plain).abs().max() <= 1e-10


def test_maps_can_be_streamed_without_being_kept(inputs):
    transformer, call = inputs
    seen = []
    with AttentionCapture(transformer, MATRIX_REQUESTS, on_map=lambda *found: seen.append(found)) as capture:
        transformer(**call)
    assert [(block, name) for block, name, _ in seen] == [(0, "text"), (2, "propagation")] and not capture.maps


def test_instances_of_another_size_are_refused(inputs):
    transformer, call = inputs
    request = PropagationMaps(torch.ones(2, 1, 3, 3))
    with AttentionCapture(transformer, {1: (request,)}), pytest.raises(InputError, match="2x3 tokens"):
        transformer(**call)


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
