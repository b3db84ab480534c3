"""Which of several like objects the acting hand goes to."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.lift import contact
from tests.hoi_motion.lift.test_contact import _square
from training.bench.candidates import taken_candidate, touched_candidates


def test_frames_count_for_the_nearest_candidate_only(reaching):
    track, place = reaching
    masks = [_square(place + [offset, 0], 9) for offset in (-40, 0, 40)]
    touched = touched_candidates(track, masks, 8.0)
    assert set(touched) == {-1, 1} and touched[-1] == 1


def test_hands_in_their_first_place_touch_nothing(reaching):
    track, place = reaching
    start = track.right_hand_px[0, [4, 8, 12], :2].mean(0)
    other = track.left_hand_px[-1, [4, 8, 12], :2].mean(0)
    masks = [_square(start, 6), _square(other, 6), _square(place, 6)]
    assert set(touched_candidates(track, masks, 8.0)) == {-1, 2}


def test_a_hand_that_left_its_place_and_comes_back_touches_what_is_there(reaching):
    track, _ = reaching
    back = np.r_[np.arange(12)[:8], 4, 2, 0, 0]  # its way of eight frames, then home again
    track = replace(track, body_px=track.body_px[back], right_hand_px=track.right_hand_px[back])
    start = track.right_hand_px[0, [4, 8, 12], :2].mean(0)
    touched = touched_candidates(track, [_square(start, 6)], 8.0)
    assert (touched[:4] == -1).all() and (touched[-2:] == 0).all()


@pytest.mark.parametrize(
    "touched, taken",
    [([1, 0, 0, 0, 1, 1], 0), ([-1, 0, 0, -1, 1, 1], 0), ([0, -1, 0, -1, 0, 1, 1], 1), ([-1, -1], None), ([], None)],
)
def test_taken_is_where_the_hand_stays_longest_without_a_break(touched, taken):
    """Passing over a neighbour twice makes as many frames; of equally long stays the first counts."""
    assert taken_candidate(np.array(touched, int)) == taken


def test_a_hand_mistaken_for_something_in_one_frame_is_not_the_acting_one(reaching):
    track, place = reaching
    body, left = track.body_px.copy(), track.left_hand_px.copy()
    body[8, [15, 17, 19, 21], :2] -= 150
    left[8, :, :2] -= 150
    mistaken = replace(track, body_px=body, left_hand_px=left)
    touched = [(touched_candidates(t, [_square(place, 6)], 8.0) == 0).sum() for t in (track, mistaken)]
    assert touched[0] == touched[1] >= 1


def test_a_hand_at_rest_beside_the_object_touches_it_and_one_that_passes_does_not(reaching):
    track, _ = reaching

    def there_in(*frames):
        pick = np.where(np.isin(np.arange(12), frames), 11, 0)
        return replace(track, body_px=track.body_px[pick], right_hand_px=track.right_hand_px[pick])

    resting, passing = there_in(8, 9, 10, 11), there_in(7, 9, 11)
    tips = track.right_hand_px[-1, [4, 8, 12, 16, 20], :2]
    leftmost, beside = tips[tips[:, 0].argmin()], []
    for gap in range(30):
        mask = _square(leftmost - [20 + gap, 0], 20)
        away_px = contact.hand_distances_px(resting, lambda t: mask)["right_hand"][-1]
        if 1.05 < away_px / contact.tolerance_px(resting, mask) < 1.5:
            touched = [touched_candidates(track, [mask], 8.0) for track in (resting, passing)]
            beside.append([int((frames == 0).sum()) for frames in touched])
    assert beside and all(counts == [3, 0] for counts in beside)


def test_far_from_every_hand_nothing_is_touched(reaching):
    track, _ = reaching
    assert (touched_candidates(track, [_square((15, 15), 6)], 8.0) == -1).all()
