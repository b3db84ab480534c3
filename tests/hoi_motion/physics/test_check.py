"""Planted faults: each is caught above its limit by the check that is meant for it, and passes below half the limit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import CheckError, ControlError
from hoi_motion.ground.still_world import as_filmed
from hoi_motion.motion import SupportBox
from hoi_motion.physics import CheckConfig, Verdict, check_motion
from hoi_motion.progress import CancelToken

LIMITS = CheckConfig()


def moved_object(motion, offsets_m):  # (T, 3)
    """The motion with its box shifted in every frame."""
    T = motion.objects[0].T_world_object.copy()
    T[:, :3, 3] += offsets_m
    return motion.replace(objects=(replace(motion.objects[0], T_world_object=T),))


def moved_body(motion, offsets_m):  # (T, 3)
    return motion.replace(transl_m=motion.transl_m + np.asarray(offsets_m, np.float32))


def hand_in_object(motion, strength):
    return moved_object(motion, np.tile([0, 0.003 + LIMITS.penetration_m * strength, 0], (motion.num_frames, 1)))


def object_in_table(motion, strength):
    return moved_object(motion, np.tile([0, 0, -LIMITS.penetration_m * strength], (motion.num_frames, 1)))


def body_above_floor(motion, strength):
    return moved_body(motion, [[0, 0, LIMITS.floating_m * strength]])


def body_in_floor(motion, strength):
    return moved_body(motion, [[0, 0, -LIMITS.floating_m * strength]])


def skating(motion, strength):
    step = LIMITS.skating_m * 30 / motion.fps * strength
    return moved_body(motion, np.arange(motion.num_frames)[:, None] * [[step, 0, 0]])


def dropped_contact(motion, strength):
    """The box jumps 5 cm out of the hand for a share of the frames."""
    lost = round((1 - LIMITS.contact_kept_share) * strength * motion.num_frames)
    away = np.zeros((motion.num_frames, 3))
    away[:lost] = [0, -0.05, 0]
    return moved_object(motion, away)


def hovering_object(motion, strength):
    """At first the box hangs in the air, over no support, for as long as a fall of `strength` limits takes."""
    frames = int(np.sqrt(2 * LIMITS.support_drift_m * strength / 9.81) * motion.fps)
    away = np.zeros((motion.num_frames, 3))
    away[:frames] = [2.0, 0, 0.3]
    return moved_object(motion, away)


def teleporting_object(motion, strength):
    jump = LIMITS.object_slip_m_s / motion.fps * strength
    away = np.zeros((motion.num_frames, 3))
    away[3:] = [jump, 0, 0]
    return moved_object(motion, away)


def object_creeps(motion, strength):
    """A second box on the table slides although nobody touches it."""
    item = motion.objects[0]
    T = np.tile(item.T_world_object[0], (motion.num_frames, 1, 1))
    T[:, 0, 3] += 0.3 + np.linspace(0, LIMITS.object_still_m * strength, motion.num_frames)
    return motion.replace(objects=(item, replace(item, name="other", T_world_object=T, is_target=False)))


def backward_knee(motion, strength):
    pose = motion.pose_rad.copy()
    pose[5, JOINT_NAMES.index("left_knee"), 0] = -np.radians(15 * strength)  # the table allows 15 degrees of margin
    return motion.replace(pose_rad=pose)


def too_fast(motion, strength):
    pose = motion.pose_rad.copy()
    pose[4::2, JOINT_NAMES.index("left_wrist"), 2] += LIMITS.joint_velocity_rad_s * strength / motion.fps
    return motion.replace(pose_rad=pose)


FAULTS = [
    (hand_in_object, "penetration_body_object", "right hand passes"),
    (object_in_table, "penetration_object_scene", "into the table"),
    (body_above_floor, "floating", "above the ground"),
    (body_in_floor, "sinking", "below the floor"),
    (skating, "foot_skating", "foot slides"),
    (dropped_contact, "contact_kept", "no hand touches box"),
    (hovering_object, "object_support", "nothing holds or supports box"),
    (teleporting_object, "object_jump", "than hands and gravity explain"),
    (object_creeps, "object_rest", "other has moved"),
    (backward_knee, "joint_limits", "left knee is"),
    (too_fast, "joint_velocity", "left wrist turns"),
]


def result(report, name):
    return next(c for c in report.checks if c.name == name)


def test_the_good_motion_passes(good_motion, body):
    report = check_motion(good_motion, body=body)
    assert [c.reason for c in report.checks if c.verdict is Verdict.FAIL] == []
    assert report.verdict is Verdict.PASS


@pytest.mark.parametrize("fault, check, words", FAULTS, ids=lambda v: getattr(v, "__name__", None))
def test_a_planted_fault_is_caught_with_its_reason(good_motion, body, fault, check, words):
    found = result(check_motion(fault(good_motion, 2.5), body=body), check)
    assert found.verdict is Verdict.FAIL
    assert words in found.reason and " s" in found.reason
    assert found.worst_frame is not None


@pytest.mark.parametrize("fault, check, words", FAULTS, ids=lambda v: getattr(v, "__name__", None))
def test_half_the_limit_raises_no_alarm(good_motion, body, fault, check, words):
    assert result(check_motion(fault(good_motion, 0.45), body=body), check).verdict is Verdict.PASS


def test_a_hand_through_a_thin_table_is_deeper_than_half_its_thickness(good_motion, body):
    T = good_motion.supports[0].T_world_box.copy()
    T[:3, 3] += [0, 0.35, 0.065]  # its middle is now at the height of the finger tips
    planted = good_motion.replace(supports=(replace(good_motion.supports[0], T_world_box=T),))
    found = result(check_motion(planted, body=body), "penetration_body_scene")
    assert found.verdict is Verdict.FAIL and found.value > 0.02
    assert "through the table" in found.reason


def test_a_wall_behind_someone_who_crouches_is_measured_to_the_skin(good_motion, body):
    """Rigid parts would stand out of the skin by centimetres where hips are bent this far."""
    pose = good_motion.pose_rad.copy()
    for side in ("left", "right"):
        pose[:, JOINT_NAMES.index(f"{side}_hip"), 0] = -1.8
        pose[:, JOINT_NAMES.index(f"{side}_knee"), 0] = 2.0
    crouching = good_motion.replace(pose_rad=pose, objects=(), contacts=(), supports=())
    skin = body.vertices_and_joints(pose[:1], good_motion.transl_m[:1], good_motion.betas)[0].numpy()
    T = np.eye(4)
    T[1, 3] = skin[..., 1].max() - 0.005 + 0.15  # the person faces -y
    wall = SupportBox("wall", np.array([3.0, 0.3, 5.0]), T)
    found = result(check_motion(crouching.replace(supports=(wall,)), body=body), "penetration_body_scene")
    assert 0 < found.value < 0.008


def test_leaning_over_the_feet_fails_balance(good_motion, body):
    pose = good_motion.pose_rad.copy()
    pose[:, 0] = [np.pi / 2 + np.radians(30), 0, 0]
    skin = body.vertices_and_joints(pose[:1], good_motion.transl_m[:1], good_motion.betas)[0].numpy()
    leaning = moved_body(good_motion.replace(pose_rad=pose), [[0, 0, -skin[0, :, 2].min()]])
    found = result(check_motion(leaning, body=body), "balance")
    assert found.verdict is Verdict.FAIL and "outside the support polygon" in found.reason


def test_what_does_not_apply_is_not_run_with_a_reason(good_motion, body):
    bare = good_motion.replace(objects=(), supports=(), contacts=())
    report = check_motion(bare, body=body)
    for name in ("penetration_body_object", "contact_kept", "object_support", "tracking"):
        found = result(report, name)
        assert found.verdict is Verdict.NOT_RUN and found.value is None and found.reason
    assert report.verdict is Verdict.PASS


def test_one_frame_can_be_checked(good_motion, body):
    first = good_motion.replace(
        pose_rad=good_motion.pose_rad[:1],
        transl_m=good_motion.transl_m[:1],
        contacts=(),
        objects=tuple(replace(o, T_world_object=o.T_world_object[:1]) for o in good_motion.objects),
    )
    report = check_motion(first, body=body)
    assert result(report, "foot_skating").verdict is Verdict.NOT_RUN
    assert report.verdict is Verdict.PASS


def test_an_unknown_table_is_estimated_under_a_resting_object(good_motion, body):
    item = good_motion.objects[0]
    T = np.tile(item.T_world_object[0], (good_motion.num_frames, 1, 1))
    T[:, :2, 3] += [0.5, -0.5]
    alone = good_motion.replace(objects=(replace(item, T_world_object=T),), supports=(), contacts=())
    assert result(check_motion(alone, body=body), "object_support").verdict is Verdict.PASS


def test_another_body_is_an_error_not_a_verdict(good_motion, body):
    with pytest.raises(CheckError, match="CHECK_NOT_RUN"):
        check_motion(good_motion.replace(body_model="smplx-neutral"), body=body)


def test_cancelling_stops_it(good_motion, body):
    token = CancelToken()
    token.cancel()
    with pytest.raises(ControlError, match="CANCELLED"):
        check_motion(good_motion, body=body, cancel=token)


def test_the_same_motion_gives_the_same_report(good_motion, body):
    assert check_motion(good_motion, body=body) == check_motion(good_motion, body=body)


def test_what_a_moving_camera_does_is_no_fault_of_the_person(good_motion, body):
    path = np.tile(np.eye(4), (good_motion.num_frames, 1, 1))
    turns = np.linspace(0, 8, good_motion.num_frames)
    path[:, :3, :3] = Rotation.from_euler("y", turns[:, None], degrees=True).as_matrix()
    filmed = as_filmed(good_motion, path, body)
    assert check_motion(filmed, body=body).verdict is Verdict.PASS
    assert check_motion(filmed.replace(T_first_camera=None), body=body).verdict is Verdict.FAIL
