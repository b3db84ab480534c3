"""One LoRA under the names of many trainers is one function, and its scale is the one that was asked for."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_adapter import run

from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.adapter import LORA_FILE, PEFT_CONFIG, PEFT_FILE, load_adapter
from tavid_planner.video.loras import fuse_loras, load_loras
from tavid_planner.video.named_loras import NamedLora
from tavid_planner.video.pipeline import TargetAwarePipeline

OURS = "transformer."
CONV = "patch_embed_conv2d.safetensors"


def layer_and_part(key: str) -> tuple[str, str]:
    layer, _, part = key.removeprefix(OURS).rpartition(".lora_")
    return layer, {"A.weight": "down", "B.weight": "up"}[part]


def peft(layer, part):
    return f"base_model.model.{layer}.lora_{'AB'[part == 'up']}.weight"


def peft_with_name(layer, part):
    return f"base_model.model.transformer.{layer}.lora_{'AB'[part == 'up']}.default.weight"


def bare(layer, part):
    return f"{layer}.lora_{'AB'[part == 'up']}.weight"


def comfy(layer, part):
    return f"diffusion_model.{layer}.lora_{part}.weight"


def kohya(layer, part):
    return f"lora_unet_{layer.replace('.', '_')}.lora_{part}.weight"


def videox_fun(layer, part):
    return f"lora_unet__{layer.replace('.', '_')}.lora_{part}.weight"


def kohya_transformer(layer, part):
    return f"lora_transformer_{layer.replace('.', '_')}.lora_{part}.weight"


def old_diffusers(layer, part):
    layer = layer.removesuffix(".0").replace(".to_", ".processor.to_")
    return f"transformer.{layer}_lora.{part}.weight"


STYLES = (peft, peft_with_name, bare, comfy, kohya, videox_fun, kohya_transformer, old_diffusers)


@pytest.fixture
def transformers(tiny_base):
    from diffusers import CogVideoXTransformer3DModel

    return [CogVideoXTransformer3DModel.from_pretrained(tiny_base, subfolder="transformer") for _ in range(2)]


@pytest.fixture
def renamed(tmp_path, tiny_adapter):
    """The tiny adapter with other names; the alpha of its metadata, 2, is left out unless a style brings it along."""
    folder = shutil.copytree(tiny_adapter, tmp_path / "adapter")

    def write(style, file=LORA_FILE, alpha=None):
        tensors = {}
        for key, value in load_file(tiny_adapter / LORA_FILE).items():
            layer, part = layer_and_part(key)
            name = style(layer, part)
            tensors[name] = value
            if alpha is not None and part == "down":
                tensors[f"{name.partition('.lora_')[0]}.alpha"] = torch.tensor(float(alpha))
        (folder / LORA_FILE).unlink()
        save_file(tensors, folder / file)
        return folder

    return write


@pytest.mark.parametrize("style", STYLES)
def test_every_trainers_names_are_the_same_adapter(renamed, tiny_adapter, transformers, style):
    load_adapter(transformers[0], tiny_adapter)
    found = load_adapter(transformers[1], renamed(style), lora_alpha=2.0)
    assert found.rank == 4 and found.scales == (0.5, 0.5) and found.scale_words == "0.5 (alpha 2, rank 4)"
    torch.testing.assert_close(run(transformers[1], 33), run(transformers[0], 33))


@pytest.mark.parametrize("config, scale", [({"lora_alpha": 2}, 0.5), ({"lora_alpha": 1, "use_rslora": True}, 0.5)])
def test_pefts_config_gives_the_alpha(renamed, tiny_adapter, transformers, config, scale):
    folder = renamed(peft, PEFT_FILE)
    (folder / PEFT_CONFIG).write_text(json.dumps({"r": 4, "peft_type": "LORA"} | config))
    load_adapter(transformers[0], tiny_adapter)
    assert load_adapter(transformers[1], folder).scales == (scale, scale)
    torch.testing.assert_close(run(transformers[1], 33), run(transformers[0], 33))


@pytest.mark.parametrize("start", [True, "gaussian", "pissa_niter_16", "olora"])
def test_a_lora_whose_training_changed_the_base_too_is_refused(renamed, transformers, start):
    folder = renamed(peft, PEFT_FILE)
    config = {"r": 4, "peft_type": "LORA", "lora_alpha": 2, "init_lora_weights": start}
    (folder / PEFT_CONFIG).write_text(json.dumps(config))
    if start in (True, "gaussian"):
        assert load_adapter(transformers[0], folder).scales == (0.5, 0.5)
        return
    with pytest.raises(VideoError, match=f"initialised by '{start}'") as error:
        load_adapter(transformers[0], folder)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE


@pytest.mark.parametrize(
    "pattern",
    ["transformer_blocks.0.attn1.to_q", r"transformer_blocks\.0\.attn1\.to_q", "^transformer_blocks.0.attn1.to_q"],
)
def test_pefts_pattern_gives_a_layer_its_own_alpha(renamed, transformers, pattern):
    folder = renamed(peft, PEFT_FILE)
    config = {"r": 4, "peft_type": "LORA", "lora_alpha": 2, "alpha_pattern": {pattern: 4}}
    (folder / PEFT_CONFIG).write_text(json.dumps(config))
    assert load_adapter(transformers[0], folder).scales == (0.5, 1.0)


def test_a_lora_of_several_ranks_that_diffusers_has_saved_is_the_same(tiny_base, transformers, tmp_path):
    """It writes the alphas of those with patterns that begin with ^."""
    tensors = {}
    for rank, layer in enumerate(("transformer_blocks.0.attn1.to_q", "transformer_blocks.1.ff.net.2"), start=1):
        linear = transformers[0].get_submodule(layer)
        tensors[f"transformer.{layer}.lora_A.weight"] = torch.randn(rank, linear.in_features)
        tensors[f"transformer.{layer}.lora_B.weight"] = torch.randn(linear.out_features, rank)
    transformers[0].load_lora_adapter(tensors, adapter_name="x")
    transformers[0].save_lora_adapter(tmp_path / "lora", adapter_name="x")
    load_loras(transformers[1], (NamedLora("x", str(tmp_path / "lora")),))
    torch.testing.assert_close(run(transformers[1], 32), run(transformers[0], 32))


def test_a_pattern_for_no_layer_is_named_and_not_passed_over(renamed, transformers):
    folder = renamed(peft, PEFT_FILE)
    config = {"r": 4, "peft_type": "LORA", "lora_alpha": 2, "alpha_pattern": {"attn[12].to_q": 4}}
    (folder / PEFT_CONFIG).write_text(json.dumps(config))
    with pytest.raises(VideoError, match="no layer of it") as caught:
        load_adapter(transformers[0], folder)
    assert caught.value.code is ErrorCode.ADAPTER_INCOMPATIBLE


def test_kohyas_alpha_is_used_and_its_file_may_have_any_name(renamed, tiny_adapter, transformers):
    load_adapter(transformers[0], tiny_adapter)
    assert load_adapter(transformers[1], renamed(kohya, "my_lora.safetensors", alpha=2)).scales == (0.5, 0.5)
    torch.testing.assert_close(run(transformers[1], 33), run(transformers[0], 33))


def test_the_option_wins_over_what_the_file_says(renamed, transformers):
    assert load_adapter(transformers[0], renamed(kohya, alpha=2), lora_alpha=8).scales == (2.0, 2.0)


def test_without_any_alpha_the_scale_is_one(renamed, transformers):
    folder = renamed(bare)
    save_file(load_file(folder / CONV), folder / CONV)
    assert load_adapter(transformers[0], folder).scales == (1.0, 1.0)


def test_a_converted_lora_has_the_alpha_that_the_convolution_beside_it_states(renamed, transformers):
    assert load_adapter(transformers[0], renamed(bare)).scales == (0.5, 0.5)


def test_alphas_that_differ_between_layers_are_used_layer_by_layer(renamed, transformers):
    folder = renamed(kohya, alpha=2)
    tensors = load_file(folder / LORA_FILE)
    odd = sorted(name for name in tensors if name.endswith(".alpha"))[0]
    save_file(tensors | {odd: torch.tensor(4.0)}, folder / LORA_FILE)
    found = load_adapter(transformers[0], folder)
    scales = [m.scaling[name] for m in transformers[0].modules() if hasattr(m, "scaling") for name in m.scaling]
    assert found.scales == (0.5, 1.0) and scales.count(1.0) == 1 and set(scales) == {0.5, 1.0}


@pytest.mark.parametrize(
    "style",
    [
        lambda layer, part: f"model.layers.{layer.replace('.', '-')}.matrix_{part}.weight",
        lambda layer, part: f"lora_net_{layer.replace('.', '_')}.lora_{part}.weight",
    ],
)
def test_unknown_names_are_reported_as_such_and_the_base_model_is_not_blamed(renamed, transformers, style):
    with pytest.raises(VideoError, match="names its weights in an unknown way") as caught:
        load_adapter(transformers[0], renamed(style))
    assert caught.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
    assert "the names are unknown" in caught.value.hint and transformers[0].config.in_channels == 32


def test_a_layer_of_which_half_is_missing_is_named(renamed, transformers):
    folder = renamed(peft)
    tensors = load_file(folder / LORA_FILE)
    tensors.pop(sorted(tensors)[-1])
    save_file(tensors, folder / LORA_FILE)
    with pytest.raises(VideoError, match=r"has no lora_B \(up\)"):
        load_adapter(transformers[0], folder)


@pytest.mark.parametrize("alpha", [0, -1, float("nan")])
def test_an_alpha_that_is_no_positive_number_is_refused(renamed, transformers, alpha):
    with pytest.raises(VideoError, match="expected one positive number"):
        load_adapter(transformers[0], renamed(kohya, alpha=alpha))


# as the repository of the model calls them -> what they are in diffusers
ORIGINAL_OF_WAN = {
    "blocks.1.self_attn.q": "blocks.1.attn1.to_q",
    "blocks.0.self_attn.o": "blocks.0.attn1.to_out.0",
    "blocks.0.cross_attn.k": "blocks.0.attn2.to_k",
    "blocks.0.cross_attn.v_img": "blocks.0.attn2.add_v_proj",
    "blocks.1.ffn.0": "blocks.1.ffn.net.0.proj",
    "blocks.1.ffn.2": "blocks.1.ffn.net.2",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_projection.1": "condition_embedder.time_proj",
    "img_emb.proj.3": "condition_embedder.image_embedder.ff.net.2",
}


@pytest.mark.parametrize("prefix", ["diffusion_model.", "", "lora_unet_", "lora_unet__"])
def test_the_names_of_wan_s_own_repository_are_known(prefix):
    from tiny_wan import tiny_wan_transformer

    from tavid_planner.video.lora_names import read_layers

    transformer = tiny_wan_transformer("i2v")
    tensors = {}
    for original, ours in ORIGINAL_OF_WAN.items():
        layer = transformer.get_submodule(ours)
        stem = prefix + (original.replace(".", "_") if prefix.startswith("lora_unet_") else original)
        tensors[f"{stem}.lora_down.weight"] = torch.zeros(2, layer.in_features)
        tensors[f"{stem}.lora_up.weight"] = torch.zeros(layer.out_features, 2)
    assert set(read_layers(tensors, transformer, "x.safetensors").ranks) == set(ORIGINAL_OF_WAN.values())


def test_every_layer_of_wan_has_an_original_name_of_its_own():
    from tiny_wan import tiny_wan_transformer

    from tavid_planner.video.lora_names import _WAN_LAYER, original_name

    modules = tiny_wan_transformer("i2v").named_modules()
    layers = [n for n, m in modules if isinstance(m, torch.nn.Linear) and _WAN_LAYER.match(n)]
    originals = {original_name(layer) for layer in layers}
    assert len(originals) == len(layers) and not [name for name in originals if "attn1" in name or "_embedder" in name]


def diffusers_dora(key):
    return f"transformer.{key}"


def named_dora(key):
    return f"base_model.model.{key}".replace("magnitude_vector", "magnitude_vector.default.weight")


def kohya_dora(key):
    layer, _, part = key.partition(".lora_")
    names = {"A.weight": "lora_down.weight", "B.weight": "lora_up.weight", "magnitude_vector": "dora_scale"}
    return f"lora_unet_{layer.replace('.', '_')}.{names[part]}"


def write_dora(transformer, folder, name=diffusers_dora):
    """Put a random DoRA on a transformer, and write it under some trainer's names."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(0)
    transformer.add_adapter(LoraConfig(r=4, lora_alpha=2, target_modules=["to_q", "to_out.0"], use_dora=True))
    with torch.no_grad():
        for key, parameter in transformer.named_parameters():
            if "lora_B" in key:
                parameter.normal_(std=0.3)
            if "lora_magnitude" in key:
                parameter.mul_(1.5)
    state = {name(key): value.contiguous() for key, value in get_peft_model_state_dict(transformer).items()}
    if name is kohya_dora:
        state = {k: v[:, None] if k.endswith("dora_scale") else v for k, v in state.items()}
        state |= {k.replace(".dora_scale", ".alpha"): torch.tensor(2.0) for k in state if k.endswith("dora_scale")}
    save_file(state, folder / LORA_FILE)
    (folder / PEFT_CONFIG).write_text(json.dumps({"lora_alpha": 2}))


