"""Names and order of the SMPL-X skeleton: 55 joints, then 21 surface points read from fixed vertices."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")

JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "jaw",
    "left_eye_ball",
    "right_eye_ball",
    *(f"{side}_{finger}{i}" for side in ("left", "right") for finger in _FINGERS for i in (1, 2, 3)),
)

PARENTS: tuple[int, ...] = (
    -1,
    0,
    0,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    9,
    9,
    12,
    13,
    14,
    16,
    17,
    18,
    19,
    15,
    15,
    15,
    *(
        wrist if i == 0 else start + 3 * finger + i - 1
        for wrist, start in ((20, 25), (21, 40))
        for finger in range(5)
        for i in range(3)
    ),
)

SURFACE_POINTS: dict[str, int] = {
    "nose": 9120,
    "right_eye": 9929,
    "left_eye": 9448,
    "right_ear": 616,
    "left_ear": 6,
    "left_big_toe": 5770,
    "left_small_toe": 5780,
    "left_heel": 8846,
    "right_big_toe": 8463,
    "right_small_toe": 8474,
    "right_heel": 8635,
    "left_thumb_tip": 5361,
    "left_index_tip": 4933,
    "left_middle_tip": 5058,
    "left_ring_tip": 5169,
    "left_pinky_tip": 5286,
    "right_thumb_tip": 8079,
    "right_index_tip": 7669,
    "right_middle_tip": 7794,
    "right_ring_tip": 7905,
    "right_pinky_tip": 8022,
}
"""Surface point -> vertex index, in the order in which the smplx layer appends them after the 55 joints."""

KEYPOINT_NAMES: tuple[str, ...] = JOINT_NAMES + tuple(SURFACE_POINTS)
"""The 76 points of `BodyModel.joints`."""

VERTEX_LABELS: tuple[str, ...] = (
    "skin",
    "hair",
    "sclera",
    "iris",
    "brow",
    "lips",
    "shirt",
    "trousers",
    "shoe",
    "sleeve",
    "mouth",
    "nail",
)
"""Colour regions of the free body; a vertex stores the index. `sleeve` is the lower arm (long sleeves)."""

SKIN_RGB = (205, 160, 130)
LABEL_RGB: dict[str, tuple[int, int, int]] = dict.fromkeys(VERTEX_LABELS, SKIN_RGB) | {
    "hair": (60, 42, 30),
    "sclera": (245, 245, 245),
    "iris": (70, 90, 60),
    "brow": (60, 42, 30),
    "lips": (190, 105, 100),
    "shirt": (70, 110, 170),
    "trousers": (60, 62, 75),
    "shoe": (40, 40, 42),
    "sleeve": (70, 110, 170),
    "mouth": (120, 50, 50),
}
"""Colours of those regions."""

LEFT_RGB = (70, 150, 255)
RIGHT_RGB = (255, 70, 70)
MIDDLE_RGB = (255, 220, 80)


def side_rgb(name: str) -> tuple[int, int, int]:
    """Colour of a joint or keypoint, by its side."""
    return LEFT_RGB if name.startswith("left") else RIGHT_RGB if name.startswith("right") else MIDDLE_RGB


def palm_points(side: str) -> list[int]:
    """Keypoints whose mean is the palm of a side, "left" or "right"."""
    return [index_of(f"{side}_{joint}") for joint in ("wrist", "index1", "pinky1", "middle2")]


def index_of(name: str) -> int:
    """Index of a keypoint by name.

    Raises:
        KeyError: listing the valid names.
    """
    try:
        return KEYPOINT_NAMES.index(name)
    except ValueError:
        raise KeyError(f"no keypoint {name!r}; known: {', '.join(KEYPOINT_NAMES)}") from None
