"""The cost of ROS and of the planning process: the same request as a direct call, service and action, in turns.

python -m benchmarks.ros --repeats 5

The node runs in a process of its own, and so does the direct call: each plans in a process in which nothing else runs,
with the same profile, warmed up, and the order of the three changes with every round. `transport` is the client's time
minus the node's own time; a refused request (empty instruction, full-size image) shows the round trip without planning.
`hand-over` is the node's time minus the planner's stages: the way to the planning process and back. The CPU time of the
planning process is shown beside its seconds: if seconds differ and CPU time does not, the machine was busy with
something else and the figures are void. The stages show where a difference comes from.
"""

import argparse
import collections
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.results import Value, add_save_option, save

ANSWER_S = 1800


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--image", help="camera frame; default config/demo/frame.png")
    parser.add_argument("--mask", help="mask; default config/demo/mask.png")
    parser.add_argument("--instruction", default="picks up the [TGT] mug")
    parser.add_argument("--repeats", type=int, default=5)
    add_save_option(parser, "ros")
    arguments = parser.parse_args()

    from benchmarks.ros_node import DEMO, running_node
    from hoi_motion.media.image_files import read_image, read_mask
    from tavid_planner.request import InteractionRequest

    rgb = read_image(arguments.image or DEMO / "frame.png")
    mask = read_mask(arguments.mask or DEMO / "mask.png")
    request = InteractionRequest(rgb=rgb, target_mask=mask, instruction=arguments.instruction)
    quiet = ("publish_markers:=false", "publish_video:=false", f"profile:={arguments.profile}")
    with tempfile.TemporaryDirectory() as folder, running_node(*quiet, folder=Path(folder)) as node:
        times_s = measure(node, request, arguments.profile, Path(folder), arguments.repeats)
    report(times_s, request.size_px, arguments)
    return 0


STAGES = ("video", "lift", "check", "save")


class DirectCalls:
    """A planner in a process of its own, called without ROS and without the node's planning process."""

    def __init__(self, request, profile: str, folder: Path):
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_call_planner, args=(theirs, request, profile, folder), daemon=True)
        self._process.start()

    def plan(self) -> tuple[float, float, dict[str, float]]:
        """Seconds, CPU seconds and the seconds of each stage of one plan that was made and saved."""
        self._line.send(True)
        return self._line.recv()

    def close(self) -> None:
        self._line.send(False)
        self._process.join()


def _call_planner(line, request, profile: str, folder: Path) -> None:
    from tavid_planner.bundle import load_plan_json, save_plan
    from tavid_planner.cli.quiet import quiet_libraries
    from tavid_planner.config import load_profile
    from tavid_planner.planner import Planner

    quiet_libraries(debug=False)
    planner = Planner(load_profile(profile))
    planner.load()
    count = 0
    while line.recv():
        start, cpu = time.perf_counter(), _cpu_s(os.getpid())
        bundle = save_plan(planner.plan(request), folder / f"direct{count}")
        took_s, count = time.perf_counter() - start, count + 1
        line.send((took_s, _cpu_s(os.getpid()) - cpu, load_plan_json(bundle)["timings_s"]))


def measure(node, request, profile: str, folder: Path, repeats: int) -> dict[str, list[float]]:
    """Seconds of direct call, service and action, in turns, after one warm-up round."""
    from tqdm import tqdm

    client = node.client
    direct_calls = DirectCalls(request, profile, folder)
    service = client.node.create_client(_service_type(), "plan_interaction")
    service.wait_for_service(30)
    times_s: dict[str, list[float]] = collections.defaultdict(list)

    def stages(way: str, seconds: dict[str, float]) -> None:
        for stage in STAGES:
            times_s[f"{way}: {stage}"].append(seconds.get(stage, 0.0))

    def direct() -> None:
        total_s, cpu_s, stages_s = direct_calls.plan()
        times_s["direct"].append(total_s)
        times_s["direct: CPU time"].append(cpu_s)
        stages("direct", stages_s)

    def over(door: str, ask) -> None:
        cpu, start = _cpu_s(node.worker_pid), time.perf_counter()
        result = ask()
        total_s = time.perf_counter() - start
        if not result.verdict:
            sys.exit(f"the {door} got no plan: {result.error_msg}")
        node_s = result.planning_time.sec + result.planning_time.nanosec * 1e-9
        times_s[door].append(total_s)
        times_s[f"{door}: CPU time"].append(_cpu_s(node.worker_pid) - cpu)
        stages(door, {t.stage: t.seconds for t in result.stage_times})
        times_s[f"{door}: transport"].append(total_s - node_s)
        times_s[f"{door}: hand-over"].append(node_s - sum(t.seconds for t in result.stage_times))

    def refused() -> None:
        start = time.perf_counter()
        client.wait(service.call_async(_message(request, instruction="")), ANSWER_S)
        times_s["refused"].append(time.perf_counter() - start)

    def act():
        client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)
        return client.result(ANSWER_S)

    ways = [
        direct,
        lambda: over("service", lambda: client.wait(service.call_async(_message(request)), ANSWER_S)),
        lambda: over("action", act),
        refused,
    ]
    for k in tqdm(range(repeats + 1), desc="rounds"):
        for way in ways[k % 4 :] + ways[: k % 4]:
            way()
        if k == 0:
            times_s.clear()
    direct_calls.close()
    return times_s


def _cpu_s(pid: int) -> float:
    """CPU time of a process so far, with all its threads and finished child processes (video encoders)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _service_type():
    from tavid_planner_interfaces.srv import PlanInteraction

    return PlanInteraction


def _message(request, **changes):
    from tavid_planner.ros.conversions import image_from_mask, image_from_rgb

    message = _service_type().Request(instruction=changes.get("instruction", request.instruction))
    message.image, message.target_mask = image_from_rgb(request.rgb), image_from_mask(request.target_mask)
    return message


def report(times_s: dict[str, list[float]], size_px: tuple[int, int], arguments) -> None:
    print(f"profile {arguments.profile}, {size_px[1]}x{size_px[0]} image, {arguments.repeats} rounds, median (range)")
    print("| way | ms |\n|---|---|")
    for name, values in sorted(times_s.items()):  # taken in turns, they come in any order
        low, middle, high = (1000 * f(values) for f in (min, statistics.median, max))
        print(f"| {name} | {middle:.1f} ({low:.1f} - {high:.1f}) |")
    medians = {name: float(np.median(values)) for name, values in times_s.items()}
    found = {"direct_ms": Value(1000 * medians["direct"], "ms")}
    for door in ("service", "action"):
        cost = medians[f"{door}: transport"] + medians[f"{door}: hand-over"]
        share = cost / medians["direct"]
        print(f"{door}: transport and hand-over are {share:.2%} of a direct call")
        found |= {f"{door}_ms": Value(1000 * cost, "ms")}
        found |= {f"{door}_percent": Value(100 * share, "%")}
    if arguments.save:
        save(arguments.save, "ROS 2 over a direct call, the same request", found)


if __name__ == "__main__":
    sys.exit(main())