@pytest.mark.parametrize("name", [diffusers_dora, named_dora, kohya_dora])
@pytest.mark.parametrize("fuse", [False, True])
def test_a_dora_is_the_function_that_peft_makes_of_it(transformers, tmp_path, name, fuse):
    made, loaded = transformers
    plain = run(loaded, 32)
    write_dora(made, tmp_path, name)
    load_loras(loaded, (NamedLora("style", str(tmp_path), 1.0),))
    if fuse:
        fuse_loras(loaded)
    torch.testing.assert_close(run(loaded, 32), run(made, 32), atol=1e-5, rtol=1e-4)
    assert (run(loaded, 32) - plain).abs().max() > 1e-2


def test_a_dora_without_its_magnitudes_is_no_lora(transformers, tmp_path):
    made, loaded = transformers
    write_dora(made, tmp_path)
    tensors = {key: value for key, value in load_file(tmp_path / LORA_FILE).items() if "magnitude" not in key}
    save_file(tensors, tmp_path / LORA_FILE)
    load_loras(loaded, (NamedLora("plain", str(tmp_path)),))
    (tmp_path / PEFT_CONFIG).write_text(json.dumps({"lora_alpha": 2, "use_dora": True}))
    with pytest.raises(VideoError, match="says that it is a DoRA, but it has no magnitudes") as error:
        load_loras(loaded, (NamedLora("style", str(tmp_path)),))
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE


