"""The wider world: that its ground truth is true, and a function of the seed."""

import numpy as np
import pytest

from hoi_motion.body import load_body
from training.scenes.afterwards import (
    CARRIES_AWAY,
    CROSSES,
    FOOT_UP,
    KINDS,
    LATER_KINDS,
    PUTS_BACK,
    SITS,
    STANDS_UP,
    WALKS_UP,
)
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE
from training.scenes.posture import SIDES, standing_skeleton
from training.scenes.walking import stand, walk
from training.scenes.wider import generate_wider_scene, kind_of

SIZE = (48, 72)
FRAMES = 30
SEEDS = dict(zip(KINDS, (7, 8, 9, 10, 11)))


@pytest.fixture(scope="module")
def scenes():
    return {kind: generate_wider_scene(seed, *SIZE, FRAMES, kind=kind, supersampling=1) for kind, seed in SEEDS.items()}


@pytest.fixture(scope="module")
def later():
    how = dict(num_frames=24, version=2, supersampling=1)
    return {kind: generate_wider_scene(seed, *SIZE, kind=kind, **how) for seed, kind in enumerate(LATER_KINDS, 2)}


def joints(scene) -> np.ndarray:  # (T, 76, 3)
    return load_body().joints(scene.motion.pose_rad, scene.motion.transl_m, scene.motion.betas).numpy()


def in_hand(scene) -> np.ndarray:  # (T, 3)
    """The target in the frame of the wrist that takes it."""
    motion, body = scene.motion, load_body()
    side = motion.contacts[0].hand.partition("_")[0]
    wrist = body.joint_names.index(f"{side}_wrist")
    _, rotations = body.skeleton.keypoints_and_rotations(*body._tensors(motion.pose_rad, motion.transl_m, motion.betas))
    at = body.joints(motion.pose_rad, motion.transl_m, motion.betas)[:, wrist].numpy()
    away = motion.target.T_world_object[:, :3, 3] - at
    return np.einsum("tba,tb->ta", rotations[:, wrist].numpy(), away)


def test_every_kind_is_made_with_all_that_belongs_to_a_clip(scenes):
    for kind, scene in scenes.items():
        assert scene.frames.shape == (FRAMES, *SIZE, 3) and scene.motion.num_frames == FRAMES, kind
        assert scene.target_mask.any() and (scene.instance_ids == ACTOR_INSTANCE).any() and scene.motion.contacts, kind
    assert any(COMPANION_INSTANCE in scene.id_names for scene in scenes.values())
    assert {kind_of(seed) for seed in range(40)} == set(KINDS)


def test_a_scene_is_a_function_of_its_seed():
    one, other = (generate_wider_scene(8, *SIZE, FRAMES, kind=PUTS_BACK, supersampling=1) for _ in range(2))
    assert np.array_equal(one.frames, other.frames) and np.array_equal(one.motion.pose_rad, other.motion.pose_rad)


def test_what_is_carried_stays_where_the_hand_holds_it(scenes):
    held = in_hand(scenes[CARRIES_AWAY])[-8:]
    assert np.abs(held - held[-1]).max() < 2e-3
    path = scenes[CARRIES_AWAY].motion.transl_m[:, :2]
    assert np.linalg.norm(path[-1] - path[0]) > 0.5


def test_what_is_put_back_stands_where_it_stood(scenes):
    T = scenes[PUTS_BACK].motion.target.T_world_object
    assert np.abs(T[-1] - T[0]).max() < 1e-6 and T[:, 2, 3].max() - T[0, 2, 3] > 0.1


def test_who_sits_is_on_the_seat_that_is_in_the_truth(scenes):
    motion = scenes[SITS].motion
    seat = next(support for support in motion.supports if support.name == "seat")
    skin = load_body().vertices_and_joints(motion.pose_rad[-1:], motion.transl_m[-1:], motion.betas)[0][0].numpy()
    top = seat.T_world_box[2, 3] + seat.size_m[2] / 2
    over = (np.abs(skin[:, :2] - seat.T_world_box[:2, 3]) < seat.size_m[:2] / 2).all(1)
    assert abs(skin[over, 2].min() - top) < 0.06


