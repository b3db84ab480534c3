import pytest

from training.scenes.scene import free_body, generate_scene

FLOOR_SEED = 1_000_209
SIZE = {"height": 96, "width": 144, "num_frames": 13}


@pytest.fixture(scope="session")
def body():
    return free_body()


@pytest.fixture(scope="session")
def samples():
    """A few scenes with several identical objects, the last one on the floor."""
    return [generate_scene(seed, **SIZE, num_candidates=3) for seed in (1_000_000, 1_000_003, 1_000_010, FLOOR_SEED)]


@pytest.fixture(scope="session")
def floor_sample(samples):
    return samples[-1]


@pytest.fixture(scope="session")
def sample(samples):
    return samples[0]
