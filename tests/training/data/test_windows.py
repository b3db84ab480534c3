import numpy as np
import pytest

from tavid_planner.errors import InputError
from training.data.windows import Windows


@pytest.fixture
def clips(tmp_path):
    """One clip of 9 frames, 32x48 px, in which only the right third changes; the object's pixels are 7 and red."""
    frames = np.zeros((9, 32, 48, 3), np.uint8)
    frames[..., 32:, :] = np.arange(9, dtype=np.uint8)[:, None, None, None] * 20
    instance_ids = np.zeros((9, 32, 48), np.uint8)
    instance_ids[:, 8:16, 8:16] = 7
    frames[instance_ids > 0] = (250, 0, 0)
    np.savez(tmp_path / "clip_000000001.npz", frames=frames, instance_ids=instance_ids)
    return tmp_path


def test_window_has_the_size_and_repeats_with_the_seed(clips):
    windows = Windows(str(clips), 5, 16, 16)
    first, again = (windows.draw(np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (5, 16, 16, 4) and first.dtype == np.uint8
    assert np.array_equal(first, again)


def test_last_channel_is_where_people_and_objects_are(clips):
    window = Windows(str(clips), 9, 32, 48).draw(np.random.default_rng(0))
    assert np.array_equal(window[..., 3] == 255, window[..., :3].max(-1) == 250)


def test_windows_with_motion_are_preferred(clips):
    windows = Windows(str(clips), 9, 16, 16)
    moving = sum((w[0] != w[-1]).any() for w in (windows.draw(np.random.default_rng(i)) for i in range(100)))
    assert moving > 70  # 16 of 33 places touch the right third: half of single draws, 7 of 8 of three


def test_clips_that_are_too_small_are_refused(clips):
    with pytest.raises(InputError, match=r"\(9, 64, 64\), a clip of .* has \(9, 32, 48\)"):
        Windows(str(clips), 9, 64, 64).draw(np.random.default_rng(0))


def test_a_clip_that_is_cut_off_is_named_before_a_training_draws_it(clips):
    path = clips / "clip_000000002.npz"
    path.write_bytes((clips / "clip_000000001.npz").read_bytes()[:500])
    with pytest.raises(InputError, match="cut off, the first .*clip_000000002.npz"):
        Windows(str(clips), 5, 16, 16)
