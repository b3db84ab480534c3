"""The node's health on /diagnostics."""

import os
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from tavid_planner.ros.answer import Answerer
from tavid_planner.worker.desk import PlannerDesk

MIB = 2**20


def diagnostics(
    node: Node, state: str, desk: PlannerDesk, answerer: Answerer, profile: str, twins: int = 0
) -> DiagnosticArray:
    """One message: lifecycle state, model, memory, queue, last error, time of the last plan.

    Args:
        twins: other nodes of the same name.
    """
    # with its namespace: viewers keep one status a name, and robots share the topic
    name = node.get_fully_qualified_name().strip("/")
    status = DiagnosticStatus(name=f"{name}: planner", hardware_id=profile)
    if twins:
        status.level, status.message = DiagnosticStatus.ERROR, f"{twins} more nodes have the same name"
    elif not desk.is_open:
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
        "memory [MiB]": f"{(_resident_bytes('self') + _resident_bytes(desk.worker_pid)) / MIB:.0f}",
        "memory of the planning process [MiB]": f"{_resident_bytes(desk.worker_pid) / MIB:.0f}",
        "GPU memory [MiB]": "" if desk.gpu_bytes is None else f"{desk.gpu_bytes / MIB:.0f}",
        "planning process": str(desk.worker_pid or ""),
    }
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    message = DiagnosticArray(status=[status])
    message.header.stamp = node.get_clock().now().to_msg()
    return message


def _resident_bytes(pid: int | str | None) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # no such process, or it has just ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
