"""Who is who among detections that carry no lasting number."""

import numpy as np
import pytest

from hoi_motion.io.lifters.people import linked

FPS = 30.0


@pytest.mark.parametrize("apart_m", [0.0, 0.5])
def test_two_who_cross_keep_going_although_they_are_numbered_from_left_to_right(apart_m):
    rng = np.random.default_rng(0)
    ways = [lambda f: (-1 + f / 19, 0, 3.0), lambda f: (1 - f / 19, 0, 3.0 + apart_m)]
    places, who = {}, {}
    for frame in range(40):
        found = [np.array(way(frame)) + rng.normal(0, 0.003, 3) for way in ways]
        order = np.argsort([place[0] for place in found]).tolist()
        who[frame] = order
        places[frame] = {number: found[person] for number, person in enumerate(order)}
    tracks = linked(places, FPS)
    assert len(tracks) == 2 and all(len(track) == 40 for track in tracks)
    for track in tracks:
        assert len({who[frame][number] for frame, number in track.items()}) == 1
