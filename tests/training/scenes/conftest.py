import pytest

from training.scenes.scene import free_body, generate_scene

SIZE = {"height": 96, "width": 144, "num_frames": 13}


@pytest.fixture(scope="session")
def body():
    return free_body()


@pytest.fixture(scope="session")
def samples():
    """A few scenes with several identical objects."""
    return [generate_scene(seed, **SIZE, num_candidates=3) for seed in (1_000_000, 1_000_003, 1_000_010)]


@pytest.fixture(scope="session")
def sample(samples):
    return samples[0]
