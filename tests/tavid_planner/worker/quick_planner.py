"""A planner that needs no models and does what the instruction says, to test the process around it.

The instruction may hold: "slowly" (half a minute a stage, unless cancelled), "steadily" (a second a stage), "deaf"
(does not hear a cancel), "crashes" (an error nobody foresaw), "dies" (the process ends), "greedy" (no memory),
"fails" (a plan that fails its check), "full" (no memory to share), "vanishes" (the process ends when its bundle is
whole). Anything else gets the pickled plan of `TAVID_TEST_PLAN`, which passes, at once.
"""

import errno
import os
import pickle
import sys
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from hoi_motion.physics.report import Verdict
from hoi_motion.progress import CancelToken, silent
from tavid_planner.worker import channel, process

STEPS = {"slowly": 1500, "steadily": 50, "deaf": 1500}


def _refused():
    raise OSError(errno.EMFILE, "Too many open files")


class QuickPlanner:
    def __init__(self, config):
        self.config = config
        self.loaded = False

    @cached_property
    def _plan(self):
        return pickle.loads(Path(os.environ["TAVID_TEST_PLAN"]).read_bytes())

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
                if "deaf" not in request.instruction:
                    cancel.raise_if_cancelled()
                if "crashes" in request.instruction:
                    raise ZeroDivisionError("nobody foresaw this")
                if "greedy" in request.instruction:
                    raise MemoryError
                if "full" in request.instruction:
                    channel._anonymous_file = _refused
                if "vanishes" in request.instruction:
                    process.MadePlan = lambda *_, **__: os._exit(7)
                if "dies" in request.instruction:
                    sys.stderr.flush()
                    os._exit(7)
        checks = self._plan.report.checks
        if "fails" not in request.instruction:
            checks = tuple(c for c in checks if c.verdict is Verdict.PASS)
        report = replace(self._plan.report, checks=checks)
        return replace(self._plan, request=request, report=report, film=self.config.bundle.film)
