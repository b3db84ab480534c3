import pytest

from benchmarks.video_options import values


def test_hits_are_of_clips_and_times_of_sums():
    rows = [
        {"plain": {"seconds": 1.0, "hits": [True, False]}, "fp8": {"seconds": 3.0, "hits": [True, True]}},
        {"plain": {"seconds": 3.0, "hits": [True, True]}, "fp8": {"seconds": 3.0, "hits": [False, False]}},
    ]
    found = values(rows, ["plain", "fp8"])
    assert (found["plain_hit"].value, found["fp8_hit"].value, found["clips"].value) == (0.75, 0.5, 4)
    assert found["plain_time_ratio"].value == 1 and found["fp8_time_ratio"].value == pytest.approx(1.5)
