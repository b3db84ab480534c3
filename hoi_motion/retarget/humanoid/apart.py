"""Self-collision avoidance for humanoids: the URDF's shapes as hulls, and an IK task that separates links too close."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import xml.etree.ElementTree as xml
from dataclasses import dataclass

import hppfcl
import numpy as np
import pink
import pinocchio
from scipy.spatial import ConvexHull, QhullError

from hoi_motion.retarget.robots.mesh_file import DIRECTIONS, link_points_m

MARGIN_M = 0.004  # between links that are free to move against each other
NEAR_M = 0.03  # pairs farther apart are left out of a frame
FELT_M = 0.015  # and of a step
WEIGHT = 40.0  # against 1 for an elbow
NEIGHBOUR_JOINTS = 1  # links this few joints apart may touch by design
BUILT_TO_TOUCH_M = 0.001  # as may those this close in the home configuration
DEEPEST_M = 0.1
FLAT_M = 1e-4


def convex_shape(points_m: np.ndarray):  # (P, 3)
    """The convex hull of points as an hppfcl shape, or None if it is flat."""
    far = points_m[np.unique((points_m @ DIRECTIONS.T).argmax(axis=0))]
    if len(far) < 4 or np.linalg.svd(far - far.mean(axis=0), compute_uv=False)[-1] < FLAT_M:
        return None
    try:
        hull = ConvexHull(far)
    except QhullError:
        return None
    vertices, triangles = hppfcl.StdVec_Vec3f(), hppfcl.StdVec_Triangle()
    vertices.extend([p for p in far])
    inside = far.mean(axis=0)
    for a, b, c in hull.simplices:
        outward = np.cross(far[b] - far[a], far[c] - far[a]) @ (far[a] - inside) > 0
        triangles.append(hppfcl.Triangle(*map(int, (a, b, c) if outward else (a, c, b))))
    return hppfcl.Convex(vertices, triangles)


class LinkShapes:
    """Convex shapes of a humanoid's links, and the pairs that must not collide: those apart at home."""

    def __init__(self, robot):
        """The shapes of a Humanoid's links, as its URDF has them."""
        tree, model = xml.fromstring(robot.urdf_text), robot.model
        self._shapes, self._frames, self._joints, centres, radii = [], [], [], [], []
        for link in tree.findall("link"):
            points = link_points_m(link, seen=False)
            hull = convex_shape(points) if len(points) else None
            if hull is None:
                continue
            frame = model.getFrameId(link.get("name"), pinocchio.FrameType.BODY)
            self._shapes.append(hull)
            self._frames.append(frame)
            self._joints.append(model.frames[frame].parent)
            centres.append((points.min(axis=0) + points.max(axis=0)) / 2)
            radii.append(np.linalg.norm(points - centres[-1], axis=1).max())
        self._centres, self._radii = np.array(centres), np.array(radii)
        above = [self._above(model, joint) for joint in self._joints]
        pairs = [
            (a, b) for a in range(len(self._shapes)) for b in range(a) if len(above[a] ^ above[b]) > NEIGHBOUR_JOINTS
        ]
        self._pairs = np.array(pairs, int).reshape(-1, 2)
        data = model.createData()
        pinocchio.framesForwardKinematics(model, data, robot.home)
        at_home = np.array([self._distance(data, a, b)[0] for a, b in self._pairs], float)
        self._pairs = self._pairs[at_home > BUILT_TO_TOUCH_M]

    @staticmethod
    def _above(model, joint: int) -> frozenset[int]:
        """The joints that move a link."""
        found = set()
        while joint > 1:  # 1 is the free root
            found.add(joint)
            joint = model.parents[joint]
        return frozenset(found)

    def near(self, data) -> np.ndarray:  # (P,)
        """Indices of the pairs that might collide in the next steps."""
        centres = np.array([data.oMf[f].act(c) for f, c in zip(self._frames, self._centres)])
        first, second = self._pairs.T
        gaps = np.linalg.norm(centres[first] - centres[second], axis=1) - self._radii[first] - self._radii[second]
        gaps -= NEAR_M
        near = np.flatnonzero(gaps < 0)
        gaps = [self._distance(data, *self._pairs[i])[0] for i in near]
        return near[np.array(gaps, float) < NEAR_M]

    def _distance(self, data, a: int, b: int):
        """Signed distance, and the nearest points on both."""
        T = data.oMf[self._frames[b]]
        return self._to_shape(data, a, self._shapes[b], T.rotation, T.translation)

    def _to_shape(self, data, a: int, shape, rotation: np.ndarray, place_m: np.ndarray):
        result, T = hppfcl.DistanceResult(), data.oMf[self._frames[a]]
        gap = hppfcl.distance(
            self._shapes[a],
            hppfcl.Transform3f(T.rotation, T.translation),
            shape,
            hppfcl.Transform3f(rotation, place_m),
            hppfcl.DistanceRequest(True),
            result,
        )
        return gap, result.getNearestPoint1(), result.getNearestPoint2()

    def meetings(self, data, pairs, within_m: float = NEAR_M) -> list["Meeting"]:
        """Those of some pairs that are near each other."""
        found = []
        for i in pairs:
            a, b = self._pairs[i]
            gap, on_a, on_b = self._distance(data, a, b)
            if gap < within_m:
                middles = [data.oMf[self._frames[k]].act(self._centres[k]) for k in (a, b)]
                gap, out = _apart(gap, on_a, on_b, *middles)
                found.append(Meeting(gap, out, on_a, on_b, self._joints[a], self._joints[b]))
        return found

    def near_things(self, data, things: list) -> list[tuple[int, int]]:
        """Links and scene bodies that might collide in the next steps, by index."""
        if not things:
            return []
        centres = np.array([data.oMf[f].act(c) for f, c in zip(self._frames, self._centres)])
        found = []
        for k, thing in enumerate(things):
            gaps = np.linalg.norm(centres - thing.centre_m, axis=1) - self._radii - thing.radius_m
            found += [(int(a), k) for a in np.flatnonzero(gaps < NEAR_M) if self._joints[a] not in thing.spared]
        T = [thing.T_world_thing for thing in things]
        return [
            (a, k) for a, k in found if self._to_shape(data, a, things[k].shape, T[k][:3, :3], T[k][:3, 3])[0] < NEAR_M
        ]

    def meetings_with(self, data, things: list, pairs, within_m: float = NEAR_M) -> list["Meeting"]:
        """The pairs in which a link is near a scene body, which is static."""
        found = []
        for a, k in pairs:
            T = things[k].T_world_thing
            gap, on_link, on_thing = self._to_shape(data, a, things[k].shape, T[:3, :3], T[:3, 3])
            if gap < within_m:
                middle = data.oMf[self._frames[a]].act(self._centres[a])
                gap, out = _apart(gap, on_link, on_thing, middle, things[k].centre_m)
                found.append(Meeting(gap, out, on_link, on_thing, self._joints[a], None))
        return found

    def depth_m(self, data) -> float:
        """Largest penetration between links; 0 when all are apart."""
        return _depth_m(self.meetings(data, self.near(data)))

    def depth_in_m(self, data, things: list) -> float:
        """Largest penetration of links into scene bodies; 0 when all are apart."""
        return _depth_m(self.meetings_with(data, things, self.near_things(data, things)))


