import math
from types import SimpleNamespace

import pytest
import torch

from training.evaluate import held_out_case
from training.judge.vae import explained_variance, kept_db, main, touches_seen
from training.models import build_vae


def test_a_linear_map_is_explained_and_noise_is_not():
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(400, 4, generator=generator)
    read, noise = latents @ torch.randn(4, 1, generator=generator) + 3.0, torch.randn(400, 1, generator=generator)
    explained = explained_variance(latents, torch.cat([read, noise], dim=1))
    assert explained[0] == pytest.approx(1.0, abs=1e-4) and explained[1] < 0.1


class Keeping:  # as a VAE: latents are the clip
    def decode(self, latent):
        return SimpleNamespace(sample=latent)


def test_psnr_of_what_moves_is_apart_and_falls_with_noise():
    clip = torch.zeros(1, 3, 5, 8, 8)
    clip[:, :, 2:, :4] = 1.0
    latent = clip.clone()
    latent[:, :, 2:, :4] -= 0.2  # wrong only where something moves
    everything, moving = kept_db(Keeping(), clip, latent, 0.0)
    assert moving == pytest.approx(20.0, abs=0.01)  # 0.2 of a range of 2
    assert everything == pytest.approx(20.0 - 10 * math.log10(0.3), abs=0.01)
    assert kept_db(Keeping(), clip, latent, 0.3)[0] < everything


class Erasing:  # as a VAE: every frame becomes the first one
    device = torch.device("cpu")
    dtype = torch.float32

    def encode(self, pixels):
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=pixels[:, :, :1].expand_as(pixels)))

    def decode(self, latent):
        return SimpleNamespace(sample=latent)


def test_a_touch_that_the_vae_loses_is_not_counted_as_kept():
    assert touches_seen(Erasing(), [held_out_case(0)], 96, 144) == (1, 0)


@pytest.mark.parametrize("missing, said", [("vae", "has no VAE"), ("scenes", "holds no clips")])
def test_what_cannot_be_judged_ends_in_one_line(missing, said, tmp_path, monkeypatch, capsys):
    if missing == "scenes":
        build_vae().save_pretrained(tmp_path / "vae")
    monkeypatch.setattr("sys.argv", ["vae", "--vae", str(tmp_path), "--scenes", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and said in capsys.readouterr().err
