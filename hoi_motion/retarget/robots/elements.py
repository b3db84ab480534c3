"""Numbers and poses as a URDF and an MJCF write them."""

import xml.etree.ElementTree as xml

import numpy as np
from scipy.spatial.transform import Rotation


def numbers(text: str | None, default: list) -> np.ndarray:
    """Those of an attribute, which may be missing."""
    return np.array(text.split() if text else default, float)


def text_of(values: np.ndarray) -> str:
    """An attribute that gives back exactly these numbers."""
    return " ".join(repr(float(value)) for value in values)


def origin_of(T: np.ndarray) -> xml.Element:  # (4, 4)
    """A URDF's <origin>."""
    rpy = Rotation.from_matrix(T[:3, :3]).as_euler("xyz", suppress_warnings=True)  # at the pole any two angles do
    return xml.Element("origin", xyz=text_of(T[:3, 3]), rpy=text_of(rpy))
