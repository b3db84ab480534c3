import copy
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_model import TEXT_LENGTH, TEXT_WIDTH, tiny_transformer, write_tiny_adapter, write_tiny_model

from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.adapter import LORA_FILE, load_adapter, save_adapter, widen_patch_embed

# of a CogVideoX adapter, as we write it and as TAViD released it
CONV_SAFETENSORS, CONV_PICKLE = "patch_embed_conv2d.safetensors", "patch_embed_conv2d.pth"


@pytest.fixture
def copied_adapter(tmp_path, tiny_adapter):
    return shutil.copytree(tiny_adapter, tmp_path / "adapter")


@pytest.fixture
def transformer(tiny_base):
    from diffusers import CogVideoXTransformer3DModel

    return CogVideoXTransformer3DModel.from_pretrained(tiny_base, subfolder="transformer")


def run(transformer, channels):
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 2, 33, 4, 6, generator=generator)[:, :, :channels]
    text = torch.randn(1, TEXT_LENGTH, TEXT_WIDTH, generator=generator)
    with torch.no_grad():
        return transformer(latents, text, torch.tensor([500]), ofs=torch.tensor([2.0]), return_dict=False)[0]


@pytest.mark.parametrize("changes", [{}, {"patch_size_t": 2, "ofs_embed_dim": 8}])
def test_widening_starts_as_the_same_function(changes):
    transformer = tiny_transformer(**changes)
    transformer.requires_grad_(False)
    before = run(transformer, 32)
    widen_patch_embed(transformer)
    assert transformer.config.in_channels == 33
    assert not transformer.patch_embed.proj.weight.requires_grad
    torch.testing.assert_close(run(transformer, 33), before)


def test_saved_and_loaded_adapter_is_the_same_function(tmp_path, transformer, tiny_adapter):
    other = copy.deepcopy(transformer)
    found = load_adapter(transformer, tiny_adapter)
    assert (found.trigger, found.rank, found.alpha) == ("target", 4, 2.0)
    save_adapter(tmp_path, transformer, 4, 2.0, "that", {"attention_blocks": [1]})
    again = load_adapter(other, tmp_path)
    assert (again.trigger, again.extra["attention_blocks"]) == ("that", [1])
    assert again.digest != found.digest
    torch.testing.assert_close(run(other, 33), run(transformer, 33))


def test_diffusers_own_loader_reads_the_lora_with_its_alpha(tiny_base, tiny_adapter, transformer):
    from diffusers import CogVideoXImageToVideoPipeline

    pipeline = CogVideoXImageToVideoPipeline.from_pretrained(tiny_base)
    pipeline.load_lora_weights(tiny_adapter, weight_name=LORA_FILE, adapter_name="spatial")
    assert pipeline.transformer.peft_config["spatial"].lora_alpha == 2.0
    pipeline.transformer.patch_embed.proj = torch.nn.Conv2d(33, 32, 2, stride=2)
    pipeline.transformer.patch_embed.proj.load_state_dict(load_file(tiny_adapter / CONV_SAFETENSORS))
    load_adapter(transformer, tiny_adapter)
    torch.testing.assert_close(run(pipeline.transformer, 33), run(transformer, 33))


def test_released_layout_has_no_metadata(copied_adapter, transformer):
    torch.save(load_file(copied_adapter / CONV_SAFETENSORS), copied_adapter / CONV_PICKLE)
    (copied_adapter / CONV_SAFETENSORS).unlink()
    save_file(load_file(copied_adapter / LORA_FILE), copied_adapter / LORA_FILE)
    found = load_adapter(transformer, copied_adapter)
    assert (found.trigger, found.rank, found.alpha) == ("target", 4, 4)  # alpha = r, as diffusers does


def test_alpha_tensors_are_honoured(copied_adapter, tiny_adapter, transformer):
    lora = load_file(tiny_adapter / LORA_FILE)
    alphas = {k.replace("lora_A.weight", "alpha"): torch.tensor(2.0) for k in lora if "lora_A" in k}
    save_file(lora | alphas, copied_adapter / LORA_FILE)
    other = copy.deepcopy(transformer)
    load_adapter(other, copied_adapter)
    load_adapter(transformer, tiny_adapter)
    torch.testing.assert_close(run(other, 33), run(transformer, 33))


@pytest.mark.parametrize("name", [CONV_SAFETENSORS, LORA_FILE])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty"])
def test_missing_or_truncated_file_is_named(copied_adapter, transformer, name, damage):
    path = copied_adapter / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    with pytest.raises(VideoError) as error:
        load_adapter(transformer, copied_adapter)
    assert error.value.code is ErrorCode.MODEL_MISSING
    assert name in error.value.message
    assert transformer.config.in_channels == 32


