"""Surfaces of OBJ files, however a program writes them."""

import numpy as np
import pytest

from hoi_motion.reading.mesh import read_mesh
from hoi_motion.reading.obj import read_obj

POINTS = np.array([[0, 0, 0], [0.2, 0, 0], [0, 0.3, 0], [0, 0, 0.4]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
VERTICES = "".join("v {} {} {}\n".format(*point) for point in POINTS)
PLAIN = VERTICES + "".join("f {} {} {}\n".format(*face) for face in FACES + 1)


def faces_of(text: str) -> np.ndarray:
    return read_obj(text.encode()).faces


WAYS = {
    "plain": PLAIN,
    "comments behind numbers": PLAIN.replace("\n", " # said here\n"),
    "one comment": PLAIN.replace("1 2 4\n", "1 2 4 # the side\n"),
    "corners that end with a slash": PLAIN.replace("f 1 3 2", "f 1/ 3/ 2/").replace("f 1 2 4", "f 1// 2// 4//"),
    "corners with a texture that is not there": PLAIN.replace("f 1 3 2", "f 1/7 3/8 2/9"),
    "tabs and blanks": "  " + PLAIN.replace(" ", "\t ").replace("\n", " \n  "),
    "lines of Windows": PLAIN.replace("\n", "\r\n"),
    "lines of an old Macintosh": PLAIN.replace("\n", "\r"),
    "lines that go on": PLAIN.replace("f 1 3", "f 1\\\n3").replace("v 0.2", "v \\\r\n0.2"),
    "a byte order mark": "\ufeff" + PLAIN,
    "colours and weights": VERTICES.replace("\n", " 1 0 0\n", 2).replace("0.4\n", "0.4 1.0\n") + PLAIN[len(VERTICES) :],
    "faces before their vertices": PLAIN[len(VERTICES) :] + VERTICES,
    "lines and points beside it": PLAIN + "p 1\nl 1 2 3\ncurv 0 1 1 2\nf 1 2\n",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_surface_is_the_same_in_whatever_way_it_is_written(way):
    surface = read_obj(WAYS[way].encode())
    np.testing.assert_array_equal(surface.vertices, POINTS)
    np.testing.assert_array_equal(surface.faces, FACES)


def test_corners_that_count_back_count_from_their_own_line():
    again = VERTICES + "".join("f {} {} {}\n".format(*face) for face in FACES - 4)
    np.testing.assert_array_equal(faces_of(again + again), np.concatenate([FACES, FACES + 4]))


def test_polygons_are_triangles_about_their_first_corner_and_keep_their_normals():
    surface = read_obj((VERTICES + "vn 0 0 1\nvn 0 1 0\nf 1//1 2//2 4/5/1 3\nf 1//9 2//-1 3").encode())
    np.testing.assert_array_equal(surface.faces, [[0, 1, 3], [0, 3, 2], [0, 1, 2]])
    np.testing.assert_array_equal(surface.face_normals, [[0, 1, 0], [0, 0, -1], [-1, 1, -1]])


def test_solids_and_materials_are_told_apart():
    rows = PLAIN[len(VERTICES) :].splitlines()
    lines = ["mtllib a b.mtl", "o box", rows[0], "usemtl dark #3", rows[1], "g", rows[2], "o box", rows[3]]
    surface = read_obj((VERTICES + "\n".join(lines)).encode())
    assert len(set(surface.solids)) == 3 and surface.solids[0] == surface.solids[1]
    assert [surface.material_names[material] for material in surface.materials] == ["", *["dark #3"] * 3]
    assert surface.material_files == ("a b.mtl",)


def test_vertices_that_no_face_has_and_textured_corners_stay_one_point_each(tmp_path):
    (tmp_path / "a.obj").write_text("v 9 9 9\nvt 0 0\nvt 1 1\n" + VERTICES + "f 2/1 3/1 4/1\nf 2/2 3/2 5/2\n")
    vertices, faces = read_mesh(tmp_path / "a.obj")
    np.testing.assert_array_equal(vertices, [[9, 9, 9], *POINTS])
    np.testing.assert_array_equal(faces, [[1, 2, 3], [1, 2, 4]])


DAMAGES = {
    "a corner that is not there": ("f 1 3 2", "f 1 3 5"),
    "a corner 0": ("f 1 3 2", "f 0 3 2"),
    "a corner that counts back too far": ("f 1 3 2", "f 1 3 -5"),
    "a corner that is a fraction": ("f 1 3 2", "f 1 3 2.5"),
    "a corner of twenty digits": ("f 1 3 2", f"f 1 3 {'9' * 20}"),
    "a corner of hundreds of digits": ("f 1 3 2", f"f 1 3 -{'9' * 400}"),
    "a corner that is a word": ("f 1 3 2", "f 1 3 two"),
    "a point of two numbers": ("0.2 0.0 0.0", "0.2 0"),
    "a point that is no number": ("0.2 0.0 0.0", "nan 0 0"),
    "a point without end": ("0.2 0.0 0.0", "1e999 0 0"),
    "no faces": ("f ", "l "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_an_error(damage):
    text = PLAIN.replace(*DAMAGES[damage])
    assert text != PLAIN
    with pytest.raises(ValueError):
        read_obj(text.encode())


@pytest.mark.parametrize("faces", ["f 1 2 3 1 2", "f 1 2 3\n" + 4 * "f 1\n"])
def test_a_polygon_of_very_many_corners_and_very_many_polygons_are_refused(faces, monkeypatch):
    monkeypatch.setattr("hoi_motion.reading.obj.MAX_ROWS", 4)
    with pytest.raises(ValueError, match="more than 4"):
        read_obj((VERTICES + faces).encode())


def test_very_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr("hoi_motion.reading.obj.MAX_ROWS", 3)
    with pytest.raises(ValueError, match="more than 3"):
        read_obj(PLAIN.encode())


def test_a_material_file_is_named_once_and_very_many_are_refused():
    """Each is opened; some programs name theirs again before each solid."""
    assert read_obj(("mtllib a.mtl\nmtllib b.mtl\n" * 300 + PLAIN).encode()).material_files == ("a.mtl", "b.mtl")
    with pytest.raises(ValueError, match="material files"):
        read_obj(("".join(f"mtllib {i}.mtl\n" for i in range(101)) + PLAIN).encode())
