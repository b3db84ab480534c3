"""How goals end when something is killed, cancelled or stopped at random moments.

python -m benchmarks.ros_kills worker --moments 20   kill -9 of the planning process; the next plan is made
python -m benchmarks.ros_kills cancel --moments 50   cancel, also while loading and with huge settings
python -m benchmarks.ros_kills client --moments 4    kill -9 of the client; the node goes on and plans for another
python -m benchmarks.ros_kills stop --moments 50     SIGTERM, every fifth time kill -9 of the node; the next start clean

The moments are spread evenly over the duration of a plan, with some random jitter (--seed).
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.results import Value, add_save_option, save
from benchmarks.ros_node import QUICK, RunningNode, demo_request, left_behind, running_node
from tavid_planner.errors import ErrorCode

ANSWER_S = 600
HUGE_EVERY = 5
LOADING_EVERY = 7
KILL_NODE_EVERY = 5
HUGE = (("video.height", 768), ("video.width", 1024), ("video.num_frames", 65))
SMALL = (("video.height", 96), ("video.width", 144), ("video.num_frames", 17))
LIMITS_S = {"worker": 2.0, "client": 2.0, "cancel": 2.0, "stop": 5.0}
_ONE_GOAL = """
from benchmarks.ros_node import demo_request
from tavid_planner.ros.client import PlanClient
request = demo_request()
with PlanClient() as client:
    client.wait_until_ready(60)
    client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)
    print("sent", flush=True)
    client.result(600)