def test_a_dora_lacks_no_part_of_any_layer(transformers, tmp_path):
    made, loaded = transformers
    write_dora(made, tmp_path)
    tensors = load_file(tmp_path / LORA_FILE)
    first = next(key for key in tensors if "lora_A" in key)
    for part, said in (
        ("lora_magnitude_vector", "no magnitude"),
        ("lora_A.weight", "no lora_A"),
        ("lora_B.weight", "no lora_B"),
    ):
        lost = first.replace("lora_A.weight", part)
        save_file({key: value for key, value in tensors.items() if key != lost}, tmp_path / LORA_FILE)
        with pytest.raises(VideoError, match=said) as error:
            load_loras(loaded, (NamedLora("style", str(tmp_path)),))
        assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
    save_file({key: value for key, value in tensors.items() if "magnitude" in key}, tmp_path / LORA_FILE)
    with pytest.raises(VideoError, match="no lora_A"):
        load_loras(loaded, (NamedLora("style", str(tmp_path)),))


def test_a_dora_of_weight_0_changes_nothing(transformers, tmp_path):
    made, loaded = transformers
    plain = run(loaded, 32)
    write_dora(made, tmp_path)
    load_loras(loaded, (NamedLora("style", str(tmp_path), 0.0),))
    torch.testing.assert_close(run(loaded, 32), plain, atol=1e-5, rtol=1e-4)


