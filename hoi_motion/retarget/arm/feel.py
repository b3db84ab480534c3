"""Feeling for an object whose distance is not known: closed fingers go slowly along the line of sight until they touch.

A person who cannot judge a distance does so, too. From the camera on nothing stands in the way, or it would hide the
object, and wherever on the line the object stands, the fingers meet it at the same place of its surface and at the same
height over what carries it. Where they touch, its distance is known (`scale_at`), and everything else can be planned.
"""

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation
from scipy.stats import norm

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.surface import ObjectSurface
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.attempt import MAX_JUMP_RAD, NotPossible, ways
from hoi_motion.retarget.arm.grip import GraspTarget
from hoi_motion.retarget.arm.push import PRESS_M, push_height_m
from hoi_motion.retarget.arm.sight import OpenSight
from hoi_motion.retarget.arm.timeline import LEAD_S, MIN_RATE_HZ
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.retiming import retimed
from hoi_motion.retarget.robot_motion import GripperCommand, RobotMotion
from hoi_motion.rigid import minimum_jerk

APPROACH = "along_sight"
SPEED_M_S = 0.05  # what is touched at this speed hardly moves before the arm stops
RAMP_S = 0.2
SHUT_M = 0.002  # between the fingers: at their stops, what holds them there may look like a touch
EVEN_S = RAMP_S + 0.05  # from both ends of the sweep: between, it goes at an even speed, and can feel
SPREADS = 2.5  # so far to both sides, where the arm reaches
LEAST_SPREADS = 1.0  # and so far at least
BALL_PRESS_M = 0.001  # what finger and support hold between them is pressed; more would squeeze it out
BALL_RAD = np.radians(55)  # of latitude: two surfaces that are inclined by less than twice the friction angle hold it
ENOUGH = 0.95  # of the likely places; else the best of some sweeps is taken
MOST_SWEEPS = 10
LEAST_REST_M = 0.05  # of the line behind something else
KNOT_M = 0.02
CLEAR_M = 0.03  # before the nearest place at which it may stand
OTHER_PART = "another part of it than the fingers would meet the object"
LIFTED_OUT_M = np.array([0.0, 0.0, 50.0])
NEAREST_TOUCH_M = 0.12  # from where the finger tips meet the surface to where another part of the gripper may
BISECTIONS = 7
TURNS_RAD = np.radians([0, 40, -40, 80, -80, 120, -120, 180])
STEEPER_RAD = np.radians([50, 25, 0])
STEEPEST_RAD = np.radians(85)
# the hand's broad side along the line first: then it passes between what stands to the left and right
ROLLS_RAD = np.radians([90, -90, 0, 180])


def feeling(
    motion: HoiMotion,
    arm: Arm,
    object_name: str,
    sight: OpenSight,
    base: np.ndarray,
    start_rad: np.ndarray,
    beyond_m: float | None = None,
) -> RobotMotion:
    """The way of the closed fingers to the line of sight and along it, from the near end to the far one.

    Carried out until the gripper feels something; `range_m` in the facts says how far nearer and farther than lifted
    the object may stand.

    Args:
        motion: with the object at rest in the first frame.
        base: (4, 4) T_world_base; start_rad: (n,) arm joints at the beginning.
        beyond_m: only where the object would stand so much farther than lifted, or more; None is the whole line.

    Raises:
        RetargetError: UNREACHABLE with the reasons.
    """
    thing = motion.object_named(object_name)
    T_rest = thing.T_world_object[0]
    reasons, found = [], []
    with ArmWorld(arm, motion, object_name) as world:
        world.set_base(base)
        for T_world_tool in _tools(GraspTarget.of(thing, T_rest[2, :3]), T_rest, sight, arm):
            try:
                found.append(
                    _Sweep(arm, world, motion, object_name, sight, base, T_world_tool).plan(start_rad, beyond_m)
                )
            except NotPossible as failure:
                reasons.append(failure.reason)
                continue
            if beyond_m is not None or _share(found[-1], sight) > ENOUGH or len(found) == MOST_SWEEPS:
                break
    if found:
        return max(found, key=lambda sweep: _share(sweep, sight))
    raise RetargetError(
        ErrorCode.UNREACHABLE,
        f"{arm.config.name} cannot feel for {object_name!r} along the line of sight: {reasons[-1]}",
        "give a depth image, the camera's pose and the support's height, or another base pose",
    )


