import numpy as np
import pytest
from scipy.spatial import cKDTree

from hoi_motion.body import SURFACE_POINTS
from hoi_motion.body.anatomy import degrees_over_limits
from training.scenes.collisions import CONTACT_M
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.layout import FLOOR_SHARE
from training.scenes.scene import HELD_OUT_SEED, SceneError, generate_scene, sample_plot

BODY_JOINTS = (0, 3, 6, 9, 12, 16, 17, 18, 19, 20, 21)  # inside the flesh


def grown(mask, pixels=1):
    out = mask.copy()
    for _ in range(pixels):
        wider = out.copy()
        wider[1:] |= out[:-1]
        wider[:-1] |= out[1:]
        wider[:, 1:] |= out[:, :-1]
        wider[:, :-1] |= out[:, 1:]
        out = wider
    return out


def test_joints_project_into_the_actor(samples, body):
    """Unless something stands in front: then the pixel belongs to that."""
    for sample in samples:
        motion = sample.motion
        _, joints = body.vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)
        for t in range(motion.num_frames):
            pixels = np.rint(motion.camera.project(joints[t, list(BODY_JOINTS)].numpy())).astype(int)
            inside = (pixels >= 0).all(1) & (pixels < [motion.camera.width, motion.camera.height]).all(1)
            actor = grown(sample.instance_ids[t] == ACTOR_INSTANCE)
            column, row = pixels[inside].T
            hit = actor[row, column]
            assert hit[sample.instance_ids[t][row, column] == ACTOR_INSTANCE].all() and hit.mean() > 0.6


def test_surface_of_the_motion_covers_the_actors_pixels(sample, body):
    motion = sample.motion
    vertices, _ = body.vertices_and_joints(motion.pose_rad[-1:], motion.transl_m[-1:], motion.betas)
    pixels = np.rint(motion.camera.project(vertices[0].numpy())).astype(int)
    actor = sample.instance_ids[-1] == ACTOR_INSTANCE
    covered = np.zeros_like(actor)
    ok = (pixels >= 0).all(1) & (pixels < [actor.shape[1], actor.shape[0]]).all(1)
    covered[pixels[ok, 1], pixels[ok, 0]] = True
    assert grown(covered, 2)[actor].mean() > 0.99  # hair and clothes stand off by a pixel


def test_every_object_projects_onto_its_own_pixels(samples):
    for sample in samples:
        for thing, instance in zip(sample.motion.objects, sorted(sample.id_names)[2:]):
            for t in (0, sample.motion.num_frames - 1):
                seen = np.argwhere(sample.instance_ids[t] == instance)[:, ::-1]
                if len(seen) == 0:
                    continue
                corners = sample.motion.camera.project(thing.vertices_world(t))
                assert (seen >= corners.min(0) - 1).all() and (seen <= corners.max(0) + 1).all()


def test_hand_touches_in_contact_frames_and_not_before(samples, body):
    for sample in samples:
        motion, (contact,) = sample.motion, sample.motion.contacts
        vertices, _ = body.vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)
        hand = vertices[:, body.part_vertices[contact.hand]].numpy()
        for t in range(motion.num_frames):
            surface = sample.motion.target.vertices_world(t)
            gap = cKDTree(dense(surface, motion.target.faces)).query(hand[t])[0].min()
            if contact.start_frame <= t < contact.end_frame:
                assert gap < 0.02
            else:
                assert gap > CONTACT_M / 2
        assert contact.end_frame == motion.num_frames


def dense(vertices, faces, steps=6):
    """Points all over the surface of a mesh."""
    u, v = np.meshgrid(np.linspace(0, 1, steps), np.linspace(0, 1, steps))
    u, v = u[u + v <= 1], v[u + v <= 1]
    a, b, c = (vertices[faces[:, k]][:, None] for k in range(3))
    return (a + u[:, None] * (b - a) + v[:, None] * (c - a)).reshape(-1, 3)


def test_target_rests_until_the_hand_has_it_then_follows(samples):
    for sample in samples:
        T, touching = sample.motion.target.T_world_object, sample.contact_labels > 0
        assert np.array_equal(T[~touching], np.tile(T[0], ((~touching).sum(), 1, 1)))
        assert (sample.contact_labels[touching] == sample.target_id).all()


def test_actor_stands_still_at_first_and_on_the_floor(samples, body):
    for sample in samples:
        motion = sample.motion
        vertices, joints = body.vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)
        wrists = joints[:, [20, 21]]
        assert (wrists[1] - wrists[0]).abs().max() < 0.005
        assert np.abs(vertices[..., 2].min(1).values.numpy()).max() < 0.005
        heel = vertices[:, SURFACE_POINTS["left_heel"]]
        assert (heel - heel[0]).abs().max() < 0.002
        assert np.abs(joints[0, 0, :2].numpy()).max() < 0.03  # the world's origin is under the pelvis


def test_on_the_floor_there_is_no_table_and_the_actor_crouches(floor_sample, body):
    motion = floor_sample.motion
    assert motion.supports == ()
    assert all(thing.T_world_object[0, 2, 3] == 0 for thing in motion.objects)
    _, joints = body.vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)
    pelvis = joints[:, 0, 2]
    assert pelvis[-1] < 0.75 * pelvis[0]
    assert not degrees_over_limits(motion.pose_rad)[0].any()


def test_share_of_scenes_on_the_floor():
    share = np.mean([sample_plot(seed, None).on_floor for seed in range(2000)])
    assert share == pytest.approx(FLOOR_SHARE, abs=0.02)


def test_mask_is_the_target_in_the_first_frame(samples):
    for sample in samples:
        assert np.array_equal(sample.target_mask, sample.instance_ids[0] == sample.target_id)
        assert sample.target_mask.sum() >= 20


def test_candidates_are_identical_and_caption_names_one(samples):
    for sample in samples:
        assert len(sample.candidate_ids) == 3 and sample.target_id in sample.candidate_ids
        assert {sample.id_names[i] for i in sample.candidate_ids} == {sample.triplet[2]}
        assert f"[TGT] {sample.triplet[2]}" in sample.caption
        assert "left" not in sample.caption and "right" not in sample.caption


def test_same_seed_same_scene_other_seed_another(sample):
    size = {"height": 96, "width": 144, "num_frames": 13, "num_candidates": 3}
    again = generate_scene(sample.seed, **size)
    assert np.array_equal(again.frames, sample.frames) and np.array_equal(again.motion.pose_rad, sample.motion.pose_rad)
    other = generate_scene(sample.seed + 1, **size)
    assert not np.array_equal(other.frames, sample.frames)


def test_what_happens_does_not_depend_on_the_size(sample):
    small = generate_scene(sample.seed, 48, 72, 13, num_candidates=3)
    assert np.array_equal(small.motion.pose_rad, sample.motion.pose_rad)
    assert small.frames.shape == (13, 48, 72, 3)
    assert sample.K[0, 0] / small.K[0, 0] == pytest.approx(2)


def test_seed_without_a_valid_scene_is_an_error(monkeypatch):
    monkeypatch.setattr("training.scenes.scene.MAX_ATTEMPTS", 0)
    with pytest.raises(SceneError, match=str(HELD_OUT_SEED)):
        generate_scene(HELD_OUT_SEED, 48, 72, 5)
