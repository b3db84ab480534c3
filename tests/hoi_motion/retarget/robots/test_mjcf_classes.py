"""What an element of an MJCF takes of its class: its turn, its sizes, its ends."""

import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.retarget.robots.mjcf import mjcf_to_urdf

# kind -> a turn in a class, another of an element, and the degrees about x, y, z of that one by MuJoCo 4.0
TURNS = {
    "quat": ("0.6 0 0 0.8", "0.6 0.8 0 0", [106.2602, 0, 0]),
    "euler": ("0 0 30", "20 0 0", [20, 0, 0]),
    "axisangle": ("0 0 1 50", "1 0 0 10", [10, 0, 0]),
    "xyaxes": ("0 -1 0 1 0 0", "0 1 0 -1 0 0", [0, 0, 90]),
    "zaxis": ("1 0 0", "0 1 0", [-90, 0, 0]),
}


def box(defaults: str, geom: str) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Place, turn (degrees) and size in a URDF of a body's geom."""
    text = f'<mujoco><default>{defaults}</default><worldbody><body name="b">{geom}</body></worldbody></mujoco>'
    shape = mjcf_to_urdf(xml.fromstring(text), Path("a.xml")).find("link[@name='b']/visual")
    rpy = Rotation.from_euler("xyz", np.array(shape.find("origin").get("rpy").split(), float))
    place = np.array(shape.find("origin").get("xyz").split(), float)
    size = [float(n) for value in shape.find("geometry")[0].attrib.values() for n in value.split()]
    return place, np.degrees(rpy.as_rotvec()), size


@pytest.mark.parametrize("own", TURNS)
@pytest.mark.parametrize("of_class", TURNS)
def test_a_turn_of_its_own_replaces_that_of_the_class_whatever_their_kinds(of_class, own):
    above = f'<geom type="box" size="1 1 1" {of_class}="{TURNS[of_class][0]}"/>'
    turned = f'{own}="{TURNS[own][1]}"'
    np.testing.assert_allclose(box(above, f"<geom {turned}/>")[1], TURNS[own][2], atol=1e-4)
    within = f'{above}<default class="in"><geom {turned}/></default>'
    np.testing.assert_allclose(box(within, '<geom class="in"/>')[1], TURNS[own][2], atol=1e-4, err_msg="a class within")


@pytest.mark.parametrize(
    "of_class, own, size",
    [
        ('type="box" size="0.11 0.045 0.02"', 'size="0.2"', [0.4, 0.09, 0.04]),
        ('type="capsule" size="0.11 0.045"', 'size="0.2"', [0.2, 0.09]),
        ('type="box" size="0.02 0.7 0.5"', 'fromto="0 0 0 0.4 0 0"', [0.04, 0.04, 0.4]),
        ('type="capsule" size="0.02" fromto="0 0 0 0.4 0 0"', 'size="0.03 0.3"', [0.03, 0.4]),
    ],
    ids=["first of three", "radius of a capsule", "ends of its own", "ends of the class"],
)
def test_sizes_that_a_geom_leaves_out_are_those_of_its_class(of_class, own, size):
    assert box(f"<geom {of_class}/>", f"<geom {own}/>")[2] == pytest.approx(size)


@pytest.mark.parametrize("own", ["", 'euler="0 45 0"', 'quat="0.6 0.8 0 0"'])
def test_a_geom_between_two_points_of_its_class_lies_along_them_however_it_is_turned(own):
    place, turn, _ = box('<geom type="capsule" size="0.02" fromto="0.1 0 0 0.5 0 0"/>', f"<geom {own}/>")
    np.testing.assert_allclose(place, [0.3, 0, 0])
    np.testing.assert_allclose(turn, [0, -90, 0], atol=1e-9)