def scale_at(feeling: RobotMotion, T_world_tool: np.ndarray) -> float:
    """How many times as far away as lifted the object is, when the gripper felt it at a pose."""
    facts = feeling.facts
    along = np.array(facts["sight"]) @ (T_world_tool[:3, 3] - np.array(facts["tool_at_touch_m"]))
    return 1.0 + float(along) / facts["surface_m"]


def _share(sweep: RobotMotion, sight: OpenSight) -> float:
    """How likely the object is in the range of a sweep."""
    near, far = norm.cdf(np.array(sweep.facts["range_m"]) / sight.spread_m)
    return float(far - near)


def _tools(target: GraspTarget, T_rest: np.ndarray, sight: OpenSight, arm: Arm) -> Iterator[np.ndarray]:
    """Poses of the tool with its tip on the line of sight to a low place of the object.

    Steep ones first: the arm then stays above what stands around.
    """
    level = sight.direction * [1.0, 1.0, 0.0]
    heading = level / max(float(np.linalg.norm(level)), 1e-9)
    aim_m = T_rest[:3, :3] @ _aim(target, T_rest[:3, :3].T @ heading) + T_rest[:3, 3]
    down_rad = float(np.arcsin(np.clip(-sight.direction[2], -1, 1)))
    for turn in TURNS_RAD:
        ahead = Rotation.from_rotvec([0, 0, turn]).apply(heading)
        for roll in ROLLS_RAD:
            for steeper in STEEPER_RAD:
                pitch = np.clip(down_rad + steeper, 0.0, STEEPEST_RAD)
                z = np.cos(pitch) * ahead - [0, 0, np.sin(pitch)]
                y = Rotation.from_rotvec(roll * z).apply(np.cross([0, 0, 1.0], ahead))
                T = np.eye(4)
                T[:3] = np.stack([np.cross(y, z), y, z, aim_m - arm.gripper.tip_m * z], axis=1)
                yield T


def _aim(target: GraspTarget, heading: np.ndarray) -> np.ndarray:  # (3,), (3,) -> (3,)
    """A place on the near side that the finger tip meets, object frame: low, so that the object does not tip.

    A ball would roll away before anything is felt. From above, finger and support hold it between them.
    """
    if target.is_round:
        tall_m = target.high_m - target.low_m
        up_m, ahead_m = np.sin(BALL_RAD) * tall_m / 2, np.cos(BALL_RAD) * tall_m / 2
        return target.axis_m + (target.low_m + tall_m / 2 + up_m) * target.up - ahead_m * heading
    height_m = push_height_m(target, heading)
    low = target.points_m[target.points_m @ target.up < target.low_m + height_m]
    # on the near side: a line that descends to the middle of a bowl leads over its rim
    near_m = float((low @ heading).min() - target.axis_m @ heading) if len(low) else 0.0
    return target.axis_m + near_m * heading + (target.low_m + height_m) * target.up


