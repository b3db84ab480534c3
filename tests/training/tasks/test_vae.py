from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import torch

from tavid_planner.errors import InputError
from training.configuration import VaeConfig
from training.json_lines import read_lines
from training.models import load_vae
from training.tasks.vae import VaeTask
from training.trainer import Trainer


def test_run_trains_every_weight_and_writes_a_vae_that_loads(vae_config, tmp_path):
    trainer = Trainer(vae_config)
    before = {n: p.detach().clone() for n, p in trainer.trained.items()}
    trainer.run()
    assert [n for n, p in trainer.trained.items() if torch.equal(p, before[n])] == []
    line = read_lines(tmp_path / "run" / "log.jsonl")[-1]
    assert set(line) == {"step", "reconstruction", "kl", "probe", "psnr_db"}
    written = load_vae(tmp_path / "run" / "model").state_dict()
    assert all(torch.equal(written[n], value) for n, value in trainer.task.vae.state_dict().items())


@pytest.mark.parametrize("without", ["probe_weight", "kl_weight"])
def test_whatever_is_trained_gets_a_gradient_in_every_pass(vae_config, without):
    """Else several processes wait for it in vain."""
    task = VaeTask(replace(vae_config, **{without: 0.0}), torch.device("cpu"))
    losses = task(task.draw(0, np.random.default_rng(0)), ExitStack())
    sum(weight * losses[name] for name, weight in task.weights.items() if weight).backward()
    assert [name for name, p in task.named_parameters() if p.requires_grad and p.grad is None] == []


def test_a_vae_with_smaller_cells_is_trained_and_loads(vae_config, tmp_path):
    Trainer(replace(vae_config, steps=1, cell_px=4, latent_channels=6)).run()
    vae = load_vae(tmp_path / "run" / "model")
    assert vae.encode(torch.zeros(1, 3, 1, 16, 16)).latent_dist.mean.shape == (1, 6, 1, 4, 4)


def test_noise_on_the_latents_is_a_share_of_their_spread(vae_config, monkeypatch):
    task = Trainer(replace(vae_config, latent_noise=0.5)).task
    batch = task.draw(0, np.random.default_rng(0))
    assert 0 < batch.level.min() and batch.level.max() < 0.5

    seen, decode = [], task.vae.decode
    monkeypatch.setattr(task.vae, "decode", lambda latent: seen.append(latent) or decode(latent))
    for level in (0.0, 0.5):
        task(batch._replace(level=torch.full_like(batch.level, level)), ExitStack())
    posterior = task.vae.encode(batch.clip).latent_dist
    torch.testing.assert_close(seen[0], posterior.mean + posterior.std * batch.noise)
    added = (seen[1] - posterior.mean) ** 2 - (seen[0] - posterior.mean) ** 2
    torch.testing.assert_close(added, (0.5 * posterior.mean.std() * batch.noise) ** 2, rtol=1e-3, atol=1e-4)


def test_decoder_alone_starts_from_a_model_folder_and_keeps_the_latents(vae_config, tmp_path):
    Trainer(replace(vae_config, steps=1)).run()
    first = load_vae(tmp_path / "run" / "model").state_dict()
    second = replace(vae_config, decoder_only=True, init=str(tmp_path / "run" / "model"), out=str(tmp_path / "second"))
    trainer = Trainer(second)
    assert all(n.startswith("vae.decoder.") for n in trainer.trained)
    trainer.run()
    changed = {n.split(".")[0] for n, v in trainer.task.vae.state_dict().items() if not torch.equal(v, first[n])}
    assert changed == {"decoder"}
    assert set(read_lines(tmp_path / "second" / "log.jsonl")[-1]) == {"step", "reconstruction", "psnr_db"}


