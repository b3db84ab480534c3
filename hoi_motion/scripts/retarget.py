"""hoi-retarget: from a person's motion to a robot's joint motion."""

import argparse
import dataclasses
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, counted
from hoi_motion.files import check_writable, make_folder, write_whole
from hoi_motion.processes import as_they_come
from hoi_motion.retarget.robots.config import HumanoidConfig, load_robot_config, robot_line, robot_names
from hoi_motion.rigid import standing_at
from hoi_motion.scripts.command import TEXT, as_tavid_error, command_parser, run_command
from hoi_motion.scripts.outputs import OutPath, check_outputs
from hoi_motion.scripts.reading_options import motion_file

FOLDER_ENDINGS = (".npz", ".pkl", ".csv", ".json")
NAMED_LINKS = 6  # of those without a collision shape; a big robot has dozens of cameras and their frames


def main(argv: list[str] | None = None) -> int:
    return run_command(_retarget, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "hoi-retarget", "Compute the motion with which a robot does what the person did; exit code 3 when it cannot."
    )
    parser.add_argument("motion", nargs="?", help="motion.npz, as hoi-lift writes it, or a plan bundle (a folder)")
    parser.add_argument("--smplx_file", help="the same as MOTION")
    parser.add_argument("--robot", default="panda", help=f"{', '.join(robot_names())}, or a YAML file; default panda")
    parser.add_argument("--urdf", default="", help="URDF to use instead of the one named in the robot's YAML file")
    parser.add_argument(
        "--out",
        "--save_path",
        type=OutPath,
        help="what to write: a file ending in .npz, .pkl (GMR), .csv (BeyondMimic), .json or .yaml "
        "(JointTrajectory), or a folder for all but the last",
    )
    parser.add_argument(
        "--base", nargs=4, type=float, metavar=("X", "Y", "Z", "YAW"), help="base pose of an arm, m and rad"
    )
    parser.add_argument(
        "--start",
        nargs="+",
        type=float,
        metavar="Q",
        help="current joint positions of an arm, rad, from its base to the gripper",
    )
    parser.add_argument("--record_video", action="store_true", help="write a replay as mp4 beside the output")
    parser.add_argument(
        "--execute", action="store_true", help="execute it in simulation; with --record_video the film shows that"
    )
    parser.add_argument(
        "--act",
        choices=("touch", "slide", "lift"),
        default="",
        help="the act an arm should do, if different from the motion's",
    )
    parser.add_argument("--noun", default="", metavar=TEXT, help="the object's name (mug), for its mass in simulation")
    parser.add_argument(
        "--rate_limit",
        action="store_true",
        help="replay at the speed of the source motion, even if the robot is slower",
    )
    parser.add_argument("--body", help="official SMPL-X npz; without it the free body is used")
    parser.add_argument("--list", action="store_true", help="list the robots")
    parser.add_argument("--all", metavar="DIR", help="retarget every motion npz of a folder")
    parser.add_argument("--jobs", type=int, default=2, help="processes for --all; default 2")
    return parser