def test_feet_that_stand_do_not_slide_and_the_walk_ends_where_it_should(scenes):
    skeleton = standing_skeleton(_shaped(), 0.1)
    path = walk(skeleton, 20, (-1.2, 0.3), -0.2, (0.0, 0.0), 0.0)
    end = stand(skeleton, 1)
    assert np.allclose(path.T_world_body[-1], end.T_world_body[0], atol=1e-6)
    for side in SIDES:
        assert np.allclose(path.ankles_m[side][-1], end.ankles_m[side][0], atol=1e-6)
    lift = np.stack([path.ankles_m[side][:, 2] - end.ankles_m[side][0, 2] for side in SIDES])
    assert (lift.min(0) < 1e-6).all() and lift.max() > 0.04  # one foot is always down
    for side, rise in zip(SIDES, lift):
        down = (rise[1:] < 1e-6) & (rise[:-1] < 1e-6)
        steps = np.linalg.norm(np.diff(path.ankles_m[side][:, :2], axis=0), axis=1)
        assert steps[down].max() < 0.02
    walked = scenes[WALKS_UP].motion
    assert np.abs(np.diff(walked.transl_m[:, :2], axis=0)).max() > 0.05


def test_who_stands_up_again_is_as_tall_as_before(later):
    height = joints(later[STANDS_UP])[:, 15, 2]
    assert height.min() < height[0] - 0.3 and height[-1] > height[0] - 0.05


def test_a_leg_that_crosses_lies_on_the_other_knee_and_its_foot_is_off_the_floor(later):
    at = joints(later[CROSSES])
    ankles, knees = at[:, [7, 8]], at[:, [5, 4]]
    side = int(ankles[-1, :, 2].argmax())
    assert np.linalg.norm(ankles[-1, side] - knees[-1, side]) < 0.16
    assert ankles[-1, side, 2] > ankles[0, side, 2] + 0.3
    assert abs(ankles[-1, 1 - side] - ankles[0, 1 - side]).max() < 1e-3


def test_a_foot_that_is_put_up_stands_on_the_stool_of_the_truth(later):
    scene = later[FOOT_UP]
    stool = next(support for support in scene.motion.supports if support.name == "stool")
    skin = load_body().vertices_and_joints(scene.motion.pose_rad[-1:], scene.motion.transl_m[-1:], scene.motion.betas)
    skin = skin[0][0].numpy()
    over = (np.abs(skin[:, :2] - stool.T_world_box[:2, 3]) < stool.size_m[:2] / 2).all(1) & (skin[:, 2] < 0.6)
    top = stool.T_world_box[2, 3] + stool.size_m[2] / 2
    assert abs(skin[over, 2].min() - top) < 0.03
    assert abs(skin[:, 2].min()) < 0.03  # the other one stands on the floor


def test_later_versions_have_more_kinds_and_do_not_share_their_scenes():
    assert {kind_of(seed, 2) for seed in range(60)} == {*KINDS, *LATER_KINDS}
    with pytest.raises(ValueError, match="there are walks up, puts back, carries away, drinks, sits down$"):
        generate_wider_scene(0, *SIZE, FRAMES, kind=CROSSES)
    with pytest.raises(ValueError, match="version is 3; there are 1, 2"):
        generate_wider_scene(0, *SIZE, FRAMES, version=3)


def _shaped():
    from hoi_motion.body.skinning import ShapedBody

    return ShapedBody(load_body(), np.zeros(10))


def test_another_kind_is_named():
    with pytest.raises(ValueError, match="kind is 'flies'; there are walks up"):
        generate_wider_scene(0, *SIZE, FRAMES, kind="flies")
