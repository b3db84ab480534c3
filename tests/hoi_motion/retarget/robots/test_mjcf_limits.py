"""How much a few lines of an MJCF may ask for."""

import xml.etree.ElementTree as xml

import pytest

from hoi_motion.errors import RetargetError
from hoi_motion.retarget.robots.mjcf import MAX_MADE, mjcf_to_urdf
from hoi_motion.retarget.robots.structure import MAX_LINKS


def palm(inner: str) -> str:
    return f'<mujoco><worldbody><body name="palm"><joint name="turn"/>{inner}</body></worldbody></mujoco>'


@pytest.mark.parametrize(
    "inner",
    [
        f'<replicate count="{MAX_MADE}"><geom/></replicate>',
        '<replicate count="8" euler="1 2 3">' * 5 + "<geom/>" + "</replicate>" * 5,
        '<replicate count="2" euler="1 2 3">' * 13 + "<geom/>" + "</replicate>" * 13,
        f'<replicate count="-{MAX_MADE}"><geom/></replicate><replicate count="{MAX_MADE}"><geom/></replicate>',
    ],
    ids=["many", "eight of eight of eight", "two of two of two", "fewer than none, then many"],
)
def test_more_copies_than_any_robot_has_are_refused(tmp_path, inner):
    with pytest.raises(RetargetError, match=f"more than {MAX_MADE} elements"):
        mjcf_to_urdf(xml.fromstring(palm(inner)), tmp_path / "a.xml")


def test_files_that_each_attach_the_next_one_twice_are_refused(tmp_path):
    for i in range(12):
        twice = '<attach model="next" prefix="a"/><attach model="next" prefix="b"/>'
        asset = f'<asset><model name="next" file="m{i + 1}.xml"/></asset>'
        (tmp_path / f"m{i}.xml").write_text(f"<mujoco>{asset}<worldbody>{twice}</worldbody></mujoco>")
    (tmp_path / "m12.xml").write_text('<mujoco><worldbody><body name="x"/></worldbody></mujoco>')
    with pytest.raises(RetargetError, match=f"more than {MAX_MADE} elements"):
        mjcf_to_urdf(xml.parse(tmp_path / "m0.xml").getroot(), tmp_path / "m0.xml")


def test_more_bodies_than_any_robot_has_are_refused_as_they_are_made(tmp_path):
    with pytest.raises(RetargetError, match=f"more than {MAX_LINKS} bodies"):
        mjcf_to_urdf(xml.fromstring(palm("<body/>" * MAX_LINKS)), tmp_path / "a.xml")


def test_a_skin_of_sensors_is_none_too_many(tmp_path):
    skin = '<replicate count="1000" offset="0.001 0 0"><geom size="0.001"/></replicate>'
    made = mjcf_to_urdf(xml.fromstring(palm(skin)), tmp_path / "a.xml")
    assert len(made.findall("link/collision")) == 1000
