"""LoRAs of distilled models under Wan's own names: beside the LoRA they change biases, norms and modulation."""

import pytest
import torch
from safetensors.torch import save_file
from tiny_wan import tiny_wan_transformer

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.adapter import LORA_FILE
from tavid_planner.video.backbone import backbone_of
from tavid_planner.video.loras import fuse_loras, load_loras
from tavid_planner.video.named_loras import NamedLora

# names in Wan's own repository and in diffusers
CHANGES = {
    "blocks.0.self_attn.q.diff_b": "blocks.0.attn1.to_q.bias",
    "blocks.0.self_attn.norm_q.diff": "blocks.0.attn1.norm_q.weight",
    "blocks.1.cross_attn.norm_k_img.diff": "blocks.1.attn2.norm_added_k.weight",
    "blocks.1.norm3.diff_b": "blocks.1.norm2.bias",
    "blocks.1.diff_m": "blocks.1.scale_shift_table",
    "head.diff_m": "scale_shift_table",
    "head.head.diff": "proj_out.weight",
    "img_emb.proj.0.diff": "condition_embedder.image_embedder.norm1.weight",
    "img_emb.proj.4.diff_b": "condition_embedder.image_embedder.norm2.bias",
    "patch_embedding.diff_b": "patch_embedding.bias",
}
LAYER = "blocks.0.attn1.to_q"


@pytest.fixture
def transformers():
    torch.manual_seed(0)
    found = [tiny_wan_transformer("i2v").eval() for _ in range(2)]
    found[1].load_state_dict(found[0].state_dict())
    return found


def said(transformer):
    generator = torch.Generator().manual_seed(0)
    channels = transformer.config.in_channels
    return transformer(
        hidden_states=torch.randn(1, channels, 1, 4, 4, generator=generator),
        timestep=torch.tensor([500.0]),
        encoder_hidden_states=torch.randn(1, 512, 16, generator=generator),
        encoder_hidden_states_image=torch.randn(1, 5, 8, generator=generator),
        return_dict=False,
    )[0]


def write(folder, tensors):
    folder.mkdir()
    save_file({f"diffusion_model.{name}": value for name, value in tensors.items()}, folder / LORA_FILE)
    return NamedLora("fast", str(folder), 0.5)


def plain(transformer, name):
    return dict(transformer.named_parameters())[name]


@torch.no_grad()
@pytest.mark.parametrize("fuse", [False, True])
def test_lora_and_whole_changes_are_added_with_the_weight(tmp_path, transformers, fuse):
    loaded, changed = transformers
    down, up = torch.randn(2, 24), torch.randn(24, 2)
    tensors = {"blocks.0.self_attn.q.lora_down.weight": down, "blocks.0.self_attn.q.lora_up.weight": up}
    tensors["head.head.lora_down.weight"] = torch.randn(2, 24)
    tensors["head.head.lora_up.weight"] = torch.randn(64, 2)
    plain(changed, f"{LAYER}.weight").add_(up @ down, alpha=0.5)
    product = tensors["head.head.lora_up.weight"] @ tensors["head.head.lora_down.weight"]
    plain(changed, "proj_out.weight").add_(product, alpha=0.5)
    for name, ours in CHANGES.items():
        tensors[name] = torch.randn(plain(changed, ours).shape)
        plain(changed, ours).add_(tensors[name], alpha=0.5)
    # a text-to-video model's change of the embedding: of the noise's channels alone
    tensors["patch_embedding.diff"] = torch.randn(plain(changed, "patch_embedding.weight")[:, :16].shape)
    plain(changed, "patch_embedding.weight")[:, :16].add_(tensors["patch_embedding.diff"], alpha=0.5)
    backbone_of(loaded).widen()
    loaded.patch_embedding.weight[:, -1] = 0
    without = said(changed)
    load_loras(loaded, (write(tmp_path / "lora", tensors),))
    if fuse:
        fuse_loras(loaded)
    channels = loaded.config.in_channels - 1
    loaded.patch_embedding.weight = torch.nn.Parameter(loaded.patch_embedding.weight[:, :channels])
    loaded.register_to_config(in_channels=channels)
    torch.testing.assert_close(said(loaded), without)


@torch.no_grad()
def test_a_file_of_whole_changes_alone_is_read(tmp_path, transformers):
    loaded, changed = transformers
    bias = torch.randn(24)
    plain(changed, f"{LAYER}.bias").add_(bias, alpha=0.5)
    load_loras(loaded, (write(tmp_path / "lora", {"blocks.0.self_attn.q.diff_b": bias}),))
    torch.testing.assert_close(said(loaded), said(changed))


@pytest.mark.parametrize(
    "name, value, quoted",
    [
        ("blocks.0.self_attn.q.diff_b", torch.ones(7), r"is \(7,\), the transformer has \(24,\)"),
        ("blocks.0.self_attn.q.diff_b", torch.full((24,), torch.inf), "other than finite numbers"),
        ("blocks.9.self_attn.q.diff_b", torch.ones(24), "does not fit the base model.*names no layer"),
        ("blocks.0.self_attn.far.diff_b", torch.ones(24), "does not fit the base model.*names no layer"),
    ],
)
def test_a_change_that_cannot_be_added_is_named(tmp_path, transformers, name, value, quoted):
    with pytest.raises(VideoError, match=quoted) as error:
        load_loras(transformers[0], (write(tmp_path / "lora", {name: value}),))
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
