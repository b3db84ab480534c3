"""Images and masks in their usual forms (PIL, array, tensor), converted to the form the pipeline works with."""

from dataclasses import dataclass

import numpy as np
import PIL.Image
import torch

from hoi_motion.arrays import given_array
from hoi_motion.media.image_files import mask_pixels
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import checked_mask
from tavid_planner.video.conditioning import Conditioning


@dataclass(frozen=True)
class CheckedInputs:
    """The inputs of a generation, checked and in the form that its steps take.

    Attributes:
        image: an RGB PIL image, or a (1, 3, H, W) float tensor in 0..1; of any size.
        mask, contrast_mask: (1, K, H, W) float32 coverage in 0..1, see `GenerationRequest`; None where there is none.
        height, width: of the frames in pixels.
        prompt: as the text encoder reads it, with the trigger word in place of [TGT].
        text_length: tokens that every prompt is padded to.
        target_tokens: positions of the target word among these, empty when they are not needed.
        blocks: whose attention is captured, may be empty.
    """

    image: PIL.Image.Image | torch.Tensor
    mask: torch.Tensor | None  # (1, K, H, W)
    contrast_mask: torch.Tensor | None  # (1, K, H, W)
    height: int
    width: int
    prompt: str
    text_length: int
    target_tokens: tuple[int, ...]
    blocks: tuple[int, ...]


def checked_image(image):
    """The image as diffusers takes it: an RGB PIL image, or a (1, 3, H, W) float tensor in 0..1.

    Raises:
        InputError: IMAGE_INVALID.
    """
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        image = PIL.Image.fromarray(image)
    if isinstance(image, PIL.Image.Image):
        if image.mode not in ("RGB", "RGBA", "L", "P", "1") or 0 in image.size:
            told = f"image has mode {image.mode!r} and {image.width}x{image.height} pixels"
            raise InputError(ErrorCode.IMAGE_INVALID, told, "give an 8 bit RGB image")
        return image.convert("RGB")
    if isinstance(image, torch.Tensor) and image.is_floating_point():
        image = image[None] if image.ndim == 3 else image
        if image.ndim == 4 and image.shape[:2] == (1, 3) and image.numel() and ((image >= 0) & (image <= 1)).all():
            return image
    if isinstance(image, list) and len(image) == 1:
        return checked_image(image[0])
    array = isinstance(image, (np.ndarray, torch.Tensor))
    shown = f"{image.dtype} {tuple(image.shape)}" if array else type(image).__name__
    raise InputError(
        ErrorCode.IMAGE_INVALID,
        f"image is {shown}",
        "give a PIL image, an (H, W, 3) uint8 array or a (3, H, W) float tensor in 0..1",
    )


def checked_coverage(mask, sizes_px) -> torch.Tensor:  # (1, 1, H, W) float32
    """A mask of one of the given (height, width) sizes as coverage in 0..1.

    Raises:
        InputError: MASK_INVALID, MASK_EMPTY, SIZE_MISMATCH.
    """
    if isinstance(mask, list) and len(mask) == 1:
        mask = mask[0]
    if isinstance(mask, PIL.Image.Image):
        mask, _ = mask_pixels(mask)
    if isinstance(mask, torch.Tensor):
        mask = mask.detach().float().cpu().numpy()
    array = given_array(mask, "mask", ErrorCode.MASK_INVALID)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    size = next((s for s in sizes_px if tuple(s) == array.shape[:2]), sizes_px[0])
    soft = array.dtype.kind == "f" and array.ndim == 2 and ((array >= 0) & (array <= 1)).all() and array.any()
    if not (soft and array.shape == tuple(size) and (array < 1).any()):
        array = checked_mask(array, size)
    return torch.from_numpy(array.astype(np.float32))[None, None]


def checked_masks(mask, sizes_px, conditioning: Conditioning) -> torch.Tensor:  # (1, K, H, W) float32
    """The target's mask, or those of all marked instances, as an adapter's conditioning needs them.

    Raises:
        InputError: MASK_INVALID, MASK_EMPTY, SIZE_MISMATCH.
    """
    if mask is None:
        raise InputError(ErrorCode.MASK_INVALID, "mask is None", "the adapter needs the mask of the target")
    if conditioning.kind == "mask":
        return checked_coverage(mask, sizes_px)
    is_array = isinstance(mask, (np.ndarray, torch.Tensor))
    if not isinstance(mask, (list, tuple)) and not (is_array and mask.ndim > 2):
        raise InputError(
            ErrorCode.MASK_INVALID,
            f"mask is {f'an array {tuple(mask.shape)}' if is_array else type(mask).__name__}",
            "this adapter takes a list of masks, one an instance in the order of their IDs",
        )
    masks, most = list(mask), len(conditioning.palette)
    if not 1 <= len(masks) <= most:
        raise InputError(
            ErrorCode.MASK_INVALID, f"{len(masks)} instances are marked", f"this adapter knows 1 to {most}"
        )
    coverages = [checked_coverage(one, sizes_px) for one in masks]
    if len({c.shape for c in coverages}) > 1:
        raise InputError(ErrorCode.SIZE_MISMATCH, "the instances' masks have different sizes", "give one size")
    return torch.cat(coverages, dim=1)


def image_size_px(image) -> tuple[int, int]:
    """(height, width) of what `checked_image` returned."""
    return (image.height, image.width) if isinstance(image, PIL.Image.Image) else tuple(image.shape[-2:])
