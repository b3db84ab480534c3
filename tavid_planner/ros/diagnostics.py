"""The node's health on /diagnostics."""

import os
import sys
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from tavid_planner.ros.answer import Answerer
from tavid_planner.ros.desk import PlannerDesk

MIB = 2**20


def diagnostics(node: Node, state: str, desk: PlannerDesk, answerer: Answerer, profile: str) -> DiagnosticArray:
    """One message: lifecycle state, model, memory, queue, last error, time of the last plan."""
    status = DiagnosticStatus(name=f"{node.get_name()}: planner", hardware_id=profile)
    if not desk.is_open:
        status.level, status.message = DiagnosticStatus.WARN, f"{state}: not serving"
    elif answerer.last_error:
        status.level, status.message = DiagnosticStatus.WARN, "the last request got no plan"
    else:
        status.level, status.message = DiagnosticStatus.OK, "planning" if desk.busy else "ready"
    values = {
        "lifecycle state": state,
        "profile": profile,
        "model loaded": str(desk.loaded).lower(),
        "planning": str(desk.busy).lower(),
        "waiting requests": str(desk.waiting),
        "plans made": str(answerer.plans),
        "last plan [s]": "" if answerer.last_plan_s is None else f"{answerer.last_plan_s:.2f}",
        "last error": answerer.last_error,
        "memory [MiB]": f"{_resident_bytes() / MIB:.0f}",
        "GPU memory [MiB]": _gpu_memory(),
    }
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    message = DiagnosticArray(status=[status])
    message.header.stamp = node.get_clock().now().to_msg()
    return message


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _gpu_memory() -> str:
    torch = sys.modules.get("torch")  # not imported for this; another thread may be in the middle of importing it
    if torch is None or getattr(torch.__spec__, "_initializing", False) or not torch.cuda.is_available():
        return ""
    return f"{torch.cuda.memory_allocated() / MIB:.0f}"
