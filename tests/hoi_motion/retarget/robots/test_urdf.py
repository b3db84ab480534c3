from pathlib import Path

import pytest
import trimesh

from hoi_motion.errors import RetargetError
from hoi_motion.retarget.robots.urdf import LEVELS_ABOVE, parse_urdf

BOX = trimesh.creation.box((0.1, 0.1, 0.1)).export(file_type="stl")


@pytest.fixture
def robot(tmp_path):
    """A function that writes a URDF with one mesh, deep in a package, and reads it."""
    folder = tmp_path.joinpath(*[f"level{i}" for i in range(LEVELS_ABOVE + 2)], "urdf")
    folder.mkdir(parents=True)

    def read(name: str):
        link = f'<link name="a"><visual><geometry><mesh filename="{name}"/></geometry></visual></link>'
        (folder / "r.urdf").write_text(f'<robot name="r">{link}</robot>')
        return Path(next(parse_urdf(folder / "r.urdf").iter("mesh")).get("filename"))

    read.folder = folder
    return read


@pytest.mark.parametrize(
    "name",
    [
        "meshes/a.stl",
        "../meshes/a.stl",
        "..\\meshes\\a.stl",
        "package://any/meshes/a.stl",
        "model://any/meshes/a.stl",
        "file://meshes/a.STL",
    ],
)
def test_a_mesh_in_the_package_is_found(robot, name):
    file = name.replace("\\", "/").rsplit("/", 1)[-1]
    place = robot.folder.parent / ("any/meshes" if "any" in name else "meshes") / file
    place.parent.mkdir(parents=True)
    place.write_bytes(BOX)
    assert robot(name) == place


@pytest.mark.parametrize("slashes", ["///", "////"])
def test_a_path_that_xacro_has_expanded_is_read_in_the_robots_folder_and_in_installed_packages(
    robot, tmp_path, monkeypatch, slashes
):
    """`file://$(find arm_description)/meshes/a.stl`, as some makers write it, with one slash more or less."""
    (robot.folder / "a.stl").write_bytes(BOX)
    assert robot(f"file:{slashes}{str(robot.folder / 'a.stl').lstrip('/')}") == robot.folder / "a.stl"
    installed = tmp_path / "ros" / "share" / "arm_description" / "a.stl"
    installed.parent.mkdir(parents=True)
    installed.write_bytes(BOX)
    name = f"file:{slashes}{str(installed).lstrip('/')}"
    with pytest.raises(RetargetError, match="missing"):
        robot(name)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "ros"))
    assert robot(name) == installed


def test_a_mesh_that_was_not_fetched_is_named(robot):
    """PyBullet takes it without a word for a link without a shape, which hits nothing."""
    (robot.folder / "a.stl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")
    with pytest.raises(RetargetError, match="a.stl is a pointer of Git LFS - fetch"):
        robot("a.stl")


def test_a_mesh_that_may_not_be_read_is_named(robot, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    (robot.folder / "a.stl").write_bytes(BOX)
    monkeypatch.setattr("hoi_motion.retarget.robots.urdf.open", refuse, raising=False)
    with pytest.raises(RetargetError, match="a.stl is not a mesh: Permission denied"):
        robot("a.stl")


@pytest.mark.parametrize("way", ["absolute", "up", "up on Windows", "package", "no mesh"])
def test_a_file_elsewhere_is_not_read(robot, tmp_path, way):
    (tmp_path / "secret.stl").write_bytes(BOX)
    (robot.folder / "passwords").write_bytes(BOX)
    up = "../" * (LEVELS_ABOVE + 3)
    names = {
        "absolute": str(tmp_path / "secret.stl"),
        "up": f"{up}secret.stl",
        "up on Windows": f"{up}secret.stl".replace("/", "\\"),
        "package": f"package://{up}secret.stl",
        "no mesh": "passwords",
    }
    assert way == "no mesh" or (robot.folder / names[way].replace("\\", "/").removeprefix("package://")).is_file()
    with pytest.raises(RetargetError, match="ROBOT_UNKNOWN.*1 meshes of .* are missing.*meshes elsewhere"):
        robot(names[way])


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE r [<!ENTITY a "b">]><robot name="&a;"/>',
        "<robot>" * 5000,
        "",
        "<robot><link></robot>",
        "<mujoco><worldbody><body><joint axis='a b c'/></body></worldbody></mujoco>",
        "<mujoco><worldbody><body><joint type='odd'/></body></worldbody></mujoco>",
        "<mujoco><worldbody><body><geom type='capsule' fromto='1 2'/></body></worldbody></mujoco>",
        "<mujoco><worldbody><body pos='nan nan nan' quat='0 0 0 0'/></worldbody></mujoco>",
    ],
)
def test_broken_and_hostile_files_are_one_named_error(tmp_path, text):
    (tmp_path / "r.xml").write_text(text)
    with pytest.raises(RetargetError, match="ROBOT_UNKNOWN"):
        parse_urdf(tmp_path / "r.xml")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"])
def test_a_file_is_read_in_the_encoding_that_xml_tells(tmp_path, encoding):
    (tmp_path / "r.urdf").write_bytes('<robot name="r"><link name="Fuß"/></robot>\r\n'.encode(encoding))
    assert parse_urdf(tmp_path / "r.urdf").find("link").get("name") == "Fuß"
