"""What the object looks like: colours at points inside its mask, compared under a similarity transform."""

from functools import cached_property

import cv2
import numpy as np

from hoi_motion.lift.track.similarity import transformed

MAX_POINTS = 500
MAX_AROUND = 200
COLOUR_SPREAD = 14.0
# the object may have become lighter or darker as a whole, by so much, where it then looks so much more like itself
LIGHT = 25.0
CLEARLY_LIGHTER = 0.15
# a smeared object takes on colours around it, up to this share of the contrast with them; beyond the limit all dark
# objects look alike
SMEAR = 0.35
MAX_SMEARED_SPREAD = 30.0
# a place tells whether the object is there while this share of it looked different in the first frame
TELLING = 0.5
# its first place is empty as far as the outline's steps are gone where what is beside it still shows: where this share
# of them is seen, none of it at the first, all of it at the second share of missing ones; a step is gone when it is
# this share of what it was, and too small steps tell nothing
LEAST_OUTLINE = 0.2
STEPS_GONE = (0.3, 0.6)
STEP_SHARE = 0.4
BESIDE_SPREAD = 10.0
LEAST_STEP = 6.0
# how far and how finely a smeared object is looked for, in object sizes; farther away it must look this much better
SMEAR_REACH = 2.0
SMEAR_STEP = 0.25
SMEAR_SURPRISE = 0.08
FINE = np.linspace(-0.5, 0.5, 5)
# colours that stand for the object's when another of its kind is looked for
PALETTE = 6
# share by which the remembered colours follow those of a new frame, at rest and moving
REST_RATE = 0.3
MOVING_RATE = 0.2


