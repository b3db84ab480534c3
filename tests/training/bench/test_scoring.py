import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, LiftError
from training.bench import scoring
from training.bench.intervals import wilson_interval
from training.bench.scoring import candidate_masks, score


def test_wilson_interval_of_a_known_case():
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))
    assert wilson_interval(0, 0) == (0.0, 1.0)


class Anyone:
    """A keypoint source that is asked where the candidates are, and finds somebody there."""

    def detect(self, frames, *, near_px):
        assert near_px == pytest.approx([23.5, 15.5])
        return "a track"


class Nobody:
    def detect(self, frames, *, near_px):
        raise LiftError(ErrorCode.NO_ACTOR, "nobody", "")


def test_a_clip_without_a_person_is_lost():
    clip = np.zeros((4, 32, 48, 3), np.uint8)
    assert score(clip, clip[0], [clip[0, ..., 0] == 0], 8.0, Nobody()).outcome == "lost"


@pytest.mark.parametrize(
    "touched, outcome, share",
    [
        ([-1, 0, 0, 1], "hit", 0.5),
        ([0, 1, 1, -1], "wrong", 0.25),
        ([-1, -1, -1, 2], "wrong", 0.0),
        ([-1] * 4, "none", 0.0),
    ],
)
def test_outcome_is_of_the_candidate_that_is_taken(monkeypatch, touched, outcome, share):
    monkeypatch.setattr(scoring, "touched_candidates", lambda track, masks, fps: np.array(touched))
    clip = np.zeros((4, 32, 48, 3), np.uint8)
    result = score(clip, clip[0], [clip[0, ..., 0] == 0] * 3, 8.0, Anyone())
    assert (result.outcome, result.target_share) == (outcome, share)


def test_target_comes_first_among_the_candidates():
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    scene = generate_scene(HELD_OUT_SEED, 32, 48, 2, num_candidates=3)
    masks = candidate_masks(scene)
    assert len(masks) == 3
    assert np.array_equal(masks[0], scene.target_mask)
    assert not any((masks[0] & other).any() for other in masks[1:])
