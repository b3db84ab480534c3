"""Repair: planted faults are mended by moving little, moving far is refused, a good motion is left alone."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.ground.still_world import as_filmed, in_still_world
from hoi_motion.physics import CheckConfig, Verdict, repair_motion
from hoi_motion.physics.fixes.change import faded
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.limb_ik import move_foot, move_hand
from hoi_motion.physics.repair import RepairOutcome

LIMITS = CheckConfig()


def floating(motion):
    return motion.replace(transl_m=motion.transl_m + np.float32([0, 0, 1.6 * LIMITS.floating_m]))


def hand_in_object(motion):
    return with_box(motion, np.tile([0, 0.003 + 1.6 * LIMITS.penetration_m, 0], (motion.num_frames, 1)))


def lost_contact(motion):
    away = np.zeros((motion.num_frames, 3))
    away[10:13] = [0, -0.06, 0.1]
    return with_box(motion, away)


def hand_through_table(motion):
    """The table is at the height of the finger tips and reaches 6 cm behind them."""
    T = motion.supports[0].T_world_box.copy()
    T[:3, 3] += [0, 0.25, 0.065]
    return motion.replace(supports=(replace(motion.supports[0], T_world_box=T),), objects=(), contacts=())


def with_box(motion, offsets_m):  # (T, 3)
    T = motion.objects[0].T_world_object.copy()
    T[:, :3, 3] += offsets_m
    return motion.replace(objects=(replace(motion.objects[0], T_world_object=T),))


def too_fast(motion):
    pose = motion.pose_rad.copy()
    pose[5:12:2, JOINT_NAMES.index("left_index1"), 2] += 1.1 * LIMITS.joint_velocity_rad_s / motion.fps
    return motion.replace(pose_rad=pose)


@pytest.mark.parametrize(
    "fault, moved, largest_m",
    [
        (floating, "body", 0.03),
        (hand_in_object, "right", 0.04),
        (lost_contact, "box", 0.15),
        (too_fast, "left index3", 0.08),
    ],
)
def test_a_planted_fault_is_mended_and_named(good_motion, body, fault, moved, largest_m):
    result = repair_motion(fault(good_motion), body=body)
    assert result.outcome is RepairOutcome.REPAIRED, result.reason
    assert result.before.verdict is Verdict.FAIL and result.report.verdict is Verdict.PASS
    assert moved in result.reason
    assert max((m.max_m for m in result.moves), default=0) <= largest_m
    contact = next(c for c in result.report.checks if c.name == "contact_kept")
    assert contact.value >= LIMITS.contact_kept_share


def test_where_hand_and_object_part_in_the_air_each_comes_half_of_the_way(good_motion, body):
    away = np.zeros((good_motion.num_frames, 3))
    away[-8:, 1] = -np.linspace(0.01, 0.1, 8)  # no jump, which would be the object's fault
    parted = with_box(good_motion, away)
    result = repair_motion(parted, body=body)
    assert result.outcome is RepairOutcome.REPAIRED, result.reason
    change = result.motion.objects[0].T_world_object[:, :3, 3] - parted.objects[0].T_world_object[:, :3, 3]
    assert np.abs(change[-1] - [0, 0.05, 0]).max() < 0.015


def test_a_hand_leaves_a_thin_table_on_one_side(good_motion, body):
    result = repair_motion(hand_through_table(good_motion), body=body)
    assert "penetration_body_scene" in {c.name for c in result.before.checks if c.verdict is Verdict.FAIL}
    assert result.outcome is RepairOutcome.REPAIRED, result.reason
    assert "right" in result.reason and "body by" not in result.reason


def test_the_first_frame_stays_when_it_is_not_at_fault(good_motion, body):
    result = repair_motion(lost_contact(good_motion), body=body)
    assert np.array_equal(result.motion.pose_rad[0], good_motion.pose_rad[0])
    assert np.array_equal(result.motion.transl_m[0], good_motion.transl_m[0])
    assert np.array_equal(result.motion.objects[0].T_world_object[0], good_motion.objects[0].T_world_object[0])


def test_nothing_to_repair_gives_the_same_motion(good_motion, body):
    result = repair_motion(good_motion, body=body)
    assert result.outcome is RepairOutcome.NOT_NEEDED
    assert result.motion is good_motion and result.moves == ()


def test_beyond_the_limit_it_is_refused_and_the_motion_left_alone(good_motion, body):
    far = good_motion.replace(transl_m=good_motion.transl_m + np.float32([0, 0, 0.3]))
    result = repair_motion(far, body=body)
    assert result.outcome is RepairOutcome.BEYOND_LIMIT
    assert result.motion is far and result.report.verdict is Verdict.FAIL
    assert "the body would have to move" in result.reason and "allowed are 10 cm" in result.reason


def test_a_failed_check_without_a_fix_is_named(good_motion, body):
    pose = good_motion.pose_rad.copy()
    pose[5, JOINT_NAMES.index("left_knee"), 0] = -np.radians(40)
    result = repair_motion(good_motion.replace(pose_rad=pose), body=body)
    assert result.outcome is RepairOutcome.NOT_REPAIRED and "joint_limits" in result.reason


def test_the_same_motion_is_repaired_the_same_way(good_motion, body):
    first, second = (repair_motion(hand_in_object(good_motion), body=body) for _ in range(2))
    assert np.array_equal(first.motion.pose_rad, second.motion.pose_rad) and first.moves == second.moves


@pytest.mark.parametrize("move, joint", [(move_hand, "right_wrist"), (move_foot, "right_ankle")])
def test_a_limb_goes_where_it_is_sent_and_keeps_its_orientation(good_motion, body, move, joint):
    geometry = MotionGeometry(good_motion, LIMITS, body)
    end = JOINT_NAMES.index(joint)
    shift = np.zeros((good_motion.num_frames, 3))
    shift[4:] = [0.02, 0.03, -0.02] if move is move_hand else [0.02, -0.03, 0.02]
    pose = move(good_motion.pose_rad, geometry.T_world_part, "right", shift)
    moved = MotionGeometry(good_motion.replace(pose_rad=pose), LIMITS, body).T_world_part[:, end]
    before = geometry.T_world_part[:, end]
    assert np.abs(moved[:, :3, 3] - before[:, :3, 3] - shift).max() < 1e-3
    assert np.abs(moved[:, :3, :3] - before[:, :3, :3]).max() < 1e-4
    assert np.array_equal(pose[:4], good_motion.pose_rad[:4])


def test_a_change_fades_out_around_the_frames_that_need_it():
    need = np.zeros((20, 3))
    need[10:12, 2] = 0.04
    change = faded(need)
    assert np.abs(change[10:12] - need[10:12]).max() < 1e-4
    assert change[0, 2] == 0 and 0 < change[9, 2] < 0.04 and np.abs(change[16:]).max() < 0.004


def moved_foot(motion, body, shift_m):
    return move_foot(motion.pose_rad, MotionGeometry(motion, LIMITS, body).T_world_part, "left", shift_m)


def on_the_floor(motion, body):
    lowest = MotionGeometry(motion, LIMITS, body).vertices_m[0, :, 2].min()
    return motion.replace(transl_m=motion.transl_m - np.float32([0, 0, lowest]))


def test_a_foot_that_swings_along_the_floor_is_raised_and_the_body_stays(good_motion, body):
    """As a lift has walkers whose feet it sees too low: they glide, and the ground is not to blame."""
    pose, ankle = good_motion.pose_rad.copy(), JOINT_NAMES.index("left_ankle")
    for side in ("left", "right"):
        for name, share in (("hip", -0.5), ("knee", 1.0), ("ankle", -0.5)):
            pose[:, JOINT_NAMES.index(f"{side}_{name}"), 0] = 0.5 * share
    bent = good_motion.replace(pose_rad=pose, objects=(), contacts=(), supports=())
    ahead = np.zeros((bent.num_frames, 3))
    ahead[:, 1] = -np.clip((np.arange(bent.num_frames) - 8) * 0.05, -0.08, 0.08)  # 1.2 m/s
    gliding = on_the_floor(bent.replace(pose_rad=moved_foot(bent, body, ahead)), body)
    result = repair_motion(gliding, body=body)
    assert "foot_skating" in {c.name for c in result.before.checks if c.verdict is Verdict.FAIL}
    assert result.outcome is RepairOutcome.REPAIRED, result.reason
    np.testing.assert_array_equal(result.motion.transl_m[:, :2], gliding.transl_m[:, :2])
    way = MotionGeometry(result.motion, LIMITS, body).T_world_part[:, ankle, :3, 3]
    assert 0.01 < (way - MotionGeometry(gliding, LIMITS, body).T_world_part[:, ankle, :3, 3])[8:12, 2].max() < 0.05


def test_who_floats_for_a_moment_is_lowered_without_sinking_beside_it(good_motion, body):
    """Frames that float pull their neighbours down with them, which stand on the floor already."""
    bob = np.zeros((good_motion.num_frames, 3), np.float32)
    bob[4:7, 2] = 3 * LIMITS.floating_m
    result = repair_motion(good_motion.replace(transl_m=good_motion.transl_m + bob, objects=(), contacts=()), body=body)
    assert result.outcome is RepairOutcome.REPAIRED, result.reason
    assert "sinking" not in result.reason


def test_a_motion_of_a_moving_camera_is_repaired_and_is_still_as_filmed(good_motion, body):
    path = np.tile(np.eye(4), (good_motion.num_frames, 1, 1))
    path[:, 2, 3] = np.linspace(0, 0.3, good_motion.num_frames)
    faulty = hand_in_object(good_motion)
    plain, filmed = (repair_motion(m, body=body) for m in (faulty, as_filmed(faulty, path, body)))
    assert filmed.outcome is RepairOutcome.REPAIRED
    np.testing.assert_array_equal(filmed.motion.T_first_camera, path)
    still = in_still_world(filmed.motion, body)
    np.testing.assert_allclose(still.objects[0].T_world_object, plain.motion.objects[0].T_world_object, atol=1e-3)


def test_a_hand_that_was_moved_is_named_without_the_fingers_it_takes_along(good_motion, body):
    result = repair_motion(hand_through_table(good_motion), body=body)
    named = [move.what for move in result.moves]
    assert "right wrist" in named and not [what for what in named if "index" in what or "thumb" in what]


def test_where_only_the_simulation_objects_the_reason_says_what_can_be_fixed(good_motion, body):
    limits = replace(LIMITS, simulate=True, tracking_m=0.0)
    result = repair_motion(floating(good_motion), limits, body=body)
    assert result.outcome is RepairOutcome.NOT_REPAIRED
    assert result.reason.endswith("fixes tracking; a repair without simulation fixes floating")
