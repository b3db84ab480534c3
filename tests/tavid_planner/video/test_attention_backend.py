"""Attention by other kernels, and compiled blocks: the same numbers."""

import pytest

from hoi_motion.progress import CancelToken
from tavid_planner.config import VideoConfig
from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.video import TargetAwarePipeline
from tavid_planner.video.attention import TargetAttentionCapture
from tavid_planner.video.compiled import compile_blocks


def test_another_kernel_gives_the_same_frames_and_maps(load, generate_wide, monkeypatch):
    import diffusers.models.attention_dispatch as dispatch

    asked, ask = [], dispatch.dispatch_attention_fn
    plain, other = load(), load(attention="math")
    expected = generate_wide(plain, capture_attention=True)
    monkeypatch.setattr(dispatch, "dispatch_attention_fn", lambda *a, **k: asked.append(k["backend"]) or ask(*a, **k))
    found, without = generate_wide(other, capture_attention=True), generate_wide(other)
    assert set(asked) == {"_native_math"}
    assert abs(found.frames - expected.frames).max() <= 1e-5
    assert abs(without.frames - expected.frames).max() <= 1e-5
    assert (found.target_attention - expected.target_attention).abs().max() <= 1e-6


@pytest.mark.parametrize("name, quoted", [("flash", "flash-attn"), ("fast", "torch, math")])
def test_an_unavailable_kernel_is_named(load, name, quoted):
    with pytest.raises(InputError, match=repr(name)) as error:
        load(attention=name)
    assert error.value.code is ErrorCode.CONFIG_INVALID and quoted in str(error.value)


def test_a_kernel_that_cannot_compute_here_is_refused_before_a_plan(load):
    with pytest.raises(InputError, match="'efficient', which cannot compute float32 on cpu: .* - use torch") as error:
        load(attention="efficient")
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_compiled_blocks_give_the_same_frames_and_those_that_are_captured_exact_maps(load, generate_wide):
    """Traced as for compiling, but computed by the same kernels."""
    compiled = load()
    compile_blocks(compiled.backbone.blocks, backend="eager")
    expected = generate_wide(load(), capture_attention=True)
    assert abs(generate_wide(compiled).frames - expected.frames).max() <= 1e-5
    found = generate_wide(compiled, capture_attention=True)
    assert (found.target_attention - expected.target_attention).abs().max() <= 1e-6
    blocks = compiled.backbone.blocks
    with TargetAttentionCapture(compiled.transformer, (2,), blocks=[0]):
        assert "forward" not in blocks[0].__dict__ and "forward" in blocks[1].__dict__
    assert "forward" in blocks[0].__dict__


def test_blocks_that_cannot_be_compiled_are_refused_with_the_option(tiny_base, tiny_adapter, generate_wide):
    def without_compiler(graph, inputs):
        raise RuntimeError("no working C++ compiler found")

    compiled = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter)
    compile_blocks(compiled.backbone.blocks, backend=without_compiler)
    with pytest.raises(InputError, match="no working C.. compiler found.*video.compiled=false") as error:
        generate_wide(compiled)
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_cancel_takes_effect_inside_a_step_of_compiled_blocks(tiny_base, tiny_adapter, generate_wide):
    compiled, token = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter), CancelToken()
    compile_blocks(compiled.backbone.blocks, backend="eager")
    compiled.backbone.blocks[0].register_forward_hook(lambda *_: token.cancel())
    calls = []
    compiled.backbone.blocks[1].register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(ControlError):
        generate_wide(compiled, cancel=token)
    assert not calls


@pytest.mark.parametrize(
    "options",
    [
        dict(compiled=True, memory="group"),
        dict(decode_beside=True, memory="model"),
        dict(compiled=True, step_cache="first_block", capture_attention=False),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_loaded(options):
    with pytest.raises(InputError, match="cannot be combined") as error:
        VideoConfig(**options)
    assert error.value.code is ErrorCode.CONFIG_INVALID
