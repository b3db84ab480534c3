"""ViTPose, from a local folder in transformers' format, as a keypoint source (Xu et al., NeurIPS 2022)."""

import contextlib
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import ActorCrop, box_of, crop_around
from hoi_motion.keypoints.coco import NUM_COCO_BODY, NUM_COCO_WHOLE_BODY, track_from_coco
from hoi_motion.keypoints.hands import LEAST_PALMS, hands_too_large, palms_px
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints, find_actor
from hoi_motion.keypoints.sides import flip_frames, fuse_views
from hoi_motion.keypoints.without_detector.search import height_px_of
from hoi_motion.keypoints.without_detector.views import undetected_actor
from hoi_motion.progress import silent
from hoi_motion.reading.model_folder import kept_while_unchanged
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading

# the expert of ViTPose+ for these keypoints
_EXPERT = {NUM_COCO_BODY: 0, NUM_COCO_WHOLE_BODY: 5}
# the image processor adds this margin to the box it is given
_PADDING = 1.25
_HINT = (
    "give a folder with config.json, preprocessor_config.json and model.safetensors of a ViTPose "
    "of 17 or 133 COCO keypoints"
)


class VitPoseKeypoints:
    """ViTPose on the crop that follows the actor, on the plain and the mirrored picture (`sides.py` joins them).

    The actor is the person under `actor_mask`; without one MediaPipe says where to start.
    """

    def __init__(self, folder):
        """Raises: LiftError MODEL_MISSING when the folder holds no ViTPose; its weights are read by `detect`."""
        self.folder = Path(folder)
        if not (self.folder / "config.json").is_file():
            raise LiftError(ErrorCode.MODEL_MISSING, f"no ViTPose in {self.folder}: it has no config.json", _HINT)
        about = dict(code=ErrorCode.MODEL_MISSING, hint=_HINT, error_class=LiftError)
        kind = read_json(self.folder / "config.json", "the description of a ViTPose", **about).get("model_type")
        if kind != "vitpose":
            raise LiftError(ErrorCode.MODEL_MISSING, f"{self.folder} holds a model of type {kind!r}", _HINT)
        if not [*self.folder.glob("*.safetensors"), *self.folder.glob("*.bin")]:
            raise LiftError(ErrorCode.MODEL_MISSING, f"no ViTPose weights in {self.folder}", _HINT)

    def detect(self, frames, *, near_px=None, actor_mask=None, on_progress=silent, cancel=None) -> kp.KeypointTrack:
        model, processor = _load(self.folder)
        start, first = _first_crop(frames, near_px, actor_mask, cancel)
        points_px, done = np.zeros((2, len(frames), model.config.num_labels, 3)), 0
        for order in (range(start, len(frames)), range(start - 1, -1, -1)):
            crop = first
            for t in order:
                if cancel is not None:
                    cancel.raise_if_cancelled()
                points_px[:, t] = _points_px(model, processor, frames[t], crop)
                now = track_from_coco(points_px[:1, t])
                if now.seen[0]:
                    crop = crop.follow(now.body_px[0])
                done += 1
                on_progress("keypoints", done / len(frames))
        plain, mirror = (track_from_coco(view) for view in points_px)
        mirror = flip_frames(mirror, np.ones(len(frames), bool))
        return kp.completed(fuse_views(plain, mirror, frames.shape[1:3]), frames.shape[1:3])


def _first_crop(frames, near_px, actor_mask, cancel=None) -> tuple[int, ActorCrop]:
    size_px = MediaPipeKeypoints.crop_size_px
    if actor_mask is not None:
        rows, columns = np.nonzero(actor_mask)
        return 0, crop_around([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], size_px)
    palms, nobody = palms_px(frames, cancel), None
    try:
        start, crop, body = find_actor(frames, near_px, None, size_px, cancel)
        if not hands_too_large(palms, height_px_of(body)):
            return start, crop
    except LiftError as error:
        if error.code != ErrorCode.NO_ACTOR:
            raise
        nobody = error
    # of a trunk without a head the detector finds nobody, or a small figure
    other = undetected_actor(frames, near_px, palms, cancel) if len(palms) >= LEAST_PALMS else None
    if other is not None:
        return other[0], crop_around(box_of(other[1]), size_px)
    if nobody is not None:
        raise nobody
    return start, crop


def _points_px(model, processor, frame: np.ndarray, crop: ActorCrop) -> np.ndarray:  # (2, N, 3)
    """Keypoints in one frame, x, y, confidence: of the picture, and of its mirror image with left and right crossed."""
    import torch

    size = processor.size
    height = crop.side_px / _PADDING
    width = height * size["width"] / size["height"]
    box = [*(crop.centre_px - [width / 2, height / 2]), width, height]
    picture = torch.as_tensor(processor(frame, boxes=[[box]], return_tensors="pt")["pixel_values"], dtype=torch.float32)
    expert = {}
    if model.config.backbone_config.num_experts > 1:
        expert["dataset_index"] = torch.full((2,), _EXPERT[model.config.num_labels])
    with torch.inference_mode():
        seen = model(torch.cat([picture, picture.flip(-1)]), **expert)
    seen.heatmaps = torch.stack([seen.heatmaps[0], seen.heatmaps[1].flip(-1)])
    found = [view[0] for view in processor.post_process_pose_estimation(seen, boxes=[[box], [box]])]
    points = np.stack([np.column_stack([view["keypoints"], view["scores"].clamp(0, 1)]) for view in found])
    # where the heatmap is flat the refined place is undefined
    return np.where(np.isfinite(points).all(-1, keepdims=True), points, 0.0)


@contextlib.contextmanager
def _quiet_loading():
    """Neither transformers' progress bar nor its report of missing weights: `_load` judges them."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


@kept_while_unchanged
def _load(folder: Path):
    """Model and image processor of a folder.

    Raises:
        LiftError: MODEL_MISSING when they cannot be read, or are not of 17 or 133 keypoints.
    """
    from transformers import VitPoseForPoseEstimation
    from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

    with reading(folder, "a readable ViTPose", ErrorCode.MODEL_MISSING, _HINT, LiftError), _quiet_loading():
        processor = VitPoseImageProcessorPil.from_pretrained(folder, local_files_only=True)
        # a pair, as asked for
        model, report = VitPoseForPoseEstimation.from_pretrained(  # pyright: ignore[reportGeneralTypeIssues]
            folder, local_files_only=True, output_loading_info=True
        )
        # what the processor's file says is only used on a picture
        picture = processor(np.zeros((8, 8, 3), np.uint8), boxes=[[[0, 0, 8, 8]]], return_tensors="np")["pixel_values"]
        wanted = tuple(model.config.backbone_config.image_size)
    if report["missing_keys"] or model.config.num_labels not in _EXPERT:
        problem = f"{model.config.num_labels} keypoints, {len(report['missing_keys'])} missing weights"
        raise LiftError(ErrorCode.MODEL_MISSING, f"the ViTPose in {folder} has {problem}", _HINT)
    if picture.shape[2:] != wanted:
        raise LiftError(
            ErrorCode.MODEL_MISSING, f"model and image processor in {folder} are for pictures of different sizes", _HINT
        )
    return model.eval(), processor
