"""The maps of a Wan transformer against attention that is written out: projections, norms, positions, softmax."""

import pytest
import torch
from tiny_model import TEXT_WIDTH
from tiny_wan import IMAGE_WIDTH, WAN_BLOCKS, tiny_wan_transformer

from tavid_planner.errors import InputError, VideoError
from tavid_planner.video.attention import AttentionCapture, PropagationMaps, TargetAttentionCapture, TextMaps
from tavid_planner.video.backbone import backbone_of

# tokens
FRAMES = 2
HEIGHT = 2
WIDTH = 3
TEXT_LENGTH = {"ti2v": 20, "i2v": 512}
MARKED = torch.tensor([[[[1, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 0.5, 1]]]] * 2)
WORDS = (((1,), (2, 3)), ((4,), (5, 6)))


@pytest.fixture(params=["ti2v", "i2v"])
def kind(request):
    return request.param


def prepared(kind, dtype=torch.float32):
    """A transformer with norms that do something, and a call of it."""
    torch.manual_seed(0)
    transformer = tiny_wan_transformer(kind).to(dtype).train()
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if "norm_q" in name or "norm_k" in name:
                parameter.add_(torch.randn_like(parameter))
    call = dict(
        hidden_states=torch.randn(2, transformer.config.in_channels, FRAMES, 2 * HEIGHT, 2 * WIDTH, dtype=dtype),
        encoder_hidden_states=torch.randn(2, TEXT_LENGTH[kind], TEXT_WIDTH, dtype=dtype),
        timestep=torch.tensor([400, 10]),
        return_dict=False,
    )
    if kind == "ti2v":
        call["timestep"] = torch.cat([torch.zeros(2, 6), torch.tensor([[400.0], [10.0]]).expand(2, 6)], dim=1)
    else:
        call["encoder_hidden_states_image"] = torch.randn(2, 4, IMAGE_WIDTH, dtype=dtype)
    return transformer, call


def turned(x, cos, sin):  # (B, N, heads, D), each (1, N, 1, D): pairs of neighbours as complex numbers
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    turns = torch.complex(cos[..., ::2], sin[..., ::2]).to(pairs.dtype)
    return torch.view_as_real(pairs * turns).flatten(-2)


def softmax_of(attention, video, keys_of, rotary=None):  # (B, heads, Q, N)
    query = attention.norm_q(attention.to_q(video)).unflatten(2, (attention.heads, -1))
    key = attention.norm_k(attention.to_k(keys_of)).unflatten(2, (attention.heads, -1))
    if rotary is not None:
        query, key = turned(query, *rotary), turned(key, *rotary)
    return (torch.einsum("bqhd,bnhd->bhqn", query, key) * query.shape[-1] ** -0.5).softmax(-1)


def plain_maps(transformer, call, text_length):
    """V2T of WORDS and V2V of MARKED (blocks, B, K, F, h, w), from what each block's attentions read."""
    seen = {}
    hooks = [
        attention.register_forward_pre_hook(lambda module, args, at=(b, name): seen.__setitem__(at, args))
        for b, block in enumerate(transformer.blocks)
        for name, attention in (("self", block.attn1), ("cross", block.attn2))
    ]
    transformer(**call)
    for hook in hooks:
        hook.remove()
    text_maps, video_maps = [], []
    for b, block in enumerate(transformer.blocks):
        video, text = seen[b, "cross"][:2]
        shares = softmax_of(block.attn2, video, text[:, -text_length:]).mean(1)  # (B, Q, N)
        rows = [torch.stack([shares[r][:, list(g)].sum(-1) for g in groups]) for r, groups in enumerate(WORDS)]
        text_maps.append(torch.stack(rows).unflatten(-1, (FRAMES, HEIGHT, WIDTH)))
        video, _, _, rotary = seen[b, "self"]
        first = softmax_of(block.attn1, video, video, rotary).mean(1)[:, : HEIGHT * WIDTH]
        weights = MARKED.flatten(2) / MARKED.flatten(2).sum(-1, keepdim=True)
        video_maps.append((weights.to(first) @ first).unflatten(-1, (FRAMES, HEIGHT, WIDTH)))
    return torch.stack(text_maps), torch.stack(video_maps)


