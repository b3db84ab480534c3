"""Collision shapes of a gripper, in place: what fingers touch with must be there, and must not fill the opening."""

import copy
import xml.etree.ElementTree as xml

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.retarget.robots.elements import numbers, text_of
from hoi_motion.retarget.robots.in_bullet import PARTS_ALONG


def touch_as_drawn(tree: xml.Element, links: set[str]) -> None:
    """Give links that have visuals but no collision shape those visuals as collision shapes.

    Some robots' files have none for their hand, and fingers without a shape hold nothing.
    """
    for link in tree.findall("link"):
        if link.get("name") in links and link.find("collision") is None:
            for visual in link.findall("visual"):
                shape = xml.SubElement(link, "collision")
                shape.extend(copy.deepcopy(part) for part in visual if part.tag in ("origin", "geometry"))


def take_in_parts(tree: xml.Element, T_links_tool: dict[str, np.ndarray]) -> None:
    """Mark the collision meshes of links to be taken as slices across z of the grasp frame.

    Args:
        T_links_tool: link -> (4, 4) the grasp frame in it.
    """
    for link in tree.findall("link"):
        T_link_tool = T_links_tool.get(link.get("name", ""))
        for shape in link.findall("collision") if T_link_tool is not None else ():
            mesh, origin = shape.find("geometry/mesh"), shape.find("origin")
            if mesh is not None:
                rpy = numbers(None if origin is None else origin.get("rpy"), [0, 0, 0])
                R_link_mesh = Rotation.from_euler("xyz", rpy).as_matrix()
                scale = numbers(mesh.get("scale"), [1, 1, 1])
                mesh.set(PARTS_ALONG, text_of(scale * (R_link_mesh.T @ T_link_tool[:3, 2])))
