"""Collision shapes of a gripper that its file only draws."""

import xml.etree.ElementTree as xml

import numpy as np

from hoi_motion.retarget.gripper.shapes import take_in_parts, touch_as_drawn
from hoi_motion.retarget.robots.in_bullet import PARTS_ALONG


def test_what_is_drawn_stays_whole_where_what_touches_is_taken_in_parts():
    mesh = '<geometry><mesh filename="hand.stl"/></geometry>'
    tree = xml.fromstring(f'<robot><link name="hand"><visual>{mesh}</visual></link></robot>')
    touch_as_drawn(tree, {"hand"})
    take_in_parts(tree, {"hand": np.eye(4)})
    drawn, touching = (tree.find(f"link/{tag}/geometry/mesh") for tag in ("visual", "collision"))
    assert touching is not None and touching.get(PARTS_ALONG) == "0.0 0.0 1.0"
    assert drawn is not None and drawn.attrib == {"filename": "hand.stl"}
