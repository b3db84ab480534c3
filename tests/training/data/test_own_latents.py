from dataclasses import replace

import numpy as np
import pytest
import torch

from tavid_planner.errors import InputError
from tavid_planner.video.inputs import checked_image
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.data.clips import ClipFolder
from training.data.own_latents import OwnLatents, own_latents
from training.objectives.few_steps import signal_and_noise, stepped
from training.scenes.clip_file import save_clip
from training.scenes.scene import generate_scene

CAPTION = "A hand takes a cup."


@pytest.fixture(scope="module")
def pipeline(tiny_base):
    torch.manual_seed(0)
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, scheduler="ddim")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def scene():
    return replace(generate_scene(3, 32, 48, 9, supersampling=1), caption=CAPTION)


def test_own_latents_are_what_the_sampler_makes_of_the_noisy_clip(pipeline, scene):
    """At the last step this is one prediction, of the clip with that step's noise."""
    true, own = own_latents(pipeline, 3, scene, begin=2, seed=4)

    time = int(pipeline.scheduler.timesteps[-1])
    start = pipeline.start(
        checked_image(scene.frames[0]), 32, 48, 9, torch.float32, torch.device("cpu"), torch.Generator().manual_seed(4)
    )
    signal, noise = signal_and_noise(pipeline.scheduler, time)
    noisy = signal * pipeline.backbone.padded(true[None]) + noise * start.noise
    text, _ = pipeline.encode_prompt(CAPTION, "", False, max_sequence_length=24)
    with torch.no_grad():
        predicted = pipeline.backbone.predict(
            pipeline.backbone.inputs(noisy, start.image, None), text, torch.tensor([time])
        )
    torch.testing.assert_close(
        own, stepped(pipeline.scheduler, noisy, predicted, time, None)[0, : len(true)], rtol=1e-4, atol=1e-4
    )


def test_a_window_lies_over_its_latents(scene, tmp_path):
    """Latents that number their cells tell where the window was cut."""
    save_clip(tmp_path / "clip_000000003.npz", scene)
    clips = ClipFolder(tmp_path)
    (tmp_path / "own").mkdir()
    cells = np.broadcast_to(np.arange(12.0), (3, 2, 8, 12))
    np.savez(tmp_path / "own" / "clip_000000003.npz", true=cells, own=100 + cells)
    own = OwnLatents(str(tmp_path / "own"), clips, (9, 32, 16), cell_px=4)
    seen = set()
    for seed in range(20):
        window, latents = own.draw(np.random.default_rng(seed), true_share=0.5)
        assert window.shape == (9, 32, 16, 4) and latents.shape == (2, 3, 8, 4)
        first = int(latents[0, 0, 0, 0]) % 100
        assert np.array_equal(window, clips.frames_and_foreground(0)[:, :, 4 * first : 4 * first + 16])
        seen.add(bool(latents.max() >= 100))
    assert seen == {True, False}


def test_clips_without_latents_are_refused(scene, tmp_path):
    save_clip(tmp_path / "clip_000000003.npz", scene)
    with pytest.raises(InputError, match="no latents of the clips"):
        OwnLatents(str(tmp_path / "own"), ClipFolder(tmp_path), (9, 32, 16), 4)


@pytest.mark.parametrize("size", [(9, 32, 64), (9, 16, 16), (17, 32, 16)], ids=["wider", "lower", "longer"])
def test_windows_that_are_not_of_whole_clips_are_refused(scene, tmp_path, size):
    save_clip(tmp_path / "clip_000000003.npz", scene)
    (tmp_path / "own").mkdir()
    np.savez(tmp_path / "own" / "clip_000000003.npz", true=np.zeros((3, 2, 8, 12)), own=np.zeros((3, 2, 8, 12)))
    own = OwnLatents(str(tmp_path / "own"), ClipFolder(tmp_path), size, cell_px=4)
    with pytest.raises(InputError, match=r"CONFIG_INVALID.*a clip of .* has \(9, 32, 48\)"):
        own.draw(np.random.default_rng(0), true_share=0.5)
