"""How far human joints move, and by how many degrees a pose leaves that range.

Ranges are the means of healthy adults from the American Academy of Orthopaedic Surgeons (Greene & Heckman, The Clinical
Measurement of Joint Motion, 1994; the same table in Norkin & White, Measurement of Joint Motion). An ankle that carries
the body bends its toes up by 40 degrees, twice as far as one that hangs free (weight-bearing lunge: Konor et al., Int.
J. Sports Phys. Ther. 7, 2012). People differ by a standard deviation of 5-10 degrees (Boone & Azen, J. Bone Joint Surg.
61-A, 1979), and a fitted skeleton splits a movement a little differently between neighbours: MARGIN_DEG is allowed on
top.

Body frame of the rest (T) pose: x to the person's left, y up, z forward, palms down. Joints that one clinical measure
covers are composed first (spine1-3; neck and head; collar and shoulder). Ranges are given for the left side and
mirrored (y and z change sign). Angles are Cardan angles, the hinge axis first and the long axis last, so that the
middle one stays small in any possible pose.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES

MARGIN_DEG = 15.0
FULL_ARM_EXTENSION_DEG = 60.0
FULL_HORIZONTAL_ADDUCTION_DEG = 135.0
SHOULDER_TWIST_DEG = 100.0
"""Internal 70, external 90, and 10 by which the swing from the T pose already twists the arm."""

FOREARM_TWIST_DEG = 80.0
WRIST_FLEXION_DEG = (-80.0, 70.0)
WRIST_DEVIATION_DEG = (-30.0, 40.0)
"""Ulnar is +: everyday tasks take 40 degrees of it (Ryu et al., J. Hand Surg. 16-A, 1991)."""
WRIST_OBLIQUE_DEG = 27.0
"""The wrist reaches farthest towards ulnar flexion and radial extension (Crisco et al., J. Bone Joint Surg. 93-A,
2011: an ellipse, 26.6 degrees from pure flexion and extension)."""


@dataclass(frozen=True)
class JointRange:
    """Range of one joint or chain of joints, degrees, for the left side or the middle of the body.

    Attributes:
        joints: names composed in this order; "left_" stands for both sides.
        order: Cardan sequence of intrinsic axes.
        x, y, z: lowest and highest angle about each axis, degrees.
    """

    joints: tuple[str, ...]
    order: str
    x: tuple[float, float]
    y: tuple[float, float]
    z: tuple[float, float]


_FINGERS = ("index", "middle", "pinky", "ring")
JOINT_RANGES = (
    JointRange(("spine1", "spine2", "spine3"), "XZY", x=(-30, 90), y=(-45, 45), z=(-35, 35)),  # bend forward is +x
    JointRange(("neck", "head"), "XZY", x=(-60, 50), y=(-80, 80), z=(-45, 45)),
    JointRange(("jaw",), "XYZ", x=(-5, 35), y=(-15, 15), z=(-15, 15)),
    JointRange(("left_hip",), "XZY", x=(-120, 30), y=(-45, 45), z=(-30, 45)),  # flexion is -x, abduction +z
    JointRange(("left_knee",), "XZY", x=(0, 140), y=(-30, 30), z=(-10, 10)),
    JointRange(("left_ankle",), "XYZ", x=(-40, 50), y=(-30, 30), z=(-35, 35)),  # toes down is +x
    JointRange(("left_foot",), "XYZ", x=(-70, 45), y=(-15, 15), z=(-15, 15)),
    JointRange(("left_elbow",), "YZX", x=(-180, 180), y=(-150, 0), z=(-30, 30)),  # flexion is -y; x is the forearm's
    *(JointRange((f"left_{f}1",), "ZYX", x=(-30, 30), y=(-30, 30), z=(-90, 45)) for f in _FINGERS),
    *(JointRange((f"left_{f}2",), "ZYX", x=(-30, 30), y=(-30, 30), z=(-105, 10)) for f in _FINGERS),
    *(JointRange((f"left_{f}3",), "ZYX", x=(-30, 30), y=(-30, 30), z=(-85, 15)) for f in _FINGERS),
    *(JointRange((f"left_thumb{i}",), "ZYX", x=(-80, 80), y=(-80, 80), z=(-80, 80)) for i in (1, 2, 3)),
)


_FINGER_JOINTS = {f"left_{finger}{i}" for finger in (*_FINGERS, "thumb") for i in (1, 2, 3)}
# a joint that is put back into its range lies so far inside
INSIDE_DEG = 0.1


def degrees_over_limits(pose_rad: np.ndarray) -> tuple[np.ndarray, list[str]]:  # (T, 55, 3) -> (T, N), N names
    """Degrees beyond the range, 0 inside, of every joint and the name of each column."""
    columns, names = [], []
    for joint_range in JOINT_RANGES:
        for side in ("left", "right") if joint_range.joints[0].startswith("left_") else ("left",):
            joints = [name.replace("left_", f"{side}_") for name in joint_range.joints]
            columns.append(_over_range(_composed(pose_rad, joints), joint_range, mirrored=side == "right"))
            names.append(" ".join(joints).replace("_", " "))
    for side in ("left", "right"):
        columns.append(_shoulder_over(_composed(pose_rad, [f"{side}_collar", f"{side}_shoulder"]), side))
        names.append(f"{side} shoulder")
        elbow, wrist = (_composed(pose_rad, [f"{side}_{name}"]) for name in ("elbow", "wrist"))
        columns += [_forearm_over(elbow, wrist), _wrist_over(wrist, side)]
        names += [f"{side} forearm", f"{side} wrist"]
    return np.stack(columns, axis=1), names


def fingers_in_range(pose_rad: np.ndarray) -> np.ndarray:  # (T, 55, 3) -> (T, 55, 3)
    """The pose with every finger joint at the nearest angles of its range: fitted fingers spread where they blur."""
    result = np.array(pose_rad)
    for found in (r for r in JOINT_RANGES if r.joints[0] in _FINGER_JOINTS):
        for mirrored in (False, True):
            joint = JOINT_NAMES.index(found.joints[0].replace("left_", "right_" if mirrored else "left_"))
            rotation = Rotation.from_rotvec(pose_rad[:, joint])
            beyond = _over_range(rotation, found, mirrored) > 0
            if beyond.any():
                low, high = np.transpose([_limits_deg(found, axis, mirrored) for axis in found.order])
                angles = np.clip(_cardan_deg(rotation[beyond], found.order), low + INSIDE_DEG, high - INSIDE_DEG)
                result[beyond, joint] = Rotation.from_euler(found.order, angles, degrees=True).as_rotvec()
    return result


def _composed(pose_rad: np.ndarray, joints: list[str]) -> Rotation:
    rotation = Rotation.identity(len(pose_rad))
    for name in joints:
        rotation = rotation * Rotation.from_rotvec(pose_rad[:, JOINT_NAMES.index(name)])
    return rotation


def _over_range(rotation: Rotation, joint_range: JointRange, mirrored: bool) -> np.ndarray:  # (T,)
    over = np.zeros(len(rotation))
    for axis, angle in zip(joint_range.order, _cardan_deg(rotation, joint_range.order).T):
        low, high = _limits_deg(joint_range, axis, mirrored)
        over = np.maximum(over, np.maximum(low - angle, angle - high))
    return over


def _cardan_deg(rotation: Rotation, order: str) -> np.ndarray:  # (T, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock: the middle angle is 90 degrees, beyond every range
        return rotation.as_euler(order, degrees=True)


def _limits_deg(joint_range: JointRange, axis: str, mirrored: bool) -> tuple[float, float]:
    """Lowest and highest angle about an axis, the margin included."""
    low, high = getattr(joint_range, axis.lower())
    if mirrored and axis != "X":
        low, high = -high, -low
    return low - MARGIN_DEG, high + MARGIN_DEG


def _shoulder_over(rotation: Rotation, side: str) -> np.ndarray:  # (T,)
    """A ball joint: the upper arm may point neither straight back nor through the chest, nor twist too far."""
    outward = np.array([1.0, 0, 0]) if side == "left" else np.array([-1.0, 0, 0])
    arm = rotation.apply(outward)
    from_back = np.degrees(np.arccos(np.clip(-arm[:, 2], -1, 1)))
    from_across = np.degrees(np.arccos(np.clip(-arm @ outward, -1, 1)))
    twist = np.abs(_twist_deg(rotation))
    over = [
        90 - FULL_ARM_EXTENSION_DEG - MARGIN_DEG - from_back,
        180 - FULL_HORIZONTAL_ADDUCTION_DEG - MARGIN_DEG - from_across,
        twist - SHOULDER_TWIST_DEG - MARGIN_DEG,
    ]
    return np.maximum(np.max(over, axis=0), 0.0)


def _forearm_over(elbow: Rotation, wrist: Rotation) -> np.ndarray:  # (T,)
    """Pronation and supination, of which a fitted skeleton gives any part to the elbow and the rest to the wrist."""
    twist = _cardan_deg(elbow, "YZX")[:, 2] + _twist_deg(wrist)
    twist = np.abs((twist + 180) % 360 - 180)
    return np.maximum(twist - FOREARM_TWIST_DEG - MARGIN_DEG, 0.0)


def _wrist_over(wrist: Rotation, side: str) -> np.ndarray:  # (T,)
    """Flexion and deviation left after the forearm's twist. Along the oblique axes the hand may deviate farther."""
    twist = _twist_deg(wrist)[:, None] * [1.0, 0, 0]
    swing = (Rotation.from_rotvec(-twist, degrees=True) * wrist).as_rotvec(degrees=True)
    sideways, bent = (swing[:, 1:] * (1 if side == "left" else -1)).T  # ulnar is +, flexion is -
    turn = np.radians(WRIST_OBLIQUE_DEG)
    along = np.cos(turn) * bent - np.sin(turn) * sideways
    across = np.sin(turn) * bent + np.cos(turn) * sideways
    oblique = np.maximum(_beyond(along, WRIST_FLEXION_DEG), _beyond(across, WRIST_DEVIATION_DEG))
    over = np.maximum(_beyond(bent, WRIST_FLEXION_DEG), np.minimum(_beyond(sideways, WRIST_DEVIATION_DEG), oblique))
    return np.maximum(over - MARGIN_DEG, 0.0)


def _beyond(angle_deg: np.ndarray, allowed_deg: tuple[float, float]) -> np.ndarray:  # (T,)
    low, high = allowed_deg
    return np.maximum(low - angle_deg, angle_deg - high)


def _twist_deg(rotation: Rotation) -> np.ndarray:  # (T,)
    """Twist about x, the limb's long axis, before the swing that does the rest; -180 to 180."""
    x, _, _, w = rotation.as_quat().T
    return (np.degrees(2 * np.arctan2(x, w)) + 180) % 360 - 180
