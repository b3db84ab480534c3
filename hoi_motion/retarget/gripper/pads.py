"""Pads: the inner faces of a gripper's fingers, felt by rays from either side while they open.

The robot's file says which joints open the gripper. How wide, how deep, and where between the fingers, its shapes say.
"""

import dataclasses
import xml.etree.ElementTree as xml
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.world import bullet_client
from hoi_motion.retarget.gripper.opening import Opening
from hoi_motion.retarget.robots.config import GripperConfig, RobotConfig
from hoi_motion.retarget.robots.fingers import Fingers, links_on
from hoi_motion.retarget.robots.in_bullet import load_robot

STEPS = 17  # values between closed and open
ROW_M = 0.002  # between two rows of rays, along the fingers
BESIDE_M = (0.0, -0.006, 0.006)  # rays of a row: things are held by the middle of a finger
FAR_M = 0.3  # from the grasp frame to where rays begin
ALONG_M = 0.16  # to either side of it, along the fingers, at most
REACH_M = 0.04  # and beyond where they are open, in which turning fingers close
TIP_ROWS = 2  # rounded, at the end of a finger
BAND_ROWS = 12  # behind them, by which things are held
PAD_ROWS = 8  # the last of these, by which the angle of a pad is told
LEAST_ROWS = 4
MOST_ASKEW_RAD = np.radians(40)
"""Between two pads that hold: each then stands at 20 degrees to what is between them, within its cone of friction."""
MOST_OPEN_RAD = np.radians(70)  # between two pads as they come to an object
OPENING_SPARE_M = 0.006  # that a gripper opens wider than what it holds, at least
RISE_M = 1e-9  # between two values at which the pads are as far apart
OPENS_M = 2e-4  # a link that moves less from closed to open is on neither side
PALM_SPARE_M = 0.01  # between an object and the palm
GROUP, OTHERS, RAYS = 2, 4, 1  # of collision filters; rays are in the first


@dataclass(frozen=True)
class Pads:
    """A gripper as measured.

    Attributes:
        opening: over its value.
        middle_m: between the closed pads, along y of the grasp frame; tip_m: of the closed fingers, along z.
        depth_m: how far an object fits between the open fingers.
    """

    opening: Opening
    middle_m: float
    tip_m: float
    depth_m: float


@dataclass(frozen=True)
class _Faces:
    """Inner faces at one value, rows from the palm to the tips; NaN where a row meets nothing on a side.

    Attributes:
        plus_m, minus_m: (R,) the face towards +y and the one towards -y, along y; at_m: (R,) the rows, along z.
    """

    at_m: np.ndarray
    plus_m: np.ndarray
    minus_m: np.ndarray

    def band(self) -> np.ndarray:
        """Numbers of the rows by which things are held: behind the tip of the shorter finger."""
        rows = np.flatnonzero(np.isfinite(self.plus_m) & np.isfinite(self.minus_m))
        if not len(rows):
            return rows
        near = np.arange(rows[-1] - TIP_ROWS - BAND_ROWS + 1, rows[-1] - TIP_ROWS + 1)
        return near[np.isin(near, rows)]

    def measured(self) -> tuple[float, float, float, float] | None:
        """Width, middle, tip and the angle between the pads; None where they do not face each other."""
        band = self.band()
        if len(band) < LEAST_ROWS:
            return None
        gap = (self.plus_m - self.minus_m)[band]
        least = band[int(gap.argmin())]
        plus_rad, minus_rad = (_angle_rad(self.at_m[band], side[band]) for side in (self.plus_m, self.minus_m))
        middle_m = float(self.plus_m[least] + self.minus_m[least]) / 2
        return float(gap.min()), middle_m, float(self.at_m[band[-1] + TIP_ROWS]), plus_rad - minus_rad


def _angle_rad(at_m: np.ndarray, side_m: np.ndarray) -> float:
    """By which a pad leaves the fingers' direction: of its last rows, the median of what any two tell (Theil and Sen),
    so that notches, and where a short pad ends, do not count."""
    at_m, side_m = at_m[-PAD_ROWS:], side_m[-PAD_ROWS:]
    one, other = np.triu_indices(len(at_m), 1)
    return float(np.arctan(np.median((side_m[other] - side_m[one]) / (at_m[other] - at_m[one]))))


def measured_gripper(
    urdf_text: str, config: RobotConfig, fingers: Fingers, wrist_joint: str, T_wrist_tool: np.ndarray
) -> tuple[GripperConfig, Opening, float]:
    """The gripper with all its sizes, its opening, and where the middle of its closed fingers is along y.

    What the robot's file says holds; the rest is measured. Arguments and errors are those of `measured_pads`.
    """
    grip = config.gripper
    sizes = {name: getattr(grip, name) for name in ("open_width_m", "finger_depth_m", "tip_m")}
    if None not in sizes.values():
        return grip, Opening.even(grip.closed, grip.open, grip.open_width_m), 0.0
    pads = measured_pads(urdf_text, config, fingers, wrist_joint, T_wrist_tool)
    found = {"finger_depth_m": max(0.0, pads.depth_m - PALM_SPARE_M), "tip_m": pads.tip_m}
    if grip.open_width_m is not None:
        opening, beside_m = Opening.even(grip.closed, grip.open, grip.open_width_m), 0.0
    else:
        opening, beside_m = pads.opening, pads.middle_m
        found |= {"open_width_m": opening.open_width_m, "open": opening.open}
    given = {name: value for name, value in sizes.items() if value is not None}
    return dataclasses.replace(grip, **found | given), opening, beside_m