class Template:
    """Appearance of the object in the first frame, slowly adapting; colours are 8-bit Lab.

    Attributes:
        mask: (h, w) bool; centre: (2,) px; size: square root of the area, px.
        points: (N, 2) px, x and y, inside the mask.
        first, recent, at_rest: (N, 3) their colours in the first frame, as lately seen on the move, and at rest.
        light: (3,) by how much the object is lighter than at first now.
        weight: (N,) how much each point tells.
        contrast: colour distance between the object and what is around it.
        around: (M, 2) px, points beside the mask; beside: (M, 3) their colours; border: (M,) which point of the object
            is nearest to each; steps: (M,) how far apart these two colours are; around_weight: (M,) how much they tell.
        smeared_spread: spread of colours of a smeared object.
        surroundings: (h, w, 3) the first picture, NaN on the object, behind which nothing is known.
    """

    def __init__(self, image: np.ndarray, mask: np.ndarray):
        """Args: image: (h, w, 3) Lab u8; mask: (h, w) bool, on the object in it."""
        rows, columns = np.nonzero(mask)
        self.points = _spaced(np.column_stack([columns, rows]), MAX_POINTS)  # (N, 2)
        self.centre = np.array([columns.mean(), rows.mean()])
        self.size = float(np.sqrt(len(rows)))
        self.mask = mask
        self.first = _colours(image, self.points)
        self.recent = self.first.copy()
        self.light = np.zeros(3)
        self.at_rest = self.first.copy()
        kernel = np.ones((3, 3), np.uint8)
        reach = max(2, round(0.25 * self.size))
        grown = cv2.dilate(mask.astype(np.uint8), kernel, iterations=reach) > 0
        inner = cv2.dilate(mask.astype(np.uint8), kernel, iterations=1) > 0
        ring = image[grown & ~inner].astype(float)
        inside = image[mask].astype(float)
        self.contrast = (
            float(np.linalg.norm(inside.mean(0) - ring.mean(0)) + np.linalg.norm(inside.std(0) - ring.std(0)))
            if len(ring)
            else np.inf
        )
        # colours that the surroundings have too say little about where the object is
        nearest = np.array([np.linalg.norm(ring - c, axis=1).min() if len(ring) else 99.0 for c in self.first])
        self.weight = 0.15 + np.clip(nearest / COLOUR_SPREAD, 0, 1)
        # what is around it, and whether that can be told from the object next to it, off its blurred edge
        self.around = _spaced(np.argwhere(grown & ~inner)[:, ::-1], MAX_AROUND)
        solid = _colours(cv2.erode(mask.astype(np.uint8), kernel, iterations=2)[..., None], self.points)[:, 0] > 0
        off = self.size * ~solid
        self.border = np.array([(np.linalg.norm(self.points - p, axis=1) + off).argmin() for p in self.around], int)
        self.beside = _colours(image, self.around)
        self.steps = np.linalg.norm(self.beside - self.first[self.border], axis=1)
        self.around_weight = np.clip(self.steps / COLOUR_SPREAD, 0, 1)
        self.smeared_spread = float(np.clip(SMEAR * self.contrast, COLOUR_SPREAD, MAX_SMEARED_SPREAD))
        self.surroundings = np.where(mask[..., None], np.float32(np.nan), image)

    def score(self, image: np.ndarray, similarity: np.ndarray) -> float:
        """0..1: weighted share of points that look as remembered under `similarity` (2, 3), in the present light."""
        return self._share(self._at(image, similarity), self.light)

    def see_light(self, image: np.ndarray, similarity: np.ndarray) -> None:
        """Note by how much lighter the object is than at first, if it is there; a change of hue is not looked for."""
        now = self._at(image, similarity)
        change = (now - self.first)[:, 0]
        change = change[np.isfinite(change)]
        light = np.array([np.clip(np.median(change), -LIGHT, LIGHT) if len(change) else 0.0, 0.0, 0.0])
        clearly = self._share(now, light) > self._share(now, np.zeros(3)) + CLEARLY_LIGHTER
        self.light = light if clearly else np.zeros(3)

    def _share(self, now: np.ndarray, light: np.ndarray) -> float:  # (N, 3), (3,)
        """0..1: weighted share of points whose colours now are those at first, in that light, or those of lately."""
        alike = np.maximum(_alike(now - light, self.first), _alike(now, self.recent))
        return float((self.weight * alike).sum() / self.weight.sum())

    def spilled(self, image: np.ndarray, similarity: np.ndarray) -> float:
        """0..1: share of what is around it under `similarity` that looks like it: it is larger than that, or beside."""
        now = _colours(image, self.around @ similarity[:, :2].T + similarity[:, 2])
        alike = np.maximum(_alike(now - self.light, self.first[self.border]), _alike(now, self.recent[self.border]))
        return float((self.around_weight * alike).sum() / max(self.around_weight.sum(), 1.0))

    def score_at_rest(self, image: np.ndarray) -> float:
        """0..1: share of points that look as in the first frame, or as lately, at the first place."""
        now = _colours(image, self.points)
        return float(np.maximum(_alike(now, self.first), _alike(now, self.at_rest)).mean())

    def emptied(self, image: np.ndarray) -> float:
        """0..1: how surely what was beside the object in its first place goes on there now, nothing in front of it.

        Before a wall of about its colour its first place looks much as before when it is gone, but without an outline.
        """
        now, beside = _colours(image, self.points), _colours(image, self.around)
        shown = self.around_weight * (self.steps > LEAST_STEP) * _alike(beside, self.beside, BESIDE_SPREAD)
        if shown.sum() < LEAST_OUTLINE * max((self.around_weight * (self.steps > LEAST_STEP)).sum(), 1.0):
            return 0.0
        left = np.linalg.norm(now[self.border] - beside, axis=1) / np.maximum(STEP_SHARE * self.steps, 1.0)
        missing = (shown * np.nan_to_num(np.exp(-(left**2) / 2))).sum() / shown.sum()
        return float(np.interp(missing, STEPS_GONE, (0.0, 1.0)))

    def smeared_scores(self, image: np.ndarray, similarity: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """(S,) 0..1: as `score`, for an object that blur has mixed with its surroundings.

        Places whose colours in the first frame were the object's too (another of its kind) tell nothing.

        Args:
            shifts: (S, 2) from where `similarity` puts the object, in object sizes.
        """
        places = self.points @ similarity[:, :2].T + similarity[:, 2] + self.size * shifts[:, None]  # (S, N, 2)
        now = _colours(image, places)
        alike = np.maximum(*(_alike(now, own, self.smeared_spread) for own in (self.first, self.recent)))
        weight = self.weight * np.nan_to_num(_colours(self._telling, places)[..., 0])
        return (weight * alike).sum(1) / np.maximum(weight.sum(1), TELLING * self.weight.sum())

    @cached_property
    def _telling(self) -> np.ndarray:  # (h, w, 1)
        """0..1: how little the first frame's surroundings look like any part of the object."""
        cv2.setRNGSeed(0)
        _, _, palette = cv2.kmeans(
            self.first.astype(np.float32),
            min(PALETTE, len(self.first)),
            None,
            (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0),
            1,
            cv2.KMEANS_PP_CENTERS,
        )
        square = np.min([((self.surroundings - c) ** 2).sum(2) for c in palette], axis=0)
        unlike = 1 - np.exp(-square / (2 * self.smeared_spread**2))
        return np.where(self.mask, 1.0, unlike)[..., None]

    def adapt_at_rest(self, image: np.ndarray) -> None:
        """Light, reflections and what shines through change slowly while the object stays; what changes at once may be
        what it leaves behind, or what passes in front."""
        now = _colours(image, self.points)
        slowly = (1 - self.emptied(image)) * _alike(now, self.at_rest)[:, None]
        self.at_rest += REST_RATE * slowly * (now - self.at_rest)

    def adapt(self, image: np.ndarray, similarity: np.ndarray) -> None:
        """Follow slow changes of the object's colours while it moves: its turning shows other sides."""
        now = self._at(image, similarity)
        self.recent += MOVING_RATE * np.nan_to_num(now - self.recent)

    def _at(self, image: np.ndarray, similarity: np.ndarray) -> np.ndarray:  # (N, 3)
        return _colours(image, self.points @ similarity[:, :2].T + similarity[:, 2])

    def region(self, similarity: np.ndarray, size_px) -> np.ndarray:  # (h, w) u8
        """Where the object is under a similarity in a picture of a size (height, width): 255 there, else 0."""
        return cv2.warpAffine(self.mask.astype(np.uint8) * 255, similarity, (size_px[1], size_px[0]))

    def search(self, starts: list[np.ndarray], score) -> tuple[np.ndarray, float]:
        """Best similarity near any of `starts` by `score(similarity)`: shifts and turns first, then all together."""
        best, best_score = starts[0], -np.inf
        reach = np.linspace(-1.0, 1.0, 7)
        for start in starts:
            for option in [self._nudged(start, dx, dy, 0.0, 1.0) for dx in reach for dy in reach] + [
                self._nudged(start, 0.0, 0.0, turn, 1.0) for turn in np.linspace(-1.2, 1.2, 9)
            ]:
                value = score(option)
                if value > best_score:
                    best, best_score = option, value
        for step in (0.15, 0.06, 0.025):
            for _ in range(4):
                trials = [self._nudged(best, *nudge) for nudge in _nudges(step)]
                scores = [score(trial) for trial in trials]
                if max(scores) <= best_score:
                    break
                best, best_score = trials[int(np.argmax(scores))], max(scores)
        return best, best_score

    def search_smeared(self, image: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
        """`start` shifted to what looks most like the smeared object, with its score: a smear has no turn or size."""
        reach = np.arange(-SMEAR_REACH, SMEAR_REACH + 1e-6, SMEAR_STEP)
        shifts = np.stack(np.meshgrid(reach, reach), -1).reshape(-1, 2)
        values = self.smeared_scores(image, start, shifts) - SMEAR_SURPRISE * np.linalg.norm(shifts, axis=1)
        fine = shifts[values.argmax()] + np.stack(np.meshgrid(*2 * [FINE * SMEAR_STEP]), -1).reshape(-1, 2)
        scores = self.smeared_scores(image, start, fine)
        shift = self.size * fine[scores.argmax()]
        return np.column_stack([start[:, :2], start[:, 2] + shift]), float(scores.max())

    def _nudged(self, similarity, dx, dy, turn_rad, growth):
        """Shifted by object sizes, turned and scaled about the object's centre."""
        centre = similarity @ np.append(self.centre, 1.0)
        c, s = growth * np.cos(turn_rad), growth * np.sin(turn_rad)
        about = np.array([[c, -s], [s, c]])
        shift = centre - about @ centre + np.array([dx, dy]) * self.size
        return transformed(np.column_stack([about, shift]), similarity)


def _nudges(step: float):
    """Shifts along x and y, a turn and a growth by a step, both ways, each alone: arguments of `Template._nudged`."""
    for sign in (-step, step):
        yield sign, 0.0, 0.0, 1.0
        yield 0.0, sign, 0.0, 1.0
        yield 0.0, 0.0, 2 * sign, 1.0
        yield 0.0, 0.0, 0.0, 1 + sign


def _spaced(points: np.ndarray, most: int) -> np.ndarray:  # (N, 2) -> (M, 2)
    """Every so many-th of the points: about as many as asked for, or fewer than twice that."""
    return points[:: max(1, len(points) // most)].astype(float)


def _colours(image: np.ndarray, points: np.ndarray) -> np.ndarray:  # (..., 2) -> (..., C)
    """Colours at points, NaN outside the image."""
    x, y = np.moveaxis(np.round(points).astype(int), -1, 0)
    height, width = image.shape[:2]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    colours = np.full((*x.shape, image.shape[2]), np.nan)
    colours[inside] = image[y[inside], x[inside]]
    return colours


def _alike(a: np.ndarray, b: np.ndarray, spread: float = COLOUR_SPREAD) -> np.ndarray:  # (..., N, 3) -> (..., N)
    """0..1: how alike colours are; an unknown one is like none."""
    square = ((a - b) ** 2).sum(-1)
    return np.nan_to_num(np.exp(-square / (2 * spread**2)))
