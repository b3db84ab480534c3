"""What a LoRA's tensors may be: other kinds of adapters and implausible numbers are named, whatever their keys."""

import pytest
import torch

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.lora_names import read_layers


def layers_of(changes: dict):
    """A LoRA of rank 4 for one layer of 8 to 6 features, with changes to its tensors."""
    transformer = torch.nn.ModuleDict({"proj": torch.nn.Linear(8, 6)})
    plain = {"proj.lora_A.weight": torch.ones(4, 8), "proj.lora_B.weight": torch.ones(6, 4)}
    return read_layers(plain | changes, transformer, "a.safetensors")


@pytest.mark.parametrize(
    "key, kind",
    [
        ("lora_te_encoder_block_0_layer_0_SelfAttention_q.lora_down.weight", "a LoRA of the text encoder"),
        ("text_encoder.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight", "a LoRA of the text encoder"),
        ("proj.hada_w1_a", "LoHa"),
        ("proj.lokr_w1", "LoKr"),
        ("base_model.model.proj.modules_to_save.weight", "whole weights"),
    ],
)
def test_another_kind_of_adapter_is_called_by_its_kind(key, kind):
    with pytest.raises(VideoError, match=f"holds {kind}.*only LoRA and DoRA of the transformer are"):
        layers_of({key: torch.ones(6)})


def test_a_dora_of_8_bits_is_read():
    plain = {"proj.lora_magnitude_vector": torch.full((6,), 1.5)}
    small = {name: value.to(torch.float8_e4m3fn) for name, value in plain.items()}
    assert layers_of(small).weights["proj.lora_magnitude_vector"].float().tolist() == [1.5] * 6


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"proj.lora_A.weight": torch.ones(6, 4), "proj.lora_B.weight": torch.ones(4, 8)}, "exchanged or transposed"),
        ({"proj.lora_A.weight": torch.ones(8, 4), "proj.lora_B.weight": torch.ones(4, 6)}, "exchanged or transposed"),
        ({"proj.lora_A.weight": torch.full((4, 8), torch.nan)}, "lora_A of proj holds something other than finite"),
        ({"proj.lora_B.weight": torch.ones(6, 4, dtype=torch.int32)}, r"lora_B of proj holds .* \(int32\)"),
        ({"proj.lora_A.weight": torch.ones(0, 8), "proj.lora_B.weight": torch.ones(6, 0)}, "rank 0"),
        ({"proj.lora_B.bias": torch.ones(3)}, "the bias of proj has the shape"),
        ({"proj.lora_B.bias": torch.full((6,), torch.inf)}, "the bias of proj holds something other than finite"),
        ({"proj.lora_B.bias": torch.ones(6, dtype=torch.int32)}, r"the bias of proj holds .* \(int32\)"),
        ({"proj.lora_magnitude_vector": torch.ones(8)}, r"the magnitude of proj is \(8,\), not .* 6 outputs"),
        ({"lora_unet_proj.dora_scale": torch.ones(1, 6)}, "the magnitude of proj"),
        ({"proj.lora_magnitude_vector": torch.zeros(6)}, "the magnitude of proj holds something other than positive"),
        ({"proj.alpha": torch.tensor(1e30)}, "alpha of proj"),
        ({"proj.alpha": torch.ones(4)}, "alpha of proj"),
    ],
)
def test_implausible_weights_are_named(changes, said):
    with pytest.raises(VideoError, match=said) as error:
        layers_of(changes)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
