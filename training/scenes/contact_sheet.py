"""A page of clips for a person to judge: a few frames of each in a row, the target outlined in the first."""

from collections.abc import Iterable

import cv2
import numpy as np

from training.scenes.scene import SceneSample

COLUMNS = 6
OUTLINE = (255, 40, 200)


def contact_sheet(samples: Iterable[SceneSample], columns: int = COLUMNS, width_px: int = 240) -> np.ndarray:
    """Picture (H, W, 3) u8 RGB, one row per clip, frames evenly spaced from first to last, caption above."""
    return np.concatenate([_row(sample, columns, width_px) for sample in samples])


def _row(sample: SceneSample, columns: int, width_px: int) -> np.ndarray:
    chosen = np.rint(np.linspace(0, len(sample.frames) - 1, columns)).astype(int)
    height_px = round(width_px * sample.frames.shape[1] / sample.frames.shape[2])
    cells = []
    for t in chosen:
        cell = cv2.resize(sample.frames[t], (width_px, height_px), interpolation=cv2.INTER_CUBIC)
        if t == 0:
            mask = cv2.resize(sample.target_mask.astype(np.uint8), (width_px, height_px))
            outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(cell, outlines, -1, OUTLINE, 1)
        if sample.contact_labels[t]:
            cv2.rectangle(cell, (0, 0), (6, 6), (60, 220, 60), -1)
        cells.append(cell)
    title = np.full((16, width_px * columns, 3), 255, np.uint8)
    text = f"{sample.seed}: {sample.caption}  ({len(sample.candidate_ids)} alike)"
    cv2.putText(title, text, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)
    return np.concatenate([title, np.concatenate(cells, 1)])
