"""A file that lacks weights must not give a model with random ones."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video import TargetAwarePipeline

FILES = {
    "text_encoder": "model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "transformer": "diffusion_pytorch_model.safetensors",
}


@pytest.fixture
def copied(tmp_path, family):
    return shutil.copytree(family[0], tmp_path / "base")


def refusal(folder) -> VideoError:
    with pytest.raises(VideoError) as error:
        TargetAwarePipeline.from_pretrained(folder)
    assert error.value.code is ErrorCode.MODEL_MISSING
    return error.value


@pytest.mark.parametrize("component", FILES)
def test_weights_that_no_file_has_are_named_and_not_made_up(copied, component):
    path = copied / component / FILES[component]
    tensors = load_file(path)
    lost = next(
        name
        for name in sorted(tensors)
        if name.endswith((".q.weight", "to_q.weight", "conv_out.conv.weight", "conv_out.weight"))
    )
    del tensors[lost]
    path.unlink()
    save_file(tensors, path, metadata={"format": "pt"})
    message = refusal(copied).message
    assert lost in message and component in message


def test_blocks_that_the_config_leaves_out_are_named(copied):
    path = copied / "transformer" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"num_layers": config["num_layers"] - 1}))
    assert "leaves out" in refusal(copied).message
