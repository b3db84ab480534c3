"""The room behind object and people, and where it is known: what looks like it there is not the object.

Three things look like the room and are not. Each has its place here: what stays before somebody who never leaves
(`Room.of`), what of the object stays at its first place (`Room.without`), and what of it comes to light there as it is
shifted (`Room.uncovered`).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from hoi_motion.lift.track.own.colours import BIN_VOLUME, COMMON, EVEN, Colours, bins_of

LEAST_PERSON_PX = 20
# variance of a pixel's channels as half of the pixels show it: the sum of their three squares is distributed by
# chi-squared, whose median this is; standard deviations by this factor larger, and as large as this at least
CHI_SQUARED_MEDIAN = 2.4
MORE_NOISE = 1.2
LEAST_NOISE = 5.0
# what comes to light has changed, half surely, where it differs by so many standard deviations from what was there; by
# half as many not at all, and surely by half as many more
CHANGED = 3.0
# so many working pixels beside something are its surroundings
BESIDE_PX = 6


@dataclass(frozen=True)
class Room:
    """Colours of the room: from the first picture, and behind people and object from later ones.

    Attributes:
        colours: (h, w, 3) f32 Lab; first: (h, w, 3) u8 Lab, the first picture.
        behind: (h, w) bool, what that does not show.
        noise: standard deviation of each channel of what does not change.
        known: (h, w) bool, false where what looks like the room may be something else.
    """

    colours: np.ndarray
    first: np.ndarray
    behind: np.ndarray
    noise: float
    known: np.ndarray

    @classmethod
    def of(cls, pictures: np.ndarray, around: np.ndarray, persons: np.ndarray, bare: np.ndarray) -> "Room":
        """The room of a clip.

        What is behind object and people is what the last two thirds of the clip mostly show there. But where somebody
        stands in all of these none of it is seen: what stays before them without having their colours, such as a cup
        at their mouth, is not the room.

        Args:
            pictures: (T, h, w, 3) Lab u8; around: (h, w) bool, the object in the first one, with its blurred edge.
            persons: (T, h, w) bool, where people are; bare: (h, w) bool, of those in the first picture what no object
                hides.
        """
        first, later = pictures[0], len(pictures) // 3
        colours, behind = first.astype(np.float32), around | persons[0]
        colours[behind] = np.median(pictures[later:, behind], axis=0)
        if bare.sum() > LEAST_PERSON_PX:
            before_them = persons[0] & ~around & persons[later:].all(0)
            before_them &= Colours.of(first[bare]).at(bins_of(colours)) < COMMON * EVEN
            colours[before_them] = first[before_them]
        median = np.median(_square_distances(pictures, colours)[:, ~behind])
        noise = max(LEAST_NOISE, float(np.sqrt(median / CHI_SQUARED_MEDIAN)) * MORE_NOISE)
        return cls(colours, first, behind, noise, np.ones(behind.shape, bool))

    def without(self, places: np.ndarray) -> "Room":  # (h, w) bool
        """The room, not known at some places: something else that looks like it has been seen there."""
        return replace(self, known=self.known & ~places)

    @property
    def sharpness(self) -> float:
        """How probable the very colour of the room is where it is seen, per bin of colours; at most 1."""
        return min(1.0, BIN_VOLUME / ((2 * np.pi) ** 1.5 * self.noise**3))

    def shown_in(self, pictures: np.ndarray) -> np.ndarray:  # (T, h, w, 3) Lab u8 -> (T, h, w) f32
        """0..1: how much each pixel looks like the room, of its own colour; 0 where the room is not known."""
        return np.exp(-_square_distances(pictures, self.colours) / (2 * self.noise**2)) * self.known

    def uncovered(self, mask: np.ndarray, own: Colours) -> np.ndarray:  # (h, w) bool -> (h, w)
        """0..1: how surely a pixel inside the object's first mask shows the room once the object has left.

        The room is seen to be there where it differs from what was marked. What has colours of the object, and neither
        what surrounds it nor the person has them, may be the object itself, shifted or pressed together.
        """
        off = np.sqrt(((self.colours - self.first) ** 2).sum(-1))
        return np.clip(off / (CHANGED * self.noise) - 0.5, 0, 1) * mask * ~self._may_be(own)

    def _may_be(self, own: Colours) -> np.ndarray:  # (h, w) bool
        reach = np.ones((2 * BESIDE_PX + 1, 2 * BESIDE_PX + 1), np.uint8)
        beside = self.first[(cv2.dilate(self.behind.astype(np.uint8), reach) > 0) & ~self.behind]
        bins = bins_of(self.colours)
        usual = np.maximum(EVEN, Colours.of(beside).at(bins)) if len(beside) else EVEN
        return own.at(bins) > COMMON * usual


def _square_distances(pictures: np.ndarray, colours: np.ndarray) -> np.ndarray:  # (T, h, w, 3), (h, w, 3) -> (T, h, w)
    # one by one: all at once take three times the memory of the pictures as numbers
    return np.stack([((picture - colours) ** 2).sum(-1) for picture in pictures])
