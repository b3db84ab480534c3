import dataclasses
import itertools

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.arm.unsure import unsure_arm
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.obstacles import AROUND_M, LEAST_HEIGHT_M, seen_obstacles
from training.scenes.conditions import Conditions
from training.scenes.scene import free_body, generate_scene


@pytest.fixture(scope="module")
def scene():
    clutter = Conditions(others=3, on_table=True)
    return generate_scene(910_003, 96, 144, 9, num_candidates=2, conditions=clutter, with_depth=True)


def boxes(scene):
    return [(v.min(0), v.max(0)) for v in found(scene)]


def found(scene):
    return seen_obstacles(scene.motion, scene.depth_m[0], scene.target_mask, free_body())


def overlap(box, thing) -> bool:
    vertices = thing.vertices_world(0)
    return bool((box[0] < vertices.max(0)).all() and (vertices.min(0) < box[1]).all())


def test_what_stands_around_the_target_is_found_and_nothing_else(scene):
    target = scene.motion.target
    others = [thing for thing in scene.motion.objects if thing.name != target.name]
    for thing in others:
        away_m = np.linalg.norm((thing.T_world_object[0] - target.T_world_object[0])[:2, 3])
        if away_m < AROUND_M - 0.1:
            assert any(overlap(box, thing) for box in boxes(scene)), thing.name
    for box in boxes(scene):
        assert any(overlap(box, thing) for thing in others)
        assert not overlap(box, target)


def test_the_person_is_no_obstacle(scene):
    motion = scene.motion
    skin_m = free_body().vertices_and_joints(motion.pose_rad[:1], motion.transl_m[:1], motion.betas)[0][0].numpy()
    for vertices_m in found(scene):
        top_m = vertices_m[vertices_m[:, 2] > vertices_m[:, 2].min() + LEAST_HEIGHT_M]
        assert cKDTree(skin_m).query(top_m)[0].min() > 0.02


def test_a_hole_in_the_depth_image_is_nothing(scene):
    for unknown in (0.0, np.nan):
        depth_m = np.full_like(scene.depth_m[0], unknown)
        assert seen_obstacles(scene.motion, depth_m, scene.target_mask, free_body()) == ()


def test_a_finer_depth_image_shows_the_same_things(scene):
    """What is a speck, and how near the target is its edge, is told in metres."""
    fine, camera = 4, scene.motion.camera
    K = camera.K * [[fine], [fine], [1]] + [[0, 0, (fine - 1) / 2], [0, 0, (fine - 1) / 2], [0, 0, 0]]
    finer = dataclasses.replace(camera, K=K, width=fine * camera.width, height=fine * camera.height)
    depth_m, mask = (image.repeat(fine, 0).repeat(fine, 1) for image in (scene.depth_m[0], scene.target_mask))
    row, column = (int(places.max()) for places in np.nonzero(mask))
    row -= int(np.ptp(np.nonzero(mask)[0])) // 2
    depth_m[row : row + 3, column + 12 : column + 15] = np.median(depth_m[mask]) - 0.05  # a speck beside the target
    again = seen_obstacles(scene.motion.replace(camera=finer), depth_m, mask, free_body())
    assert len(again) == len(found(scene))
    for vertices_m, (low, high) in zip(again, boxes(scene)):
        assert np.abs(vertices_m.min(0) - low).max() < 0.015 and np.abs(vertices_m.max(0) - high).max() < 0.015


def test_an_obstacle_stands_beside_an_object_that_is_called_like_one(panda, motion):
    called = dataclasses.replace(motion.objects[0], name="obstacle 1")
    contacts = tuple(dataclasses.replace(c, object_name=called.name) for c in motion.contacts)
    scene = motion.replace(objects=(called, *motion.objects[1:]), contacts=contacts)
    corners = 0.05 * np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    with ArmWorld(panda, scene, called.name, obstacles=(corners + [2.0, 0, 1], corners + [3.0, 0, 1])) as world:
        assert len(world.bodies) == 1 + len(scene.supports) + len(scene.objects) + 2


def free_of(panda, motion, result, obstacles) -> bool:
    with ArmWorld(panda, motion, "bar", obstacles=obstacles) as world:
        world.set_base(result.T_world_root())
        for i, q in enumerate(result.positions_rad):
            world.place_target(result.T_world_object(i))
            world.pose(q[:7], q[7:])
            hit = world.collision(0.01, with_self=False)
            if hit and "obstacle" in hit[0]:
                return False
    return True


def test_an_arm_goes_past_what_stands_in_its_way(panda, motion, body):
    plain = retarget_arm(motion, panda, body)
    before = int(0.85 * plain.facts["touch_s"] * plain.fps)
    hand_m = (plain.T_world_root() @ panda.forward(plain.positions_rad[before, :7]))[:3, 3]
    post = [trimesh.creation.box((0.03, 0.03, 0.06)).vertices + hand_m]
    assert not free_of(panda, motion, plain, post)
    answer = unsure_arm(motion, panda, body, obstacles=post)
    assert answer.plan.facts["obstacles_avoided"] == 1 and free_of(panda, motion, answer.plan, post)


def test_obstacles_that_leave_no_way_are_ignored_and_the_plan_says_so(panda, motion, body):
    around = [trimesh.creation.box((0.3, 0.3, 0.3)).vertices + motion.objects[0].T_world_object[0, :3, 3]]
    answer = unsure_arm(motion, panda, body, obstacles=around)
    assert answer.plan.facts["obstacles_ignored"] == 1
    assert np.array_equal(answer.plan.positions_rad, retarget_arm(motion, panda, body).positions_rad)
