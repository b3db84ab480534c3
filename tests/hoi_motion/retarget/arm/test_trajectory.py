"""What a retargeted arm does: limits, reach, time, and when it refuses."""

import dataclasses
import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.execute.execution_world import ExecutionWorld
from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.motion import SupportBox
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.attempt import APPROACH_SHARE, BERTH_M, Attempt, NotPossible
from hoi_motion.retarget.arm.grasp import acting_contact, grasp_candidates, hand_on_object
from hoi_motion.retarget.arm.timeline import course_of, timeline
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.retarget import retarget
from hoi_motion.retarget.robots.config import load_robot_config
from hoi_motion.rigid import standing_at
from tests.hoi_motion.retarget.conftest import lifting


def base_of(result) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(result.root_pose[0, 3:]).as_matrix(), result.root_pose[0, :3]
    return T


def test_joints_stay_within_their_position_limits(result, panda):
    q = result.positions_rad[:, :7]
    assert (q >= panda.lower_rad).all() and (q <= panda.upper_rad).all()


def test_joints_stay_within_their_velocity_limits(result, panda):
    assert (result.peaks()[0] <= [*panda.velocity_rad_s, 0.2, 0.2]).all()  # fingers: as the URDF says


def test_joints_stay_within_their_acceleration_limits(result, panda):
    assert (result.peaks()[1][:7] <= panda.acceleration_rad_s2).all()


def test_the_gripper_keeps_its_pose_on_the_moving_object(result, motion, panda):
    times = np.arange(len(result.positions_rad)) / result.fps
    for i in np.flatnonzero((times > result.facts["touch_s"]) & (times < result.facts["release_s"]))[::5]:
        tool = base_of(result) @ panda.forward(result.positions_rad[i, :7])
        wanted = result.T_world_object(i) @ np.array(result.facts["T_object_tool"])
        assert np.linalg.norm(tool[:3, 3] - wanted[:3, 3]) < 3e-3


def test_the_fingers_close_on_a_bar_that_fits(result):
    assert result.facts["grip"] == "pinch" and result.facts["width_m"] == pytest.approx(0.04, abs=0.002)
    assert result.facts["gap_m"] < 0.005


def test_pybullet_and_pinocchio_agree_on_where_the_gripper_is(result, motion, panda):
    import pybullet

    with ArmWorld(panda, motion, "bar") as world:
        world.set_base(base_of(result))
        world.pose(result.positions_rad[40, :7], [0.04, 0.04])
        link = world.link_names.index("panda_grasptarget")
        at = pybullet.getLinkState(world.robot, link, computeForwardKinematics=True, physicsClientId=world.client)[4]
    assert at == pytest.approx((base_of(result) @ panda.forward(result.positions_rad[40, :7]))[:3, 3], abs=1e-4)


def test_the_arm_gives_the_object_a_berth_until_it_goes_straight_to_it(result, motion, panda):
    """What is a little taller than lifted would else be landed on."""
    until = int((1 - APPROACH_SHARE) * result.facts["touch_s"] * result.fps)
    with ArmWorld(panda, motion, "bar") as world:
        world.set_base(base_of(result))
        world.place_target(motion.object_named("bar").T_world_object[0])
        for q in result.positions_rad[: until - 1]:
            world.pose(q[:7], q[7:])
            assert world.nearest()[0] > BERTH_M - 1e-3


def test_a_touch_out_of_reach_is_so_on_every_path_of_the_object(motion, panda, body):
    """So it is not tried again for the straight path: both fail at the same touch, for the same reason."""
    course = course_of(motion, acting_contact(motion))
    thing, up = motion.object_named("bar"), course.T_touch[2, :3]
    hand_m, approach = hand_on_object(motion, acting_contact(motion), body)
    base, failures = np.eye(4), []
    with ArmWorld(panda, motion, "bar") as world:
        for grasp in list(grasp_candidates(thing, up, hand_m, approach, panda.gripper, course.kind))[:12]:
            for path in ("person", "straight"):
                line = timeline(course, 0.3, 0.3, path)
                try:
                    Attempt(panda, world, motion, line, grasp, base, panda.home_rad).path()
                    failures.append("")
                except NotPossible as failure:
                    failures.append(failure.reason if failure.path_independent else "")
    assert any(failures)
    assert failures[::2] == failures[1::2]


