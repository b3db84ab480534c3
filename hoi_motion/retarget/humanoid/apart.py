"""Links of a humanoid kept apart: shapes of its URDF as hulls, and a task of IK that pushes those too close away."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import xml.etree.ElementTree as xml
from dataclasses import dataclass

import hppfcl
import numpy as np
import pink
import pinocchio
import trimesh
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.transform import Rotation

MARGIN_M = 0.004  # between links that are free to move against each other
NEAR_M = 0.03  # pairs farther apart are left out of a frame
FELT_M = 0.015  # and of a step
WEIGHT = 40.0  # against 1 for an elbow
NEIGHBOUR_JOINTS = 1  # links this few joints apart are built to touch
BUILT_TO_TOUCH_M = 0.001  # pairs that are nearer at home are
DEEPEST_M = 0.1
FLAT_M = 1e-4
DIRECTIONS = trimesh.creation.icosphere(subdivisions=2).vertices  # a hull keeps its farthest points along these


def link_points_m(link: xml.Element, seen: bool) -> np.ndarray:  # (P, 3)
    """Points of a link's shapes in its frame: those that are seen, or felt; the others where it has none.

    Args:
        link: of a URDF with absolute mesh paths.
    """
    for tag in ("visual", "collision") if seen else ("collision", "visual"):
        points = [_shape_points_m(shape) for shape in link.findall(tag)]
        points = [found for found in points if len(found)]
        if points:
            return np.concatenate(points)
    return np.zeros((0, 3))


def _shape_points_m(shape: xml.Element) -> np.ndarray:  # (P, 3)
    made, origin = shape.find("geometry")[0], shape.find("origin")
    given = {} if origin is None else origin.attrib
    if made.tag == "mesh":
        mesh = trimesh.load(made.get("filename"), force="mesh", process=False)
        points = np.asarray(mesh.vertices, float) * np.array(made.get("scale", "1 1 1").split(), float)
    elif made.tag == "box":
        corners = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3), axis=-1).reshape(-1, 3)
        points = corners * np.array(made.get("size").split(), float)
    else:
        radius, half = float(made.get("radius")), float(made.get("length", 0)) / 2
        if made.tag == "cylinder":
            around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            ring = radius * np.stack([np.cos(around), np.sin(around), 0 * around], axis=1)
        else:
            ring = radius * DIRECTIONS
        points = np.concatenate([ring + [0, 0, half], ring - [0, 0, half]])
    turn = Rotation.from_euler("xyz", np.array(given.get("rpy", "0 0 0").split(), float))
    return turn.apply(points) + np.array(given.get("xyz", "0 0 0").split(), float)


def _hull(points_m: np.ndarray):
    """A convex shape, or None for what is flat."""
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
    """Convex shapes of a humanoid's links, and which pairs of them must not meet: those that do not at home."""

    def __init__(self, robot):
        """Args: robot: Humanoid."""
        tree, model = xml.fromstring(robot.urdf_text), robot.model
        self._shapes, self._frames, self._joints, centres, radii = [], [], [], [], []
        for link in tree.findall("link"):
            points = link_points_m(link, seen=False)
            hull = _hull(points) if len(points) else None
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
        """Numbers of the pairs that might meet in the next steps."""
        centres = np.array([data.oMf[f].act(c) for f, c in zip(self._frames, self._centres)])
        first, second = self._pairs.T
        gaps = np.linalg.norm(centres[first] - centres[second], axis=1) - self._radii[first] - self._radii[second]
        gaps -= NEAR_M
        near = np.flatnonzero(gaps < 0)
        gaps = [self._distance(data, *self._pairs[i])[0] for i in near]
        return near[np.array(gaps, float) < NEAR_M]

    def _distance(self, data, a: int, b: int):
        """Signed distance, and the nearest points on both."""
        result = hppfcl.DistanceResult()
        Ta, Tb = (data.oMf[self._frames[i]] for i in (a, b))
        gap = hppfcl.distance(
            self._shapes[a],
            hppfcl.Transform3f(Ta.rotation, Ta.translation),
            self._shapes[b],
            hppfcl.Transform3f(Tb.rotation, Tb.translation),
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
                between = (on_a - on_b) * (1 if gap > 0 else -1)
                length = np.linalg.norm(between)
                if gap < -DEEPEST_M or length < 1e-9:  # too deep to tell which way is out: apart from middle to middle
                    Ta, Tb = (data.oMf[self._frames[k]] for k in (a, b))
                    between = Ta.act(self._centres[a]) - Tb.act(self._centres[b])
                    gap, length = max(gap, -DEEPEST_M), np.linalg.norm(between)
                found.append(Meeting(gap, between / length, on_a, on_b, self._joints[a], self._joints[b]))
        return found

    def depth_m(self, data) -> float:
        """How deep links are in each other; 0 when all are apart."""
        return float(max(0.0, -min((found.gap_m for found in self.meetings(data, self.near(data))), default=0.0)))


@dataclass(frozen=True)
class Meeting:
    """Two links near each other.

    Attributes:
        gap_m: signed; out: (3,) the way in which the first leaves the second; on_first, on_second: (3,) nearest points.
        first_joint, second_joint: what carries them.
    """

    gap_m: float
    out: np.ndarray
    on_first: np.ndarray
    on_second: np.ndarray
    first_joint: int
    second_joint: int


class ApartTask(pink.tasks.Task):
    """Links that are too close move apart; `limit` keeps those that are not from coming so close.

    `look` once a frame which pairs come near, and `measure` them before each step.
    """

    def __init__(self, shapes: LinkShapes):
        super().__init__(cost=WEIGHT, gain=1.0, lm_damping=0.0)
        self._shapes, self._pairs, self._gaps, self._rows = shapes, (), np.zeros(0), np.zeros((0, 0))
        self.limit = ApartLimit(self)

    def __repr__(self) -> str:
        return f"ApartTask({len(self._pairs)} pairs)"

    def look(self, data) -> None:
        self._pairs = self._shapes.near(data)

    def measure(self, configuration) -> None:
        found = self._shapes.meetings(configuration.data, self._pairs, FELT_M)
        self._gaps = np.array([meeting.gap_m for meeting in found]) - MARGIN_M
        self._rows = np.zeros((len(found), configuration.model.nv))
        if not found:
            return
        model, data, world = configuration.model, configuration.data, pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED
        carriers = {meeting.first_joint for meeting in found} | {meeting.second_joint for meeting in found}
        J = {joint: pinocchio.getJointJacobian(model, data, joint, world) for joint in carriers}
        out = np.array([meeting.out for meeting in found])
        for sign, joints, points in (
            (1.0, [m.first_joint for m in found], [m.on_first for m in found]),
            (-1.0, [m.second_joint for m in found], [m.on_second for m in found]),
        ):
            arms = np.array(points) - np.array([data.oMi[joint].translation for joint in joints])
            twist = np.concatenate([out, np.cross(arms, out)], axis=1)  # (M, 6)
            self._rows += sign * np.einsum("mk,mkv->mv", twist, np.array([J[joint] for joint in joints]))

    def compute_error(self, configuration) -> np.ndarray:
        return np.minimum(self._gaps, 0.0)

    def compute_jacobian(self, configuration) -> np.ndarray:
        return self._rows * (self._gaps < 0)[:, None]

    def compute_qp_objective(self, configuration) -> tuple[np.ndarray, np.ndarray]:
        rows, error = WEIGHT * self.compute_jacobian(configuration), WEIGHT * self.compute_error(configuration)
        return rows.T @ rows, error @ rows


class ApartLimit(pink.limits.Limit):
    """Of an ApartTask: no step brings a pair nearer than it may be, or than it is."""

    def __init__(self, task: ApartTask):
        self._task = task

    def compute_qp_inequalities(self, configuration, dt: float):
        gaps, rows = self._task._gaps, self._task._rows
        return (-rows, np.maximum(gaps, 0.0)) if len(gaps) else None
