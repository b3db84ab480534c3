"""Where a gripper can take hold of an object, nearest to how the person did it first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from heapq import heapify, heappop, heappush

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import SIDE_OF_HAND, Contact, HoiMotion, ObjectMotion
from hoi_motion.retarget.arm.grip import HALF_TURN_COST, Grasp, GraspTarget, GripperPose, surface_points
from hoi_motion.retarget.arm.pinch import pinch
from hoi_motion.retarget.arm.push import PRESS_M, push, pushes, touch
from hoi_motion.retarget.arm.sight import SPREAD
from hoi_motion.retarget.robots.config import GripperConfig
from hoi_motion.rigid import moved_back

# fingers reach deeper by so many standard deviations of the object's place: held before its middle, it is squeezed out
DEEPER = 1.0
# per metre of the centre of mass beside and above the axis between the fingers
LEVER_COST = 8.0
ABOVE_COST = 5.0
DRAG_COST = 10.0  # per metre above its foot: an object dragged by its top turns in the grip
RIM_DEPTH_M = 0.022  # fingers reach this far down the wall of what is open
LEANS_RAD = np.radians([0, 15, 30])
ROLL_COST = 5.0  # a ball that is touched from above stays
LAST_COST = 100.0
SAME_COST = 1e-9
RISK_COST = 1.0  # for one standard deviation of the place over what the grasp gives way
BESIDE_SHARE = 0.25  # share of a width by which an object may be off-centre and still be held, or touched
LEAST_ROOM_M = 0.003
HEIGHTS = (0.25, 0.5, 0.75)
TURNS_RAD = np.radians([0, 35, -35, 70, -70, 110, -110, 150, -150])
PITCHES_RAD = np.radians([15, 45, 90])

Try = tuple[float, Callable[[], list[Grasp]]]
"""Least cost of two grasps that differ by half a turn, and what works them out; no grasp where none fits."""


def acting_contact(motion: HoiMotion) -> Contact:
    """The longest contact with the target, else with any object.

    Raises:
        InputError: FILE_INVALID for a motion with one frame, no object or no contact.
    """
    if motion.num_frames < 2:
        raise InputError(ErrorCode.FILE_INVALID, "the motion has 1 frame", "retargeting needs at least 2")
    if not motion.objects:
        raise InputError(
            ErrorCode.FILE_INVALID,
            "the motion has no object",
            "an arm needs one to reach for: hoi-lift --human adds that of a video; a humanoid needs none",
        )
    if not motion.contacts:
        raise InputError(
            ErrorCode.FILE_INVALID, "no hand touches an object in this motion", "an arm needs a contact to reach for"
        )
    target = motion.target.name if motion.target else ""
    return max(motion.contacts, key=lambda c: (c.object_name == target, c.end_frame - c.start_frame, -c.start_frame))


def actor_place(motion: HoiMotion, body) -> np.ndarray:  # (3,)
    """The actor's pelvis in the first frame, world."""
    points = body.joints(motion.pose_rad[:1], motion.transl_m[:1], motion.betas)[0].numpy()
    return points[body.keypoint_names.index("pelvis")].astype(float)


def hand_on_object(motion: HoiMotion, contact: Contact, body) -> tuple[np.ndarray, np.ndarray]:  # (3,), (3,)
    """Middle of the hand and direction from wrist to hand, object frame, at the first frame of the contact."""
    t, side = contact.start_frame, SIDE_OF_HAND[contact.hand]
    keypoints = body.joints(motion.pose_rad[t : t + 1], motion.transl_m[t : t + 1], motion.betas)[0].numpy()
    wrist = keypoints[body.keypoint_names.index(f"{side}_wrist")]
    hand = keypoints[body.keypoint_names.index(f"{side}_middle1")]
    T = motion.object_named(contact.object_name).T_world_object[t]
    centre = moved_back(T, hand)
    direction = (hand - wrist) @ T[:3, :3]
    return centre.astype(float), direction.astype(float) / max(np.linalg.norm(direction), 1e-9)


def place_doubt_m(motion: HoiMotion, T_world_object: np.ndarray) -> np.ndarray:  # (4, 4) -> (3,)
    """One standard deviation of where the object is, as a lift tells it: level, along the line of sight, world."""
    away = np.append(T_world_object[:2, 3] - motion.camera.T_world_camera[:2, 3], 0.0)
    return float(motion.diagnostics.get(SPREAD, 0.0)) * away / max(float(np.linalg.norm(away)), 1e-9)


