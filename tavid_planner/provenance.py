"""What a plan was made with: versions and the machine."""

import os
import platform
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import tavid_planner

PACKAGES = ("numpy", "scipy", "torch", "diffusers", "transformers", "mediapipe", "smplx", "pybullet", "ros-rclpy")


def machine_provenance() -> dict:
    """Versions, machine and time for plan.json, with the peak memory of the process so far."""
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": package_versions(),
        "machine": {
            "platform": platform.platform(),
            "cpu": cpu_name(),
            "cores": usable_cores(),
            "memory_gib": round(total_memory_bytes() / 2**30, 1),
            "peak_memory_gib": round(peak_memory_bytes() / 2**30, 2),
        },
    }


def package_versions() -> dict[str, str]:
    versions = {"tavid_planner": tavid_planner.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def cpu_name() -> str:
    """The processor's model name on Linux, elsewhere its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def peak_memory_bytes() -> int:
    """Largest resident memory of this process so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024  # bytes there, KiB on Linux
