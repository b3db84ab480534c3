"""A simulated person follows what is possible; what floats is held up by the root wrench, and the report says so."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.physics import CheckConfig, Verdict, check_motion
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.simulate import STEP_S, settle_objects, steps_of_frame, track_motion

SIMULATED = CheckConfig(simulate=True)


def shortened(motion, frames=9):
    return motion.replace(
        pose_rad=motion.pose_rad[:frames],
        transl_m=motion.transl_m[:frames],
        objects=tuple(replace(o, T_world_object=o.T_world_object[:frames]) for o in motion.objects),
        contacts=tuple(replace(c, end_frame=min(c.end_frame, frames)) for c in motion.contacts),
    )


@pytest.fixture(scope="module")
def geometry(good_motion, body):
    return MotionGeometry(shortened(good_motion), SIMULATED, body)


def test_the_simulated_person_starts_in_the_motions_pose(geometry):
    assert track_motion(geometry).error_m[0] < 1e-3


@given(st.floats(1, 1e4))
def test_the_steps_of_a_frame_take_as_long_as_the_frame(fps):
    steps, step_s = steps_of_frame(fps)
    assert steps * step_s == pytest.approx(1 / fps) and step_s <= 1.5 * STEP_S


@pytest.mark.parametrize("fps", [8.0, 12.0, 16.0, 24.0, 30.0, 60.0, 120.0, 240.0])
def test_the_usual_rates_are_simulated_in_the_usual_steps(fps):
    assert steps_of_frame(fps) == (240 / fps, STEP_S)


def test_a_person_who_stands_is_followed_without_being_held(good_motion, body):
    report = check_motion(shortened(good_motion), SIMULATED, body=body)
    found = {c.name: c for c in report.checks}
    assert found["tracking"].verdict is Verdict.PASS and found["tracking"].value < 0.06
    assert found["root_wrench"].verdict is Verdict.PASS and found["root_wrench"].value < 0.25
    assert "of its weight" in found["root_wrench"].reason


def test_a_floating_body_hangs_on_the_root_wrench(good_motion, body):
    high = shortened(good_motion, 17).replace(transl_m=good_motion.transl_m + np.float32([0, 0, 0.5]))
    found = {c.name: c for c in check_motion(high, SIMULATED, body=body).checks}
    assert found["root_wrench"].verdict is Verdict.FAIL and found["root_wrench"].value > 0.5


def test_simulation_gives_the_same_numbers_every_time(geometry):
    first, second = track_motion(geometry), track_motion(geometry)
    assert np.array_equal(first.error_m, second.error_m)
    assert np.array_equal(first.root_force_share, second.root_force_share)


def test_an_object_on_the_table_stays_and_one_over_its_edge_falls(good_motion, body):
    item = good_motion.objects[0]
    T = np.tile(item.T_world_object[0], (good_motion.num_frames, 1, 1))
    T[:, 0, 3] += 0.3
    stays = replace(item, name="stays", T_world_object=T, is_target=False)
    over = T.copy()
    over[:, :2, 3] = good_motion.supports[0].T_world_box[:2, 3] + [-0.53, 0]
    falls = replace(stays, name="falls", T_world_object=over)
    geometry = MotionGeometry(good_motion.replace(objects=(item, stays, falls)), SIMULATED, body)
    moved = settle_objects(geometry, ["stays", "falls"])
    assert moved["stays"] < 0.005 and moved["falls"] > 0.1
