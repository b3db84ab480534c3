"""hoi-check: is a motion physically possible?"""

import sys
from dataclasses import replace

from hoi_motion.errors import CheckError, ErrorCode, LiftError
from hoi_motion.motion import HoiMotion
from hoi_motion.options import from_mapping, read_yaml
from hoi_motion.physics import CheckConfig, PhysicsReport, Verdict
from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.outputs import OutJson, OutNpz, check_outputs
from hoi_motion.scripts.progress_bar import ProgressBar
from hoi_motion.scripts.reading_options import motion_file

EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 3, Verdict.NOT_RUN: 4}


def main(argv: list[str] | None = None) -> int:
    return run_command(_check, argv)


def _check(argv: list[str]) -> int:
    parser = command_parser("hoi-check", "Check whether a motion is physically possible; exit code 3 when it is not.")
    parser.add_argument("motion", help="motion.npz, as hoi-lift writes it, or a plan bundle (a folder)")
    parser.add_argument("--out", type=OutJson, metavar="FILE", help="write the report as JSON")
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file with limits, in the form of a profile's section `check:`"
    )
    parser.add_argument("--body", metavar="FILE", help="official SMPL-X npz; without it the free body is used")
    parser.add_argument("--simulate", action="store_true", help="also track the motion with a simulated person (slow)")
    parser.add_argument(
        "--repair",
        type=OutNpz,
        metavar="FIXED",
        help="repair the motion by the smallest change that passes the check and write it to FIXED (npz)",
    )
    arguments = parser.parse_args(argv)
    config = read_config(arguments.config) if arguments.config else CheckConfig()
    if arguments.simulate:
        config = replace(config, simulate=True)
    arguments.motion = motion_file(arguments.motion)
    check_outputs(arguments)  # again: of a bundle, its motion is read
    motion = HoiMotion.load(arguments.motion)
    report = _repair(motion, config, arguments) if arguments.repair else _run(motion, config, arguments.body)
    if arguments.out:
        report.save(arguments.out)
    print(table(report, motion.fps))
    return EXIT_CODES[report.verdict]


def _run(motion: HoiMotion, config: CheckConfig, body_path: str | None) -> PhysicsReport:
    from hoi_motion.physics import check_motion

    with ProgressBar() as on_progress:
        return check_motion(motion, config, body=_body(body_path, motion), on_progress=on_progress)


def _repair(motion: HoiMotion, config: CheckConfig, arguments) -> PhysicsReport:
    """Repair and write the motion; its report, or that of the given motion if it could not be repaired."""
    from hoi_motion.physics import repair_motion

    with ProgressBar() as on_progress:
        result = repair_motion(motion, config, body=_body(arguments.body, motion), on_progress=on_progress)
    repaired = result.report.verdict is not Verdict.FAIL
    if repaired:
        result.motion.save(arguments.repair)
    written = f"motion: {arguments.repair}" if repaired else f"{arguments.repair} is not written"
    print(f"repair: {result.outcome}: {result.reason}\n{written}")
    return result.report


def _body(path: str | None, motion: HoiMotion):
    from hoi_motion.body import load_body

    try:
        return load_body(path, num_betas=len(motion.betas))
    except LiftError as error:
        raise CheckError(ErrorCode.CHECK_NOT_RUN, error.message, error.hint) from error


def read_config(path: str) -> CheckConfig:
    """Limits from a YAML file, at its top level or under `check`.

    Raises:
        InputError: CONFIG_INVALID for an unreadable file, unknown options or bad values.
    """
    data = read_yaml(path)
    return from_mapping(CheckConfig, data.get("check", data) or {}, "check.")


def table(report: PhysicsReport, fps: float) -> str:
    """The report for a terminal: one line per check, the verdict last."""
    lines = [f"{'check':<25} {'verdict':<8} {'value':>8} {'limit':>7} {'unit':<20} {'time':>7}  reason"]
    for check in report.checks:
        value = "-" if check.value is None else f"{round(check.value, 6):.3g}"
        limit = "-" if check.limit is None else f"{check.limit:g}"
        time = "-" if check.worst_frame is None else f"{check.worst_frame / fps:.2f} s"
        lines.append(
            f"{check.name:<25} {check.verdict:<8} {value:>8} {limit:>7} {check.unit:<20} {time:>7}  {check.reason}"
        )
    return "\n".join([*lines, f"verdict: {report.verdict}"])


if __name__ == "__main__":
    sys.exit(main())
