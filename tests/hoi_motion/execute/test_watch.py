"""A plan that is watched: what is noticed, where the arm stops, and what is planned then."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.errors import InputError, RetargetError
from hoi_motion.execute.execute import execute
from hoi_motion.execute.watch import STOP_S, Push, replanned, transplanted, watch
from hoi_motion.rigid import R_about_z


def shifted(motion, way_m) -> np.ndarray:
    T = motion.objects[0].T_world_object[0].copy()
    T[:3, 3] += way_m
    return T


def test_nothing_is_noticed_where_nothing_happens(result, panda, motion):
    assert watch(result, panda, motion) is None


def test_a_plan_of_another_robot_is_refused(result, panda, motion):
    other = replace(result, joint_names=("elbow", *result.joint_names[1:]))
    with pytest.raises(InputError, match="FILE_INVALID.*moves elbow"):
        watch(other, panda, motion)


def test_a_pushed_object_is_taken_where_it_is_now(result, panda, motion, body):
    T = shifted(motion, [0, 0.07, 0])
    there = transplanted(motion, "bar", T, body)
    assert not execute(result, panda, there).done  # the old plan grasps where it was
    push_s = 0.4 * result.facts["touch_s"]
    seen = watch(result, panda, motion, Push(push_s, T))
    assert push_s <= seen.time_s < push_s + 0.1 and seen.off_m == pytest.approx(0.07, abs=0.005)
    stood = result.spline()(seen.time_s + STOP_S / 2)[:7]  # half of the way that it would have gone meanwhile
    assert seen.q == pytest.approx(stood, abs=0.01)
    anew, now = replanned(result, panda, motion, body, seen)
    assert anew.positions_rad[0, :7] == pytest.approx(seen.q, abs=1e-9)
    assert anew.T_world_root() == pytest.approx(result.T_world_root())
    done = execute(anew, panda, now)
    assert done.done, done.sentence()


def test_a_turned_scene_keeps_the_hand_at_the_object(motion, body):
    T = shifted(motion, [0.05, -0.02, 0])
    T[:3, :3] = R_about_z(0.5)
    there = transplanted(motion, "bar", T, body)

    def hand_in_object(of) -> np.ndarray:
        wrist = body.joints(of.pose_rad, of.transl_m, of.betas)[:, 21].double().numpy()
        pose = of.objects[0].T_world_object
        return np.einsum("tji,tj->ti", pose[:, :3, :3], wrist - pose[:, :3, 3])

    assert hand_in_object(there) == pytest.approx(hand_in_object(motion), abs=1e-5)
    assert there.objects[0].T_world_object[0] == pytest.approx(T)


def test_what_fell_over_is_not_planned_for(motion, body):
    T = shifted(motion, [0.05, 0, -0.04])
    T[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    with pytest.raises(RetargetError, match="'bar' fell over: it is turned by 90 degrees"):
        transplanted(motion, "bar", T, body)
