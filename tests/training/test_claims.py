"""Results of other settings never mix."""

import json

import pytest

from hoi_motion.errors import ErrorCode, InputError
from tavid_planner.config import VideoConfig
from training.claims import claim, model_facts


def test_the_same_settings_go_on_and_others_are_refused_by_name(tmp_path):
    claim(tmp_path / "run.json", {"seed": 0, "size": (96, 144)}, "scores")
    claim(tmp_path / "run.json", {"seed": 0, "size": (96, 144)}, "scores")
    with pytest.raises(InputError, match="holds scores with another seed") as error:
        claim(tmp_path / "run.json", {"seed": 1, "size": (96, 144)}, "scores")
    assert error.value.code is ErrorCode.CONFIG_INVALID
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 0


def test_new_weights_in_the_same_folder_are_another_model(tmp_path, tiny_base):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    weights = adapter / "pytorch_lora_weights.safetensors"
    config = VideoConfig(base=str(tiny_base), adapter=str(adapter))
    weights.write_bytes(b"trained once")
    claim(tmp_path / "run.json", model_facts(config), "answers")
    weights.write_bytes(b"trained on ")
    with pytest.raises(InputError, match="holds answers with another adapter_digest"):
        claim(tmp_path / "run.json", model_facts(config), "answers")


@pytest.mark.parametrize(
    "option, name, text",
    [("loras", "style", "style={}"), ("loras", "base", "base={}"), ("speed_adapter", "speed_adapter", "{}")],
)
def test_new_weights_of_a_lora_are_another_model_too(tmp_path, tiny_base, option, name, text):
    lora = tmp_path / "lora"
    lora.mkdir()
    config = VideoConfig(base=str(tiny_base), adapter="", **{option: text.format(lora)})
    (lora / "style.safetensors").write_bytes(b"trained once")
    claim(tmp_path / "run.json", model_facts(config), "answers")
    (lora / "style.safetensors").write_bytes(b"trained on ")
    with pytest.raises(InputError, match=f"holds answers with another {name}_lora_digest"):
        claim(tmp_path / "run.json", model_facts(config), "answers")


def test_settings_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "dataset.json").write_text('{"height": 9')
    with pytest.raises(InputError, match="dataset.json is not what the clips of its folder were made with"):
        claim(tmp_path / "dataset.json", {"height": 96}, "clips")
