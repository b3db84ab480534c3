"""The demo: starts the node, sends it a bundled camera frame and mask over real ROS 2, prints the answer.

python -m tavid_planner.cli.demo
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from hoi_motion.scripts.command import TEXT, command_parser, run_command, say_note
from tavid_planner.errors import ControlError, ErrorCode, InputError, TavidError

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 20.0
TAIL_LINES = 15


def main(argv: list[str] | None = None) -> int:
    return run_command(_demo, argv)


def _parser():
    parser = command_parser(
        "tavid-demo", "Starts tavid-node, sends a camera frame and a mask to /plan_interaction, prints the verdict."
    )
    parser.add_argument("--image", metavar="FILE", help="camera frame; default config/demo/frame.png")
    parser.add_argument("--mask", metavar="FILE", help="mask of the target; default config/demo/mask.png")
    parser.add_argument("--instruction", metavar=TEXT, help="what should happen; default config/demo/instruction.txt")
    parser.add_argument("--profile", default="mini", metavar="NAME", help="profile of the node; default mini")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same plan; default 0")
    parser.add_argument("--samples", type=int, default=1, metavar="K", help="videos to generate; default 1")
    parser.add_argument(
        "--robot", default="panda_wide", metavar="NAME", help="robot that carries it out in physics; default panda_wide"
    )
    parser.add_argument("--out", default="plans", metavar="DIR", help="folder for plan bundles; default plans")
    return parser


def _demo(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)

    from hoi_motion.media.image_files import read_image, read_mask
    from tavid_planner.ros.isolation import private_graph

    rgb = read_image(arguments.image or _bundled("frame.png"))
    mask = read_mask(arguments.mask or _bundled("mask.png"), "target mask", say_note)
    instruction = arguments.instruction or _bundled("instruction.txt").read_text(encoding="utf-8").strip()
    # ROS reads its environment when it starts: nothing of it may be imported before this
    os.environ.update(private_graph())
    with _node(arguments.profile, Path(arguments.out).absolute()) as node:
        result = _ask(node, instruction, rgb, mask, arguments)
    return _tell(result)


def _bundled(name: str) -> Path:
    from tavid_planner.config import share_folder

    path = share_folder() / "config" / "demo" / name
    if not path.is_file():
        raise InputError(ErrorCode.FILE_INVALID, f"the demo's file {path} is missing", "give your own files (--help)")
    return path


class _NodeProcess:
    """tavid-node as a child process; an early exit is reported with its last output."""

    def __init__(self, profile: str, plans: Path, log_path: Path):
        self._log_path = log_path
        command = [sys.executable, "-m", "tavid_planner.cli.node", "--ros-args", "-p", "publish_markers:=false"]
        command += ["-p", f"profile:={_quoted(profile)}", "-p", f"output_folder:={_quoted(str(plans))}"]
        with open(log_path, "w") as log:
            # a session of its own: Ctrl-C reaches the demo alone, which then stops the node
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def check(self) -> None:
        """Raises: TavidError: the node has exited; its last output is shown before."""
        code = self.process.poll()
        if code is None:
            return
        lines = self._log_path.read_text(errors="replace").splitlines()
        print("\n".join(f"  node | {line}" for line in lines[-TAIL_LINES:]), file=sys.stderr)
        raise ControlError(
            ErrorCode.INTERNAL,
            f"the node ended with exit code {code}",
            "its last output is above; tavid-info shows what is missing",
        )

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _quoted(text: str) -> str:
    """As the value of a ROS parameter, which is YAML: "/plans #2" would end before the #."""
    return json.dumps(text, ensure_ascii=False)


@contextmanager
def _node(profile: str, plans: Path):
    with tempfile.TemporaryDirectory(prefix="tavid-demo-") as folder:
        os.environ.setdefault("ROS_LOG_DIR", folder)  # HOME may not be writable
        node = _NodeProcess(profile, plans, Path(folder) / "node.log")
        try:
            yield node
        finally:
            node.stop()


def _ask(node: _NodeProcess, instruction: str, rgb, mask, arguments: argparse.Namespace):
    from tavid_planner.ros.client import PlanClient

    with PlanClient() as client:
        with _progress() as progress:
            _wait_until_ready(node, client, progress)
        print(f"request  {rgb.shape[1]}x{rgb.shape[0]} image, instruction {instruction!r}", flush=True)
        named = {"seed": arguments.seed, "samples": arguments.samples, "robot": arguments.robot}
        client.send(instruction, rgb, mask, frame_id="camera", timeout_s=60.0, **named)
        with _progress() as progress:
            while not client.is_done(timeout_s=0.2):
                node.check()
                if client.feedback is not None:
                    progress(client.feedback.stage, client.feedback.fraction)
        return client.result()


@contextmanager
def _progress():
    """A progress bar on a terminal, one line per stage otherwise."""
    from hoi_motion.scripts.progress_bar import ProgressBar

    if sys.stderr.isatty():
        with ProgressBar() as bar:
            yield bar
        return
    seen = []

    def line(stage: str, fraction: float) -> None:
        if stage not in seen:
            seen.append(stage)
            print(f"stage    {stage}", file=sys.stderr, flush=True)

    yield line


def _wait_until_ready(node: _NodeProcess, client, progress) -> None:
    start = time.monotonic()
    while not client.is_ready(timeout_s=2.0):
        node.check()
        waited_s = time.monotonic() - start
        if waited_s > START_TIMEOUT_S:
            raise ControlError(ErrorCode.TIMED_OUT, f"the node was not ready after {START_TIMEOUT_S:g} s")
        progress("start", min(waited_s / 10.0, 0.99))  # about how long loading takes on two cores
        time.sleep(0.1)
    print(f"node     ready after {time.monotonic() - start:.1f} s", flush=True)


def _tell(result) -> int:
    if not result.verdict:
        raise TavidError(ErrorCode(result.error_code), f"stage {result.error_stage}: {result.error_msg}")
    print(f"verdict  {result.verdict}")
    for reason in result.reasons:
        print(f"         {reason}")
    times = ", ".join(f"{t.stage} {t.seconds:.1f} s" for t in result.stage_times)
    print(f"time     {times}; together {result.planning_time.sec + result.planning_time.nanosec * 1e-9:.1f} s")
    print(f"bundle   {result.plan_path}")
    return TavidError(ErrorCode(result.error_code), "").exit_code


if __name__ == "__main__":
    sys.exit(main())
