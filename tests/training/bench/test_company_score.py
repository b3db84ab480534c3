import numpy as np
import pytest

from hoi_motion.keypoints.sources import keypoint_source
from training.bench.candidates import first_candidate
from training.bench.cases import BENCH_VERSION, CLASS_NAMES, COMPANY_CLASSES, Case
from training.bench.company_score import score_company
from training.bench.runner import marked
from training.scenes.company import generate_company_scene
from training.scenes.doings import KINDS, WHICH_ACTOR
from training.scenes.pairs import generate_paired_scene

DEVELOPMENT_SEED = 900_000


@pytest.fixture(scope="module")
def scene():
    return generate_company_scene(DEVELOPMENT_SEED, 96, 144, 17, kind=WHICH_ACTOR, num_candidates=2)


def test_the_true_clip_is_a_hit_and_one_in_which_nothing_happens_is_none(scene):
    source = keypoint_source("low-resolution")
    assert score_company(scene.frames, scene, source).outcome == "hit"
    still = np.repeat(scene.frames[:1], 17, axis=0)
    assert score_company(still, scene, source).outcome == "none"


def test_the_right_object_in_the_wrong_persons_hand_is_wrong(scene):
    from dataclasses import replace

    ids = scene.instance_ids.copy()
    ids[scene.instance_ids == 1], ids[scene.instance_ids == 9] = 9, 1
    swapped = replace(scene, instance_ids=ids)
    assert score_company(scene.frames, swapped, keypoint_source("low-resolution")).outcome == "wrong"


def test_an_arm_that_reaches_past_somebody_is_not_theirs():
    """The actor reaches in front of the other person, for whom a source that knows one person finds that arm, too."""
    scene = generate_company_scene(900_203, 96, 144, 17, kind=WHICH_ACTOR)
    assert score_company(scene.frames, scene, keypoint_source("low-resolution")).outcome == "hit"


def test_the_one_who_is_not_marked_acts_for_the_other_in_the_other_clip_of_a_pair():
    marked_one, other_one = (generate_paired_scene(900_002 + i, 96, 144, 17) for i in range(2))
    assert marked_one.company.kind == WHICH_ACTOR
    assert score_company(other_one.frames, marked_one, keypoint_source("low-resolution")).outcome == "wrong"


def test_an_object_that_is_handed_over_before_another_one_is_still_the_one_that_was_taken():
    """Who stays longest is asked elsewhere; here the two hands and the object hang in front of another candidate."""
    touched = np.array([-1] * 5 + [0] * 3 + [1] * 9)
    assert first_candidate(touched) == 0
    assert first_candidate(np.array([-1, 1, 0, 0, 0])) == 0  # passed in a single frame
    assert first_candidate(np.full(5, -1)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_true_clips_are_hits(kind):
    scenes = [generate_company_scene(900_000 + i, 96, 144, 17, kind=kind) for i in range(3)]
    assert all(score_company(s.frames, s, keypoint_source("low-resolution")).outcome == "hit" for s in scenes)


def test_target_actor_and_companion_are_marked(scene):
    instances = marked(scene)
    assert [i.role for i in instances] == ["target", "actor", "other"]
    assert np.array_equal(instances[2].mask, scene.instance_ids[0] == 9)


def test_classes_with_company_come_behind_those_of_version_1_whose_seeds_stay():
    assert BENCH_VERSION == 4 and CLASS_NAMES[-3:] == COMPANY_CLASSES == KINDS
    seeds = {"candidates_2": 2_000_000, "thin": 2_005_000, "unseen_camera": 2_010_000, "which_actor": 2_011_000}
    assert {name: Case(name, 0).seed for name in seeds} == seeds


def test_scenes_of_version_1_are_what_they_were():
    scene = Case("unseen_camera", 1).scene(24, 36, 9, 8.0)
    assert scene.caption == "A woman in a purple shirt slides the [TGT] orange cup across the table."
    assert scene.company is None and scene.target_id in scene.candidate_ids
