"""Things followed through a clip by their colour: enough for the plain objects of scenes, and for nothing else."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.bench.video_scores import own_colour

MIN_SHARE = 0.25  # of the first mask, to be the thing
NEW_SHARE = 0.6  # of the smallest thing of that colour, to count as one more of them
NEW_AWAY = 2.0  # sizes of the thing between it and something new
MOST_STEP = 2.5  # sizes of the thing that it moves between two frames


@dataclass(frozen=True)
class TrackedThings:
    """masks: (T, H, W) bool by thing, where it was last seen; centre_px: (T, 2) by thing, NaN where unseen;
    emerged, vanished: (T,) bool."""

    masks: dict[int, np.ndarray]
    centre_px: dict[int, np.ndarray]
    emerged: np.ndarray
    vanished: np.ndarray


def track_things(frames: np.ndarray, first: dict[int, np.ndarray]) -> TrackedThings:
    """Follow things from their masks (H, W) bool in the first frame through (T, H, W, 3) u8."""
    count = len(frames)
    masks = {thing: np.repeat(mask[None], count, axis=0) for thing, mask in first.items()}
    centres = {thing: np.full((count, 2), np.nan) for thing in first}
    emerged, vanished = np.zeros(count, bool), np.zeros(count, bool)
    for group in _alike(frames[0], first):
        everything = np.any([first[thing] for thing in group], axis=0)
        coloured = own_colour(frames, everything)
        for t in range(count):
            parts = _parts(coloured[t])
            for thing in group:
                size = np.sqrt(first[thing].sum())
                before = masks[thing][max(t - 1, 0)]
                here = np.argwhere(before).mean(0)[::-1]
                near = [p for p in parts if np.linalg.norm(p.centre - here) < MOST_STEP * size]
                near = [p for p in near if p.area > MIN_SHARE * first[thing].sum()]
                if not near:
                    vanished[t] = True
                    masks[thing][t:] = before
                    continue
                best = min(near, key=lambda p: np.linalg.norm(p.centre - here))
                parts.remove(best)
                masks[thing][t:] = best.mask
                centres[thing][t] = best.centre
            smallest = min(first[thing].sum() for thing in group)
            places = [np.argwhere(masks[thing][t]).mean(0)[::-1] for thing in group]
            emerged[t] |= any(
                p.area > NEW_SHARE * smallest
                and min(np.linalg.norm(p.centre - place) for place in places) > NEW_AWAY * np.sqrt(smallest)
                for p in parts
            )
    emerged[0] = vanished[0] = False
    return TrackedThings(masks, centres, emerged, vanished)


@dataclass(eq=False)
class _Part:
    """A connected piece: mask (H, W) bool, its middle (x, y) and its pixels."""

    mask: np.ndarray
    centre: np.ndarray
    area: int


def _parts(mask: np.ndarray) -> list[_Part]:
    number, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return [_Part(labels == i, centres[i], int(stats[i, cv2.CC_STAT_AREA])) for i in range(1, number)]


def _alike(image: np.ndarray, first: dict[int, np.ndarray]) -> list[list[int]]:
    """Things grouped by colour: what is alike is told apart by place alone."""
    lab = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB).astype(float)
    groups: list[tuple[np.ndarray, list[int]]] = []
    for thing, mask in first.items():
        if not mask.any():
            continue
        colour = np.median(lab[mask], axis=0)
        for known, members in groups:
            if np.linalg.norm((colour - known)[1:]) < 14 and abs(colour[0] - known[0]) < 40:
                members.append(thing)
                break
        else:
            groups.append((colour, [thing]))
    return [members for _, members in groups]