def _depth_m(meetings: list["Meeting"]) -> float:
    return float(max(0.0, -min((found.gap_m for found in meetings), default=0.0)))


def _apart(gap: float, on_a, on_b, middle_a, middle_b) -> tuple[float, np.ndarray]:
    """Signed distance, no deeper than DEEPEST_M, and the unit direction out; from centre to centre if undefined."""
    between = (on_a - on_b) * (1 if gap > 0 else -1)
    length = np.linalg.norm(between)
    if gap < -DEEPEST_M or length < 1e-9:
        between = middle_a - middle_b
        gap, length = max(gap, -DEEPEST_M), np.linalg.norm(between)
    return gap, between / length


@dataclass(frozen=True)
class Meeting:
    """Two links near each other.

    Attributes:
        gap_m: signed; out: (3,) direction in which the first leaves the second; on_first, on_second: (3,) nearest
            points.
        first_joint, second_joint: the joints that move them; the second is None for a scene body.
    """

    gap_m: float
    out: np.ndarray
    on_first: np.ndarray
    on_second: np.ndarray
    first_joint: int
    second_joint: int | None


class ApartTask(pink.tasks.Task):
    """Moves links apart that are too close to each other or to the scene; `limit` keeps the others from getting so
    close.

    Set the frame's scene with `among`, call `look` once per frame to find pairs that get close, and `measure` before
    each step.
    """

    def __init__(self, shapes: LinkShapes):
        super().__init__(cost=WEIGHT, gain=1.0, lm_damping=0.0)
        self._shapes, self._pairs, self._gaps, self._rows = shapes, (), np.zeros(0), np.zeros((0, 0))
        self._things, self._thing_pairs = [], []
        self.limit = ApartLimit(self)

    def __repr__(self) -> str:
        return f"ApartTask({len(self._pairs)} pairs)"

    def among(self, things: list) -> None:
        self._things = things

    def look(self, data) -> None:
        self._pairs = self._shapes.near(data)
        self._thing_pairs = self._shapes.near_things(data, self._things)

    def measure(self, configuration) -> None:
        found = self._shapes.meetings(configuration.data, self._pairs, FELT_M)
        found += self._shapes.meetings_with(configuration.data, self._things, self._thing_pairs, FELT_M)
        self._gaps = np.array([meeting.gap_m for meeting in found]) - MARGIN_M
        self._rows = np.zeros((len(found), configuration.model.nv))
        if not found:
            return
        model, data, world = configuration.model, configuration.data, pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED
        carriers = {m.first_joint for m in found} | {m.second_joint for m in found if m.second_joint is not None}
        J = {joint: pinocchio.getJointJacobian(model, data, joint, world) for joint in carriers}
        for row, meeting in zip(self._rows, found):
            ends = [(1.0, meeting.first_joint, meeting.on_first)]
            if meeting.second_joint is not None:
                ends.append((-1.0, meeting.second_joint, meeting.on_second))
            for sign, joint, point in ends:
                arm = point - data.oMi[joint].translation
                row += sign * np.concatenate([meeting.out, np.cross(arm, meeting.out)]) @ J[joint]

    def compute_error(self, configuration) -> np.ndarray:
        return np.minimum(self._gaps, 0.0)

    def compute_jacobian(self, configuration) -> np.ndarray:
        return self._rows * (self._gaps < 0)[:, None]

    def compute_qp_objective(self, configuration) -> tuple[np.ndarray, np.ndarray]:
        rows, error = WEIGHT * self.compute_jacobian(configuration), WEIGHT * self.compute_error(configuration)
        return rows.T @ rows, error @ rows


class ApartLimit(pink.limits.Limit):
    """Limit of an ApartTask: no step brings a pair closer than allowed, or than it is."""

    def __init__(self, task: ApartTask):
        self._task = task

    def compute_qp_inequalities(self, configuration, dt: float):
        gaps, rows = self._task._gaps, self._task._rows
        return (-rows, np.maximum(gaps, 0.0)) if len(gaps) else None
