"""Which points of the body model MediaPipe's keypoints are: every keypoint a weighted mean of model points.

A detector draws its keypoints where people annotate them in pictures, not at SMPL-X's centres of rotation: MediaPipe's
hips lie 5 cm further ahead, and these and its shoulders 1 cm higher. `drawn_m` says where, for detectors that were
measured.
"""

import numpy as np

from hoi_motion.body.joints import KEYPOINT_NAMES, index_of

MEDIAPIPE = "mediapipe"
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def _body_rows() -> dict[int, dict[str, float]]:
    rows = {
        0: {"nose": 1.0},
        2: {"left_eye": 1.0},
        5: {"right_eye": 1.0},
        7: {"left_ear": 1.0},
        8: {"right_ear": 1.0},
    }
    for first, side in enumerate(("left", "right")):
        rows |= {
            11 + first: {f"{side}_shoulder": 1.0},
            13 + first: {f"{side}_elbow": 1.0},
            15 + first: {f"{side}_wrist": 1.0},
            17 + first: {f"{side}_pinky1": 1.0},
            19 + first: {f"{side}_index1": 1.0},
            21 + first: {f"{side}_thumb2": 1.0},
            23 + first: {f"{side}_hip": 1.0},
            25 + first: {f"{side}_knee": 1.0},
            27 + first: {f"{side}_ankle": 1.0},
            29 + first: {f"{side}_heel": 1.0},
            31 + first: {f"{side}_big_toe": 0.5, f"{side}_small_toe": 0.5},
        }
    return rows


def _matrix(rows: dict[int, dict[str, float]]) -> np.ndarray:
    matrix = np.zeros((len(rows), len(KEYPOINT_NAMES)), np.float32)
    for i, row in enumerate(rows.values()):
        for name, weight in row.items():
            matrix[i, index_of(name)] = weight
    return matrix


def _hand_rows(side: str) -> dict[int, dict[str, float]]:
    rows = {0: {f"{side}_wrist": 1.0}}
    for f, finger in enumerate(_FINGERS):
        for k in range(3):
            rows[1 + 4 * f + k] = {f"{side}_{finger}{k + 1}": 1.0}
        rows[4 + 4 * f] = {f"{side}_{finger}_tip": 1.0}
    return rows


BODY_KEYPOINTS: tuple[int, ...] = tuple(_body_rows())
"""The MediaPipe body landmarks that are fitted, in the order of BODY_MATRIX's rows."""

BODY_MATRIX = _matrix(_body_rows())  # (N, 76)
LEFT_HAND_MATRIX, RIGHT_HAND_MATRIX = (_matrix(_hand_rows(side)) for side in ("left", "right"))  # (21, 76)

# how far a detected point scatters about the model point, as a share of the person's height
_SPREAD = {
    0: 0.012,
    2: 0.012,
    5: 0.012,
    7: 0.015,
    8: 0.015,
    11: 0.014,
    13: 0.013,
    15: 0.011,
    17: 0.02,
    19: 0.02,
    21: 0.02,
}
_SPREAD |= {23: 0.02, 25: 0.014, 27: 0.012, 29: 0.018, 31: 0.018}
BODY_SPREAD = np.array([_SPREAD.get(i, _SPREAD.get(i - 1, 0.015)) for i in BODY_KEYPOINTS], np.float32)

# bones (from, to) in MediaPipe landmarks; their lengths tell the distance
BONES = np.array(
    [
        (23, 24),
        (11, 12),
        (24, 12),
        (23, 11),
        (11, 13),
        (13, 15),
        (12, 14),
        (14, 16),
        (23, 25),
        (25, 27),
        (24, 26),
        (26, 28),
        (27, 31),
        (28, 32),
    ]
)

# the bone that carries a keypoint of the head or the left side, and where, in that bone's frame (x left, y up, z ahead
# for a body in its rest pose), MediaPipe draws it: centimetres from the model's point, of the free body on rendered
# training scenes (`python -m training.networks.lifter --offsets`). On real people, by eye, it draws nose and shoulders
# 2 cm lower than on rendered ones, hips 6 cm and ankles 4 cm higher: the heights of these, and of heels and toes, which
# wear shoes, are about the mean of the two. Knees are where it draws them on real people, 2 cm lower than on rendered
# ones
_DRAWN_CM = {
    0: ("head", (0.0, 0.5, -1.8)),
    2: ("head", (-0.2, -0.2, -1.5)),
    7: ("head", (-1.6, 0.4, 2.2)),
    11: ("spine3", (0.0, 0.8, 0.2)),
    13: ("left_shoulder", (-0.9, 0.5, 1.7)),
    15: ("left_elbow", (0.9, -0.3, 0.0)),
    17: ("left_wrist", (0.0, 1.1, 3.3)),
    19: ("left_wrist", (-3.0, -1.6, -0.8)),
    21: ("left_wrist", (0.0, -0.2, -2.4)),
    23: ("pelvis", (-0.4, 1.2, 5.3)),
    25: ("left_hip", (0.4, 1.4, -0.1)),
    27: ("left_knee", (-0.2, 3.9, 0.1)),
    29: ("left_ankle", (-3.1, -0.2, 0.2)),
    31: ("left_ankle", (-2.7, 1.1, -0.2)),
}


def _carriers_and_offsets() -> tuple[list[int], np.ndarray]:
    carriers, offsets = [], []
    for k in BODY_KEYPOINTS:
        left = k if k in _DRAWN_CM else 2 if k == 5 else k - 1
        bone, offset = _DRAWN_CM[left]
        # a mirrored bone's frame is the mirrored frame
        carriers.append(index_of(bone if left == k else bone.replace("left", "right")))
        offsets.append(np.array(offset) / 100 * ([1, 1, 1] if left == k else [-1, 1, 1]))
    return carriers, np.array(offsets, np.float32)


CARRIERS, _MEDIAPIPE_M = _carriers_and_offsets()
"""Joint whose bone carries each keypoint."""


def drawn_m(detector: str) -> np.ndarray:  # (N, 3)
    """Where a detector draws the keypoints: metres from the model's points, in the frame of the bone that carries each.

    Zeros for a detector that was not measured.
    """
    return _MEDIAPIPE_M if detector == MEDIAPIPE else np.zeros_like(_MEDIAPIPE_M)
