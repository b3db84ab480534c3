"""What is CogVideoX's own."""

from hypothesis import given
from hypothesis import strategies as st

from tavid_planner.video.pipelines.cogvideox import whole_tile


@given(st.integers(2, 200), st.sampled_from([4, 8]), st.sampled_from([1 / 6, 1 / 5]))
def test_a_tile_overlaps_by_whole_latents_and_grows_by_little(latents, cell, overlap):
    side = whole_tile(latents, cell, overlap)
    assert latents <= side <= latents + 12
    # as the VAE computes its step in latents, and what it keeps of a tile in pixels
    assert int(side * (1 - overlap)) * cell == side * cell - int(side * cell * overlap)


def test_the_tiles_of_the_published_model_stay_as_they_are():
    assert (whole_tile(30, 8, 1 / 6), whole_tile(45, 8, 1 / 5)) == (30, 45)
