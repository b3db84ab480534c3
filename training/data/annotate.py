"""Masks and captions that a folder of clips lacks, by models in transformers' format.

    python -m training.data.annotate --clips DIR --sam facebook/sam-vit-base \\
        --captioner Salesforce/blip-image-captioning-base

A clip `NAME.mp4` without `NAME.png` gets the mask that SAM makes of `NAME.json`, which says where the target is in the
first frame, in pixels: `{"box": [left, top, right, bottom]}` or `{"point": [x, y]}`. A clip without `NAME.txt` gets
what the captioner says of its middle frame, and the sentence of TaViD's training that names the target. What is there
is kept; look at what was made, it is as good as the models.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from hoi_motion.errors import counted
from hoi_motion.files import write_whole
from hoi_motion.media.video_file import read_frame
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import InputError, TavidError
from tavid_planner.media import write_png
from tavid_planner.request import APPENDED_SENTENCE
from training.arguments import given_path
from training.data.clip import unusable
from training.data.pretrained import load_pretrained
from training.data.sources import VideoClips

PROMPTS = {"box": 4, "point": 2}


class MaskMaker:
    """SAM. Raises: VideoError: MODEL_MISSING."""

    def __init__(self, model: str, device: str = "cpu"):
        from transformers import SamModel, SamProcessor

        self.model, self.processor = load_pretrained(model, SamModel, SamProcessor, device=device)

    @torch.no_grad()
    def mask(self, image: np.ndarray, prompt: dict) -> np.ndarray:  # (H, W, 3) u8 -> (H, W) bool
        """The mask that the model is surest of, for a box or a point in pixels."""
        [(kind, numbers)] = prompt.items()
        nested = {"box": {"input_boxes": [[numbers]]}, "point": {"input_points": [[numbers]]}}[kind]
        inputs = self.processor(images=image, **nested, return_tensors="pt").to(self.model.device)
        sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        output = self.model(**inputs)
        masks = self.processor.image_processor.post_process_masks(output.pred_masks.cpu(), *sizes)[0][0]  # (3, H, W)
        return masks[output.iou_scores[0, 0].argmax().item()].numpy()


class Captioner:
    """Any captioning model of transformers, such as BLIP. Raises: VideoError: MODEL_MISSING."""

    def __init__(self, model: str, device: str = "cpu"):
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.model, self.processor = load_pretrained(model, AutoModelForImageTextToText, AutoProcessor, device=device)

    @torch.no_grad()
    def caption(self, image: np.ndarray) -> str:  # (H, W, 3) u8
        inputs = self.processor(images=image, return_tensors="pt").to(self.model.device)
        tokens = self.model.generate(**inputs, max_new_tokens=30, do_sample=False)  # pyright: ignore[reportAttributeAccessIssue]
        return self.processor.batch_decode(tokens, skip_special_tokens=True)[0].strip()


def read_prompt(path: Path, height: int, width: int) -> dict:
    """Where the target is: {"box": [left, top, right, bottom]} or {"point": [x, y]}, inside the picture.

    Raises:
        InputError: FILE_INVALID.
    """
    wanted = 'expected {"box": [left, top, right, bottom]} or {"point": [x, y]}'
    if not path.is_file():
        raise unusable(path.stem, f"it has no mask, and {path.name} does not say where the target is: {wanted}")
    with reading(path, "a prompt", hint=wanted):
        [(kind, numbers)] = read_json(path, "a prompt", hint=wanted).items()
        numbers = [float(n) for n in numbers]
    if len(numbers) != PROMPTS.get(kind):
        raise unusable(path.stem, f"{path.name} holds {kind} {numbers}, {wanted}")
    x, y = np.float64(numbers[::2]), np.float64(numbers[1::2])
    inside = (0 <= x).all() and (x <= width).all() and (0 <= y).all() and (y <= height).all()
    if not inside or (kind == "box" and not (x[0] < x[1] and y[0] < y[1])):
        raise unusable(path.stem, f"{path.name} holds {kind} {numbers}, which is not in the {width}x{height} picture")
    return {kind: numbers}


def annotate(folder: Path, sam: MaskMaker | None, captioner: Captioner | None) -> tuple[int, list[str]]:
    """Make what is missing; the number of files written, and why clips got no mask."""
    written, reasons, source = 0, [], VideoClips(folder)
    for name in tqdm(source.names(), unit="clip", desc="annotating"):
        mask_path, prompt_path, text_path = (source.beside(name, s) for s in (".png", ".json", ".txt"))
        try:
            if sam and not mask_path.is_file():
                first = read_frame(folder / name)
                mask = sam.mask(first, read_prompt(prompt_path, *first.shape[:2]))
                if not mask.any():
                    raise unusable(name, f"SAM finds nothing at {prompt_path.name}")
                write_png(mask_path, mask.astype(np.uint8) * 255)
                written += 1
            if captioner and not text_path.is_file():
                said = captioner.caption(read_frame(folder / name, middle=True)).rstrip(".")
                write_whole(text_path, (f"{said}. " * bool(said) + APPENDED_SENTENCE + "\n").encode())
                written += 1
        except InputError as error:
            reasons.append(error.message)
    return written, reasons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=given_path, required=True)
    parser.add_argument("--sam", help="folder or hub id of a SAM model, for missing masks")
    parser.add_argument("--captioner", help="folder or hub id of a captioning model, for missing captions")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if not args.clips.is_dir():
        parser.error(f"--clips: {args.clips} is no folder")
    try:
        sam = MaskMaker(args.sam, args.device) if args.sam else None
        captioner = Captioner(args.captioner, args.device) if args.captioner else None
        written, reasons = annotate(args.clips, sam, captioner)
    except TavidError as error:
        parser.exit(2, f"{error}\n")
    print(
        "\n".join([*reasons, f"{counted(written, 'file')} written, {counted(len(reasons), 'clip')} left as they are"])
    )


if __name__ == "__main__":
    main()
