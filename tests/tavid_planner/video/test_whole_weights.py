"""A file that lacks weights must not give a model with random ones."""

import json
import shutil

import pytest
import torch
from diffusers import CogVideoXTransformer3DModel, WanTransformer3DModel
from safetensors.torch import load_file, save_file

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video import TargetAwarePipeline
from tavid_planner.video.whole_weights import check_whole

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


def test_what_a_family_stores_and_never_uses_is_no_lost_block(tmp_path):
    """Wan 2.1's image-to-video files hold norms of added queries; diffusers leaves them out by name."""
    sizes = dict(num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, num_layers=1)
    sizes |= dict(text_dim=8, freq_dim=8, ffn_dim=8, image_dim=8, added_kv_proj_dim=24)
    model = WanTransformer3DModel(patch_size=(1, 2, 2), **sizes)
    model.save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path) | {"blocks.0.attn2.norm_added_q.weight": torch.ones(24)}
    save_file(tensors, path, metadata={"format": "pt"})
    check_whole(model, tmp_path)


def test_a_learned_position_embedding_that_no_file_has_is_named(tmp_path):
    sizes = dict(num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, num_layers=1)
    sizes |= dict(time_embed_dim=4, text_embed_dim=8, sample_width=8, sample_height=8, sample_frames=9)
    model = CogVideoXTransformer3DModel(
        use_learned_positional_embeddings=True, use_rotary_positional_embeddings=True, **sizes
    )
    model.save_pretrained(tmp_path)
    check_whole(model, tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["patch_embed.pos_embedding"]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(VideoError, match="patch_embed.pos_embedding"):
        check_whole(model, tmp_path)


def test_a_missing_package_is_not_a_bad_folder(copied, monkeypatch):
    def fails(*args, **kwargs):
        raise ModuleNotFoundError("No module named 'sentencepiece'", name="sentencepiece")

    monkeypatch.setattr("diffusers.DiffusionPipeline.from_pretrained", classmethod(fails))
    with pytest.raises(ModuleNotFoundError):
        TargetAwarePipeline.from_pretrained(copied)
