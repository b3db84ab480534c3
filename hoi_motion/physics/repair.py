"""repair_motion: the smallest change of a motion that makes it pass, or a reason why there is none."""

from dataclasses import asdict, dataclass
from enum import Enum

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.body.posed import PosedBody
from hoi_motion.ground.still_world import as_filmed, in_still_world
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.check import free_body, run_checks
from hoi_motion.physics.checks import SIMULATED
from hoi_motion.physics.config import CheckConfig
from hoi_motion.physics.fixes import FIXES
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import PhysicsReport, Verdict
from hoi_motion.physics.world import PhysicsWorld
from hoi_motion.progress import CancelToken, OnProgress, silent

MAX_ROUNDS = 8
MOVED_M = 1e-4
MAX_NAMED_JOINTS = 4
_CARRIED_BY = np.repeat([0, 20, 21], [25, 15, 15])
"""The joint relative to which a move is reported: a hand takes its fingers along, which need not be said of them."""


class RepairOutcome(str, Enum):  # as StrEnum, which Python 3.10 lacks
    """How a repair ended; `RepairResult` says what each means."""

    NOT_NEEDED = "NOT_NEEDED"
    REPAIRED = "REPAIRED"
    BEYOND_LIMIT = "BEYOND_LIMIT"
    NOT_REPAIRED = "NOT_REPAIRED"

    __str__ = str.__str__


@dataclass(frozen=True)
class Move:
    """How far one thing was moved.

    Attributes:
        what: "body" as a whole, a joint's name (relative to the pelvis; fingers: to their wrist), or an object's name.
        frames: number of frames in which it moved.
        median_m, max_m: over those frames, metres.
        max_frame: the frame of the largest move.
    """

    what: str
    frames: int
    median_m: float
    max_m: float
    max_frame: int

    def __str__(self) -> str:
        frames = f"{self.frames} frames" if self.frames > 1 else "1 frame"
        usual = f" (median {self.median_m * 100:.1f} cm)" if self.frames > 1 else ""
        return f"{self.what} by up to {self.max_m * 100:.1f} cm{usual} in {frames}"


@dataclass(frozen=True)
class RepairResult:
    """The outcome of a repair.

    Attributes:
        outcome: NOT_NEEDED (it passed as it was), REPAIRED, BEYOND_LIMIT (it would have to change too much), or
            NOT_REPAIRED (a failed check has no fix, or the fixes do not help).
        motion: the repaired motion; the given one, the same object, unless the outcome is REPAIRED.
        before: the report of the given motion; report: of `motion`.
        moves: what moved, largest first; with BEYOND_LIMIT what would have had to move.
        joint_change_m: (median, max) of the change of the joints' world positions over joints and frames, metres.
        turned_deg: largest change of a joint's rotation, degrees.
        reason: the outcome in words.
    """

    outcome: RepairOutcome
    motion: HoiMotion
    before: PhysicsReport
    report: PhysicsReport
    moves: tuple[Move, ...] = ()
    joint_change_m: tuple[float, float] = (0.0, 0.0)
    turned_deg: float = 0.0
    reason: str = "nothing had to be repaired"

    def to_dict(self) -> dict:
        """The entry in plan.json and in the report's file."""
        return {
            "outcome": str(self.outcome),
            "reason": self.reason,
            "failed_before": [c.name for c in self.before.checks if c.verdict is Verdict.FAIL],
            "joint_change_m": {"median": self.joint_change_m[0], "max": self.joint_change_m[1]},
            "turned_deg": self.turned_deg,
            "moves": [asdict(m) for m in self.moves],
        }


