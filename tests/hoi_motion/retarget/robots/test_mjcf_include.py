"""Files that an MJCF includes."""

import xml.etree.ElementTree as xml

import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.robots.mjcf_include import put_included


def included(folder, text: str) -> str:
    path = folder / "robot.xml"
    path.write_text(text)
    root = xml.fromstring(text)
    put_included(root, path, folder)
    return xml.tostring(root, encoding="unicode")


@pytest.mark.parametrize("place", [".", "parts"])
def test_what_files_hold_stands_where_they_are_included_also_in_each_other(tmp_path, place):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "arm.xml").write_text(
        '<mujocoinclude><body name="a"/><include file="hand.xml"/></mujocoinclude>'
    )
    (tmp_path / place / "hand.xml").write_text('<mujoco><body name="h"/></mujoco>')
    text = '<mujoco><w><body name="0"/><include file="parts/arm.xml"/><body name="1"/></w></mujoco>'
    said = included(tmp_path, text)
    assert said.replace(" ", "") == (
        '<mujoco><w><bodyname="0"/><bodyname="a"/><bodyname="h"/><bodyname="1"/></w></mujoco>'
    )


@pytest.mark.parametrize("name", ["none.xml", "../outside.xml", "robot.xml", "twice.xml"])
def test_a_file_that_is_missing_elsewhere_or_included_twice_is_named(tmp_path, name):
    (tmp_path / "outside.xml").write_text("<mujoco/>")
    folder = tmp_path / "robot"
    folder.mkdir()
    (folder / "twice.xml").write_text("<mujoco/>")
    with pytest.raises(TavidError, match=f"includes '{name}'") as caught:
        included(folder, f'<mujoco><include file="twice.xml"/><include file="{name}"/></mujoco>')
    assert caught.value.code == ErrorCode.ROBOT_UNKNOWN
