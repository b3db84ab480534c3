from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from tavid_planner.errors import InputError
from training.data.clips import ClipFolder
from training.data.fingerprint import fingerprint
from training.data.latents import IMAGE_VARIANTS, LatentCache, encode, main
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


def test_first_frames_carry_the_noise_of_the_base_models_training_but_the_first_of_each_clip():
    """CogVideoX: sigma is exp(N(-3, 0.5)). The VAE of this test encodes nothing, so that pixels can be looked at."""
    vae = SimpleNamespace(config=SimpleNamespace(scaling_factor=2.0), encode=None)
    vae.encode = lambda pixels: SimpleNamespace(latent_dist=SimpleNamespace(mean=pixels))
    frames = np.full((2, 16, 16, 3), 51, np.uint8)
    mask = np.ones((16, 16), bool)
    clips = MagicMock(paths=[Path(f"clip_{number}.npz") for number in range(100)])
    clips.__getitem__ = lambda _, seed: SimpleNamespace(frames=frames, seed=seed, target_mask=mask, caption="")
    cache = encode(vae, clips, list(range(100)))
    assert cache.latents.shape == (100, 2, 3, 16, 16) and cache.scale == 2.0
    assert (cache.latents.float() + 0.6).abs().max() < 1e-3 and (cache.images[:, 0].float() + 0.6).abs().max() < 1e-3
    log_sigma = cache.images[:, 1:].float().flatten(2).std(dim=2).log()
    assert abs(log_sigma.mean() + 3) < 0.15 and abs(log_sigma.std() - 0.5) < 0.1


def cache_of(*names, scale=1.0, fingerprints=()) -> LatentCache:
    numbers = torch.arange(len(names)).half()
    latents, images = numbers.view(-1, 1, 1, 1, 1), numbers.view(-1, 1, 1, 1, 1)
    return LatentCache(list(names), latents, images, latents[:, 0, 0], [f"{n}!" for n in names], scale, [*fingerprints])


def test_a_clip_that_has_changed_or_is_gone_is_left_out_and_the_others_keep_what_is_theirs(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    paths = [tmp_path / name for name in ("a", "b", "c", "d")]
    cache = cache_of("a", "b", "c", "d", scale=3.0, fingerprints=[fingerprint([path]) for path in paths])
    (tmp_path / "b").write_text("other")
    left = cache.following(paths[:3])
    assert left.names == ["a", "c"] and left.captions == ["a!", "c!"] and left.scale == 3.0
    for kept in (left.latents, left.images, left.masks):
        assert kept.flatten().tolist() == [0, 2]


def test_what_is_added_is_scaled_like_what_is_there():
    assert (cache_of("a", scale=2.0) + cache_of("b", scale=5.0)).scale == 2.0


def test_few_digits_give_about_the_same_latents(tmp_path):
    save_clip(tmp_path / "clip_000000003.npz", generate_scene(3, 32, 48, 9))
    clips, vae = ClipFolder(tmp_path), build_vae().eval()
    exact, rough = (encode(vae, clips, [0], bf16=bf16).latents.float() for bf16 in (False, True))
    assert 0 < (exact - rough).std() < 0.03 * exact.std()


def test_clips_of_two_sizes_in_one_part_are_refused(tmp_path):
    for seed, height in ((3, 32), (4, 48)):
        save_clip(tmp_path / f"clip_00000000{seed}.npz", generate_scene(seed, height, 48, 9))
    with pytest.raises(InputError, match="they make no one set"):
        encode(build_vae().eval(), ClipFolder(tmp_path), [0, 1])


def encode_folder(monkeypatch, scenes, vae, out, *options):
    arguments = ["--scenes", str(scenes), "--vae", str(vae), "--out", str(out), "--processes", "1", *options]
    monkeypatch.setattr("sys.argv", ["latents", *arguments])
    main()


@pytest.fixture
def encoded(tmp_path, monkeypatch):
    """Folders of a scene, a VAE and the scene's latents."""
    (tmp_path / "scenes").mkdir()
    save_clip(tmp_path / "scenes" / "clip_000000003.npz", generate_scene(3, 32, 48, 9))
    build_vae().save_pretrained(tmp_path / "vae" / "vae")
    folders = tmp_path / "scenes", tmp_path / "vae", tmp_path / "latents"
    encode_folder(monkeypatch, *folders)
    return folders


def another_vae(folders):
    torch.manual_seed(1)
    build_vae().save_pretrained(folders[1] / "vae")
    save_clip(folders[0] / "clip_000000004.npz", generate_scene(4, 32, 48, 9))
    return "encoded by another VAE"


def another_size(folders):
    save_clip(folders[0] / "clip_000000004.npz", generate_scene(4, 48, 48, 9))
    return "are (3, 16, 4, 6) and (3, 16, 6, 6)"


def cut_latents(folders):
    path = folders[2] / "latents.pt"
    path.write_bytes(path.read_bytes()[:1000])
    return "is not a whole file of latents"


def cut_clip(folders):
    path = folders[0] / "clip_000000004.npz"
    path.write_bytes((folders[0] / "clip_000000003.npz").read_bytes()[:1000])
    return "1 clip cut off, the first"


@pytest.mark.parametrize("change", [another_vae, another_size, cut_latents, cut_clip])
def test_what_cannot_be_added_is_named_and_the_latents_stay(change, encoded, monkeypatch, capsys):
    said = change(encoded)
    before = (encoded[2] / "latents.pt").read_bytes()
    with pytest.raises(SystemExit) as ended:
        encode_folder(monkeypatch, *encoded)
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert (encoded[2] / "latents.pt").read_bytes() == before


def test_another_arithmetic_is_refused_by_name(encoded, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        encode_folder(monkeypatch, *encoded, "--bf16")
    assert "was encoded in float32, not in bfloat16 - leave out --bf16" in capsys.readouterr().err
    (encoded[0] / "clip_000000003.npz").unlink()
    save_clip(encoded[0] / "clip_000000004.npz", generate_scene(4, 32, 48, 9))
    encode_folder(monkeypatch, *encoded)
    assert LatentCache.load(encoded[2] / "latents.pt").dtype == "float32"
