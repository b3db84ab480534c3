"""What becomes of a sample in the request's pixels, and what a request with two people is led away from."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tavid_planner.config import VideoConfig
from tavid_planner.request import InteractionRequest
from tavid_planner.video import samples
from tavid_planner.video.image_fit import ImageFit

FIT = ImageFit.between((16, 24), (16, 24))
MASK = np.zeros((16, 24), bool)
MASK[:8, :12] = True


def sample_of(pictures=None, maps=None) -> samples.GeneratedSample:
    rgb = np.zeros((16, 24, 3), np.uint8)
    rgb[:8] = 200
    run = SimpleNamespace(frames=lambda number, kind: [pictures], attention=lambda number, blocks=None: maps)
    return samples.GeneratedSample(run, 0, InteractionRequest(rgb, MASK, "lifts the [TGT] mug"), FIT, False)


def test_the_alignment_is_that_of_the_first_frame():
    maps = torch.zeros(2, 2, 2)
    maps[0, 0, 0], maps[1, 1, 1] = 1.0, 1.0
    assert sample_of(maps=maps).alignment(None) == pytest.approx(1.0)


def test_brightness_is_rounded_to_the_nearest_of_256():
    pictures = np.zeros((2, 16, 24, 3), np.float32)
    pictures[:, :8] = 99.6 / 255
    assert np.unique(sample_of(pictures).video(VideoConfig()).frames).tolist() == [0, 100]


@pytest.mark.parametrize("contrast, kind, led", [(2.0, "id_map", True), (1.0, "id_map", False), (2.0, "mask", False)])
def test_samples_are_led_away_from_the_marks_with_another_actor(monkeypatch, contrast, kind, led):
    exchanged = (SimpleNamespace(mask=~MASK), SimpleNamespace(mask=MASK))
    monkeypatch.setattr(samples, "with_another_actor", lambda instances: exchanged)
    pipeline = SimpleNamespace(conditioning=SimpleNamespace(kind=kind))
    marks = samples._other_marks(pipeline, sample_of().request, VideoConfig(contrast=contrast), FIT)
    if led:
        assert [np.array_equal(mark, one.mask) for mark, one in zip(marks, exchanged, strict=True)] == [True, True]
    else:
        assert marks is None
