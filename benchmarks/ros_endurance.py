"""Many plans and many clients: do memory, response times and answers of the node stay as they should?

python -m benchmarks.ros_endurance plans --count 500       one after the other: memory growth, leftovers
python -m benchmarks.ros_endurance clients --minutes 5     8 clients at once: a result or BUSY for every goal
python -m benchmarks.ros_endurance answers --count 200     parameters, state and diagnostics during a plan
python -m benchmarks.ros_endurance burst --count 300       goals of one client, sent at once
"""

import argparse
import collections
import statistics
import sys
import threading
import time

from benchmarks.results import Value, add_save_option, save
from benchmarks.ros_node import QUICK, demo_request, left_behind, running_node

ANSWER_S = 600
WARM_UP = 20
GROWTH = 0.03
CLIENTS = 8
ANSWER_LIMIT_S = 0.1
ANSWERED_SHARE = 0.99
QUIET = ("publish_video:=false", "publish_markers:=false")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("plans", "clients", "answers", "burst"))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=5.0)
    add_save_option(parser, "ros_endurance")
    arguments = parser.parse_args()
    with running_node(*QUICK, *QUIET) as node:
        run = {"plans": plans, "clients": clients, "answers": answers, "burst": burst}[arguments.what]
        found, complaints = run(node, arguments)
        complaints += [f"left behind: {name}" for name in left_behind(node.plans)]
    print(f"{arguments.what}: complaints {len(complaints)}")
    print("\n".join(complaints[:20]))
    if arguments.save:
        what = f"ROS 2, {arguments.what}"
        save(f"{arguments.save}_{arguments.what}", what, found | {"complaints": Value(len(complaints))})
    return bool(complaints)


def plans(node, arguments) -> tuple[dict[str, Value], list[str]]:
    from tqdm import tqdm

    request, memory_mib, made = demo_request(), [], 0
    for _ in tqdm(range(arguments.count), desc="plans"):
        node.client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)
        made += bool(node.client.result(ANSWER_S).verdict)
        memory_mib.append(node.resident_mib())
    warm_up = min(WARM_UP, len(memory_mib) // 2)
    before = statistics.median(memory_mib[warm_up : 2 * warm_up])
    after = statistics.median(memory_mib[-warm_up:])
    growth = after / before - 1
    print(f"{made} of {arguments.count} plans; memory {before:.0f} -> {after:.0f} MiB, growth {growth:.1%}")
    complaints = [] if made == arguments.count else [f"{arguments.count - made} plans were not made"]
    complaints += [f"memory grew by {growth:.1%}"] if growth > GROWTH else []
    return {"plans": Value(made), "growth_percent": Value(100 * growth, "%")}, complaints


def clients(node, arguments) -> tuple[dict[str, Value], list[str]]:
    from tavid_planner.errors import ErrorCode
    from tavid_planner.ros.client import PlanClient

    request, end = demo_request(), time.monotonic() + 60 * arguments.minutes
    codes: collections.Counter = collections.Counter()

    def ask() -> None:
        with PlanClient() as client:
            client.wait_until_ready(60)
            while time.monotonic() < end:
                client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)
                result = client.result(ANSWER_S)
                codes["plan" if result.verdict else ErrorCode(result.error_code).name] += 1
                time.sleep(0.05)

    failed = []

    def guarded() -> None:
        try:
            ask()
        except Exception as error:  # a thread's error would be lost
            failed.append(str(error))

    threads = [threading.Thread(target=guarded) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(", ".join(f"{name} {n}" for name, n in codes.items()))
    failed += [f"{n} goals got {name}" for name, n in codes.items() if name not in ("plan", "BUSY")]
    return {"plans": Value(codes["plan"]), "busy": Value(codes["BUSY"])}, failed


def answers(node, arguments) -> tuple[dict[str, Value], list[str]]:
    from lifecycle_msgs.srv import GetState
    from rcl_interfaces.srv import GetParameters

    request, client = demo_request(), node.client
    parameters = client.node.create_client(GetParameters, "tavid_planner/get_parameters")
    state = client.node.create_client(GetState, "tavid_planner/get_state")
    for service in (parameters, state):
        service.wait_for_service(30)
    times_s = []
    while len(times_s) < arguments.count:
        client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)
        while not client.is_done() and len(times_s) < arguments.count:
            asked = [(parameters, GetParameters.Request(names=["video.height"])), (state, GetState.Request())]
            for service, message in asked:
                start = time.perf_counter()
                if client.wait(service.call_async(message), 30) is None:
                    return {}, ["no answer for 30 s"]
                times_s.append(time.perf_counter() - start)
            time.sleep(0.02)
        client.result(ANSWER_S)
    within = sum(t <= ANSWER_LIMIT_S for t in times_s) / len(times_s)
    print(
        f"{len(times_s)} answers while planning: median {1000 * statistics.median(times_s):.1f} ms, "
        f"longest {1000 * max(times_s):.0f} ms, {within:.1%} within {1000 * ANSWER_LIMIT_S:.0f} ms"
    )
    found = {"within_percent": Value(100 * within, "%"), "median_ms": Value(1000 * statistics.median(times_s), "ms")}
    return found, [] if within >= ANSWERED_SHARE else [f"only {within:.1%} within {1000 * ANSWER_LIMIT_S:.0f} ms"]


def burst(node, arguments) -> tuple[dict[str, Value], list[str]]:
    from tavid_planner_interfaces.action import PlanInteraction

    client, start = node.client, time.perf_counter()
    asked = [client.actions.send_goal_async(PlanInteraction.Goal()) for _ in range(arguments.count)]
    handles = [client.wait(future, 60) for future in asked]
    results = [client.wait(handle.get_result_async(), 60) for handle in handles if handle is not None]
    answered = sum(result is not None for result in results)
    print(f"{answered} of {arguments.count} goals answered in {time.perf_counter() - start:.1f} s")
    missing = arguments.count - answered
    return {"answered": Value(answered)}, [f"{missing} goals got no answer"] if missing else []


if __name__ == "__main__":
    sys.exit(main())
