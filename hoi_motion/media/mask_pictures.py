"""Which pixels an image marks: masks as painting programs, annotation tools and cameras write them.

A mask is bright on dark. Read are black and white in three channels, one colour on black, the alpha of a cut-out, and
smooth or noisy edges. What could mean two things is refused: several colours, areas of grey, numbers of labels, colours
and an alpha that disagree.
"""

import numpy as np

from hoi_motion.errors import ErrorCode, InputError

# shares of the brightest value; between them is an edge
DARK = 0.25
BRIGHT = 0.75
EDGE_PX = 3  # how wide a smooth edge may be
NOISE_PX = 12  # how far compression noise reaches from an edge
LOSSY_NOISE = 10  # of 255, anywhere in a picture that was compressed with loss
MOST_EDGE = 0.5  # of the marked pixels; a photograph is nothing but edges
FEW_VALUES = 8  # up to this many greys are label numbers, or the steps of a smooth edge
NEARLY = 0.999
OTHER_SHARE = 0.1  # of the largest area; smaller ones are specks
COLOUR_TOLERANCE = 0.2
GREY_TOLERANCE = 0.06


def marked_pixels(  # (H, W) bool
    picture: np.ndarray, name: str = "mask", lossy: bool = False
) -> tuple[np.ndarray, str]:
    """The pixels that an image marks, and a sentence on how they were found, "" for a plain mask.

    Args:
        picture: (H, W) or (H, W, 1 to 4) numbers: grey, grey and alpha, RGB, RGB and alpha.
        lossy: it was compressed with loss, as JPEG is: there is noise everywhere, and no labels' numbers survive.

    Raises:
        InputError: MASK_INVALID, MASK_EMPTY.
    """
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[..., 0]
    if picture.ndim == 3 and picture.shape[2] not in (2, 3, 4):
        raise _invalid(f"{name} has {picture.shape[2]} channels, expected one, or a picture's 2 to 4")
    if picture.dtype.kind == "f" and not np.isfinite(picture).all():
        raise InputError(ErrorCode.MASK_INVALID, f"{name} holds NaN or infinity", "use 0 and 1")
    if picture.ndim == 2:
        return _bright(picture, name, lossy)
    if picture.shape[2] in (2, 4):
        return _with_alpha(picture[..., :-1], picture[..., -1], name, lossy)
    return _coloured(picture, name, lossy)


