"""COLLADA files as programs write them."""

import numpy as np

_SCHEMA = "http://www.collada.org/2005/11/COLLADASchema"


def collada(points: np.ndarray, faces: np.ndarray, metres: float = 1.0, moves: str = "") -> str:
    """A mesh (V, 3), (F, 3) in a unit of so many metres, under a node that moves it."""
    numbers, corners = (" ".join(f"{number:.9g}" for number in np.ravel(values)) for values in (points, faces))
    return f"""<?xml version="1.0"?><COLLADA xmlns="{_SCHEMA}" version="1.4.1">
<asset><unit name="unit" meter="{metres}"/><up_axis>Z_UP</up_axis></asset>
<library_geometries><geometry id="g"><mesh>
<source id="p"><float_array id="a" count="{np.size(points)}">{numbers}</float_array><technique_common>
<accessor source="#a" count="{len(points)}" stride="3"><param name="X" type="float"/><param name="Y" type="float"/>
<param name="Z" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="{len(faces)}"><input semantic="VERTEX" source="#v" offset="0"/><p>{corners}</p></triangles>
</mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s"><node id="n">{moves}<instance_geometry url="#g"/></node></visual_scene>
</library_visual_scenes><scene><instance_visual_scene url="#s"/></scene></COLLADA>"""


POINTS = np.array([[0, 0, 0], [0.2, 0, 0], [0, 0.3, 0], [0, 0, 0.4]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
DAE = collada(POINTS, FACES)
