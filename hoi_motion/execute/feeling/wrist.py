"""A force sensor in a wrist, as noisy as real ones, and the detection of a contact with it."""

import numpy as np

NOISE_N = 0.5
"""Standard deviation of a reading, per axis. Makers state resolutions of 0.1 N (Robotiq FT 300-S, 100 readings a
second) to 0.2 N (OnRobot HEX-E), and arms that infer the force from their motors do worse."""
READINGS = 4  # averaged in one look; there are 60 looks a second
BIAS_N = 2.0  # of a sensor that was not zeroed, per axis; it stays the same
QUIET_READINGS = 24  # at the beginning, when nothing can be felt: they measure the noise
LATEST_READINGS = 30  # may already be of a contact: only those before them say how nothing feels
BUMP_N = 10.0  # a change of this much in the first readings is a contact after all
LEAST_NOISE_N = 0.15  # is assumed at least: a hand that turns a little weighs differently
SLACK = 0.5  # standard deviations by which a reading may be off without counting
DOUBT = 1.5  # more slack, over the root of the number of readings: how unsure it is how nothing feels
ALARM = 15.0  # noise alone reaches it in fewer than one sweep in a thousand


class WristSensor:
    """Readings of a force with noise and a bias; the same ones every time.

    Args:
        noise_n: standard deviation of a reading, per axis; bias_n: of what is always added.
    """

    def __init__(self, noise_n: float = NOISE_N, bias_n: float = BIAS_N):
        self._rng = np.random.default_rng(0)
        self._noise_n, self._bias_n = noise_n, self._rng.normal(0.0, bias_n, 3)

    def reading_n(self, force_n: np.ndarray) -> np.ndarray:  # (3,) -> (3,)
        """What it says of a force: the mean of READINGS."""
        return force_n + self._bias_n + self._rng.normal(0.0, self._noise_n / np.sqrt(READINGS), 3)


class ForceChange:
    """Detects a change of force in noisy readings: cumulative sums (Page, 1954) on each axis, up and down.

    The noise is measured in the first readings, so that it holds for any sensor, in any frame that moves with it. A
    hard contact is detected at once, a change of half the noise's standard deviation never; between them, the weaker,
    the later.
    """

    def __init__(self):
        self._readings: list[np.ndarray] = []
        self._noise, self._quiet, self._count = 0.0, np.zeros(3), QUIET_READINGS
        self._sums = np.zeros(6)

    def is_felt(self, reading: np.ndarray) -> bool:  # (3,)
        """Take in a reading; whether the force has changed since the beginning."""
        self._readings.append(np.asarray(reading, float))
        count = len(self._readings)
        if count <= QUIET_READINGS:
            self._quiet = np.mean(self._readings, axis=0)
            off = np.array(self._readings) - self._quiet
            self._noise = max(float(np.sqrt((off**2).sum() / max(3 * (count - 1), 1))), LEAST_NOISE_N)
            return bool(np.abs(self._readings[-1] - self._readings[0]).max() > BUMP_N)
        if count > QUIET_READINGS + LATEST_READINGS:
            self._count += 1
            self._quiet = self._quiet + (self._readings[-1 - LATEST_READINGS] - self._quiet) / self._count
        off = (self._readings[-1] - self._quiet) / self._noise
        slack = SLACK + DOUBT / np.sqrt(self._count)
        self._sums = np.maximum(self._sums + np.concatenate([off, -off]) - slack, 0.0)
        return bool(self._sums.max() > ALARM)
