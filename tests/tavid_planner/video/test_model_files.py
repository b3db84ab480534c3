import hashlib
import json
import os
import shutil

import pytest
import torch

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video import TargetAwarePipeline
from tavid_planner.video.model_files import check_safetensors, file_sha256, is_hub_id, model_folder, weights_digest

FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "tokenizer/tokenizer.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
)


@pytest.fixture
def copied_base(tmp_path, tiny_base):
    return shutil.copytree(tiny_base, tmp_path / "base")


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    def asked(*args, **kwargs):
        pytest.fail("a hub was asked")

    monkeypatch.setattr("huggingface_hub.snapshot_download", asked)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_missing_or_truncated_file_is_named_without_a_hub(copied_base, name, damage):
    path = copied_base / name
    content = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(VideoError) as error:
        TargetAwarePipeline.from_pretrained(copied_base)
    assert error.value.code is ErrorCode.MODEL_MISSING
    assert name.split("/")[0] in error.value.message
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_in_the_format_of_diffusers_is_called_so(tmp_path):
    (tmp_path / "config.json").write_text('{"_class_name": "WanModel"}')
    with pytest.raises(VideoError, match="not in diffusers' format.*-Diffusers") as error:
        TargetAwarePipeline.from_pretrained(tmp_path)
    assert error.value.code is ErrorCode.MODEL_MISSING


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin"])
def test_weights_in_a_form_that_is_not_read_are_named(copied_base, name):
    (copied_base / "vae" / FILES[5].rpartition("/")[2]).rename(copied_base / "vae" / name)
    with pytest.raises(VideoError, match=f"vae/{name} is not read") as error:
        TargetAwarePipeline.from_pretrained(copied_base)
    assert error.value.code is ErrorCode.MODEL_MISSING


def test_sharded_weights_need_every_shard(copied_base):
    folder = copied_base / "transformer"
    weights = folder / "diffusion_pytorch_model.safetensors"
    shards = [folder / f"diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    shutil.copy(weights, shards[0])
    weights.unlink()
    index = {"metadata": {}, "weight_map": {"a": shards[0].name, "b": shards[1].name}}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(str(index).replace("'", '"'))
    with pytest.raises(VideoError, match=shards[1].name):
        TargetAwarePipeline.from_pretrained(copied_base)


def test_all_missing_files_are_named_at_once_with_their_folder(copied_base):
    for name in ("vae/config.json", "tokenizer/tokenizer.json", "transformer/diffusion_pytorch_model.safetensors"):
        (copied_base / name).unlink()
    with pytest.raises(VideoError) as error:
        TargetAwarePipeline.from_pretrained(copied_base)
    for text in (
        str(copied_base),
        "vae/config.json",
        "tokenizer/tokenizer.json",
        "transformer/diffusion_pytorch_model",
    ):
        assert text in error.value.message


def test_sharded_folders_give_the_same_models(tmp_path, family):
    whole, _ = family
    pipeline = TargetAwarePipeline.from_pretrained(whole)
    sharded = shutil.copytree(whole, tmp_path / "sharded")
    for part in ("transformer", "text_encoder"):
        shutil.rmtree(sharded / part)
        getattr(pipeline, part).save_pretrained(sharded / part, max_shard_size="4KB")
        assert len(list((sharded / part).glob("*-of-*.safetensors"))) > 1
    again = TargetAwarePipeline.from_pretrained(sharded)
    for part in ("transformer", "text_encoder"):
        weights = getattr(again, part).state_dict()
        assert all(torch.equal(weights[name], value) for name, value in getattr(pipeline, part).state_dict().items())


def test_a_path_is_never_taken_for_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("/no/where", "./no", "../no/where", "a/b/c", "plain", "models/none"):
        assert not is_hub_id(name), name
        with pytest.raises(VideoError, match="does not exist"):
            model_folder(name)
    for name in ("", " "):
        with pytest.raises(VideoError, match="is empty"):
            model_folder(name)
    assert is_hub_id("THUDM/CogVideoX-5b-I2V")


def test_digest_follows_the_bytes(copied_base, tiny_base):
    assert weights_digest(copied_base) == weights_digest(tiny_base)
    path = copied_base / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert weights_digest(copied_base) != weights_digest(tiny_base)


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    before, facts = file_sha256(path), path.stat()
    path.write_bytes(b"others!")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert file_sha256(path) == before  # nothing says that it has
    path.write_bytes(b"longer weights")
    assert file_sha256(path) == hashlib.sha256(b"longer weights").hexdigest()


def test_hub_cache_names_are_used_as_digests(tmp_path):
    content = b"weights"
    (tmp_path / "blobs").mkdir()
    name = hashlib.sha256(content).hexdigest()
    (tmp_path / "blobs" / name).write_bytes(content)
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "blobs" / name)
    assert file_sha256(tmp_path / "model.safetensors") == name
    (tmp_path / "plain").write_bytes(content)
    assert file_sha256(tmp_path / "plain") == name


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("model_index.json", {"tokenizer": None}),
        ("model_index.json", {"tokenizer": []}),
        ("transformer/diffusion_pytorch_model.safetensors.index.json", {"weight_map": ["a"]}),
        ("transformer/diffusion_pytorch_model.safetensors.index.json", {"weight_map": {"a": {"b": 1}}}),
        ("transformer/diffusion_pytorch_model.safetensors.index.json", {"weight_map": {"a": "../vae/x.safetensors"}}),
        ("transformer/config.json", {"num_attention_heads": -1}),
        ("vae/config.json", {"scaling_factor": 0}),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": -5}),
        ("scheduler/scheduler_config.json", {"beta_schedule": "nobody's"}),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_line(copied_base, name, changes):
    path = copied_base / name
    settings = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(settings | changes))
    with pytest.raises(VideoError) as error:
        TargetAwarePipeline.from_pretrained(copied_base)
    assert error.value.code is ErrorCode.MODEL_MISSING
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes", [{"shape": None}, {"shape": ["a"]}, {"shape": [-1, -4]}, {"data_offsets": ["0", 4]}, {"dtype": 5}]
)
def test_header_of_weights_with_another_kind_of_entry_is_damaged(tmp_path, changes):
    path = tmp_path / "model.safetensors"
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | changes}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(VideoError, match="damaged"):
        check_safetensors(path)
