"""URDFs as people have them: meshes in packages, xacro left in, shapes without a size."""

import pytest

from hoi_motion.errors import RetargetError
from hoi_motion.retarget.robots.urdf import links_without_collision, parse_urdf

MESH = (
    '<link name="a"><visual><geometry><mesh filename="package://arm_description/meshes/a.stl"/>'
    "</geometry></visual></link>"
)


def written(folder, inside: str):
    path = folder / "robot.urdf"
    path.write_text(f'<robot name="r" xmlns:xacro="http://ros.org/wiki/xacro">{inside}</robot>')
    return path


@pytest.mark.parametrize("scheme", ["package", "model"])
def test_a_mesh_is_found_in_a_checkout_that_is_called_otherwise(tmp_path, scheme):
    (tmp_path / "checkout" / "meshes").mkdir(parents=True)
    (tmp_path / "checkout" / "urdf").mkdir()
    (tmp_path / "checkout" / "meshes" / "a.stl").write_text("solid")
    root = parse_urdf(written(tmp_path / "checkout" / "urdf", MESH.replace("package://", f"{scheme}://")))
    assert root.find(".//mesh").get("filename") == str(tmp_path / "checkout" / "meshes" / "a.stl")


def test_a_mesh_is_found_in_an_installed_package(tmp_path, monkeypatch):
    shared = tmp_path / "ros" / "share" / "arm_description" / "meshes"
    shared.mkdir(parents=True)
    (shared / "a.stl").write_text("solid")
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path}/none:{tmp_path}/ros")
    root = parse_urdf(written(tmp_path / "mine", MESH))
    assert root.find(".//mesh").get("filename") == str(shared / "a.stl")


@pytest.mark.parametrize(
    "inside, words",
    [
        ('<xacro:include filename="hand.xacro"/>', "is xacro, not yet a URDF: <include>"),
        ('<link name="${prefix}base"/>', "is xacro.*<link> \\${prefix}base"),
        ('<link name="a"><collision><geometry><box size="0.1 -0.1 0.1"/></geometry></collision></link>', "'a'.*-0.1"),
        (
            '<link name="a"><collision><geometry><cylinder radius="0.1" length="0"/></geometry></collision></link>',
            "length",
        ),
        (
            '<link name="a"><visual><geometry><mesh filename="x" scale="1 0 1"/></geometry></visual></link>',
            "scale '1 0 1'",
        ),
    ],
)
def test_what_is_no_urdf_or_has_no_volume_is_named(tmp_path, inside, words):
    with pytest.raises(RetargetError, match=words):
        parse_urdf(written(tmp_path, inside))


def test_links_that_are_seen_but_never_felt_are_listed():
    felt = '<link name="b"><visual/><collision/></link>'
    assert links_without_collision(f'<robot><link name="a"><visual/></link>{felt}<link name="frame"/></robot>') == ["a"]
