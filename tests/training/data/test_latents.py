import pytest
import torch

from training.data.clips import ClipFolder
from training.data.latents import IMAGE_VARIANTS, LatentCache, encode
from training.models import build_vae
from training.scenes.clip_file import save_clip
from training.scenes.scene import generate_scene


def test_encoded_clips_survive_the_disk_and_can_be_added(tmp_path):
    save_clip(tmp_path / "clip_000000003.npz", generate_scene(3, 32, 48, 9))
    clips = ClipFolder(tmp_path)
    cache = encode(build_vae().eval(), clips, [0])
    cache.save(tmp_path / "latents.pt")
    loaded = LatentCache.load(tmp_path / "latents.pt")
    both = loaded + cache
    assert both.latents.shape == (2, 3, 16, 4, 6)
    assert both.images.shape == (2, IMAGE_VARIANTS, 16, 4, 6)
    assert both.captions == [clips[0].caption] * 2 and both.names == ["clip_000000003.npz"] * 2
    assert torch.equal(both.masks[0].bool(), torch.from_numpy(clips[0].target_mask))


def test_a_scale_that_a_base_was_trained_with_is_kept(tmp_path):
    save_clip(tmp_path / "clip_000000003.npz", generate_scene(3, 32, 48, 9))
    clips, vae = ClipFolder(tmp_path), build_vae().eval()
    measured = encode(vae, clips, [0])
    assert measured.scale == pytest.approx(1 / float(measured.latents.float().std()), rel=1e-3)
    vae.register_to_config(scaling_factor=1.25)
    assert encode(vae, clips, [0]).scale == 1.25


def test_few_digits_give_about_the_same_latents(tmp_path):
    save_clip(tmp_path / "clip_000000003.npz", generate_scene(3, 32, 48, 9))
    clips, vae = ClipFolder(tmp_path), build_vae().eval()
    exact, rough = (encode(vae, clips, [0], bf16=bf16).latents.float() for bf16 in (False, True))
    assert 0 < (exact - rough).std() < 0.03 * exact.std()
