"""tavid-plan batch: many requests from a file, each answered once, even if the command is stopped and restarted."""

import argparse
import sys
from collections import Counter

from hoi_motion.errors import counted, shown
from hoi_motion.scripts.command import command_parser, run_command
from tavid_planner.errors import ErrorCode, InputError

WORDS_LENGTH = 70
DAMAGED = "DAMAGED"
MOST = 1024  # workers, cores, GPUs
LOCAL_RAY = "local"


def main(argv: list[str] | None = None) -> int:
    return run_command(_batch, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "tavid-plan batch",
        "Answers every request of a file once. Run it again to continue an interrupted batch.",
    )
    parser.add_argument(
        "--requests",
        required=True,
        metavar="FILE",
        help="JSON lines: name, image, mask, instruction and, optionally, actor_mask, instances, intrinsics, depth, "
        "camera_pose, support_height, floor_height, seed, samples, robot; like tavid-plan's options, with files "
        "relative to this one's folder",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for plans/NAME and errors/NAME.json")
    parser.add_argument("--profile", default="mini", metavar="NAME", help="as for tavid-plan; default mini")
    parser.add_argument("--set", action="append", default=[], dest="options", metavar="OPTION=VALUE", help="likewise")
    parser.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="processes on this machine; default: one per GPU, or one without GPUs; of a local Ray: as many as fit",
    )
    parser.add_argument(
        "--ray",
        nargs="?",
        const=LOCAL_RAY,
        metavar="ADDRESS",
        help="use Ray: a cluster's address, auto for the cluster of this machine, or without an address a local Ray",
    )
    parser.add_argument("--ray-cpus", type=_share, metavar="N", help="CPU cores per request; default 1")
    parser.add_argument("--ray-gpus", type=_share, metavar="N", help="GPUs per request; default 0")
    parser.add_argument("--retry-errors", action="store_true", help="retry requests that have an error")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {MOST}")
    return share


def _batch(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.ray is None and (arguments.ray_cpus, arguments.ray_gpus) != (None, None):
        told = "--ray-cpus or --ray-gpus is given without --ray"
        raise InputError(ErrorCode.CONFIG_INVALID, told, "on one machine --workers shares out cores and GPUs")
    if arguments.ray not in (None, LOCAL_RAY) and arguments.workers is not None:
        told = f"--workers is given with a cluster's address, --ray {shown(arguments.ray)}"
        raise InputError(ErrorCode.CONFIG_INVALID, told, "there --ray-cpus and --ray-gpus say how many run at once")

    from hoi_motion.lock import only_writer
    from tavid_planner.batch.request_list import read_request_list
    from tavid_planner.batch.results import BatchFolder
    from tavid_planner.cli.quiet import quiet_libraries
    from tavid_planner.config import load_profile, with_options
    from tavid_planner.partial import sweep_partials

    config = with_options(load_profile(arguments.profile), arguments.options)
    requests = read_request_list(arguments.requests)
    results = BatchFolder(arguments.out)
    quiet_libraries(arguments.debug)
    with only_writer(results.folder, "folder of the batch"):
        results.claim(config, requests, arguments.retry_errors)
        sweep_partials(results.plans)
        missing = [request for request in requests if not results.has(request.name)]
        if len(missing) < len(requests):
            print(f"{len(requests) - len(missing)} of {len(requests)} requests already have a result", flush=True)
        _answer(missing, config, results, arguments)
        sweep_partials(results.plans)
    rows = [_row(results, request.name) for request in requests]
    print("\n".join(_table(rows)))
    print(f"results  {results.folder}")
    return 2 if any(row.outcome == DAMAGED for row in rows) else 0


def _row(results, name: str):
    from tavid_planner.batch.results import Row

    try:
        return results.row(name)
    except InputError as error:  # the others are shown all the same
        return Row(name, DAMAGED, f"{error.hint}: {error.message}")


def _answer(missing: list, config, results, arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    if not missing:
        return
    if arguments.ray is not None:  # other machines, whose memory is unknown here
        from tavid_planner.batch.on_ray import answer_on_ray

        cpus, gpus = arguments.ray_cpus, arguments.ray_gpus
        share = dict(cpus=1.0 if cpus is None else cpus, gpus=0.0 if gpus is None else gpus)
        done = answer_on_ray(missing, config, results, arguments.ray, arguments.workers, **share)
    else:
        from tavid_planner.batch.local import answer_here, places
        from tavid_planner.video.estimate import require_memory

        require_memory(config)
        done = answer_here(missing, config, results, places(config, arguments.workers), debug=arguments.debug)
    for _ in tqdm(done, total=len(missing), unit="plan", disable=not sys.stderr.isatty(), file=sys.stderr):
        pass


def _table(rows: list) -> list[str]:
    """One line per request, and one that counts the outcomes."""
    width = max(len(row.name) for row in rows)
    outcome_width = max(len(row.outcome) for row in rows)
    lines = []
    for row in rows:
        seconds = "" if row.seconds is None else f"{row.seconds:.1f} s"
        robot = {True: "done", False: "not done", None: ""}[row.done]
        words = row.words if len(row.words) <= WORDS_LENGTH else f"{row.words[: WORDS_LENGTH - 3]}..."
        cells = f"{row.name:<{width}}  {row.outcome:<{outcome_width}}  {seconds:>8}  {robot:<8}  {words}"
        lines.append(cells.rstrip())
    counts = Counter(row.outcome for row in rows)
    lines.append(
        f"{counted(len(rows), 'request')}: "
        + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    )
    return lines


if __name__ == "__main__":
    sys.exit(main())
