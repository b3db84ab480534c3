"""Configuration and weights of a LoRA that are not of one training are noticed, whatever part differs."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file
from test_adapter import run

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.adapter import LORA_FILE, METADATA_KEY, PEFT_CONFIG, PEFT_FILE, load_adapter, save_adapter
from tavid_planner.video.loras import load_loras
from tavid_planner.video.named_loras import NamedLora

CONV = "patch_embed_conv2d.safetensors"
TO_Q = "transformer_blocks.0.attn1.to_q"
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]


@pytest.fixture
def transformers(tiny_base):
    from diffusers import CogVideoXTransformer3DModel

    return [CogVideoXTransformer3DModel.from_pretrained(tiny_base, subfolder="transformer") for _ in range(2)]


@pytest.fixture
def with_config(tmp_path, tiny_adapter):
    """The tiny adapter, of rank 4 and alpha 2 on all attention layers, in peft's layout with another configuration."""

    def write(config, more=None):
        folder = shutil.copytree(tiny_adapter, tmp_path / "adapter")
        tensors = load_file(folder / LORA_FILE)
        (folder / LORA_FILE).unlink()
        renamed = {f"base_model.model.{key.removeprefix('transformer.')}": value for key, value in tensors.items()}
        save_file(renamed | (more(renamed) if more else {}), folder / PEFT_FILE)
        common = {"peft_type": "LORA", "r": 4, "lora_alpha": 2, "target_modules": ATTENTION}
        (folder / PEFT_CONFIG).write_text(json.dumps(common | config))
        return folder

    return write


def stored_alphas(tensors):
    return {k.replace("lora_A.weight", "alpha"): v.new_tensor(2.0) for k, v in tensors.items() if "lora_A" in k}


@pytest.mark.parametrize(
    "config, more",
    [
        ({}, None),
        ({"r": 8, "rank_pattern": dict.fromkeys(ATTENTION, 4)}, None),
        ({"target_modules": [f"pipe.dit.{TO_Q}", *ATTENTION]}, None),
        ({"target_modules": r".*attn1\.to_.*"}, None),
        ({"target_modules": "all-linear"}, None),
        ({"target_modules": [*ATTENTION, "no_such_layer_here"]}, None),
        ({"target_modules": [*ATTENTION, "net.2"], "exclude_modules": ["net.2"]}, None),
        ({}, stored_alphas),
    ],
)
def test_what_agrees_is_loaded_with_its_scale(with_config, transformers, config, more):
    assert load_adapter(transformers[0], with_config(config, more)).scales == (0.5, 0.5)


@pytest.mark.parametrize(
    "config, more, said",
    [
        ({"r": 8}, None, "the rank of transformer_blocks.0.attn1.to_k is 4 in its weights and 8 there"),
        ({"r": "four"}, None, "is 4 in its weights and 'four' there"),
        ({"rank_pattern": {TO_Q: 8}}, None, f"the rank of {TO_Q} is 4 in its weights and 8 there"),
        ({"lora_alpha": 8}, stored_alphas, "alpha of transformer_blocks.0.attn1.to_k is 2 in its weights and 8 there"),
        ({"target_modules": ["to_k", "to_v"]}, None, "attn1.to_out.0 has weights, but is none of the target_modules"),
        ({"target_modules": [*ATTENTION, "net.2"]}, None, "no layer has weights that its target_modules call 'net.2'"),
    ],
)
def test_what_contradicts_itself_is_refused_and_nothing_is_changed(with_config, transformers, config, more, said):
    folder = with_config(config, more)
    for load in (load_adapter, lambda model, place: load_loras(model, (NamedLora("style", str(place)),))):
        with pytest.raises(VideoError, match=said) as error:
            load(transformers[0], folder)
        assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE and PEFT_FILE in error.value.message
    assert transformers[0].config.in_channels == 32 and not hasattr(transformers[0], "peft_config")


def test_an_alpha_that_is_asked_for_needs_no_agreement(with_config, transformers):
    assert load_adapter(transformers[0], with_config({"lora_alpha": 8}, stored_alphas), 1.0).scales == (0.25, 0.25)


@pytest.mark.parametrize("name, value", [("rank", 8), ("alpha", 4.0), ("rank", [4])])
def test_a_convolution_and_a_lora_of_two_trainings_are_refused(tmp_path, tiny_adapter, transformers, name, value):
    folder = shutil.copytree(tiny_adapter, tmp_path / "adapter")
    facts = {"trigger": "target", "rank": 4, "alpha": 2.0} | {name: value}
    save_file(load_file(folder / CONV), folder / CONV, metadata={METADATA_KEY: json.dumps(facts)})
    with pytest.raises(VideoError, match=f"{CONV} was saved with a LoRA of {name} ") as error:
        load_adapter(transformers[0], folder)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE and transformers[0].config.in_channels == 32


def test_layers_with_ranks_and_alphas_of_their_own_keep_them_when_they_are_saved(tmp_path, tiny_adapter, transformers):
    folder = shutil.copytree(tiny_adapter, tmp_path / "adapter")
    tensors = load_file(folder / LORA_FILE)
    first, second = (f"transformer.transformer_blocks.0.attn1.{name}" for name in ("to_q", "to_k"))
    tensors |= {f"{layer}.alpha": tensors[f"{layer}.lora_A.weight"].new_tensor(2.0) for layer in lora_layers(tensors)}
    tensors[f"{first}.alpha"] *= 4
    tensors |= {f"{second}.lora_A.weight": tensors[f"{second}.lora_A.weight"][:1].contiguous()}
    tensors |= {f"{second}.lora_B.weight": tensors[f"{second}.lora_B.weight"][:, :1].contiguous()}
    save_file(tensors, folder / LORA_FILE)
    before = load_adapter(transformers[0], folder)
    save_adapter(tmp_path / "again", transformers[0], 4, 2.0, "target")
    after = load_adapter(transformers[1], tmp_path / "again")
    assert before.scales == after.scales == (0.5, 2.0)
    assert (run(transformers[1], 33) - run(transformers[0], 33)).abs().max() < 1e-6


def lora_layers(tensors):
    return [key.removesuffix(".lora_A.weight") for key in tensors if key.endswith(".lora_A.weight")]