def far_apart(marked: np.ndarray) -> str:  # (H, W) bool
    """A sentence on two areas too far apart to be one thing with something before it, "" where there are none."""
    import cv2

    count, labels, boxes, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8))
    if count < 3:
        return ""
    largest = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    _, _, width, height, area = boxes[largest]
    away_px = cv2.distanceTransform((labels != largest).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    gaps_px = np.full(count, np.inf, away_px.dtype)
    np.minimum.at(gaps_px, labels[marked], away_px[marked])
    far = (boxes[:, cv2.CC_STAT_AREA] >= OTHER_SHARE * area) & (gaps_px > np.hypot(width, height))
    others = np.flatnonzero(far[1:]) + 1
    if not len(others):
        return ""
    left, top = boxes[others[0], :2]
    gap_px = gaps_px[others[0]]
    return f"it marks another area {gap_px:.0f} px away, at {left},{top}: is it one thing? It is read as one"


def _with_alpha(colours: np.ndarray, alpha: np.ndarray, name: str, lossy: bool) -> tuple[np.ndarray, str]:
    colours = colours if colours.shape[2] == 3 else np.repeat(colours, 3, axis=2)
    if alpha.min() == alpha.max():
        if alpha.max() == 0:
            raise _invalid(f"{name} is transparent everywhere, whatever its colours", "save it without transparency")
        marked, how = _coloured(colours, name, lossy)
        return marked, _and("its alpha is the same everywhere and was left out", how)
    opaque, how = _bright(alpha, f"the alpha of {name}", lossy)
    by_alpha = opaque, _and("its opaque pixels were taken as marked", how)
    inside = colours[opaque]
    if (inside == inside[0]).all():
        return by_alpha
    try:
        by_colour, _ = _coloured(np.where(opaque[..., None], colours, 0), name, lossy)
    except InputError:  # the colours of a cut-out are those of the object
        return by_alpha
    if by_colour.any() and (by_colour == opaque).mean() < NEARLY:
        raise _invalid(f"{name} marks other pixels by its colours than by its alpha", "save it without transparency")
    return by_alpha


def _coloured(colours: np.ndarray, name: str, lossy: bool) -> tuple[np.ndarray, str]:
    """Grey in three channels, or one colour on black."""
    brightest = colours.max(axis=2)
    top = float(brightest.max())
    if top == 0:
        return np.zeros(brightest.shape, bool), ""
    spread = brightest.astype(np.float32) - colours.min(axis=2)
    if spread.max() <= GREY_TOLERANCE * top:
        marked, how = _bright(brightest, name, lossy)
        return marked, _and("its channels are the same and were read as one", how)
    bright = brightest > top / 2
    colour = np.median(colours[bright], axis=0)
    share = brightest.astype(np.float32) / max(float(colour.max()), 1e-9)
    off = np.zeros(brightest.shape, np.float32)
    for channel in range(3):
        off = np.maximum(off, np.abs(colours[..., channel] - share * np.float32(colour[channel])))
    off = off > COLOUR_TOLERANCE * top
    other = off & ~_edges(bright, EDGE_PX + 1)
    if off.sum() > MOST_EDGE * bright.sum():
        other = off
    if other.any():
        raise _invalid(
            f"{name} has several colours, for example {_text(colour)} and {_text(colours[other][0])}",
            "give the mask of one object: one colour on black",
        )
    marked, how = _bright(brightest, name, lossy)
    return marked, _and(f"the colour {_text(colour)} on black was taken as marked", how)


def _bright(grey: np.ndarray, name: str, lossy: bool) -> tuple[np.ndarray, str]:
    """Bright pixels of one channel, where bright and dark cannot be mistaken."""
    values, counts = _counted(grey)
    if values[0] < 0:
        raise _invalid(f"{name} holds negative values ({values[0]:g})", "use 0 outside and one other value")
    if len(values) == 1:
        return (grey != 0), ""
    top = float(values[-1])
    if lossy and DARK * top <= LOSSY_NOISE:
        told = f"{name} is {top:g} of 255 where it is brightest, and its format keeps no numbers as small as that"
        raise _invalid(told, "save it as PNG")
    if len(values) == 2 and values[0] == 0:
        return (grey != 0), ""
    if len(values) == 2 and values[0] <= DARK * top:
        return (grey == values[-1]), f"its darker value {values[0]:g} was taken as outside, {top:g} as marked"
    marked = grey >= top / 2
    edges = _edges(marked, EDGE_PX)
    between = (grey > DARK * top) & (grey < BRIGHT * top)
    is_edge = not (between & ~edges).any() and between.sum() <= MOST_EDGE * marked.sum()
    if not is_edge or _has_areas(grey, values, counts, marked, edges, lossy):
        first = ", ".join(f"{value:g}" for value in values[:4].astype(float))
        raise _invalid(
            f"{name} holds {len(values)} values ({first}{', ...' if len(values) > 4 else ''}) in areas, "
            "expected 0 and one other",
            "threshold a soft mask; give the mask of one object only",
        )
    return marked, f"its {len(values)} greys lie at the edges or are noise: cut at half of the brightest"


def _has_areas(grey, values, counts, marked, edges, lossy: bool) -> bool:
    """Whether a third value stands for something: away from edges, or in flat patches where no noise reaches."""
    from scipy.ndimage import maximum_filter, minimum_filter

    usual = [
        _most_common(values, counts, values < values[-1] / 2),
        _most_common(values, counts, values >= values[-1] / 2),
    ]
    if lossy:
        off = np.abs(grey.astype(np.int16)[..., None] - np.array(usual, np.int16)).min(-1)
        return bool(((off > LOSSY_NOISE) & ~_edges(marked, NOISE_PX)).any())
    strange = ~np.isin(grey, usual)
    if len(values) <= FEW_VALUES:
        return bool((strange & ~edges).any())
    flat = maximum_filter(grey, 3) == minimum_filter(grey, 3)
    return bool((strange & flat & ~_edges(marked, NOISE_PX)).any())


def _most_common(values, counts, among):
    return values[among][counts[among].argmax()] if among.any() else values[0]


def _counted(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values that occur, in ascending order, and how often."""
    if grey.dtype in (np.bool_, np.uint8):
        counts = np.bincount(grey.reshape(-1), minlength=2)
        values = np.flatnonzero(counts)
        return values, counts[values]
    return np.unique(grey, return_counts=True)


def _edges(marked: np.ndarray, reach_px: int) -> np.ndarray:  # (H, W) bool
    """Pixels not farther than `reach_px` from a change of `marked`."""
    from scipy.ndimage import maximum_filter, minimum_filter

    size = 2 * reach_px + 1
    return maximum_filter(marked, size) & ~minimum_filter(marked, size)


def _and(first: str, second: str) -> str:
    return f"{first}; {second}" if second else first


def _text(colour) -> str:
    return "(" + ", ".join(f"{value:g}" for value in np.asarray(colour, float)) + ")"


def _invalid(message: str, hint: str = "give a single-channel image: 0 outside, one other value on the object"):
    return InputError(ErrorCode.MASK_INVALID, message, hint)
