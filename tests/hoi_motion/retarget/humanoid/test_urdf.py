"""A humanoid's URDF made ready: joints that cannot move."""

import xml.etree.ElementTree as xml

import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.humanoid.urdf import read_humanoid_urdf


@pytest.fixture
def file(tmp_path):
    """A hand with a finger tip whose joint a CAD program exported without a range."""
    joint = (
        '<joint name="{}" type="revolute"><parent link="{}"/><child link="{}"/><axis xyz="0 0 1"/>'
        '<limit lower="{}" upper="{}" velocity="0" effort="0"/></joint>'
    )
    joints = joint.format("wrist", "arm", "hand", -1, 1) + joint.format("tip", "hand", "finger", 0.3, 0.3)
    links = "".join(f'<link name="{name}"/>' for name in ("arm", "hand", "finger"))
    (tmp_path / "hand.urdf").write_text(f'<robot name="r">{links}{joints}</robot>')
    return tmp_path / "hand.urdf"


def test_a_joint_without_room_stands_where_its_limits_have_it(file):
    wrist, tip = xml.fromstring(read_humanoid_urdf(file, 1.0, {"left_hand": "hand"})).findall("joint")
    assert (wrist.get("type"), tip.get("type")) == ("revolute", "fixed")
    assert float(tip.find("origin").get("rpy").split()[2]) == pytest.approx(0.3)


def test_what_mimics_a_joint_without_room_stands_still_with_it(file):
    mimic = '<limit lower="-1" upper="1" velocity="0" effort="0"/><mimic joint="tip" multiplier="2" offset="0.1"/>'
    nail = f'<link name="nail"/><joint name="nail" type="revolute"><parent link="finger"/><child link="nail"/>{mimic}'
    file.write_text(file.read_text().replace("</robot>", f"{nail}</joint></robot>"))
    *_, nail = xml.fromstring(read_humanoid_urdf(file, 1.0)).findall("joint")
    assert nail.get("type") == "fixed" and nail.find("mimic") is None
    assert float(nail.find("origin").get("rpy").split()[0]) == pytest.approx(2 * 0.3 + 0.1)


def test_a_joint_without_room_that_carries_a_part_of_the_body_is_named(file):
    with pytest.raises(TavidError, match="'tip' of .* moves from 0.3 to 0.3 and carries left_hand") as caught:
        read_humanoid_urdf(file, 1.0, {"left_hand": "finger"})
    assert caught.value.code == ErrorCode.ROBOT_UNKNOWN


def test_what_mimics_a_joint_that_slides_follows_it_in_another_size(tmp_path):
    joint = (
        '<joint name="{0}" type="{1}"><parent link="a"/><child link="{0}"/><limit lower="0" upper="0.1"/>{2}</joint>'
    )
    joints = [
        joint.format("rail", "prismatic", ""),
        joint.format("twin", "prismatic", '<mimic joint="rail" multiplier="-1" offset="0.04"/>'),
        joint.format("wheel", "revolute", '<mimic joint="rail" multiplier="10" offset="0.3"/>'),
        joint.format("rack", "prismatic", '<mimic joint="wheel" multiplier="0.1" offset="0.02"/>'),
    ]
    links = "".join(f'<link name="{name}"/>' for name in ("a", "rail", "twin", "wheel", "rack"))
    (tmp_path / "r.urdf").write_text(f'<robot name="r">{links}{"".join(joints)}</robot>')
    found = xml.fromstring(read_humanoid_urdf(tmp_path / "r.urdf", 0.5)).iter("mimic")
    told = [(float(mimic.get("multiplier")), float(mimic.get("offset"))) for mimic in found]
    # half as far in metres, as far in radians
    assert told == [pytest.approx((-1, 0.02)), pytest.approx((20, 0.3)), pytest.approx((0.05, 0.01))]
