import numpy as np

from training.data.moving_shapes import moving_shapes


def test_moving_shapes_repeat_with_the_seed_and_move():
    first, again = (moving_shapes(np.random.default_rng(3), 9, 32, 48) for _ in range(2))
    assert first.shape == (9, 32, 48, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert (first[0] != first[-1]).any()