def grasp_candidates(
    thing: ObjectMotion,
    up: np.ndarray,
    hand_m: np.ndarray,
    approach: np.ndarray,
    gripper: GripperConfig,
    kind: str,
    along: np.ndarray | None = None,
    is_straight: bool = True,
    doubt_m: np.ndarray | None = None,
) -> Iterator[Grasp]:
    """Grasps of an object, the one most like the person's first; each is worked out when it is asked for.

    Args:
        up: (3,) world z in the object frame at the touch.
        hand_m: (3,) the person's hand; approach: (3,) its direction, both in the object frame.
        kind: what happens to the object. A "lift" is pinched, a "touch" touched, a "slide" pushed or pinched.
        along: (3,) where a slid object goes, object frame.
        is_straight: it goes on a line, as a push does. What a pinch drags along turns in the grip.
        doubt_m: (3,) one standard deviation of where the object is, object frame: grasps that still hold it there come
            first.
    """
    target = GraspTarget.of(thing, up)
    wanted = _Wanted.of(target, hand_m, approach, gripper, kind, doubt_m)
    tries = [*wanted.around(), *wanted.at_the_rim()]
    if kind == "slide":
        for pose, opening_m, cost in pushes(target, along, gripper):
            cost = cost if is_straight else cost + LAST_COST
            tries.append((cost, cache(partial(push, target, pose, opening_m, gripper, cost))))
    yield from _cheapest_first(tries)


def _cheapest_first(tries: list[Try]) -> Iterator[Grasp]:
    """Grasps in order of their costs, each worked out only when its turn comes."""
    halves = [(cost + which * HALF_TURN_COST, which, made) for cost, made in tries for which in (0, 1)]
    queue = [(cost, i, which, made) for i, (cost, which, made) in enumerate(halves)]
    heapify(queue)
    while queue:
        cost, i, which, made = heappop(queue)
        if not made():
            continue
        grasp = made()[which]
        if grasp.cost > cost + SAME_COST:  # it has turned out to be worse
            heappush(queue, (grasp.cost, i, which, made))
        else:
            yield grasp


@dataclass(frozen=True)
class _Side:
    """A side from which a gripper may come.

    Attributes:
        level_m: height of its place along the object's up; is_rolled: its opening is upright rather than level.
        cost: how unlike the person's hand.
    """

    pose: GripperPose
    level_m: float
    is_rolled: bool
    cost: float

    @property
    def roll_cost(self) -> float:
        return 0.3 * self.is_rolled


