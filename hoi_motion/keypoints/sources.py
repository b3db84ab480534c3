"""Keypoint sources by name, as options and commands give them."""

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
from hoi_motion.keypoints.track import KeypointSource


def keypoint_source(name: str) -> KeypointSource:
    """`mediapipe`, `low-resolution`, `vitpose:FOLDER`, or the name of a keypoint file (.npz).

    Raises:
        InputError: CONFIG_INVALID for another name, FILE_INVALID for a file that holds no keypoints.
        LiftError: MODEL_MISSING when the folder holds no ViTPose.
    """
    if name == "mediapipe":
        return MediaPipeKeypoints()
    if name == "low-resolution":
        from hoi_motion.keypoints.low_resolution import LowResolutionKeypoints

        return LowResolutionKeypoints()
    if name.startswith("vitpose:"):
        from hoi_motion.keypoints.vitpose import VitPoseKeypoints

        return VitPoseKeypoints(name.removeprefix("vitpose:"))
    if name.endswith(".npz"):
        from hoi_motion.keypoints.file import KeypointFile

        return KeypointFile(name)
    raise InputError(
        ErrorCode.CONFIG_INVALID,
        f"keypoint source is {name!r}",
        "give mediapipe, low-resolution, vitpose:FOLDER or a file FILE.npz",
    )
