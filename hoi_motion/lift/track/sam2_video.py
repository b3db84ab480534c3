"""SAM 2 or EdgeTAM on the clip, from a local folder in transformers' format (Ravi et al., 2024; Zhou et al., 2025)."""

import json
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.mask_track import track_of_masks
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.progress import CancelToken, OnProgress, silent

# type in config.json -> model and session of transformers; its image processor needs torchvision, so that pictures are
# prepared here
CLASSES = {
    "sam2_video": ("Sam2VideoModel", "Sam2VideoInferenceSession"),
    "edgetam_video": ("EdgeTamVideoModel", "EdgeTamVideoInferenceSession"),
}
# colours are given to it less this mean, in units of this spread
MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)
HINT = "give a folder with config.json and model.safetensors of a video model: " + ", ".join(CLASSES)


class Sam2Video:
    """The mask of the first frame carried through the clip by a model that keeps a memory of it."""

    def __init__(self, folder):
        """Raises: LiftError MODEL_MISSING when the folder holds no such model; its weights are read by `track`."""
        self.folder = Path(folder)
        try:
            self.kind = json.loads((self.folder / "config.json").read_text()).get("model_type")
        except (OSError, ValueError, AttributeError) as error:
            raise LiftError(ErrorCode.MODEL_MISSING, f"no SAM 2 in {self.folder}: {error}", HINT) from error
        if self.kind not in CLASSES:
            raise LiftError(ErrorCode.MODEL_MISSING, f"{self.folder} holds a model of type {self.kind!r}", HINT)
        if not [*self.folder.glob("*.safetensors"), *self.folder.glob("*.bin")]:
            raise LiftError(ErrorCode.MODEL_MISSING, f"no weights in {self.folder}", HINT)

    def track(
        self,
        frames: np.ndarray,  # (T, H, W, 3) u8
        mask: np.ndarray,  # (H, W) bool
        person: KeypointTrack,
        *,
        on_progress: OnProgress = silent,
        cancel: CancelToken | None = None,
    ) -> ObjectTrack:
        """Masks of every frame as a track; how sure it is of each says the model's own score of the object.

        Raises:
            LiftError: MODEL_MISSING when the folder's weights do not fit its configuration.
            ControlError: CANCELLED.
        """
        import torch

        model, session = self._load(frames, mask.shape)
        resized = torch.nn.functional.interpolate
        side = tuple(session.processed_frames[0].shape[-2:])
        marked = resized(torch.tensor(mask)[None, None].float(), size=side, mode="bilinear", antialias=True) >= 0.5
        session.add_mask_inputs(session.obj_id_to_idx(1), 0, marked.float())
        session.obj_with_new_inputs = [1]
        masks, sureness = np.zeros((len(frames), *mask.shape), bool), np.zeros(len(frames))
        masks[0], sureness[0] = mask, 1.0
        with torch.inference_mode():
            for t in range(len(frames)):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                output = model(inference_session=session, frame_idx=t)
                if t:
                    logits = output.pred_masks.float().reshape(1, 1, *output.pred_masks.shape[-2:])
                    masks[t] = resized(logits, size=mask.shape, mode="bilinear")[0, 0].numpy() > 0
                    sureness[t] = float(torch.sigmoid(output.object_score_logits.float().reshape(-1)[0]))
                on_progress("object", (t + 1) / len(frames))
        return track_of_masks(masks, mask, sureness)

    def _load(self, frames: np.ndarray, size_px):
        """The model, and a session that holds the clip's frames as it wants them."""
        import cv2
        import torch
        import transformers

        model_name, session_name = CLASSES[self.kind]
        try:
            model_class = getattr(transformers, model_name)
            model, loading = model_class.from_pretrained(self.folder, local_files_only=True, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
            raise LiftError(ErrorCode.MODEL_MISSING, f"cannot load {self.folder}: {error}", HINT) from error
        missing = sorted(loading["missing_keys"])
        if missing:
            raise LiftError(ErrorCode.MODEL_MISSING, f"{self.folder} lacks {len(missing)} weights: {missing[0]}", HINT)
        side = model.config.image_size
        side = (side, side) if isinstance(side, int) else tuple(side)
        pictures = np.stack([cv2.resize(frame, side[::-1], interpolation=cv2.INTER_LINEAR) for frame in frames])
        video = (torch.tensor(pictures).float() / 255 - torch.tensor(MEAN)) / torch.tensor(SPREAD)
        session_class = _session_class(self.kind, session_name)
        height, width = size_px
        size = dict(video_height=height, video_width=width)
        session = session_class(video=video.permute(0, 3, 1, 2), dtype=torch.float32, **size)
        return model.eval(), session


def _session_class(kind: str, name: str):
    from importlib import import_module

    return getattr(import_module(f"transformers.models.{kind}.modeling_{kind}"), name)