"""
QUIET = ("publish_video:=false", "publish_markers:=false")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("worker", "client", "cancel", "stop"))
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    add_save_option(parser, "ros_kills")
    arguments = parser.parse_args()
    run = {"worker": kill_worker, "client": kill_client, "cancel": cancel, "stop": stop}[arguments.what]
    times_s, complaints = run(arguments.moments, np.random.default_rng(arguments.seed))
    limit_s = LIMITS_S[arguments.what]
    complaints += [f"{t:.2f} s, allowed are {limit_s:g} s" for t in times_s if t > limit_s]
    if arguments.what == "cancel" and statistics.median(times_s) > 0.5:
        complaints.append("the median is above 0.5 s")
    print(
        f"{arguments.what}, {len(times_s)} moments, seed {arguments.seed}: median {statistics.median(times_s):.3f} s, "
        f"longest {max(times_s):.3f} s, complaints {len(complaints)}"
    )
    print("\n".join(complaints[:40]))
    if arguments.save:
        found = {
            "moments": Value(len(times_s)),
            "median_s": Value(statistics.median(times_s), "s"),
            "longest_s": Value(max(times_s), "s"),
            "complaints": Value(len(complaints)),
        }
        save(f"{arguments.save}_{arguments.what}", f"ROS 2, {arguments.what} at random moments", found)
    return bool(complaints)


def kill_worker(moments: int, rng: np.random.Generator) -> tuple[list[float], list[str]]:
    times_s, complaints = [], []
    with running_node(*QUICK, *QUIET) as node:
        plan_s = _plan(node)
        for moment in _spread(moments, plan_s, rng):
            _send(node)
            time.sleep(moment)
            pid, start = node.worker_pid, time.perf_counter()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            result = node.client.result(ANSWER_S)
            if not result.verdict:  # it may have been done already
                times_s.append(time.perf_counter() - start)
                if "SIGKILL" not in result.error_msg:
                    complaints.append(f"killed after {moment:.1f} s: {result.error_msg}")
            _plan(node)
            complaints += [f"left behind: {name}" for name in left_behind(node.plans)]
    return times_s, complaints


def kill_client(moments: int, rng: np.random.Generator) -> tuple[list[float], list[str]]:
    """Times until the node answers another client, with BUSY or by accepting its goal."""
    times_s, complaints = [], []
    with running_node(*QUICK, *QUIET) as node:
        plan_s = _plan(node)
        for moment in _spread(moments, plan_s, rng):
            dying = subprocess.Popen([sys.executable, "-c", _ONE_GOAL], stdout=subprocess.PIPE)
            dying.stdout.readline()  # the goal is accepted
            time.sleep(moment)
            dying.kill()
            dying.wait()
            start = time.perf_counter()
            _send(node)
            while node.client.feedback is None and not node.client.is_done(0.01):
                pass
            times_s.append(time.perf_counter() - start)
            while node.client.result(ANSWER_S).error_code == ErrorCode.BUSY:
                time.sleep(1.0)
                _send(node)
            if not node.client.result(0.0).verdict:
                complaints.append(f"killed after {moment:.1f} s: {node.client.result(0.0).error_msg}")
            complaints += [f"left behind: {name}" for name in left_behind(node.plans)]
    return times_s, complaints


def cancel(moments: int, rng: np.random.Generator) -> tuple[list[float], list[str]]:
    times_s, complaints = [], []
    with running_node(*QUICK, *QUIET) as node:
        plan_s = _plan(node)
        for k, moment in enumerate(_spread(moments, plan_s, rng)):
            huge, loading = k % HUGE_EVERY == 0, k % LOADING_EVERY == 0
            _set(node, HUGE if huge else SMALL)
            if loading and (pid := node.worker_pid):
                os.kill(pid, signal.SIGKILL)  # the next plan starts with loading
                while Path(f"/proc/{pid}/exe").exists():  # a large process takes a moment to end
                    time.sleep(0.05)
            _send(node)
            time.sleep(moment)
            start = time.perf_counter()
            node.client.cancel(ANSWER_S)
            result = node.client.result(ANSWER_S)
            took_s = time.perf_counter() - start
            if not result.verdict:
                times_s.append(took_s)
                if result.error_code != ErrorCode.CANCELLED:
                    complaints.append(f"cancelled after {moment:.1f} s: {result.error_msg}")
            complaints += [f"left behind: {name}" for name in left_behind(node.plans)]
        _set(node, SMALL)
        _plan(node)
    return times_s, complaints


def stop(moments: int, rng: np.random.Generator) -> tuple[list[float], list[str]]:
    times_s, complaints = [], []
    with tempfile.TemporaryDirectory() as folder, running_node(*QUICK, *QUIET, folder=Path(folder)) as node:
        plan_s = _plan(node)
    for k, moment in enumerate(_spread(moments, plan_s, rng)):
        killed = k % KILL_NODE_EVERY == KILL_NODE_EVERY - 1
        with tempfile.TemporaryDirectory() as folder:
            with running_node(*QUICK, *QUIET, folder=Path(folder)) as node:
                complaints += [f"a new node finds {name}" for name in left_behind(node.plans)]
                _send(node)
                time.sleep(moment)
                took_s = node.stop(signal.SIGKILL if killed else signal.SIGTERM)
                if killed:
                    continue
                times_s.append(took_s)
                try:
                    result = node.client.result(2.0)
                except Exception as error:  # whatever it is, there is no result
                    result = None
                    complaints.append(f"stopped after {moment:.1f} s, no result: {error}")
                saved = [p for p in node.plans.glob("plan-*") if p.is_dir()]
                if result is not None and bool(saved) != bool(result.verdict):
                    complaints.append(f"stopped after {moment:.1f} s: {len(saved)} bundles, {result.error_msg}")
                complaints += [f"left behind: {name}" for name in left_behind(node.plans)]
    return times_s, complaints


def _spread(moments: int, plan_s: float, rng: np.random.Generator):
    from tqdm import tqdm

    return tqdm((np.arange(moments) + rng.random(moments)) / moments * plan_s, unit="moment")


def _send(node: RunningNode) -> None:
    request = demo_request()
    node.client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)


def _plan(node: RunningNode) -> float:
    """Duration of a plan in seconds.

    Raises:
        RuntimeError: the plan failed.
    """
    start = time.perf_counter()
    _send(node)
    result = node.client.result(ANSWER_S)
    if not result.verdict:
        raise RuntimeError(f"no plan: {result.error_msg}")
    return time.perf_counter() - start


def _set(node: RunningNode, options) -> None:
    from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
    from rcl_interfaces.srv import SetParameters

    parameters = [
        Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value))
        for name, value in options
    ]
    service = node.client.node.create_client(SetParameters, "tavid_planner/set_parameters")
    service.wait_for_service(30)
    node.client.wait(service.call_async(SetParameters.Request(parameters=parameters)), 30)
    node.client.node.destroy_client(service)


if __name__ == "__main__":
    sys.exit(main())
