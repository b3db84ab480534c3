import numpy as np
import pytest

from tavid_planner.errors import InputError
from training.intergeneval.coloured_things import track_things
from training.intergeneval.evidence import scene_evidence, true_contact
from training.intergeneval.geometric import GeometricJudge
from training.intergeneval.judged_clip import JudgedClip
from training.intergeneval.truth import asked_of
from training.scenes.company import generate_company_scene
from training.scenes.doings import HAND_OVER, KINDS
from training.scenes.scene import generate_scene

DEVELOPMENT_SEED = 900_000


@pytest.fixture(scope="module")
def scenes():
    together = [generate_company_scene(DEVELOPMENT_SEED + 1, 96, 144, 17, kind=kind) for kind in KINDS]
    return [*together, generate_scene(DEVELOPMENT_SEED + 1, 96, 144, 17)]


def test_the_judge_is_right_about_what_happens_and_what_does_not(scenes):
    judge = GeometricJudge()
    asked = [a for scene in scenes for a in asked_of(scene)]
    agrees = np.stack([judge.answers(a.clip, a.interaction) == a.right for a in asked])
    assert agrees.mean() >= 0.93  # of a few scenes; the command states it for many
    assert {a.case for a in asked} == {"as it is", "another person", "another thing", "another verb", "cut short"}
    right = np.stack([a.right for a in asked])
    assert 0.3 < right.mean() < 0.8  # neither answer alone would do


def test_a_scene_as_it_is_gets_yes_to_all(scenes):
    for scene in scenes:
        real = asked_of(scene)[0]
        assert real.case == "as it is" and real.right.all()


def test_a_person_who_stands_by_is_not_the_one_who_acts(scenes):
    asked = next(a for a in asked_of(scenes[0]) if a.case == "another person")
    answers = GeometricJudge().answers(asked.clip, asked.interaction)
    assert not answers[[3, 4, 5, 7, 9]].any() and answers[8]


def test_nothing_appears_or_vanishes_in_a_scene(scenes):
    for scene in scenes:
        evidence = scene_evidence(scene)
        assert not evidence.emerged.any() and not evidence.vanished.any()


def test_who_gets_the_object_touches_it_too(scenes):
    scene = scenes[KINDS.index(HAND_OVER)]
    contact = true_contact(scene)
    assert contact[scene.company.companion_id, scene.target_id][-1] and not contact[1, scene.target_id][-1]


def test_a_clip_of_which_nothing_is_known_is_refused(scenes):
    scene = scenes[0]
    asked = asked_of(scene)[0]
    with pytest.raises(InputError, match="geometric judge"):
        GeometricJudge().answers(JudgedClip(scene.frames, scene.instance_ids[0], 8.0), asked.interaction)


def painted(places, extra=()):
    frames = np.full((len(places), 60, 90, 3), 120, np.uint8)
    for t, place in enumerate(places):
        if place is not None:
            frames[t, 20:30, place : place + 10] = (220, 30, 30)
    for t in extra:
        frames[t, 45:55, 70:80] = (220, 30, 30)
    first = np.zeros((60, 90), bool)
    first[20:30, places[0] : places[0] + 10] = True
    return frames, first


def test_a_thing_that_moves_is_followed_by_its_colour():
    frames, first = painted([10, 14, 20, 28, 34])
    found = track_things(frames, {2: first})
    assert np.allclose(found.centre_px[2][:, 0], [14.5, 18.5, 24.5, 32.5, 38.5])
    assert not found.vanished.any() and not found.emerged.any()


def test_a_thing_that_is_painted_over_has_vanished_and_one_more_has_emerged():
    frames, first = painted([10, 10, None, None], extra=[1])
    found = track_things(frames, {2: first})
    assert found.vanished.tolist() == [False, False, True, True]
    assert found.emerged.tolist() == [False, True, False, False]
