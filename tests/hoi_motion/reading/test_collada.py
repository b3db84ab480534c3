"""Surfaces of COLLADA files, as they are meant, and what is damaged."""

from xml.parsers.expat import ExpatError

import numpy as np
import pytest

from hoi_motion.reading.collada import read_collada
from tests.hoi_motion.reading.collada_text import DAE, FACES, POINTS, collada

TRIANGLES = f'<triangles count="4"><input semantic="VERTEX" source="#v" offset="0"/><p>{" ".join(map(str, FACES.flat))}'
SQUARE = "0 1 3 2"


def corners_of(text: str) -> np.ndarray:  # (F, 3, 3)
    vertices, faces = read_collada(text.encode())
    return vertices[faces]


def test_a_mesh_is_read_as_it_was_written():
    np.testing.assert_allclose(corners_of(DAE), POINTS[FACES])


@pytest.mark.parametrize(
    "moves, metres, wanted",
    [
        ("", 0.0254, POINTS * 0.0254),
        ("<translate>1 2 3</translate><scale>2 2 2</scale>", 1.0, 2 * POINTS + [1, 2, 3]),
        ("<scale>2 2 2</scale><translate>1 2 3</translate>", 1.0, 2 * (POINTS + [1, 2, 3])),
        ('<rotate sid="r">0 0 5 90</rotate>', 1.0, POINTS @ [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
        (
            "<matrix>0 -1 0 1 1 0 0 2 0 0 1 3 0 0 0 1</matrix>",
            0.01,
            0.01 * (POINTS[:, [1, 0, 2]] * [-1, 1, 1] + [1, 2, 3]),
        ),
    ],
)
def test_nodes_and_the_unit_place_it(moves, metres, wanted):
    np.testing.assert_allclose(corners_of(collada(POINTS, FACES, metres, moves)), wanted[FACES], atol=1e-9)


@pytest.mark.parametrize(
    "part, wanted",
    [
        (f"<polylist><vcount>4 3</vcount><p>{SQUARE} 0 1 2", [[0, 1, 3], [0, 3, 2], [0, 1, 2]]),
        (f"<polylist><vcount>2 0 4 1 3</vcount><p>3 1 {SQUARE} 2 0 1 2", [[0, 1, 3], [0, 3, 2], [0, 1, 2]]),
        (f"<polygons><p>{SQUARE}</p><p>0 1 2", [[0, 1, 3], [0, 3, 2], [0, 1, 2]]),
        (f"<trifans><p>{SQUARE}", [[0, 1, 3], [0, 3, 2]]),
        ("<tristrips><p>0 1 2 3", [[0, 1, 2], [3, 2, 1]]),
    ],
)
def test_polygons_and_strips_become_triangles(part, wanted):
    kind = part[1 : part.index(">")]
    inputs = '<input semantic="VERTEX" source="#v" offset="0"/>'
    text = DAE.replace(TRIANGLES, part.replace(f"<{kind}>", f"<{kind}>{inputs}")).replace("</triangles>", f"</{kind}>")
    np.testing.assert_allclose(corners_of(text), POINTS[wanted])


def test_normals_beside_the_corners_are_passed_over():
    corners = " ".join(f"{corner} 7" for corner in FACES.flat)
    inputs = '<input semantic="VERTEX" source="#v" offset="0"/><input semantic="NORMAL" source="#p" offset="1"/>'
    np.testing.assert_allclose(corners_of(DAE.replace(TRIANGLES, f"<triangles>{inputs}<p>{corners}")), POINTS[FACES])


def test_a_node_that_is_used_twice_is_there_twice():
    again = '<node><translate>5 0 0</translate><instance_node url="#n"/></node></visual_scene>'
    text = DAE.replace("</visual_scene>", again)
    np.testing.assert_allclose(corners_of(text), np.concatenate([POINTS[FACES], POINTS[FACES] + [5, 0, 0]]))


def test_a_camera_that_looks_at_something_is_passed_over():
    camera = '<node><lookat>1 1 1 0 0 0 0 0 1</lookat><instance_camera url="#c"/></node></visual_scene>'
    np.testing.assert_allclose(corners_of(DAE.replace("</visual_scene>", camera)), POINTS[FACES])


DAMAGES = {
    "no scene": ('<instance_visual_scene url="#s"/>', ""),
    "a scene that is not there": ('url="#s"', 'url="#q"'),
    "a scene without a name": (' id="s"', ""),
    "no node": ('<instance_geometry url="#g"/>', ""),
    "a corner that is not there": ("2 3</p>", "2 90000000</p>"),
    "a negative corner": ("2 3</p>", "2 -3</p>"),
    "a corner too few": ("2 3</p>", "2</p>"),
    "no corners": (' offset="0"', ' offset="99999999999"'),
    "points that are no numbers": ("0.2", "nan"),
    "points that are words": ("0.2", "two"),
    "no numbers": ("float_array", "int_array"),
    "no points": ('<input semantic="POSITION" source="#p"/>', ""),
    "no unit": ('meter="1.0"', 'meter="0"'),
    "half a matrix": ("<instance_geometry", "<matrix>1 0 0</matrix><instance_geometry"),
    "a surface that looks at something": ("<instance_geometry", "<lookat>1 1 1 0 0 0 0 0 1</lookat><instance_geometry"),
    "a node in itself": ("<instance_geometry", '<instance_node url="#n"/><instance_geometry'),
    "cut off": ("</COLLADA>", ""),
    "another document": ("COLLADA", "svg"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_an_error(damage):
    text = DAE.replace(*DAMAGES[damage])
    assert text != DAE
    with pytest.raises((ValueError, ExpatError)):
        read_collada(text.encode())


def test_a_surface_that_joints_bend_says_how_to_make_it_one_that_they_do_not():
    with pytest.raises(ValueError, match="apply the armature"):
        read_collada(DAE.replace("instance_geometry", "instance_controller").encode())


@pytest.mark.parametrize("with_surface", [True, False])
def test_nodes_that_stand_for_very_many_are_refused(with_surface):
    levels = "".join(
        f'<node id="n{k}"><instance_node url="#n{k + 1}"/><instance_node url="#n{k + 1}"/></node>' for k in range(40)
    )
    text = DAE.replace('<node id="n">', f'{levels}<node id="n40">')
    text = text if with_surface else text.replace('<instance_geometry url="#g"/>', "")
    with pytest.raises(ValueError, match="more than|over"):
        read_collada(text.encode())
