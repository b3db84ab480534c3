"""SAM 2 and EdgeTAM on video, from a local folder in transformers' format (Ravi et al. 2024; Zhou et al. 2025)."""

from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.mask_track import background_of, track_of_masks
from hoi_motion.lift.track.track import ObjectTrack, no_track
from hoi_motion.progress import CancelToken, OnProgress, silent
from hoi_motion.reading.model_folder import kept_while_unchanged
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading

CLASSES = {
    "sam2_video": ("Sam2VideoModel", "Sam2VideoInferenceSession"),
    "edgetam_video": ("EdgeTamVideoModel", "EdgeTamVideoInferenceSession"),
}
"""Type of a model -> its class and that of what it remembers of a clip."""
_HINT = "give a folder with config.json, preprocessor_config.json and model.safetensors of a SAM 2 or EdgeTAM for video"
_OBJECT = 1


class SamVideoTracker:
    """The mask of the first frame carried through the clip by a video segmenter whose weights are in a folder."""

    def __init__(self, folder):
        """Raises: LiftError MODEL_MISSING when the folder holds no such model; its weights are read by `track`."""
        self.folder = Path(folder)
        about = dict(code=ErrorCode.MODEL_MISSING, hint=_HINT, error_class=LiftError)
        what = "the description of a video segmenter"
        try:
            self.kind = read_json(self.folder / "config.json", what, **about).get("model_type")
            pixels = read_json(self.folder / "preprocessor_config.json", what, **about)
            self.mean, self.std = (np.array(pixels[key], np.float32).reshape(3) for key in ("image_mean", "image_std"))
            if not (np.isfinite(self.mean) & (self.std > 0)).all():
                raise ValueError(f"image_mean is {self.mean}, image_std {self.std}")
        except (ValueError, KeyError, TypeError) as error:
            raise _missing(f"no video segmenter in {self.folder}: {error!r}") from error
        if self.kind not in CLASSES:
            raise _missing(f"{self.folder} holds a model of type {self.kind!r}, expected {' or '.join(CLASSES)}")
        if not [*self.folder.glob("*.safetensors"), *self.folder.glob("*.bin")]:
            raise _missing(f"no weights in {self.folder}")

    def track(
        self,
        frames: np.ndarray,  # (T, H, W, 3) u8
        mask: np.ndarray,  # (H, W) bool
        person: KeypointTrack,
        *,
        on_progress: OnProgress = silent,
        cancel: CancelToken | None = None,
    ) -> ObjectTrack:
        """The model's masks as a track; it is as sure as the model is that it sees the object at all.

        Frames go through one by one: memory grows with what the model remembers, not with the pictures.

        Raises:
            LiftError: MODEL_MISSING when the weights cannot be read; NO_TARGET_TRACK when the model sees the object in
                no frame.
            ControlError: CANCELLED.
        """
        import torch
        import transformers

        model = _load(self.folder, self.kind)
        side = int(model.config.image_size)
        session = getattr(transformers, CLASSES[self.kind][1])(
            video_height=mask.shape[0], video_width=mask.shape[1], dtype=next(model.parameters()).dtype
        )
        # how long the clip is belongs to what the model looks back on
        session.processed_frames = dict.fromkeys(range(len(frames)))
        session.add_mask_inputs(session.obj_id_to_idx(_OBJECT), 0, _square(torch.from_numpy(mask).float(), side))
        session.obj_with_new_inputs = [_OBJECT]
        masks, sureness = np.zeros((len(frames), *mask.shape), bool), np.zeros(len(frames))
        with torch.inference_mode():
            for t, frame in enumerate(frames):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                session.add_new_frame(self._pixel_values(frame, side), t)
                found = model(session, frame_idx=t)
                session.processed_frames[t] = None
                logits = torch.nn.functional.interpolate(
                    found.pred_masks.float(), mask.shape, mode="bilinear", align_corners=False
                )
                masks[t] = logits[0, 0].numpy() > 0
                sureness[t] = torch.sigmoid(found.object_score_logits.float()).reshape(-1)[0]
                on_progress("object", (t + 1) / len(frames))
        if not masks.any():
            raise no_track(f"{self.folder} sees the object in no frame", "mark it anew, or track it with --track own")
        return track_of_masks(masks, mask, sureness, background_of(frames, masks, mask, person, cancel))

    def _pixel_values(self, rgb: np.ndarray, side: int):  # (1, 3, S, S)
        import torch
        from PIL import Image

        small = np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR), np.float32)
        return torch.from_numpy((small / 255 - self.mean) / self.std).permute(2, 0, 1)[None]


def _square(mask, side: int):  # (H, W) -> (1, 1, S, S)
    import torch

    scaled = torch.nn.functional.interpolate(
        mask[None, None], (side, side), mode="bilinear", align_corners=False, antialias=True
    )
    return (scaled >= 0.5).float()


@kept_while_unchanged
def _load(folder: Path, kind: str):
    import transformers

    with reading(folder, "a readable video segmenter", ErrorCode.MODEL_MISSING, _HINT, LiftError):
        model, report = getattr(transformers, CLASSES[kind][0]).from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    if report["missing_keys"]:
        raise _missing(f"the video segmenter in {folder} has {len(report['missing_keys'])} missing weights")
    return model.eval()


def _missing(message: str) -> LiftError:
    return LiftError(ErrorCode.MODEL_MISSING, message, _HINT)
