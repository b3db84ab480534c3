"""Statistics from histograms against those of the pixels themselves."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tavid_planner.dataset.statistics import histogram, of_histogram


@given(arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.just(3))))
def test_a_histogram_says_what_the_pixels_say(frames):
    found = of_histogram(histogram(frames), len(frames))
    pixels = frames.reshape(-1, 3) / 255
    for name, plain in (
        ("min", pixels.min(0)),
        ("max", pixels.max(0)),
        ("mean", pixels.mean(0)),
        ("std", pixels.std(0)),
    ):
        assert np.allclose(found[name][:, 0, 0], plain, atol=1e-7), name
    inverted = np.quantile(pixels, 0.9, axis=0, method="inverted_cdf")
    assert np.allclose(found["q90"][:, 0, 0], inverted)


def test_histograms_of_episodes_add_up():
    frames = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), np.uint8)
    assert np.array_equal(histogram(frames[:1]) + histogram(frames[1:]), histogram(frames))
