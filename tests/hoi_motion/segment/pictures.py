"""Pictures of which every pixel is known: things of one colour on a mottled ground."""

import numpy as np

SIZE_PX = (120, 180)


def picture(*things: tuple[tuple[int, int, int, int], tuple[int, int, int]], seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 with boxes (x0, y0, x1, y1, ends inside), each in its colour, the later before the earlier."""
    rng = np.random.default_rng(seed)
    rgb = np.tile(np.array([110, 120, 105], float), (*SIZE_PX, 1))
    for box, colour in things:
        rgb[region(box)] = colour
    return (rgb + rng.normal(0, 4, rgb.shape)).clip(0, 255).astype(np.uint8)


def region(box: tuple[int, int, int, int]) -> np.ndarray:  # (H, W) bool
    mask = np.zeros(SIZE_PX, bool)
    mask[box[1] : box[3] + 1, box[0] : box[2] + 1] = True
    return mask
