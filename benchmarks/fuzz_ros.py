"""Broken requests over real ROS 2, by action and service: each must get the code of its fault, and the node survive.

python -m benchmarks.fuzz_ros --requests 5000 --seed 0

A request is the demo's with one to three faults; it must get the code of one of them. Every 500 requests, and at the
end, a good one must be served. Exit code 1 when anything was answered wrongly, late or not at all.
"""

import argparse
import collections
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.results import Value, add_save_option, save
from tavid_planner.errors import ErrorCode

ANSWER_S = 30
GOOD_S = 600
GOOD_EVERY = 500
E = ErrorCode
UTF8_TRAPS = ("", "   ", "[TGT]", "x" * 5000, "\u202e\u0000"[:1] * 2000, "[TGT] " * 300)


def image_faults(rng: np.random.Generator) -> list[tuple[Callable, set[ErrorCode]]]:
    """(change of a goal, codes that it may get)."""

    def data(field: str, change) -> Callable:
        def apply(goal) -> None:
            message = getattr(goal, field)
            message.data = change(message.data)

        return apply

    def attribute(field: str, name: str, value) -> Callable:
        return lambda goal: setattr(getattr(goal, field), name, value)

    def cut(values):
        return values[: int(rng.integers(len(values)))] if len(values) else values

    number = int(rng.integers(0, 2**31))
    odd_name = "".join(chr(c) for c in rng.integers(1, 0x2FF, int(rng.integers(0, 40))))
    return [
        (data("image", cut), {E.IMAGE_INVALID, E.NO_IMAGE}),
        (data("target_mask", cut), {E.MASK_INVALID, E.NO_IMAGE}),
        (attribute("image", "encoding", odd_name), {E.ENCODING_UNSUPPORTED}),
        (attribute("image", "encoding", "mono16"), {E.ENCODING_UNSUPPORTED}),
        (attribute("target_mask", "encoding", odd_name), {E.ENCODING_UNSUPPORTED}),
        (attribute("image", "step", number % 1000), {E.IMAGE_INVALID}),
        (attribute("image", "height", number + 1000), {E.IMAGE_INVALID}),
        (attribute("image", "width", 0), {E.IMAGE_INVALID}),
        (attribute("image", "width", 2**32 - 1), {E.IMAGE_INVALID}),
        (attribute("target_mask", "height", number + 1000), {E.MASK_INVALID}),
        (data("target_mask", lambda v: type(v)("B", bytes(len(v)))), {E.MASK_EMPTY}),
        (data("target_mask", lambda v: type(v)("B", rng.bytes(len(v)))), {E.MASK_INVALID}),
        (lambda goal: setattr(goal.target_mask.header.stamp, "sec", 1 + number % 1000), {E.IMAGE_STALE}),
    ]


def field_faults(rng: np.random.Generator) -> list[tuple[Callable, set[ErrorCode]]]:
    def set_to(field: str, value) -> Callable:
        return lambda goal: setattr(goal, field, value)

    def camera(**fields) -> Callable:
        def apply(goal) -> None:
            for name, value in fields.items():
                setattr(goal.camera_info, name, value)

        return apply

    def depth(goal) -> None:
        goal.depth.encoding, goal.depth.height, goal.depth.width, goal.depth.step = "32FC1", 2, 2, 8
        goal.depth.data = np.float32([1, 2, -3, 4]).tobytes()

    def instances(goal) -> None:
        from tavid_planner_interfaces.msg import Instance

        roles = ("target", "actor", "other", "", "eater")
        count = int(rng.integers(1, 8))
        goal.instances = [
            Instance(name="x" * int(rng.integers(0, 100)), role=str(rng.choice(roles)), mask=goal.target_mask)
            for _ in range(count)
        ]

    def pose(goal) -> None:
        goal.camera_pose.header.frame_id = "base"
        goal.camera_pose.pose.orientation.w = float(rng.choice([0.0, 3.0, np.nan, np.inf, 1e300]))

    def heights(goal) -> None:
        goal.support_height_m = [float(rng.choice([np.nan, np.inf, 1.0]))]

    huge = int(rng.integers(2**63, 2**64, dtype=np.uint64))
    k = rng.normal(size=9) * 10.0 ** rng.integers(-300, 300)
    profile = ["../../etc/passwd", "/dev/zero", "nope", "mini.yaml", "a" * 3000, "\n"][int(rng.integers(6))]
    return [
        (set_to("instruction", UTF8_TRAPS[int(rng.integers(len(UTF8_TRAPS)))]), {E.INSTRUCTION_INVALID}),
        (set_to("seed", huge), {E.CONFIG_INVALID}),
        (set_to("samples", int(rng.integers(65, 2**32))), {E.CONFIG_INVALID}),
        (set_to("profile", profile), {E.CONFIG_INVALID}),
        (set_to("robot", "r2d2"), {E.ROBOT_UNKNOWN}),
        (camera(k=np.abs(k) + 1e-300), {E.CAMERA_INVALID}),
        (camera(k=[np.nan] * 9), {E.CAMERA_INVALID}),
        (camera(k=[500.0, 0, 1, 0, 500, 1, 0, 0, 1], width=7, height=9), {E.SIZE_MISMATCH}),
        (depth, {E.SIZE_MISMATCH, E.IMAGE_INVALID}),
        (instances, {E.CONFIG_INVALID, E.MASK_INVALID, E.MASK_EMPTY, E.SIZE_MISMATCH, E.ENCODING_UNSUPPORTED}),
        (pose, {E.CAMERA_INVALID}),
        (heights, {E.CAMERA_INVALID}),
        (lambda goal: setattr(goal.gravity, "x", float("nan")), {E.CAMERA_INVALID}),
    ]


