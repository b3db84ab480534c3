"""What a retargeted arm does: limits, reach, time, and when it refuses."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.motion import SupportBox
from hoi_motion.retarget.arm.grasp import acting_contact
from hoi_motion.retarget.arm.trajectory import retarget_arm, timeline
from hoi_motion.retarget.arm.world import ArmWorld


def base_of(result) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(result.root_pose[0, 3:]).as_matrix(), result.root_pose[0, :3]
    return T


def test_joints_stay_within_their_position_limits(result, panda):
    q = result.positions_rad[:, :7]
    assert (q >= panda.lower_rad).all() and (q <= panda.upper_rad).all()


def test_joints_stay_within_their_velocity_limits(result, panda):
    velocity = np.abs(result.rates()[0]).max(axis=0)
    assert (velocity <= np.concatenate([panda.velocity_rad_s, panda.gripper_velocity]) + 1e-9).all()


def test_joints_stay_within_their_acceleration_limits(result, panda):
    assert (np.abs(result.rates()[1][:, :7]).max(axis=0) <= panda.acceleration_rad_s2 + 1e-9).all()


def test_the_gripper_keeps_its_pose_on_the_moving_object(result, motion, panda):
    line = timeline(motion, acting_contact(motion))
    for i in range(line.touch, line.release + 1, 5):
        tool = base_of(result) @ panda.forward(result.positions_rad[i, :7])
        wanted = line.T_world_object[i] @ np.array(result.facts["T_object_tool"])
        assert np.linalg.norm(tool[:3, 3] - wanted[:3, 3]) < 1e-3


def test_the_fingers_close_on_a_bar_that_fits(result):
    assert result.facts["grip"] == "pinch" and result.facts["width_m"] == pytest.approx(0.04, abs=0.002)
    assert result.facts["gap_m"] < 0.005


def test_pybullet_and_pinocchio_agree_on_where_the_gripper_is(result, motion, panda):
    import pybullet

    with ArmWorld(panda, motion, "bar") as world:
        world.set_base(base_of(result))
        world.pose(result.positions_rad[40, :7], 0.04)
        link = world.link_names.index("panda_grasptarget")
        at = pybullet.getLinkState(world.robot, link, computeForwardKinematics=True, physicsClientId=world.client)[4]
    assert at == pytest.approx((base_of(result) @ panda.forward(result.positions_rad[40, :7]))[:3, 3], abs=1e-4)


def test_frame_0_is_kept_and_the_whole_source_is_covered(result, motion):
    assert result.source_time_s[0] == 0
    assert result.source_time_s[-1] == pytest.approx((motion.num_frames - 1) / motion.fps)


def test_the_same_input_gives_the_same_output(result, motion, panda, body):
    again = retarget_arm(motion, panda, body)
    assert np.array_equal(again.positions_rad, result.positions_rad) and again.facts == result.facts


def test_a_faster_person_makes_the_robot_stretch_the_time(motion, panda, body, result):
    fast = retarget_arm(motion.replace(fps=motion.fps * 3), panda, body, base_of(result))
    assert fast.stretch > 1.5
    velocity = np.abs(fast.rates()[0][:, :7]).max(axis=0) / panda.velocity_rad_s
    acceleration = np.abs(fast.rates()[1][:, :7]).max(axis=0) / panda.acceleration_rad_s2
    assert max(velocity.max(), acceleration.max()) == pytest.approx(1, abs=0.35) and velocity.max() <= 1 + 1e-9


def refused(motion, panda, body, base=None) -> TavidError:
    with pytest.raises(TavidError) as caught:
        retarget_arm(motion, panda, body, base)
    return caught.value


def test_a_base_too_far_away_is_unreachable(motion, panda, body):
    T = np.eye(4)
    T[:3, 3] = [-2, 0, 0.7]
    error = refused(motion, panda, body, T)
    assert error.code == ErrorCode.UNREACHABLE and "out of its reach" in error.message


def test_an_object_inside_a_box_is_unreachable(motion, panda, body):
    lid = np.eye(4)
    lid[:3, 3] = motion.objects[0].T_world_object[0, :3, 3] + [0, 0, 0.02]
    closed = motion.replace(supports=(*motion.supports, SupportBox("crate", np.array([0.5, 0.5, 0.3]), lid)))
    error = refused(closed, panda, body)
    assert error.code == ErrorCode.UNREACHABLE and "crate" in error.message


def test_lifting_what_is_too_wide_is_unreachable(motion, panda, body):
    thing = motion.objects[0]
    wide = dataclasses.replace(thing, vertices_m=thing.vertices_m * [4, 4, 1])
    error = refused(motion.replace(objects=(wide,)), panda, body)
    assert error.code == ErrorCode.UNREACHABLE
    assert "160 mm wide" in error.message and "opens 80 mm" in error.message


@pytest.mark.parametrize(
    "what, change",
    [
        ("no object", {"objects": (), "contacts": ()}),
        ("no hand touches", {"contacts": ()}),
    ],
)
def test_a_motion_without_what_an_arm_needs_is_named(motion, panda, body, what, change):
    error = refused(motion.replace(**change), panda, body)
    assert error.code == ErrorCode.FILE_INVALID and what in error.message.replace("the motion has ", "")


def test_one_frame_is_named(motion, panda, body):
    thing = dataclasses.replace(motion.objects[0], T_world_object=motion.objects[0].T_world_object[:1])
    one = motion.replace(
        pose_rad=motion.pose_rad[:1],
        transl_m=motion.transl_m[:1],
        objects=(thing,),
        contacts=(dataclasses.replace(motion.contacts[0], start_frame=0, end_frame=1),),
    )
    assert "1 frame" in refused(one, panda, body).message
