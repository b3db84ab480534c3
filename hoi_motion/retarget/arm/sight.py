"""What one picture leaves open: how far away things are. All scenes that look the same differ by a scale about the eye.

A lift without depth image, camera pose or height of the support takes the distance from the person's size, and may be
wrong by a hand's length or two. Across the line of sight it is exact. So the error has one dimension, and its direction
is known.
"""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.motion import HoiMotion

SPREAD = "target_distance_spread_m"  # in the diagnostics of a lift
SOURCE = "target_distance_source"
# the others know a plane on which the object stands, or its surface; "usual size" is in motions of earlier versions
OPEN_SOURCES = ("hand", "person", "floor", "usual size")
FORGIVEN_M = 0.04  # half an opening


@dataclass(frozen=True)
class OpenSight:
    """The line of sight to an object whose distance is not known.

    Attributes:
        camera_m: (3,) where the picture was taken from; direction: (3,) unit, to the middle of the object; world.
        distance_m: to the middle of the object, as lifted; spread_m: its standard deviation.
    """

    camera_m: np.ndarray
    direction: np.ndarray
    distance_m: float
    spread_m: float


def open_sight(motion: HoiMotion, object_name: str) -> OpenSight | None:
    """The line of sight to an object at rest; None where its distance is known well enough to close fingers there."""
    spread_m = float(motion.diagnostics.get(SPREAD, 0.0))
    if spread_m <= FORGIVEN_M or motion.diagnostics.get(SOURCE) not in OPEN_SOURCES:
        return None
    corners = motion.object_named(object_name).vertices_world(0)
    camera_m = motion.camera.T_world_camera[:3, 3].astype(float)
    away = (corners.min(axis=0) + corners.max(axis=0)) / 2 - camera_m
    distance_m = float(np.linalg.norm(away))
    return OpenSight(camera_m, away / distance_m, distance_m, spread_m)


def scaled(motion: HoiMotion, object_name: str, scale: float) -> HoiMotion:
    """The scene that looks the same when its object is `scale` times as far away.

    The object at rest and the supports grow with the distance. The person comes along with the object and keeps the
    size, and so does the object's way.
    """
    camera_m = motion.camera.T_world_camera[:3, 3].astype(float)
    thing = motion.object_named(object_name)
    T = thing.T_world_object.copy()
    shift = (scale - 1) * (T[0, :3, 3] - camera_m)
    T[:, :3, 3] += shift
    grown = replace(thing, T_world_object=T, vertices_m=scale * thing.vertices_m)
    supports = []
    for support in motion.supports:
        T_box = support.T_world_box.copy()
        T_box[:3, 3] += (scale - 1) * (T_box[:3, 3] - camera_m)
        supports.append(replace(support, T_world_box=T_box, size_m=scale * support.size_m))
    return motion.replace(
        objects=tuple(grown if o is thing else o for o in motion.objects),
        supports=tuple(supports),
        transl_m=motion.transl_m + shift,
    )
