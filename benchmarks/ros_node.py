"""A real node in a process of its own and a client for it, for the benchmarks."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tavid_planner.ros.isolation import private_graph

if TYPE_CHECKING:
    from tavid_planner.ros.client import PlanClient

START_S = 600
MIB = 2**20
QUICK = ("video.num_inference_steps:=1", "lift.iterations:=5")
"""The whole pipeline with as little work as possible."""
DEMO = Path(__file__).resolve().parent.parent / "config" / "demo"
INSTRUCTION = "picks up the [TGT] mug"


@dataclass
class RunningNode:
    """A node, its client and its folder of plans."""

    process: subprocess.Popen
    client: "PlanClient"
    plans: Path
    log: Path

    @property
    def worker_pid(self) -> int | None:
        """The planning process: the node's only child that runs Python's worker."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        return next((pid for pid in pids if b"tavid_planner.worker" in _command(pid)), None)

    def resident_mib(self) -> float:
        """Memory of node and worker, shared memory counted once."""
        pids = [self.process.pid] + ([self.worker_pid] if self.worker_pid else [])
        return sum(_proportional_bytes(pid) for pid in pids) / MIB

    def stop(self, sent: int = signal.SIGTERM, timeout_s: float = 60) -> float:
        """Seconds from the signal to the end."""
        start = time.perf_counter()
        self.process.send_signal(sent)
        self.process.wait(timeout_s)
        return time.perf_counter() - start


@contextmanager
def running_node(*parameters: str, folder: Path | None = None):
    """A node with the real planner in a graph of its own, active when the block begins."""
    from tavid_planner.ros.client import PlanClient

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) if folder is None else folder
        if "ROS_AUTOMATIC_DISCOVERY_RANGE" not in os.environ:
            os.environ.update(private_graph())
            os.environ.setdefault("ROS_LOG_DIR", str(folder))
        command = [sys.executable, "-m", "tavid_planner.cli.node", "--ros-args"]
        for parameter in (f"output_folder:={folder}/plans", *parameters):
            command += ["-p", parameter]
        with open(folder / "node.log", "a") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            with PlanClient() as client:
                client.wait_until_ready(START_S)
                yield RunningNode(process, client, folder / "plans", folder / "node.log")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def demo_request():
    """The picture and mask of the demo."""
    from hoi_motion.media.image_files import read_image, read_mask
    from tavid_planner.request import InteractionRequest

    return InteractionRequest(read_image(DEMO / "frame.png"), read_mask(DEMO / "mask.png"), INSTRUCTION)


def left_behind(plans: Path) -> list[str]:
    """Leftovers that should not exist once nothing runs: temporary folders, locks, named shared memory."""
    memory = Path("/dev/shm")
    shared = [p.name for p in memory.glob("*tavid*")] + [p.name for p in memory.glob("psm_*")]
    return sorted(p.name for p in plans.glob(".*")) + sorted(shared)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
