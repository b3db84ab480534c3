import numpy as np
import pytest

from tavid_planner.mirror import mirrored_request, mirrored_words


@pytest.mark.parametrize(
    "text, mirrored",
    [
        ("picks up the [TGT] mug on the left", "picks up the [TGT] mug on the right"),
        ("Right of it, the LEFT hand", "Left of it, the RIGHT hand"),
        ("the bright leftover", "the bright leftover"),
    ],
)
def test_left_and_right_are_swapped_and_no_other_word(text, mirrored):
    assert mirrored_words(text) == mirrored
    assert mirrored_words(mirrored) == text


def test_twice_in_the_mirror_is_the_request_again(make_request):
    actor = np.zeros((64, 96), bool)
    actor[5:60, 3:20] = True
    request = make_request(actor_mask=actor, instruction="the left [TGT] mug")
    once = mirrored_request(request)
    assert (once.target_mask == request.target_mask[:, ::-1]).all() and (once.rgb == request.rgb[:, ::-1]).all()
    assert (once.instances[1].mask == actor[:, ::-1]).all() and once.prompt == "the right [TGT] mug"
    twice = mirrored_request(once)
    assert (twice.rgb == request.rgb).all() and (twice.actor_mask == actor).all() and twice.prompt == request.prompt