def test_a_dora_of_half_the_weight_goes_half_the_way_in_magnitude_and_in_what_it_adds(transformers, tmp_path):
    made, loaded = transformers
    write_dora(made, tmp_path)
    load_loras(loaded, (NamedLora("style", str(tmp_path), 0.5),))
    tensors, layer = load_file(tmp_path / LORA_FILE), "transformer_blocks.0.attn1.to_q"
    parts = ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
    down, up, magnitude = (tensors[f"transformer.{layer}.{part}"] for part in parts)
    module = loaded.get_submodule(layer)
    own = module.base_layer.weight.norm(dim=1)
    turned = module.base_layer.weight + 0.5 * (2 / 4) * up @ down
    weight = (own + 0.5 * (magnitude - own))[:, None] * turned / turned.norm(dim=1, keepdim=True)
    given = torch.randn(3, module.in_features)
    torch.testing.assert_close(module(given), given @ weight.T + module.base_layer.bias, atol=1e-5, rtol=1e-4)


def test_a_dora_on_weights_of_8_bits_is_refused_unless_it_is_merged(transformers, tiny_base, tmp_path):
    write_dora(transformers[0], tmp_path)
    how = dict(loras=(NamedLora("style", str(tmp_path)),), weights="fp8")
    with pytest.raises(InputError, match="DoRA.*8 bits") as error:
        TargetAwarePipeline.from_pretrained(tiny_base, **how)
    assert error.value.code is ErrorCode.CONFIG_INVALID and "video.fuse=true" in error.value.hint
    run(TargetAwarePipeline.from_pretrained(tiny_base, fuse=True, **how).transformer, 32)