def _retarget(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.list:
        for name in robot_names():
            print(robot_line(name))
        return 0
    given = arguments.motion or arguments.smplx_file
    if bool(given) == bool(arguments.all) or not arguments.out:
        raise InputError(ErrorCode.FILE_INVALID, "give MOTION or --all DIR, and --out", "see hoi-retarget --help")
    for name in ("base", "start"):
        if not np.isfinite(numbers := getattr(arguments, name) or []).all():
            raise InputError(ErrorCode.CONFIG_INVALID, f"--{name} is {numbers}", "give finite numbers")
    if arguments.jobs < 1:
        raise InputError(ErrorCode.CONFIG_INVALID, f"--jobs is {arguments.jobs}", "give 1 or more")
    robot = load_robot_config(arguments.robot, arguments.urdf)  # a wrong name is reported before any work
    for name in ("base", "start", "execute", "act"):
        if getattr(arguments, name) and isinstance(robot, HumanoidConfig):
            hint = "for arms only: a humanoid stands where the person does, and is not executed in simulation"
            raise InputError(ErrorCode.CONFIG_INVALID, f"--{name} with a humanoid", hint)
    if arguments.rate_limit and not arguments.record_video:
        raise InputError(ErrorCode.CONFIG_INVALID, "--rate_limit without --record_video", "it sets the replay's speed")
    is_humanoid = isinstance(robot, HumanoidConfig)
    if arguments.all:
        return _retarget_all(arguments, is_humanoid)
    source = arguments.motion = motion_file(given)  # of a bundle, its motion is read and may not be replaced
    stem = Path(os.path.abspath(given)).name if source != Path(given) else source.stem
    outputs = _outputs(arguments.out, stem, arguments.robot)
    check_outputs(arguments, *_written(outputs, arguments, is_humanoid), folder=_folder(outputs))
    _keep_recording(source, outputs[0], arguments)
    made = _one(str(source), outputs, arguments)
    print(_sentence(made.motion, made.execution))
    for path in made.files:
        print(path)
    return _code(made.execution)


def _code(execution) -> int:
    """Exit code 3 if the execution in simulation failed."""
    return 0 if execution is None or execution.done else 3


def _outputs(out: str, stem: str, robot: str) -> list[Path]:
    from hoi_motion.retarget.export import FORMATS

    path = Path(out)
    if path.suffix and not path.is_dir():
        if path.suffix.lower() not in FORMATS:
            raise InputError(ErrorCode.OUTPUT_INVALID, f"no format for {out}", f"known endings: {', '.join(FORMATS)}")
        return [path]
    return [path / f"{stem}_{Path(robot).stem}{ending}" for ending in FOLDER_ENDINGS]


def _folder(outputs: list[Path]) -> Path | None:
    """The folder of several outputs, which is made for them; a single one belongs into a folder that exists."""
    return outputs[0].parent if len(outputs) > 1 else None


def _beside(output: Path, word: str, ending: str = "") -> Path:
    """Where something more about an output is written, such as NAME_scene.json."""
    return output.with_name(f"{output.stem}_{word}{ending or output.suffix}")


def _written(outputs: list[Path], arguments, is_humanoid: bool) -> list[Path]:
    """All files that `_one` may write."""
    from hoi_motion.retarget.export import files_of
    from hoi_motion.retarget.tracking import LAYOUTS

    paths = [file for path in outputs for file in files_of(path)]
    if is_humanoid:
        paths += [_beside(outputs[0], layout, ".npz") for layout in LAYOUTS if len(outputs) > 1]
    else:
        paths += [file for path in outputs for file in files_of(_beside(path, "feeling"))]
        paths += [_beside(path, "scene") for path in outputs if path.suffix.lower() == ".json"]
    if arguments.execute:
        paths.append(_beside(outputs[0], "execution", ".json"))
    if arguments.record_video:
        paths.append(_film(outputs[0]))
    return paths


def _film(output: Path) -> Path:
    return output.with_suffix(".mp4")


def _keep_recording(source: Path, output: Path, arguments) -> None:
    """Raises: InputError: OUTPUT_INVALID for a film in place of the video that the motion may have been lifted from."""
    film, recording = _film(output), source.with_suffix(".mp4")
    if arguments.record_video and recording.is_file() and film.resolve() == recording.resolve():
        raise InputError(
            ErrorCode.OUTPUT_INVALID,
            f"cannot write the film {film}: it may be the recording of {source}",
            "give --out another name or folder",
        )


class _Made(NamedTuple):
    """What was made of one motion.

    Attributes:
        motion: the RobotMotion; execution: the Execution, if requested.
    """

    motion: Any
    execution: Any
    files: list[Path]


def _one(source: str, outputs: list[Path], arguments) -> _Made:
    """Retarget one motion and write its files; those of an earlier run that it does not write again are removed."""
    from hoi_motion.body import load_body
    from hoi_motion.ground.still_world import in_still_world
    from hoi_motion.io.formats import read_motion
    from hoi_motion.retarget.export import write_robot_motion

    filmed, feeler = read_motion(source), None
    body = load_body(arguments.body, num_betas=len(filmed.betas))
    motion = in_still_world(filmed, body)
    config = load_robot_config(arguments.robot, arguments.urdf)
    if isinstance(config, HumanoidConfig):
        from hoi_motion.retarget.humanoid.humanoid import Humanoid
        from hoi_motion.retarget.humanoid.motion import retarget_humanoid

        robot = Humanoid(config)
        result, planned = retarget_humanoid(motion, robot, body), motion
    else:
        from hoi_motion.retarget.act import with_act
        from hoi_motion.retarget.arm.arm import Arm
        from hoi_motion.retarget.arm.unsure import unsure_arm

        robot, motion = Arm(config), with_act(motion, arguments.act, body)
        answer = unsure_arm(motion, robot, body, _base_pose(arguments.base), start_rad=arguments.start)
        result, planned = answer.plan, answer.scene
        if answer.feeling is not None:
            from hoi_motion.execute.feeling.search import Feeler

            feeler = Feeler(answer.feeling, motion, body)
    if robot.unfelt_links:
        result = dataclasses.replace(result, facts=result.facts | {"links_without_collision": robot.unfelt_links})
    if folder := _folder(outputs):
        make_folder(folder)
    files = []
    for path in outputs:
        files += write_robot_motion(result, path)
        if feeler:
            files += write_robot_motion(feeler.motion, _beside(path, "feeling"))
    if not isinstance(config, HumanoidConfig):
        files += _write_scene(planned, result, robot, outputs)
    elif folder:
        files += _write_tracking(result, robot, outputs[0])
    execution, film = None, _film(outputs[0]) if arguments.record_video else None
    if arguments.execute:
        execution = _executed(result, robot, motion, feeler, outputs[0], film, arguments)
        files.append(_beside(outputs[0], "execution", ".json"))
    elif film:
        from hoi_motion.retarget.replay import record_replay

        record_replay(result, planned, robot, film, arguments.rate_limit)
    files += [film] if film else []
    # such as gripper goals, which would be taken for those of the new trajectory
    for path in {*_written(outputs, arguments, isinstance(config, HumanoidConfig))} - {*files}:
        path.unlink(missing_ok=True)
    return _Made(result, execution, files)


def _write_scene(motion, result, robot, outputs: list[Path]) -> list[Path]:
    """The scene for a motion planner, written beside the trajectory."""
    from hoi_motion.retarget.planning_scene import allowed_collisions, planning_scene

    files = []
    for path in outputs:
        if path.suffix.lower() == ".json":
            told = {
                "planning_scene": planning_scene(motion, result, robot),
                "allowed_collision_matrix": allowed_collisions(result, robot),
            }
            files.append(_beside(path, "scene"))
            write_whole(files[-1], json.dumps(told).encode())
    return files


def _write_tracking(result, robot, output: Path) -> list[Path]:
    """NAME_mjlab.npz and similar files, beside the first output."""
    from hoi_motion.retarget.tracking import LAYOUTS, write_tracking

    files = {layout: _beside(output, layout, ".npz") for layout in LAYOUTS}
    for layout, path in files.items():
        write_tracking(result, robot, path, layout)
    return [*files.values()]


def _executed(result, robot, motion, feeler, output: Path, film: Path | None, arguments):
    """The Execution, written beside the output as NAME_execution.json."""
    from hoi_motion.execute.execute import execute
    from hoi_motion.execute.film import record_execution

    if film:
        execution = record_execution(result, robot, motion, film, noun=arguments.noun, feeler=feeler)
    else:
        execution = execute(result, robot, motion, noun=arguments.noun, feeler=feeler)
    write_whole(_beside(output, "execution", ".json"), json.dumps(execution.facts(), indent=1).encode())
    return execution


def _base_pose(base: list[float] | None) -> np.ndarray | None:  # (4, 4)
    if not base:
        return None
    *place_m, yaw_rad = base
    return standing_at(place_m, yaw_rad)


def _sentence(result, execution=None) -> str:
    told = _motion_sentence(result)
    unfelt = result.facts.get("links_without_collision")
    if unfelt:
        more = f" and {len(unfelt) - NAMED_LINKS} others" if len(unfelt) > NAMED_LINKS else ""
        told += "; links without a collision shape, whose collisions are not checked: "
        told += ", ".join(unfelt[:NAMED_LINKS]) + more
    return f"{told}; {execution.sentence()}" if execution else told


def _motion_sentence(result) -> str:
    facts = result.facts
    samples = f"{counted(len(result.positions_rad), 'sample')} at {result.fps:.1f} fps"
    if "grip" not in facts:
        seen = facts["hand_error_m"] | facts["hand_gap_m"]  # a hand without a collision shape has no gap
        hands = "".join(f", {hand} {1000 * gap:.0f} mm from its contact" for hand, gap in seen.items())
        ratio = facts["velocity_over_limit"]
        fast = f", {facts['fastest_joint']} at {ratio:.1f} times its speed limit" if ratio > 1 else ""
        return (
            f"{result.robot} follows: planted feet slide {1000 * facts['foot_slide_m']:.1f} mm{hands}{fast}; {samples}"
        )
    how = {"pinch": "holds", "touch": "touches", "push": "pushes"}[facts["grip"]]
    way = " and moves it straight" if facts["path"] == "straight" and facts["grip"] == "pinch" else ""
    slower = f", {result.stretch:.2f} times as long as the person" if result.stretch > 1 else ""
    near_it = f"{facts['object']!r}{way}, fingers {1000 * facts['gap_m']:.1f} mm from it"
    told = f"{result.robot} {how} {near_it}; {samples}{slower}"
    if "range_m" in facts:
        near, far = facts["range_m"]
        told += (
            f"; first it feels for it along the line of sight, from {-100 * near:.0f} cm nearer than lifted "
            f"to {100 * far:.0f} cm farther"
        )
    return "; ".join([told, *(facts[name] for name in ("not_as_lifted", "not_felt") if facts.get(name))])


def _retarget_all(arguments, is_humanoid: bool) -> int:
    from tqdm import tqdm

    sources = sorted(Path(arguments.all).glob("[!.]*.npz"))  # hidden ones are parts of files that were never finished
    if not sources:
        raise InputError(ErrorCode.FILE_INVALID, f"no npz files in {arguments.all!r}")
    if Path(arguments.out).suffix and not Path(arguments.out).is_dir():
        raise InputError(ErrorCode.OUTPUT_INVALID, f"{arguments.out} is not a folder", "--all writes into a folder")
    jobs = {s: (str(s), _outputs(arguments.out, s.stem, arguments.robot), arguments) for s in sources}
    written = [path for _, outputs, _ in jobs.values() for path in _written(outputs, arguments, is_humanoid)]
    check_outputs(arguments, *written, folder=arguments.out)
    for path in {path.resolve() for path in written} & {source.resolve() for source in sources}:
        check_writable(path, path)
    for source, outputs, _ in jobs.values():
        _keep_recording(Path(source), outputs[0], arguments)
    answers = as_they_come(_tried, jobs, arguments.jobs)
    told = dict(tqdm(answers, total=len(jobs), disable=not sys.stderr.isatty()))
    width = max(len(source.name) for source in sources)
    for source in sources:
        print(f"{source.name:<{width}}  {told[source].words}")
    print(f"{sum(answer.made for answer in told.values())} of {len(sources)} motions retargeted")
    return max(answer.exit_code for answer in told.values())


class _Told(NamedTuple):
    """The outcome for one motion of many: in words, as an exit code, and whether there is a robot motion."""

    words: str
    exit_code: int
    made: bool


def _tried(source: str, outputs: list[Path], arguments) -> _Told:
    """Retarget one motion of many; its error does not stop the others."""
    try:
        made = _one(source, outputs, arguments)
    except Exception as caught:
        if arguments.debug:
            traceback.print_exc()
        error = as_tavid_error(caught)
        return _Told(str(error), error.exit_code, False)
    return _Told(_sentence(made.motion, made.execution), _code(made.execution), True)


if __name__ == "__main__":
    sys.exit(main())
