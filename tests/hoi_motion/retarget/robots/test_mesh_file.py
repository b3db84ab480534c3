"""Mesh files of robots."""

import numpy as np
import pytest
import trimesh

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.robots.mesh_file import read_mesh

CORNERS = "0 0 0 0.2 0 0 0 0.3 0 0 0 0.4"
DAE = f"""<?xml version="1.0"?><COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><unit name="meter" meter="1"/><up_axis>Z_UP</up_axis></asset>
<library_geometries><geometry id="g"><mesh>
<source id="p"><float_array id="a" count="12">{CORNERS}</float_array><technique_common>
<accessor source="#a" count="4" stride="3"><param name="X" type="float"/><param name="Y" type="float"/>
<param name="Z" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="4"><input semantic="VERTEX" source="#v" offset="0"/><p>0 2 1 0 1 3 0 3 2 1 2 3</p></triangles>
</mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s"><node id="n"><instance_geometry url="#g"/></node></visual_scene>
</library_visual_scenes><scene><instance_visual_scene url="#s"/></scene></COLLADA>"""


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
