"""Tiny random models, written once for all tests of the room."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # for tiny_model and released_inference

from tiny_model import FRAMES, HEIGHT, WIDTH, write_tiny_adapter, write_tiny_model  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture(scope="session")
def tiny_adapter(tmp_path_factory, tiny_base) -> Path:
    return write_tiny_adapter(tmp_path_factory.mktemp("tiny") / "adapter", tiny_base)


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_base, tiny_adapter):
    from tavid_planner.video import TargetAwarePipeline

    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def scene():
    """An image (H, W, 3) uint8 and the mask (H, W) of an object in it."""
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:20, 10:30] = True
    return image, mask


@pytest.fixture
def generate(tiny_pipeline, scene):
    """A function that runs the tiny pipeline for two steps; keyword arguments replace those of the call."""

    def run(pipeline=tiny_pipeline, seed=0, **changes):
        arguments = dict(
            image=scene[0],
            mask=scene[1],
            prompt="the person picks up the [TGT] mug",
            height=HEIGHT,
            width=WIDTH,
            num_frames=FRAMES,
            num_inference_steps=2,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
        )
        return pipeline(**(arguments | changes))

    return run
