"""When the object's place and size in space are questioned: the depth image does not know it, or drawn back into the
picture it is not as large as it is seen there."""

import cv2
import numpy as np

from hoi_motion.camera import Camera
from hoi_motion.errors import counted
from hoi_motion.lift.object.distance import LEAST_DEPTH_PIXELS, Scene
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import ObjectMotion

# hands hide parts of what they hold: of real clips that were lifted well it is drawn up to 1.4 times as large as seen,
# of one that was not 1.9 times
OTHER_SIZE = 1.7
# only frames in which it is seen to move count, and so many of them: at rest it has the size of its outline
LEAST_VISIBILITY = 0.5
LEAST_FRAMES = 4


def depth_notes(scene: Scene) -> tuple[str, ...]:
    """Note of the motion on a depth image that does not tell how far away the object is."""
    known, marked = int(scene.depth_known.sum()), int(scene.target.mask.sum())
    if scene.sight.depth_m is None or known >= LEAST_DEPTH_PIXELS:
        return ()
    return (
        f"doubtful: depth: of the object's {counted(marked, 'pixel')} the depth image knows {known} (glass, polish and "
        "black swallow a camera's light): its distance was found as if there were no depth image",
    )


def size_notes(thing: ObjectMotion, target: ObjectTrack, camera: Camera) -> tuple[str, ...]:
    """Note of the motion on an object that is drawn larger or smaller than it is seen while it moves."""
    frames = np.flatnonzero(~target.resting & (target.visibility >= LEAST_VISIBILITY))
    times = np.array([_times_as_large(thing, target, camera, t) for t in frames])
    times = times[np.isfinite(times)]
    if len(times) < LEAST_FRAMES:
        return ()
    usual = float(np.median(times))
    if 1 / OTHER_SIZE < usual < OTHER_SIZE:
        return ()
    return (
        f"doubtful: object_size: in {counted(len(times), 'frame')} in which it is seen to move, {thing.name} is drawn "
        f"{usual:.1f} times as large as it is seen: its size or its distance is off as much, "
        "or the track shows a part of it",
    )


def _times_as_large(thing: ObjectMotion, target: ObjectTrack, camera: Camera, t: int) -> float:
    """Ratio of the sides of the drawn outline to those of the seen one, both convex; NaN where either is nothing."""
    drawn_px = camera.project(thing.vertices_world(t))
    rows, columns = np.nonzero(target.mask_at(t))
    if len(rows) < 3 or not np.isfinite(drawn_px).all():
        return np.nan
    drawn, seen = (_area(points) for points in (drawn_px, np.column_stack([columns, rows])))
    return float(np.sqrt(drawn / seen)) if seen > 0 else np.nan


def _area(points_px: np.ndarray) -> float:  # (N, 2)
    return cv2.contourArea(cv2.convexHull(points_px.astype(np.float32)))
