"""What is encoded of a clip."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tavid_planner.errors import InputError
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.data.clip import TrainingClip
from training.data.encoded_clip import CacheSettings, ClipEncoder

CAPTION = "A person takes the [TGT] cup."


@pytest.fixture(scope="module")
def encoder(tiny_base):
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base)
    return ClipEncoder(pipeline, CacheSettings(str(tiny_base), "x", 32, 48, 9, 2, "target", 24))


def test_encoding_repeats_and_equals_the_pipelines_latents(encoder):
    frames = np.random.default_rng(0).integers(0, 255, (9, 32, 48, 3), dtype=np.uint8)
    mask = np.zeros((32, 48), bool)
    mask[4:20, 4:20] = True
    clip = TrainingClip(frames, mask, CAPTION)
    first, again = encoder.encode("a", clip), encoder.encode("a", clip)
    assert torch.equal(first.image_latents, again.image_latents) and torch.equal(first.latents, again.latents)
    assert not torch.equal(first.image_latents[0], first.image_latents[1])  # the second carries noise
    pipeline = encoder.pipeline
    image = pipeline.video_processor.preprocess(frames[0] / np.float32(255), height=32, width=48)
    torch.manual_seed(0)
    _, expected = pipeline.prepare_latents(
        image, 1, 16, 9, 32, 48, torch.float32, "cpu", torch.Generator().manual_seed(0)
    )
    spread = pipeline.vae.encode(image.unsqueeze(2)).latent_dist.std.max() / pipeline.vae.config.scaling_factor
    assert (
        first.image_latents[0] - expected[0, 0]
    ).abs().max() < 5 * spread  # the pipeline draws, the cache takes the mean


def noise_clip(**changes):
    frames = np.random.default_rng(0).integers(0, 255, (9, 32, 48, 3), dtype=np.uint8)
    mask = np.zeros((32, 48), bool)
    mask[4:20, 4:20] = True
    return replace(TrainingClip(frames, mask, CAPTION), **changes)


def test_latents_are_the_means_of_the_vae_for_pixels_from_minus_one_to_one(encoder):
    clip, vae = noise_clip(), encoder.pipeline.vae
    encoded = encoder.encode("a", clip)
    pixels = torch.from_numpy(clip.frames / np.float32(127.5) - 1).permute(3, 0, 1, 2)[None]
    with torch.no_grad():
        whole, first = (vae.encode(shown).latent_dist.mean.transpose(1, 2) for shown in (pixels, pixels[:, :, :1]))
    torch.testing.assert_close(encoded.latents, whole[0] * vae.config.scaling_factor)
    scale = vae.config.scaling_factor ** (-1 if vae.config.invert_scale_latents else 1)  # as 1.0 was trained
    torch.testing.assert_close(encoded.image_latents[0], first[0, 0] * scale)
    assert np.array_equal(encoded.first_frame, clip.frames[0]) and np.array_equal(encoded.mask, clip.mask)


def test_first_frames_carry_the_noise_of_the_base_models_training_each_its_own(encoder, monkeypatch):
    """CogVideoX: sigma is exp(N(-3, 0.5)); the first of a clip is clean."""
    pixels, clip = [], noise_clip()
    monkeypatch.setattr(encoder.pipeline, "encoded_image", lambda images: pixels.append(images) or images[:, :, 0])
    many = ClipEncoder(encoder.pipeline, replace(encoder.settings, image_variants=200))
    for name in ("a", "b"):
        many.encode(name, clip)
    noise = pixels[0][:, :, 0] - torch.from_numpy(clip.frames[0] / np.float32(127.5) - 1).permute(2, 0, 1)
    assert noise[0].abs().max() < 1e-6
    log_sigma = noise[1:].flatten(1).std(dim=1).log()
    assert abs(log_sigma.mean() + 3) < 0.15 and abs(log_sigma.std() - 0.5) < 0.1
    assert not torch.equal(pixels[0][1:], pixels[1][1:])


def test_tracks_are_kept_in_percent_and_words_by_what_they_name(encoder):
    tracks = np.zeros((2, 9, 32, 48), bool)
    tracks[0, :, :8, :3], tracks[1, :, 8:16, 8:16] = True, True
    caption, words = "The woman lifts the [TGT] cup.", ("woman", "lifts", "cup")
    ids = tracks[1, 0].astype(np.uint8)
    clip = noise_clip(tracks=tracks, triplet=words, caption=caption, ids=ids, pair="7")
    kept = ClipEncoder(encoder.pipeline, replace(encoder.settings, track_px=8, trigger="thing"))
    encoded = kept.encode("a", clip)
    assert encoded.tracks.shape == (2, 9, 4, 6) and encoded.tracks.sum() == 9 * (38 + 100)  # 37.5, to the even one
    assert encoded.tracks[:, 0, [0, 1], [0, 1]].tolist() == [[38, 0], [0, 100]]
    shown = kept.pipeline.tokenizer("The woman lifts the thing cup.", return_offsets_mapping=True)["offset_mapping"]
    said = ["".join("The woman lifts the thing cup."[slice(*shown[t])] for t in tokens) for tokens in encoded.words]
    assert [word.strip() for word in said] == ["woman", "thing cup", "lifts"]
    assert torch.equal(encoded.text, kept.text("The woman lifts the thing cup.")) and len(encoded.text) == 24
    assert np.array_equal(encoded.ids, ids) and encoded.pair == "7"


@pytest.mark.parametrize("where", ["mask", "ids"])
def test_a_mark_at_the_far_side_of_a_wide_picture_does_not_vanish_and_a_thin_one_does(encoder, where):
    mask = np.zeros((32, 48), bool)
    mask[:, 40:] = True
    ids = np.where(mask, 1, 0).astype(np.uint8)
    tracks = np.ones((2, 9, 32, 48), bool)
    clip = noise_clip(mask=mask, ids=ids, tracks=tracks, triplet=("person", "takes", "cup"))
    kept = ClipEncoder(encoder.pipeline, replace(encoder.settings, track_px=8))
    kept.encode("a", clip)
    wide = np.zeros((640, 960), bool)
    wide[:, 800:] = True
    marks = {"mask": wide, "ids": wide.astype(np.uint8)}
    thin = wide & False
    thin[3, 3] = True
    marks[where] = thin if where == "mask" else np.where(thin, 2, marks["ids"]).astype(np.uint8)
    with pytest.raises(InputError, match="vanishes at latent size"):
        kept._check_marks(replace(clip, **marks))


def test_a_target_that_other_instances_cover_leaves_its_clip_out(encoder):
    mask, tracks = np.zeros((32, 48), bool), np.ones((2, 9, 32, 48), bool)
    mask[8:24, 8:24] = True
    clip = noise_clip(mask=mask, ids=np.full((32, 48), 2, np.uint8), tracks=tracks, triplet=("person", "takes", "cup"))
    with pytest.raises(InputError, match="cover all of its target's"):
        ClipEncoder(encoder.pipeline, replace(encoder.settings, track_px=8)).encode("a", clip)
    encoder.encode("a", clip)  # whose training sees the mask alone