def repair_motion(
    motion: HoiMotion,
    config: CheckConfig = CheckConfig(),
    *,
    body=None,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> RepairResult:
    """Make a failing motion pass its check by the smallest change, within the `repair_*` limits.

    Failed checks are repaired one after the other, causes before consequences, with all checks run again; a motion
    counts as repaired only when it passes all of them. The result is deterministic. What a moving camera does is taken
    out before and put back after it.

    Args:
        body: the BodyModel the motion was made with; None loads the free body.
        on_progress: called with stage "check".

    Raises:
        CheckError: CHECK_NOT_RUN, as `check_motion`.
        ControlError: CANCELLED once the token is set.
    """
    cancel = cancel or CancelToken()
    body = body if body is not None else free_body(motion)
    still = in_still_world(motion, body)
    changed, used, before, report = still, [], None, None
    for number in range(MAX_ROUNDS):
        report, name, better = _check_and_fix(changed, config, body, cancel)
        before = before or report
        on_progress("check", 1 - 0.5 ** (number + 1))
        if better is None:
            break
        changed = better
        used.append(name)
    on_progress("check", 1.0)
    if before.verdict is not Verdict.FAIL:
        return RepairResult(RepairOutcome.NOT_NEEDED, motion, before, before)
    old, new = PosedBody(body, still), PosedBody(body, changed)
    moves, joints, turned = _moves(old, new)
    numbers = dict(moves=moves, joint_change_m=joints, turned_deg=turned)
    too_far = _beyond_limits(old, new, config)
    if too_far:
        return RepairResult(RepairOutcome.BEYOND_LIMIT, motion, before, before, **numbers, reason=too_far)
    if report.verdict is not Verdict.PASS or better is not None:
        reason = _not_repaired(report, used)
        return RepairResult(RepairOutcome.NOT_REPAIRED, motion, before, before, reason=reason)
    reason = f"fixed {', '.join(dict.fromkeys(used))}: moved {'; '.join(map(str, moves[: MAX_NAMED_JOINTS + 1]))}"
    if not moves:
        reason = f"fixed {', '.join(dict.fromkeys(used))}: turned joints by at most {turned:.0f} degrees"
    repaired = as_filmed(changed, motion.T_first_camera, body)
    return RepairResult(RepairOutcome.REPAIRED, repaired, before, report, **numbers, reason=reason)


def _not_repaired(report: PhysicsReport, used: list[str]) -> str:
    """What no change fixes, in words; where only the simulation objects, what a repair without it would do."""
    failed = [c.name for c in report.checks if c.verdict is Verdict.FAIL]
    reason = f"no change was found that fixes {', '.join(failed)}"
    fixed = [name for name in dict.fromkeys(used) if name not in failed]
    if fixed and not set(failed) - {check.__name__ for check in SIMULATED}:
        reason += f"; a repair without simulation fixes {', '.join(fixed)}"
    return reason


def _check_and_fix(
    motion: HoiMotion, config: CheckConfig, body, cancel: CancelToken
) -> tuple[PhysicsReport, str, HoiMotion | None]:
    """The report, and the motion after fixing the first failed check that has a fix; None if there is none."""
    geometry = MotionGeometry(motion, config, body)
    with PhysicsWorld(geometry.parts, geometry.surfaces, geometry.supports) as world:
        report = run_checks(geometry, world, silent, cancel)
        failed = {c.name for c in report.checks if c.verdict is Verdict.FAIL}
        for name in (name for name in FIXES if name in failed):
            better = FIXES[name](geometry, world)
            if better is not None:
                return report, name, better
    return report, "", None


def _joints_m(posed: PosedBody) -> np.ndarray:  # (T, 55, 3)
    return posed.keypoints_m[:, :55].astype(np.float64)


def _moves(posed_old: PosedBody, posed_new: PosedBody) -> tuple[tuple[Move, ...], tuple[float, float], float]:
    before, after = _joints_m(posed_old), _joints_m(posed_new)
    old, new = posed_old.motion, posed_new.motion
    root = (after - before)[:, 0]
    by_themselves = (after - after[:, _CARRIED_BY]) - (before - before[:, _CARRIED_BY])
    found = [_move("body", np.linalg.norm(root, axis=1))]
    joints = [
        _move(JOINT_NAMES[j].replace("_", " "), np.linalg.norm(by_themselves[:, j], axis=1)) for j in range(1, 55)
    ]
    found += sorted((m for m in joints if m), key=lambda m: -m.max_m)[:MAX_NAMED_JOINTS]
    found += [_move(o.name, _object_change_m(o, n)) for o, n in zip(old.objects, new.objects)]
    change = np.linalg.norm(after - before, axis=2)
    turns = Rotation.from_rotvec(old.pose_rad.reshape(-1, 3)).inv() * Rotation.from_rotvec(new.pose_rad.reshape(-1, 3))
    moves = sorted((m for m in found if m), key=lambda m: -m.max_m)
    return tuple(moves), (float(np.median(change)), float(change.max())), float(np.degrees(turns.magnitude().max()))


def _move(what: str, distance_m: np.ndarray) -> Move | None:  # (T,)
    moved = distance_m > MOVED_M
    if not moved.any():
        return None
    frame = int(distance_m.argmax())
    return Move(what, int(moved.sum()), float(np.median(distance_m[moved])), float(distance_m[frame]), frame)


def _object_change_m(old, new) -> np.ndarray:  # (T,)
    """Largest displacement of a corner of the object."""
    if old.T_world_object is new.T_world_object:
        return np.zeros(len(old.T_world_object))
    difference = new.T_world_object - old.T_world_object
    corners = np.array(np.meshgrid(*zip(old.vertices_m.min(axis=0), old.vertices_m.max(axis=0)))).reshape(3, 8)
    return np.linalg.norm(difference[:, :3, :3] @ corners + difference[:, :3, 3:], axis=1).max(axis=1)


def _beyond_limits(posed_old: PosedBody, posed_new: PosedBody, config: CheckConfig) -> str:
    """What a repair would have to move too far, in words; empty if nothing."""
    before, after = _joints_m(posed_old), _joints_m(posed_new)
    old, new = posed_old.motion, posed_new.motion
    root = np.linalg.norm((after - before)[:, 0], axis=1)
    allowed = config.repair_root_m + config.repair_drift_m_s * np.arange(len(root)) / old.fps
    limbs = np.linalg.norm((after - after[:, :1]) - (before - before[:, :1]), axis=2).max(axis=1)
    candidates = [("the body", root, allowed), ("a joint", limbs, np.full(len(root), config.repair_joint_m))]
    for o, n in zip(old.objects, new.objects):
        candidates.append((o.name, _object_change_m(o, n), np.full(len(root), config.repair_object_m)))
    for what, moved, limit in candidates:
        frame = int((moved - limit).argmax())
        if moved[frame] > limit[frame]:
            return (
                f"{what} would have to move {moved[frame] * 100:.0f} cm at {frame / old.fps:.1f} s, "
                f"allowed are {limit[frame] * 100:.0f} cm"
            )
    return ""