def test_a_touch_that_is_surely_out_of_reach_is_not_solved_for(motion, panda, body, monkeypatch):
    contact = acting_contact(motion)
    course, thing = course_of(motion, contact), motion.object_named("bar")
    place = thing, course.T_touch[2, :3], *hand_on_object(motion, contact, body)
    grasp = next(grasp_candidates(*place, panda.gripper, course.kind))
    monkeypatch.setattr(panda, "solve", lambda *_: pytest.fail("it was solved for"))
    with pytest.raises(NotPossible) as failure:
        line = timeline(course, 0.3, 0.3, "person")
        Attempt(panda, None, motion, line, grasp, standing_at((3.0, 3.0, 0.0), 0.0), panda.home_rad).path()
    assert failure.value.path_independent and failure.value.reason == "the touch is out of its reach"


def test_frame_0_is_kept_and_the_whole_source_is_covered(result, motion):
    assert result.source_time_s[0] == 0
    assert result.source_time_s[-1] == pytest.approx((motion.num_frames - 1) / motion.fps)


def test_the_same_input_gives_the_same_output(result, motion, panda, body):
    again = retarget_arm(motion, panda, body)
    assert np.array_equal(again.positions_rad, result.positions_rad) and again.facts == result.facts


def test_a_faster_person_makes_the_robot_stretch_the_time(motion, panda, body, result):
    fast = retarget_arm(motion.replace(fps=motion.fps * 3), panda, body, base_of(result))
    assert fast.stretch > 1.5
    velocity, acceleration = fast.peaks()
    shares = [*(velocity[:7] / panda.velocity_rad_s), *(acceleration[:7] / panda.acceleration_rad_s2)]
    assert 0.95 < max(shares) <= 1


def test_it_starts_where_the_robot_stands(motion, panda, body, result):
    start = panda.home_rad + 0.1
    moved = retarget(motion, panda.config, body=body, T_world_base=base_of(result), start_rad=start)
    assert moved.positions_rad[0, :7] == pytest.approx(start) and not np.allclose(result.positions_rad[0, :7], start)


def test_a_start_beyond_a_limit_names_the_joint(motion, panda, body):
    with pytest.raises(TavidError) as caught:
        retarget_arm(motion, panda, body, start_rad=np.full(7, 9.0))
    assert caught.value.code == ErrorCode.CONFIG_INVALID and "panda_joint1" in caught.value.message


def test_the_fingers_have_closed_before_the_object_moves(result):
    times = np.arange(len(result.positions_rad)) / result.fps
    moves = np.flatnonzero(np.linalg.norm(result.object_pose[:, :3] - result.object_pose[0, :3], axis=1) > 1e-4)[0]
    assert times[moves] >= result.facts["closed_s"]
    assert result.facts["closed_s"] - result.facts["touch_s"] >= (0.08 - 0.04) / 2 / 0.2  # travel over speed


def test_a_grip_closes_with_force_and_not_to_the_objects_width(result, panda):
    grip = result.gripper[-1]
    assert (grip.width_m, grip.force_n) == (0.0, panda.gripper.force_n)
    assert grip.time_s == pytest.approx(result.facts["touch_s"])


def late(motion, frames: int):
    """The same motion, its contact seen some frames after the object has moved."""
    contact = motion.contacts[0]
    return motion.replace(contacts=(dataclasses.replace(contact, start_frame=contact.start_frame + frames),))


def test_a_contact_that_is_seen_late_is_taken_where_the_object_rested(motion, panda, body, result):
    found = retarget_arm(late(motion, 4), panda, body, base_of(result))
    at = int(found.facts["touch_s"] * found.fps)
    assert found.object_pose[at, :3] == pytest.approx(motion.objects[0].T_world_object[0, :3, 3], abs=0.005)


def test_a_path_that_jumps_is_straightened_and_named(motion, panda, body, result):
    thing = motion.objects[0]
    T = thing.T_world_object.copy()
    T[12, :3, 3] += [0, 0.2, 0]
    found = retarget_arm(motion.replace(objects=(dataclasses.replace(thing, T_world_object=T),)), panda, body)
    assert (result.facts["path"], found.facts["path"]) == ("person", "straight")
    assert np.abs(found.object_pose[:, 1] - T[0, 1, 3]).max() < 1e-6
    assert found.object_pose[-1, :3] == pytest.approx(T[-1, :3, 3])