def measured_pads(
    urdf_text: str, config: RobotConfig, fingers: Fingers, wrist_joint: str, T_wrist_tool: np.ndarray
) -> Pads:
    """The pads of a gripper by the collision shapes of its links.

    Args:
        wrist_joint: the last of the arm; T_wrist_tool: (4, 4) the grasp frame in it, y along the opening.

    Raises:
        RetargetError: ROBOT_UNKNOWN where nothing of the gripper stands on both sides, or it does not open.
    """
    grip = config.gripper
    with bullet_client() as client:
        hand = _Hand(client, urdf_text, config.urdf, fingers, wrist_joint, T_wrist_tool)
        if not hand.has_shapes:
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"the fingers of {config.name} have neither collision shapes nor visual ones",
                "give them shapes, or its sizes in gripper.open_width_m, finger_depth_m and tip_m",
            )
        hand.take_sides(grip.closed, grip.open)
        rows, shares = [], []
        for share in np.linspace(0, 1, STEPS):
            found = hand.faces(grip.closed + (grip.open - grip.closed) * share).measured()
            if found is not None:
                rows.append(found)
                shares.append(share)
        table, shares = np.array(rows).reshape(-1, 4), np.array(shares)
        last = _last_that_holds(table, shares)
        if last is None:
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"from gripper.closed {grip.closed:g} to open {grip.open:g}, the collision shapes of the gripper of "
                f"{config.name} do not open along y of its grasp frame {config.grasp_frame!r}",
                "check the two values, and grasp_frame, which may be left out; or give gripper.open_width_m, "
                "finger_depth_m and tip_m",
            )
        value = grip.closed + (grip.open - grip.closed) * shares[last]
        depth_m = hand.depth_m(value, *table[last, 1:3])
    opening = _opening(grip, table, shares, last)
    return Pads(opening, float(table[0, 1]), float(table[0, 2]), depth_m)


def _opening(grip: GripperConfig, table: np.ndarray, shares: np.ndarray, last: int) -> Opening:
    """Of rows of width, middle, tip and angle at shares of the way from closed to open, `last` the widest that holds.

    Fingers come to an object wider than that, where they open wider: it passes between jaws at an angle.
    """
    wide = last
    while wide + 1 < len(table) and abs(table[wide + 1, 3]) <= MOST_OPEN_RAD and table[wide + 1, 0] >= table[last, 0]:
        wide += 1
    rows = [*range(last + 1), *([wide] if wide > last else [])]
    rising = np.maximum.accumulate(np.maximum(table[rows, 0], 0.0))
    if wide > last:
        rising[-1] = rising[-2] + OPENING_SPARE_M
    # np.interp needs one value for each width; where fingers that overlap come apart, both ends count
    rising += RISE_M * np.arange(len(rising))
    middles_m, tips_m = table[rows, 1], table[rows, 2]
    span = shares[wide]
    return Opening(
        grip.closed,
        grip.closed + (grip.open - grip.closed) * span,
        float(rising[-1]),
        rising / rising[-1],
        shares[rows] / span,
        middles_m - middles_m[0],
        tips_m - tips_m[0],
    )


def _last_that_holds(table: np.ndarray, shares: np.ndarray) -> int | None:
    """The widest opening at which the pads still oppose each other, as a row; None where there is none."""
    if not len(table) or shares[0] > 0:
        return None
    good = (np.abs(table[:, 3]) <= MOST_ASKEW_RAD) | (table[:, 0] <= 0)  # shapes may overlap where they are shut
    good[0] = True
    until = len(good) if good.all() else int(np.argmin(good))
    widest = int(table[:until, 0].argmax())
    return widest if table[widest, 0] > max(table[0, 0], 0.0) + OPENS_M else None


