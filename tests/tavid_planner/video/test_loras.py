"""LoRAs besides the adapter: each by its name with its weight, fused or not."""

import pytest
import torch
from safetensors.torch import save_file
from test_adapter import run

from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.adapter import LORA_FILE, load_adapter
from tavid_planner.video.loras import fuse_loras, load_loras, refuse_taken_names
from tavid_planner.video.named_loras import NamedLora, parse_loras

LAYERS = ("transformer_blocks.0.attn1.to_q", "transformer_blocks.1.ff.net.2")


@pytest.fixture
def transformer(tiny_base):
    from diffusers import CogVideoXTransformer3DModel

    return CogVideoXTransformer3DModel.from_pretrained(tiny_base, subfolder="transformer")


@pytest.fixture
def write_lora(tmp_path, transformer):
    """A function that writes a random LoRA of rank 2 with alpha 2, and returns its folder."""

    def write(name):
        torch.manual_seed(len(name))
        tensors = {}
        for layer in LAYERS:
            linear = transformer.get_submodule(layer)
            tensors[f"{layer}.lora_A.weight"] = 0.3 * torch.randn(2, linear.in_features)
            tensors[f"{layer}.lora_B.weight"] = 0.3 * torch.randn(linear.out_features, 2)
        (tmp_path / name).mkdir()
        save_file(tensors, tmp_path / name / LORA_FILE)
        return tmp_path / name, tensors

    return write


def added(transformer, tensors, weight):
    """The plain way: each product of a LoRA's matrices on top of the layer's own."""
    with torch.no_grad():
        for layer in LAYERS:
            change = tensors[f"{layer}.lora_B.weight"] @ tensors[f"{layer}.lora_A.weight"]
            module = transformer.get_submodule(layer)
            getattr(module, "base_layer", module).weight += weight * change


@pytest.mark.parametrize("fuse", [False, True])
def test_several_loras_beside_an_adapter_add_up_with_their_weights(
    transformer, tiny_base, tiny_adapter, write_lora, fuse
):
    from diffusers import CogVideoXTransformer3DModel

    plain = CogVideoXTransformer3DModel.from_pretrained(tiny_base, subfolder="transformer")
    load_adapter(plain, tiny_adapter)
    load_adapter(transformer, tiny_adapter)
    without = run(transformer, 33)
    (style, first), (hands, second) = write_lora("style"), write_lora("hands-of-others")
    digests = load_loras(transformer, (NamedLora("style", str(style), 0.5), NamedLora("hands", str(hands), -2.0)))
    added(plain, first, 0.5)
    added(plain, second, -2.0)
    if fuse:
        fuse_loras(transformer)
        assert not [name for name, _ in transformer.named_parameters() if "lora" in name]
    assert digests["style"] != digests["hands"]
    assert not torch.allclose(run(transformer, 33), without, atol=1e-3)
    torch.testing.assert_close(run(transformer, 33), run(plain, 33), atol=1e-5, rtol=1e-4)


def test_a_lora_with_weight_0_changes_nothing(transformer, write_lora):
    before = run(transformer, 32)
    load_loras(transformer, (NamedLora("style", str(write_lora("style")[0]), 0.0),))
    torch.testing.assert_close(run(transformer, 32), before)


@pytest.mark.parametrize("where", ["folder", "hub"])
def test_one_file_of_several_is_taken_by_its_name(transformer, tiny_base, write_lora, monkeypatch, where):
    from diffusers import CogVideoXTransformer3DModel

    from tavid_planner.video import model_files

    folder, tensors = write_lora("style")
    (folder / "kinds").mkdir()
    (folder / LORA_FILE).rename(folder / "kinds" / "left.safetensors")
    save_file({key: 2 * value for key, value in tensors.items()}, folder / "kinds" / "right.safetensors")
    wanted = []
    monkeypatch.setattr(model_files, "fetch_model", lambda name, files, *_: wanted.append((name, files)) or folder)
    source = f"{folder if where == 'folder' else 'someone/hands'}/kinds/left.safetensors"
    digests = load_loras(transformer, (NamedLora("hands", source),))
    files = "kinds/left.safetensors", "kinds/adapter_config.json"
    assert wanted == ([("someone/hands", files)] if where == "hub" else [])
    plain = CogVideoXTransformer3DModel.from_pretrained(tiny_base, subfolder="transformer")
    added(plain, tensors, 1.0)
    torch.testing.assert_close(run(transformer, 32), run(plain, 32), atol=1e-5, rtol=1e-4)
    other = load_loras(plain, (NamedLora("right", str(folder / "kinds" / "right.safetensors")),))
    assert other["right"] != digests["hands"]


def test_a_file_that_is_not_there_is_named(transformer, tmp_path):
    with pytest.raises(VideoError, match="none.safetensors") as caught:
        load_loras(transformer, (NamedLora("style", str(tmp_path / "none.safetensors")),))
    assert caught.value.code is ErrorCode.MODEL_MISSING


def test_a_lora_for_another_model_is_named(transformer, write_lora, tmp_path):
    folder, tensors = write_lora("style")
    save_file({key: value[:, :1].contiguous() for key, value in tensors.items()}, folder / LORA_FILE)
    with pytest.raises(VideoError, match="style") as caught:
        load_loras(transformer, (NamedLora("style", str(folder)),))
    assert caught.value.code is ErrorCode.ADAPTER_INCOMPATIBLE


def test_the_option_names_folders_and_weights():
    assert parse_loras(" style=a/b@0.8, hands=/x/y ,") == (NamedLora("style", "a/b", 0.8), NamedLora("hands", "/x/y"))
    assert parse_loras("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "a/b",
        "style=",
        "=a/b",
        "style=a/b@much",
        "style=a/b@nan",
        "1=a",
        "a=b,a=c",
        "target_aware=x",
        "speed_adapter=x",
    ],
)
def test_a_wrong_option_is_quoted(text):
    with pytest.raises(InputError) as caught:
        parse_loras(text)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_a_name_that_peft_cannot_keep_is_refused():
    refuse_taken_names(parse_loras("style=x"))
    with pytest.raises(InputError, match="'half' is taken") as caught:
        refuse_taken_names(parse_loras("style=x, half=x"))
    assert caught.value.code is ErrorCode.CONFIG_INVALID
