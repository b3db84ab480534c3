"""Options of the lift."""

from dataclasses import dataclass

from hoi_motion.keypoints.sources import NAMES
from hoi_motion.options import check_options, option


@dataclass(frozen=True)
class LiftConfig:
    """Options of the lift; the section `lift` of a profile."""

    body_model: str = option("", "path of an official SMPLX_NEUTRAL.npz; empty: the free body built from Anny")
    iterations: int = option(60, "optimiser iterations in each stage of the body fit", minimum=1, maximum=2000)
    smoothness: float = option(1.0, "weight of temporal smoothness, 1 is the tuned value", minimum=0, maximum=100)
    steps: bool = option(False, "legs that nobody sees step instead of gliding: plausible, on average farther off")
    keypoints: str = option("mediapipe", f"keypoint source: {NAMES}")
    track: str = option("own", "object track: own, or a file or folder of masks, one a frame")
    min_keypoint_confidence: float = option(
        0.1,
        "keypoints below are ignored; legs, and all where the shoulders are unsure, below 0.3",
        minimum=0,
        maximum=1,
    )
    max_frames: int = option(512, "longer clips are refused", minimum=2, maximum=100000)

    def __post_init__(self):
        check_options(self, "lift.")