@pytest.mark.parametrize("name", [CONV_SAFETENSORS, LORA_FILE])
@pytest.mark.parametrize("entry", [{"dtype": "F99"}, {"shape": [9]}, {"data_offsets": [4, 8]}], ids=str)
def test_a_file_whose_tensors_do_not_fit_its_header_is_named(copied_adapter, transformer, name, entry):
    header = json.dumps({"weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | entry}).encode()
    (copied_adapter / name).write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(VideoError, match=f"MODEL_MISSING.*{name} cannot be read: .*header"):
        load_adapter(transformer, copied_adapter)


def test_pickled_code_is_not_run(copied_adapter, transformer):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was executed",))

    (copied_adapter / CONV_SAFETENSORS).unlink()
    torch.save({"weight": Trap()}, copied_adapter / CONV_PICKLE)
    with pytest.raises(VideoError) as error:
        load_adapter(transformer, copied_adapter)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
    assert CONV_PICKLE in error.value.message


@pytest.mark.parametrize("held", [{"weight": 1.0, "bias": 2.0}, [1.0]])
def test_a_pickle_of_something_other_than_tensors_by_name_is_refused(copied_adapter, transformer, held):
    (copied_adapter / CONV_SAFETENSORS).unlink()
    torch.save(held, copied_adapter / CONV_PICKLE)
    with pytest.raises(VideoError, match="that is no state dict") as error:
        load_adapter(transformer, copied_adapter)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_convolution_that_is_not_finite_is_named(copied_adapter, transformer, value):
    path = copied_adapter / CONV_SAFETENSORS
    conv = load_file(path)
    conv["bias"][3] = value
    save_file(conv, path)
    with pytest.raises(VideoError, match="bias holds something other than finite numbers") as error:
        load_adapter(transformer, copied_adapter)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE and transformer.config.in_channels == 32


def test_whole_changes_without_a_lora_are_no_adapter(copied_adapter, transformer):
    save_file({"transformer_blocks.0.attn1.to_q.diff_b": torch.ones(32)}, copied_adapter / LORA_FILE)
    before = copy.deepcopy(transformer.state_dict())
    with pytest.raises(VideoError, match="but no LoRA") as error:
        load_adapter(transformer, copied_adapter)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
    torch.testing.assert_close(transformer.state_dict(), before)


def test_truncated_pickle_is_named(copied_adapter, transformer):
    torch.save(load_file(copied_adapter / CONV_SAFETENSORS), copied_adapter / CONV_PICKLE)
    (copied_adapter / CONV_SAFETENSORS).unlink()
    content = (copied_adapter / CONV_PICKLE).read_bytes()
    (copied_adapter / CONV_PICKLE).write_bytes(content[:200])
    with pytest.raises(VideoError) as error:
        load_adapter(transformer, copied_adapter)
    assert error.value.code is ErrorCode.MODEL_MISSING


@pytest.mark.parametrize("changes", [{"num_attention_heads": 1}, {"num_layers": 2}])
def test_adapter_of_another_base_does_not_fit(tmp_path, tiny_base, transformer, changes):
    if changes == {"num_layers": 2}:
        adapter, base = write_tiny_adapter(tmp_path / "adapter", tiny_base), tiny_transformer(**changes)
    else:
        other = write_tiny_model(tmp_path / "other", **changes)
        adapter, base = write_tiny_adapter(tmp_path / "adapter", other), transformer
    with pytest.raises(VideoError) as error:
        load_adapter(base, adapter)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
    assert base.config.in_channels == 32


def test_folder_that_does_not_exist(transformer, tmp_path):
    with pytest.raises(VideoError) as error:
        load_adapter(transformer, tmp_path / "nowhere")
    assert error.value.code is ErrorCode.MODEL_MISSING


def test_saving_what_is_not_there(tmp_path, transformer):
    with pytest.raises(InputError, match="0 LoRA"):
        save_adapter(tmp_path, transformer, 4, 2.0, "target")


def test_failed_save_leaves_the_last_good_files(copied_adapter, transformer, monkeypatch):
    from tavid_planner.video import adapter as module

    def full_disk(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    load_adapter(transformer, copied_adapter)
    before = (copied_adapter / LORA_FILE).read_bytes()
    monkeypatch.setattr(module, "save_file", full_disk)
    with pytest.raises(InputError) as error:
        save_adapter(copied_adapter, transformer, 4, 2.0, "target")
    assert error.value.code is ErrorCode.OUTPUT_INVALID
    assert (copied_adapter / LORA_FILE).read_bytes() == before
    assert sorted(p.name for p in copied_adapter.iterdir()) == [CONV_SAFETENSORS, LORA_FILE]


def test_metadata_is_json_in_the_headers(tiny_adapter):
    from safetensors import safe_open

    with safe_open(tiny_adapter / CONV_SAFETENSORS, "pt") as file:
        assert json.loads(file.metadata()["tavid_adapter"]) == {"trigger": "target", "rank": 4, "alpha": 2.0}


@pytest.mark.parametrize("trigger", [["x"], "", "x" * 1000, 5])
def test_trigger_that_is_no_word_is_named(copied_adapter, transformer, trigger):
    path = copied_adapter / "patch_embed_conv2d.safetensors"
    save_file(load_file(path), path, metadata={"tavid_adapter": json.dumps({"trigger": trigger})})
    with pytest.raises(VideoError, match="trigger word") as error:
        load_adapter(transformer, copied_adapter)
    assert error.value.code is ErrorCode.MODEL_MISSING
