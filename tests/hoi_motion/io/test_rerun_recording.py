"""What a recording holds, read back by rerun itself."""

import numpy as np
import pytest

from hoi_motion.body import load_body
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.rerun_recording import write_rerun

rerun = pytest.importorskip("rerun", reason="the extra 'view' is not installed")


def test_every_frame_has_body_object_and_contact(motion, tmp_path):
    write_rerun(motion, tmp_path / "out.rrd")
    recording = rerun.dataframe.load_recording(tmp_path / "out.rrd")
    table = recording.view(index="frame", contents="world/**").select().read_all()
    assert table.num_rows == motion.num_frames
    thing, touch = motion.objects[0], motion.contacts[0]
    places_m = _values(table, f"/world/objects/{thing.name}", "Translation3D")
    np.testing.assert_allclose(np.concatenate(places_m), thing.T_world_object[:, :3, 3], atol=1e-6)
    touching = [bool(points) for points in _values(table, "/world/contacts", "Position3D")]
    assert touching == motion.contact_mask(touch.hand, thing.name).tolist()
    skin_m, _ = load_body().vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)
    np.testing.assert_allclose(_values(table, "/world/body", "Position3D")[-1], skin_m[-1], atol=1e-5)


def test_a_camera_that_turns_does_so_in_the_recording(motion, tmp_path):
    moving = np.tile(np.eye(4), (motion.num_frames, 1, 1))
    moving[:, 0, 3] = np.arange(motion.num_frames)
    write_rerun(motion, tmp_path / "out.rrd", T_first_camera=moving)
    recording = rerun.dataframe.load_recording(tmp_path / "out.rrd")
    table = recording.view(index="frame", contents="world/camera").select().read_all()
    expected = (motion.camera.T_world_camera @ moving)[:, :3, 3]
    np.testing.assert_allclose(np.concatenate(_values(table, "/world/camera", "Translation3D")), expected, atol=1e-6)


def _values(table, entity: str, component: str) -> list:
    """What the recording holds of an entity's component, a list a frame."""
    name = next(n for n in table.column_names if n.startswith(f"{entity}:") and n.endswith(component))
    return table[name].to_pylist()


def test_a_place_that_cannot_be_written_is_named(motion, tmp_path):
    with pytest.raises(InputError) as caught:
        write_rerun(motion, tmp_path / "no" / "out.rrd")
    assert caught.value.code == ErrorCode.OUTPUT_INVALID
