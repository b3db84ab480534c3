"""tavid-plan export: good plans as training data."""

import argparse
import os
import sys
from pathlib import Path

from hoi_motion.errors import counted
from hoi_motion.files import check_folder, make_folder
from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.outputs import OutPath
from tavid_planner.errors import ErrorCode, InputError

LEFT_OUT_SHOWN = 20


def main(argv: list[str] | None = None) -> int:
    return run_command(_export, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "tavid-plan export",
        "Writes the plans that passed the check, but for those that a robot failed at, as training data.",
    )
    parser.add_argument("--plans", required=True, metavar="DIR", help="folder of a batch, or of plan bundles")
    parser.add_argument(
        "--lerobot", type=OutPath, metavar="DIR", help="LeRobot dataset (v3.0) to write; must not exist yet"
    )
    parser.add_argument(
        "--mcap",
        type=OutPath,
        metavar="DIR",
        help="folder for recordings, one per plan, for ros2 bag play; replaces none",
    )
    parser.add_argument(
        "--robot", default="", metavar="NAME", help="only plans of this robot; 'person' for those without a robot"
    )
    parser.add_argument("--fps", type=int, default=8, metavar="N", help="steps per second; default 8, as generated")
    return parser


def _export(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    if not (arguments.lerobot or arguments.mcap):
        raise InputError(ErrorCode.CONFIG_INVALID, "neither --lerobot nor --mcap is given", "give one of them, or both")
    if not 1 <= arguments.fps <= 1000:
        raise InputError(ErrorCode.CONFIG_INVALID, f"--fps is {arguments.fps}", "give 1 to 1000")

    from tqdm import tqdm

    from tavid_planner.dataset.episode import read_episode
    from tavid_planner.dataset.selection import select_plans

    selection = select_plans(arguments.plans, arguments.robot)
    if arguments.mcap:
        check_folder(arguments.mcap)
        _check_free(Path(arguments.mcap), selection.bundles)
    left_out = dict(selection.left_out)

    def episodes():
        for bundle in tqdm(selection.bundles, unit="plan", disable=not sys.stderr.isatty(), file=sys.stderr):
            try:
                episode = read_episode(bundle, arguments.fps)
            except InputError as error:  # a damaged bundle costs no other its place
                left_out[bundle.name] = f"it cannot be read: {error}"
                continue
            yield episode

    try:
        _write(arguments, episodes, selection.doer)
    finally:
        for name, reason in list(left_out.items())[:LEFT_OUT_SHOWN]:
            print(f"left out {name}: {reason}")
        if len(left_out) > LEFT_OUT_SHOWN:
            print(f"left out {len(left_out) - LEFT_OUT_SHOWN} more")
    return 0


def _check_free(folder: Path, bundles: tuple[Path, ...]) -> None:
    """Raises: InputError: OUTPUT_INVALID for a recording that is there: plans of two batches may have one name."""
    taken = [name for name in (f"{bundle.name}.mcap" for bundle in bundles) if os.path.lexists(folder / name)]
    if taken:
        more = f" and {len(taken) - 1} more recordings" if len(taken) > 1 else ""
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"{folder / taken[0]}{more} exist already", "give another folder, or remove them"
        )


def _write(arguments, episodes, doer: str) -> None:
    from tavid_planner.dataset.lerobot import write_lerobot
    from tavid_planner.dataset.mcap import write_mcap

    if arguments.lerobot:
        count = write_lerobot(episodes(), arguments.lerobot)
        print(f"lerobot  {counted(count, 'episode')} of {doer}: {arguments.lerobot}")
    if arguments.mcap:
        folder, count = Path(arguments.mcap), 0
        for episode in episodes():
            make_folder(folder)
            write_mcap(episode, folder / f"{episode.name}.mcap")
            count += 1
        if not count:
            raise InputError(ErrorCode.FILE_INVALID, "there is no episode to write", "make the plans again")
        print(f"mcap     {count} recordings of {doer}: {folder}")


if __name__ == "__main__":
    sys.exit(main())
