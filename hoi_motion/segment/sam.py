"""SAM and SAM 2, from a local folder in transformers' format (Kirillov et al. 2023; Ravi et al. 2024)."""

from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, LiftError
from hoi_motion.progress import CancelToken, check_cancelled
from hoi_motion.reading.model_folder import kept_while_unchanged
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading
from hoi_motion.segment.answer import Doubt, SegmentedMask
from hoi_motion.segment.doubts import BOX_HINT, doubts_of_mask
from hoi_motion.segment.prompt import MaskPrompt

CLASSES = {"sam": "SamModel", "sam2": "Sam2Model", "sam2_video": "Sam2Model"}
# the overlap with the truth that the model itself expects
MIN_EXPECTED = 0.7
MAX_POINTS = 16
_HINT = "give a folder with config.json, preprocessor_config.json and model.safetensors of a SAM or SAM 2"


class SegmentAnything:
    """A prompted segmenter whose weights are in a folder; of its answers the one it expects most of is taken."""

    name = "sam"

    def __init__(self, folder):
        """Raises: LiftError MODEL_MISSING when the folder holds no SAM; its weights are read by `segment`."""
        self.folder = Path(folder)
        about, what = dict(code=ErrorCode.MODEL_MISSING, hint=_HINT, error_class=LiftError), "the description of a SAM"
        try:
            kind = read_json(self.folder / "config.json", what, **about).get("model_type")
            pixels = read_json(self.folder / "preprocessor_config.json", what, **about)
            self.mean, self.std = (np.array(pixels[key], np.float32).reshape(3) for key in ("image_mean", "image_std"))
            if not (np.isfinite(self.mean) & (self.std > 0)).all():
                raise ValueError(f"image_mean is {self.mean}, image_std {self.std}")
        except (ValueError, KeyError, TypeError) as error:
            raise LiftError(ErrorCode.MODEL_MISSING, f"no SAM in {self.folder}: {error!r}", _HINT) from error
        if kind not in CLASSES:
            raise LiftError(ErrorCode.MODEL_MISSING, f"{self.folder} holds a model of type {kind!r}", _HINT)
        if not [*self.folder.glob("*.safetensors"), *self.folder.glob("*.bin")]:
            raise LiftError(ErrorCode.MODEL_MISSING, f"no SAM weights in {self.folder}", _HINT)
        self.kind = kind

    def segment(self, rgb: np.ndarray, prompt: MaskPrompt, cancel: CancelToken | None = None) -> SegmentedMask:
        """The object that the prompt marks in an image (H, W, 3) uint8.

        Raises:
            LiftError: MODEL_MISSING when the weights cannot be read.
            InputError: MASK_EMPTY when the model's best answer is nothing.
            ControlError: CANCELLED, between the reading of the weights and the model's answer.
        """
        import torch

        model = _load(self.folder, CLASSES[self.kind])
        check_cancelled(cancel)
        side, size_px = int(model.config.prompt_encoder_config.image_size), rgb.shape[:2]
        inside = self._inside_px(size_px, side)
        marks = _mark_tensors(prompt, np.array(inside[::-1]) / size_px[::-1])
        with torch.inference_mode():
            found = model(pixel_values=self._pixel_values(rgb, inside, side), **marks, multimask_output=True)
            expected = found.iou_scores[0, 0]
            best = int(expected.argmax())
            answer = _resized(found.pred_masks[0, 0, best][None, None].float(), (side, side))
            mask = _resized(answer[..., : inside[0], : inside[1]], size_px)[0, 0].numpy() > 0
        if not mask.any():
            raise InputError(ErrorCode.MASK_EMPTY, f"{self.folder} finds nothing at {prompt.words}", BOX_HINT)
        doubts = doubts_of_mask(mask)
        if float(expected[best]) < MIN_EXPECTED:
            seen = f"the model expects an overlap of {100 * float(expected[best]):.0f}% with the object"
            doubts = (Doubt("unsteady", seen, BOX_HINT), *doubts)
        return SegmentedMask(mask, doubts, f"{prompt.words} by {self.kind} of {self.folder.name}")

    def _inside_px(self, size_px: tuple[int, int], side: int) -> tuple[int, int]:
        """(height, width) of the picture in the model's square: SAM keeps its shape and pads it, SAM 2 does not."""
        if self.kind != "sam":
            return side, side
        height, width = (max(1, int(length * side / max(size_px) + 0.5)) for length in size_px)
        return height, width

    def _pixel_values(self, rgb: np.ndarray, inside: tuple[int, int], side: int):  # (1, 3, S, S)
        import torch
        from PIL import Image

        small = np.asarray(Image.fromarray(rgb).resize(inside[::-1], Image.Resampling.BILINEAR), np.float32)
        pixels = np.zeros((side, side, 3), np.float32)
        pixels[: inside[0], : inside[1]] = (small / 255 - self.mean) / self.std
        return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def _resized(values, size_px: tuple[int, int]):  # (1, 1, h, w) tensor -> (1, 1, H, W)
    import torch

    return torch.nn.functional.interpolate(values, size_px, mode="bilinear", align_corners=False)


def _mark_tensors(prompt: MaskPrompt, scale: np.ndarray) -> dict:
    """The model's arguments for what is marked; scale: (2,), pixels of the model to one of the picture, x and y."""
    import torch

    points, box = _points(prompt) * scale, None
    if prompt.box_px is not None:
        x0, y0, x1, y1 = prompt.box_px
        box = torch.tensor(np.array([x0, y0, x1 + 1, y1 + 1]) * np.tile(scale, 2), dtype=torch.float32)[None, None]
    return dict(
        input_points=torch.tensor(points, dtype=torch.float32)[None, None] if len(points) else None,
        input_labels=torch.ones((1, 1, len(points)), dtype=torch.long) if len(points) else None,
        input_boxes=box,
    )


def _points(prompt: MaskPrompt) -> np.ndarray:  # (N, 2)
    """Pixels on the object, x and y of their middle: the click, and some of the strokes, evenly."""
    points = [] if prompt.click_px is None else [prompt.click_px]
    if prompt.scribble is not None:
        on = np.argwhere(prompt.scribble)[:, ::-1]
        points += list(on[np.linspace(0, len(on) - 1, min(len(on), MAX_POINTS)).round().astype(int)])
    return np.array(points, float).reshape(-1, 2) + 0.5


@kept_while_unchanged
def _load(folder: Path, class_name: str):
    import transformers

    with reading(folder, "a readable SAM", ErrorCode.MODEL_MISSING, _HINT, LiftError):
        model, report = getattr(transformers, class_name).from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    if report["missing_keys"]:
        problem = f"{len(report['missing_keys'])} missing weights"
        raise LiftError(ErrorCode.MODEL_MISSING, f"the SAM in {folder} has {problem}", _HINT)
    return model.eval()
