"""tavid-node with the planner of `tests/tavid_planner/worker/quick_planner.py`, to test everything around it."""

import os
import sys
from pathlib import Path

from hoi_motion.scripts.command import run_command
from tavid_planner.cli.node import leave
from tavid_planner.ros.serve import serve

if __name__ == "__main__":
    os.environ["TAVID_TEST_PLAN"] = sys.argv[1]
    sys.path.append(str(Path(__file__).resolve().parents[1] / "worker"))
    leave(run_command(lambda argv: serve("quick_planner:QuickPlanner", argv), sys.argv[2:]))
