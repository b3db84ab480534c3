"""Training of the mini model: scenes, data, objectives. Run from a checkout; nobody imports this package."""

import sys
from importlib.util import find_spec

from hoi_motion.scripts.interrupt import says_it_in_one_line

says_it_in_one_line()
# `python -m training.X` imports this package before its module, with "-m" in place of the program's name
if sys.argv[0] == "-m" and find_spec("numba") is None:
    print("error: numba is not installed, which training and benchmarks need - run `make setup-test`", file=sys.stderr)
    sys.exit(4)
