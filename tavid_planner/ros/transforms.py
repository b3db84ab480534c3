"""TF: transforms between frames over the last seconds; only what a lookup of one pose at one time needs."""

import contextlib
import importlib.util
import threading
import time
from collections import deque
from collections.abc import Iterable

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation, Slerp

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.ros.history import BACKWARDS_S, stamp_of
from tavid_planner.ros.subscriptions import subscribe

KEPT_S = 10.0
MAX_KEPT = 20_000
"""Transforms of one frame: 10 s at 2 kHz."""
MAX_FRAMES = 10_000
MAX_STEPS = 1000
WAIT_S = 0.5
"""The transforms at an image's stamp may arrive a little after the image."""
LATEST_S = 10.0
"""How long ago the latest transform of a frame may have come: it may have moved since, and an image without a stamp
does not tell when it was taken."""
QUEUE_DEPTH = 100


class TransformTree:
    """The known frames, each with its parent. Thread-safe.

    A frame that gets another parent, or that begins to move or stands still from now on, loses its history.
    """

    def __init__(self):
        self._parents: dict[str, str] = {}
        self._moving: dict[str, deque[TransformStamped]] = {}
        self._fixed: dict[str, TransformStamped] = {}
        self._heard_s: dict[str, float] = {}  # of the moving ones, `time.monotonic()`
        self._changed = threading.Condition()

    def add(self, transforms: Iterable[TransformStamped], fixed: bool = False) -> None:
        """Add the transforms of a message on /tf or, if `fixed`, /tf_static."""
        with self._changed:
            for transform in transforms:
                child, parent = _name(transform.child_frame_id), _name(transform.header.frame_id)
                if child == parent or (child not in self._parents and len(self._parents) >= MAX_FRAMES):
                    continue
                if self._parents.get(child) != parent:
                    self._parents[child] = parent
                    self._moving.pop(child, None)
                    self._fixed.pop(child, None)
                if fixed:
                    self._fixed[child] = transform
                    self._moving.pop(child, None)
                else:
                    self._fixed.pop(child, None)
                    self._remember(child, transform)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget the moving transforms after a clock jump."""
        with self._changed:
            self._moving.clear()

    def lookup(self, to: str, of: str, stamp_s: float | None, tolerance_s: float, wait_s: float = 0.0) -> np.ndarray:
        """T_to_of (4, 4): the pose of the frame `of` in the frame `to`, metres.

        Args:
            stamp_s: the time; interpolated between two transforms. None: the latest, unless that came LATEST_S ago.
            tolerance_s: how far it may lie before the first or after the last transform.
            wait_s: how long to wait for transforms that are still on their way, also for one to interpolate with: of a
                camera that moves, the nearest is not where it was.

        Raises:
            InputError: CAMERA_INVALID for an unknown frame or two that are not connected, IMAGE_STALE when there is no
                transform near that time.
        """
        deadline = time.monotonic() + wait_s
        with self._changed:
            while (left_s := deadline - time.monotonic()) > 0:
                with contextlib.suppress(InputError):
                    return self._lookup(_name(to), _name(of), stamp_s, 0.0)
                self._changed.wait(left_s)
            return self._lookup(_name(to), _name(of), stamp_s, tolerance_s)

    def _remember(self, child: str, transform: TransformStamped) -> None:
        self._heard_s[child] = time.monotonic()
        kept = self._moving.setdefault(child, deque(maxlen=MAX_KEPT))
        now_s = stamp_of(transform.header) or 0.0
        if kept:
            last_s = stamp_of(kept[-1].header) or 0.0
            if now_s < last_s - BACKWARDS_S:  # a recording has restarted
                kept.clear()
            elif now_s <= last_s:
                return
        kept.append(transform)
        while (stamp_of(kept[0].header) or 0.0) < now_s - KEPT_S:
            kept.popleft()

    def _lookup(self, to: str, of: str, stamp_s: float | None, tolerance_s: float) -> np.ndarray:
        known = {*self._parents, *self._parents.values()}
        for frame in (to, of):
            if frame not in known:
                heard = (
                    f"known: {', '.join(repr(f[:60]) for f in sorted(known)[:8])}"
                    if known
                    else "nothing was received on /tf and /tf_static"
                )
                raise _invalid(f"TF knows no frame {frame[:80]!r}", heard)
        ups, downs = self._ancestors(of), self._ancestors(to)
        common = next((frame for frame in ups if frame in downs), None)
        if common is None:
            raise _invalid(
                f"TF does not connect {of[:80]!r} with {to[:80]!r}", "check which transforms are published (tf2_tools)"
            )
        T_common_of = self._chain(ups[: ups.index(common)], stamp_s, tolerance_s)
        T_common_to = self._chain(downs[: downs.index(common)], stamp_s, tolerance_s)
        return np.linalg.inv(T_common_to) @ T_common_of

    def _ancestors(self, frame: str) -> list[str]:
        frames = [frame]
        while frame in self._parents and len(frames) <= MAX_STEPS:
            frame = self._parents[frame]
            if frame in frames:
                raise _invalid(f"TF has a loop at {frame[:80]!r}", "a frame must not be its own ancestor")
            frames.append(frame)
        return frames

    def _chain(self, frames: list[str], stamp_s: float | None, tolerance_s: float) -> np.ndarray:
        """T_ancestor_first: the transforms from the first frame up, each to its parent, multiplied."""
        T = np.eye(4)
        for frame in frames:
            T = self._to_parent(frame, stamp_s, tolerance_s) @ T
        return T

    def _to_parent(self, frame: str, stamp_s: float | None, tolerance_s: float) -> np.ndarray:
        if frame in self._fixed:
            return _matrix(self._fixed[frame])
        kept = self._moving.get(frame)
        if not kept:
            raise _invalid(f"TF has no recent transform of {frame[:80]!r}", "check that its publisher is running")
        if stamp_s is None:
            silent_s = time.monotonic() - self._heard_s[frame]
            if silent_s > LATEST_S:
                raise InputError(
                    ErrorCode.IMAGE_STALE,
                    f"the latest transform of {frame[:80]!r} came {silent_s:.1f} s ago, allowed are {LATEST_S:g} s",
                    "check that its publisher is running; what does not move belongs on /tf_static",
                )
            return _matrix(kept[-1])
        stamps_s = np.array([stamp_of(t.header) or 0.0 for t in kept])
        after = int(np.searchsorted(stamps_s, stamp_s))
        if after in (0, len(kept)):
            nearest = kept[min(after, len(kept) - 1)]
            apart_s = (stamp_of(nearest.header) or 0.0) - stamp_s
            if abs(apart_s) > tolerance_s:
                raise InputError(
                    ErrorCode.IMAGE_STALE,
                    f"the nearest transform of {frame[:80]!r} is {abs(apart_s):.3f} s "
                    f"{'later' if apart_s > 0 else 'earlier'} than the image, allowed are {tolerance_s:g} s",
                    "check that camera and TF use the same clock, or raise stamp_tolerance_s",
                )
            return _matrix(nearest)
        return _between(kept[after - 1], kept[after], stamps_s[after - 1 : after + 1], stamp_s)


class TransformListener:
    """Collects /tf and /tf_static in a tree; needs the package tf2_msgs.

    Attributes:
        tree: the collected transforms; None when not listening.

    Args:
        listens: whether to subscribe.
    """

    def __init__(self, node: Node, callback_group, listens: bool = True):
        self.tree: TransformTree | None = None
        self._why_deaf = ("TF needs tf2_msgs, which is not installed", "install that package, or send camera_pose")
        if not listens:
            self._why_deaf = ("listen_tf is false", "start the node with listen_tf:=true, or send camera_pose")
        if not listens or importlib.util.find_spec("tf2_msgs") is None:
            return
        from tf2_msgs.msg import TFMessage

        tree = self.tree = TransformTree()
        moving = QoSProfile(depth=QUEUE_DEPTH)
        fixed = QoSProfile(depth=QUEUE_DEPTH, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for topic, qos in (("/tf", moving), ("/tf_static", fixed)):
            is_fixed = qos is fixed
            subscribe(node, TFMessage, topic, lambda m, f=is_fixed: tree.add(m.transforms, f), qos, callback_group)

    def clear(self) -> None:
        if self.tree is not None:
            self.tree.clear()

    def lookup(self, to: str, of: str, stamp_s: float | None, tolerance_s: float) -> np.ndarray:
        """As `TransformTree.lookup`, waiting briefly for late transforms.

        Raises:
            InputError: also CAMERA_INVALID when not listening to TF.
        """
        if self.tree is None:
            why, hint = self._why_deaf
            raise _invalid(f"the pose of the camera in {to[:80]!r} cannot be looked up: {why}", hint)
        return self.tree.lookup(to, of, stamp_s, tolerance_s, WAIT_S)


def matrix_of(position, orientation) -> np.ndarray:  # (4, 4)
    """The matrix of a pose's or transform's position and quaternion.

    Raises:
        InputError: CAMERA_INVALID for numbers that do not form a pose.
    """
    xyzw = np.array([orientation.x, orientation.y, orientation.z, orientation.w])
    t = np.array([position.x, position.y, position.z])
    length = np.linalg.norm(xyzw)
    if not (np.isfinite(t).all() and np.isfinite(length) and abs(length - 1) < 0.1):
        raise _invalid(
            f"a pose has position {t.tolist()} and quaternion {xyzw.tolist()}",
            "the quaternion must have length 1, all numbers be finite",
        )
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(xyzw).as_matrix(), t
    return T


def _between(first: TransformStamped, second: TransformStamped, stamps_s: np.ndarray, stamp_s: float) -> np.ndarray:
    pair = np.stack([_matrix(first), _matrix(second)])
    share = (stamp_s - stamps_s[0]) / (stamps_s[1] - stamps_s[0])
    T = np.eye(4)
    T[:3, :3] = Slerp([0.0, 1.0], Rotation.from_matrix(pair[:, :3, :3]))(share).as_matrix()
    T[:3, 3] = (1 - share) * pair[0, :3, 3] + share * pair[1, :3, 3]
    return T


def _matrix(transform: TransformStamped) -> np.ndarray:
    return matrix_of(transform.transform.translation, transform.transform.rotation)


def _name(frame: str) -> str:
    return frame.strip("/")


def _invalid(message: str, hint: str) -> InputError:
    return InputError(ErrorCode.CAMERA_INVALID, message, hint)