class _Sweep:
    """One orientation of the tool, moved along the line of sight."""

    def __init__(self, arm: Arm, world: ArmWorld, motion: HoiMotion, object_name: str, sight: OpenSight, base, T_tool):
        self.arm, self.world, self.motion, self.object_name = arm, world, motion, object_name
        self.sight, self.base, self.T_tool = sight, base, T_tool
        self.T_base_world = np.linalg.inv(base)
        self.shut = arm.fingers.values(arm.finger_value(SHUT_M))
        thing = motion.object_named(object_name)
        self.T_rest = thing.T_world_object[0]
        self.foot_m = float(thing.vertices_world(0)[:, 2].min())
        self.is_round = ObjectSurface(thing.vertices_m, thing.faces, thing.name).is_round

    def plan(self, start_rad: np.ndarray, beyond_m: float | None) -> RobotMotion:
        """Raises: NotPossible with the reason."""
        arm, reach_m = self.arm, SPREADS * self.sight.spread_m
        # 1. as far to both sides as the arm gets, in steps
        at, path = self._reached(reach_m + CLEAR_M + KNOT_M, reach_m + KNOT_M)
        # 2. where it touches if the object stands where it is thought to
        touch_m, surface_m = self._touch(at, path)
        least_m = LEAST_SPREADS * self.sight.spread_m
        least = (-least_m, least_m) if beyond_m is None else (beyond_m, beyond_m + LEAST_REST_M)
        from_m = at[0] if beyond_m is None else max(at[0], touch_m + beyond_m - CLEAR_M)
        near_m, far_m = from_m + CLEAR_M - touch_m, at[-1] - SPEED_M_S * EVEN_S - touch_m
        if near_m > least[0] + 1e-9 or far_m < least[1]:
            raise NotPossible(f"it reaches {100 * near_m:.0f} to {100 * far_m:+.0f} cm of it only")
        # 3. from the start to the near end
        shifts_m = (CLEAR_M - touch_m + from_m, *((0.0,) if beyond_m is None else ()))
        way, lead = self._lead(start_rad, path(from_m), shifts_m)
        along_m = from_m + _evenly(at[-1] - from_m)
        positions = np.concatenate([way, path(along_m)[1:]])
        fingers = np.tile(self.shut, (len(positions), 1))
        limits = arm.velocity_rad_s, arm.acceleration_rad_s2
        times = retimed(positions, MIN_RATE_HZ, [0, lead, len(positions) - 1], *limits)
        count = int(np.ceil(times[-1] * MIN_RATE_HZ)) + 1
        even_s = np.linspace(0, times[-1], count)
        positions = np.clip(CubicSpline(times, positions, bc_type="clamped")(even_s), arm.lower_rad, arm.upper_rad)
        return self._motion(positions, fingers[:1], even_s, times[lead], touch_m, surface_m, (near_m, far_m))

    def _pose(self, along_m: float) -> np.ndarray:
        T = self.T_tool.copy()
        T[:3, 3] += along_m * self.sight.direction
        return self.T_base_world @ T

    def _reached(self, nearer_m: float, farther_m: float) -> tuple[np.ndarray, CubicSpline]:
        """Places along the line, 0 where the tip is at the object, and the joints over them."""
        # from home alone: from a posture far from it the sweep ends early, and what follows starts far from it, too
        middle = self.arm.solve(self.arm.home_rad, self._pose(0.0), 40)
        if middle is None:
            raise NotPossible("the line of sight is out of its reach")
        self._check(middle, 0.0)
        self.world.place_target(self.T_rest)
        depth_m, link, _ = self.world.nearest()
        if depth_m < 0 and link not in self.world.finger_links:  # told before the whole line is worked out
            raise NotPossible(OTHER_PART)
        sides = []
        for way_m in (-nearer_m, farther_m):
            q, side = middle, []
            for share in np.arange(1, np.ceil(abs(way_m) / KNOT_M) + 1):
                along_m = np.sign(way_m) * KNOT_M * share
                q, before = self.arm.solve(q, self._pose(along_m), 8), q
                if q is None or np.abs(q - before).max() > MAX_JUMP_RAD or not self._is_free(q, along_m):
                    break
                side.append((along_m, q))
            sides.append(side)
        knots = [*sides[0][::-1], (0.0, middle), *sides[1]]
        if len(knots) < 4:
            raise NotPossible("the line of sight leads out of its reach")
        at = np.array([along for along, _ in knots])
        return at, CubicSpline(at, np.stack([q for _, q in knots]))

    def _is_free(self, q: np.ndarray, along_m: float) -> bool:
        try:
            self._check(q, along_m)
        except NotPossible:
            return False
        return True

    def _check(self, q: np.ndarray, shift_m: float) -> None:
        """Raises: NotPossible where it runs into anything but the object, with what carries that moved along."""
        self.world.displace(shift_m * self.sight.direction)
        self.world.place_target(_shifted(self.T_rest, LIFTED_OUT_M))
        self.world.pose(q, self.shut)
        hit = self.world.collision(0.0)
        if hit:
            raise NotPossible(f"on the line of sight {hit[0]}")
        foot_m = self.foot_m + shift_m * self.sight.direction[2]
        if self.world.is_below(foot_m):
            raise NotPossible("its gripper comes below what carries the object")

    def _touch(self, at: np.ndarray, path: CubicSpline) -> tuple[float, float]:
        """Where along the line the gripper meets the object as lifted, and how far that is from the camera."""
        world, low, high = self.world, None, None
        world.displace(np.zeros(3))
        world.place_target(self.T_rest)

        def gap_at(along_m: float) -> tuple[float, int, np.ndarray]:
            world.pose(path(along_m), self.shut)
            return world.nearest()

        for along_m in np.arange(max(at[0], -2 * NEAREST_TOUCH_M), 0.5 * KNOT_M, KNOT_M / 2):
            if gap_at(along_m)[0] <= 0:
                high = along_m
                break
            low = along_m
        if low is None or high is None:
            raise NotPossible("it would not meet the object")
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if gap_at(middle)[0] > 0 else (low, middle)
        _, link, point_m = gap_at(low)
        if link not in world.finger_links:
            raise NotPossible(OTHER_PART)
        return low, float((point_m - self.sight.camera_m) @ self.sight.direction)

    def _lead(self, start_rad: np.ndarray, near: np.ndarray, shifts_m: tuple[float, ...]) -> tuple[np.ndarray, int]:
        """From the start to the near end of the line, with the object moved along it by each of these."""
        count = int(np.ceil(LEAD_S * MIN_RATE_HZ))
        share, reason = minimum_jerk(np.arange(count + 1) / count), "no way to the line of sight"
        found = list(ways(self.arm, start_rad, near))
        for way in found if 0.0 in shifts_m else found[::-1]:  # behind something else: from above
            positions = np.clip(way(share), self.arm.lower_rad, self.arm.upper_rad)
            reason = self._hit(positions, shifts_m)
            if not reason:
                return positions, count
        raise NotPossible(reason)

    def _hit(self, positions: np.ndarray, shifts_m: tuple[float, ...]) -> str:
        for shift_m in shifts_m:
            shift = shift_m * self.sight.direction
            self.world.displace(shift)
            self.world.place_target(_shifted(self.T_rest, shift))
            for q in positions[::2]:
                self.world.pose(q, self.shut)
                hit = self.world.collision(0.0)
                if hit:
                    return f"on the way to the line of sight {hit[0]}"
        return ""

    def _motion(
        self, positions, shut, even_s, sweep_s: float, touch_m: float, surface_m: float, range_m
    ) -> RobotMotion:
        arm, count = self.arm, len(positions)
        root = np.r_[self.base[:3, 3], Rotation.from_matrix(self.base[:3, :3]).as_quat()]
        rest = np.r_[self.T_rest[:3, 3], Rotation.from_matrix(self.T_rest[:3, :3]).as_quat()]
        return RobotMotion(
            arm.config.name,
            (*arm.joint_names, *arm.fingers.names),
            np.concatenate([positions, np.repeat(shut, count, axis=0)], axis=1),
            np.tile(root, (count, 1)),
            (count - 1) / even_s[-1],
            np.zeros(count),
            object_pose=np.tile(rest, (count, 1)),
            finger_names=arm.fingers.names,
            gripper=(GripperCommand(0.0, SHUT_M, float(shut[0, 0]), arm.gripper.force_n),),
            facts={
                "object": self.object_name,
                "approach": APPROACH,
                "range_m": [float(value) for value in range_m],
                "sweep_s": float(sweep_s),
                "sight": self.sight.direction.tolist(),
                "tool_at_touch_m": (self.T_tool[:3, 3] + touch_m * self.sight.direction).tolist(),
                "surface_m": surface_m,
                "press_m": BALL_PRESS_M if self.is_round else PRESS_M,
                "is_round": bool(self.is_round),
            },
        )


def _evenly(way_m: float) -> np.ndarray:  # (N,)
    """Places along a way at a constant speed, with a ramp at both ends, at MIN_RATE_HZ."""
    lasts_s = way_m / SPEED_M_S + RAMP_S
    t = np.linspace(0, lasts_s, int(np.ceil(lasts_s * MIN_RATE_HZ)) + 1)
    speed = SPEED_M_S * np.clip(np.minimum(t, lasts_s - t) / RAMP_S, 0, 1)
    way = np.r_[0.0, np.cumsum((speed[1:] + speed[:-1]) / 2 * np.diff(t))]
    return way * way_m / way[-1]


def _shifted(T: np.ndarray, shift_m: np.ndarray) -> np.ndarray:
    T = T.copy()
    T[:3, 3] += shift_m
    return T
