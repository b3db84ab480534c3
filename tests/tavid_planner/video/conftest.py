"""Tiny random models, loaded once for all tests of the room."""

import numpy as np
import pytest
import torch
from tiny_model import FRAMES, HEIGHT, WIDTH

FAMILIES = {"cogvideox": ("tiny_base", "tiny_adapter"), "wan": ("tiny_wan", "tiny_wan_adapter")}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=["cogvideox", "wan"])
def family(request) -> tuple:
    """Base and adapter of each family."""
    return tuple(map(request.getfixturevalue, FAMILIES[request.param]))


@pytest.fixture
def load(family):
    """A function that loads the family's tiny model with some options."""
    from tavid_planner.video import TargetAwarePipeline

    def run(**options):
        pipeline = TargetAwarePipeline.from_pretrained(*family, **options)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    return run


@pytest.fixture
def generate_wide(generate, scene):
    """As `generate`, of a named pipeline, with frames that are several tokens wide in both families."""
    image, mask = (np.kron(array, np.ones((2, 2, 1)[: array.ndim], array.dtype)) for array in scene)
    return lambda pipeline, **changes: generate(pipeline, **dict(image=image, mask=mask, height=64, width=96) | changes)


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