def gradients_of(transformer, maps):
    transformer.zero_grad()
    sum((m**2).sum() for m in maps).backward()
    return {n: p.grad.clone() for n, p in transformer.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("checkpointing", [False, True])
def test_maps_and_gradients_equal_plain_attention(kind, checkpointing):
    transformer, call = prepared(kind)
    requests = {b: (TextMaps(WORDS, name="v2t"), PropagationMaps(MARKED, name="v2v")) for b in range(WAN_BLOCKS)}
    plain = plain_maps(transformer, call, TEXT_LENGTH[kind])
    expected = gradients_of(transformer, plain)
    if checkpointing:
        transformer.enable_gradient_checkpointing()
    with AttentionCapture(transformer, requests) as capture:
        transformer(**call)
        found = capture.stacked("v2t"), capture.stacked("v2v")
        gradients = gradients_of(transformer, found)
    for ours, theirs in zip(found, plain, strict=True):
        assert ours.shape == (WAN_BLOCKS, 2, 2, FRAMES, HEIGHT, WIDTH)
        assert (ours - theirs).abs().max() <= 1e-5
    assert gradients.keys() == expected.keys()
    assert all((gradients[n] - expected[n]).abs().max() <= 1e-5 for n in expected)
    assert max(g.abs().max() for n, g in gradients.items() if "attn2.to_q" in n) > 1e-6
    assert max(g.abs().max() for n, g in gradients.items() if "attn1.to_k" in n) > 1e-6


def test_capture_changes_no_output_and_puts_the_processors_back(kind):
    transformer, call = prepared(kind)
    processors = dict(transformer.attn_processors)
    plain = transformer(**call)[0]
    with TargetAttentionCapture(transformer, (3,), frames="all", reduction="none") as capture:
        captured = transformer(**call)[0]
    assert (plain - captured).abs().max() <= 1e-5
    assert dict(transformer.attn_processors) == processors
    assert capture.stacked().shape == (WAN_BLOCKS, 2, 2, FRAMES, HEIGHT, WIDTH)


def test_words_do_not_attend_to_the_video_in_cross_attention():
    transformer, call = prepared("ti2v")
    with TargetAttentionCapture(transformer, (3,), direction="t2v"), pytest.raises(InputError, match="'t2v'"):
        transformer(**call)


def test_fused_projections_are_refused():
    transformer, _ = prepared("ti2v")
    transformer.fuse_qkv_projections()
    with pytest.raises(VideoError, match="fused"), TargetAttentionCapture(transformer, (3,)):
        pass


def test_step_caching_is_refused():
    from diffusers import FirstBlockCacheConfig

    transformer, _ = prepared("ti2v")
    transformer.enable_cache(FirstBlockCacheConfig(threshold=0.1))
    with pytest.raises(VideoError, match="caching"), TargetAttentionCapture(transformer, (3,)):
        pass


def test_given_frames_are_clean_and_at_time_zero_where_there_is_an_image():
    backbone = backbone_of(tiny_wan_transformer("ti2v"))
    noisy, image = torch.randn(2, 3, 48, 2, 2), torch.randn(2, 48, 2, 2)
    has_image = torch.tensor([True, False])
    inputs = backbone.inputs(noisy, backbone.first_frame(image, 3), None, has_image)
    times = backbone.frame_times(torch.tensor([500.5, 300.0]), 3, has_image)
    assert torch.equal(inputs[0, 0], image[0]) and torch.equal(inputs[1], noisy[1])
    assert torch.equal(inputs[0, 1:], noisy[0, 1:])
    assert times.tolist() == [[0.0, 500.5, 500.5], [300.0, 300.0, 300.0]]
