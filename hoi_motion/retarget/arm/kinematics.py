"""Kinematics: where an arm's grasp frame is, and joints that bring it somewhere, with pink on pinocchio."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.stats import qmc

from hoi_motion.retarget.robots.reach import reach_of

POSITION_TOLERANCE_M = 1e-3
ROTATION_TOLERANCE_RAD = 0.02
GRASP_FRAME = "where the gripper grasps"
MAX_STEP_RAD = 0.4  # of one IK step, where the linear model holds
ALL_AXES = 6  # of a place and an orientation
TURN, REST = 0.3, 1e-3  # costs of a turn, and of leaving home, beside a place's
YIELDING_TURN = 0.02  # cost of a turn, of an arm that cannot turn in all ways: the place comes first
YIELDING_REST = 1e-5
STILL_RAD = 1e-3  # a step that is smaller changes nothing any more
MOST_TILT_RAD = np.radians(20)
# postures from which a pose is looked for when it is not found from home
POSTURES = 2000
NEAREST_POSTURES = 4
TURN_M = 0.3  # a radian of turn is as far as that


class Kinematics:
    """Forward and inverse kinematics of an arm's grasp frame; joints `q` are in the model's order.

    Attributes:
        has_all_axes: whether it has six joints or more, so that the frame can be turned in all ways.
        reach: a ball that the wrist never leaves.
    """

    def __init__(self, model, link: str, T_wrist_tool: np.ndarray, home_rad: np.ndarray):
        """Add the grasp frame to a model.

        Args:
            model: of pinocchio, of the arm alone; link: beside which the frame lies, in the model.
            T_wrist_tool: (4, 4) the frame in the joint that carries the link; home_rad: (n,) the posture that is kept.
        """
        import pink
        from pink.limits import ConfigurationLimit

        self._lower_rad, self._upper_rad = model.lowerPositionLimit, model.upperPositionLimit
        self._home_rad = home_rad
        self.reach = reach_of(model, _add_grasp_frame(model, link, T_wrist_tool), T_wrist_tool)
        self.has_all_axes = model.nv >= ALL_AXES
        self._configuration = pink.Configuration(model, model.createData(), home_rad)
        turn_cost, rest_cost = (TURN, REST) if self.has_all_axes else (YIELDING_TURN, YIELDING_REST)
        self._frame = pink.tasks.FrameTask(GRASP_FRAME, 1.0, turn_cost, lm_damping=1e-4)
        self._posture = pink.tasks.PostureTask(cost=rest_cost)
        self._posture.set_target(home_rad)
        self._limits = [ConfigurationLimit(model, 0.95)]

    def forward(self, q: np.ndarray) -> np.ndarray:  # (n,) -> (4, 4)
        """T_base_tool: the grasp frame in the robot's base."""
        self._configuration.update(np.asarray(q, float))
        return self._configuration.get_transform_frame_to_world(GRASP_FRAME).homogeneous

    def beyond_m(self, T_base_tool: np.ndarray, at_m: np.ndarray | None = None) -> np.ndarray:  # (N, 4, 4) -> (N,)
        """How far poses are out of reach at least; where it is above 0, `solve` finds nothing. at_m: as there."""
        if self.has_all_axes:
            T = T_base_tool if at_m is None else T_base_tool @ _shift(-at_m)
            return self.reach.beyond_m(T, POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD)
        aside_m = 0.0 if at_m is None else float(np.linalg.norm(at_m))
        return self.reach.beyond_m(T_base_tool, POSITION_TOLERANCE_M + aside_m, np.inf)

    def posture(self, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None) -> np.ndarray | None:
        """As `solve`, from wherever it takes: home, else postures of the arm that bring the frame near to the pose.

        From one start, IK ends at joint limits for many poses that the arm has: from home it misses half of those of an
        arm with a torso.
        """
        return self._from_postures(self.solve, T_base_tool, steps, at_m)

    def nearest_posture(self, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None) -> np.ndarray | None:
        """As `nearest`, from wherever it takes."""
        return self._from_postures(self.nearest, T_base_tool, steps, at_m)

    def _from_postures(self, find: Callable, T_base_tool: np.ndarray, steps: int, at_m) -> np.ndarray | None:
        found = find(self._home_rad, T_base_tool, steps, at_m)
        if found is not None:
            return found
        postures, T = self._spread
        goal = T_base_tool if at_m is None else T_base_tool @ _shift(-at_m)
        cosine = (np.einsum("nij,ij->n", T[:, :3, :3], goal[:3, :3]) - 1) / 2
        away_m = np.linalg.norm(T[:, :3, 3] - goal[:3, 3], axis=1) + TURN_M * np.arccos(np.clip(cosine, -1, 1))
        for i in np.argsort(away_m, kind="stable")[:NEAREST_POSTURES]:
            found = find(postures[i], T_base_tool, steps, at_m)
            if found is not None:
                return found
        return None

    @cached_property
    def _spread(self) -> tuple[np.ndarray, np.ndarray]:  # (P, n), (P, 4, 4)
        """Postures spread evenly over the joints' ranges, the same each time, and where they have the grasp frame."""
        shares = qmc.Halton(len(self._home_rad), scramble=False).random(POSTURES)
        postures = self._lower_rad + (self._upper_rad - self._lower_rad) * shares
        return postures, np.array([self.forward(q) for q in postures])

    def solve(
        self, q: np.ndarray, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None
    ) -> np.ndarray | None:
        """Joint positions near `q` that bring the grasp frame to a pose, within joint limits; None without any.

        An arm with fewer than six axes brings it to the place, and may turn it: about the vertical as far as it takes,
        and from upright by MOST_TILT_RAD.

        Args:
            at_m: (3,) the point of the grasp frame that the pose is of; None is its origin.
        """
        if self.has_all_axes:
            return self._solve_all(q, T_base_tool if at_m is None else T_base_tool @ _shift(-at_m), steps)
        found = self.nearest(q, T_base_tool, steps, at_m)
        if found is None:
            return None
        upright = self.forward(found)[2, :3] @ T_base_tool[2, :3]
        return found if upright > np.cos(MOST_TILT_RAD) else None

    def nearest(
        self, q: np.ndarray, T_base_tool: np.ndarray, steps: int, at_m: np.ndarray | None = None
    ) -> np.ndarray | None:
        """Joint positions near `q` that bring a point to a place and turn the grasp frame as far as that leaves it."""
        import pinocchio

        configuration, goal = self._configuration, T_base_tool.copy()
        configuration.update(np.clip(q, self._lower_rad, self._upper_rad))
        off_m, best_m, turn_cost = np.inf, np.inf, YIELDING_TURN
        for step in range(steps + 1):
            now = configuration.get_transform_frame_to_world(GRASP_FRAME).homogeneous
            if at_m is not None:
                goal[:3, 3] = T_base_tool[:3, 3] - now[:3, :3] @ at_m
            off_m = float(np.linalg.norm(now[:3, 3] - goal[:3, 3]))
            if step % 12 == 11:  # as in _solve_all
                if off_m > max(0.8 * best_m, 0.01):
                    return None
                best_m = off_m
            if step == steps:
                break
            self._frame.set_target(pinocchio.SE3(goal))
            self._frame.set_orientation_cost(turn_cost)
            if self._step() < STILL_RAD:
                if off_m < 0.1 * POSITION_TOLERANCE_M:
                    break
                turn_cost *= 0.1  # what it would still turn keeps it from its place
        return np.array(configuration.q) if off_m <= POSITION_TOLERANCE_M else None

    def _step(self) -> float:
        """One step of the configuration towards the target of the frame; returns the largest joint's."""
        from pink import solve_ik

        configuration = self._configuration
        move = solve_ik(
            configuration, (self._frame, self._posture), 1.0, "daqp", 1e-8, self._limits, safety_break=False
        )
        move *= min(1.0, MAX_STEP_RAD / max(np.abs(move).max(), 1e-9))
        configuration.update(np.clip(configuration.q + move, self._lower_rad, self._upper_rad))
        return float(np.abs(move).max())

    def _solve_all(self, q: np.ndarray, T_base_tool: np.ndarray, steps: int) -> np.ndarray | None:
        import pinocchio

        configuration = self._configuration
        configuration.update(np.clip(q, self._lower_rad, self._upper_rad))
        self._frame.set_target(pinocchio.SE3(T_base_tool))
        self._frame.set_orientation_cost(TURN)  # `nearest` leaves another one
        best = np.inf
        for step in range(steps + 1):
            error = self._frame.compute_error(configuration)
            position, rotation = np.linalg.norm(error[:3]), np.linalg.norm(error[3:])
            if position < 0.1 * POSITION_TOLERANCE_M and rotation < 0.1 * ROTATION_TOLERANCE_RAD:
                break
            if step % 12 == 11:  # far from the goal and hardly nearer than twelve steps ago
                if position + 0.1 * rotation > 0.8 * best and position > 0.01:
                    return None
                best = position + 0.1 * rotation
            if step == steps:
                break
            self._step()
        if position > POSITION_TOLERANCE_M or rotation > ROTATION_TOLERANCE_RAD:
            return None
        return np.array(configuration.q)


def _add_grasp_frame(model, link: str, T_wrist_tool: np.ndarray) -> int:
    """Give the model the frame GRASP_FRAME beside a link; returns the number of the joint that carries both."""
    import pinocchio

    frame = pinocchio.Frame(model.frames[model.getFrameId(link, pinocchio.FrameType.BODY)])
    frame.name, frame.type, frame.placement = GRASP_FRAME, pinocchio.FrameType.OP_FRAME, pinocchio.SE3(T_wrist_tool)
    model.addFrame(frame, False)  # without its mass, which the link has
    return frame.parent


def _shift(by_m: np.ndarray) -> np.ndarray:  # (3,) -> (4, 4)
    T = np.eye(4)
    T[:3, 3] = by_m
    return T
