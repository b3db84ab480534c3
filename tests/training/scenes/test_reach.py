import numpy as np

from training.scenes.reach import minimum_jerk


def test_minimum_jerk_stays_between_0_and_1():
    # one of these times exceeds 1 by a few units in the last place when nothing holds it
    progress = minimum_jerk(np.linspace(-0.5, 1.5, 4_000_001))
    assert progress.min() == 0.0 and progress.max() == 1.0
