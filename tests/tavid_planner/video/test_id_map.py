"""Adapters that see several instances as an ID map, on tiny random weights."""

import numpy as np
import pytest
import torch
from diffusers import CogVideoXTransformer3DModel
from peft import LoraConfig

from tavid_planner.errors import InputError, VideoError
from tavid_planner.video.adapter import save_adapter, widen_patch_embed
from tavid_planner.video.conditioning import Conditioning
from tavid_planner.video.pipeline import TargetAwarePipeline


def write_id_map_adapter(folder, base, kind: str, **changes):
    conditioning = Conditioning(kind, **changes)
    transformer = CogVideoXTransformer3DModel.from_pretrained(base, subfolder="transformer")
    widen_patch_embed(transformer, conditioning.channels(transformer.config.out_channels))
    torch.manual_seed(0)
    transformer.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    with torch.no_grad():
        transformer.patch_embed.proj.weight[:, transformer.config.out_channels * 2 :].normal_(std=0.5)
    save_adapter(folder, transformer, 2, 2, "target", conditioning=conditioning)
    return folder


@pytest.fixture
def two_masks():
    masks = np.zeros((2, 32, 48), bool)
    masks[0, 8:24, 4:20] = True
    masks[1, 8:24, 26:44] = True
    return masks


@pytest.mark.parametrize("kind", ["id_map", "id_map_vae"])
def test_instance_roles_change_the_clip_and_the_palette_survives_saving(kind, tiny_base, tmp_path, generate, two_masks):
    folder = write_id_map_adapter(tmp_path / "adapter", tiny_base, kind, palette=((255, 0, 0), (0, 0, 255)))
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, folder)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.conditioning == Conditioning(kind, ((255, 0, 0), (0, 0, 255)))
    ours, swapped = (generate(pipeline, mask=masks).frames for masks in (two_masks, two_masks[::-1]))
    assert np.abs(ours - swapped).max() > 1e-3
    assert np.array_equal(ours, generate(pipeline, mask=list(two_masks)).frames)


def test_more_instances_than_the_adapter_knows_are_refused(tiny_base, tmp_path, generate, two_masks):
    folder = write_id_map_adapter(tmp_path / "adapter", tiny_base, "id_map", palette=((255, 0, 0),))
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, folder)
    with pytest.raises(InputError, match="2 instances are marked"):
        generate(pipeline, mask=two_masks)


def test_an_adapter_without_conditioning_metadata_takes_one_mask(tiny_pipeline):
    assert tiny_pipeline.conditioning == Conditioning("mask")


def test_an_unknown_conditioning_is_refused(tiny_base, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    folder = write_id_map_adapter(tmp_path / "adapter", tiny_base, "id_map")
    path = folder / "patch_embed_conv2d.safetensors"
    with safe_open(path, "pt") as file:
        tensors, metadata = {k: file.get_tensor(k) for k in file.keys()}, file.metadata()  # noqa: SIM118
    metadata["tavid_adapter"] = metadata["tavid_adapter"].replace('"id_map"', '"boxes"')
    save_file(tensors, path, metadata)
    with pytest.raises(VideoError, match="boxes"):
        TargetAwarePipeline.from_pretrained(tiny_base, folder)
