"""tavid-node with a planner that needs no models and does what the instruction says, to test everything around it.

The instruction may hold: "slowly" (half a minute a stage, unless cancelled), "steadily" (a second a stage), "crashes"
(an error nobody foresaw), "fails" (a plan that fails its check). Anything else gets a plan that passes, at once.
"""

import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path

from hoi_motion.physics.report import Verdict
from hoi_motion.progress import CancelToken, silent
from hoi_motion.scripts.command import run_command
from tavid_planner.ros.serve import serve

STEPS = {"slowly": 1500, "steadily": 50}
PLAN = pickle.loads(Path(sys.argv[1]).read_bytes())


class ObedientPlanner:
    def __init__(self, config):
        self.config = config
        self.loaded = False

    def load(self, on_progress=silent, cancel: CancelToken | None = None) -> None:
        on_progress("load", 1.0)
        self.loaded = True

    def unload(self) -> None:
        self.loaded = False

    def plan(self, request, on_progress=silent, cancel: CancelToken | None = None):
        steps = next((n for word, n in STEPS.items() if word in request.instruction), 1)
        for stage in ("video", "lift", "check"):
            for step in range(steps):
                on_progress(stage, step / steps)
                time.sleep(0.02)
                cancel.raise_if_cancelled()
                if "crashes" in request.instruction:
                    raise ZeroDivisionError("nobody foresaw this")
        checks = PLAN.report.checks
        if "fails" not in request.instruction:
            checks = tuple(c for c in checks if c.verdict is Verdict.PASS)
        return replace(PLAN, request=request, report=replace(PLAN.report, checks=checks))


if __name__ == "__main__":
    sys.exit(run_command(lambda argv: serve(ObedientPlanner, argv), sys.argv[2:]))