def test_the_base_stands_on_the_actors_side_wherever_the_origin_is(motion, panda, body, result):
    shift = np.array([3.0, -2.0, 0])
    T = np.eye(4)
    T[:3, 3] = shift
    moved = motion.replace(
        transl_m=motion.transl_m + shift,
        objects=tuple(dataclasses.replace(o, T_world_object=T @ o.T_world_object) for o in motion.objects),
        supports=tuple(dataclasses.replace(s, T_world_box=T @ s.T_world_box) for s in motion.supports),
    )
    found = retarget_arm(moved, panda, body)
    assert found.root_pose[0, :3] - shift == pytest.approx(result.root_pose[0, :3], abs=1e-3)


def refused(motion, panda, body, base=None) -> TavidError:
    with pytest.raises(TavidError) as caught:
        retarget_arm(motion, panda, body, base)
    return caught.value


def test_a_base_too_far_away_is_unreachable(motion, panda, body):
    T = np.eye(4)
    T[:3, 3] = [-2, 0, 0.7]
    error = refused(motion, panda, body, T)
    assert error.code == ErrorCode.UNREACHABLE
    assert re.search(r"at 1\.\d s the object is \d+ cm or more out of its reach from its base", error.message)


class Unbounded(Arm):
    """An arm that tells nothing before it has been tried."""

    def beyond_m(self, T_base_tool, at_m=None):
        return np.full(len(T_base_tool), -np.inf)


@pytest.mark.parametrize("higher_m, base_m", [(0.5, None), (0.3, [-0.2, 0.1, 0.7]), (1.2, [0.0, 0.1, 0.7])])
def test_what_is_refused_before_a_search_the_search_does_not_find(panda, body, higher_m, base_m):
    """Raised higher and higher: found alike, or refused by both."""
    made = lifting()
    thing = made.objects[0]
    T = thing.T_world_object.copy()
    T[:, 2, 3] += (T[:, 2, 3] - T[0, 2, 3]) / 0.1 * higher_m
    motion, base = made.replace(objects=(dataclasses.replace(thing, T_world_object=T),)), None
    if base_m is not None:
        base = np.eye(4)
        base[:3, 3] = base_m
    answers = []
    for arm in (panda, Unbounded(panda.config)):
        try:
            answers.append(retarget_arm(motion, arm, body, base).positions_rad.tolist())
        except TavidError as error:
            answers.append(error.code)
    assert answers[0] == answers[1]


def test_what_an_unreachable_object_asks_of_the_robots_file_is_said(motion, body, tmp_path):
    """A robot on wheels stands on no pedestal, and few joints reach a place in few orientations."""
    limit = '<limit lower="-1" upper="1" velocity="1" effort="9"/>'
    joint = f'<joint name="a" type="revolute"><parent link="base"/><child link="hand"/>{limit}</joint>'
    (tmp_path / "short.urdf").write_text(f'<robot name="r"><link name="base"/><link name="hand"/>{joint}</robot>')
    (tmp_path / "short.yaml").write_text("urdf: short.urdf\njaw: {link: hand}\n")
    arm = Arm(load_robot_config(str(tmp_path / "short.yaml")))
    with pytest.raises(TavidError) as caught:
        retarget_arm(motion, arm, body)
    assert "base_height_m" in caught.value.hint and "with 1 axes this one" in caught.value.hint
    assert "base_height_m" not in refused(motion, arm, body, np.eye(4)).hint


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
    assert "--noun" in error.hint  # a plain box may be a mug, whose rim the fingers fit


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


@pytest.mark.parametrize("base_height_m, is_there", [(None, True), (0.5, False)])
def test_a_pedestal_stands_only_under_a_robot_without_its_own_legs(motion, panda, base_height_m, is_there):
    arm = Arm(dataclasses.replace(panda.config, base_height_m=base_height_m))
    T = np.eye(4)
    T[2, 3] = 0.5
    with ArmWorld(arm, motion, "bar") as world:
        world.set_base(T)
        assert ("pedestal" in world.bodies) == is_there
    with ExecutionWorld(arm, motion, RigidThing(motion.objects[0]), T, seen=False) as physics:
        assert ("pedestal" in physics.bodies.values()) == is_there
