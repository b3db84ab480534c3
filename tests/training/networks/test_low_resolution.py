"""The training of the keypoint network: what it is shown and asked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.low_resolution import NUM_BODY, NUM_POINTS, WEIGHTS, LowResolutionNetwork, read_maps
from training.configuration import AttentionLossConfig, BaseConfig
from training.data.encoded_clip import CacheSettings
from training.models import build_scheduler, build_transformer, build_vae
from training.networks import low_resolution as train_keypoints
from training.networks.low_resolution import MIRRORED, WINDOW, KeypointClips, batch, judged, target_maps, train
from training.networks.low_resolution_marked import main as train_marked
from training.networks.low_resolution_marked import scene_of, start_weights
from training.scenes.clip_file import save_clip
from training.scenes.scene import generate_scene
from training.tasks.diffusion import Clips, DiffusionTask


@pytest.fixture(scope="module")
def clips():
    """Two clips of one bright dot, at which all the keypoints are; it moves."""
    frames, points = torch.full((2, 2, 12, 96, 144, 3), 60, dtype=torch.uint8), torch.zeros(2, 12, NUM_POINTS, 2)
    for c in range(2):
        for t in range(12):
            x, y = 40 + 4 * t, 30 + 20 * c
            frames[c, :, t, y - 2 : y + 3, x - 2 : x + 3] = 250
            points[c, t] = torch.tensor([x, y])
    return KeypointClips(frames, points)


def test_wanted_maps_are_read_as_the_points_they_are_made_of():
    points = torch.tensor([[[20.3, 31.8], [71.0, 9.2]]])
    read = read_maps(target_maps(points, 96, 144).clamp(min=1e-12).log(), 144)
    assert torch.allclose(read[..., :2], points, atol=0.15) and (read[..., 2] > 0.97).all()


def test_a_point_outside_the_picture_is_wanted_there():
    assert target_maps(torch.tensor([[[-9.0, 20.0]]]), 96, 144)[0, 0, -1] == 1


def test_mirrored_points_are_pairs_of_left_and_right():
    assert torch.equal(MIRRORED[MIRRORED], torch.arange(NUM_POINTS))
    assert km.BODY_KEYPOINTS[MIRRORED[km.BODY_KEYPOINTS.index(15)]] == 16
    assert MIRRORED[NUM_BODY + 1] == NUM_BODY + 6  # index finger's tip


def test_points_stay_on_what_they_mark_however_a_clip_is_varied(clips):
    pictures, places = batch(clips, 8, np.random.default_rng(0))
    assert pictures.shape[:2] == (8, WINDOW)
    on_it = []
    for picture, points in zip(pictures.flatten(0, 1), places.flatten(0, 1)):
        x, y = points[0].round().long().tolist()
        if 3 < x < 140 and 3 < y < 92:
            on_it.append((picture[:, y, x].mean() - picture.mean((1, 2)).mean()).item())
    assert len(on_it) > 40 and np.quantile(on_it, 0.05) > 0.3


def test_the_mark_goes_with_the_picture_and_with_whom_it_is_of(clips):
    """Two people a clip, of whom one is marked at their dot and the other elsewhere: mirrored and moved alike."""
    whose = torch.zeros(4, 96, 144, dtype=torch.bool)
    frames = clips.frames[:, :, :WINDOW]
    points = clips.points_px[:, :WINDOW].repeat_interleave(2, 0)
    for c in range(2):
        whose[2 * c, 20 + 20 * c : 41 + 20 * c, 30:83] = True  # about the dot's way
        whose[2 * c + 1, 80:96, 0:40] = True
    marked = KeypointClips(frames, points, torch.tensor([0, 0, 1, 1]), whose)
    pictures, places = batch(marked, 24, np.random.default_rng(2))
    assert pictures.shape[2] == 4
    on_it = []
    for picture, points in zip(pictures, places):
        x, y = points[WINDOW // 2, 0].round().long().tolist()
        if 0 <= x < 144 and 0 <= y < 96:
            assert torch.equal(picture[0, 3], picture[-1, 3])
            on_it.append(picture[0, 3, y, x].item())
    at_dot = np.array(on_it) > 0.5
    assert 0.25 < at_dot.mean() < 0.75 and np.isin(np.array(on_it).round(1), (0, 1)).mean() > 0.8


def test_training_goes_on_from_the_network_that_knows_one_person_and_sees_no_mark_at_first():
    marked = LowResolutionNetwork(4)
    marked.load_state_dict(start_weights())
    one = LowResolutionNetwork(3)
    one.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    clip, mark = torch.rand(1, 3, 3, 96, 144), torch.rand(1, 3, 1, 96, 144)
    with torch.no_grad():
        assert torch.allclose(marked(torch.cat([clip, mark], 2)), one(clip), atol=1e-5)


def test_training_lowers_the_loss(clips, monkeypatch):
    small = lambda channels=3: LowResolutionNetwork(channels, widths=(16, 16, 16, 16), dilations=(1,))  # noqa: E731
    monkeypatch.setattr(train_keypoints, "LowResolutionNetwork", small)
    pictures, places = batch(clips, 2, np.random.default_rng(1))
    wanted = target_maps(places, *pictures.shape[-2:])

    def loss(network):
        with torch.no_grad():
            return -(wanted * network(pictures).log_softmax(-1)).sum(-1).mean()

    assert loss(train(clips, 12, size=1, rate=0.05)) < loss(train(clips, 1, size=1, rate=0.05)) - 0.5
    assert all("median" in line for line in judged(small().eval(), clips))


def test_clips_shorter_than_a_window_are_refused(clips):
    short = KeypointClips(clips.frames[:, :, : WINDOW - 1], clips.points_px[:, : WINDOW - 1])
    with pytest.raises(InputError, match="the clips have 8 frames, at least 9 are needed"):
        train(short, 1, 1, 1e-3)


def test_a_cache_that_is_missing_ends_the_marked_training_in_one_line(tmp_path, capsys):
    given = ["--scenes", str(tmp_path), "--cache", str(tmp_path), "--out", str(tmp_path / "a.safetensors")]
    assert train_marked(given) == 2
    assert "is no cache of clips" in capsys.readouterr().err


class Knowing(DiffusionTask):
    """A model that predicts without error."""

    def predict(self, batch):
        return batch.target


@pytest.mark.parametrize("prediction", ["sample", "v_prediction"])
def test_what_a_model_gives_back_is_a_picture_whatever_it_predicts(prediction):
    torch.manual_seed(0)
    config = BaseConfig(attention=AttentionLossConfig(weight=0.0), image_dropout=0.0, prediction=prediction)
    shape = (3, 16, 4, 6)
    transformer = build_transformer(layers=1, heads=1, latent_size=shape)
    task, vae = Knowing(config, transformer, build_scheduler(prediction), shape), build_vae().eval()
    latents, yes = torch.randn(1, *shape), torch.ones(1, dtype=torch.bool)
    clips = Clips(2 * latents, latents[:, 0], torch.ones(1, 1, 32, 48), yes, torch.zeros(1, 4), [()], yes)
    given = train_keypoints.given_back(task, vae, clips, 2.0, np.random.default_rng(0))
    with torch.no_grad():
        wanted = vae.decode(latents.transpose(1, 2)).sample[0].permute(1, 2, 3, 0)
    assert (given[0].float() - 127.5 * (wanted.clamp(-1, 1) + 1)).abs().max() < 1.5


@pytest.mark.parametrize("change", [{"num_frames": 5}, {"height": 64, "width": 96}, {"fps": 4.0}])
def test_scenes_that_were_encoded_in_another_size_or_rate_are_refused(tmp_path, change):
    scene = generate_scene(3, 32, 48, 9)
    save_clip(tmp_path / "clip_000000003.npz", scene)
    own = CacheSettings("base", "", 32, 48, 9, 1, "target", 32, fps=scene.fps)
    assert np.array_equal(scene_of(tmp_path, "clip_000000003.npz", own).frames, scene.frames)
    with pytest.raises(InputError, match="has 9 frames of 32x48 px at 8 a second, it was encoded as") as error:
        scene_of(tmp_path, "clip_000000003.npz", replace(own, **change))
    assert error.value.code is ErrorCode.CONFIG_INVALID
    with pytest.raises(InputError, match="clip_000000004.npz is not the scene of an encoded clip") as error:
        scene_of(tmp_path, "clip_000000004.npz", own)
    assert error.value.code is ErrorCode.FILE_INVALID