class _Hand:
    """The robot in PyBullet, its grasp frame at the origin of the world."""

    def __init__(self, client: int, urdf_text: str, source: str, fingers: Fingers, wrist_joint: str, T_wrist_tool):
        self._client, self._fingers = dict(physicsClientId=client), fingers
        self._body = load_robot(_hand_only(urdf_text, wrist_joint), source, client, seen=False, fixed_base=True)
        joints = range(pybullet.getNumJoints(self._body, **self._client))
        info = [pybullet.getJointInfo(self._body, i, **self._client) for i in joints]
        by_name = {joint[1].decode(): i for i, joint in enumerate(info)}
        self._ids = [by_name[name] for name in fingers.names]
        parents = {i: joint[16] for i, joint in enumerate(info)}
        self._moving = {i for i in joints if any(above in self._ids for above in _above(i, parents))}
        wrist = by_name[wrist_joint]
        self._still = {i for i in joints if wrist in _above(i, parents)} - self._moving
        state = pybullet.getLinkState(self._body, wrist, computeForwardKinematics=True, **self._client)
        self._stand(np.linalg.inv(_pose(state[4], state[5]) @ T_wrist_tool))

    @property
    def has_shapes(self) -> bool:
        """Whether any link that moves can be touched."""
        return any(pybullet.getCollisionShapeData(self._body, link, **self._client) for link in self._moving)

    def _stand(self, T_tool_base: np.ndarray) -> None:
        mass = pybullet.getDynamicsInfo(self._body, -1, **self._client)[3:5]  # PyBullet places the centre of mass
        T = T_tool_base @ _pose(*mass)
        turn = Rotation.from_matrix(T[:3, :3]).as_quat().tolist()
        pybullet.resetBasePositionAndOrientation(self._body, T[:3, 3].tolist(), turn, **self._client)

    def take_sides(self, closed: float, open: float) -> None:
        """Links towards +y, and those towards -y: what opens that way, else what stands still."""
        shifts = {link: self._middle_m(link, open) - self._middle_m(link, closed) for link in sorted(self._moving)}
        plus = {link for link, shift in shifts.items() if shift > OPENS_M}
        minus = {link for link, shift in shifts.items() if shift < -OPENS_M}
        self._sides = (plus or self._still, minus or self._still)
        ends = [pybullet.getAABB(self._body, link, **self._client) for link in sorted(self._moving)]
        low, high = min(low[2] for low, _ in ends), max(high[2] for _, high in ends)
        low, high = np.clip([low - REACH_M, high + REACH_M], -ALONG_M, ALONG_M)
        self._rows_m = np.arange(np.floor(low / ROW_M), np.ceil(high / ROW_M)) * ROW_M

    def _middle_m(self, link: int, value: float) -> float:
        """Along y; of a link without a shape, its origin's."""
        self._open(value)
        low, high = pybullet.getAABB(self._body, link, **self._client)
        return (low[1] + high[1]) / 2

    def _open(self, value: float) -> None:
        for i, joint in zip(self._ids, self._fingers.values(value)):
            pybullet.resetJointState(self._body, i, float(joint), **self._client)
        pybullet.performCollisionDetection(**self._client)

    def faces(self, value: float) -> _Faces:
        """Of the fingers at a value."""
        self._open(value)
        at_m = self._rows_m
        z, x = (grid.ravel() for grid in np.meshgrid(at_m, BESIDE_M, indexing="ij"))
        sides = []
        for links, sign in zip(self._sides, (1, -1)):
            near, far = (np.stack([x, np.full(len(x), -sign * way), z], axis=1) for way in (FAR_M, -FAR_M))
            y = self._first_hit_m(near, far, links).reshape(len(at_m), len(BESIDE_M))
            y = sign * y  # the face that is nearest to the other side
            least = np.where(np.isfinite(y), y, np.inf).min(axis=1)
            sides.append(np.where(np.isfinite(least), sign * least, np.nan))
        return _Faces(at_m, *sides)

    def depth_m(self, value: float, middle_m: float, tip_m: float) -> float:
        """From the tips back to the first thing in the middle between the fingers."""
        self._open(value)
        x = np.array(BESIDE_M)
        begin, end = (np.stack([x, np.full(len(x), middle_m), np.full(len(x), z)], axis=1) for z in (tip_m, -FAR_M))
        hits = self._first_hit_m(begin, end, self._still | self._moving, axis=2)
        return float(tip_m - np.nanmax(hits)) if np.isfinite(hits).any() else float(tip_m + FAR_M)

    def _first_hit_m(self, begin: np.ndarray, end: np.ndarray, links: set[int], axis: int = 1) -> np.ndarray:
        """Where rays (N, 3) first meet one of some links, along an axis; NaN where they do not. (N,)"""
        for link in range(-1, pybullet.getNumJoints(self._body, **self._client)):
            group = GROUP if link in links else OTHERS
            pybullet.setCollisionFilterGroupMask(self._body, link, group, RAYS, **self._client)
        if not len(begin):  # no finger is near the grasp frame
            return np.zeros(0)
        hits = pybullet.rayTestBatch(begin.tolist(), end.tolist(), collisionFilterMask=GROUP, **self._client)
        return np.array([hit[3][axis] if hit[0] == self._body else np.nan for hit in hits])


def _hand_only(urdf_text: str, wrist_joint: str) -> str:
    """The robot of which the gripper alone has shapes: meshes of a whole arm take seconds to load."""
    tree = xml.fromstring(urdf_text)
    hand = links_on(tree, wrist_joint)
    for link in tree.findall("link"):
        for shape in (*link.findall("visual"), *(link.findall("collision") if link.get("name") not in hand else ())):
            link.remove(shape)
    return xml.tostring(tree, encoding="unicode")


def _above(link: int, parents: dict[int, int]) -> list[int]:
    """A link and all that carry it."""
    way = [link]
    while parents.get(way[-1], -1) >= 0:
        way.append(parents[way[-1]])
    return way


def _pose(position, turn) -> np.ndarray:  # (3,), (4,) xyzw -> (4, 4)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(turn).as_matrix(), position
    return T
