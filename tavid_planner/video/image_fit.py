"""ImageFit: from a request's image to the model's frame size and back."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class ImageFit:
    """Letterbox between a request's pixels and the model's: scale, then pad by repeating the edge.

    With equal aspect ratios nothing is padded. Sizes are (height, width) in pixels.

    Attributes:
        content_px: size of the scaled image inside the model frame.
        top_left_px: (row, column) of the scaled image's first pixel in the model frame.
    """

    request_px: tuple[int, int]
    model_px: tuple[int, int]
    content_px: tuple[int, int]
    top_left_px: tuple[int, int]

    @classmethod
    def between(cls, request_px: tuple[int, int], model_px: tuple[int, int]) -> "ImageFit":
        """The largest centred fit of a request's image into the model frame."""
        (H, W), (h, w) = request_px, model_px
        scale = min(h / H, w / W)
        content = (min(h, max(1, round(H * scale))), min(w, max(1, round(W * scale))))
        top_left = ((h - content[0]) // 2, (w - content[1]) // 2)
        return cls((int(H), int(W)), (int(h), int(w)), content, top_left)

    @property
    def padded(self) -> bool:
        return self.content_px != self.model_px

    def to_model(self, image: np.ndarray) -> np.ndarray:  # (H, W, C) u8 -> (h, w, C) u8
        """The image in the model frame, edges repeated where the aspect ratios differ."""
        return self._pad(_resize(image, self.content_px), mode="edge")

    def mask_to_model(self, mask: np.ndarray, reduction: str = "area") -> np.ndarray:  # (H, W) -> (h, w) float32
        """The mask in the model frame, zero in the padding.

        `area` gives the covered share of each model pixel; `nearest` samples the pixel at its upper left corner.
        """
        mask = np.asarray(mask, np.float32)
        if reduction == "nearest":
            (H, W), (h, w) = mask.shape, self.content_px
            resized = mask[(np.arange(h) * H) // h][:, (np.arange(w) * W) // w]
        else:
            resized = np.clip(_resize(mask, self.content_px, enlarge=cv2.INTER_LINEAR), 0, 1)
        return self._pad(resized, mode="constant")

    def to_request(self, images: np.ndarray) -> np.ndarray:  # (..., h, w, C) u8 -> (..., H, W, C) u8
        """Model frames in the request's pixels: the padding is cut off, the rest resized."""
        cropped = self._crop(np.asarray(images), axis=-3)
        if self.content_px == self.request_px:
            return np.ascontiguousarray(cropped)
        flat = cropped.reshape(-1, *cropped.shape[-3:])
        resized = np.stack([_resize(frame, self.request_px) for frame in flat])
        return resized.reshape(*cropped.shape[:-3], *resized.shape[1:])

    def maps_to_request(self, maps: np.ndarray) -> np.ndarray:  # (T, a, b) float32 -> (T, a', b') float32
        """Maps that span the model frame, cut to the part that shows the request's image."""
        if not self.padded:
            return maps
        (h, w), (a, b) = self.model_px, maps.shape[-2:]
        size = (max(1, round(a * self.content_px[0] / h)), max(1, round(b * self.content_px[1] / w)))
        whole = [cv2.resize(m.astype(np.float32), (w, h), interpolation=cv2.INTER_NEAREST) for m in maps]
        return np.stack([_resize(m, size) for m in self._crop(np.stack(whole), axis=-2)])

    def _pad(self, image: np.ndarray, mode: str) -> np.ndarray:
        margins = [(lead, m - c - lead) for lead, m, c in zip(self.top_left_px, self.model_px, self.content_px)]
        return np.pad(image, margins + [(0, 0)] * (image.ndim - 2), mode=mode)

    def _crop(self, images: np.ndarray, axis: int) -> np.ndarray:
        rows = np.arange(self.content_px[0]) + self.top_left_px[0]
        columns = np.arange(self.content_px[1]) + self.top_left_px[1]
        return images.take(rows, axis=axis).take(columns, axis=axis + 1)


def _resize(image: np.ndarray, size_px: tuple[int, int], enlarge: int = cv2.INTER_CUBIC) -> np.ndarray:
    height, width = size_px
    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else enlarge)
