"""What ROS costs: the same request as a direct call, over the service and over the action, taking turns.

python -m benchmarks.ros --repeats 5

The node runs in a process of its own with the same profile. `transport` is the client's time minus what the node itself
needed; a refused request (empty instruction, full-size image) shows the round trip without any planning.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
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

    from hoi_motion.media.image_files import read_image, read_mask
    from tavid_planner.request import InteractionRequest
    from tavid_planner.ros.isolation import private_graph

    os.environ.update(private_graph())
    demo = Path(__file__).resolve().parent.parent / "config" / "demo"
    rgb = read_image(arguments.image or demo / "frame.png")
    mask = read_mask(arguments.mask or demo / "mask.png")
    request = InteractionRequest(rgb=rgb, target_mask=mask, instruction=arguments.instruction)
    with tempfile.TemporaryDirectory() as folder, node(arguments.profile, Path(folder)) as client:
        times_s = measure(client, request, arguments.profile, Path(folder), arguments.repeats)
    report(times_s, request.size_px, arguments)
    return 0


@contextmanager
def node(profile: str, folder: Path):
    """A planner node that writes to `folder`, and a client for it."""
    from tavid_planner.ros.client import PlanClient

    os.environ.setdefault("ROS_LOG_DIR", str(folder))
    command = [sys.executable, "-m", "tavid_planner.cli.node", "--ros-args", "-p", f"profile:={profile}"]
    command += ["-p", f"output_folder:={folder}/node", "-p", "publish_markers:=false", "-p", "publish_video:=false"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with PlanClient() as client:
            client.wait_until_ready(timeout_s=600)
            yield client
    finally:
        process.terminate()
        process.wait()


def measure(client, request, profile: str, folder: Path, repeats: int) -> dict[str, list[float]]:
    """Seconds of every way, in turns, after one round to warm up."""
    from tqdm import tqdm

    from tavid_planner.bundle import save_plan
    from tavid_planner.config import load_profile
    from tavid_planner.planner import Planner

    planner = Planner(load_profile(profile))
    planner.load()
    service = client.node.create_client(_service_type(), "plan_interaction")
    service.wait_for_service(30)
    times_s = {name: [] for name in ("direct", "service", "service transport", "action", "action transport", "refused")}

    def direct(k: int) -> None:
        start = time.perf_counter()
        save_plan(planner.plan(request), folder / f"direct{k}")
        times_s["direct"].append(time.perf_counter() - start)

    def over(door: str, ask) -> None:
        start = time.perf_counter()
        result = ask()
        total_s = time.perf_counter() - start
        if not result.verdict:
            sys.exit(f"the {door} got no plan: {result.error_msg}")
        times_s[door].append(total_s)
        times_s[f"{door} transport"].append(total_s - result.planning_time.sec - result.planning_time.nanosec * 1e-9)

    def refused() -> None:
        start = time.perf_counter()
        client.wait(service.call_async(_message(request, instruction="")), ANSWER_S)
        times_s["refused"].append(time.perf_counter() - start)

    def act():
        client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)
        return client.result(ANSWER_S)

    for k in tqdm(range(repeats + 1), desc="rounds"):
        direct(k)
        over("service", lambda: client.wait(service.call_async(_message(request)), ANSWER_S))
        over("action", act)
        refused()
        if k == 0:
            for values in times_s.values():
                values.clear()
    return times_s


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
    for name, values in times_s.items():
        low, middle, high = (1000 * f(values) for f in (min, statistics.median, max))
        print(f"| {name} | {middle:.1f} ({low:.1f} - {high:.1f}) |")
    medians = {name: float(np.median(values)) for name, values in times_s.items()}
    found = {"direct_ms": Value(1000 * medians["direct"], "ms")}
    for door in ("service", "action"):
        share = medians[f"{door} transport"] / medians["direct"]
        print(f"{door}: transport is {share:.2%} of a direct call")
        found |= {f"{door}_ms": Value(1000 * medians[f"{door} transport"], "ms")}
        found |= {f"{door}_percent": Value(100 * share, "%")}
    if arguments.save:
        save(arguments.save, "ROS 2 over a direct call, the same request", found)


if __name__ == "__main__":
    sys.exit(main())
