"""Who is who among detections that carry no lasting number."""

import numpy as np
import pytest

from hoi_motion.io.people import linked

FPS = 30.0


@pytest.mark.parametrize("apart_m", [0.0, 0.5])
def test_two_who_cross_keep_going_whatever_their_numbers_do(apart_m):
    rng = np.random.default_rng(0)
    ways = [lambda f: (-1 + f / 20, 0, 3.0), lambda f: (1 - f / 20, 0, 3.0 + apart_m)]
    places, numbers = {}, {}
    for frame in range(40):
        order = rng.permutation(2)
        numbers[frame] = order
        places[frame] = {
            int(number): np.array(way(frame)) + rng.normal(0, 0.003, 3) for number, way in zip(order, ways)
        }
    tracks = linked(places, FPS)
    assert len(tracks) == 2 and all(len(track) == 40 for track in tracks)
    for track in tracks:
        who = {int(np.flatnonzero(numbers[frame] == number)[0]) for frame, number in track.items()}
        assert len(who) == 1
