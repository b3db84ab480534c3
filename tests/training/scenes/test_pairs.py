import json

import numpy as np
import pytest

from training.data.sources import SceneClips, fitted
from training.scenes.clip_file import load_clip, save_clip
from training.scenes.doings import TWO_VERBS, WHICH_ACTOR
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE
from training.scenes.generate import PAIRS, PAIRS_OF, Settings, clip_path, generate
from training.scenes.pairs import generate_paired_scene

SIZE = {"height": 48, "width": 72, "num_frames": 17, "supersampling": 1}
NUMBERS = {WHICH_ACTOR: 500_001, TWO_VERBS: 500_016}


@pytest.fixture(scope="module")
def pairs():
    return {kind: [generate_paired_scene(2 * number + n, **SIZE) for n in (0, 1)] for kind, number in NUMBERS.items()}


def test_the_first_frame_is_the_same_and_the_rest_is_not(pairs):
    for one, other in pairs.values():
        assert np.array_equal(one.frames[0], other.frames[0])
        assert (one.frames[-1] != other.frames[-1]).any(axis=-1).mean() > 0.02
        assert one.pair == other.pair == one.seed // 2 == other.seed // 2


def test_actor_and_companion_are_exchanged_in_the_id_map(pairs):
    for one, other in pairs.values():
        first, second = one.instance_ids[0], other.instance_ids[0]
        assert np.array_equal(first == ACTOR_INSTANCE, second == COMPANION_INSTANCE)
        assert np.array_equal(first == COMPANION_INSTANCE, second == ACTOR_INSTANCE)
        things = ~np.isin(first, (ACTOR_INSTANCE, COMPANION_INSTANCE))
        assert np.array_equal(first[things], second[things])


def test_who_acts_in_one_stands_by_in_the_other(pairs):
    one, other = pairs[WHICH_ACTOR]
    assert one.target_id == other.target_id and one.doings[0].verb == other.doings[0].verb
    for scene in (one, other):
        assert scene.contact_labels[-1] == scene.target_id and not scene.company.companion_touching.any()


def test_two_people_exchange_what_they_do_and_keep_their_objects(pairs):
    one, other = pairs[TWO_VERBS]
    assert [d.verb for d in one.doings] == [d.verb for d in other.doings]
    assert [d.object_id for d in one.doings] == [d.object_id for d in other.doings][::-1]


def test_nobody_gives_themselves_away_in_the_first_frame(pairs):
    """Head and trunk of the first frame do not depend on where the target is: all look straight ahead."""
    for scenes in pairs.values():
        poses = [m.pose_rad[0, 1:] for scene in scenes for m in (scene.motion, scene.company.motion)]
        head_and_spine = [pose[[2, 5, 8, 11, 14]] for pose in poses]  # spine1 to 3, neck, head without the pelvis
        for pose in head_and_spine:
            assert np.abs(pose[:, [1, 2]]).max() < 1e-6  # turned or bent to a side


def test_a_pair_comes_whole_from_the_command_that_makes_many(pairs, tmp_path):
    seed = 2 * NUMBERS[WHICH_ACTOR]
    generate(tmp_path, Settings(48, 72, 17, supersampling=1, company=PAIRS), seed, 2)
    for scene, path in zip(pairs[WHICH_ACTOR], (clip_path(tmp_path, seed + n) for n in (0, 1))):
        again = load_clip(path)
        assert np.array_equal(again.frames, scene.frames) and again.pair == NUMBERS[WHICH_ACTOR]
    source = SceneClips(tmp_path)
    clips = [fitted(source.load(name), 32, 48, 9) for name in source.names()]
    assert [clip.pair for clip in clips] == [str(NUMBERS[WHICH_ACTOR])] * 2


def test_a_clip_that_says_its_pair_beside_its_company_is_read(pairs, tmp_path):
    """Clips of two people were written like that before pairs of one person were."""
    scene = pairs[WHICH_ACTOR][0]
    save_clip(tmp_path / "clip.npz", scene)
    with np.load(tmp_path / "clip.npz") as file:
        data = dict(file)
    meta = json.loads(str(data["meta"]))
    meta["company"]["pair"] = meta.pop("pair")
    np.savez(tmp_path / "clip.npz", **data | {"meta": np.array(json.dumps(meta))})
    assert load_clip(tmp_path / "clip.npz").pair == scene.pair


@pytest.mark.parametrize("name", PAIRS_OF)
def test_pairs_of_one_kind_can_be_asked_for(name, tmp_path):
    kind = PAIRS_OF[name]
    other_kind = next(k for k in NUMBERS if k != kind)
    seed = 2 * NUMBERS[other_kind]  # of its own accord the other kind
    generate(tmp_path, Settings(48, 72, 17, supersampling=1, company=name), seed, 2)
    assert [load_clip(clip_path(tmp_path, seed + n)).company.kind for n in (0, 1)] == [kind, kind]
