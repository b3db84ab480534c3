import numpy as np
import pytest

from training.data.sources import SceneClips
from training.scenes.clip_file import load_clip
from training.scenes.generate import TARGETS, Settings, clip_path, generate
from training.scenes.pairs_of_targets import CANDIDATES, generate_pair_of_targets

SIZE = {"height": 48, "width": 72, "num_frames": 17, "supersampling": 1}
NUMBERS = (300_001, 300_002, 300_004)  # three and four objects on a table, four on the floor


@pytest.fixture(scope="module")
def pairs():
    return [[generate_pair_of_targets(2 * number + n, **SIZE) for n in (0, 1)] for number in NUMBERS]


def test_picture_and_words_begin_the_same_and_the_rest_does_not(pairs):
    for one, other in pairs:
        assert np.array_equal(one.frames[0], other.frames[0]) and one.caption == other.caption
        assert np.array_equal(one.instance_ids[0], other.instance_ids[0])
        assert (one.frames[-1] != other.frames[-1]).any(axis=-1).mean() > 0.01
        assert one.pair == other.pair == one.seed // 2 == other.seed // 2


def test_each_takes_another_one_of_the_same_candidates(pairs):
    for one, other in pairs:
        assert one.candidate_ids == other.candidate_ids and len(one.candidate_ids) in CANDIDATES
        assert one.target_id != other.target_id and {one.target_id, other.target_id} <= set(one.candidate_ids)
        for scene in (one, other):
            assert scene.contact_labels[-1] == scene.target_id
            assert np.array_equal(scene.target_mask, scene.instance_ids[0] == scene.target_id)


def test_the_first_frame_does_not_tell_what_will_be_taken(pairs):
    """Head and trunk are not turned or bent to a side."""
    for scenes in pairs:
        for scene in scenes:
            head_and_spine = scene.motion.pose_rad[0, [3, 6, 9, 12, 15]]
            assert np.abs(head_and_spine[:, [1, 2]]).max() < 1e-6


def test_a_pair_needs_two_objects():
    with pytest.raises(ValueError, match="two objects"):
        generate_pair_of_targets(0, **SIZE, num_candidates=1)


def test_a_pair_comes_whole_from_the_command_that_makes_many(pairs, tmp_path):
    one, _ = pairs[0]
    generate(tmp_path, Settings(48, 72, 17, supersampling=1, company=TARGETS), one.seed, 2)
    again = load_clip(clip_path(tmp_path, one.seed))
    assert np.array_equal(again.frames, one.frames) and again.pair == one.pair and again.company is None
    source = SceneClips(tmp_path)
    assert [source.load(name).pair for name in source.names()] == [str(one.pair)] * 2
