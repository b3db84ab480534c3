import numpy as np
import pytest

from training.data.clip_rule import NoClip, clip_start

YES = np.ones(20, bool)


def touching_from(first, count=20):
    return np.arange(count) >= first


def test_touch_comes_in_the_middle_of_the_clip():
    assert clip_start(YES, touching_from(10), YES, 8) == 6


def test_clip_does_not_run_over_the_end():
    assert clip_start(YES, touching_from(18), YES, 8) == 12


def test_clip_begins_where_actor_and_target_are_seen():
    usable = np.arange(20) != 6
    assert clip_start(YES, touching_from(10), usable, 8) in (5, 7)


def test_a_later_touch_serves_when_the_first_one_has_begun_before():
    touching = touching_from(15) | (np.arange(20) < 3)
    assert clip_start(YES, touching, YES, 8) == 11


def test_frames_of_which_nothing_is_known_are_no_start():
    known = np.isin(np.arange(20), (4, 10))
    assert clip_start(known, touching_from(10), YES, 8) == 4


@pytest.mark.parametrize(
    "known, touching, usable, reason",
    [
        (YES, ~YES, YES, "never touches"),
        (YES, YES, YES, "from the first frame on"),
        (YES, touching_from(10), ~YES, "never seen together"),
        (~YES, ~YES, YES, "nothing tells when"),
        (YES, touching_from(10), np.arange(20) >= 10, "no 8 frames begin"),
    ],
)
def test_recording_without_a_clip_says_why(known, touching, usable, reason):
    with pytest.raises(NoClip, match=reason):
        clip_start(known, touching, usable, 8)


def test_short_recording():
    with pytest.raises(NoClip, match="20 frames, 21 are needed"):
        clip_start(YES, touching_from(10), YES, 21)