@dataclass(frozen=True)
class _Wanted:
    """What a grasp should be like; object frame.

    Attributes:
        flat: (3,) unit, the level direction from which the person's hand comes; hand_level_m: its height.
        approach, doubt_m, kind: as in `grasp_candidates`.
    """

    target: GraspTarget
    gripper: GripperConfig
    kind: str
    approach: np.ndarray
    flat: np.ndarray
    hand_level_m: float
    doubt_m: np.ndarray

    @classmethod
    def of(cls, target: GraspTarget, hand_m, approach, gripper: GripperConfig, kind: str, doubt_m) -> "_Wanted":
        up = target.up
        flat = approach - up * (approach @ up)
        if np.linalg.norm(flat) < 0.2:  # the hand comes from above: from where it is, sideways
            flat = target.axis_m - (hand_m - up * (hand_m @ up))
        flat = flat / max(np.linalg.norm(flat), 1e-9) if np.linalg.norm(flat) > 1e-6 else np.cross(up, [0.6, 0.8, 0.1])
        flat /= np.linalg.norm(flat)
        level_m = float(np.clip(hand_m @ up, target.low_m, target.high_m))
        return cls(target, gripper, kind, approach, flat, level_m, np.zeros(3) if doubt_m is None else doubt_m)

    def around(self) -> Iterator[Try]:
        """From all sides and from above: pinches and, where the object is only touched, touches."""
        for side in self._sides():
            yield self._pinched(side)
            if self.kind == "touch":
                yield self._touched(side)

    def _sides(self) -> Iterator[_Side]:
        target, up = self.target, self.target.up
        low, high = target.low_m, target.high_m
        levels = sorted((low + share * (high - low) for share in HEIGHTS), key=lambda h: abs(h - self.hand_level_m))
        for pitch in PITCHES_RAD:
            from_above = pitch > 1.5
            for turn in TURNS_RAD:
                heading = Rotation.from_rotvec(up * turn).apply(self.flat)
                z = np.cos(pitch) * heading - np.sin(pitch) * up
                level_y = np.cross(up, heading)
                for level_m in [high] if from_above else levels:
                    cost = self._unlike(z, level_m)
                    for roll in (0.0,) if from_above else (0.0, np.pi / 2):
                        y = Rotation.from_rotvec(z * roll).apply(level_y)
                        yield _Side(GripperPose(target.axis_m + level_m * up, y, z), level_m, roll > 0, cost)

    def _unlike(self, z: np.ndarray, level_m: float) -> float:
        """Cost of coming from elsewhere than the person's hand, by angle and by height."""
        return abs(np.arccos(np.clip(z @ self.approach, -1, 1))) + 3 * abs(level_m - self.hand_level_m)

    def _pinched(self, side: _Side) -> Try:
        target, gripper, pose = self.target, self.gripper, side.pose
        later = 3.0 if self.kind == "touch" else _gravity_cost(target, pose.at_m, pose.y)
        later += DRAG_COST * (side.level_m - target.low_m) if self.kind == "slide" else 0.0
        later += side.roll_cost
        room = max((gripper.open_width_m - target.width_m(pose.y)) / 2, LEAST_ROOM_M)
        beside = BESIDE_SHARE * target.width_m(pose.x)
        give_m = np.array([beside, room, gripper.finger_depth_m / 4])
        deeper_m = DEEPER * abs(float(pose.z @ self.doubt_m))
        cost = side.cost + later + self._risk(pose, give_m)
        return cost, cache(partial(pinch, target, pose, gripper, deeper_m, cost))

    def _touched(self, side: _Side) -> Try:
        target, pose = self.target, side.pose
        rolls_off = ROLL_COST * (1 + pose.z @ target.up) * target.is_round + side.roll_cost
        give_m = np.array([BESIDE_SHARE * target.width_m(pose.x), BESIDE_SHARE * target.width_m(pose.y), PRESS_M])
        cost = side.cost + rolls_off + self._risk(pose, give_m)
        return cost, cache(partial(touch, target, pose, self.gripper, cost))

    def at_the_rim(self) -> Iterator[Try]:
        """From above, a finger on either side of a wall."""
        target, gripper, up = self.target, self.gripper, self.target.up
        rim = target.points_m[target.points_m @ up > target.high_m - 0.002]
        for turn in TURNS_RAD if len(rim) else ():
            outward = -Rotation.from_rotvec(up * turn).apply(self.flat)
            edge = rim[np.argmax((rim - target.axis_m) @ outward)]
            cost = self._unlike(-up, target.high_m) + 0.2 * abs(turn) + 0.3
            for lean in LEANS_RAD:  # walls of bowls lean outwards
                lying = Rotation.from_rotvec(lean * np.cross(up, outward))
                pose = GripperPose(edge, lying.apply(outward), lying.apply(-up))
                half = min(gripper.open_width_m, target.width_m(pose.y)) / 2
                give_m = np.array([BESIDE_SHARE * target.width_m(pose.x), half, RIM_DEPTH_M])
                later = lean + 3.0 * (self.kind == "touch") + self._risk(pose, give_m)
                made = partial(pinch, target, pose, gripper, 0.0, cost + later, depth_m=RIM_DEPTH_M)
                yield cost + later, cache(made)

    def _risk(self, pose: GripperPose, give_m: np.ndarray) -> float:
        """Cost of doubt about the object's place: along x, y and z of the gripper, over what each gives way (3,)."""
        off_m = np.array([pose.x @ self.doubt_m, pose.y @ self.doubt_m, pose.z @ self.doubt_m])
        return RISK_COST * float(np.linalg.norm(off_m / give_m))


def _gravity_cost(target: GraspTarget, at_m: np.ndarray, y: np.ndarray) -> float:
    """An object held far from its centre of mass turns in the grip; held below it, it tips over."""
    away = target.centre_m - at_m
    flat = np.cross(target.up, y)
    beside = abs(away @ flat) / max(np.linalg.norm(flat), 1e-9) if np.linalg.norm(flat) > 0.1 else 0.0
    return LEVER_COST * beside + ABOVE_COST * max(0.0, float(away @ target.up))


def least_width_m(thing: ObjectMotion, up: np.ndarray) -> float:
    """Least horizontal width of an object's middle half; up: (3,) world z in the object frame."""
    points, _ = surface_points(thing.vertices_m, thing.faces)
    level = points @ up
    low, high = level.min(), level.max()
    middle = points[np.abs(level - (low + high) / 2) <= (high - low) / 4]
    side = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    side /= np.linalg.norm(side)
    sides = [Rotation.from_rotvec(up * angle).apply(side) for angle in np.linspace(0, np.pi, 36, endpoint=False)]
    return float(min(np.ptp(middle @ s) for s in sides))
