import pytest
import torch

from training.data.clips import ClipFolder
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


def test_few_digits_give_about_the_same_latents(tmp_path):
    save_clip(tmp_path / "clip_000000003.npz", generate_scene(3, 32, 48, 9))
    clips, vae = ClipFolder(tmp_path), build_vae().eval()
    exact, rough = (encode(vae, clips, [0], bf16=bf16).latents.float() for bf16 in (False, True))
    assert 0 < (exact - rough).std() < 0.03 * exact.std()


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
    return "1 clips are cut off, the first"


@pytest.mark.parametrize("change", [another_vae, another_size, cut_latents, cut_clip])
def test_what_cannot_be_added_is_named_and_the_latents_stay(change, encoded, monkeypatch, capsys):
    said = change(encoded)
    before = (encoded[2] / "latents.pt").read_bytes()
    with pytest.raises(SystemExit) as ended:
        encode_folder(monkeypatch, *encoded)
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert (encoded[2] / "latents.pt").read_bytes() == before
