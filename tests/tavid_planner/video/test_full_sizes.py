"""Adapters of full-size models: every key of their files finds its layer, on transformers without values."""

import pytest
import torch
from diffusers import CogVideoXTransformer3DModel, WanTransformer3DModel
from safetensors import safe_open
from safetensors.torch import save_file

from tavid_planner.video.adapter import ADAPTER_NAME, LORA_FILE, load_adapter
from tavid_planner.video.backbone import backbone_of
from training.memory import FULL_SIZE

# as the published configs have them
COGVIDEOX_5B = FULL_SIZE
COGVIDEOX_1_5_5B = COGVIDEOX_5B | dict(
    sample_width=300,
    sample_height=300,
    sample_frames=81,
    patch_size_t=2,
    ofs_embed_dim=512,
    patch_bias=False,
    use_learned_positional_embeddings=False,
)
WAN_2_2_TI2V_5B = dict(
    num_attention_heads=24,
    attention_head_dim=128,
    in_channels=48,
    out_channels=48,
    text_dim=4096,
    ffn_dim=14336,
    num_layers=30,
)
WAN_2_1_I2V_14B = dict(
    num_attention_heads=40,
    attention_head_dim=128,
    in_channels=36,
    out_channels=16,
    text_dim=4096,
    ffn_dim=13824,
    num_layers=40,
    image_dim=1280,
    added_kv_proj_dim=5120,
)
# transformer, its billions of parameters, attentions a block, shape of the widened embedding
MODELS = {
    "CogVideoX 5B I2V": (CogVideoXTransformer3DModel, COGVIDEOX_5B, 5.6, 1, (3072, 33, 2, 2)),
    "CogVideoX 1.5 5B I2V": (CogVideoXTransformer3DModel, COGVIDEOX_1_5_5B, 5.6, 1, (3072, 264)),
    "Wan 2.2 TI2V 5B": (WanTransformer3DModel, WAN_2_2_TI2V_5B, 5.0, 2, (3072, 49, 1, 2, 2)),
    "Wan 2.1 I2V 14B": (WanTransformer3DModel, WAN_2_1_I2V_14B, 16.4, 2, (5120, 37, 1, 2, 2)),
}


@pytest.mark.filterwarnings("ignore:for .*copying from a non-meta parameter")
@pytest.mark.parametrize("name", MODELS)
def test_every_key_of_an_adapter_is_used_and_no_layer_is_left(name, tmp_path):
    kind, config, billions, attentions, shape = MODELS[name]
    with torch.device("meta"):
        transformer = kind(**config)
    assert sum(p.numel() for p in transformer.parameters()) / 1e9 == pytest.approx(billions, abs=0.1)
    backbone = backbone_of(transformer)
    layers = backbone.layers_with_lora(range(len(backbone.blocks)))
    assert len(layers) == 4 * attentions * len(backbone.blocks)
    lora = {}
    for layer in layers:
        linear = transformer.get_submodule(layer)
        lora[f"transformer.{layer}.lora_A.weight"] = torch.zeros(1, linear.in_features)
        lora[f"transformer.{layer}.lora_B.weight"] = torch.zeros(linear.out_features, 1)
    save_file(lora, tmp_path / LORA_FILE)
    conv = {n: torch.zeros(s) for n, s in backbone.embedding_shapes(1).items()}
    assert conv["weight"].shape == shape
    save_file(conv, tmp_path / f"{backbone.patch_file}.safetensors")

    load_adapter(transformer, tmp_path)
    injected = {n for n, _ in transformer.named_parameters() if f".{ADAPTER_NAME}." in n}
    with safe_open(tmp_path / LORA_FILE, "pt") as file:
        wanted = {k.removeprefix("transformer.").replace(".weight", f".{ADAPTER_NAME}.weight") for k in file.keys()}
    assert injected == wanted
    assert backbone.embedding.weight.shape == shape and backbone.extra_channels == 1