def broken(make_goal: Callable, rng: np.random.Generator):
    """A goal with one to three faults, and the codes it may get."""
    goal, codes = make_goal(), set()
    faults = image_faults(rng) + field_faults(rng)
    for index in rng.choice(len(faults), int(rng.integers(1, 4)), replace=False):
        apply, expected = faults[index]
        apply(goal)
        codes |= expected
    return goal, codes


def fuzz(client, make_goal: Callable, make_request: Callable, requests: int, seed: int, on_good: Callable) -> list[str]:
    """Send broken requests by action and service in turn; returns the wrong answers, one line each.

    Args:
        make_goal, make_request: a good message for the action, for the service.
        on_good: called now and then to send a good request; returns a complaint or "".
    """
    from tqdm import tqdm

    from tavid_planner_interfaces.srv import PlanInteraction

    service = client.node.create_client(PlanInteraction, "plan_interaction")
    service.wait_for_service(30)
    complaints, seen = [], collections.Counter()
    for k in tqdm(range(requests), desc="requests"):
        rng = np.random.default_rng([seed, k])
        action = bool(k % 2)
        message, codes = broken(make_goal if action else make_request, rng)
        if action:
            client.send_goal(message, ANSWER_S)
            result = client.result(ANSWER_S)
        else:
            result = client.wait(service.call_async(message), ANSWER_S)
        code = None if result is None else ErrorCode(result.error_code)
        seen[code] += 1
        if code not in codes:
            said = "no answer" if result is None else f"{code.name}: {result.error_msg[:150]}"
            complaints.append(f"request {k}: expected {', '.join(c.name for c in codes)}, got {said}")
        elif "\n" in result.error_msg or len(result.error_msg) > 1000:
            complaints.append(f"request {k}: the message is long or has several lines: {result.error_msg[:150]!r}")
        if (k + 1) % GOOD_EVERY == 0 or k + 1 == requests:
            complaint = on_good()
            complaints += [f"after request {k}: {complaint}"] if complaint else []
    client.node.destroy_client(service)
    print(", ".join(f"{code.name if code else 'none'} {n}" for code, n in seen.most_common()))
    return complaints


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    add_save_option(parser, "fuzz_ros")
    arguments = parser.parse_args()

    from benchmarks.ros_node import QUICK, demo_request, running_node
    from tavid_planner.ros.conversions import image_from_mask, image_from_rgb
    from tavid_planner_interfaces.action import PlanInteraction as Action
    from tavid_planner_interfaces.srv import PlanInteraction as Service

    request = demo_request()

    def make(kind):
        goal = kind(instruction=request.instruction)
        goal.image, goal.target_mask = image_from_rgb(request.rgb), image_from_mask(request.target_mask)
        goal.image.header.stamp.sec = goal.target_mask.header.stamp.sec = 5000
        return goal

    start = time.perf_counter()
    with running_node(*QUICK, "publish_video:=false", "publish_markers:=false") as node:

        def good() -> str:
            node.client.send_goal(make(Action.Goal), ANSWER_S)
            result = node.client.result(GOOD_S)
            return "" if result.verdict else f"a good request got {result.error_msg}"

        goal, service = (lambda: make(Action.Goal)), (lambda: make(Service.Request))
        complaints = fuzz(node.client, goal, service, arguments.requests, arguments.seed, good)
        print(f"node and worker: {node.resident_mib():.0f} MiB")
    took_s = time.perf_counter() - start
    print(f"{arguments.requests} requests, seed {arguments.seed}, {took_s:.0f} s: {len(complaints)} answered wrongly")
    print("\n".join(complaints[:40]))
    if arguments.save:
        found = {"requests": Value(arguments.requests), "wrong": Value(len(complaints))}
        save(arguments.save, "broken requests over ROS 2", found)
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