def test_a_decoder_learns_from_own_latents_and_an_adversary_that_is_not_written(vae_config, tmp_path):
    """And latents are decoded as the transformer has them, scaled."""
    from training.scenes.clip_file import save_clip
    from training.scenes.scene import generate_scene

    Trainer(replace(vae_config, steps=1)).run()
    model = tmp_path / "run" / "model"
    vae = load_vae(model)
    vae.register_to_config(scaling_factor=2.0)
    vae.save_pretrained(model / "vae")
    save_clip(tmp_path / "clip_000000003.npz", generate_scene(3, 32, 48, 9, supersampling=1))
    (tmp_path / "own").mkdir()
    latents = np.random.default_rng(0).normal(size=(3, 16, 4, 6))
    np.savez(tmp_path / "own" / "clip_000000003.npz", true=latents, own=latents + 1)
    options = dict(clips=str(tmp_path), own_latents=str(tmp_path / "own"), height=32, true_share=0.0, adversary=0.5)
    trainer = Trainer(replace(vae_config, decoder_only=True, init=str(model), out=str(tmp_path / "second"), **options))
    batch = trainer.task.draw(0, np.random.default_rng(0))
    assert batch.latents.shape == (1, 16, 3, 4, 2)
    windows = [latents.swapaxes(0, 1)[..., i : i + 2] for i in range(5)]
    assert min(np.abs(2 * batch.latents[0].numpy() - 1 - window).max() for window in windows) < 1e-5
    trainer.run()
    assert set(read_lines(tmp_path / "second" / "log.jsonl")[-1]) == {
        "step",
        "reconstruction",
        "psnr_db",
        "adversary",
        "sharpness",
    }
    assert all("adversary" not in name for name in load_vae(tmp_path / "second" / "model").state_dict())
    assert {n.split(".")[0] for n in trainer.trained} == {"vae", "adversary"}


def test_own_latents_without_the_model_that_made_them_are_refused(vae_config, tmp_path):
    options = dict(own_latents=str(tmp_path), decoder_only=True)
    with pytest.raises(InputError, match="no model folder with a VAE"):
        Trainer(replace(vae_config, **options))
    with pytest.raises(InputError, match="decoder_only is false"):
        replace(vae_config, own_latents=str(tmp_path))


def test_checkpoint_file_of_an_earlier_run_can_be_started_from(vae_config, tmp_path):
    trainer = Trainer(vae_config)
    state = {"vae": trainer.task.vae.state_dict(), "probe": trainer.task.probe.state_dict(), "step": 7, "spent_s": 1.0}
    state["probe"]["bias"] = torch.full((24,), 0.5)
    torch.save(state, tmp_path / "last.pt")
    started = Trainer(replace(vae_config, seed=1, init=str(tmp_path / "last.pt"), out=str(tmp_path / "second")))
    assert started.task.probe.bias.unique().tolist() == [0.5] and started.step == 0
    assert all(torch.equal(v, trainer.task.vae.state_dict()[n]) for n, v in started.task.vae.state_dict().items())
    name = "decoder.conv_in.conv.weight"
    assert torch.equal(load_vae(tmp_path / "last.pt").state_dict()[name], state["vae"][name])


def test_validation_shows_windows_above_what_is_left_of_them(vae_config, tmp_path):
    import cv2

    [video, _] = Trainer(vae_config).validate()
    assert video.shape == (9, 16, 16, 3) and 0 <= video.min() and video.max() <= 1
    picture = cv2.imread(str(tmp_path / "run" / "validation" / "step_000000" / "0.png"))
    assert picture.shape == (32, 5 * 16, 3)
    assert np.abs(picture[16:, :16, ::-1] - video[0] * 255).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(
    "changes, message", [({"frames": 5}, "1 more than a multiple of 8"), ({"width": 20}, "multiple of 8 px")]
)
def test_size_that_the_vae_cannot_take_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        VaeConfig(**changes)


def test_folder_without_clips_is_refused(vae_config, tmp_path):
    with pytest.raises(InputError, match="holds no clips"):
        Trainer(replace(vae_config, clips=str(tmp_path)))
