"""Why a process has ended, as far as can be seen from outside."""

import signal
from pathlib import Path

from tavid_planner.errors import ControlError, ErrorCode, TavidError, VideoError


def memory_kills() -> int:
    """How many processes the kernel has killed for lack of memory, on this machine and in this container."""
    counts = 0
    for path in (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events")):
        try:
            lines = path.read_text().splitlines()
        except OSError:  # not Linux, or no cgroups
            continue
        counts += sum(int(line.split()[1]) for line in lines if line.split()[0] == "oom_kill")
    return counts


def death_as_error(exit_status: int, memory_kills_before: int, stage: str) -> TavidError:
    """Message and hint about a worker that has ended by itself.

    Args:
        exit_status: of `subprocess.Popen`: negative for a signal.
        memory_kills_before: `memory_kills()` when the worker was started.
        stage: the stage it was in, "" for none.
    """
    where = f" in stage {stage}" if stage else ""
    if exit_status == -signal.SIGKILL and memory_kills() > memory_kills_before:
        return VideoError(
            ErrorCode.OUT_OF_MEMORY,
            f"memory ran out{where}: the kernel killed the planning process",
            "use a smaller frame size, fewer frames or fewer samples; the next request restarts the process",
        )
    if exit_status < 0:
        try:
            name = signal.Signals(-exit_status).name
        except ValueError:
            name = f"signal {-exit_status}"
        how = f"was killed by {name}"
    else:
        how = f"ended with exit code {exit_status}"
    return ControlError(
        ErrorCode.INTERNAL,
        f"the planning process {how}{where}",
        "the next request restarts it; its last output is in the log",
    )
