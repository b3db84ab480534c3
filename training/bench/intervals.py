"""95% intervals of what was found on a number of scenes."""

import math

import numpy as np

Z = 1.96  # of the normal distribution


def wilson_interval(hits: float, count: float, z: float = Z) -> tuple[float, float]:
    """Interval of a proportion (Wilson 1927).

    Of several trainings on the same scenes give their means, `hits / trainings` and `count / trainings`: scenes are not
    new ones in every training, and the interval is at most a little too wide so.
    """
    if not count:
        return 0.0, 1.0
    p, n = hits / count, count
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))


def mean_interval(values, trainings: int = 1) -> tuple[float, float, float]:
    """Mean of values (N,), and the ends of its interval; of a single scene these are infinite.

    Args:
        trainings: the values are of so many trainings, one after the other, on the same scenes.
    """
    scenes = np.asarray(values, float).reshape(trainings, -1).mean(0)
    mean = float(scenes.mean())
    half = Z * float(scenes.std(ddof=1)) / len(scenes) ** 0.5 if len(scenes) > 1 else np.inf
    return mean, mean - half, mean + half
