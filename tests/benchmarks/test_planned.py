"""What the benchmark of plans on true objects calls found, in place and done."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.planned import centre_m, found, in_true_world, jobs_of, table
from hoi_motion.body.change import in_world
from training.scenes.scene import free_body, generate_scene


@pytest.fixture(scope="module")
def truth():
    return generate_scene(1_005_000, 48, 72, 9, supersampling=1).motion


def tilted(truth, angle_rad: float, farther: float = 1.0):
    """The truth as a lift sees it that is wrong about which way is up, and about how far away the target is."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("x", angle_rad).as_matrix() @ Rotation.from_euler("z", 0.7).as_matrix()
    T[:3, 3] = [0.3, -0.2, 0.1]
    eye = truth.camera.T_world_camera[:3, 3]
    away = (farther - 1) * (centre_m(truth)[0] - eye)
    poses = truth.target.T_world_object.copy()
    poses[:, :3, 3] += away
    thing = replace(truth.target, T_world_object=poses)
    others = tuple(thing if o.is_target else o for o in truth.objects)
    lifted = in_world(truth.replace(objects=others), T, free_body())
    return lifted.replace(
        diagnostics={"target_distance_source": "hand"},
    )


def test_a_lift_without_a_fault_comes_to_lie_on_the_truth(truth):
    plan = in_true_world(tilted(truth, 0.0), truth, free_body())
    np.testing.assert_allclose(plan.target.T_world_object, truth.target.T_world_object, atol=1e-6)


@pytest.mark.parametrize("angle_rad", [-0.1, 0.15])
def test_the_target_lies_where_the_camera_saw_it_and_stands_though_the_lift_was_tilted(truth, angle_rad):
    lifted = tilted(truth, 0.0)
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("x", angle_rad).as_matrix()
    wrong = lifted.replace(camera=replace(lifted.camera, T_world_camera=T @ lifted.camera.T_world_camera))
    plan = in_true_world(wrong, truth, free_body())
    seen_m = [m.camera.to_camera(centre_m(m)[0]) for m in (wrong, plan)]
    np.testing.assert_allclose(truth.camera.to_camera(centre_m(plan)[0]), seen_m[0], atol=1e-6)
    up = plan.target.T_world_object[0, :3, :3] @ wrong.target.T_world_object[0, :3, :3].T @ [0, 0, 1.0]
    np.testing.assert_allclose(up, [0, 0, 1], atol=1e-6)


def test_an_error_along_the_line_of_sight_is_separated_from_one_across(truth):
    row = found(tilted(truth, 0.0, farther=1.05), truth)
    far_m = np.linalg.norm(truth.camera.to_camera(centre_m(truth)[0]))
    assert row["sight_cm"] == pytest.approx(5 * far_m, rel=1e-3)
    assert row["across_cm"] < 0.01 and row["size_ratio"] == pytest.approx(1)


def test_cases_are_the_first_of_every_class_and_those_for_development_are_others():
    bench, development = jobs_of(22, 0), jobs_of(22, 500)
    assert len(bench) == 22 and not set(bench) & set(development)
    assert [case.index for (case,) in bench.values()] == [0] * 11 + [1] * 11


def test_failures_are_counted_by_act_and_cause():
    done = {"why_not": "", "stage": "place", "told": ""}
    other = {"why_not": "another act", "stage": "none", "told": "the plan is a lift"}
    rows = [
        {"piece": "a 0", "what": "picks up red cup", "kind": "lift", "by_robot": {"panda": done}},
        {"piece": "b 0", "what": "slides red cup", "kind": "slide", "by_robot": {"panda": other}},
    ]
    text = "\n".join(table(rows, ["panda"], depth=False, known=False))
    assert "1/2 (goal 6 of 22); touch 0/0, slide 0/1, lift 1/1" in text
    assert "slide, another act: 1" in text and "b 0, slides red cup, not lifted: the plan is a lift" in text
