"""What a depth image shows beside the target: bodies that a robot keeps clear of, though no plan names them.

Of a thing that is seen from one side nobody knows the back: it is taken to be as deep as it is wide, and to stand on
what the target stands on.
"""

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, KDTree, QhullError

from hoi_motion.motion import HoiMotion
from hoi_motion.rigid import moved

AROUND_M = 0.45  # from the target's way, horizontally
# what is lower above the target's support is that support, whose slope is not known exactly
LEAST_HEIGHT_M = 0.015
SLOPE = 0.03
PERSON_M = 0.08  # from the body as lifted: the actor is not there when the robot acts
EDGE_M = 0.01  # around the target's mask, at least a pixel: there it may be the target that is seen
SAME_THING_M = 0.03  # between neighbouring pixels
LEAST_AREA_M2 = 1e-3  # seen of a thing, 3 x 3 cm; less is a speck, as sensors make them at edges
DEEPEST_M = 0.15


def seen_obstacles(motion: HoiMotion, depth_m: np.ndarray, target_mask: np.ndarray, body) -> tuple[np.ndarray, ...]:
    """Convex bodies around the target that the first frame's depth image shows, (N, 3) vertices each, world.

    Args:
        motion: as lifted with that image, so that its camera is the image's.
        depth_m: (H, W), metres along the optical axis; 0 or NaN where unknown.
        target_mask: (H, W) bool.
        body: BodyModel of the motion.
    """
    camera, thing = motion.camera, motion.target
    rows, columns = np.indices(depth_m.shape)
    known = np.isfinite(depth_m) & (depth_m > 0)
    rays = np.stack([columns, rows, np.ones(depth_m.shape)], -1) @ np.linalg.inv(camera.K).T
    points = moved(camera.T_world_camera, rays * np.where(known, depth_m, 1.0)[..., None])  # (H, W, 3)
    way_m = thing.T_world_object[:, :2, 3]
    foot_m = float(thing.vertices_world(0)[:, 2].min())
    away_m, _ = KDTree(way_m).query(points[..., :2])
    kept = known & (away_m < AROUND_M) & (points[..., 2] > foot_m + LEAST_HEIGHT_M + SLOPE * away_m)
    pixel_m = np.where(known, depth_m, 0.0) / np.sqrt(camera.K[0, 0] * camera.K[1, 1])  # (H, W), its width there
    seen_target = known & target_mask
    edge_px = EDGE_M / np.median(pixel_m[seen_target]) if seen_target.any() else 1.0
    kept &= ~binary_dilation(target_mask, iterations=max(1, round(edge_px)))
    skin_m = body.vertices_and_joints(motion.pose_rad[:1], motion.transl_m[:1], motion.betas)[0][0].numpy()
    kept[kept] = KDTree(skin_m).query(points[kept], distance_upper_bound=PERSON_M)[0] > PERSON_M
    label = _things(kept, depth_m)
    eye_m = camera.T_world_camera[:3, 3]
    area_m2 = np.bincount(label[kept], pixel_m[kept] ** 2)
    bodies = (_standing(points[label == n], foot_m, eye_m) for n in np.flatnonzero(area_m2 >= LEAST_AREA_M2))
    return tuple(found for found in bodies if found is not None)


def _things(kept: np.ndarray, depth_m: np.ndarray) -> np.ndarray:  # (H, W) int, -1 where nothing is
    """Number of the thing that a pixel shows: neighbours at about the same distance show the same one."""
    number = np.arange(kept.size).reshape(kept.shape)
    pairs = []
    for ahead, behind in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        same = kept[ahead] & kept[behind]
        same[same] = np.abs(depth_m[ahead][same] - depth_m[behind][same]) < SAME_THING_M
        pairs.append(np.stack([number[ahead][same], number[behind][same]]))
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(kept.size, kept.size))
    label = connected_components(graph, directed=False)[1].reshape(kept.shape)
    shown = np.full(kept.shape, -1)
    shown[kept] = np.unique(label[kept], return_inverse=True)[1]
    return shown


def _standing(seen_m: np.ndarray, foot_m: float, eye_m: np.ndarray) -> np.ndarray | None:  # (P, 3) -> (N, 3)
    """A body whose front is seen; None for what is flat."""
    ahead = seen_m[:, :2].mean(0) - eye_m[:2]
    ahead /= max(float(np.linalg.norm(ahead)), 1e-9)
    across = seen_m[:, :2] @ [-ahead[1], ahead[0]]
    back = seen_m + min(np.ptp(across) / 2, DEEPEST_M) * np.array([*ahead, 0.0])
    whole = np.concatenate([seen_m, back])
    on_foot = whole * [1, 1, 0] + [0, 0, foot_m]
    try:
        hull = ConvexHull(np.concatenate([whole, on_foot]))
    except QhullError:
        return None
    return hull.points[hull.vertices]
