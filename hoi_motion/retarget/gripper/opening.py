"""Opening: how far fingers are apart over the value of their joints, and where between them things are held."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Opening:
    """A gripper's opening over its value (m or rad), from closed to as far open as it holds things.

    Fingers that slide open evenly and keep their middle. One that turns opens unevenly; where its partner stands still,
    the middle between them moves with it.

    Attributes:
        closed, open: values; open_width_m: at `open`.
        widths, values: (k,) shares of `open_width_m` and of the way from `closed` to `open`, rising.
        middles_m: (k,) the middle between the pads, along y of the grasp frame; tips_m: (k,) the shorter finger's tip,
            along z, from where it is when closed.
    """

    closed: float
    open: float
    open_width_m: float
    widths: np.ndarray
    values: np.ndarray
    middles_m: np.ndarray
    tips_m: np.ndarray

    @classmethod
    def even(cls, closed: float, open: float, open_width_m: float) -> "Opening":
        """Of fingers that slide, the same way to either side."""
        ends, still = np.array([0.0, 1.0]), np.zeros(2)
        return cls(closed, open, open_width_m, ends, ends, still, still)

    @property
    def rate(self) -> float:
        """Metres of opening for a metre or radian of the value, on average: forces at tip and joint are as this is."""
        return self.open_width_m * float(self.widths[-1] - self.widths[0]) / abs(self.open - self.closed)

    def value(self, width_m: float) -> float:
        """The gripper's value for an opening."""
        share = float(np.interp(np.clip(width_m / self.open_width_m, 0, 1), self.widths, self.values))
        return self.closed + (self.open - self.closed) * share

    def width_m(self, value: float) -> float:
        """The opening at a value, which may lie a little beyond the ends."""
        share = (value - self.closed) / (self.open - self.closed)
        if not 0 <= share <= 1:
            return self.open_width_m * float(share if share > 1 else self.widths[0] + share)
        return self.open_width_m * float(np.interp(share, self.values, self.widths))

    def middle_m(self, value) -> np.ndarray:  # (...) -> (...)
        """Along y of the grasp frame, at values."""
        return np.interp((value - self.closed) / (self.open - self.closed), self.values, self.middles_m)

    def tip_m(self, value: float) -> float:
        """Along z, from where the tip is when closed."""
        return float(np.interp((value - self.closed) / (self.open - self.closed), self.values, self.tips_m))
