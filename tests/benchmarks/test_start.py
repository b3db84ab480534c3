from benchmarks.start import shares

REPORT = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   torch._C
import time:       200 |        700 | torch
Loading weights: 100%
import time:       100 |        100 |     sympy.core
"""


def test_packages_are_counted_with_their_modules_and_their_share_of_the_own_time():
    assert shares(REPORT) == [("torch", 0.75, 2), ("sympy", 0.25, 1)]
