"""Mesh files of robots."""

import numpy as np
import pytest
import trimesh

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.robots.mesh_file import read_mesh
from tests.hoi_motion.reading.collada_text import DAE


def test_a_collada_file_is_read_as_others_are(tmp_path):
    """The robots of ROS have them; trimesh reads them only with one more package."""
    (tmp_path / "a.dae").write_text(DAE)
    trimesh.creation.box((0.2, 0.3, 0.4)).export(tmp_path / "a.stl")
    for name in ("a.dae", "a.stl"):
        assert np.ptp(read_mesh(str(tmp_path / name)).vertices, axis=0) == pytest.approx([0.2, 0.3, 0.4])


@pytest.mark.parametrize("name", ["a.stl", "a.dae", "a.obj"])
def test_what_is_no_mesh_is_named(tmp_path, name):
    (tmp_path / name).write_text("nothing of this kind")
    with pytest.raises(TavidError, match=f"the mesh .*{name} cannot be read") as caught:
        read_mesh(str(tmp_path / name))
    assert caught.value.code == ErrorCode.ROBOT_UNKNOWN
