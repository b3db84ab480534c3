"""The picture that shows which object was found."""

import numpy as np

from hoi_motion.segment.prompt import MaskPrompt

OUTLINE = (60, 230, 90)
EDGE = (20, 20, 20)
MARK = (255, 70, 70)
DIMMED = 0.6
MIN_VIEWING_PX = 480


def outlined(rgb: np.ndarray, mask: np.ndarray, prompt: MaskPrompt | None = None) -> np.ndarray:
    """The image with the object outlined and all else dimmed; what was marked is in red.

    Args:
        rgb: (H, W, 3) uint8; mask: (H, W) bool.

    Returns:
        (sH, sW, 3) uint8; a small image is enlarged by the whole number s.
    """
    import cv2

    scale = max(1, -(-MIN_VIEWING_PX // max(rgb.shape[:2])))
    width = max(1, round(scale * max(rgb.shape[:2]) / 400))
    picture = np.where(mask[..., None], rgb, (rgb * DIMMED).astype(np.uint8))
    picture = np.ascontiguousarray(picture.repeat(scale, 0).repeat(scale, 1))
    grown = mask.repeat(scale, 0).repeat(scale, 1).astype(np.uint8)
    contours, _ = cv2.findContours(grown, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, EDGE, width + 2)
    cv2.drawContours(picture, contours, -1, OUTLINE, width)
    if prompt is None:
        return picture
    if prompt.scribble is not None:
        picture[prompt.scribble.repeat(scale, 0).repeat(scale, 1)] = MARK
    if prompt.box_px is not None:
        x0, y0, x1, y1 = (round(v * scale) for v in prompt.box_px)
        cv2.rectangle(picture, (x0, y0), (x1 + scale - 1, y1 + scale - 1), MARK, width)
    if prompt.click_px is not None:
        place = tuple(round((v + 0.5) * scale) for v in prompt.click_px)
        cv2.drawMarker(picture, place, MARK, cv2.MARKER_CROSS, 10 * width, width)
    return picture
