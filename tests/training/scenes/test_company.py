import numpy as np
import pytest
from scipy.spatial import cKDTree

from training.objectives.interaction_words import Triplet, triplet_spans
from training.scenes.clip_file import load_clip, save_clip
from training.scenes.company import generate_company_scene
from training.scenes.doings import HAND_OVER, KINDS, TWO_VERBS, WHICH_ACTOR
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE

SIZE = {"height": 48, "width": 72, "num_frames": 17, "supersampling": 1}
SEEDS = {WHICH_ACTOR: 1_000_000, HAND_OVER: 1_000_001, TWO_VERBS: 1_000_003}


@pytest.fixture(scope="module")
def company():
    return {kind: generate_company_scene(seed, **SIZE, kind=kind) for kind, seed in SEEDS.items()}


def surfaces(motion, body):
    return body.vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)[0].numpy()


def test_the_touches_that_are_told_are_those_of_the_surfaces(company, body):
    for scene in company.values():
        things = {i: o for i, o in zip(sorted(set(scene.id_names) - {0, 1, 9}), scene.motion.objects)}
        for person, motion in ((ACTOR_INSTANCE, scene.motion), (COMPANION_INSTANCE, scene.company.motion)):
            shown = surfaces(motion, body)
            hands = np.concatenate([body.part_vertices[f"{s}_hand"] for s in ("left", "right")])
            told = {thing: np.zeros(len(shown), bool) for thing in things}
            for doing in scene.doings:
                if doing.subject_id == person:
                    told[doing.object_id] = doing.touching
                elif doing.recipient_id == person:
                    told[doing.object_id] = scene.company.companion_touching
            for thing, there in told.items():
                corners = [things[thing].vertices_world(t) for t in range(len(shown))]
                near = [cKDTree(s[hands]).query(c)[0].min() < 0.03 for s, c in zip(shown, corners)]
                # a hand that is away from all corners of a mesh is away from its faces, too, but for large faces
                assert not (there & ~np.array(near)).any() or things[thing].name.startswith("box")


def test_nobody_enters_anybody(company, body):
    for scene in company.values():
        first, second = surfaces(scene.motion, body), surfaces(scene.company.motion, body)
        assert min(cKDTree(a).query(b)[0].min() for a, b in zip(first, second)) > 0.002


def test_one_acts_and_the_other_touches_nothing(company):
    scene = company[WHICH_ACTOR]
    assert scene.contact_labels[-1] == scene.target_id and not scene.company.companion_touching.any()
    assert len(scene.doings) == 1 and not scene.company.motion.contacts


def test_what_is_handed_over_is_first_held_by_one_then_by_both_then_by_the_other(company):
    scene = company[HAND_OVER]
    gives, takes = scene.doings[0].touching, scene.company.companion_touching
    assert (gives & takes).any() and np.argmax(gives) < np.argmax(takes)
    assert takes[-1] and not gives[-1] and scene.doings[0].recipient_id == COMPANION_INSTANCE
    target = next(o for o in scene.motion.objects if o.is_target)
    step = np.linalg.norm(np.diff(target.T_world_object[:, :3, 3], axis=0), axis=1)
    assert step.max() < 0.25  # metres a frame: it does not jump from hand to hand
    assert step[~(gives | takes)[:-1]].max() == 0  # nor move by itself


def test_two_people_do_two_different_things_to_two_objects(company):
    first, second = company[TWO_VERBS].doings
    assert first.verb != second.verb and first.object_id != second.object_id
    assert (first.subject_id, second.subject_id) == (ACTOR_INSTANCE, COMPANION_INSTANCE)
    assert first.touching.any() and second.touching.any()


def test_what_nobody_does_anything_to_stays(company):
    for scene in company.values():
        acted_on = {d.object_id for d in scene.doings}
        things = sorted(set(scene.id_names) - {0, ACTOR_INSTANCE, COMPANION_INSTANCE})
        for thing, track in zip(things, scene.motion.objects):
            if thing not in acted_on:
                assert np.array_equal(track.T_world_object, np.repeat(track.T_world_object[:1], 17, axis=0))


def test_ids_are_those_of_both_people_and_all_objects(company):
    for kind, scene in company.items():
        assert set(np.unique(scene.instance_ids[0])) == set(scene.id_names)
        marked = scene.first_frame_ids()
        assert np.array_equal(marked == 1, scene.target_mask)
        assert np.array_equal(marked == 2, scene.instance_ids[0] == ACTOR_INSTANCE)
        assert np.array_equal(marked == 3, scene.instance_ids[0] == COMPANION_INSTANCE)
        theirs = [d.object_id for d in scene.doings if d.subject_id == COMPANION_INSTANCE and kind == TWO_VERBS]
        assert np.array_equal(marked == 4, np.isin(scene.instance_ids[0], theirs))


def test_the_triplet_is_found_in_the_caption(company):
    for scene in company.values():
        subject, _, other = triplet_spans(scene.caption, Triplet(*scene.triplet))
        assert scene.triplet[0] in scene.caption[slice(*subject)] and subject[1] < other[0]
        assert "[TGT]" in scene.caption[: other[0]]


def test_people_who_are_alike_have_the_same_words():
    scene = generate_company_scene(7, 24, 36, 17, kind=HAND_OVER, alike=True, supersampling=1)
    giver, taker = scene.caption.removesuffix(".").split(" hands the [TGT] ")
    assert giver.removeprefix("A ") == taker.split(" to a ")[1]


def test_a_clip_with_company_comes_back_from_its_file(company, tmp_path):
    for kind, scene in company.items():
        save_clip(tmp_path / "clip.npz", scene)
        again = load_clip(tmp_path / "clip.npz")
        assert again.company.kind == kind and again.company.companion_id == COMPANION_INSTANCE
        assert np.array_equal(again.company.motion.pose_rad, scene.company.motion.pose_rad)
        for a, b in zip(again.doings, scene.doings, strict=True):
            assert (a.subject_id, a.verb, a.object_id, a.recipient_id) == (
                b.subject_id,
                b.verb,
                b.object_id,
                b.recipient_id,
            )
            assert np.array_equal(a.touching, b.touching)


def test_what_happens_does_not_depend_on_the_size():
    small, large = (generate_company_scene(1_000_001, h, w, 17, kind=HAND_OVER) for h, w in ((24, 36), (48, 72)))
    assert np.array_equal(small.motion.pose_rad, large.motion.pose_rad) and small.caption == large.caption


def test_an_unknown_kind_lists_the_valid_ones():
    with pytest.raises(ValueError, match="which_actor"):
        generate_company_scene(0, 24, 36, 17, kind="crowd")
    with pytest.raises(ValueError, match="1 to 2"):
        generate_company_scene(0, 24, 36, 17, num_candidates=3)


def test_kinds_are_mixed_by_the_seed():
    from training.scenes.company import _sample_plot

    drawn = [_sample_plot(seed, None, None, None).kind for seed in range(60)]
    assert {kind: drawn.count(kind) > 10 for kind in KINDS} == dict.fromkeys(KINDS, True)
