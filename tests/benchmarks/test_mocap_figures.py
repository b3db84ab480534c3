"""The benchmark on recorded motion: which clips it takes, and what its errors mean."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.lift import worst_frames
from benchmarks.mocap_figures import COLUMNS, kind_of, path_errors, table, taking_turns
from training.scenes.recorded_motion import Segment


def _segments(*lengths: int) -> list[Segment]:
    recordings = [f"r{i}" for i, length in enumerate(lengths) for _ in range(length)]
    return [Segment(n, recording, None, 0, 361) for n, recording in enumerate(recordings)]


def test_recordings_take_turns_and_a_segment_comes_again_as_another_view():
    chosen = taking_turns(_segments(4, 1), (0,), 5)
    assert [(s.number, view) for s, view in chosen] == [(0, 0), (4, 0), (2, 0), (4, 1), (0, 1)]


def test_the_halves_have_no_segment_in_common():
    pieces = _segments(3, 5, 2)
    halves = [{s.number for s, _ in taking_turns(pieces, (parity,), 30)} for parity in (0, 1)]
    assert not halves[0] & halves[1] and halves[0] | halves[1] == set(range(10))


def _walk(motion, step_m: float, count: int = 25):
    """The motion's first frame carried on sideways, so many metres a frame."""
    thing = motion.target
    return replace(
        motion,
        pose_rad=np.repeat(motion.pose_rad[:1], count, 0),
        transl_m=motion.transl_m[:1] + step_m * np.arange(count)[:, None] * [1.0, 0, 0],
        objects=(replace(thing, T_world_object=np.repeat(thing.T_world_object[:1], count, 0)),),
        contacts=(),
        fps=8.0,
    )


@pytest.fixture
def stood(motion):
    return _walk(motion, 0.0)


def test_the_path_error_of_a_short_path_is_what_it_lacks(motion):
    errors = path_errors(_walk(motion, 0.09), _walk(motion, 0.10))
    assert errors["path_end_cm"] == pytest.approx(16.0, abs=1e-3)
    assert errors["path_cm"] == pytest.approx(np.arange(17).mean(), abs=1e-3)


def test_a_path_hangs_on_the_cameras_heading_not_on_the_world(motion):
    walk = _walk(motion, 0.1)
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("z", 0.7)
    T = walk.camera.T_world_camera.copy()
    T[:3] = turn.as_matrix() @ T[:3]
    pose = walk.pose_rad.copy()
    pose[:, 0] = (turn * Rotation.from_rotvec(pose[:, 0])).as_rotvec()
    from hoi_motion.body import load_body

    pelvis = load_body().joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), walk.betas.copy()).numpy()[0, 0]
    turned = replace(
        walk,
        pose_rad=pose,
        transl_m=turn.apply(walk.transl_m + pelvis) - pelvis,
        camera=replace(walk.camera, T_world_camera=T),
    )
    assert path_errors(turned, walk)["path_cm"] < 0.01
    assert worst_frames(turned, walk)["worst_frame_space"] < 1e-4


def test_kinds_are_told_by_the_motion(motion, stood):
    assert kind_of(stood) == "stands" and kind_of(_walk(motion, 0.1)) == "walks"


def test_the_table_names_who_failed_and_the_worst():
    row = dict.fromkeys(COLUMNS, 1.0) | {"recording": "02_01", "kind": "walks", "piece": "a"}
    text = table([row, row | {"piece": "b", "mpjpe_mm": 90.0}, {"piece": "c", "error": "no person"}])
    assert "2 of 3 clips lifted" in text and "c: no person" in text and "worst MPJPE mm: b, 90.0" in text
